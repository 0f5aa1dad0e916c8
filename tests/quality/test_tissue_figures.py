from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from mriseg.images.voxels import FWHM_TO_SIGMA
from mriseg.quality.tissue_figures import (
    UNKNOWN,
    TissueLevel,
    autocorrelations,
    cjv,
    clipped_shares,
    cnr,
    fwhm,
    interior,
    inu,
    jaggedness,
    rpve,
    snr,
    tissue_level,
)


@pytest.fixture
def rng():
    return np.random.default_rng(2)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("known", [5.0, 40.0])
def test_known_noise_gives_the_known_snr(rng, known, scale):
    values = scale * (known + rng.normal(0, 1, 100_000))
    assert snr(tissue_level(values)) == pytest.approx(known, rel=0.01)


def test_too_few_voxels_or_no_noise_give_no_snr():
    assert np.isnan(snr(UNKNOWN))
    assert tissue_level(np.ones(5)) == UNKNOWN or np.isnan(tissue_level(np.ones(5)).sd)
    assert np.isnan(snr(tissue_level(np.ones(100))))


def test_contrast_over_noise_as_by_hand():
    white, grey = TissueLevel(100.0, 3.0, 3.5, 1000), TissueLevel(70.0, 4.0, 5.5, 1000)
    assert cnr(white, grey, 12.0) == pytest.approx(30 / 13)
    assert cnr(white, grey, np.nan) == pytest.approx(6)
    assert cjv(white, grey) == pytest.approx(0.3)
    assert cnr(grey, white, 12.0) == cnr(white, grey, 12.0)
    assert np.isnan(cjv(white, white))


def test_the_interior_has_neighbours_of_its_own():
    sure = np.zeros((9, 9, 9), dtype=np.uint8)
    sure[1:8, 1:8, 1:8] = 2
    sure[4:, :, :][sure[4:, :, :] > 0] = 1
    inner = interior(sure, np.ones(3), (1, 1, 1))
    expected = np.zeros((7, 7, 7), dtype=np.uint8)
    expected[1:2, 1:6, 1:6], expected[4:6, 1:6, 1:6] = 2, 1
    np.testing.assert_array_equal(inner, expected)
    np.testing.assert_array_equal(interior(sure, np.full(3, 2.0), (1, 1, 1)), sure[1:-1, 1:-1, 1:-1])
    np.testing.assert_array_equal(interior(sure, np.ones(3), (2, 3, 1)), inner[::2, ::3])


@pytest.mark.parametrize("steps", [(1, 1, 1), (2, 2, 2), (3, 2, 1)])
@pytest.mark.parametrize("width", [2.0, 3.5])
def test_blurred_white_noise_has_the_fwhm_of_the_blur(rng, width, steps):
    zooms = np.array([1.0, 0.8, 1.2])
    noise = ndimage.gaussian_filter(
        rng.normal(size=(90, 90, 90)).astype(np.float32), width * FWHM_TO_SIGMA / zooms, mode="wrap"
    )
    tissue = np.ones(noise.shape, dtype=np.uint8)
    tissue[:, 40:] = 2
    means = np.array([0.0, 30.0, 70.0])
    found = fwhm(autocorrelations(noise + means[tissue], tissue, means, (1, 1, 1), steps), zooms)
    assert found == pytest.approx([width] * 3, rel=0.05)


@pytest.mark.parametrize("times", [2, 3])
def test_repeated_voxels_look_the_same_from_whatever_voxel_one_starts(rng, times):
    """Steps of as many voxels as each is repeated would see equal neighbours alone, or none of them."""
    noise = rng.normal(size=(24, 24, 24)).astype(np.float32)
    for axis in range(3):
        noise = noise.repeat(times, axis)
    tissue, found = np.ones(noise.shape, dtype=np.uint8), []
    for start in range(times):
        cut = tuple([slice(start, None)] * 3)
        steps = (times, times, times)
        found += autocorrelations(noise[cut], tissue[cut], np.zeros(2), (1, 1, 1), steps)
    assert found == pytest.approx([1 - 1 / times] * len(found), abs=0.02)


def test_a_width_beyond_what_neighbours_can_tell_is_unknown():
    # A Gaussian of w voxels makes neighbours correlate by 2 ** (-2 / w**2).
    widths = np.array([5.0, 15.0, 90.0])
    found = fwhm((2 ** (-2 / widths**2)).tolist(), np.full(3, 0.5))
    assert found == pytest.approx([2.5, 7.5, np.nan], nan_ok=True)


def test_white_noise_and_equal_neighbours(rng):
    assert fwhm([-0.1, 0.0, 1.0], np.ones(3)) == pytest.approx([0, 0, np.nan], nan_ok=True)
    noise, tissue = rng.normal(size=(40, 40, 40)), np.ones((40, 40, 40), dtype=np.uint8)
    assert autocorrelations(noise, tissue, np.zeros(2), (1, 4, 2), (1, 1, 1)) == pytest.approx(
        [0] * 3, abs=0.02
    )
    assert np.isnan(autocorrelations(noise, 0 * tissue, np.zeros(1), (1, 1, 1), (1, 1, 1))).all()
    assert np.isnan(autocorrelations(noise, tissue, np.zeros(2), (50, 1, 1), (1, 1, 1))[0])


def test_ringing_correlates_along_its_axis(rng):
    """Waves of 8 voxels along the second axis: half a period apart they are opposite."""
    waves = np.sin(np.arange(48) * np.pi / 4)[None, :, None] + 0.3 * rng.normal(size=(48, 48, 48))
    tissue = np.ones(waves.shape, dtype=np.uint8)
    x, y, z = autocorrelations(waves, tissue, np.zeros(2), (4, 4, 4), (1, 1, 1))
    assert y < -0.7
    assert min(x, z) > 0.7


@pytest.mark.parametrize("zooms", [(1, 1, 1), (1, 1, 3), (2, 1, 1)])
@pytest.mark.parametrize("axis", range(3))
def test_slices_that_moved_are_jagged_along_their_axis(rng, zooms, axis):
    """In each slice another part of a smooth image, and white noise over all."""
    zooms = np.array(zooms, dtype=float)
    image = ndimage.gaussian_filter(rng.normal(size=(60, 60, 60)), 5 / zooms)
    signal = (image / image.std() + rng.normal(0, 0.05, image.shape)).astype(np.float32)
    mask = np.ones(signal.shape, dtype=bool)
    still = jaggedness(signal, mask, zooms, (1, 1, 1))
    assert still == pytest.approx([1] * 3, abs=0.2)
    moved = np.moveaxis(signal.copy(), axis, 0)
    for plane in moved:
        plane[...] = np.roll(plane, rng.integers(-4, 5, 2), (0, 1))
    found = jaggedness(np.moveaxis(moved, 0, axis), mask, zooms, (2, 2, 2))
    assert found[axis] > 1.3
    assert np.argmax(found) == axis
    # Half the brain is enough to tell; outside nothing counts.
    mask[:, :, 30:] = False
    assert np.argmax(jaggedness(np.moveaxis(moved, 0, axis), mask, zooms, (1, 1, 1))) == axis


def test_where_nothing_differs_or_voxels_lack_nothing_is_jagged():
    ones = np.ones((9, 9, 9), dtype=np.float32)
    assert np.isnan(jaggedness(ones, ones > 0, np.ones(3), (1, 1, 1))).all()
    assert np.isnan(jaggedness(ones, ones < 0, np.ones(3), (1, 1, 1))).all()


def test_residual_partial_volume_falls_as_voxels_are_mixed(rng):
    pure = (rng.random(10_000) < 0.5).astype(np.float32)
    mixed = rng.random(10_000).astype(np.float32)
    assert rpve(pure) == 1
    assert rpve(mixed) == pytest.approx(0.75 - 0.04 * 0.99, abs=0.005)  # without its ends
    assert np.isnan(rpve(np.zeros(10)))


@pytest.mark.parametrize("share", [0.0, 0.05, 0.4])
def test_clipped_shares_are_those_that_were_clipped(rng, share):
    values = rng.gamma(20, 5, 50_000)
    low, high = np.quantile(values, [share / 2, 1 - share])
    floor, ceiling = clipped_shares(np.clip(values, low, high).astype(np.float32))
    assert floor == pytest.approx(share / 2, abs=0.005)
    assert ceiling == pytest.approx(share, abs=0.005)


def test_the_range_of_the_field_is_relative_to_its_median():
    field = np.linspace(0.8, 1.2, 1001)
    assert inu(field)["inu_range"] == pytest.approx(0.36)
    assert inu(field[:0]) == {}
    assert inu(3 * field) == {
        "inu_range": pytest.approx(0.36), "inu_med": pytest.approx(3.0)
    }  # fmt: skip
