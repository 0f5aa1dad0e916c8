from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from mriseg.quality.air_figures import (
    air_mask,
    artefacts,
    efc,
    fber,
    ghost,
    head_mask,
    qi1,
    qi2,
    robust_sd,
    slope,
    smears,
    snr_dietrich,
    without_ghost,
    wm2max,
)
from mriseg.quality.image_quality import _air_figures
from mriseg.quality.view import Surroundings

SHAPE, ZOOMS = (40, 48, 44), np.full(3, 4.0)


@pytest.fixture
def rng():
    return np.random.default_rng(5)


@pytest.fixture
def head():
    """A ball in the middle of blocks of 4 mm."""
    grid = np.moveaxis(np.indices(SHAPE), 0, -1) - (np.array(SHAPE) - 1) / 2
    return np.linalg.norm(grid, axis=-1) < 11


@pytest.fixture
def brain(head):
    return head & (np.indices(SHAPE)[2] > SHAPE[2] / 2 - 4)


@pytest.fixture
def air(head, brain):
    return air_mask(head, brain, ZOOMS)


@pytest.fixture
def signal(head, rng):
    return (head + np.abs(rng.normal(0, 0.02, SHAPE))).astype(np.float32)


def test_air_is_away_from_the_head_and_not_below_the_brain(head, brain, air, signal):
    np.testing.assert_array_equal(head_mask(signal, brain, 0.5), head)
    lowest = np.flatnonzero(brain.any(axis=(0, 1)))[0]
    assert not air[:, :, :lowest].any()
    assert air[0, 0, lowest]
    row = np.flatnonzero(air[:, 24, 22])
    assert np.flatnonzero(head[:, 24, 22])[0] - row[row < 20].max() == 3  # 12 mm


@pytest.mark.parametrize("level", [20.0, 60.0])
def test_dietrichs_snr_is_that_of_rayleigh_noise(rng, level):
    """Magnitudes of complex noise of a sd of 2: the known SNR is the level over 2, but for the median."""
    noise = np.hypot(*rng.normal(0, 2.0, (2, 200_000)))
    by_sd = snr_dietrich(level, float(noise.std()))
    assert by_sd == pytest.approx(level / 2, rel=0.01)
    assert snr_dietrich(level, robust_sd(noise)) == pytest.approx(level / 2, rel=0.05)


def test_constant_air_has_no_noise():
    assert np.isnan(snr_dietrich(1.0, robust_sd(np.zeros(1000))))
    assert np.isnan(snr_dietrich(1.0, robust_sd(np.zeros(3))))
    assert np.isnan(fber(np.ones(100), np.zeros(100)))
    assert np.isnan(fber(np.ones(100), np.zeros(0)))


def test_entropy_is_between_that_of_one_voxel_and_that_of_equal_ones(rng):
    single = np.zeros(1000)
    single[7] = 5.0
    assert efc(single, 1000) == pytest.approx(0, abs=1e-9)
    assert efc(np.full((10, 10, 10), 3.0), 1000) == pytest.approx(1)
    assert np.isnan(efc(np.zeros(10), 10))
    x = rng.gamma(1.0, 1.0, (40, 50, 60))
    assert efc(17 * x, x.size) == pytest.approx(efc(x, x.size))
    assert efc(x[::2, ::2, ::2], x.size) == pytest.approx(efc(x, x.size), rel=0.01)


def test_artefacts_are_bright_clusters_in_air(signal, air):
    assert not artefacts(signal, air).any()
    bright = signal.copy()
    bright[2:5, 2:5, 30:33] = 1.0  # its cross survives the removal of single voxels
    bright[8, 8, 30] = 1.0
    found = artefacts(bright, air)
    assert np.count_nonzero(found) == 19 - 12  # a cube of 27 opened by a cross keeps what crosses cover
    assert found[3, 3, 31]
    assert not found[8, 8, 30]
    assert qi1(air, found) == pytest.approx(np.count_nonzero(found) / np.count_nonzero(air))
    assert np.isnan(qi1(np.zeros_like(air), found))


def test_noise_of_a_chi_squared_distribution_fits_and_ghosts_do_not(rng):
    noise = 0.005 * rng.chisquare(6, 100_000)
    ghosts = np.append(noise, rng.uniform(0.05, 0.2, 20_000))
    assert qi2(noise, 1.0) < 0.3 * qi2(ghosts, 1.0)
    assert qi2(31 * noise, 31.0) == pytest.approx(qi2(noise, 1.0), rel=1e-6)
    assert np.isnan(qi2(noise[:100], 1.0))
    assert np.isnan(qi2(np.zeros(5000), 1.0))
    assert np.isnan(qi2(noise, np.nan))


def test_white_matter_over_the_brightest():
    assert wm2max(0.5, np.linspace(0, 1, 100_001)) == pytest.approx(0.5, rel=1e-3)


@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize("amplitude", [0.05, 0.2])
def test_a_ghost_raises_the_figure_of_its_axis_by_its_amplitude(signal, head, air, axis, amplitude):
    ghostly = signal + amplitude * np.roll(head, SHAPE[axis] // 2, axis)
    for other in range(3):
        clean = ghost(signal, head, air, other)
        assert clean == pytest.approx(0, abs=0.002)
        if other == axis:
            assert ghost(ghostly, head, air, other) == pytest.approx(clean + amplitude, rel=0.05)
        else:
            assert ghost(ghostly, head, air, other) < 0.5 * amplitude


@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize("shares", [(0.3,), (0.3, 0.7), (0.2, 0.35, 0.65, 0.8)])
def test_ghosts_at_other_distances_raise_the_smear_of_their_axis(signal, head, air, axis, shares):
    ghosts = [np.roll(head, round(share * SHAPE[axis]), axis) for share in shares]
    ghostly = signal + 0.1 * np.sum(ghosts, axis=0)
    found = smears(ghostly, head, air) - smears(signal, head, air)
    assert int(np.argmax(found)) == axis
    assert found[axis] > 0.01


@pytest.mark.parametrize(("in_scan", "without_field", "moved"), [(1, 0, False), (0, 1, False), (1, 1, True)])
def test_air_that_only_a_field_brightens_is_no_motion(signal, head, air, in_scan, without_field, moved):
    """Some reconstructions brighten the noise of air by the receive field, in others its correction does."""
    lines = 0.06 * head.any(axis=1, keepdims=True)
    found = smear_figures(signal, head, air, in_scan * lines, without_field * lines)
    # The mean over the axes, a third of it, is taken off.
    assert bool(found[1] > 0.03) == moved


def test_air_that_is_brighter_on_all_sides_of_the_head_is_no_motion(signal, head, air):
    around = sum(0.06 * head.any(axis=axis, keepdims=True) for axis in range(3))
    clean, bright = (smear_figures(signal, head, air, more, more) for more in (0.0, around))
    assert sum(bright) == pytest.approx(0, abs=1e-6)
    assert bright == pytest.approx(clean, abs=0.015)


def smear_figures(signal, head, air, in_scan, without_field):
    """Return smear_x, smear_y and smear_z of a scan with something added to it with and without its field."""
    view = SimpleNamespace(
        surroundings=Surroundings(signal + in_scan, head, air),
        corrected_blocks=signal + without_field,
        sampled=signal,
        sampled_masks=(head, air),
        has_tissues=False,
    )
    figures = _air_figures(view)
    return [figures[f"smear_{name}"] for name in "xyz"]


@pytest.mark.parametrize("axis", range(3))
def test_a_ghost_half_a_scan_away_is_taken_out_and_the_rest_stays(signal, head, air, axis):
    ghostly = signal + 0.2 * np.roll(signal, SHAPE[axis] // 2, axis)
    assert smears(ghostly, head, air) == pytest.approx(smears(signal, head, air), abs=0.005)
    line = air & head.any(axis=axis, keepdims=True)
    assert without_ghost(ghostly, line, axis)[line].mean() == pytest.approx(signal[line].mean(), abs=0.005)
    dark = signal - 0.2 * np.roll(signal, SHAPE[axis] // 2, axis)
    assert (without_ghost(dark, line, axis) == dark).all()  # a ghost adds to air


def test_the_slope_is_that_of_the_regression(rng):
    x = rng.normal(size=500)
    assert slope(x, 0.3 * x + 7) == pytest.approx(0.3)
    assert slope(np.ones(9), np.arange(9.0)) == slope(x[:0], x[:0]) == 0


def test_without_air_there_is_no_ghost(signal, head):
    assert np.isnan(ghost(signal, head, np.zeros_like(head), 0))
    assert np.isnan(smears(signal, head, np.zeros_like(head))).all()
