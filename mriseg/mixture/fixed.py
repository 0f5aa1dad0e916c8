"""Parameters that the fit must leave as they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mriseg.errors import MixtureError
from mriseg.mixture.parameters import Parameters
from mriseg.mixture.validation import check_shape

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from mriseg.mixture.covariance import CovarianceModel
    from mriseg.mixture.parameters import FloatArray, Standardization


@dataclass(frozen=True, eq=False)
class Fixed:
    """Fixed parameters of a fit; NaN marks free ones.

    Attributes
    ----------
    weights : array-like, shape (K,), optional
        Fixed weights; the free ones share what is left, in proportion to their observations.
    means : array-like, shape (K, D), optional
        Fixed means, each in all its dimensions or in none.
    covariances : array-like, shape (K, D, D), optional
        Fixed covariances, each whole or not at all. In one dimension, shape (K,) will do. The constraints of
        the covariance model apply to the free ones alone.
    """

    weights: ArrayLike | None = None
    means: ArrayLike | None = None
    covariances: ArrayLike | None = None

    def n_parameters(self, model: CovarianceModel, n_components: int, dimensions: int) -> int:
        """Return the number of free parameters.

        Parameters
        ----------
        model : CovarianceModel
            The covariance model of the free covariances.
        n_components : int
            K.
        dimensions : int
            D.

        Returns
        -------
        int

        Raises
        ------
        MixtureError
            If a shape does not fit.
        """
        weights, means, covariances = _nan_filled_arrays(self, n_components, dimensions)
        n_free = int(np.isnan(covariances).any(axis=(1, 2)).sum())
        of_covariances = model.n_parameters(n_free, dimensions) if n_free else 0
        return max(int(np.isnan(weights).sum()) - 1, 0) + int(np.isnan(means).sum()) + of_covariances


@dataclass(frozen=True, eq=False)
class FixedTerms:
    """Fixed parameters for standardized data; NaN where free.

    Attributes
    ----------
    weights : ndarray of float64, shape (K,)
        Weights.
    means : ndarray of float64, shape (K, D)
        Means.
    covariances : ndarray of float64, shape (K, D, D), or (K, D) for diagonal models
        Covariances.
    """

    weights: FloatArray
    means: FloatArray
    covariances: FloatArray

    @classmethod
    def from_fixed(
        cls, fixed: Fixed, model: CovarianceModel, standardization: Standardization, n_components: int
    ) -> FixedTerms:
        """Return fixed parameters for standardized data under a covariance model.

        Parameters
        ----------
        fixed : Fixed
            In the units of the data.
        model : CovarianceModel
            The model.
        standardization : Standardization
            Of the data.
        n_components : int
            K.

        Returns
        -------
        FixedTerms

        Raises
        ------
        MixtureError
            If a shape does not fit, the weights exceed one, a mean or a covariance is fixed in part or not
            positive definite, or a fixed covariance is not diagonal where the model is.
        """
        dimensions = len(standardization.scale)
        weights, means, covariances = _nan_filled_arrays(fixed, n_components, dimensions)
        _check_weights(weights)
        _check_whole("mean", means)
        _check_whole("covariance", covariances.reshape(n_components, -1))
        _check_positive_definite(covariances)
        standardized = standardization.transform_parameters(Parameters(weights, means, covariances))
        if not model.diagonal:
            return cls(weights, standardized.means, standardized.covariances)
        if np.abs(np.nan_to_num(covariances * (1 - np.eye(dimensions)))).any():
            raise MixtureError(f"model {model.name} cannot hold a covariance that is not diagonal")
        variances = np.diagonal(standardized.covariances, axis1=1, axis2=2)
        return cls(weights, standardized.means, variances)

    def replace_weights_and_means(
        self, weights: FloatArray, means: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return estimated weights and means with the fixed ones in their place.

        Parameters
        ----------
        weights : ndarray, shape (K,)
            Estimates; the free ones are rescaled so that all sum to one.
        means : ndarray, shape (K, D)
            Estimates.

        Returns
        -------
        weights : ndarray of float64, shape (K,)
        means : ndarray of float64, shape (K, D)
        """
        free = np.isnan(self.weights)
        if not free.all():
            remainder = 1 - np.nansum(self.weights)
            factor = remainder / weights[free].sum() if free.any() else 0
            weights = np.where(free, weights * factor, self.weights)
        return weights, np.where(np.isnan(self.means), means, self.means)

    def estimate_covariances(
        self,
        model: CovarianceModel,
        counts: FloatArray,
        scatter: FloatArray,
        previous: FloatArray | None,
        floor: FloatArray | float = 0.0,
    ) -> FloatArray:
        """Return the M-step estimate of the free covariances together with the fixed ones.

        Parameters
        ----------
        model : CovarianceModel
            The model of the free covariances.
        counts : ndarray, shape (K,)
            Observations of each component.
        scatter : ndarray, shape (K, D, D) or (K, D)
            Sums of squares (and products) about the means.
        previous : ndarray like ``scatter``, or None
            Covariances of the previous iteration.
        floor : float or ndarray, shape (D,)
            Smallest variance of each column.

        Returns
        -------
        ndarray of float64 like ``scatter``

        Raises
        ------
        DegenerateError
            If a free covariance loses rank under a model that does not admit a floor.
        """
        free = np.isnan(self.covariances.reshape(len(counts), -1)).any(axis=1)
        covariances = self.covariances.copy()
        if free.any():
            previous_free = None if previous is None else previous[free]
            covariances[free] = model.estimate(counts[free], scatter[free], previous_free, floor)
        return covariances


def _nan_filled_arrays(
    fixed: Fixed, n_components: int, dimensions: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return weights (K,), means (K, D) and covariances (K, D, D), NaN where they are free."""
    return (
        _nan_filled("weights", fixed.weights, (n_components,)),
        _nan_filled("means", fixed.means, (n_components, dimensions)),
        _nan_filled("covariances", fixed.covariances, (n_components, dimensions, dimensions)),
    )


def _nan_filled(name: str, values: ArrayLike | None, shape: tuple[int, ...]) -> FloatArray:
    """Return fixed values in full shape, all NaN where there are none."""
    if values is None:
        return np.full(shape, np.nan)
    return check_shape(f"fixed {name}", values, shape, allow_nan=True)


def _check_weights(weights: FloatArray) -> None:
    """Check that fixed weights are not negative and leave a proportion for the free ones, if any."""
    total = np.nansum(weights)
    all_fixed = not np.isnan(weights).any()
    if np.nanmin(weights, initial=0) < 0 or total > 1 + 1e-9 or (all_fixed and total < 1 - 1e-9):
        raise MixtureError(
            "held weights must not be negative, nor exceed 1 in sum, and make 1 if all are held"
        )


def _check_whole(name: str, values: FloatArray) -> None:
    """Check that each row is fixed as a whole or not at all."""
    partial = np.isnan(values).any(axis=1) & ~np.isnan(values).all(axis=1)
    if partial.any():
        raise MixtureError(
            f"the {name} of component {int(partial.argmax())} is held in part: hold all of it or none"
        )


def _check_positive_definite(covariances: FloatArray) -> None:
    """Check that fixed covariances are symmetric and positive definite."""
    for matrix in covariances[~np.isnan(covariances).any(axis=(1, 2))]:
        if not np.allclose(matrix, matrix.T) or np.linalg.eigvalsh(matrix).min() <= 0:
            raise MixtureError("a held covariance must be symmetric and positive definite")
