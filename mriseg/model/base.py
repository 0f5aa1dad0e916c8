"""Interface of fitted tissue mixtures."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.floating]
    Histogram = tuple[Floats, Floats]


class TissueModel(Protocol):
    """A fitted mixture of K tissues or classes in D channels.

    Tissues are in the order of their means in the first channel. The components of the mixture are the
    pure tissues and, in models with partial volume, mixtures of two of them in fixed fractions; components
    that contain the same tissues form a group; there are G groups. Intensities are of shape (B, D), or (B,)
    in a single channel.
    """

    identifier: ClassVar[str]
    """Identifier of the model in sidecars, the same in all versions."""
    description: ClassVar[str]
    """Description for people; never parsed."""
    partial_volume: ClassVar[bool]
    """Whether the model has components of two tissues."""
    monotonic: ClassVar[bool]
    """Whether the labels of a single channel rise with intensity."""

    @property
    def settings(self) -> Mapping[str, object]:
        """How it was fitted: start, trace, criterion, tolerance, largest number of iterations."""

    @property
    def means(self) -> Floats:
        """Means in the first channel, shape (K,)."""

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
        """Whether EM met its convergence criterion."""

    @property
    def n_iter(self) -> int:
        """Number of iterations of EM."""

    @property
    def tissues_in_component(self) -> NDArray[np.bool_]:
        """Whether the components of a group contain a tissue, shape (G, K)."""

    def marginal(self, channel: int) -> Self:
        """Return the mixture of one channel."""

    def density(self, intensities: Floats) -> Floats:
        """Return the density at intensities, shape (B,), per unit of intensity."""

    def responsibilities(self, intensities: Floats) -> Floats:
        """Return the expected share of each tissue at intensities, shape (B, K); rows sum to 1."""

    def squared_distances(self, intensities: Floats) -> Floats:
        """Return squared Mahalanobis distances to the nearest component of each group, shape (B, G)."""


class FittedModel(TissueModel, Protocol):
    """A mixture fitted by EM: has a BIC, and can be restored from the parameters in a sidecar."""

    n_groups: ClassVar[int]
    """Number of groups of components; 0 where every class is a group."""

    def bic(self, intensities: Floats, counts: Floats) -> float:
        """Return the Bayesian information criterion of a histogram: the lower the better."""

    def rescaled(self, factors: Floats) -> Self:
        """Return the mixture of the same intensities times a factor a channel, shape (D,)."""

    @classmethod
    def from_parameters(
        cls,
        centres: Floats,
        covariances: Floats,
        weights: Floats,
        tissues: Sequence[str],
        outlier_range: Floats,
    ) -> Self:
        """Return the mixture with given parameters.

        Parameters
        ----------
        centres : ndarray of float64, shape (K, D)
        covariances : ndarray of float64, shape (K, D, D)
        weights : ndarray of float64, shape (G,)
            Of the groups; they sum to 1.
        tissues : sequence of str, length K
            Their abbreviations.
        outlier_range : ndarray of float64, shape (D,)
            Range of intensities over which outliers are uniform.
        """


def intensity_range(centres: Floats, sds: Floats) -> Floats:
    """Return the range of intensities that tissues (K, D) cover with six standard deviations, shape (D,)."""
    return np.asarray(np.ptp(centres, axis=0) + 6 * sds.max(axis=0))
