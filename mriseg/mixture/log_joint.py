"""Log-density of the components of a mixture at given points, with all digits and without overflow.

The product of coefficients and features, (1) of `mriseg.mixture.expectation`, loses as many digits as the
squared distance of a component from the centre exceeds its variance. Where that is many, the log-density is
computed from the differences,

    log(πₖ N(x; μₖ, Σₖ)) = log πₖ − ½ (D log 2π + log|Σₖ| + ‖Lₖ⁻¹ (x − μₖ)‖²),  Σₖ = Lₖ Lₖᵀ             (1)

which costs K passes over the points instead of one product.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from mriseg.mixture.blocks import block_size, make_block
from mriseg.mixture.constants import MAX_PRODUCT_COEFFICIENT, MAX_RANGE
from mriseg.mixture.expectation import log_joint_coefficients
from mriseg.mixture.parameters import Standardization, outer

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    from mriseg.mixture.parameters import FloatArray, Parameters


@dataclass(frozen=True, eq=False)
class LogJoint:
    """Log(weight × density) of the components, of data standardized by the mixture itself.

    Attributes
    ----------
    parameters : Parameters
        The mixture, in the units of the data.
    offsets : float or ndarray, shape (K,)
        Added to the log-densities.
    """

    parameters: Parameters
    offsets: FloatArray | float = 0.0

    @property
    def n_rows(self) -> int:
        """Number of rows of the result, K."""
        return len(self.parameters.weights)

    @cached_property
    def standardization(self) -> Standardization:
        """That of the mixture itself, so that the log-density keeps its digits far from zero."""
        return Standardization.from_parameters(self.parameters)

    @cached_property
    def coefficients(self) -> FloatArray:
        """Coefficients of the features of standardized points, shape (K, P)."""
        return log_joint_coefficients(
            self.standardization.transform_parameters(self.parameters), self.offsets
        )

    @cached_property
    def product_keeps_digits(self) -> bool:
        """Whether the product of coefficients and features loses few digits."""
        return bool(np.abs(self.coefficients[:, 1:]).max() <= MAX_PRODUCT_COEFFICIENT)

    @property
    def block_size(self) -> int:
        """Number of points whose log-density is best computed at once."""
        n_components, dimensions = self.parameters.means.shape
        return block_size(dimensions, n_components, diagonal=self.parameters.diagonal)

    def __call__(self, X: FloatArray) -> FloatArray:
        """Return the log-density of the standardized points, plus log weight and offset.

        Parameters
        ----------
        X : ndarray, shape (N, D)
            Points in the units of the data. One whose squares would overflow counts as lying in its direction
            as far off as they do not.

        Returns
        -------
        ndarray, shape (K, N)
            In the dtype of X, or in float64 where the product would lose digits.
        """
        points = _within_reach(self.standardization, X)
        if self.product_keeps_digits:
            block = make_block(points, len(self.coefficients), diagonal=self.parameters.diagonal)
            return block.log_joint(self.coefficients.astype(X.dtype))
        moved = np.abs(points).max() >= _reach(X.dtype)
        return self._from_differences(self.standardization.inverse_transform(points) if moved else X)

    def _from_differences(self, X: FloatArray) -> FloatArray:
        """Return (1) for standardized data, shape (K, N)."""
        scale, means = self.standardization.scale, self.parameters.means
        variances = self.parameters.matrices / outer(scale)
        factors = np.linalg.cholesky(variances)
        log_roots = np.log(np.diagonal(factors, axis1=1, axis2=2)).sum(axis=1)
        with np.errstate(divide="ignore"):  # a component of weight zero has log-density −∞ everywhere
            constants = np.log(self.parameters.weights) + self.offsets - log_roots
        constants = constants - 0.5 * len(scale) * np.log(2 * np.pi)
        inverses = np.linalg.inv(factors)
        distances = (
            np.square(inverse @ ((X - mean) / scale).T).sum(axis=0)
            for inverse, mean in zip(inverses, means, strict=True)
        )
        return np.asarray(constants[:, None] - 0.5 * np.array(list(distances)))


def _within_reach(standardization: Standardization, X: FloatArray) -> FloatArray:
    """Return standardized points, those beyond reach moved towards the centre of the mixture."""
    with np.errstate(over="ignore"):
        points = standardization.transform(X)
    reach = _reach(X.dtype)
    if max(points.max(), -points.min()) <= reach:
        return points
    # Clipped first, so that the quotient by the scale is finite too.
    points = standardization.transform(np.clip(X, -MAX_RANGE, MAX_RANGE, dtype=float))
    distances = np.abs(points).max(axis=1, keepdims=True)
    return np.asarray(points / np.maximum(distances / reach, 1), dtype=X.dtype)


def _reach(dtype: DTypeLike) -> float:
    """Return the largest coordinate of a standardized point: its fourth power is finite."""
    return float(float(np.finfo(dtype).max) ** 0.25)
