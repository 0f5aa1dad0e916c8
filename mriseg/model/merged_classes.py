"""Gaussian classes merged to the three tissues that they hold, for ``--merge`` and ``--covariance``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from mriseg.model.base import TissueModel

    Floats = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class MergedClasses:
    """A mixture of N classes, each of which holds three tissues in constant shares.

    Parameters
    ----------
    parts : GaussianClasses
        The classes.
    content : ndarray of float64, shape (N, 3)
        Share of each tissue in the voxels of each class; rows sum to 1.
    tissues : TissueModel
        The mixture of three tissues that found these shares.
    """

    parts: TissueModel
    content: Floats
    tissues: TissueModel
    identifier: ClassVar[str] = "merged-classes"
    description: ClassVar[str] = "Gaussian classes merged to three tissues"
    partial_volume: ClassVar[bool] = False
    monotonic: ClassVar[bool] = True

    @property
    def settings(self) -> Mapping[str, object]:
        """How the classes were fitted."""
        return self.parts.settings

    @property
    def tissues_in_component(self) -> NDArray[np.bool_]:
        """Whether a class consists mostly of a tissue, shape (N, 3)."""
        return np.eye(3, dtype=np.bool_)[self.tissue_of]

    @property
    def tissue_of(self) -> NDArray[np.intp]:
        """The tissue that each class mostly consists of, shape (N,)."""
        return np.asarray(self.content.argmax(axis=1))

    @property
    def weights(self) -> Floats:
        """Share of voxels of each tissue, shape (3,)."""
        return np.asarray(self.parts.weights @ self.content)

    @property
    def centres(self) -> Floats:
        """Means of the tissues, shape (3, D)."""
        return self.tissues.centres

    @property
    def means(self) -> Floats:
        """Of the tissues in the first channel, shape (3,)."""
        return self.tissues.means

    @property
    def covariances(self) -> Floats:
        """Covariances of the tissues, shape (3, D, D)."""
        return self.tissues.covariances

    @property
    def sds(self) -> Floats:
        """Standard deviation of each tissue in the first channel, shape (3,)."""
        return self.tissues.sds

    @property
    def history(self) -> tuple[float, ...]:
        """Log-likelihood at the start and after each iteration; it never falls."""
        return self.parts.history

    @property
    def converged(self) -> bool:
        """Whether the relative rise fell below the tolerance."""
        return self.parts.converged

    @property
    def n_iter(self) -> int:
        """Number of iterations done."""
        return self.parts.n_iter

    def marginal(self, channel: int) -> MergedClasses:
        """Return the mixture of one channel."""
        return MergedClasses(self.parts.marginal(channel), self.content, self.tissues.marginal(channel))

    def density(self, intensities: Floats) -> Floats:
        """Return the density at intensities (B, D), or (B,) of one channel."""
        return self.parts.density(intensities)

    def responsibilities(self, intensities: Floats) -> Floats:
        """Return the expected share of each tissue at intensities (B, D) or (B,), shape (B, 3)."""
        return np.asarray(self.parts.responsibilities(intensities) @ self.content)

    def squared_distances(self, intensities: Floats) -> Floats:
        """Return the squared Mahalanobis distance (B, N) of intensities (B, D) or (B,) from each class."""
        return self.parts.squared_distances(intensities)


def merge(parts: TissueModel, tissues: TissueModel, cells: Floats, counts: Floats) -> MergedClasses:
    """Compute how much of each tissue the voxels of each class hold.

    Parameters
    ----------
    parts : GaussianClasses
        Of N classes.
    tissues : TissueModel
        Three tissues fitted to the same intensities.
    cells, counts : ndarray of float64, shapes (B,) or (B, D), and (B,)
        Intensities and how many voxels have them.

    Returns
    -------
    MergedClasses
        With as much of each tissue in all voxels as `tissues` has.
    """
    held = parts.responsibilities(cells).T @ (counts[:, None] * tissues.responsibilities(cells))
    return MergedClasses(parts, held / held.sum(axis=1, keepdims=True), tissues)
