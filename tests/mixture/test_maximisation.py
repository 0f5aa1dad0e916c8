"""The M-step: closed forms, starts from partitions and from other mixtures."""

import numpy as np
import pytest

from mriseg.mixture import Fixed, Parameters, Prior
from mriseg.mixture.covariance import MODELS, covariance_model
from mriseg.mixture.expectation import Observations, log_joint_coefficients
from mriseg.mixture.fitting import prepare_m_step
from mriseg.mixture.floor import min_variance
from mriseg.mixture.maximisation import rounding_bound
from mriseg.mixture.parameters import Standardization

NAMES = [model.name for model in MODELS]
UNIT = Standardization(np.zeros(2), np.ones(2))
LABELS = np.repeat([0, 1], [30, 50])


def sample():
    X = np.random.default_rng(0).normal(size=(80, 2))
    X[LABELS == 1] = X[LABELS == 1] @ np.array([[2.0, 0.5], [0.0, 0.3]]) + 4
    return X


def m_step(name="VVV", X=None, **terms):
    X = sample() if X is None else X
    return prepare_m_step(X, np.ones(len(X)), covariance_model(name, 2), UNIT, 2, **terms)


def from_labels(step, labels=LABELS):
    return step.from_partition(step.observations.partition_statistics(labels, 2))


def test_a_partition_gives_the_proportions_means_and_covariances_of_its_parts():
    found = from_labels(m_step())
    np.testing.assert_allclose(found.weights, [30 / 80, 50 / 80])
    for k in range(2):
        part = sample()[k == LABELS]
        np.testing.assert_allclose(found.means[k], part.mean(axis=0))
        np.testing.assert_allclose(found.covariances[k], np.cov(part, rowvar=False, bias=True))


def test_a_part_without_variance_starts_with_the_pooled_covariance():
    X = sample()
    X[LABELS == 0] = X[0]
    found = from_labels(m_step(X=X))
    scatter = np.cov(X[LABELS == 1], rowvar=False, bias=True) * 50
    np.testing.assert_allclose(found.covariances[0], scatter / 80, atol=1e-10)
    np.testing.assert_allclose(found.covariances[1], scatter / 50, atol=1e-10)


@pytest.mark.parametrize("name", NAMES)
def test_parameters_that_obey_the_model_are_returned_unchanged(name):
    step = m_step(name)
    obedient = from_labels(step)
    again = step.from_parameters(obedient)
    np.testing.assert_allclose(again.weights, obedient.weights)
    np.testing.assert_array_equal(again.means, obedient.means)
    np.testing.assert_allclose(again.covariances, obedient.covariances, rtol=1e-5, atol=1e-8)


def test_the_prior_is_left_out_of_a_projection_and_part_of_the_m_step():
    prior = Prior([0, 0], shrinkage=50, scale=9.0, degrees_of_freedom=40)
    step = m_step(prior=prior)
    plain = from_labels(m_step())
    np.testing.assert_allclose(step.from_parameters(plain).covariances, plain.covariances, atol=1e-12)
    shrunk = from_labels(step)
    assert (np.linalg.norm(shrunk.means, axis=1) < np.linalg.norm(plain.means, axis=1)).all()
    objective = step.step(plain).objective
    assert objective == pytest.approx(m_step().step(plain).objective + step.prior.log_density(plain))


def test_fixed_parameters_replace_the_estimates():
    nan = np.nan
    fixed = Fixed(means=[[7.0, 7.0], [nan, nan]], covariances=[np.eye(2) * 3, np.full((2, 2), nan)])
    found = from_labels(m_step(fixed=fixed))
    np.testing.assert_array_equal(found.means[0], [7.0, 7.0])
    np.testing.assert_array_equal(found.covariances[0], np.eye(2) * 3)
    np.testing.assert_allclose(found.covariances[1], from_labels(m_step()).covariances[1])


@pytest.mark.parametrize("name", NAMES)
def test_a_step_raises_the_log_likelihood(name):
    step = m_step(name)
    labels = (np.arange(80) % 2).astype(int)  # a bad partition, far from the optimum
    first = step.step(from_labels(step, labels))
    second = step.step(first.next_state())
    assert second.objective > first.objective + first.rounding


def test_the_rounding_bound_covers_single_precision():
    X = np.random.default_rng(0).normal(size=(5000, 2))
    mixture = Parameters(np.array([0.4, 0.6]), np.array([[0.0, 0], [1, 1]]), np.array([np.eye(2), np.eye(2)]))
    coefficients = log_joint_coefficients(mixture)
    values, bounds = [], []
    for dtype in (np.float64, np.float32):
        weights = np.ones(len(X), dtype=dtype)
        data = Observations.prepare(X.astype(dtype), weights, diagonal=False, n_components=2)
        values.append(data.e_step(coefficients)[0])
        bounds.append(rounding_bound(data, coefficients))
    assert 0 < abs(values[0] - values[1]) < bounds[1]
    assert bounds[0] < 1e-8 * bounds[1]


def test_the_smallest_variance_is_the_smallest_eigenvalue():
    tilted = np.array([[[2.0, 1.0], [1.0, 2.0]], [[5.0, 0.0], [0.0, 4.0]]])
    np.testing.assert_allclose(min_variance(tilted), [1, 4])
    np.testing.assert_array_equal(min_variance(np.array([[3.0, 2.0]])), [2])
