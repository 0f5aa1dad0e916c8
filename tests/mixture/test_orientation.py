"""Common axes of several matrices: recovered where they exist, and no rotation nearby is better."""

import numpy as np
import pytest

from mriseg.mixture.orientation import common_axes, from_axes, variances_along


def free_variances(counts, squares):
    return squares / counts[:, None]


def rotation(dimensions, seed=0):
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(dimensions, dimensions)))[0]


def problem(seed=0, K=3, D=4):
    rng = np.random.default_rng(seed)
    counts = rng.uniform(20, 80, K)
    roots = rng.normal(size=(K, D, 2 * D))
    return counts, roots @ np.swapaxes(roots, 1, 2) * counts[:, None, None]


def deviance(axes, counts, scatter):
    return counts @ np.log(free_variances(counts, variances_along(scatter, axes))).sum(axis=1)


def test_matrices_from_axes_have_the_variances_along_them():
    axes, variances = rotation(4), np.arange(1.0, 9.0).reshape(2, 4)
    matrices = from_axes(variances, axes)
    np.testing.assert_allclose(matrices, np.swapaxes(matrices, 1, 2))
    np.testing.assert_allclose(variances_along(matrices, axes), variances)
    np.testing.assert_allclose(np.linalg.eigvalsh(matrices), variances)


def test_axes_that_are_common_are_recovered():
    axes = rotation(4)
    counts = np.array([30.0, 50.0, 20.0])
    variances = np.random.default_rng(1).uniform(0.5, 4, size=(3, 4))
    scatter = from_axes(variances * counts[:, None], axes)
    found = common_axes(counts, scatter, free_variances, None)
    np.testing.assert_allclose(np.abs(found.T @ axes).max(axis=0), 1, atol=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_axes_are_orthonormal_and_no_rotation_nearby_is_better(seed):
    counts, scatter = problem(seed)
    axes = common_axes(counts, scatter, free_variances, None)
    np.testing.assert_allclose(axes.T @ axes, np.eye(4), atol=1e-12)
    best = deviance(axes, counts, scatter)
    rng = np.random.default_rng(seed)
    for _ in range(100):
        skew = rng.normal(size=(4, 4)) * 1e-3
        turned = axes @ np.linalg.qr(np.eye(4) + skew - skew.T)[0]
        assert deviance(turned, counts, scatter) >= best - 1e-9


def test_a_search_from_the_previous_covariances_ends_at_the_same_axes():
    counts, scatter = problem(4)
    axes = common_axes(counts, scatter, free_variances, None)
    previous = from_axes(free_variances(counts, variances_along(scatter, axes)), axes)
    again = common_axes(counts, scatter, free_variances, previous)
    np.testing.assert_allclose(np.abs(again.T @ axes).max(axis=0), 1, atol=1e-9)


def test_equal_variances_of_one_component_do_not_hide_the_axes():
    """The start from previous covariances combines all of them, so a spherical one does no harm."""
    axes, counts = rotation(3), np.array([40.0, 40.0])
    variances = np.array([[1.0, 1.0, 1.0], [1.0, 2.0, 5.0]])
    previous = from_axes(variances, axes)
    scatter = previous * counts[:, None, None]
    found = common_axes(counts, scatter, free_variances, previous)
    np.testing.assert_allclose(np.abs(found.T @ axes).max(axis=0), 1, atol=1e-9)
