from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
from heads import dice, template_head
from nibabel.orientations import apply_orientation, axcodes2ornt, inv_ornt_aff

import mriseg
from mriseg.errors import OptionError


@pytest.fixture(scope="module")
def head():
    volume, brain = template_head()
    return volume.data, brain, volume.canonical_affine


@pytest.mark.parametrize("axes", ["RAS", "LPS", "SAL"])
def test_the_mask_is_on_the_grid_of_the_file(head, axes):
    data, brain, affine = head
    order = nib.orientations.ornt_transform(axcodes2ornt("RAS"), axcodes2ornt(axes))
    stored = apply_orientation(data, order)
    image = nib.Nifti1Image(stored, affine @ inv_ornt_aff(order, data.shape))
    found = mriseg.brain_mask(image)
    assert dice(found.mask, apply_orientation(brain, order)) > 0.95
    np.testing.assert_allclose(found.mask_image.affine, image.affine, atol=1e-5)
    np.testing.assert_array_equal(np.asarray(found.mask_image.dataobj) > 0, found.mask)
    assert found.ml == pytest.approx(found.mask.sum() * abs(np.linalg.det(affine)) / 1000)
    assert repr(found) == f"<BrainMask of image.nii: {found.ml:.0f} mL (template surface); {found.verdict}>"


def test_the_mask_is_that_of_a_segmentation_and_may_be_given_to_one(head):
    data, _, affine = head
    image = nib.Nifti1Image(data[::-1], affine)
    found, result = mriseg.brain_mask(image), mriseg.segment(image, mask=None)
    assert found.contrast == result.contrast
    assert dice(found.mask, result.mask) > 0.99
    np.testing.assert_array_equal(mriseg.segment(image, mask=found.mask_image).mask, found.mask)


def test_an_unknown_contrast_is_refused(head):
    with pytest.raises(OptionError, match="auto, t1, t2, pd, flair"):
        mriseg.brain_mask(nib.Nifti1Image(head[0], head[2]), "ct")
