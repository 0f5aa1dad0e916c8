from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from heads import template_head
from real_scans import array_of, scan_of, truth_of
from scipy import ndimage

from mriseg.brain.outline import border_depths, outline_warnings
from mriseg.brain.surface import template_surface
from mriseg.images.reading import load_volume
from mriseg.template.head import load_template
from mriseg.template.registration import Registration, register_brain


@pytest.fixture(scope="module", params=["pumi", "ibsr07"])
def brain(request, scans):
    """A scan, its brain, and the places of its voxels in MNI space along three axes, mm."""
    volume = load_volume(scan_of(scans, request.param))
    if request.param == "pumi":
        mask = volume.to_canonical(array_of(truth_of(scans, "pumi", "desc-brain_mask")) > 0)
    else:
        mask = ndimage.binary_fill_holes(volume.data > 0)
    to_mni = np.linalg.inv(register_brain(volume, mask, load_template()).affine) @ volume.canonical_affine
    places = np.tensordot(to_mni[:3, :3], np.indices(mask.shape), axes=1) + to_mni[:3, 3, None, None, None]
    return volume, mask, places


def doubts(volume, mask):
    """What is said of a mask."""
    return outline_warnings(volume, mask, register_brain(volume, mask, load_template()))


def codes(volume, mask):
    return [warning.code for warning in doubts(volume, mask)]


def test_a_good_mask_raises_no_doubt(brain):
    volume, mask, _ = brain
    assert codes(volume, mask) == []


def test_a_missing_cerebellum_is_reported(brain):
    volume, mask, (_, y, z) = brain
    assert codes(volume, mask & ~((y < -35) & (z < -20))) == ["mask-part-missing"]


def test_a_missing_pole_is_reported_where_it_is(brain):
    volume, mask, (_, y, _) = brain
    (warning,) = doubts(volume, mask & (y < y[mask].max() - 25))
    assert warning.code == "mask-part-missing"
    assert "at the front" in warning.text


def test_what_lies_beyond_the_end_of_a_scan_was_not_cut_away(brain):
    """That the scan ends inside the brain is said by the check of the border, with its volume."""
    volume, mask, _ = brain
    top = np.flatnonzero(mask.any(axis=(0, 1)))[-1] - round(15 / volume.zooms[2])
    assert codes(replace(volume, data=volume.data[:, :, :top]), mask[:, :, :top]) == []
    assert codes(volume, mask & (np.arange(mask.shape[2]) < top - 10)) == ["mask-part-missing"]


@pytest.mark.parametrize("sign", [-1, 1])
def test_a_side_that_was_cut_off_is_reported(brain, sign):
    volume, mask, (x, _, _) = brain
    (warning,) = doubts(volume, mask & (sign * x < (sign * x)[mask].max() - 14))
    assert ("right" if sign > 0 else "left") in warning.text.split(" than ")[0]


def test_the_depth_of_the_border_is_that_of_the_cut():
    head, mask = template_head()
    surface = template_surface(load_template())
    upright = Registration(np.eye(4), 1.0)
    whole = border_depths(head, mask, upright, surface)
    eroded = ndimage.distance_transform_edt(mask, sampling=head.zooms) > 6
    assert abs(np.median(whole)) < 1
    assert np.median(border_depths(head, eroded, upright, surface) - whole) == pytest.approx(6, abs=1)


def test_half_a_brain_is_left_to_other_checks():
    head, mask = template_head()
    flat = Registration(np.diag([0.4, 1, 1, 1.0]), 1.0)
    assert outline_warnings(replace(head), mask, flat) == ()
