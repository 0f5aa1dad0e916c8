"""Fixed parameters: they stay, and the free ones are fitted around them."""

import numpy as np
import pytest

from mriseg.errors import MixtureError
from mriseg.mixture import Fixed, GaussianMixture
from mriseg.mixture.covariance import MODELS, covariance_model
from mriseg.mixture.fixed import FixedTerms
from mriseg.mixture.parameters import Standardization

NAMES = [model.name for model in MODELS]


def two_clouds(n=60, seed=0):
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.normal(size=(n, 2)), rng.normal(size=(2 * n, 2)) * [1, 0.4] + [3, 1]])


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


def test_free_weights_share_the_remainder_in_proportion():
    nan = np.nan
    unit = Standardization(np.zeros(1), np.ones(1))
    fixed = Fixed(weights=[0.4, nan, nan])
    terms = FixedTerms.from_fixed(fixed, covariance_model("V", 1), unit, 3)
    means = np.array([[1.0], [2.0], [3.0]])
    weights, same = terms.replace_weights_and_means(np.array([0.5, 0.3, 0.2]), means)
    np.testing.assert_allclose(weights, [0.4, 0.36, 0.24])
    np.testing.assert_array_equal(same, means)


def test_fixed_parameters_are_standardized_with_the_data():
    standardization = Standardization(np.array([10.0]), np.array([2.0]))
    fixed = Fixed(means=[14.0, np.nan], covariances=[8.0, np.nan])
    terms = FixedTerms.from_fixed(fixed, covariance_model("V", 1), standardization, 2)
    np.testing.assert_array_equal(terms.means, [[2.0], [np.nan]])
    np.testing.assert_array_equal(terms.covariances, [[2.0], [np.nan]])


def test_a_covariance_fixed_in_part_is_refused():
    partial = [[[1.0, np.nan], [np.nan, 1.0]], np.full((2, 2), np.nan)]
    with pytest.raises(MixtureError, match="covariance of component 0 is held in part"):
        GaussianMixture(2, fixed=Fixed(covariances=partial)).fit(two_clouds())
