from __future__ import annotations

from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
from real_scans import scan_of

import mriseg
from mriseg.images.fill import intensity_zero, with_zero_around
from mriseg.images.reading import load_volume

BRAIN = np.random.default_rng(0).choice([60.0, 200.0, 280.0], 20_000) + np.random.default_rng(1).normal(
    0, 12, 20_000
)
STRIPS = ["ibsr01", "ibsr04", "ibsr07", "ibsr12", "ibsr16"]
FILLS = [-1000.0, "below the brain", 5000.0]


@pytest.mark.parametrize("fill", [-1e6, -1000, -200, -1, 0, 500, 5000])
def test_of_a_positive_brain_the_zero_is_that_of_the_file(fill):
    assert intensity_zero(BRAIN, np.float32(fill)) == 0


@pytest.mark.parametrize("offset", [-1024, -500, 0, 300, 1e5])
def test_the_zero_moves_with_the_brain_and_its_fill(offset):
    assert intensity_zero(BRAIN + offset, np.float32(offset)) == offset


@pytest.mark.parametrize(("factor", "offset"), [(1, -250), (0.01, -3), (1, 1e4), (1e-6, 1), (1, -1e4)])
def test_without_a_zero_in_the_file_it_lies_just_below_the_brain(factor, offset):
    """Z-scores with 0 around them; a brain far from a fill of 0."""
    zero = (float(intensity_zero(BRAIN * factor + offset, np.float32(0))) - offset) / factor
    assert abs(zero) < 0.1 * np.median(BRAIN)


def test_only_the_background_of_a_strip_is_moved(ball):
    scan = load_volume(ball)
    inside = scan.data != 0
    assert with_zero_around(scan) is scan
    moved = with_zero_around(replace(scan, data=np.where(inside, scan.data, np.float32(-1000))))
    np.testing.assert_array_equal(moved.data, scan.data)
    assert [(warning.code, warning.severity) for warning in moved.warnings] == [("background-moved", "note")]


def test_a_head_is_left_as_it_is(ball):
    scan = load_volume(ball)
    head = replace(scan, data=scan.data + np.random.default_rng(0).rayleigh(3, scan.data.shape) - 1024)
    assert with_zero_around(head) is head


@pytest.mark.slow
@pytest.mark.parametrize("name", STRIPS[:1])
def test_tissues_do_not_depend_on_the_fill(scans, name):
    scan = load_volume(scan_of(scans, name))
    inside = scan.data != 0
    plain = mriseg.segment(scan)
    for fill in FILLS:
        number = scan.data[inside].min() - scan.data[inside].std() if isinstance(fill, str) else fill
        found = mriseg.segment(replace(scan, data=np.where(inside, scan.data, np.float32(number))))
        for tissue, volume in plain.volumes.items():
            assert found.volumes[tissue].ml == pytest.approx(volume.ml, rel=0.02), fill


@pytest.mark.parametrize("fill", [-1000, 5000])
def test_channels_have_fills_of_their_own(ball, fill):
    scan = load_volume(ball)
    random = np.random.default_rng(5)
    second = scan.data + random.normal(0, 6, scan.data.shape).astype(np.float32)
    expected, found = (
        mriseg.segment(scan, channels=[_written(ball, np.where(scan.data != 0, second, number), scan)])
        for number in (0, fill)
    )
    for tissue, volume in expected.volumes.items():
        assert found.volumes[tissue].ml == pytest.approx(volume.ml, rel=0.02)


def _written(ball, data, scan):
    """Return the file of a channel on the grid of the ball."""
    path = ball.with_name("channel.nii.gz")
    nib.Nifti1Image(data.astype(np.float32), scan.canonical_affine).to_filename(path)
    return path
