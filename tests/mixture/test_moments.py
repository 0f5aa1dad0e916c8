"""Moments of the components from sufficient statistics."""

import numpy as np
import pytest

from mriseg.mixture import DegenerateError, Parameters
from mriseg.mixture.blocks import quadratic_features
from mriseg.mixture.moments import Moments, second_moments

X = np.random.default_rng(0).normal(size=(40, 3)) + np.array([1, 2, 3])
RESPONSIBILITIES = np.random.default_rng(1).dirichlet([1, 1], 40).T


def moments(*, diagonal):
    statistics = RESPONSIBILITIES @ quadratic_features(X, diagonal=diagonal).T
    return Moments.from_statistics(statistics, 3, diagonal=diagonal)


def weighted_scatter(k, centre):
    return (RESPONSIBILITIES[k] * (X - centre).T) @ (X - centre)


def test_moments_are_those_of_the_weighted_sample():
    found = moments(diagonal=False)
    np.testing.assert_allclose(found.counts, RESPONSIBILITIES.sum(axis=1))
    for k in range(2):
        mean = np.average(X, axis=0, weights=RESPONSIBILITIES[k])
        np.testing.assert_allclose(found.means[k], mean)
        np.testing.assert_allclose(found.scatter[k], weighted_scatter(k, mean), atol=1e-12)


def test_diagonal_moments_are_the_diagonal_of_the_full_ones():
    full, diagonal = moments(diagonal=False), moments(diagonal=True)
    np.testing.assert_allclose(diagonal.scatter, np.diagonal(full.scatter, axis1=1, axis2=2))


@pytest.mark.parametrize("diagonal", [False, True])
def test_scatter_about_another_point_is_that_of_the_definition(diagonal):
    centres = np.array([[0.0, 1, 2], [5, 5, 5]])
    found = moments(diagonal=diagonal).scatter_about(centres)
    for k in range(2):
        expected = weighted_scatter(k, centres[k])
        np.testing.assert_allclose(found[k], np.diag(expected) if diagonal else expected)


def test_rounding_leaves_no_negative_variance():
    statistics = np.array([[1.0, 1.0, 1.0 - 1e-16]])
    assert Moments.from_statistics(statistics, 1, diagonal=True).scatter == 0


def test_an_empty_component_is_refused_by_number():
    statistics = np.array([[5.0, 1.0, 1.0], [0.0, 0.0, 0.0]])
    with pytest.raises(DegenerateError, match="component 1 is empty"):
        Moments.from_statistics(statistics, 1, diagonal=True)


@pytest.mark.parametrize("diagonal", [False, True])
def test_moments_of_a_mixture_are_those_expected_of_one_observation(diagonal):
    covariances = np.array([[2.0, 3.0], [4.0, 5.0]]) if diagonal else np.array([np.eye(2), 3 * np.eye(2)])
    mixture = Parameters(np.array([0.25, 0.75]), np.zeros((2, 2)), covariances)
    found = Moments.from_parameters(mixture)
    np.testing.assert_array_equal(found.counts, [0.25, 0.75])
    np.testing.assert_allclose(found.scatter[1], 0.75 * covariances[1])


def test_second_moments_are_unpacked_symmetrically():
    packed = quadratic_features(np.array([[2.0, 3.0]]), diagonal=False).T
    np.testing.assert_array_equal(second_moments(packed, 2, diagonal=False), [[[4, 6], [6, 9]]])
