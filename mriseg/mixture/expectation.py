"""The E-step as two products with features of the data.

The logarithm of weight times density of a Gaussian component is linear in the features φ(x) = (1, x, x xᵀ),

    log(πₖ N(x; μₖ, Σₖ)) = log πₖ − ½ (D log 2π + log|Σₖ| + μₖᵀ Σₖ⁻¹ μₖ) + μₖᵀ Σₖ⁻¹ x − ½ xᵀ Σₖ⁻¹ x   (1)

so that for all components and observations it is ``coefficients @ features``. The responsibilities are its
softmax over the components,

    rₖₙ = πₖ N(xₙ; μₖ, Σₖ) / Σⱼ πⱼ N(xₙ; μⱼ, Σⱼ)                                                  (2)

and the M-step needs only the sufficient statistics ``(sample_weight * responsibilities) @ features.T``,

    Sₖ = Σₙ wₙ rₖₙ φ(xₙ)                                                                           (3)

(Bishop 2006, Pattern Recognition and Machine Learning, sections 2.4 and 9.2). Components run down the rows
and observations along the columns, so that the sums over components add long contiguous rows. P denotes the
number of features: 1 + 2 D where the covariances are diagonal, otherwise 1 + D + D (D + 1) / 2. How the
products are taken, block by block, is the matter of `mriseg.mixture.blocks`.

The features are squares of the data: callers standardize first (`Standardization`), else digits cancel.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from mriseg.mixture.blocks import block_size, make_block, n_features
from mriseg.mixture.constants import MAX_CACHED_ELEMENTS
from mriseg.mixture.parameters import DegenerateError, Parameters, upper_triangle

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mriseg.mixture.blocks import Block
    from mriseg.mixture.parameters import FloatArray, IntArray


def log_joint_coefficients(parameters: Parameters, offsets: FloatArray | float = 0.0) -> FloatArray:
    """Return the coefficients of (1) of the module docstring.

    Parameters
    ----------
    parameters : Parameters
        The mixture.
    offsets : float or ndarray, shape (K,)
        Added to the log-densities of the components.

    Returns
    -------
    ndarray of float64, shape (K, P)
        Their product with `quadratic_features` is log(weight × density).

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
        inverse_factors = _inverse_cholesky(parameters.covariances)
        precisions = np.swapaxes(inverse_factors, 1, 2) @ inverse_factors
        linear = (precisions @ means[:, :, None])[:, :, 0]
        log_determinants = -2 * np.log(np.diagonal(inverse_factors, axis1=1, axis2=2)).sum(axis=1)
        quadratic = _pack_quadratic(precisions)
    with np.errstate(divide="ignore"):  # a component of weight zero has log-density −∞ everywhere
        log_weights = np.log(parameters.weights)
    dimensions = means.shape[1]
    norms = dimensions * np.log(2 * np.pi) + log_determinants + (linear * means).sum(axis=1)
    constants = log_weights - 0.5 * norms + offsets
    return np.concatenate([constants[:, None], linear, quadratic], axis=1)


def softmax_in_place(log_joint: FloatArray) -> FloatArray:
    """Replace log(weight × density) by the responsibilities (2), and return the log-density.

    Parameters
    ----------
    log_joint : ndarray, shape (K, N)
        Changed in place.

    Returns
    -------
    ndarray, shape (N,)
        Logarithm of the sum over components, the log-density of the mixture.
    """
    maximum = log_joint.max(axis=0)  # subtracted so that the exponential cannot overflow
    log_joint -= maximum
    np.exp(log_joint, out=log_joint)
    total = log_joint.sum(axis=0)
    log_joint /= total
    return np.asarray(maximum + np.log(total))


@dataclass(frozen=True, eq=False)
class Observations:
    """Weighted, standardized observations in blocks.

    Attributes
    ----------
    X : ndarray, shape (N, D)
        Standardized observations.
    sample_weight : ndarray, shape (N,)
        Number of times each was observed.
    diagonal : bool
        Whether the features contain the squares alone.
    n_components : int
        K, on which size and kind of the blocks depend.
    cached : tuple of blocks
        Empty where they are made on demand.
    """

    X: FloatArray
    sample_weight: FloatArray
    diagonal: bool
    n_components: int
    cached: tuple[Block, ...] = ()

    @classmethod
    def prepare(
        cls, X: FloatArray, sample_weight: FloatArray, *, diagonal: bool, n_components: int
    ) -> Observations:
        """Return observations in blocks, with their features cached where these are small enough.

        Parameters
        ----------
        X : ndarray, shape (N, D)
            Standardized observations.
        sample_weight : ndarray, shape (N,)
            Number of times each was observed.
        diagonal : bool
            Whether the features contain the squares alone.
        n_components : int
            K, which with the block size sets the memory of the responsibilities.

        Returns
        -------
        Observations
        """
        uncached = cls(X, sample_weight, diagonal, n_components)
        if len(X) * n_features(X.shape[1], diagonal=diagonal) > MAX_CACHED_ELEMENTS:
            return uncached
        return replace(uncached, cached=tuple(block for block, _ in uncached.blocks()))

    @property
    def total(self) -> float:
        """Sum of the weights: the number of observations."""
        return float(self.sample_weight.sum(dtype=float))

    @property
    def dimensions(self) -> int:
        """Number of columns, D."""
        return int(self.X.shape[1])

    def blocks(self) -> Iterator[tuple[Block, slice]]:
        """Yield the blocks, and the rows of the observations in each.

        Yields
        ------
        block : FeatureBlock or PointBlock
        rows : slice
        """
        size = block_size(self.dimensions, self.n_components, diagonal=self.diagonal)
        for index, start in enumerate(range(0, len(self.X), size)):
            rows = slice(start, start + size)
            yield self.cached[index] if self.cached else self._make_block(rows), rows

    def _make_block(self, rows: slice) -> Block:
        return make_block(self.X[rows], self.n_components, diagonal=self.diagonal)

    def e_step(self, coefficients: FloatArray) -> tuple[float, FloatArray]:
        """Run the E-step over all blocks.

        Parameters
        ----------
        coefficients : ndarray, shape (K, P)
            Of the log-density, see `log_joint_coefficients`.

        Returns
        -------
        log_likelihood : float
            Weighted sum of the log-density.
        statistics : ndarray of float64, shape (K, P)
            Sufficient statistics (3).
        """
        coefficients = coefficients.astype(self.X.dtype, copy=False)
        log_likelihood = 0.0
        statistics = np.zeros(coefficients.shape)
        for block, rows in self.blocks():
            weights = self.sample_weight[rows]
            joint = block.log_joint(coefficients)
            log_likelihood += float(weights @ softmax_in_place(joint))
            joint *= weights
            statistics += block.statistics(joint)
        return log_likelihood, statistics

    def partition_statistics(self, partition: FloatArray | IntArray, n_components: int) -> FloatArray:
        """Return the sufficient statistics of a given partition.

        Parameters
        ----------
        partition : ndarray, shape (N,) or (N, K)
            Labels, or responsibilities.
        n_components : int
            K.

        Returns
        -------
        ndarray of float64, shape (K, P)
            Sufficient statistics (3).
        """
        statistics = np.zeros((n_components, n_features(self.dimensions, diagonal=self.diagonal)))
        components = np.arange(n_components)[:, None]
        for block, rows in self.blocks():
            part = partition[rows]
            responsibilities = part.T if part.ndim > 1 else part == components
            statistics += block.statistics(responsibilities * self.sample_weight[rows])
        return statistics


def _pack_quadratic(precisions: FloatArray) -> FloatArray:
    """Return the coefficients of −½ xᵀ P x for the upper triangle of x xᵀ, shape (K, D (D + 1) / 2)."""
    left, right = upper_triangle(precisions.shape[1])
    # An off-diagonal product of the triangle stands for itself and its mirror image.
    return np.where(left == right, -0.5, -1.0) * precisions[:, left, right]


def _inverse_cholesky(covariances: FloatArray) -> FloatArray:
    """Return L⁻¹ for covariances L Lᵀ, shape (K, D, D)."""
    try:
        factors = np.linalg.cholesky(covariances)
    except np.linalg.LinAlgError:
        raise DegenerateError(
            "a covariance is not positive definite: ask for fewer components, a simpler model, or add a prior"
        ) from None
    return np.linalg.inv(factors)
