"""The two kinds of blocks against a naive computation, and each other."""

import numpy as np
import pytest

from mriseg.mixture import blocks
from mriseg.mixture.blocks import FeatureBlock, PointBlock, block_size, make_block, quadratic_features


def case(dtype=float):
    """Return points (B, D), coefficients (K, P) and responsibilities (K, B)."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 18)).astype(dtype)
    coefficients = rng.normal(size=(3, len(quadratic_features(X, diagonal=False)))).astype(dtype)
    return X, coefficients, rng.dirichlet(np.ones(3), size=40).T.astype(dtype)


def test_features_are_one_the_values_and_their_products():
    X = np.array([[2.0, 3.0]])
    assert quadratic_features(X, diagonal=True)[:, 0].tolist() == [1, 2, 3, 4, 9]
    assert quadratic_features(X, diagonal=False)[:, 0].tolist() == [1, 2, 3, 4, 6, 9]


@pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 1e-11), (np.float32, 1e-3)])
def test_points_give_the_products_of_their_features(dtype, rtol):
    X, coefficients, responsibilities = case(dtype)
    points, features = PointBlock(X), FeatureBlock(quadratic_features(X.astype(float), diagonal=False))
    joint, statistics = points.log_joint(coefficients), points.statistics(responsibilities)
    assert joint.dtype == statistics.dtype == dtype
    np.testing.assert_allclose(joint, features.log_joint(coefficients.astype(float)), rtol=rtol, atol=rtol)
    expected = features.statistics(responsibilities.astype(float))
    np.testing.assert_allclose(statistics, expected, rtol=rtol, atol=rtol)


def test_components_that_share_a_quadratic_form_compute_it_once(monkeypatch):
    X, coefficients, _ = case()
    coefficients[:, 19:] = coefficients[0, 19:]
    expected = FeatureBlock(quadratic_features(X, diagonal=False)).log_joint(coefficients)
    calls, original = [], PointBlock._quadratic_form

    def counted(block, packed):
        calls.append(packed)
        return original(block, packed)

    monkeypatch.setattr(PointBlock, "_quadratic_form", counted)
    np.testing.assert_allclose(PointBlock(X).log_joint(coefficients), expected, rtol=1e-11, atol=1e-11)
    assert len(calls) == 1


def test_features_are_built_for_few_dimensions_or_many_components():
    X = np.ones((3, 18))
    assert isinstance(make_block(X[:, :16], 1, diagonal=False), FeatureBlock)
    assert isinstance(make_block(X, 6, diagonal=False), FeatureBlock)
    assert isinstance(make_block(X, 5, diagonal=False), PointBlock)
    assert isinstance(make_block(X, 5, diagonal=True), FeatureBlock)


@pytest.mark.parametrize(("dimensions", "n_components"), [(1, 3), (16, 2), (200, 5), (24, 512)])
def test_no_array_of_a_block_exceeds_its_size_but_for_the_smallest_blocks(dimensions, n_components):
    size = block_size(dimensions, n_components, diagonal=False)
    block = make_block(np.zeros((size, dimensions)), n_components, diagonal=False)
    arrays = block.features if isinstance(block, FeatureBlock) else block.X
    assert max(arrays.size, n_components * size) <= max(
        blocks.BLOCK_ELEMENTS, blocks.MIN_BLOCK_SIZE * max(dimensions, n_components, len(arrays))
    )
