"""The E-step, written so that it is two matrix products.

A Gaussian mixture is linear in the features (1, x, x xᵀ) of a point: the logarithm of weight times density is
``coefficients @ features``, and all that the M-step needs is ``responsibilities @ features.T`` (the
sufficient statistics of the exponential family; Bishop 2006, section 9.4). Components run down the rows and
observations along the columns, so that the softmax over components is a sum of long rows.

The features are squares of the data: callers centre and scale first (`Standardization`), else digits cancel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mriseg.mixture.parameters import DegenerateError, Parameters, outer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mriseg.mixture.parameters import FloatArray, IntArray

# Elements of a block of the responsibilities: some megabytes, and few enough blocks that the threads of the
# matrix products seldom wait for each other.
BLOCK = 1 << 21
# Features are computed once and kept while they take no more than this many elements.
KEPT = 1 << 22


def features(X: FloatArray, *, diagonal: bool) -> FloatArray:
    """Return the features (P, N) of points (N, D): 1, x, then x² (diagonal) or the upper triangle of x xᵀ."""
    columns = np.ascontiguousarray(X.T)
    left, right = _pairs(len(columns), diagonal=diagonal)
    return np.concatenate([np.ones_like(columns[:1]), columns, columns[left] * columns[right]])


def coefficients(parameters: Parameters) -> FloatArray:
    """Return the coefficients (K, P) whose product with `features` is log(weight × density).

    Raises
    ------
    DegenerateError
        If a covariance is not positive definite.
    """
    means = parameters.means
    if parameters.diagonal:
        precisions: FloatArray = 1 / parameters.covariances
        linear = means * precisions
        log_determinants = np.log(parameters.covariances).sum(axis=1)
        quadratic = -0.5 * precisions
    else:
        inverse_factors = _inverse_factors(parameters.covariances)
        matrices = np.swapaxes(inverse_factors, 1, 2) @ inverse_factors
        linear = (matrices @ means[:, :, None])[:, :, 0]
        log_determinants = -2 * np.log(np.diagonal(inverse_factors, axis1=1, axis2=2)).sum(axis=1)
        quadratic = _packed(matrices)
    with np.errstate(divide="ignore"):  # a component of weight zero has no density anywhere: -inf
        log_weights = np.log(parameters.weights)
    dimensions = means.shape[1]
    norms = dimensions * np.log(2 * np.pi) + log_determinants + (linear * means).sum(axis=1)
    return np.concatenate([(log_weights - 0.5 * norms)[:, None], linear, quadratic], axis=1)


def normalise(joint: FloatArray) -> FloatArray:
    """Turn log(weight × density), (K, N), into responsibilities in place; return the log-density (N,)."""
    peak = joint.max(axis=0)
    joint -= peak
    np.exp(joint, out=joint)
    total = joint.sum(axis=0)
    joint /= total
    return np.asarray(peak + np.log(total))


@dataclass(frozen=True, eq=False)
class Observations:
    """Weighted points in the frame of the estimation, cut into blocks.

    Attributes
    ----------
    X : array (N, D)
        The points.
    sample_weight : array (N,)
        How often each was observed.
    diagonal : bool
        Whether the features carry the squares alone.
    width : int
        Points in a block.
    """

    X: FloatArray
    sample_weight: FloatArray
    diagonal: bool
    kept: tuple[tuple[FloatArray, FloatArray], ...]
    width: int

    @classmethod
    def prepare(
        cls, X: FloatArray, sample_weight: FloatArray, *, diagonal: bool, n_components: int
    ) -> Observations:
        """Choose the block width, and compute the features once where they are small enough to keep."""
        width = max(256, BLOCK // n_components)
        lazy = cls(X, sample_weight, diagonal, (), width)
        elements = len(X) * (1 + X.shape[1] + len(_pairs(X.shape[1], diagonal=diagonal)[0]))
        kept = tuple(lazy.blocks()) if elements <= KEPT else ()
        return cls(X, sample_weight, diagonal, kept, width)

    @property
    def total(self) -> float:
        """Sum of the weights: the number of observations."""
        return float(self.sample_weight.sum(dtype=float))

    def blocks(self) -> Iterator[tuple[FloatArray, FloatArray]]:
        """Yield features (P, B) and the same times the weights, block by block."""
        if self.kept:
            yield from self.kept
            return
        for start in range(0, len(self.X), self.width):
            block = features(self.X[start : start + self.width], diagonal=self.diagonal)
            yield block, block * self.sample_weight[start : start + self.width]

    def expect(self, coefficients: FloatArray) -> tuple[float, FloatArray]:
        """Run one E-step over all blocks.

        Returns
        -------
        log_likelihood : float
            Weighted sum of the log-density.
        totals : array (K, P)
            Sums over observations of weight × responsibility × features.
        """
        dtype = self.X.dtype
        coefficients = coefficients.astype(dtype, copy=False)
        log_likelihood = 0.0
        totals = np.zeros(coefficients.shape)
        for block, weighted in self.blocks():
            joint = coefficients @ block
            log_likelihood += float(weighted[0] @ normalise(joint))
            totals += joint @ weighted.T
        return log_likelihood, totals

    def assigned(self, labels: FloatArray | IntArray, n_components: int) -> FloatArray:
        """Return the totals (K, P) of given responsibilities (N, K), or of hard labels (N,)."""
        totals = np.zeros((n_components, 0))
        start = 0
        names = np.arange(n_components)[:, None]
        for _, weighted in self.blocks():
            part = labels[start : start + weighted.shape[1]]
            responsibilities = part.T if part.ndim > 1 else (part == names).astype(weighted.dtype)
            block_totals = (responsibilities @ weighted.T).astype(float)
            totals = totals + block_totals if start else block_totals
            start += weighted.shape[1]
        return totals


@dataclass(frozen=True, eq=False)
class Moments:
    """What the M-step needs of each component: how many, where, how wide.

    Attributes
    ----------
    counts : array (K,)
        Sum of weight × responsibility.
    means : array (K, D)
        Weighted means.
    scatter : array (K, D), or (K, D, D)
        Weighted sums of squares about the means.
    """

    counts: FloatArray
    means: FloatArray
    scatter: FloatArray

    @classmethod
    def of(cls, totals: FloatArray, dimensions: int, *, diagonal: bool) -> Moments:
        """Unpack the totals (K, P) of an E-step.

        Raises
        ------
        DegenerateError
            If a component holds nothing.
        """
        counts = totals[:, 0]
        if not counts.min() > np.finfo(float).eps * counts.sum():
            raise DegenerateError(
                f"component {int(counts.argmin())} is empty: ask for fewer components or start otherwise"
            )
        means = totals[:, 1 : dimensions + 1] / counts[:, None]
        squares = second_moments(totals, dimensions, diagonal=diagonal)
        if diagonal:
            return cls(counts, means, np.maximum(squares - counts[:, None] * means**2, 0))
        return cls(counts, means, squares - counts[:, None, None] * outer(means))

    @classmethod
    def implied(cls, parameters: Parameters) -> Moments:
        """Return the moments that a mixture expects of one observation."""
        shape = (-1, *[1] * (parameters.covariances.ndim - 1))
        weights = parameters.weights
        return cls(weights, parameters.means, weights.reshape(shape) * parameters.covariances)

    def scatter_about(self, means: FloatArray) -> FloatArray:
        """Return the sums of squares about other means (K, D)."""
        if means is self.means:
            return self.scatter
        away = self.means - means
        if self.scatter.ndim == means.ndim:
            return np.asarray(self.scatter + self.counts[:, None] * away**2)
        return np.asarray(self.scatter + self.counts[:, None, None] * outer(away))


def _pairs(dimensions: int, *, diagonal: bool) -> tuple[IntArray, IntArray]:
    """Return which columns make the quadratic features."""
    if diagonal:
        return np.arange(dimensions), np.arange(dimensions)
    return np.triu_indices(dimensions)


def _packed(precisions: FloatArray) -> FloatArray:
    """Pack −½ xᵀ P x into coefficients of the upper triangle: each off-diagonal product stands for two."""
    left, right = np.triu_indices(precisions.shape[1])
    return np.where(left == right, -0.5, -1.0) * precisions[:, left, right]


def second_moments(totals: FloatArray, dimensions: int, *, diagonal: bool) -> FloatArray:
    """Return the sums of squares (K, D), or of products (K, D, D), that totals (K, P) carry."""
    packed = totals[:, dimensions + 1 :]
    if diagonal:
        return packed
    left, right = np.triu_indices(dimensions)
    matrices = np.empty((len(packed), dimensions, dimensions))
    matrices[:, left, right] = packed
    matrices[:, right, left] = packed
    return matrices


def _inverse_factors(covariances: FloatArray) -> FloatArray:
    """Return L⁻¹ for covariances L Lᵀ, (K, D, D)."""
    try:
        factors = np.linalg.cholesky(covariances)
    except np.linalg.LinAlgError:
        raise DegenerateError(
            "a covariance is not positive definite: ask for fewer components, a simpler model, or add a prior"
        ) from None
    return np.linalg.inv(factors)
