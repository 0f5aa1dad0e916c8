"""Mixture of three tissues with partial volume in any number of channels.

The model of `mriseg.model.partial_volume` for vectors of intensities. A mixed voxel is the sum of one part
for each of its tissues; mean and variance of a part are proportional to its fraction [1]_. The parts are the
missing data of EM.

Noise is independent between channels. In the first channel its variance is common to all tissues, as in the
single-channel model; in the others each tissue has its own variance: what is one dark rim in T1 may be
fluid and dura in T2, and the channel should have less weight there. Covariances between channels are zero
because anatomy, not noise, would dominate them: on real T1, T2 and FLAIR full covariances merge grey and
white matter into one component.

The equations of EM are those of `mriseg.model.multichannel_em`.

References
----------
.. [1] Van Leemput K, Maes F, Vandermeulen D, Suetens P (2003). A unifying framework for partial volume
   segmentation of brain MR images. IEEE Trans Med Imaging 22:105-119.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from mriseg.labels.tissues import GM
from mriseg.model.constants import (
    MAX_ITERATIONS,
    OUTLIERS,
    TOLERANCE,
)
from mriseg.model.partial_volume import FIRST_OF_GROUP, GROUP, GROUP_SIZES, GROUP_TISSUES, TISSUE_FRACTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class MultichannelMixture:
    """A fitted mixture of three tissues and their partial volumes in D channels.

    Parameters
    ----------
    centres : ndarray of float64, shape (3, D)
        Means of the pure tissues, by rising mean of the first channel.
    variances : ndarray of float64, shape (3, D)
        Of the pure tissues.
    weights : ndarray of float64, shape (5,)
        Mixing proportions of the groups: CSF, GM and WM, or the reverse; the first two mixed; the last two
        mixed.
    middle : int
        Row of the tissue that has partial volumes with both others: grey matter.
    outlier_range : ndarray of float64, shape (D,)
        Range of intensities over which outliers are uniform.
    history : tuple of float
        Log-likelihood plus log-prior of the weights (less a constant), at the start and after each iteration;
        it never falls.
    converged : bool
        Whether the rise in one iteration fell below the tolerance.
    """

    centres: Floats
    variances: Floats
    weights: Floats
    middle: int
    outlier_range: Floats
    history: tuple[float, ...] = ()
    converged: bool = False
    identifier: ClassVar[str] = "partial-volume-multichannel"
    description: ClassVar[str] = "three tissues and their partial volumes in any number of channels"
    partial_volume: ClassVar[bool] = True
    n_groups: ClassVar[int] = 5
    # Where GM is not the middle tissue by intensity, mixtures of CSF and GM overlap WM.
    monotonic: ClassVar[bool] = False
    settings: ClassVar[Mapping[str, object]] = {
        "Start": "hierarchical clustering of 1000 voxels, or the tissues of the first channel where those "
        "lead higher",
        "Trace": "log-likelihood plus log-prior of the weights",
        "Criterion": "rise of the trace per voxel",
        "Tolerance": TOLERANCE,
        "MaxIterations": MAX_ITERATIONS,
    }

    @property
    def means(self) -> Floats:
        """Of the pure tissues in the first channel, shape (3,)."""
        return self.centres[:, 0]

    @property
    def sds(self) -> Floats:
        """Standard deviation of each pure tissue in the first channel, shape (3,)."""
        return np.asarray(np.sqrt(self.variances[:, 0]))

    @property
    def covariances(self) -> Floats:
        """Of the pure tissues, shape (3, D, D)."""
        return self.variances[:, :, None] * np.eye(self.variances.shape[1])

    @property
    def n_iter(self) -> int:
        """Number of iterations done."""
        return max(0, len(self.history) - 1)

    @property
    def n_parameters(self) -> int:
        """Number of free parameters."""
        return self.centres.size + 1 + self.variances[:, 1:].size + 4

    @cached_property
    def content(self) -> Floats:
        """Fraction of each tissue in each component, shape (J, 3)."""
        return TISSUE_FRACTIONS[:, columns_of(self.middle)]

    @cached_property
    def _coefficients(self) -> tuple[Floats, Floats]:
        """Coefficients of squares and intensities in the log density, (2 D, J), and offsets (J,).

        The offsets contain neither weights nor normalising constants.
        """
        centres = self.content @ self.centres - self._origin
        precisions = 1 / (self.content @ self.variances)
        slopes = np.concatenate([-0.5 * precisions, precisions * centres], axis=1).T
        return slopes, -0.5 * (precisions * centres**2).sum(axis=1)

    @cached_property
    def _origin(self) -> Floats:
        """Mean of the tissue means, (D,): centring keeps squares accurate in single precision."""
        return np.asarray(self.centres.mean(axis=0))

    @cached_property
    def _log_shares(self) -> Floats:
        """Logarithm of weight times the constant of the normal density of each component, shape (J,)."""
        shares = np.log(np.maximum(self.weights / GROUP_SIZES, 1e-300))[GROUP]
        return np.asarray(shares - 0.5 * np.log(2 * np.pi * (self.content @ self.variances)).sum(axis=1))

    @property
    def outlier_density(self) -> float:
        """Weight times density of the outliers, the same everywhere."""
        return OUTLIERS / float(np.prod(self.outlier_range))

    def marginal(self, channel: int) -> MultichannelMixture:
        """Return the mixture of one channel."""
        return replace(
            self,
            centres=self.centres[:, [channel]],
            variances=self.variances[:, [channel]],
            outlier_range=self.outlier_range[[channel]],
        )

    def density(self, intensities: Floats) -> Floats:
        """Return the density of the mixture with its outliers.

        Parameters
        ----------
        intensities : ndarray, shape (B, D), or (B,) of one channel

        Returns
        -------
        ndarray of float64, shape (B,)
        """
        return np.asarray(self.weighted_densities(intensities).sum(axis=1) + self.outlier_density)

    def responsibilities(self, intensities: Floats) -> Floats:
        """Return the expected fraction of each tissue given the intensities.

        Parameters
        ----------
        intensities : ndarray, shape (B, D), or (B,) of one channel

        Returns
        -------
        ndarray, shape (B, 3)
            Expected shares of the tissues, in the precision of the intensities; rows sum to 1.
        """
        joint = self._negative_half_distances(intensities)
        joint += self._log_shares.astype(joint.dtype)
        joint -= joint.max(axis=1, keepdims=True)
        np.exp(joint, out=joint)
        shares = joint @ self.content.astype(joint.dtype)
        return np.asarray(shares / shares.sum(axis=1, keepdims=True))

    @property
    def tissues_in_component(self) -> NDArray[np.bool_]:
        """Whether the components of a group contain a tissue, shape (5, 3)."""
        return GROUP_TISSUES[:, columns_of(self.middle)]

    def squared_distances(self, intensities: Floats) -> Floats:
        """Return squared Mahalanobis distances to the nearest component of each group.

        Parameters
        ----------
        intensities : ndarray, shape (B, D), or (B,) of one channel

        Returns
        -------
        ndarray, shape (B, 5)
            Of the dtype of the intensities.
        """
        nearest = np.maximum.reduceat(self._negative_half_distances(intensities), FIRST_OF_GROUP, axis=1)
        return np.asarray(np.maximum(-2 * nearest, 0))

    def rescaled(self, factors: Floats) -> MultichannelMixture:
        """Return the mixture of the same intensities times a factor a channel, shape (D,)."""
        return replace(self, centres=self.centres * factors, variances=self.variances * factors**2)

    @classmethod
    def from_parameters(
        cls,
        centres: Floats,
        covariances: Floats,
        weights: Floats,
        tissues: Sequence[str],
        outlier_range: Floats,
    ) -> MultichannelMixture:
        """Return the mixture with given parameters, see `mriseg.model.base.FittedModel.from_parameters`."""
        variances = np.diagonal(covariances, axis1=1, axis2=2)
        return cls(centres, variances, weights, tissues.index(GM.abbreviation), outlier_range)

    def bic(self, intensities: Floats, counts: Floats) -> float:
        """Return the Bayesian information criterion of a joint histogram: the lower the better."""
        likelihood = float(counts @ np.log(self.density(intensities)))
        return float(-2 * likelihood + self.n_parameters * np.log(counts.sum()))

    def _negative_half_distances(self, intensities: Floats) -> Floats:
        """Return -1/2 times the squared Mahalanobis distance to each component, shape (B, J)."""
        points = intensities.reshape(len(intensities), -1)
        points = points - self._origin.astype(points.dtype)
        slopes, offsets = (array.astype(points.dtype) for array in self._coefficients)
        nearness = np.concatenate([points**2, points], axis=1) @ slopes
        nearness += offsets
        return np.asarray(nearness)

    def weighted_densities(self, intensities: Floats) -> Floats:
        """Weight times density of all components, shape (B, J)."""
        return np.asarray(
            (1 - OUTLIERS)
            * np.exp(self._negative_half_distances(intensities.astype(np.float64)) + self._log_shares)
        )


def columns_of(middle: int) -> list[int]:
    """Return the column of `TISSUE_FRACTIONS` (CSF, GM, WM, or the reverse) of each tissue."""
    first, last = (rank for rank in range(3) if rank != middle)
    return [(first, middle, last).index(rank) for rank in range(3)]
