"""Conjugate priors and held parameters."""

import numpy as np
import pytest
from scipy import optimize, stats

from mriseg.errors import MixtureError
from mriseg.mixture import Fixed, GaussianMixture, Prior
from mriseg.mixture.covariance import MODELS

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
    fit = GaussianMixture(3, model=model, prior=prior, tol=1e-9, max_iter=300).fit(X)
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


@pytest.mark.parametrize("model", NAMES)
def test_held_parameters_stay_and_the_others_are_fitted(model):
    X = two_clouds()
    nan = np.nan
    fixed = Fixed(
        weights=[0.4, nan],
        means=[[0.5, 0.5], [nan, nan]],
        covariances=[np.eye(2) * 1.5, np.full((2, 2), nan)],
    )
    fit = GaussianMixture(2, model=model, fixed=fixed, tol=1e-9).fit(X)
    np.testing.assert_allclose(fit.weights_, [0.4, 0.6])
    np.testing.assert_allclose(fit.means_[0], [0.5, 0.5])
    np.testing.assert_allclose(fit.covariances_[0], np.eye(2) * 1.5, atol=1e-12)
    assert (np.diff(fit.history_) >= -1e-9 * len(X)).all()
    assert np.linalg.norm(fit.means_[1] - [3, 1]) < 0.6


def test_held_means_in_one_dimension_are_better_than_any_other_free_values():
    """Nothing near the fit, with the same means held, is more likely."""
    X = np.concatenate([two_clouds()[:, :1], two_clouds(seed=1)[:, :1] + 5])
    means = np.array([[0.0], [4.0], [8.0]])
    fit = GaussianMixture(3, model="V", fixed=Fixed(means=means), tol=1e-12, max_iter=5000).fit(X)
    np.testing.assert_allclose(fit.means_, means)
    rng = np.random.default_rng(0)
    for _ in range(100):
        weights = fit.weights_ * np.exp(rng.normal(size=3) * 1e-2)
        covariances = fit.covariances_ * np.exp(rng.normal(size=(3, 1, 1)) * 1e-2)
        near = GaussianMixture.from_parameters(weights / weights.sum(), means, covariances)
        assert near.score(X) <= fit.score(X)


def test_held_parameters_do_not_count_as_free():
    X = two_clouds()
    free = GaussianMixture(2).fit(X)
    held = GaussianMixture(2, fixed=Fixed(means=free.means_)).fit(X)
    assert free.n_parameters_ == 11
    assert held.n_parameters_ == 7


@pytest.mark.parametrize(
    ("fixed", "message"),
    [
        (Fixed(weights=[0.9, 0.9]), "weights"),
        (Fixed(weights=[0.2, 0.2]), "weights"),
        (Fixed(means=[[0.0, np.nan], [np.nan, np.nan]]), "mean of component 0 is held in part"),
        (Fixed(means=[[0.0, 0.0]]), "shape"),
        (Fixed(covariances=[np.zeros((2, 2)), np.full((2, 2), np.nan)]), "positive definite"),
    ],
)
def test_impossible_holds_are_named(fixed, message):
    with pytest.raises(MixtureError, match=message):
        GaussianMixture(2, fixed=fixed).fit(two_clouds())


def test_a_diagonal_model_cannot_hold_a_tilted_covariance():
    fixed = Fixed(covariances=[[[1, 0.5], [0.5, 1]], np.full((2, 2), np.nan)])
    with pytest.raises(MixtureError, match="VVI cannot hold"):
        GaussianMixture(2, model="VVI", fixed=fixed).fit(two_clouds())


def test_impossible_priors_are_named():
    with pytest.raises(MixtureError, match="shrinkage"):
        Prior(mean=0.0, shrinkage=-1, scale=1.0, degrees_of_freedom=3)
