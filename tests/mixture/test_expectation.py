"""The E-step against a naive computation with scipy's densities."""

import numpy as np
import pytest
from scipy import stats

from mriseg.mixture import DegenerateError, Parameters, blocks, expectation
from mriseg.mixture.blocks import quadratic_features
from mriseg.mixture.expectation import Observations, log_joint_coefficients, softmax_in_place


def parameters(*, diagonal):
    rng = np.random.default_rng(0)
    roots = rng.normal(size=(3, 2, 4))
    covariances = roots @ np.swapaxes(roots, 1, 2)
    if diagonal:
        covariances = np.diagonal(covariances, axis1=1, axis2=2)
    return Parameters(np.array([0.2, 0.5, 0.3]), rng.normal(size=(3, 2)), covariances)


def log_joint(mixture, X):
    triples = zip(mixture.weights, mixture.means, mixture.matrices, strict=True)
    return np.array([np.log(w) + stats.multivariate_normal.logpdf(X, m, S) for w, m, S in triples])


def points(n=30):
    return np.random.default_rng(1).normal(size=(n, 2)) * 2


@pytest.mark.parametrize("diagonal", [False, True])
def test_coefficients_times_features_are_the_log_joint_density(diagonal):
    mixture = parameters(diagonal=diagonal)
    found = log_joint_coefficients(mixture) @ quadratic_features(points(), diagonal=diagonal)
    np.testing.assert_allclose(found, log_joint(mixture, points()), rtol=1e-10)


def test_a_weight_of_zero_has_no_density():
    mixture = Parameters(np.array([0.0, 1.0]), np.zeros((2, 1)), np.ones((2, 1)))
    coefficients = log_joint_coefficients(mixture)
    assert coefficients[0, 0] == -np.inf
    assert np.isfinite(coefficients[1]).all()


def test_a_covariance_that_is_not_positive_definite_is_refused():
    with pytest.raises(DegenerateError, match="not positive definite"):
        log_joint_coefficients(Parameters(np.ones(1), np.zeros((1, 2)), -np.eye(2)[None]))


def test_softmax_is_stable_far_from_zero():
    joint = np.array([[-1000.0, 800.0], [-1000.0, 800.0 + np.log(3)]])
    log_density = softmax_in_place(joint)
    np.testing.assert_allclose(joint, [[0.5, 0.25], [0.5, 0.75]])
    np.testing.assert_allclose(log_density, [-1000 + np.log(2), 800 + np.log(4)])


@pytest.mark.parametrize("cached", [False, True])
@pytest.mark.parametrize("diagonal", [False, True])
def test_the_e_step_is_that_of_the_definition(diagonal, cached, monkeypatch):
    monkeypatch.setattr(expectation, "MAX_CACHED_ELEMENTS", 10**6 if cached else 0)
    monkeypatch.setattr(blocks, "BLOCK_ELEMENTS", 1)
    monkeypatch.setattr(blocks, "MIN_BLOCK_SIZE", 7)
    X, weights = points(), np.random.default_rng(2).uniform(0, 3, 30)
    observations = Observations.prepare(X, weights, diagonal=diagonal, n_components=3)
    assert len(list(observations.blocks())) == 5
    assert bool(observations.cached) == cached
    mixture = parameters(diagonal=diagonal)
    log_likelihood, statistics = observations.e_step(log_joint_coefficients(mixture))
    joint = np.exp(log_joint(mixture, X))
    responsibilities = joint / joint.sum(axis=0)
    assert log_likelihood == pytest.approx(weights @ np.log(joint.sum(axis=0)))
    expected = responsibilities @ (weights * quadratic_features(X, diagonal=diagonal)).T
    np.testing.assert_allclose(statistics, expected, rtol=1e-9)
    assert observations.total == pytest.approx(weights.sum())


def test_statistics_of_labels_are_those_of_their_indicator_responsibilities(monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK_ELEMENTS", 1)
    monkeypatch.setattr(blocks, "MIN_BLOCK_SIZE", 7)
    labels = np.random.default_rng(3).integers(0, 3, 30)
    observations = Observations.prepare(points(), np.arange(30.0), diagonal=False, n_components=3)
    hard = observations.partition_statistics(labels, 3)
    np.testing.assert_allclose(observations.partition_statistics(np.eye(3)[labels], 3), hard)
    np.testing.assert_allclose(hard[:, 0], np.bincount(labels, weights=np.arange(30.0), minlength=3))
    np.testing.assert_allclose(hard[1, 1:3], np.arange(30.0)[labels == 1] @ points()[labels == 1])
