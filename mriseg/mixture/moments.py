"""Moments of the components from sufficient statistics.

With the statistics Σₙ wₙ rₖₙ (1, x, x xᵀ) of component k written (nₖ, sₖ, Qₖ),

    x̄ₖ = sₖ / nₖ                                                                                   (1)
    Wₖ = Qₖ − nₖ x̄ₖ x̄ₖᵀ                                                                            (2)

The difference (2) keeps its digits because the data are standardized (`Standardization`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mriseg.mixture.parameters import (
    DegenerateError,
    Parameters,
    broadcast_components,
    outer,
    upper_triangle,
)

if TYPE_CHECKING:
    from mriseg.mixture.parameters import FloatArray


@dataclass(frozen=True, eq=False)
class Moments:
    """Weighted moments of each component, all that the M-step needs.

    Attributes
    ----------
    counts : ndarray of float64, shape (K,)
        Observations: sums of weight × responsibility.
    means : ndarray of float64, shape (K, D)
        Weighted means.
    scatter : ndarray of float64, shape (K, D) or (K, D, D)
        Weighted sums of squares (and products) about the means.
    """

    counts: FloatArray
    means: FloatArray
    scatter: FloatArray

    @classmethod
    def from_statistics(cls, statistics: FloatArray, dimensions: int, *, diagonal: bool) -> Moments:
        """Return the moments of sufficient statistics.

        Parameters
        ----------
        statistics : ndarray, shape (K, P)
            Sufficient statistics, see `mriseg.mixture.expectation`.
        dimensions : int
            D.
        diagonal : bool
            Whether the statistics contain the squares alone.

        Returns
        -------
        Moments

        Raises
        ------
        DegenerateError
            If a component has no observations.
        """
        counts = statistics[:, 0]
        if not counts.min() > np.finfo(float).eps * counts.sum():
            raise DegenerateError(
                f"component {int(counts.argmin())} is empty: ask for fewer components or start otherwise"
            )
        means = statistics[:, 1 : dimensions + 1] / counts[:, None]  # (1)
        squares = second_moments(statistics, dimensions, diagonal=diagonal)
        if diagonal:  # (2); rounding must not leave a negative variance
            return cls(counts, means, np.maximum(squares - counts[:, None] * means**2, 0))
        return cls(counts, means, squares - counts[:, None, None] * outer(means))

    @classmethod
    def from_parameters(cls, parameters: Parameters) -> Moments:
        """Return the expected moments of one observation from a mixture.

        Parameters
        ----------
        parameters : Parameters
            The mixture.

        Returns
        -------
        Moments
        """
        weights, covariances = parameters.weights, parameters.covariances
        return cls(weights, parameters.means, broadcast_components(weights, covariances.ndim) * covariances)

    def scatter_about(self, means: FloatArray) -> FloatArray:
        """Return the sums of squares (and products) about other means.

        Parameters
        ----------
        means : ndarray, shape (K, D)
            Centres of the sums.

        Returns
        -------
        ndarray of float64, shape (K, D) or (K, D, D)
        """
        if means is self.means:
            return self.scatter
        # Parallel axis theorem: W about another point is W about the mean plus n times the squared offset.
        offsets = self.means - means
        if self.scatter.ndim == means.ndim:
            return np.asarray(self.scatter + self.counts[:, None] * offsets**2)
        return np.asarray(self.scatter + self.counts[:, None, None] * outer(offsets))


def second_moments(statistics: FloatArray, dimensions: int, *, diagonal: bool) -> FloatArray:
    """Return the sums of squares and products contained in sufficient statistics.

    Parameters
    ----------
    statistics : ndarray, shape (K, P)
        Sufficient statistics, see `mriseg.mixture.expectation`.
    dimensions : int
        D.
    diagonal : bool
        Whether the statistics contain the squares alone.

    Returns
    -------
    ndarray, shape (K, D) if diagonal, else (K, D, D)
    """
    packed = statistics[:, dimensions + 1 :]
    if diagonal:
        return packed
    left, right = upper_triangle(dimensions)
    matrices = np.empty((len(packed), dimensions, dimensions))
    matrices[:, left, right] = packed
    matrices[:, right, left] = packed
    return matrices
