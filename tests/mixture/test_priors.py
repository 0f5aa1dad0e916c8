"""Conjugate priors: the fit is the mode of the posterior."""

import numpy as np
import pytest
from scipy import optimize, stats

from mriseg.errors import MixtureError
from mriseg.mixture import GaussianMixture, Prior, default_prior
from mriseg.mixture.covariance import MODELS, covariance_model
from mriseg.mixture.moments import Moments
from mriseg.mixture.parameters import Parameters, Standardization
from mriseg.mixture.priors import PriorTerms

NAMES = [model.name for model in MODELS]


def two_clouds(n=60, seed=0):
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.normal(size=(n, 2)), rng.normal(size=(2 * n, 2)) * [1, 0.4] + [3, 1]])


def test_one_component_is_the_mode_of_the_normal_inverse_gamma_posterior():
    X = np.random.default_rng(0).normal(3, 2, size=(15, 1))
    prior = Prior(mean=[1.0], shrinkage=4.0, scale=5.0, degrees_of_freedom=6.0)

    def negative_posterior(theta):
        mean, variance = theta[0], np.exp(theta[1])
        return -(
            stats.norm.logpdf(X, mean, np.sqrt(variance)).sum()
            + stats.norm.logpdf(mean, 1.0, np.sqrt(variance / 4.0))
            + stats.invgamma.logpdf(variance, 3.0, scale=2.5)
        )

    mode = optimize.minimize(
        negative_posterior, [0, 0], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12}
    )
    fit = GaussianMixture(1, prior=prior).fit(X)
    assert fit.means_[0, 0] == pytest.approx(mode.x[0], rel=1e-5)
    assert fit.covariances_[0, 0, 0] == pytest.approx(np.exp(mode.x[1]), rel=1e-5)


def test_one_component_is_the_mode_of_the_normal_inverse_wishart_posterior():
    X = two_clouds()[:25]
    scale = np.array([[2.0, 0.5], [0.5, 1.0]])
    prior = Prior(mean=[1.0, -1.0], shrinkage=3.0, scale=scale, degrees_of_freedom=7.0)
    fit = GaussianMixture(1, prior=prior).fit(X)

    def posterior(mean, covariance):
        return (
            stats.multivariate_normal.logpdf(X, mean, covariance).sum()
            + stats.multivariate_normal.logpdf(mean, [1.0, -1.0], covariance / 3.0)
            + stats.invwishart.logpdf(covariance, 7.0, scale)
        )

    best = posterior(fit.means_[0], fit.covariances_[0])
    rng = np.random.default_rng(0)
    for size in (1e-1, 1e-2, 1e-3):
        for _ in range(50):
            shift = rng.normal(size=(2, 2)) * size
            assert (
                posterior(fit.means_[0] + rng.normal(size=2) * size, fit.covariances_[0] + shift @ shift.T)
                < best
            )
            assert posterior(fit.means_[0], fit.covariances_[0] * (1 + rng.normal() * size)) <= best


@pytest.mark.parametrize("model", NAMES)
def test_the_posterior_never_falls_under_any_model(model):
    X = two_clouds()
    prior = Prior(mean=X.mean(axis=0), shrinkage=2.0, scale=1.0, degrees_of_freedom=5.0, concentration=3.0)
    fit = GaussianMixture(3, model=model, prior=prior, tol=0, max_iter=300).fit(X)
    assert (np.diff(fit.history_) >= -1e-9 * len(X)).all()


def test_a_dirichlet_prior_evens_the_weights():
    X = two_clouds()
    plain = GaussianMixture(2).fit(X)
    prior = Prior(mean=[0, 0], shrinkage=0, scale=1e-9, degrees_of_freedom=1e-9, concentration=1000.0)
    even = GaussianMixture(2, prior=prior).fit(X)
    assert np.ptp(even.weights_) < 0.2 * np.ptp(plain.weights_)


def test_a_prior_saves_a_component_on_a_point():
    X = np.concatenate([two_clouds(), np.full((20, 2), 7.0)])
    labels = np.repeat([0, 1, 2], [60, 120, 20])
    fit = GaussianMixture(3, model="EVV", init=labels, prior="default").fit(X)
    assert np.linalg.eigvalsh(fit.covariances_).min() > 1e-3


def test_impossible_priors_are_named():
    with pytest.raises(MixtureError, match="shrinkage"):
        Prior(mean=0.0, shrinkage=-1, scale=1.0, degrees_of_freedom=3)


def test_the_default_prior_is_that_of_fraley_and_raftery():
    X = two_clouds()
    full = default_prior(X, 4, covariance_model("VVV", 2))
    np.testing.assert_allclose(full.mean, X.mean(axis=0))
    np.testing.assert_allclose(full.scale, np.cov(X, rowvar=False) / 4)
    assert (full.shrinkage, full.degrees_of_freedom, full.concentration) == (0.01, 4, 1.0)
    diagonal = default_prior(X, 4, covariance_model("VVI", 2))
    np.testing.assert_allclose(diagonal.scale, np.eye(2) * np.trace(np.cov(X, rowvar=False)) / 8)


def test_weights_and_means_are_shrunk_by_the_observations_that_the_prior_counts_for():
    prior = Prior(mean=[10.0], shrinkage=2.0, scale=1.0, degrees_of_freedom=3.0, concentration=3.0)
    unit = Standardization(np.zeros(1), np.ones(1))
    terms = PriorTerms.from_prior(prior, covariance_model("V", 1), unit, 2)
    moments = Moments(np.array([6.0, 2.0]), np.array([[1.0], [4.0]]), np.array([[1.0], [1.0]]))
    weights, means = terms.estimate_weights_and_means(moments)
    np.testing.assert_allclose(weights, [8 / 12, 4 / 12])
    np.testing.assert_allclose(means[:, 0], [(6 * 1 + 2 * 10) / 8, (2 * 4 + 2 * 10) / 4])


def test_log_density_is_that_of_scipy_but_for_a_constant():
    scale = np.array([[2.0, 0.5], [0.5, 1.0]])
    prior = Prior(mean=[1.0, -1.0], shrinkage=3.0, scale=scale, degrees_of_freedom=7.0, concentration=2.5)
    unit = Standardization(np.zeros(2), np.ones(2))
    terms = PriorTerms.from_prior(prior, covariance_model("VVV", 2), unit, 2)
    rng = np.random.default_rng(0)
    differences = []
    for _ in range(4):
        weights, means = rng.dirichlet([1, 1]), rng.normal(size=(2, 2))
        roots = rng.normal(size=(2, 2, 4))
        covariances = roots @ np.swapaxes(roots, 1, 2)
        expected = stats.dirichlet.logpdf(weights, [2.5, 2.5]) + sum(
            stats.multivariate_normal.logpdf(mean, [1.0, -1.0], covariance / 3)
            + stats.invwishart.logpdf(covariance, 7.0, scale)
            for mean, covariance in zip(means, covariances, strict=True)
        )
        differences.append(terms.log_density(Parameters(weights, means, covariances)) - expected)
    np.testing.assert_allclose(differences, differences[0])


@pytest.mark.parametrize("name", ["EEE", "EEI", "EII"])
def test_the_prior_of_a_common_covariance_counts_once(name):
    prior = Prior(mean=[0.0, 0.0], shrinkage=0.0, scale=2.0, degrees_of_freedom=5.0)
    unit, model = Standardization(np.zeros(2), np.ones(2)), covariance_model(name, 2)
    one, four = (PriorTerms.from_prior(prior, model, unit, K) for K in (1, 4))
    assert 4 * four.additional_counts == pytest.approx(one.additional_counts)
    np.testing.assert_allclose(4 * four.scale, one.scale)


@pytest.mark.parametrize("name", ["VVI", "VII"])
def test_variances_have_an_inverse_gamma_prior(name):
    prior = Prior(mean=[1.0, -1.0], shrinkage=3.0, scale=np.diag([2.0, 5.0]), degrees_of_freedom=7.0)
    unit = Standardization(np.zeros(2), np.ones(2))
    terms = PriorTerms.from_prior(prior, covariance_model(name, 2), unit, 1)
    rng = np.random.default_rng(0)
    differences = []
    for _ in range(4):
        mean, variances = rng.normal(size=2), rng.uniform(0.5, 3, 2)
        if name == "VII":
            variances[:] = variances[0]
        scales = np.array([2.0, 5.0]) if name == "VVI" else np.array([3.5])
        expected = stats.invgamma.logpdf(variances[: len(scales)], 3.5, scale=scales / 2).sum()
        expected += stats.norm.logpdf(mean, [1.0, -1.0], np.sqrt(variances / 3)).sum()
        found = terms.log_density(Parameters(np.ones(1), mean[None], variances[None]))
        differences.append(found - expected)
    np.testing.assert_allclose(differences, differences[0])
