"""Baum-Welch statistics of data under a mixture, and its MAP adaptation to them.

The statistics of data x under component k, with responsibilities rₖₙ and weights wₙ of the observations, are

    nₖ = Σₙ wₙ rₖₙ,   fₖ = Σₙ wₙ rₖₙ xₙ,   Sₖ = Σₙ wₙ rₖₙ xₙ xₙᵀ                                   (1)

Adaptation mixes a background mixture (πₖ, μₖ, Σₖ) with them as if it had been observed r times, the relevance
factor ([1]_, equations 11 to 14):

    π̂ₖ ∝ αₖ nₖ / n + (1 − αₖ) πₖ,   αₖ = nₖ / (nₖ + r)                                             (2)
    μ̂ₖ = αₖ fₖ / nₖ + (1 − αₖ) μₖ                                                                  (3)
    Σ̂ₖ = αₖ Sₖ / nₖ about μ̂ₖ + (1 − αₖ) (Σₖ + (μₖ − μ̂ₖ)(μₖ − μ̂ₖ)ᵀ)                                 (4)

r = 0 is an iteration of maximum likelihood, r = ∞ the background, and so is a component that the data do not
reach. Where the background keeps a part, (4) is positive definite for any μ̂ₖ, also where the means are kept.

References
----------
.. [1] Reynolds DA, Quatieri TF, Dunn RB (2000). Speaker verification using adapted Gaussian mixture models.
   Digital Signal Processing 10:19-41.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from mriseg.errors import MixtureError
from mriseg.mixture.expectation import Observations, log_joint_coefficients
from mriseg.mixture.floor import min_variance
from mriseg.mixture.moments import second_moments
from mriseg.mixture.parameters import (
    DegenerateError,
    Parameters,
    Standardization,
    broadcast_components,
    outer,
)

if TYPE_CHECKING:
    from collections.abc import Collection

    from mriseg.mixture.parameters import FloatArray

Part = Literal["weights", "means", "covariances"]

# What speaker verification adapts.
MEANS: tuple[Part] = ("means",)


@dataclass(frozen=True, eq=False)
class BaumWelchStatistics:
    """Statistics (1) of the module docstring. Those of several recordings are their sum, by ``+``.

    Attributes
    ----------
    counts : ndarray of float64, shape (K,)
        Zeroth order, nₖ.
    first : ndarray of float64, shape (K, D)
        First order, fₖ.
    second : ndarray of float64, shape (K, D, D), or (K, D) where the mixture is stored as diagonal
        Second order, Sₖ or its diagonal.
    log_likelihood : float
        Of the data under the mixture.
    """

    counts: FloatArray
    first: FloatArray
    second: FloatArray
    log_likelihood: float

    def __add__(self, other: BaumWelchStatistics) -> BaumWelchStatistics:
        return BaumWelchStatistics(
            self.counts + other.counts,
            self.first + other.first,
            self.second + other.second,
            self.log_likelihood + other.log_likelihood,
        )

    def about(self, means: FloatArray) -> BaumWelchStatistics:
        """Return the statistics of x − mₖ in place of x.

        Parameters
        ----------
        means : ndarray, shape (K, D)
            A centre mₖ for each component: the means of the mixture for i-vectors and supervectors.

        Returns
        -------
        BaumWelchStatistics
        """
        counts = broadcast_components(self.counts, self.second.ndim)
        if self.second.ndim == self.first.ndim:
            cross, squares = 2 * self.first * means, means**2
        else:
            products = self.first[:, :, None] * means[:, None]
            cross, squares = products + np.swapaxes(products, 1, 2), outer(means)
        return BaumWelchStatistics(
            self.counts,
            self.first - self.counts[:, None] * means,
            self.second - cross + counts * squares,
            self.log_likelihood,
        )

    def inverse_transform(self, standardization: Standardization) -> BaumWelchStatistics:
        """Return the statistics in the units of the data.

        Parameters
        ----------
        standardization : Standardization
            Of the data that these are the statistics of.

        Returns
        -------
        BaumWelchStatistics
        """
        scale = standardization.scale
        factors = scale**2 if self.second.ndim == self.first.ndim else outer(scale)
        log_likelihood = self.log_likelihood - self.counts.sum() * standardization.log_jacobian
        scaled = BaumWelchStatistics(self.counts, self.first * scale, self.second * factors, log_likelihood)
        return scaled.about(np.broadcast_to(-standardization.centre, self.first.shape))


def baum_welch_statistics(
    parameters: Parameters, X: FloatArray, sample_weight: FloatArray | None = None
) -> BaumWelchStatistics:
    """Return the Baum-Welch statistics (1) of data under a mixture.

    Parameters
    ----------
    parameters : Parameters
        The mixture; both it and the data of order one (`Standardization`), else digits cancel.
    X : ndarray, shape (N, D)
        Data.
    sample_weight : ndarray, shape (N,), optional
        Number of times each row was observed.

    Returns
    -------
    BaumWelchStatistics
    """
    weights = np.ones(len(X)) if sample_weight is None else sample_weight
    n_components, dimensions = parameters.means.shape
    observations = Observations.prepare(
        X, weights.astype(X.dtype), diagonal=parameters.diagonal, n_components=n_components
    )
    log_likelihood, statistics = observations.e_step(log_joint_coefficients(parameters))
    second = second_moments(statistics, dimensions, diagonal=parameters.diagonal)
    return BaumWelchStatistics(statistics[:, 0], statistics[:, 1 : dimensions + 1], second, log_likelihood)


def adapt(
    parameters: Parameters,
    statistics: BaumWelchStatistics,
    relevance_factor: float,
    parts: Collection[Part],
) -> Parameters:
    """Return a mixture adapted to the statistics of data, (2) to (4) of the module docstring.

    Parameters
    ----------
    parameters : Parameters
        The background mixture.
    statistics : BaumWelchStatistics
        Of the data under it, in the same units.
    relevance_factor : float
        Observations that the background counts for in each component, r; 0 to infinity.
    parts : collection of {"weights", "means", "covariances"}
        What is adapted; the rest is kept.

    Returns
    -------
    parameters : Parameters

    Raises
    ------
    MixtureError
        If the relevance factor is negative, or there is no such part.
    DegenerateError
        If a covariance loses rank, which the background prevents but for a relevance factor of 0.
    """
    unknown = set(parts) - {"weights", "means", "covariances"}
    if unknown or not relevance_factor >= 0:
        raise MixtureError(
            "adapt takes a relevance_factor of 0 or more and parts among weights, means, covariances; "
            f"not {relevance_factor!r} and {sorted(parts)}"
        )
    weights, means, covariances = parameters.weights, parameters.means, parameters.covariances
    counts = statistics.counts
    reached = np.maximum(counts, np.finfo(float).tiny)  # a divisor
    alpha = np.where(counts > 0, counts / (reached + relevance_factor), 0)
    if "weights" in parts:
        weights = alpha * counts / counts.sum() + (1 - alpha) * weights  # (2)
        weights = weights / weights.sum()
    if "means" in parts:
        data_means = statistics.first / reached[:, None]
        means = alpha[:, None] * data_means + (1 - alpha)[:, None] * means  # (3)
    if "covariances" in parts:
        offsets = parameters.means - means
        between = offsets**2 if parameters.diagonal else outer(offsets)
        of_data = statistics.about(means).second / broadcast_components(reached, covariances.ndim)
        share = broadcast_components(alpha, covariances.ndim)
        covariances = share * of_data + (1 - share) * (covariances + between)  # (4)
        if not min_variance(covariances).min() > 0:
            raise DegenerateError(
                "the data of a component do not span its covariance: raise relevance_factor"
            )
    return Parameters(weights, means, covariances)
