"""Directions in which components differ."""

import numpy as np
import pytest
from mixture_reference import dataset

from mriseg.errors import MixtureError
from mriseg.mixture import GaussianMixture, NotFittedError, differing_directions

TIED = np.array([[2.0, 0.7, 0.1], [0.7, 1, 0.3], [0.1, 0.3, 0.5]])
MAP = np.array([[1e-3, 0, 0], [2e-4, 50, 0], [0, 9, 1.0]])


def parallel(*angles):
    return abs(np.dot(*(a / np.linalg.norm(a) for a in angles)))


def test_two_means_differ_along_the_axis_of_linear_discriminant_analysis():
    means = np.array([[1.0, 2, 3], [2, 1, 3.5]])
    mixture = GaussianMixture.from_parameters([0.4, 0.6], means, [TIED, TIED])
    directions = differing_directions(mixture)
    fisher = np.linalg.solve(TIED, means[1] - means[0])
    assert parallel(directions.basis[:, 0], fisher) == pytest.approx(1)
    # M₁ alone, of rank one: λ is the square of its eigenvalue ρ = d / (1 + d), d = π₁ π₂ times Mahalanobis².
    d = 0.24 * (means[1] - means[0]) @ fisher
    np.testing.assert_allclose(directions.eigenvalues, [(d / (1 + d)) ** 2, 0, 0], atol=1e-12)


def test_two_covariances_differ_along_the_axis_on_which_they_do():
    wide, narrow = np.diag([1.0, 4, 1]), np.diag([1.0, 1, 1])
    directions = differing_directions(
        GaussianMixture.from_parameters([0.5, 0.5], np.zeros((2, 3)), [wide, narrow])
    )
    assert parallel(directions.basis[:, 0], [0, 1, 0]) == pytest.approx(1)
    # Deviations ±1.5 from 2.5 on that axis: M₂ / Σ = (1.5 / 2.5)².
    np.testing.assert_allclose(directions.eigenvalues, [0.36, 0, 0], atol=1e-12)


def test_an_affine_map_changes_no_eigenvalue_and_no_score():
    X = dataset("iris")[:, :3]
    mixture = GaussianMixture(3).fit(X)
    moved = GaussianMixture.from_parameters(
        mixture.weights_, mixture.means_ @ MAP.T + 7, MAP @ mixture.covariances_ @ MAP.T
    )
    before, after = differing_directions(mixture), differing_directions(moved)
    np.testing.assert_allclose(after.eigenvalues, before.eigenvalues, rtol=1e-8)
    np.testing.assert_allclose(
        np.abs(after.transform(X @ MAP.T + 7)), np.abs(before.transform(X)), rtol=1e-4, atol=1e-6
    )


def test_scores_have_variance_one_and_no_correlation():
    X = dataset("iris")
    directions = differing_directions(GaussianMixture(3, model="VVI").fit(X), X)
    np.testing.assert_allclose(np.cov(directions.transform(X).T, ddof=0), np.eye(4), atol=1e-9)


def test_the_covariance_of_the_mixture_is_that_of_the_data_where_all_is_free():
    X, weights = dataset("iris"), np.arange(150) % 3 + 1
    mixture = GaussianMixture(2, tol=1e-14).fit(X, sample_weight=weights)
    of_mixture, of_data = differing_directions(mixture), differing_directions(mixture, X, weights)
    np.testing.assert_allclose(of_mixture.eigenvalues, of_data.eigenvalues, rtol=1e-4)


def test_the_projected_mixture_is_that_of_the_scores():
    X = dataset("iris")
    mixture = GaussianMixture(3).fit(X)
    directions = differing_directions(mixture)
    whole = directions.project(mixture)
    np.testing.assert_allclose(
        whole.predict_proba(directions.transform(X)), mixture.predict_proba(X), atol=1e-6
    )
    first = directions.project(mixture, 2)
    np.testing.assert_allclose(first.means_, whole.means_[:, :2])
    np.testing.assert_allclose(first.covariances_, whole.covariances_[:, :2, :2])


def test_directions_without_difference_can_be_left_out():
    rng = np.random.default_rng(0)
    means = np.zeros((3, 5))
    means[:, :2] = [[0, 0], [6, 0], [0, 6]]
    turn = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    mixture = GaussianMixture.from_parameters([0.2, 0.3, 0.5], means @ turn.T, [np.eye(5)] * 3)
    directions = differing_directions(mixture)
    np.testing.assert_allclose(directions.eigenvalues[2:], 0, atol=1e-12)
    X = mixture.sample(200)[0]
    labels = directions.project(mixture, 2).predict(directions.transform(X, 2))
    np.testing.assert_array_equal(labels, mixture.predict(X))


def test_wrong_use_is_named():
    directions = differing_directions(GaussianMixture(2).fit(dataset("faithful")))
    with pytest.raises(MixtureError, match="there are 2 directions, not 3"):
        directions.transform(dataset("faithful"), 3)
    with pytest.raises(NotFittedError):
        differing_directions(GaussianMixture(2))
