from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from mriseg.labels.tissues import GM, WM
from mriseg.quality.label_figures import (
    asymmetry,
    deep_grey,
    deep_white,
    edge_sharpness,
    largest_region,
    out_of_place,
    right_half,
    speckle,
)

ONE = (1, 1, 1)


@pytest.fixture
def halves():
    """WM beside GM, in voxels."""
    labels = np.full((40, 30, 30), GM.index, dtype=np.uint8)
    labels[20:] = WM.index
    return labels


def test_speckle_counts_single_voxels_only(halves):
    assert speckle(halves, GM.index, WM.index, ONE) == 0
    spotted = halves.copy()
    spotted[30, 5:25:4, 5:25:4] = GM.index
    inner = np.count_nonzero(spotted[1:-1, 1:-1, 1:-1] == GM.index)
    assert speckle(spotted, GM.index, WM.index, ONE) == pytest.approx(25 / inner)
    assert speckle(spotted, WM.index, GM.index, ONE) == 0
    assert np.isnan(speckle(np.zeros_like(halves), GM.index, WM.index, ONE))


def test_speckle_is_sampled(halves):
    noisy = halves.copy()
    noisy[20:][np.random.default_rng(0).random((20, 30, 30)) < 0.1] = GM.index
    whole = speckle(noisy, GM.index, WM.index, ONE)
    assert speckle(noisy, GM.index, WM.index, (2, 2, 2)) == pytest.approx(whole, rel=0.3)
    assert whole > 0.02


def test_tissues_out_of_place():
    log_odds = np.repeat([-6.0, 0.0, 6.0], 100).astype(np.float32)
    labels = np.repeat([GM.index, GM.index, WM.index], 100).astype(np.uint8)
    labels[-25:], labels[:10] = GM.index, WM.index
    assert out_of_place(labels, GM.index, deep_white(log_odds)) == 0.25
    assert out_of_place(labels, WM.index, deep_grey(log_odds)) == 0.1
    assert np.isnan(out_of_place(labels, WM.index, deep_grey(0 * log_odds)))


@pytest.mark.parametrize("scale", [1.0, -250.0])
@pytest.mark.parametrize("sigma", [1.0, 2.0])
def test_a_blurred_edge_has_the_slope_of_the_blur(halves, sigma, scale):
    """Between the voxels beside a step that was blurred: about the density of the Gaussian in its middle."""
    zooms = np.array([0.8, 1.0, 1.0])
    scan = scale * ndimage.gaussian_filter1d(70.0 + 30.0 * (halves == WM.index), sigma / zooms[0], axis=0)
    expected = 1 / (sigma * np.sqrt(2 * np.pi))
    for steps in (ONE, (2, 2, 2), (3, 1, 2)):
        found = edge_sharpness(scan, halves, 30.0 * scale, zooms, steps)
        if steps[0] == 1:
            assert found == pytest.approx(expected, rel=0.05)
        assert np.isnan(found) or found == pytest.approx(expected, rel=0.05)
    sharp = edge_sharpness(70.0 + 30.0 * (halves == WM.index), halves, 30.0, zooms, ONE)
    assert sharp == pytest.approx(1 / 0.8)
    assert np.isnan(edge_sharpness(scan, 0 * halves, 30.0, zooms, ONE))


def test_halves_by_the_template_or_by_the_middle():
    brain = np.ones((11, 4, 4), dtype=bool)
    affine = np.eye(4)
    affine[0, 3] = -5.0
    for half in (right_half(brain, affine), right_half(brain, None)):
        assert np.flatnonzero(half[:, 0, 0]).tolist() == [6, 7, 8, 9, 10]
    turned = np.array([[0, 1, 0, -1.5], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])
    assert np.flatnonzero(right_half(brain, turned)[0, :, 0]).tolist() == [2, 3]
    assert np.isnan(asymmetry(0, 0))
    assert asymmetry(1, 3) == -asymmetry(3, 1)


def test_the_largest_region_and_its_place():
    mask = np.zeros((20, 20, 20), dtype=bool)
    assert largest_region(mask) is None
    mask[2:4, 2:4, 2:4] = True
    mask[10:13, 10:13, 10:16] = True
    assert largest_region(mask) == (54, (11.0, 11.0, 12.5))
