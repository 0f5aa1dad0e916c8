"""Parameters of a Gaussian mixture, and the standardization of data and parameters."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from mriseg.errors import MixtureError
from mriseg.mixture.constants import MAX_RANGE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray = NDArray[np.floating[Any]]
    IntArray = NDArray[np.intp]


class DegenerateError(MixtureError):
    """A component is empty, or its covariance has lost rank."""


@dataclass(frozen=True, eq=False)
class Parameters:
    """Weights, means and covariances of K Gaussian components in D dimensions.

    Attributes
    ----------
    weights : ndarray of float64, shape (K,)
        Mixing proportions; they sum to one.
    means : ndarray of float64, shape (K, D)
        Component means.
    covariances : ndarray of float64, shape (K, D, D) or (K, D)
        Covariance matrices, or the variances alone where every matrix is diagonal.
    """

    weights: FloatArray
    means: FloatArray
    covariances: FloatArray

    @property
    def diagonal(self) -> bool:
        """Whether the covariances are stored as variances, shape (K, D)."""
        return self.covariances.ndim == self.means.ndim

    @property
    def matrices(self) -> FloatArray:
        """Covariance matrices, shape (K, D, D), whatever the storage."""
        if self.diagonal:
            return self.covariances[:, :, None] * np.eye(self.means.shape[1])
        return self.covariances

    def ordered(self, order: NDArray[np.intp]) -> Parameters:
        """Return the same mixture with its components in the given order.

        Parameters
        ----------
        order : ndarray of int, shape (K,)
            Permutation of the components.

        Returns
        -------
        parameters : Parameters
        """
        return Parameters(self.weights[order], self.means[order], self.covariances[order])


def outer(vectors: FloatArray) -> FloatArray:
    """Return the outer product of each vector with itself.

    Parameters
    ----------
    vectors : ndarray, shape (..., D)
        Vectors along the last axis.

    Returns
    -------
    ndarray, shape (..., D, D)
    """
    return vectors[..., :, None] * vectors[..., None, :]


@lru_cache(maxsize=32)
def upper_triangle(dimensions: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the indices of the upper triangle of a matrix, in the order in which statistics hold products.

    Parameters
    ----------
    dimensions : int
        D.

    Returns
    -------
    tuple of ndarray of int, shape (D (D + 1) / 2,)
        Rows and columns, not to be written to: an iteration on few rows would spend a tenth of its time on
        making them, and they are kept.
    """
    rows, columns = np.triu_indices(dimensions)
    rows.flags.writeable = columns.flags.writeable = False
    return rows, columns


def broadcast_components(values: NDArray[Any], ndim: int) -> NDArray[Any]:
    """Append axes of length one to values of the components.

    Parameters
    ----------
    values : ndarray, shape (K,)
        One value for each component.
    ndim : int
        Number of dimensions to return.

    Returns
    -------
    ndarray, shape (K, 1, ...)
    """
    return values.reshape(-1, *[1] * (ndim - 1))


@dataclass(frozen=True, eq=False)
class Standardization:
    """Affine map x → (x − centre) / scale of each column.

    EM runs on standardized data. Tolerances and floors then do not depend on the units of the data, and sums
    of squares do not lose digits by cancellation.

    Attributes
    ----------
    centre : ndarray of float64, shape (D,)
        Subtracted from each column.
    scale : ndarray of float64, shape (D,)
        Divisor of each column.
    """

    centre: FloatArray
    scale: FloatArray

    @classmethod
    def from_data(
        cls, X: FloatArray, sample_weight: FloatArray | None, *, per_column: bool
    ) -> Standardization:
        """Return the standardization to mean 0 and variance 1.

        Parameters
        ----------
        X : ndarray, shape (N, D)
            Observations.
        sample_weight : ndarray, shape (N,), or None
            Number of times each was observed.
        per_column : bool
            Whether each column has its own scale; otherwise all have the root of the mean variance, which
            leaves spherical covariances spherical.

        Returns
        -------
        Standardization

        Raises
        ------
        MixtureError
            If a column is constant, or its squared range leaves the range of a double.
        """
        midpoint, half_range = check_columns(X)
        # Moments are taken of values in [-1, 1], so that squares neither overflow nor cancel.
        deviations = (X - midpoint) / half_range
        mean = np.average(deviations, axis=0, weights=sample_weight)
        variance = np.average(np.square(deviations, dtype=float), axis=0, weights=sample_weight) - mean**2
        if variance.min() <= np.finfo(float).eps:
            raise MixtureError(f"column {variance.argmin()} is constant but for rows of next to no weight")
        scale = half_range * np.sqrt(variance)
        if not per_column:
            scale = np.full_like(scale, np.sqrt(np.mean(scale**2)))
        return cls(midpoint + half_range * mean, scale)

    @classmethod
    def from_parameters(cls, parameters: Parameters) -> Standardization:
        """Return the standardization by the mean and the standard deviations of a mixture.

        Parameters
        ----------
        parameters : Parameters
            A mixture in the units of the data.

        Returns
        -------
        Standardization
        """
        weights, means = parameters.weights, parameters.means
        centre = weights @ means
        # Law of total variance: within the components plus between their means.
        variances = np.diagonal(parameters.matrices, axis1=1, axis2=2) + (means - centre) ** 2
        return cls(centre, np.sqrt(weights @ variances))

    @property
    def log_jacobian(self) -> float:
        """Logarithm of the product of the scales: log-density of standardized minus that of original data."""
        return float(np.log(self.scale).sum())

    def transform(self, X: FloatArray) -> FloatArray:
        """Return standardized data.

        Parameters
        ----------
        X : ndarray, shape (N, D)
            Data in their own units.

        Returns
        -------
        ndarray, shape (N, D)
            In the dtype of X.
        """
        return np.asarray((X - self.centre) / self.scale, dtype=X.dtype)

    def inverse_transform(self, points: FloatArray) -> FloatArray:
        """Return standardized data in their own units.

        Parameters
        ----------
        points : ndarray, shape (N, D)
            Standardized data.

        Returns
        -------
        ndarray of float64, shape (N, D)
        """
        return np.asarray(self.centre + points * self.scale)

    def transform_parameters(self, parameters: Parameters) -> Parameters:
        """Return the parameters of a mixture for standardized data.

        Parameters
        ----------
        parameters : Parameters
            In the units of the data.

        Returns
        -------
        parameters : Parameters
        """
        factors = 1 / (self.scale**2 if parameters.diagonal else outer(self.scale))
        means = (parameters.means - self.centre) / self.scale
        return Parameters(parameters.weights, means, parameters.covariances * factors)

    def inverse_transform_parameters(self, parameters: Parameters) -> Parameters:
        """Return the parameters of a mixture in the units of the data.

        Parameters
        ----------
        parameters : Parameters
            For standardized data.

        Returns
        -------
        parameters : Parameters
        """
        factors = self.scale**2 if parameters.diagonal else outer(self.scale)
        means = self.centre + parameters.means * self.scale
        return Parameters(parameters.weights, means, parameters.covariances * factors)


def check_columns(X: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Check that the columns vary, and that the squares of their ranges are doubles.

    Parameters
    ----------
    X : ndarray, shape (N, D)
        Observations.

    Returns
    -------
    midpoint, half_range : ndarray of float64, shape (D,)
        Of the range of each column.

    Raises
    ------
    MixtureError
        If a column is constant, or its squared range leaves the range of a double.
    """
    low, high = X.min(axis=0).astype(float), X.max(axis=0).astype(float)
    midpoint, half_range = low / 2 + high / 2, high / 2 - low / 2
    # A range of four units in the last place of the midpoint is rounding, not variation.
    constant = np.flatnonzero(half_range <= 4 * np.finfo(float).eps * np.abs(midpoint))
    if constant.size:
        cause = "there is 1 sample" if len(X) == 1 else "a density needs values that differ; leave it out"
        raise MixtureError(f"column {constant[0]} is constant: {cause}")
    if half_range.max() > MAX_RANGE or half_range.min() < 1 / MAX_RANGE:
        raise MixtureError(
            f"the columns span {half_range.min():.3g} to {half_range.max():.3g}: rescale them towards 1"
        )
    return midpoint, half_range
