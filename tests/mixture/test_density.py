"""Empirical densities, distances of a fit from the data, and the mixture's own density in one dimension."""

import numpy as np
import pytest
from mixture_reference import dataset
from scipy import stats
from scipy.integrate import trapezoid

from mriseg.errors import MixtureError
from mriseg.mixture import (
    GaussianMixture,
    goodness_of_fit,
    histogram_density,
    pareto_density,
    quantile_pairs,
)
from mriseg.mixture.density import robust_gaussian

BUMPS = GaussianMixture.from_parameters([0.3, 0.7], [0.0, 6.0], [1.0, 2.25])


def test_quantile_pairs_invert_the_distribution_and_lie_on_the_diagonal():
    sample = BUMPS.sample(200_000, random_state=1)[0]
    model, data = quantile_pairs(BUMPS, sample, 50)
    np.testing.assert_allclose(BUMPS.cdf(model), (np.arange(50) + 0.5) / 50, rtol=1e-9)
    np.testing.assert_allclose(model, data, atol=0.1)


@pytest.mark.parametrize("estimate", [pareto_density, histogram_density])
def test_densities_integrate_to_one_near_the_truth_and_take_weights(estimate):
    sample = np.round(BUMPS.sample(20_000)[0][:, 0], 2)
    points, density = estimate(sample)
    assert trapezoid(density, points) == pytest.approx(1, abs=0.02)
    assert np.abs(density - BUMPS.pdf(points)).max() < 0.2 * BUMPS.pdf(points).max()
    values, counts = np.unique(sample, return_counts=True)
    np.testing.assert_allclose(estimate(values, sample_weight=counts)[1], density, rtol=1e-6, atol=1e-9)


def test_pareto_density_does_not_depend_on_units():
    sample = BUMPS.sample(500)[0][:, 0]
    points, density = pareto_density(sample)
    scaled_points, scaled = pareto_density(sample * 1e-3 + 5)
    np.testing.assert_allclose(scaled_points, points * 1e-3 + 5)
    np.testing.assert_allclose(scaled, density * 1e3, rtol=1e-6)


def test_robust_gaussian_ignores_outliers():
    sample = np.append(np.random.default_rng(0).normal(3, 2, 5000), np.full(50, 1e4))
    assert robust_gaussian(sample) == pytest.approx((3, 2), rel=0.05)


def test_figures_are_those_of_scipy_and_good_for_the_true_mixture():
    sample = BUMPS.sample(5000, random_state=3)[0][:, 0]
    fit = goodness_of_fit(BUMPS, sample, n_parameters=0)
    expected = stats.kstest(sample, BUMPS.cdf)
    assert fit.ks_statistic == pytest.approx(expected.statistic)
    assert fit.ks_p_value == pytest.approx(expected.pvalue)
    counts = np.histogram(BUMPS.cdf(sample), 50, (0, 1))[0]
    assert (fit.chi2_statistic, fit.chi2_p_value) == pytest.approx(tuple(stats.chisquare(counts)))
    assert fit.chi2_degrees_of_freedom == 49
    assert fit.rms < 0.2


def test_one_gaussian_is_told_from_the_right_number():
    sample = dataset("eruptions")[:, 0]
    one, two = (GaussianMixture(K, model="V").fit(sample[:, None]) for K in (1, 2))
    poor, good = (goodness_of_fit(fit, sample, fit.n_parameters_) for fit in (one, two))
    assert good.rms < 0.5 * poor.rms
    assert poor.ks_p_value < 1e-6 < good.ks_p_value
    assert poor.chi2_p_value < good.chi2_p_value


def test_weighted_figures_are_those_of_the_expanded_sample():
    sample = np.round(BUMPS.sample(2000)[0][:, 0], 1)
    values, counts = np.unique(sample, return_counts=True)
    expanded = goodness_of_fit(BUMPS, sample, 0)
    weighted = goodness_of_fit(BUMPS, values, 0, sample_weight=counts)
    assert weighted.chi2_statistic == pytest.approx(expanded.chi2_statistic)
    assert weighted.rms == pytest.approx(expanded.rms, rel=1e-6)
    assert weighted.ks_statistic == pytest.approx(expanded.ks_statistic)


def test_unusable_requests_are_named():
    with pytest.raises(MixtureError, match="differ"):
        pareto_density([1.0, 1.0])
    with pytest.raises(MixtureError, match="need more"):
        goodness_of_fit(BUMPS, [1.0, 2.0], n_parameters=5, bins=6)
    plane = GaussianMixture.from_parameters([1.0], [[0.0, 0]], [np.eye(2)])
    with pytest.raises(MixtureError, match="one dimension"):
        plane.cdf([1.0])
