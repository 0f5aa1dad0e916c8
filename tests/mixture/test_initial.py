"""Initial values that the user gives, under scikit-learn's names and in its shapes."""

import numpy as np
import pytest

from mriseg.errors import MixtureError
from mriseg.mixture import BayesianGaussianMixture, GaussianMixture, unwarned

RNG = np.random.default_rng(0)
X = np.concatenate([RNG.normal(size=(100, 2)), RNG.normal(size=(200, 2)) * 2 + 6])
WEIGHTS, MEANS = np.array([0.4, 0.6]), np.array([[0.0, 0.5], [5.0, 6.0]])
PRECISION = np.array([[2.0, 0.3], [0.3, 1.0]])


def begun(**settings):
    return GaussianMixture(2, max_iter=0, **settings).fit(X)


@pytest.mark.parametrize(
    ("covariance_type", "given", "matrices"),
    [
        ("full", np.array([PRECISION, 2 * PRECISION]), np.array([PRECISION, 2 * PRECISION])),
        ("tied", PRECISION, np.array([PRECISION, PRECISION])),
        ("diag", np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([np.diag([1.0, 2.0]), np.diag([3.0, 4.0])])),
        ("spherical", np.array([1.0, 2.0]), np.array([np.eye(2), 2 * np.eye(2)])),
    ],
)
def test_the_values_given_are_where_em_begins(covariance_type, given, matrices):
    fit = begun(
        covariance_type=covariance_type, weights_init=WEIGHTS, means_init=MEANS, precisions_init=given
    )
    np.testing.assert_allclose(fit.weights_, WEIGHTS)
    np.testing.assert_allclose(fit.means_, MEANS, atol=1e-12)
    np.testing.assert_allclose(fit.precisions_, matrices, atol=1e-12)
    roots = fit.precisions_cholesky_
    np.testing.assert_allclose(roots @ np.swapaxes(roots, 1, 2), fit.precisions_, atol=1e-12)
    assert np.allclose(np.tril(roots, -1), 0)


def test_what_is_not_given_comes_from_the_start():
    plain, weighted = begun(), begun(weights_init=WEIGHTS)
    np.testing.assert_allclose(weighted.weights_, WEIGHTS)
    np.testing.assert_allclose(weighted.means_, plain.means_)
    precise = begun(precisions_init=np.array([PRECISION, PRECISION]))
    np.testing.assert_allclose(precise.precisions_, [PRECISION, PRECISION])
    np.testing.assert_allclose(precise.weights_, plain.weights_)
    both = begun(means_init=MEANS, weights_init=WEIGHTS)
    np.testing.assert_allclose(both.means_, MEANS, atol=1e-12)
    np.testing.assert_allclose(both.covariances_, begun(means_init=MEANS).covariances_)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"weights_init": [0.5, 0.6]}, "weights_init must not"),
        ({"weights_init": [0.5, 0.3, 0.2]}, "weights_init has shape"),
        ({"means_init": [[0.0, 1.0]]}, "means_init has shape"),
        ({"precisions_init": np.array([PRECISION, -PRECISION])}, "precisions_init must be"),
        ({"precisions_init": np.ones((3, 3))}, "precisions_init has shape"),
    ],
)
def test_unusable_values_are_named(settings, message):
    with pytest.raises(MixtureError, match=message):
        begun(**settings)


def test_given_means_are_kept_with_the_covariances_of_the_nearest_observations():
    labels = np.square(X[:, None] - MEANS).sum(axis=2).argmin(axis=1)
    begun_there = begun(means_init=MEANS)
    np.testing.assert_allclose(begun_there.means_, MEANS, atol=1e-12)
    spread = np.cov(X[labels == 1], rowvar=False, bias=True)
    np.testing.assert_allclose(begun_there.covariances_[1], spread, atol=1e-12)


@pytest.mark.parametrize("dimensions", [1, 2, 6])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("far", [30.0, 1e3, 1e6])
@pytest.mark.parametrize("covariance_type", ["full", "tied", "diag", "spherical"])
def test_a_mean_nearest_to_no_observation_starts_a_component(dimensions, scale, covariance_type, far):
    rng = np.random.default_rng(dimensions)
    points = rng.normal(size=(300, dimensions)) + np.repeat([0.0, 10.0, 20.0], 100)[:, None]
    means = np.array([[0.0], [20.0], [far]]) * np.ones(dimensions)
    start = GaussianMixture(3, covariance_type=covariance_type, means_init=means * scale, max_iter=0)
    start.fit(points * scale)
    means[2] = points[np.square(points - means[2]).sum(axis=1).argmin()]
    np.testing.assert_allclose(start.means_, means * scale, rtol=1e-9, atol=1e-9 * scale)
    fit = GaussianMixture(3, covariance_type=covariance_type, means_init=means * scale)
    two = GaussianMixture(2, covariance_type=covariance_type, means_init=means[:2] * scale)
    with unwarned():
        fit.fit(points * scale)
        two.fit(points * scale)
    assert fit.converged_
    assert fit.score(points * scale) > two.score(points * scale)


def test_a_fit_goes_on_where_the_last_one_stopped():
    for mixture in (
        GaussianMixture(3, warm_start=True, max_iter=5, tol=0, init_params="random"),
        BayesianGaussianMixture(3, warm_start=True, max_iter=5, tol=0),
    ):
        first = mixture.fit(X).history_
        second = mixture.fit(X).history_
        assert second[0] == pytest.approx(first[-1], rel=1e-10)
        assert mixture.lower_bound_ == pytest.approx(second[-1] / len(X))
        cold = mixture.set_params(warm_start=False).fit(X).history_
        np.testing.assert_allclose(cold, first)
        assert mixture.set_params(warm_start=True, n_components=2).fit(X).means_.shape == (2, 2)


@pytest.mark.parametrize("kind", [GaussianMixture, BayesianGaussianMixture])
@pytest.mark.parametrize("start", ["kmeans", "k-means++", "random", "random_from_data"])
def test_starts_have_the_names_of_scikit_learn(kind, start):
    named = kind(2, init_params=start, random_state=1).fit(X)
    np.testing.assert_array_equal(named.means_, kind(2, init=start, random_state=1).fit(X).means_)
    assert np.sort(named.means_[:, 0]) == pytest.approx([0, 6], abs=1)
