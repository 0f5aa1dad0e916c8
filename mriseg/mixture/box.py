"""The region of data as a box, over which noise is uniform.

Its volume V is the smaller of two boxes that hold the data, along the columns and along the principal axes
(Fraley and Raftery 2002, J Am Stat Assoc 97:611-631, section 5), both of columns of variance one, so that
units do not decide which.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mriseg.errors import MixtureError
from mriseg.mixture.floor import variance_floor
from mriseg.mixture.parameters import Standardization

if TYPE_CHECKING:
    from mriseg.mixture.parameters import FloatArray


@dataclass(frozen=True, eq=False)
class Box:
    """Box along orthogonal axes of standardized data.

    Attributes
    ----------
    standardization : Standardization
        To columns of variance one.
    axes : ndarray of float64, shape (D, D)
        The axes as columns.
    low, high : ndarray of float64, shape (D,)
        The range along each.
    """

    standardization: Standardization
    axes: FloatArray
    low: FloatArray
    high: FloatArray

    @classmethod
    def around(cls, X: FloatArray, sample_weight: FloatArray) -> Box:
        """Return the smaller of the boxes along the columns and along the principal axes of data.

        Parameters
        ----------
        X : ndarray, shape (N, D)
            Data.
        sample_weight : ndarray, shape (N,)
            Number of times each row was observed, above 0; they turn the principal axes.

        Returns
        -------
        Box

        Raises
        ------
        MixtureError
            If the data lie in a plane, and have no volume.
        """
        standardization = Standardization.from_data(X, sample_weight, per_column=True)
        points = standardization.transform(np.asarray(X, dtype=float))
        covariance = points.T @ (sample_weight[:, None] * points) / sample_weight.sum()
        variances, principal = np.linalg.eigh(covariance)
        if variances[0] <= variance_floor(None, standardization, X.dtype).max():
            raise MixtureError("the data lie in a plane and have no volume for noise: leave out a column")
        boxes = [cls._along(axes, points, standardization) for axes in (np.eye(len(variances)), principal)]
        return min(boxes, key=lambda box: box.log_volume)

    @classmethod
    def _along(cls, axes: FloatArray, points: FloatArray, standardization: Standardization) -> Box:
        scores = points @ axes
        return cls(standardization, axes, scores.min(axis=0), scores.max(axis=0))

    @property
    def log_volume(self) -> float:
        """Logarithm of the volume in the units of the data."""
        return float(np.log(self.high - self.low).sum()) + self.standardization.log_jacobian

    def coordinates(self, X: FloatArray) -> FloatArray:
        """Return where points lie in the box.

        Parameters
        ----------
        X : ndarray, shape (N, D)
            Points.

        Returns
        -------
        ndarray of float64, shape (N, D)
            0 to 1 along each axis inside of the box.
        """
        return np.asarray((self.standardization.transform(X) @ self.axes - self.low) / (self.high - self.low))

    def sample(self, n_samples: int, generator: np.random.Generator) -> FloatArray:
        """Return uniform random points.

        Parameters
        ----------
        n_samples : int
            Number of points, N.
        generator : Generator
            Of random numbers.

        Returns
        -------
        ndarray of float64, shape (N, D)
        """
        scores = generator.uniform(self.low, self.high, (n_samples, len(self.low)))
        return self.standardization.inverse_transform(scores @ self.axes.T)
