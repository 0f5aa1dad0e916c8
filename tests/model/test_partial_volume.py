from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate

from mriseg.errors import MixtureError
from mriseg.model.histogram import intensity_histogram
from mriseg.model.partial_volume import PartialVolumeMixture
from mriseg.model.partial_volume_em import fit_partial_volume

MEANS, SD = np.array([40.0, 100.0, 150.0]), 5.0


def _drawn(weights, size=200_000, seed=1):
    """Voxels of the model itself: intensities (N,) and the true shares of tissue (N, 3)."""
    generator = np.random.default_rng(seed)
    group = generator.choice(5, size, p=weights)
    share = generator.uniform(size=size)
    content = np.eye(3)[np.minimum(group, 2)]
    for pair, (a, b) in {3: (0, 1), 4: (1, 2)}.items():
        here = group == pair
        content[here] = (1 - share[here, None]) * np.eye(3)[a] + share[here, None] * np.eye(3)[b]
    return content @ MEANS + generator.normal(0, SD, size), content


@pytest.fixture(scope="module")
def drawn():
    return _drawn([0.1, 0.3, 0.3, 0.15, 0.15])


@pytest.fixture(scope="module")
def fitted(drawn):
    return fit_partial_volume(*intensity_histogram(drawn[0].astype(np.float32)))


def test_finds_the_parameters_that_made_the_data(fitted):
    np.testing.assert_allclose(fitted.means, MEANS, atol=1.0)
    assert fitted.sd == pytest.approx(SD, rel=0.1)
    np.testing.assert_allclose(fitted.weights, [0.1, 0.3, 0.3, 0.15, 0.15], atol=0.04)


def test_expected_shares_are_right_on_average(fitted, drawn):
    intensities, content = drawn
    expected = fitted.responsibilities(intensities)
    np.testing.assert_allclose(expected.sum(axis=1), 1, atol=1e-12)
    for low in np.arange(20, 160, 10):
        here = (intensities >= low) & (intensities < low + 10)
        if here.sum() > 500:
            np.testing.assert_allclose(expected[here].mean(axis=0), content[here].mean(axis=0), atol=0.05)


def test_the_objective_never_falls_and_is_that_of_the_result(fitted, drawn):
    values, counts = intensity_histogram(drawn[0].astype(np.float32))
    rises = np.diff(fitted.history)
    assert (rises >= -1e-9 * abs(fitted.history[-1])).all()
    assert fitted.converged
    objective = fitted.log_likelihood(values, counts) + fitted.log_prior(counts.sum())
    assert fitted.history[-1] == pytest.approx(objective, rel=1e-12)


def test_the_density_integrates_to_one(fitted):
    points = np.linspace(fitted.means[0] - 60, fitted.means[2] + 60, 20001)
    inside = integrate.trapezoid(fitted.density(points) - 0.003 / fitted.outlier_range, points)
    assert inside == pytest.approx(1 - 0.003, abs=1e-6)


def test_labels_rise_with_intensity_even_far_out(fitted):
    labels = fitted.responsibilities(np.linspace(-500, 1500, 5000)).argmax(axis=1)
    assert (np.diff(labels) >= 0).all()
    assert set(labels) == {0, 1, 2}


def test_hardly_any_csf_does_not_pull_it_into_grey_matter():
    intensities, _ = _drawn([0.005, 0.4, 0.4, 0.095, 0.1])
    model = fit_partial_volume(*intensity_histogram(intensities.astype(np.float32)))
    np.testing.assert_allclose(model.means[1:], MEANS[1:], atol=3.0)
    assert model.means[0] < 65


def test_vessels_and_fat_do_not_move_the_tissues(drawn, fitted):
    bright = np.random.default_rng(2).uniform(200, 600, 600)
    model = fit_partial_volume(*intensity_histogram(np.append(drawn[0], bright).astype(np.float32)))
    np.testing.assert_allclose(model.means, fitted.means, atol=1.5)


@pytest.mark.parametrize("factor", [1e-3, 1e3])
def test_units_do_not_matter(drawn, fitted, factor):
    model = fit_partial_volume(*intensity_histogram((factor * drawn[0]).astype(np.float32)))
    np.testing.assert_allclose(model.means / factor, fitted.means, rtol=1e-3)


def test_no_tissue_vanishes_where_grey_and_white_matter_hardly_differ():
    generator = np.random.default_rng(4)
    means = np.repeat([100.0, 340.0, 400.0], [8_000, 40_000, 52_000])
    values, counts = intensity_histogram(generator.normal(means, 33).astype(np.float32))
    model = fit_partial_volume(values, counts)
    assert model.separated
    shares = counts @ np.eye(3)[model.responsibilities(values).argmax(axis=1)] / counts.sum()
    assert shares.min() > 0.05


def test_two_intensities_are_no_three_tissues():
    with pytest.raises(MixtureError):
        fit_partial_volume(np.array([1.0, 2.0]), np.array([5.0, 5.0]))


def test_a_start_below_the_floor_of_the_noise_is_raised_to_it():
    """A bright outlier raises the floor; EM then must not start from less."""
    values = np.append(np.arange(10.0, 300.0), 1e6)
    counts = np.ones(values.size)
    start = PartialVolumeMixture(np.array([50.0, 150.0, 250.0]), 1e-3, np.full(5, 0.2), float(np.ptp(values)))
    history = fit_partial_volume(values, counts, start).history
    assert min(np.diff(history)) >= -1e-6


def test_em_reaches_its_end_where_the_objective_is_near_zero(fitted, drawn):
    """In some unit it is zero; its rounding is not relative to it there."""
    values, counts = intensity_histogram(drawn[0].astype(np.float32))
    factor = np.exp(fitted.history[-1] / counts.sum())
    found = fit_partial_volume(values * factor, counts, tolerance=0.0, max_iterations=3000)
    assert abs(found.history[-1]) < 1e-2 * counts.sum()
    np.testing.assert_allclose(found.means / factor, fitted.means, rtol=0.02)
