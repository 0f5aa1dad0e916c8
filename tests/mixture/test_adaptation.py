"""Baum-Welch statistics and MAP adaptation, against sums over observations one by one."""

from functools import cache

import numpy as np
import pytest
from mixture_reference import dataset

from mriseg.errors import MixtureError
from mriseg.mixture import DegenerateError, GaussianMixture

PARTS = "weights", "means", "covariances"


@cache
def background(model="VVV"):
    return GaussianMixture(3, model=model).fit(dataset("faithful"))


def recording(n=40, seed=3):
    return background().sample(n, seed)[0] * [1.05, 0.95] + [0.2, 3.0]


def brute_force(mixture, X, weights):
    """Equation (1), one observation at a time."""
    counts, first, second = np.zeros(3), np.zeros((3, 2)), np.zeros((3, 2, 2))
    for x, w, r in zip(X, weights, mixture.predict_proba(X), strict=True):
        counts += w * r
        first += w * r[:, None] * x
        second += w * r[:, None, None] * np.outer(x, x)
    return counts, first, second


@pytest.mark.parametrize("model", ["VVV", "VVI"])
def test_statistics_are_sums_over_the_observations(model):
    mixture, X = background(model), recording()
    weights = np.random.default_rng(0).integers(1, 4, len(X))
    counts, first, second = brute_force(mixture, X, weights)
    found = mixture.baum_welch(X, weights)
    np.testing.assert_allclose(found.counts, counts, rtol=1e-10)
    np.testing.assert_allclose(found.first, first, rtol=1e-10)
    expected = np.diagonal(second, axis1=1, axis2=2) if model == "VVI" else second
    np.testing.assert_allclose(found.second, expected, rtol=1e-10)
    assert found.log_likelihood == pytest.approx(weights @ mixture.score_samples(X), rel=1e-10)


@pytest.mark.parametrize("model", ["VVV", "VVI"])
def test_centred_statistics_are_those_of_differences(model):
    mixture, X = background(model), recording()
    centred = mixture.baum_welch(X).about(mixture.means_)
    r, d = mixture.predict_proba(X), X[:, None] - mixture.means_
    np.testing.assert_allclose(centred.first, np.einsum("nk,nkd->kd", r, d), atol=1e-9)
    products = np.einsum("nk,nkd,nke->kde", r, d, d)
    expected = np.diagonal(products, axis1=1, axis2=2) if model == "VVI" else products
    np.testing.assert_allclose(centred.second, expected, atol=1e-8)


def test_statistics_of_parts_add_up():
    mixture, X = background(), recording()
    whole, parts = mixture.baum_welch(X), mixture.baum_welch(X[:15]) + mixture.baum_welch(X[15:])
    for name in ("counts", "first", "second", "log_likelihood"):
        np.testing.assert_allclose(getattr(parts, name), getattr(whole, name), rtol=1e-10)


def test_adaptation_is_that_of_reynolds():
    """Equations 11 to 14 of the paper, literally."""
    mixture, X = background(), recording()
    n, first, second = brute_force(mixture, X, np.ones(len(X)))
    alpha = n / (n + 16)
    weights = alpha * n / len(X) + (1 - alpha) * mixture.weights_
    means = alpha[:, None] * first / n[:, None] + (1 - alpha)[:, None] * mixture.means_
    old = mixture.covariances_ + np.einsum("ki,kj->kij", mixture.means_, mixture.means_)
    squares = (alpha / n)[:, None, None] * second + (1 - alpha)[:, None, None] * old
    adapted = mixture.adapt(X, parts=PARTS)
    np.testing.assert_allclose(adapted.weights_, weights / weights.sum(), rtol=1e-9)
    np.testing.assert_allclose(adapted.means_, means, rtol=1e-9)
    expected = squares - np.einsum("ki,kj->kij", means, means)
    np.testing.assert_allclose(adapted.covariances_, expected, rtol=1e-6)


def test_the_means_alone_are_adapted_by_default():
    mixture = background()
    adapted = mixture.adapt(recording())
    assert np.abs(adapted.means_ - mixture.means_).max() > 0.1
    np.testing.assert_allclose(adapted.weights_, mixture.weights_)
    np.testing.assert_allclose(adapted.covariances_, mixture.covariances_)


def test_relevance_goes_from_a_step_of_em_to_the_background():
    mixture, X = background(), recording(400)
    step = GaussianMixture(3, init=mixture.parameters_, max_iter=1, tol=0).fit(X)
    loose, tight = (mixture.adapt(X, relevance_factor=r, parts=PARTS) for r in (0, np.inf))
    np.testing.assert_allclose(loose.means_, step.means_, rtol=1e-6)
    np.testing.assert_allclose(loose.covariances_, step.covariances_, rtol=1e-6)
    np.testing.assert_allclose(loose.weights_, step.weights_, rtol=1e-6)
    np.testing.assert_allclose(tight.weights_, mixture.weights_, rtol=1e-12)
    np.testing.assert_allclose(tight.means_, mixture.means_, rtol=1e-12)
    np.testing.assert_allclose(tight.covariances_, mixture.covariances_, rtol=1e-9)


def test_without_relevance_one_gaussian_becomes_that_of_the_data():
    X = recording(30)
    adapted = GaussianMixture(1).fit(dataset("faithful")).adapt(X, relevance_factor=0, parts=PARTS)
    np.testing.assert_allclose(adapted.means_[0], X.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(adapted.covariances_[0], np.cov(X.T, ddof=0), rtol=1e-9)


def test_without_relevance_the_mixture_of_the_data_stays():
    mixture = GaussianMixture(2, tol=1e-14).fit(dataset("faithful"))
    same = mixture.adapt(dataset("faithful"), relevance_factor=0, parts=PARTS)
    np.testing.assert_allclose(same.means_, mixture.means_, rtol=1e-6)
    np.testing.assert_allclose(same.covariances_, mixture.covariances_, rtol=1e-5)


def test_without_relevance_one_observation_has_no_covariance():
    with pytest.raises(DegenerateError, match="raise relevance_factor"):
        background().adapt([[2.0, 55.0]], relevance_factor=0, parts=PARTS)


def test_a_component_that_the_data_do_not_reach_stays():
    mixture = GaussianMixture.from_parameters([0.5, 0.5], [0.0, 1000.0], [1.0, 1.0])
    adapted = mixture.adapt(np.linspace(-1, 2, 30), parts=PARTS)
    assert adapted.means_[1, 0] == pytest.approx(1000)
    assert adapted.covariances_[1, 0, 0] == pytest.approx(1)
    assert adapted.weights_[1] == pytest.approx(0.5 / (30 / 46 + 0.5 * 16 / 46 + 0.5))
    assert adapted.means_[0, 0] == pytest.approx(0.5 * 30 / 46)


def test_covariances_about_kept_means_are_positive_definite():
    adapted = background().adapt(recording() + 50, parts=["covariances"], relevance_factor=0.01)
    assert np.linalg.eigvalsh(adapted.covariances_).min() > 0


def test_adaptation_raises_the_likelihood_of_the_recording():
    mixture, X = background(), recording(400)
    assert mixture.adapt(X).score(X) > mixture.score(X)


@pytest.mark.parametrize("setting", [{"relevance_factor": -1}, {"parts": ["mean"]}])
def test_wrong_settings_are_named(setting):
    with pytest.raises(MixtureError, match="relevance_factor of 0 or more"):
        background().adapt(recording(), **setting)
