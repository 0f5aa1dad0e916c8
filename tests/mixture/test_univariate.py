"""Density, distribution function and quantiles in one dimension, against scipy's normal distribution."""

import numpy as np
import pytest
from scipy import stats

from mriseg.errors import MixtureError
from mriseg.mixture import GaussianMixture, Parameters
from mriseg.mixture.univariate import cdf, pdf, quantiles

BUMPS = GaussianMixture.from_parameters([0.3, 0.7], [0.0, 6.0], [1.0, 2.25])


def test_pdf_cdf_and_quantiles_are_those_of_the_sum_of_normals():
    x = np.linspace(-4, 12, 50)
    np.testing.assert_allclose(BUMPS.pdf(x), 0.3 * stats.norm.pdf(x) + 0.7 * stats.norm.pdf(x, 6, 1.5))
    np.testing.assert_allclose(BUMPS.cdf(x), 0.3 * stats.norm.cdf(x) + 0.7 * stats.norm.cdf(x, 6, 1.5))
    np.testing.assert_allclose(BUMPS.pdf(x), np.exp(BUMPS.score_samples(x[:, None])), rtol=1e-9)
    assert BUMPS.pdf(x.reshape(5, 10)).shape == (5, 10)


def test_quantiles_of_one_component_are_those_of_its_normal():
    one = GaussianMixture.from_parameters([1.0], [3.0], [4.0]).parameters_
    probabilities = np.array([1e-6, 0.1, 0.5, 0.975])
    np.testing.assert_allclose(quantiles(one, probabilities), stats.norm.ppf(probabilities, 3, 2), rtol=1e-12)


def test_quantiles_invert_the_distribution_function():
    probabilities = np.linspace(1e-9, 1 - 1e-9, 60).reshape(3, 20)
    found = quantiles(BUMPS.parameters_, probabilities)
    assert found.shape == (3, 20)
    np.testing.assert_allclose(cdf(BUMPS.parameters_, found), probabilities, rtol=1e-9)
    assert (np.diff(found.ravel()) > 0).all()


def test_the_median_of_a_symmetric_mixture_is_its_centre():
    even = GaussianMixture.from_parameters([0.5, 0.5], [-4.0, 6.0], [1.0, 1.0]).parameters_
    assert quantiles(even, np.array(0.5)) == pytest.approx(1.0, abs=1e-9)


def test_variances_stored_as_a_diagonal_give_the_same_density():
    diagonal = Parameters(np.array([0.3, 0.7]), np.array([[0.0], [6.0]]), np.array([[1.0], [2.25]]))
    x = np.linspace(-3, 9, 7)
    np.testing.assert_array_equal(pdf(diagonal, x), BUMPS.pdf(x))


@pytest.mark.parametrize("function", [pdf, cdf, quantiles])
def test_several_dimensions_are_refused(function):
    plane = GaussianMixture.from_parameters([1.0], [[0.0, 0]], [np.eye(2)]).parameters_
    with pytest.raises(MixtureError, match="one dimension; it has 2"):
        function(plane, np.array([0.5]))
