"""Marginals, conditionals, regression, and samples."""

import numpy as np
import pytest
from scipy import stats

from mriseg.errors import MixtureError
from mriseg.mixture import GaussianMixture


def mixture():
    rng = np.random.default_rng(0)
    roots = rng.normal(size=(3, 3, 3))
    return GaussianMixture.from_parameters(
        [0.2, 0.5, 0.3], rng.normal(size=(3, 3)) * 3, roots @ np.swapaxes(roots, 1, 2) + 0.1 * np.eye(3)
    )


def density(mixture, X):
    triples = zip(mixture.weights_, mixture.means_, mixture.covariances_, strict=True)
    return sum(w * stats.multivariate_normal.pdf(X, m, S) for w, m, S in triples)


def test_conditional_density_is_joint_over_marginal():
    joint = mixture()
    given = np.array([0.5, -1.0])
    free = np.linspace(-6, 6, 25)
    expected = density(joint, np.column_stack([np.full(25, -1.0), free, np.full(25, 0.5)]))
    expected /= density(joint.marginal([2, 0]), given)
    np.testing.assert_allclose(joint.condition([2, 0], given).pdf(free), expected, rtol=1e-9)


def test_marginal_integrates_the_rest_out():
    grid = np.linspace(-30, 30, 1201)
    pair = mixture().marginal([1, 2])
    points = np.column_stack([np.full_like(grid, 0.7), grid])
    assert np.trapezoid(density(pair, points), grid) == pytest.approx(
        float(pair.marginal([0]).pdf(0.7)), rel=1e-6
    )


def test_regression_is_mean_and_covariance_of_the_conditional():
    X = np.random.default_rng(2).normal(size=(5, 1))
    mean, covariance = mixture().regress([1], X)
    assert mean.shape == (5, 2)
    for row, m, S in zip(X, mean, covariance, strict=True):
        given = mixture().condition([1], row)
        np.testing.assert_allclose(m, given.weights_ @ given.means_)
        away = given.means_ - m
        spread = np.einsum("k,kij->ij", given.weights_, given.covariances_ + away[:, :, None] * away[:, None])
        np.testing.assert_allclose(S, spread)


def test_regression_follows_a_curve():
    rng = np.random.default_rng(3)
    x = rng.uniform(-3, 3, 3000)
    fit = GaussianMixture(8, init="kmeans").fit(np.column_stack([x, np.sin(x) + rng.normal(size=3000) * 0.1]))
    at = np.linspace(-2.5, 2.5, 30)
    assert np.abs(fit.regress([0], at[:, None])[0][:, 0] - np.sin(at)).max() < 0.12


@pytest.mark.parametrize("dimensions", [[], [3], [-1], [0, 0]])
def test_dimensions_that_are_not_there_are_refused(dimensions):
    with pytest.raises(MixtureError, match="0 to 2"):
        mixture().marginal(dimensions)


def test_something_must_be_left_and_given():
    with pytest.raises(MixtureError, match="0 are left"):
        mixture().condition([0, 1, 2], [0, 0, 0])
    with pytest.raises(MixtureError, match="1 values"):
        mixture().condition([0, 1], [0.0])
    with pytest.raises(MixtureError, match="shape"):
        mixture().regress([0, 1], [[0.0]])


def test_parameters_that_make_no_mixture_are_refused():
    with pytest.raises(MixtureError, match="sum to 1"):
        GaussianMixture.from_parameters([0.5, 0.6], [0.0, 1.0], [1.0, 1.0])
    with pytest.raises(MixtureError, match="positive definite"):
        GaussianMixture.from_parameters([1.0], [0.0], [0.0])
    with pytest.raises(MixtureError, match="do not fit"):
        GaussianMixture.from_parameters([1.0], [[0.0, 1.0]], [[1.0, 1.0]])
