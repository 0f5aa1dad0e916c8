from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from heads import template_head, volume_of
from scipy import ndimage

from mriseg.brain.checks import (
    mask_warnings,
    noise_warnings,
    registration_warnings,
    surroundings_warnings,
)
from mriseg.template.registration import Registration


def test_a_brain_cut_by_the_border_is_flagged():
    head, brain = template_head()
    cut = replace(head, data=head.data[:, :, :70])
    assert any("ends inside the brain" in doubt.text for doubt in mask_warnings(brain[:, :, :70], cut))


def test_a_tiny_mask_is_flagged():
    head, brain = template_head()
    small = ndimage.binary_erosion(brain, iterations=14)
    assert any("a human brain has" in doubt.text for doubt in mask_warnings(small, head))


@pytest.mark.parametrize("axis", range(3))
def test_lost_planes_inside_the_brain_are_flagged_and_those_beyond_it_are_not(axis):
    head, brain = template_head()
    first, last = np.flatnonzero(brain.any(axis=tuple({0, 1, 2} - {axis})))[[0, -1]]
    for planes, flagged in (
        ([first + 20], True),
        ([first + 20, last - 9], True),
        ([last + 2, first - 2], False),
    ):
        lost = head.data.copy()
        np.moveaxis(lost, axis, 0)[planes] = 7
        found = [doubt.text for doubt in mask_warnings(brain, replace(head, data=lost))]
        assert any(f"both neighbours: {len(planes)};" in text for text in found) == flagged


SHAPE, ZOOM = (70, 80, 60), 3.0
MIDDLE = (np.array(SHAPE) - 1) / 2
SCAN = volume_of(np.zeros(SHAPE), np.diag([ZOOM, ZOOM, ZOOM, 1.0]))


def ellipsoid(*axes, at=(0, 0, 0)):
    """A mask with these diameters in mm, off the middle by so many voxels."""
    grid = (np.moveaxis(np.indices(SHAPE), 0, -1) - MIDDLE - at) * ZOOM
    return np.linalg.norm(grid / (np.array(axes) / 2), axis=-1) < 1


def test_a_mask_of_usual_size_is_not_doubted():
    assert mask_warnings(ellipsoid(140, 175, 135), SCAN) == ()


@pytest.mark.parametrize(
    ("axes", "says"),
    [
        ((160, 165, 160), []),
        ((90, 200, 170), ["left to right"]),
        ((160, 110, 170), ["back to front"]),
        ((130, 150, 60), ["the brain mask holds 6", "bottom to top"]),
        ((105, 120, 90), ["the brain mask holds 5"]),
        ((200, 210, 175), ["the brain mask holds 3"]),
    ],
)
def test_what_is_unusual_about_a_mask_is_said_and_nothing_else(axes, says):
    doubts = mask_warnings(ellipsoid(*axes), SCAN)
    assert [part in doubt.text for part, doubt in zip(says, doubts, strict=True)] == [True] * len(says)


def test_infants_may_have_less():
    small = ellipsoid(85, 100, 75)
    assert len(mask_warnings(small, SCAN)) == 4
    assert mask_warnings(small, SCAN, "t1-infant") == ()


def test_faces_on_the_border_are_measured_in_square_centimetres():
    mask = np.zeros(SHAPE, dtype=bool)
    mask[:45, 15:65, 8:52] = True  # 50 x 44 faces of 9 mm2 lie on the border
    (doubt,) = (doubt for doubt in mask_warnings(mask, SCAN) if "border" in doubt.text)
    assert "198 cm2" in doubt.text
    assert "837 mL" in doubt.text  # half of an ellipsoid of 1675 mL: more than half is not told from it


@pytest.mark.parametrize(
    ("axis", "depth", "severity"),
    [
        (0, 6, None),
        (0, 15, "note"),
        (0, 36, "look closely"),
        (1, 9, None),
        (1, 18, "note"),
        (1, 45, "look closely"),
        (2, 6, None),
        (2, 15, "note"),
        (2, 30, "look closely"),
    ],
)
def test_what_lies_beyond_the_end_of_a_scan_is_estimated(axis, depth, severity):
    """Of an ellipsoid of a brain's size, cut by a plane: less is a note, more costs the trust."""
    zoom, half_axes = 3.0, np.array([68.0, 84.0, 60.0])
    grid = (np.moveaxis(np.indices((60, 60, 60)), 0, -1) - 29.5) * zoom
    brain = np.linalg.norm(grid / half_axes, axis=-1) < 1
    cut = brain.swapaxes(0, axis)[: round((29.5 * zoom + half_axes[axis] - depth) / zoom) + 1].swapaxes(
        0, axis
    )
    scan = replace(SCAN, data=np.where(cut, 100, 0).astype(np.float32))
    found = [warning for warning in mask_warnings(cut, scan) if warning.code == "mask-border"]
    assert [warning.severity for warning in found] == [severity] * (severity is not None)
    if found:
        missing = (np.count_nonzero(brain) - np.count_nonzero(cut)) * zoom**3 / 1000
        stated = float(re.search(r"some (\d+) mL", found[0].text).group(1))
        assert stated == pytest.approx(missing, rel=0.2)


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize(("width", "differ"), [(140, True), (170, False)])
def test_halves_are_told_by_the_midplane_of_the_template(side, width, differ):
    """Moved by 3 mm, halves of an ellipsoid differ by 1.5 times that over half its width: 6.4 or 5.3%."""
    affine = np.eye(4)
    affine[:3, 3] = MIDDLE * ZOOM  # template to scan
    mask = ellipsoid(width, 175, 135, at=(side, 0, 0))
    doubts = registration_warnings(mask, SCAN, Registration(affine, 0.5))
    assert ["halves" in doubt.text for doubt in doubts] == [True] * differ


def test_a_template_that_fits_poorly_is_said():
    affine = np.eye(4)
    affine[:3, 3] = MIDDLE * ZOOM
    (doubt,) = registration_warnings(ellipsoid(140, 175, 135), SCAN, Registration(affine, 0.34))
    assert "explains 34%" in doubt.text
    assert registration_warnings(ellipsoid(140, 175, 135), SCAN, Registration(affine, 0.36)) == []


@pytest.mark.parametrize(("first_mm", "flagged"), [(2, True), (20, False)])
def test_noise_next_to_the_brain_is_flagged_and_that_of_air_is_not(first_mm, flagged):
    head, brain = template_head()
    noise = ndimage.distance_transform_edt(~brain, sampling=head.zooms) > first_mm
    noise[: len(noise) // 2] = False
    assert bool(noise_warnings(brain, noise, head.zooms)) == flagged
    assert noise_warnings(brain, np.zeros_like(brain), head.zooms) == []


@pytest.mark.parametrize("sd", [0.0, 0.05, 0.12])
def test_noise_around_a_stripped_brain_is_no_head_and_noise_on_a_head_leaves_it_one(sd):
    head, brain = template_head()
    wide = ndimage.binary_dilation(brain, iterations=3)
    noise = np.random.default_rng(4).normal(0, sd * np.percentile(head.data[brain], 80), head.data.shape)
    bare = np.where(brain, head.data, 0)
    for data, says in ((head.data, []), (bare, ["head-missing"])):
        noisy = replace(head, data=(data + noise).astype(np.float32))
        assert [doubt.code for doubt in surroundings_warnings(wide, noisy)] == says
        magnitude = replace(head, data=np.abs(noisy.data))
        assert [doubt.code for doubt in surroundings_warnings(wide, magnitude)] == says
