from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from heads import dice, volume_of
from real_scans import array_of, scan_of, truth_of
from scipy import ndimage

import mriseg
from mriseg.images.background import is_stripped, stripped_mask
from mriseg.images.reading import load_volume
from mriseg.images.rim import rim_widths, without_rim

RADIUS = np.linalg.norm(np.moveaxis(np.indices((64, 64, 64)), 0, -1) * 3.0 - 94.5, axis=-1)
AFFINE = np.diag([3.0, 3.0, 3.0, 1.0])
BALL = np.where(RADIUS < 70, np.float32(100), np.float32(0))
SMOOTH = ndimage.gaussian_filter(BALL, 0.6)
NOISE = np.random.default_rng(0).normal
CHANGES = {
    "linear": lambda data: ndimage.rotate(data, 9, axes=(0, 2), reshape=False, order=1),
    "spline": lambda data: ndimage.rotate(data, -7, axes=(1, 2), reshape=False, order=3),
    "smooth": lambda data: ndimage.gaussian_filter(data, 0.5),
    "noise": lambda data: data + NOISE(0, 0.02 * np.percentile(data, 99), data.shape).astype(np.float32),
}


@pytest.fixture(scope="module")
def brain(scans):
    """A brain, stripped by its mask, and the mask."""
    head = load_volume(scan_of(scans, "pumi"))
    mask = head.to_canonical(array_of(truth_of(scans, "pumi", "desc-brain_mask")) > 0)
    return replace(head, data=np.where(mask, head.data, np.float32(0))), mask


@pytest.mark.parametrize("change", ["linear", "spline", "smooth", "noise"])
def test_a_brain_changed_after_it_was_stripped_keeps_its_mask(brain, change):
    scan, mask = brain
    changed = CHANGES[change](scan.data)
    moved = mask if change in ("smooth", "noise") else CHANGES[change](mask.astype(np.float32)) >= 0.5
    found = without_rim(replace(scan, data=changed))
    assert is_stripped(found)
    assert dice(stripped_mask(found), moved) > 0.98
    assert [warning.severity for warning in found.warnings[len(scan.warnings) :]] == ["note"]


@pytest.mark.parametrize(("share", "magnitude"), [(0.05, False), (0.12, False), (0.1, True)])
def test_a_brain_is_cut_out_of_noise_that_hides_its_border_and_a_head_is_not(brain, scans, share, magnitude):
    scan, mask = brain
    head = load_volume(scan_of(scans, "pumi"))
    random = np.random.default_rng(1)
    sd = share * np.percentile(scan.data[mask], 80)
    noise = random.normal(0, sd, (2, *mask.shape)).astype(np.float32)

    def noisy(data):
        return np.hypot(data + noise[0], noise[1]) if magnitude else data + noise[0]

    found = without_rim(replace(scan, data=noisy(scan.data)))
    assert is_stripped(found)
    assert dice(stripped_mask(found), mask) > 0.97
    assert [warning.code for warning in found.warnings] == ["noise-over-background"]
    whole = replace(head, data=noisy(head.data))
    assert without_rim(whole) is whole


def test_a_brain_of_z_scores_on_zero_is_left_alone(brain):
    scan, mask = brain
    inside = scan.data[mask]
    scores = np.where(mask, (scan.data - inside.mean()) / inside.std(), np.float32(0))
    scored = replace(scan, data=scores.astype(np.float32))
    assert without_rim(scored) is scored
    assert dice(stripped_mask(scored), mask) > 0.999


def test_whatever_the_unit_and_the_zero_of_the_intensities(brain):
    scan, _ = brain
    turned = CHANGES["spline"](scan.data)
    masks = [
        stripped_mask(without_rim(replace(scan, data=(turned * np.float32(scale) + np.float32(zero)))))
        for scale, zero in ((1, 0), (1, -1024), (1e-3, 0), (1e4, 0))
    ]
    assert min(dice(mask, masks[0]) for mask in masks) > 0.999


def test_tissues_of_a_turned_brain_keep_their_volumes(brain):
    scan, _ = brain
    turned = replace(scan, data=CHANGES["linear"](scan.data))
    plain, found = (mriseg.segment(volume) for volume in (scan, turned))
    assert found.verdict == plain.verdict == "trust"
    for tissue, tolerance in (("GM", 0.05), ("WM", 0.05)):
        assert found.volumes[tissue].ml == pytest.approx(plain.volumes[tissue].ml, rel=tolerance)


@pytest.mark.parametrize("name", ["ibsr07", "xa30"])
def test_exact_strips_and_whole_heads_stay_as_they_are(scans, name):
    volume = load_volume(scan_of(scans, name))
    assert without_rim(volume) is volume


def test_the_intensities_in_the_rim_are_those_of_the_brain():
    found = without_rim(volume_of(SMOOTH, AFFINE))
    brain = found.data != 0
    before, after = (np.abs(data[brain] - 100).mean() for data in (SMOOTH, found.data))
    assert after < 0.7 * before


def test_a_ball_cut_at_the_half_keeps_its_volume():
    found = without_rim(volume_of(SMOOTH, AFFINE))
    assert np.count_nonzero(found.data) == pytest.approx(np.count_nonzero(BALL), rel=0.03)
    assert np.count_nonzero(SMOOTH) > 1.2 * np.count_nonzero(BALL)


def test_the_rim_is_as_wide_as_the_kernel():
    wide = [rim_widths(data, data > 2) for data in (BALL, SMOOTH, ndimage.gaussian_filter(BALL, 1.2))]
    assert wide[0] == (0, 0, 0)
    assert max(wide[0]) < min(wide[1]) <= min(wide[2])
    assert min(wide[2]) >= 2


def test_a_scan_said_to_be_stripped_needs_no_proof():
    ring = np.select([RADIUS < 63, RADIUS < 72, RADIUS < 80], [100, 20, 90], 0)
    head = volume_of(ndimage.gaussian_filter(ring.astype(np.float32), 0.5), AFFINE)
    assert without_rim(head) is head
    assert without_rim(head, stripped=True) is not head


def test_without_a_bright_foreground_nothing_is_done():
    for data in (-BALL, np.zeros_like(BALL)):
        scan = volume_of(data, AFFINE)
        assert without_rim(scan) is scan
