"""The numbers that make a mixture, and the units in which they are estimated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mriseg.errors import MixtureError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    FloatArray = NDArray[np.floating[Any]]
    IntArray = NDArray[np.intp]


class DegenerateError(MixtureError):
    """A component that is empty, or whose covariance has lost rank."""


@dataclass(frozen=True, eq=False)
class Parameters:
    """Weights, means and covariances of K Gaussian components in D dimensions.

    Attributes
    ----------
    weights : array (K,)
        Mixing proportions; they sum to one.
    means : array (K, D)
        Component means.
    covariances : array (K, D, D), or (K, D)
        Covariance matrices, or the variances alone where every matrix is diagonal.
    """

    weights: FloatArray
    means: FloatArray
    covariances: FloatArray

    @property
    def diagonal(self) -> bool:
        """Whether the covariances are kept as variances, (K, D)."""
        return self.covariances.ndim == self.means.ndim

    @property
    def matrices(self) -> FloatArray:
        """The covariances as matrices, (K, D, D), however they are kept."""
        if self.diagonal:
            return self.covariances[:, :, None] * np.eye(self.means.shape[1])
        return self.covariances

    def ordered(self, order: NDArray[np.intp]) -> Parameters:
        """Return the same mixture with its components in another order."""
        return Parameters(self.weights[order], self.means[order], self.covariances[order])


def outer(vectors: FloatArray) -> FloatArray:
    """Outer product of each row with itself: (..., D) to (..., D, D)."""
    return vectors[..., :, None] * vectors[..., None, :]


@dataclass(frozen=True, eq=False)
class Standardization:
    """The units of the estimation: columns centred on ``centre`` and divided by ``scale``, both (D,).

    Estimating in these units makes every tolerance and every floor independent of the units of the data, and
    keeps the sums of squares free of cancellation.
    """

    centre: FloatArray
    scale: FloatArray

    @classmethod
    def of(cls, X: FloatArray, sample_weight: FloatArray | None, *, per_column: bool) -> Standardization:
        """Measure the frame of data (N, D): mean and standard deviation, by column or one scale for all.

        Raises
        ------
        MixtureError
            If a column is constant, or spans more or less than a double can square.
        """
        low, high = X.min(axis=0).astype(float), X.max(axis=0).astype(float)
        middle, half = low / 2 + high / 2, high / 2 - low / 2
        _check_spread(half, middle)
        deviations = (X - middle) / half
        mean = np.average(deviations, axis=0, weights=sample_weight)
        variance = np.average(np.square(deviations, dtype=float), axis=0, weights=sample_weight) - mean**2
        if variance.min() <= np.finfo(float).eps:
            raise MixtureError(f"column {variance.argmin()} is constant but for rows of next to no weight")
        scale = half * np.sqrt(variance)
        return cls(
            middle + half * mean, scale if per_column else np.full_like(scale, np.sqrt(np.mean(scale**2)))
        )

    @classmethod
    def spanned_by(cls, parameters: Parameters) -> Standardization:
        """Return the frame of a mixture: its mean, and its standard deviation in each dimension."""
        weights, means = parameters.weights, parameters.means
        centre = weights @ means
        variances = np.diagonal(parameters.matrices, axis1=1, axis2=2) + (means - centre) ** 2
        return cls(centre, np.sqrt(weights @ variances))

    @property
    def log_volume(self) -> float:
        """Logarithm of the volume of the unit cube of the frame in the units of the data."""
        return float(np.log(self.scale).sum())

    def enter(self, X: FloatArray) -> FloatArray:
        """Express data (N, D) in the frame; the dtype of floating data is kept."""
        return np.asarray((X - self.centre) / self.scale, dtype=X.dtype)

    def enter_parameters(self, parameters: Parameters) -> Parameters:
        """Express a mixture in the frame."""
        spread = 1 / (self.scale**2 if parameters.diagonal else outer(self.scale))
        means = (parameters.means - self.centre) / self.scale
        return Parameters(parameters.weights, means, parameters.covariances * spread)

    def leave_parameters(self, parameters: Parameters) -> Parameters:
        """Express a mixture of the frame in the units of the data."""
        spread = self.scale**2 if parameters.diagonal else outer(self.scale)
        means = self.centre + parameters.means * self.scale
        return Parameters(parameters.weights, means, parameters.covariances * spread)


def shaped(name: str, values: ArrayLike, shape: tuple[int, ...]) -> FloatArray:
    """Return values as floats of a shape; any shape of the same size will do.

    Raises
    ------
    MixtureError
        If there are more or fewer, naming them.
    """
    array = np.asarray(values, dtype=float)
    if array.size != np.prod(shape):
        raise MixtureError(f"{name} has shape {array.shape}; this mixture needs {shape}")
    return array.reshape(shape)


def _check_spread(half: FloatArray, middle: FloatArray) -> None:
    """Refuse columns that have no variance, or one that leaves the range of a double."""
    constant = np.flatnonzero(half <= 4 * np.finfo(float).eps * np.abs(middle))
    if constant.size:
        raise MixtureError(
            f"column {constant[0]} is constant: a density needs values that differ; leave it out"
        )
    if half.max() > 1e150 or half.min() < 1e-150:
        raise MixtureError(f"the columns span {half.min():.3g} to {half.max():.3g}: rescale them towards 1")
