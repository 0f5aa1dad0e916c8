"""The interface of fitted mixtures of tissues, whatever their model."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Floats = NDArray[np.floating]
    Histogram = tuple[Floats, Floats]


class TissueModel(Protocol):
    """A fitted mixture of K tissues or classes in D channels.

    Tissues are in the order of their means in the first channel. The components of the mixture are the
    tissues themselves and, in models with partial volume, the voxels that two of them share; components that
    hold the same tissues are a group, of which there are G. Intensities are of shape (B, D), or (B,) in a
    single channel.
    """

    identifier: ClassVar[str]
    """Of the model, in sidecars; it stays the same from version to version."""
    description: ClassVar[str]
    """What the model is, in words."""
    partial_volume: ClassVar[bool]
    """Whether voxels may hold two tissues."""
    monotonic: ClassVar[bool]
    """Whether the labels of a single channel rise with intensity."""

    @property
    def settings(self) -> Mapping[str, object]:
        """How it was fitted: start, trace, criterion, tolerance, largest number of iterations."""

    @property
    def means(self) -> Floats:
        """In the first channel, shape (K,)."""

    @property
    def sds(self) -> Floats:
        """Standard deviations in the first channel, shape (K,)."""

    @property
    def centres(self) -> Floats:
        """Means in all channels, shape (K, D)."""

    @property
    def covariances(self) -> Floats:
        """Shape (K, D, D)."""

    @property
    def weights(self) -> Floats:
        """Mixing proportions of the groups, shape (G,)."""

    @property
    def history(self) -> tuple[float, ...]:
        """Objective of EM at the start and after each iteration; it never falls."""

    @property
    def converged(self) -> bool:
        """Whether EM met its criterion of convergence."""

    @property
    def n_iter(self) -> int:
        """Number of iterations of EM."""

    @property
    def tissues_in_component(self) -> NDArray[np.bool_]:
        """Which tissues the components of each group hold, shape (G, K)."""

    def marginal(self, channel: int) -> Self:
        """Return the mixture of one channel."""

    def density(self, intensities: Floats) -> Floats:
        """Return the density at intensities, shape (B,), per unit of intensity."""

    def responsibilities(self, intensities: Floats) -> Floats:
        """Return the expected share of each tissue at intensities, shape (B, K); rows sum to 1."""

    def squared_distances(self, intensities: Floats) -> Floats:
        """Return squared Mahalanobis distances to the nearest component of each group, shape (B, G)."""


class FittedModel(TissueModel, Protocol):
    """A mixture that EM fitted: it has a likelihood, and can be written to a sidecar and read back."""

    def bic(self, intensities: Floats, counts: Floats) -> float:
        """Return the Bayesian information criterion of a histogram: the lower the better."""

    def rescaled(self, factors: Floats) -> Self:
        """Return the mixture of the same intensities times a factor a channel, shape (D,)."""

    @classmethod
    def from_parameters(
        cls, centres: Floats, covariances: Floats, weights: Floats, grey: int, outlier_range: Floats
    ) -> Self:
        """Return the mixture with given parameters.

        Parameters
        ----------
        centres : ndarray of float64, shape (K, D)
        covariances : ndarray of float64, shape (K, D, D)
        weights : ndarray of float64, shape (G,)
            Of the groups; they sum to 1.
        grey : int
            Rank of grey matter by rising mean of the first channel.
        outlier_range : ndarray of float64, shape (D,)
            Range of intensities over which outliers are uniform.
        """


def reach(centres: Floats, sds: Floats) -> Floats:
    """Return the range of intensities that tissues (K, D) cover with six standard deviations, shape (D,)."""
    return np.asarray(np.ptp(centres, axis=0) + 6 * sds.max(axis=0))
