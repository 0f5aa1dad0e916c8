from __future__ import annotations

import numpy as np
import pytest
from heads import volume_of

from mriseg.errors import MaskError
from mriseg.images.background import background_intensity, is_stripped, stripped_mask, with_signal

RADIUS = np.linalg.norm(np.moveaxis(np.indices((60, 60, 60)), 0, -1) * 3.0 - 88.5, axis=-1)
AFFINE = np.diag([3.0, 3.0, 3.0, 1.0])


def made(*shells, background=0.0):
    """A ball of shells, each with its radius in mm and its intensity, the innermost first."""
    inside = [radius > RADIUS for radius, _ in shells]
    noise = np.random.default_rng(0).normal(0, 2, RADIUS.shape)
    values = np.select(inside, [level + noise for _, level in shells], background)
    return volume_of(values, AFFINE)


def test_a_ball_on_a_constant_background_is_stripped():
    assert is_stripped(made((70, 100)))


def test_whatever_the_constant_background_is():
    assert is_stripped(made((70, 100), background=-50.0))
    assert is_stripped(made((70, -100), background=50.0))


def test_a_dark_ring_beneath_the_surface_is_a_skull():
    assert not is_stripped(made((66, 100), (75, 20), (83, 90)))
    assert is_stripped(made((66, 100), (75, 95), (83, 90)))


def test_more_than_a_brain_is_no_stripped_brain():
    assert is_stripped(made((83, 100)))  # 2.4 litres
    assert not is_stripped(made((86, 100)))  # 2.7 litres


def test_noise_around_the_head_is_no_constant_background():
    scan = made((70, 100))
    scan.data[RADIUS >= 70] += np.random.default_rng(1).normal(10, 3, np.count_nonzero(RADIUS >= 70))
    assert not is_stripped(scan)
    with pytest.raises(MaskError, match=r"made\.nii\.gz: has no constant background"):
        stripped_mask(scan)


def test_the_mask_is_the_largest_component_without_holes():
    scan = made((70, 100))
    scan.data[RADIUS < 20] = 0  # a hole
    scan.data[:2, :2, :2] = 80  # a crumb
    np.testing.assert_array_equal(stripped_mask(scan), RADIUS < 70)


def test_voxels_without_signal_leave_the_mask_of_a_stripped_scan():
    scan = made((70, 100))
    wide = RADIUS < 80
    np.testing.assert_array_equal(with_signal(wide, scan.data), RADIUS < 70)
    scan.data[RADIUS < 10] = 0
    np.testing.assert_array_equal(with_signal(wide, scan.data), (RADIUS < 70) & (RADIUS >= 10))


def test_a_mask_stays_where_a_head_is_around_it_or_nothing_would_be_left():
    head = made((60, 100), (83, 50))
    assert with_signal(RADIUS < 60, head.data).sum() == np.count_nonzero(RADIUS < 60)
    empty = RADIUS > 95
    np.testing.assert_array_equal(with_signal(empty, made((70, 100)).data), empty)


@pytest.mark.parametrize(("constant", "expected"), [(True, 1.0), (False, 0.5)])
def test_the_background_is_the_middle_intensity_of_the_faces(constant, expected):
    data = np.full((6, 6, 6), 3, dtype=np.float32)
    data[1:-1, 1:-1, 1:-1] = 100
    if not constant:
        data[:, :, :3] += np.float32(1)  # the lower half of the faces is brighter
    intensity, share = background_intensity(data)
    assert intensity in data[0]
    assert intensity.dtype == np.float32
    assert share == pytest.approx(expected)
