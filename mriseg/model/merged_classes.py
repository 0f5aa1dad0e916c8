"""Gaussian classes merged to three tissues, for ``--merge``."""

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
    """A mixture of N classes, each assigned to one of three tissues.

    Parameters
    ----------
    parts : GaussianClasses
        The classes.
    tissue_of : ndarray of int, shape (N,)
        Rank of the tissue of each class, by rising mean of the first channel.
    """

    parts: TissueModel
    tissue_of: NDArray[np.intp]
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
        """Whether a class belongs to a tissue, shape (N, 3)."""
        return np.eye(3, dtype=np.bool_)[self.tissue_of]

    @property
    def weights(self) -> Floats:
        """Share of voxels of each tissue, shape (3,)."""
        return np.asarray(self.parts.weights @ self.tissues_in_component)

    @property
    def centres(self) -> Floats:
        """Means of the tissues, shape (3, D)."""
        return np.asarray(self._shares.T @ self.parts.centres)

    @property
    def means(self) -> Floats:
        """Of the tissues in the first channel, shape (3,)."""
        return self.centres[:, 0]

    @property
    def covariances(self) -> Floats:
        """Covariances of the tissues, within plus between their classes, shape (3, D, D)."""
        differences = self.parts.centres - self.centres[self.tissue_of]
        spread = self.parts.covariances + differences[:, :, None] * differences[:, None, :]
        return np.asarray(np.einsum("nk,nij->kij", self._shares, spread))

    @property
    def sds(self) -> Floats:
        """Standard deviation of each tissue in the first channel, shape (3,)."""
        return np.asarray(np.sqrt(self.covariances[:, 0, 0]))

    @property
    def _shares(self) -> Floats:
        """Share of each class in its tissue, shape (N, 3); columns sum to 1."""
        return np.asarray(self.parts.weights[:, None] * self.tissues_in_component / self.weights)

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
        return MergedClasses(self.parts.marginal(channel), self.tissue_of)

    def density(self, intensities: Floats) -> Floats:
        """Return the density at intensities (B, D), or (B,) of one channel."""
        return self.parts.density(intensities)

    def responsibilities(self, intensities: Floats) -> Floats:
        """Return the posterior probability of each tissue at intensities (B, D) or (B,), shape (B, 3)."""
        return np.asarray(self.parts.responsibilities(intensities) @ self.tissues_in_component)

    def squared_distances(self, intensities: Floats) -> Floats:
        """Return the squared Mahalanobis distance (B, N) of intensities (B, D) or (B,) from each class."""
        return self.parts.squared_distances(intensities)


def merge(parts: TissueModel, tissues: TissueModel, cells: Floats, counts: Floats) -> MergedClasses:
    """Assign classes to tissues by shared voxels.

    Parameters
    ----------
    parts : GaussianClasses
        Of N classes, three at least.
    tissues : TissueModel
        Three tissues fitted to the same intensities.
    cells, counts : ndarray of float64, shapes (B,) or (B, D), and (B,)
        Intensities and how many voxels have them.

    Returns
    -------
    MergedClasses
        Each class is assigned to the tissue of most of its voxels. A tissue without a class gets
        the class for which this costs the fewest voxels.
    """
    shared = parts.responsibilities(cells).T @ (counts[:, None] * tissues.responsibilities(cells))
    tissue_of = shared.argmax(axis=1)
    for tissue in range(3):
        if tissue in tissue_of:
            continue
        loss = shared.max(axis=1) - shared[:, tissue]
        loss[np.bincount(tissue_of, minlength=3)[tissue_of] == 1] = np.inf
        tissue_of[int(np.argmin(loss))] = tissue
    return MergedClasses(parts, tissue_of)
