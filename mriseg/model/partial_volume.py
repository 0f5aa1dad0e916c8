"""Mixture of three tissues with partial volume, fitted to a histogram of intensities by EM.

A voxel contains one tissue, or two tissues adjacent in intensity in a fraction that is uniform on (0, 1);
Gaussian noise of one standard deviation is added [1]_ [2]_. A third of the voxels of a brain are mixed: a
mixture of tissues alone broadens its components over them, and all of its means are biased.

The fractions are discretised to a few levels, so that every level of every pair is a Gaussian component whose
mean is tied to the means of its two tissues; the M-step is then a linear regression.

References
----------
.. [1] Santago P, Gage HD (1993). Quantification of MR brain images by mixture density and partial volume
   modeling. IEEE Trans Med Imaging 12:566-574.
.. [2] Laidlaw DH, Fleischer KW, Barr AH (1998). Partial-volume Bayesian classification of material mixtures
   in MR volume data using voxel histograms. IEEE Trans Med Imaging 17:74-86.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from mriseg.model.constants import (
    FRACTION_LEVELS,
    MAX_ITERATIONS,
    OUTLIERS,
    PRIOR_SHARE,
    PRIOR_WEIGHTS,
    TOLERANCE,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.floating]

# Fractions of the second tissue: midpoints of FRACTION_LEVELS equal intervals.
_FRACTIONS = (np.arange(FRACTION_LEVELS) + 0.5) / FRACTION_LEVELS
# Components in rows, tissues by rising mean in columns: the pure ones, then darkest with middle, middle with
# brightest. A row holds the fraction of each tissue in the voxel.
TISSUE_FRACTIONS = np.vstack([
    np.eye(3),
    np.column_stack([1 - _FRACTIONS, _FRACTIONS, 0 * _FRACTIONS]),
    np.column_stack([0 * _FRACTIONS, 1 - _FRACTIONS, _FRACTIONS]),
])  # fmt: skip
GROUP = np.repeat(np.arange(5), (1, 1, 1, len(_FRACTIONS), len(_FRACTIONS)))
GROUP_SIZES = np.bincount(GROUP)
FIRST_OF_GROUP = np.cumsum(GROUP_SIZES) - GROUP_SIZES
# Tissues that the components of each group contain.
GROUP_TISSUES = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [0, 1, 1]], dtype=np.bool_)

_FREE_PARAMETERS = 3 + 1 + 4


@dataclass(frozen=True, eq=False)
class PartialVolumeMixture:
    """A fitted mixture of three tissues and their partial volumes.

    Parameters
    ----------
    means : ndarray of float64, shape (3,)
        Of the pure tissues, rising.
    sd : float
        Standard deviation of the noise, the same in every component.
    weights : ndarray of float64, shape (5,)
        Shares of voxels: the three pure tissues, darkest mixed with middle, middle with brightest.
    outlier_range : float
        Range of intensities over which outliers are uniform.
    history : tuple of float
        Log-likelihood plus log-prior of the weights (less a constant), at the start and after each iteration;
        it never falls.
    converged : bool
        Whether the rise in one iteration fell below the tolerance.
    """

    means: Floats
    sd: float
    weights: Floats
    outlier_range: float
    history: tuple[float, ...] = ()
    converged: bool = False
    identifier: ClassVar[str] = "partial-volume"
    description: ClassVar[str] = "three tissues and their partial volumes"
    partial_volume: ClassVar[bool] = True
    n_groups: ClassVar[int] = 5
    monotonic: ClassVar[bool] = True
    settings: ClassVar[Mapping[str, object]] = {
        "Start": "hierarchical clustering, or the usual shares where those lead higher",
        "Trace": "log-likelihood plus log-prior of the weights",
        "Criterion": "rise of the trace per voxel",
        "Tolerance": TOLERANCE,
        "MaxIterations": MAX_ITERATIONS,
    }

    @property
    def sds(self) -> Floats:
        """Standard deviation of each pure tissue, shape (3,)."""
        return np.full(3, self.sd)

    @property
    def centres(self) -> Floats:
        """Means as a matrix, shape (3, 1)."""
        return self.means[:, None]

    @property
    def covariances(self) -> Floats:
        """Of the pure tissues, shape (3, 1, 1)."""
        return np.full((3, 1, 1), self.sd**2)

    def marginal(self, _channel: int) -> PartialVolumeMixture:
        """Return the mixture of the only channel."""
        return self

    @property
    def tissues_in_component(self) -> NDArray[np.bool_]:
        """Whether the components of a group contain a tissue, shape (5, 3)."""
        return GROUP_TISSUES

    def squared_distances(self, intensities: Floats) -> Floats:
        """Return squared Mahalanobis distances to the nearest component of each group.

        Parameters
        ----------
        intensities : ndarray, shape (B,)

        Returns
        -------
        ndarray, shape (B, 5)
            Of the dtype of the intensities.
        """
        centres = (TISSUE_FRACTIONS @ self.means).astype(intensities.dtype)
        away = (intensities - centres[:, None]) / intensities.dtype.type(self.sd)
        return np.asarray(np.minimum.reduceat(away * away, FIRST_OF_GROUP, axis=0).T)

    @property
    def separated(self) -> bool:
        """Whether all tissues lie at least one standard deviation apart."""
        return bool(np.diff(self.means).min() > self.sd)

    @property
    def n_iter(self) -> int:
        """Number of iterations done."""
        return max(0, len(self.history) - 1)

    @cached_property
    def _log_weights(self) -> Floats:
        """Logarithm of weight times normalising constant of each component, shape (J,)."""
        shares = self.weights / GROUP_SIZES
        constant = np.log(self.sd * np.sqrt(2 * np.pi))
        return np.asarray(np.log(np.maximum(shares, 1e-300))[GROUP] - constant)

    def weighted_densities(self, intensities: Floats) -> Floats:
        """Densities times weights of all components, shape (B, J)."""
        return np.asarray(np.exp(self._log_joint(intensities)))

    def _log_joint(self, intensities: Floats) -> Floats:
        residuals = (intensities[:, None] - TISSUE_FRACTIONS @ self.means) / self.sd
        return np.asarray(self._log_weights - 0.5 * residuals**2)

    def density(self, intensities: Floats) -> Floats:
        """Return the density of the mixture with its outliers.

        Parameters
        ----------
        intensities : ndarray, shape (B,)

        Returns
        -------
        ndarray of float64, shape (B,)
            Per unit of intensity.
        """
        return np.asarray(
            (1 - OUTLIERS) * self.weighted_densities(intensities).sum(axis=1) + OUTLIERS / self.outlier_range
        )

    def responsibilities(self, intensities: Floats) -> Floats:
        """Return the expected fraction of each tissue given the intensities.

        Parameters
        ----------
        intensities : ndarray, shape (B,)
            Intensities beyond the outer means are clipped to these: far out, the nearest component is not
            the most probable one.

        Returns
        -------
        ndarray of float64, shape (B, 3)
            Expected shares of the tissues by rising mean; rows sum to 1.
        """
        log_joint = self._log_joint(np.clip(intensities, self.means[0], self.means[2]))
        # Log-sum-exp: subtract the maximum against underflow.
        joint = np.exp(log_joint - log_joint.max(axis=1, keepdims=True))
        return np.asarray(joint / joint.sum(axis=1, keepdims=True) @ TISSUE_FRACTIONS)

    def inlier_responsibilities(self, intensities: Floats) -> Floats:
        """Return the probability of each component in the first column of intensities (N, D), (J, N).

        They sum to 1 less that of an outlier.
        """
        values = intensities[:, 0]
        return np.asarray((1 - OUTLIERS) * self.weighted_densities(values).T / self.density(values))

    def rescaled(self, factors: Floats) -> PartialVolumeMixture:
        """Return the mixture of the same intensities times a factor, shape (1,)."""
        return replace(self, means=self.means * factors, sd=self.sd * float(factors[0]))

    @classmethod
    def from_parameters(
        cls,
        centres: Floats,
        covariances: Floats,
        weights: Floats,
        tissues: Sequence[str],
        outlier_range: Floats,
    ) -> PartialVolumeMixture:
        """Return the mixture with given parameters, see `mriseg.model.base.FittedModel.from_parameters`."""
        del tissues
        sd = float(np.sqrt(covariances[0, 0, 0]))
        return cls(centres[:, 0], sd, weights, float(outlier_range[0]))

    def log_likelihood(self, intensities: Floats, counts: Floats) -> float:
        """Return the log-likelihood of a histogram, values and counts of shape (B,)."""
        return float(counts @ np.log(self.density(intensities)))

    def log_prior(self, voxels: float) -> float:
        """Return the logarithm of the prior of the weights, less a constant."""
        return float(PRIOR_SHARE * voxels * np.array(PRIOR_WEIGHTS) @ np.log(self.weights))

    def bic(self, intensities: Floats, counts: Floats) -> float:
        """Return the Bayesian information criterion of a histogram: the lower the better."""
        likelihood = self.log_likelihood(intensities, counts)
        return float(-2 * likelihood + _FREE_PARAMETERS * np.log(counts.sum()))
