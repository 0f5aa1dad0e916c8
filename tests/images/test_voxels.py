from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from mriseg.images.voxels import (
    FWHM_TO_SIGMA,
    bounding_box,
    coarsen,
    contiguous,
    faces,
    largest_component,
    voxels_of,
)


def test_the_bounding_box_is_the_smallest_that_holds_the_mask():
    mask = np.zeros((6, 7, 8), dtype=bool)
    mask[1, 6, 3] = mask[4, 2, 3] = True
    assert bounding_box(mask) == (slice(1, 5), slice(2, 7), slice(3, 4))
    assert bounding_box(~mask) == (slice(0, 6), slice(0, 7), slice(0, 8))


@pytest.mark.parametrize("axes", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (0, 2, 1)])
def test_a_copy_in_order_holds_the_same(axes):
    array = np.random.default_rng(0).normal(size=(5, 6, 7)).transpose(axes)[::-1]
    copy = contiguous(array)
    assert copy.flags.c_contiguous
    assert np.array_equal(copy, array)
    assert contiguous(copy) is copy


def test_faces_hold_the_outside_and_nothing_of_the_inside():
    array = np.zeros((5, 6, 7), dtype=int)
    array[1:-1, 1:-1, 1:-1] = 1
    assert not faces(array).any()
    assert len(faces(array)) == 2 * (5 * 6 + 5 * 7 + 6 * 7)
    for place in ((0, 2, 3), (4, 2, 3), (2, 0, 3), (2, 5, 3), (2, 3, 0), (2, 3, 6)):
        array[:] = 0
        array[place] = 1
        assert faces(array).sum() == 1


def test_parts_that_touch_by_an_edge_only_are_two():
    mask = np.zeros((4, 4, 1), dtype=bool)
    mask[:2, :2] = mask[2, 2] = mask[3, 3] = True
    kept = mask.copy()
    kept[2:] = False
    np.testing.assert_array_equal(largest_component(mask), kept)


def test_a_width_at_half_maximum_is_that():
    sigma = 10 * FWHM_TO_SIGMA
    assert np.exp(-(5**2) / (2 * sigma**2)) == pytest.approx(0.5)


def test_coarse_voxels_are_means_that_lie_in_the_middle_of_theirs():
    """Of a plane that rises evenly the means are the values of the middles, and smoothing changes nothing."""
    affine = np.array([[1.0, 0, 0, 5], [0, 1, 0, -7], [0, 0, 3, 2], [0, 0, 0, 1]])
    index = np.indices((12, 8, 5)).reshape(3, -1)
    data = ([1.0, -2.0, 0.5] @ (affine[:3, :3] @ index + affine[:3, 3:])).reshape(12, 8, 5)
    coarse, its_affine = coarsen(data.astype(np.float32), affine, 2.0)
    assert coarse.shape == (6, 4, 5)
    places = its_affine[:3, :3] @ np.indices(coarse.shape).reshape(3, -1) + its_affine[:3, 3:]
    np.testing.assert_allclose(coarse, ([1.0, -2.0, 0.5] @ places).reshape(coarse.shape), atol=1e-4)


def test_a_short_last_run_is_filled_by_its_last_voxel():
    data = np.arange(7, dtype=np.float32).reshape(7, 1, 1)
    coarse, _ = coarsen(data, np.eye(4), 3.0)
    np.testing.assert_allclose(coarse.ravel(), [1, 4, 6])


def test_voxels_coarser_than_asked_are_kept_as_they_are():
    data = np.random.default_rng(0).normal(size=(4, 5, 6)).astype(np.float32)
    coarse, affine = coarsen(data, np.diag([4.0, 4.0, 4.0, 1.0]), 3.0)
    np.testing.assert_array_equal(coarse, data)
    np.testing.assert_array_equal(affine, np.diag([4.0, 4.0, 4.0, 1.0]))


def test_what_is_finer_than_asked_is_smoothed_to_that_width():
    """A point in voxels of 2 mm, which cannot be averaged to 2.9 mm, becomes a Gaussian in width."""
    data = np.zeros((21, 21, 21), dtype=np.float32)
    data[10, 10, 10] = 1
    smooth, _ = coarsen(data, np.diag([2.0, 2.0, 2.0, 1.0]), 2.9)
    sigma = np.sqrt(2.9**2 - 2.0**2) / 2.0 * FWHM_TO_SIGMA
    np.testing.assert_allclose(smooth, ndimage.gaussian_filter(data, sigma, mode="nearest"), atol=1e-6)


@pytest.mark.parametrize("length", [2.0, 3.0, 4.0, 5.0])
@pytest.mark.parametrize("zoom", [0.8, 1.0, 1.2, 1.6, 2.0])
def test_a_length_in_voxels_does_not_depend_on_what_a_header_rounds_off(length, zoom):
    zooms = zoom * np.array([1 - 1e-6, 1, 1 + 1e-6])
    voxels = voxels_of(length, zooms)
    assert len(set(voxels.tolist())) == 1
    assert abs(voxels[1] - length / zoom) <= 0.5 + 1e-3
