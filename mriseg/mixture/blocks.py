"""Blocks of observations: the log-density of the components there, and their sufficient statistics.

Both are products with the features φ(x) = (1, x, x xᵀ) of the observations, of which a component has the
coefficients c = (c₀, b, q) and the statistics Σₙ rₙ φ(xₙ). With few dimensions, or many components, the
features are built, and one matrix product serves all components (`FeatureBlock`). With many dimensions they
would be many times the data, and each component has products of its own (`PointBlock`),

    c · φ(x) = c₀ + b · x + xᵀ Q x                                                                 (1)
    Σₙ rₙ xₙ xₙᵀ = Yᵀ Y,  yₙ = √rₙ xₙ                                                              (2)

with Q the upper triangular matrix of the coefficients q: (1) is one triangular product, (2) one symmetric
product, of half the operations of a general one. Where all components share Q, as those of a tied covariance
do, (1) needs one product in all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from mriseg.mixture.constants import (
    BLOCK_ELEMENTS,
    MAX_FEATURE_DIMENSIONS,
    MAX_FEATURE_DIMENSIONS_PER_COMPONENT,
    MIN_BLOCK_SIZE,
)
from mriseg.mixture.parameters import upper_triangle

if TYPE_CHECKING:
    from mriseg.mixture.parameters import FloatArray

    Block: TypeAlias = "FeatureBlock | PointBlock"


def quadratic_features(X: FloatArray, *, diagonal: bool) -> FloatArray:
    """Return the features of observations: 1, x, and the squares or products of x.

    Parameters
    ----------
    X : ndarray, shape (N, D)
        Observations.
    diagonal : bool
        Whether to return the squares alone; otherwise the upper triangle of x xᵀ.

    Returns
    -------
    ndarray in the dtype of X, shape (P, N)
    """
    n, dimensions = X.shape
    features = np.empty((n_features(dimensions, diagonal=diagonal), n), dtype=X.dtype)
    columns, products = features[1 : dimensions + 1], features[dimensions + 1 :]
    features[0] = 1
    columns[:] = X.T
    if diagonal:
        np.square(columns, out=products)
        return features
    start = 0
    for i in range(dimensions):
        stop = start + dimensions - i
        np.multiply(columns[i], columns[i:], out=products[start:stop])
        start = stop
    return features


def n_features(dimensions: int, *, diagonal: bool) -> int:
    """Return the number of features.

    Parameters
    ----------
    dimensions : int
        D.
    diagonal : bool
        Whether they contain the squares alone.

    Returns
    -------
    int
        P.
    """
    return 1 + dimensions + (dimensions if diagonal else dimensions * (dimensions + 1) // 2)


def builds_features(dimensions: int, n_components: int, *, diagonal: bool) -> bool:
    """Return whether blocks hold features: they are few, or serve many components.

    Parameters
    ----------
    dimensions, n_components : int
        D and K.
    diagonal : bool
        Whether the features contain the squares alone.

    Returns
    -------
    bool
    """
    most = max(MAX_FEATURE_DIMENSIONS, MAX_FEATURE_DIMENSIONS_PER_COMPONENT * n_components)
    return diagonal or dimensions <= most


def block_size(dimensions: int, n_components: int, *, diagonal: bool) -> int:
    """Return how many observations a block holds.

    Parameters
    ----------
    dimensions, n_components : int
        D and K.
    diagonal : bool
        Whether the features contain the squares alone.

    Returns
    -------
    int
    """
    built = builds_features(dimensions, n_components, diagonal=diagonal)
    rows = n_features(dimensions, diagonal=diagonal) if built else dimensions
    return max(MIN_BLOCK_SIZE, BLOCK_ELEMENTS // max(rows, n_components))


def make_block(X: FloatArray, n_components: int, *, diagonal: bool) -> Block:
    """Return observations as the kind of block that is faster for them.

    Parameters
    ----------
    X : ndarray, shape (B, D)
        Observations.
    n_components : int
        K.
    diagonal : bool
        Whether the features contain the squares alone.

    Returns
    -------
    FeatureBlock or PointBlock
    """
    if builds_features(X.shape[1], n_components, diagonal=diagonal):
        return FeatureBlock(quadratic_features(X, diagonal=diagonal))
    return PointBlock(np.ascontiguousarray(X))


@dataclass(frozen=True, eq=False)
class FeatureBlock:
    """Observations by their features.

    Attributes
    ----------
    features : ndarray, shape (P, B)
        See `quadratic_features`.
    """

    features: FloatArray

    def log_joint(self, coefficients: FloatArray) -> FloatArray:
        """Return log(weight × density) of the components.

        Parameters
        ----------
        coefficients : ndarray, shape (K, P)
            See `mriseg.mixture.expectation.log_joint_coefficients`.

        Returns
        -------
        ndarray, shape (K, B)
        """
        return coefficients @ self.features

    def statistics(self, responsibilities: FloatArray) -> FloatArray:
        """Return the sufficient statistics.

        Parameters
        ----------
        responsibilities : ndarray, shape (K, B)
            Times the weights of the observations.

        Returns
        -------
        ndarray, shape (K, P)
        """
        return responsibilities @ self.features.T


@dataclass(frozen=True, eq=False)
class PointBlock:
    """Observations of many dimensions as they are; methods as of `FeatureBlock`, of matrices alone.

    Attributes
    ----------
    X : ndarray, shape (B, D)
        Observations, row by row.
    """

    X: FloatArray

    def log_joint(self, coefficients: FloatArray) -> FloatArray:
        """Return (1) of the module docstring; see `FeatureBlock.log_joint`."""
        dimensions = self.X.shape[1]
        linear, quadratic = coefficients[:, 1 : dimensions + 1], coefficients[:, dimensions + 1 :]
        joint: FloatArray = linear @ self.X.T
        joint += coefficients[:, :1]
        if (quadratic == quadratic[0]).all():
            joint += self._quadratic_form(quadratic[0])
        else:
            for component, packed in enumerate(quadratic):
                joint[component] += self._quadratic_form(packed)
        return joint

    def statistics(self, responsibilities: FloatArray) -> FloatArray:
        """Return counts, sums and (2) of the module docstring; see `FeatureBlock.statistics`."""
        triangle = upper_triangle(self.X.shape[1])
        products = np.empty((len(responsibilities), len(triangle[0])), dtype=self.X.dtype)
        for row, roots in zip(products, np.sqrt(responsibilities), strict=True):
            scaled = roots[:, None] * self.X
            row[:] = (scaled.T @ scaled)[triangle]
        counts = responsibilities.sum(axis=1, keepdims=True)
        return np.concatenate([counts, responsibilities @ self.X, products], axis=1)

    def _quadratic_form(self, packed: FloatArray) -> FloatArray:
        """Return xᵀ Q x for the upper triangle of Q, shape (B,)."""
        from scipy.linalg.blas import get_blas_funcs

        dimensions = self.X.shape[1]
        matrix = np.zeros((dimensions, dimensions), dtype=self.X.dtype, order="F")
        matrix[upper_triangle(dimensions)] = packed
        (multiply,) = get_blas_funcs(("trmm",), (matrix,))
        # BLAS stores by columns: the transpose of rows is its own memory order.
        product = multiply(1.0, matrix, self.X.T, lower=0, trans_a=1)
        return np.asarray(np.einsum("bd,bd->b", product.T, self.X))
