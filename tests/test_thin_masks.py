"""Masks of a single slice and slabs end in a result or in one line, whichever voxels are sampled."""

from __future__ import annotations

import contextlib

import nibabel as nib
import numpy as np
import pytest

import mriseg
from mriseg.errors import MrisegError
from mriseg.evaluation.phantom import folded_ball, simulate
from mriseg.images.volume import new_volume


@pytest.fixture(scope="module")
def phantom():
    return simulate(*folded_ball(), noise=3, bias=0)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("offset", [0, 1, 2])
def test_a_mask_of_one_slice_is_no_traceback(phantom, tmp_path, axis, offset):
    brain = phantom.labels > 0
    slices = [slice(None)] * 3
    slices[axis] = slice(brain.shape[axis] // 2 + offset, brain.shape[axis] // 2 + offset + 1)
    mask = np.zeros(brain.shape, np.uint8)
    mask[tuple(slices)] = brain[tuple(slices)]
    nib.save(nib.Nifti1Image(mask, phantom.affine), tmp_path / "mask.nii.gz")
    scan = new_volume(phantom.data, phantom.affine, tmp_path / "ball_T1w.nii.gz")
    verdict = "refused"
    with contextlib.suppress(MrisegError):
        verdict = mriseg.segment(scan, mask=tmp_path / "mask.nii.gz").verdict
    assert verdict != "trust"


@pytest.mark.parametrize("planes", [2, 5])
def test_a_slab_is_no_traceback(phantom, tmp_path, planes):
    middle = phantom.data.shape[2] // 2
    slab = np.ascontiguousarray(phantom.data[:, :, middle : middle + planes])
    with pytest.raises(MrisegError):
        mriseg.segment(new_volume(slab, phantom.affine, tmp_path / "slab_T1w.nii.gz"))
