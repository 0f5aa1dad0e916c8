"""Parameters, and the standardization of data and parameters."""

import numpy as np
import pytest
from scipy import stats

from mriseg.errors import MixtureError
from mriseg.mixture.parameters import Parameters, Standardization, broadcast_components, outer


def parameters():
    rng = np.random.default_rng(0)
    roots = rng.normal(size=(3, 2, 4))
    return Parameters(np.array([0.2, 0.5, 0.3]), rng.normal(size=(3, 2)), roots @ np.swapaxes(roots, 1, 2))


def test_variances_become_diagonal_matrices():
    diagonal = Parameters(np.ones(1), np.zeros((1, 2)), np.array([[2.0, 3.0]]))
    assert diagonal.diagonal
    np.testing.assert_array_equal(diagonal.matrices, [[[2.0, 0.0], [0.0, 3.0]]])
    assert not parameters().diagonal
    np.testing.assert_array_equal(parameters().matrices, parameters().covariances)


def test_components_are_reordered_together():
    before, after = parameters(), parameters().ordered(np.array([2, 0, 1]))
    for name in ("weights", "means", "covariances"):
        np.testing.assert_array_equal(getattr(after, name), getattr(before, name)[[2, 0, 1]])


def test_outer_products_and_broadcast_axes():
    np.testing.assert_array_equal(outer(np.array([[1.0, 2.0]])), [[[1, 2], [2, 4]]])
    assert broadcast_components(np.arange(3), 3).shape == (3, 1, 1)
    assert broadcast_components(np.arange(3), 1).shape == (3,)


@pytest.mark.parametrize("weighted", [False, True])
def test_standardized_data_have_mean_zero_and_variance_one(weighted):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 3)) * [1e-6, 1, 1e6] + [1, -5, 1e7]
    weights = rng.uniform(0, 2, 50) if weighted else None
    Z = Standardization.from_data(X, weights, per_column=True).transform(X)
    np.testing.assert_allclose(np.average(Z, axis=0, weights=weights), 0, atol=1e-9)
    np.testing.assert_allclose(np.average(Z**2, axis=0, weights=weights), 1)


def test_one_scale_for_all_columns_is_the_root_of_the_mean_variance():
    X = np.random.default_rng(0).normal(size=(50, 2)) * [1, 7]
    scale = Standardization.from_data(X, None, per_column=False).scale
    np.testing.assert_allclose(scale, np.sqrt(X.var(axis=0).mean()))


def test_standardization_by_a_mixture_is_by_its_total_moments():
    mixture = parameters()
    standardization = Standardization.from_parameters(mixture)
    mean = mixture.weights @ mixture.means
    second = np.einsum("k,kij->ij", mixture.weights, mixture.covariances + outer(mixture.means))
    np.testing.assert_allclose(standardization.centre, mean)
    np.testing.assert_allclose(standardization.scale**2, np.diag(second - outer(mean)))


@pytest.mark.parametrize("diagonal", [False, True])
def test_transforms_of_parameters_are_inverse(diagonal):
    mixture = parameters()
    if diagonal:
        variances = np.diagonal(mixture.covariances, axis1=1, axis2=2)
        mixture = Parameters(mixture.weights, mixture.means, variances)
    standardization = Standardization(np.array([3.0, -1.0]), np.array([2.0, 0.1]))
    back = standardization.inverse_transform_parameters(standardization.transform_parameters(mixture))
    np.testing.assert_allclose(back.means, mixture.means)
    np.testing.assert_allclose(back.covariances, mixture.covariances)


def test_the_density_of_standardized_data_differs_by_the_jacobian():
    mixture = parameters()
    standardization = Standardization(np.array([3.0, -1.0]), np.array([2.0, 0.1]))
    inside = standardization.transform_parameters(mixture)
    X = np.array([[0.5, 0.2], [-1.0, 3.0]])
    Z = standardization.transform(X)
    for k in range(3):
        original = stats.multivariate_normal.logpdf(X, mixture.means[k], mixture.covariances[k])
        standardized = stats.multivariate_normal.logpdf(Z, inside.means[k], inside.covariances[k])
        np.testing.assert_allclose(standardized - original, standardization.log_jacobian)


def test_single_precision_data_stay_single():
    standardization = Standardization(np.zeros(1), np.full(1, 2.0))
    assert standardization.transform(np.ones((2, 1), dtype=np.float32)).dtype == np.float32


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ([[1.0, 2.0], [1.0, 3.0]], "column 0 is constant"),
        ([[1.0, 1e9], [2.0, 1e9 + 1e-7]], "column 1 is constant"),
        ([[1.0, 1e200], [2.0, -1e200]], "rescale"),
        ([[1.0, 1e-200], [2.0, -1e-200]], "rescale"),
    ],
)
def test_columns_without_a_usable_variance_are_refused(columns, message):
    with pytest.raises(MixtureError, match=message):
        Standardization.from_data(np.array(columns), None, per_column=True)
