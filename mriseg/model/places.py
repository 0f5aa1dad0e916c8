"""Places of a brain that the template tells the same of, and the proportions of tissues there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mriseg.model.constants import CSF_PROPORTION, DEEP_GREY_STEP, LOG_ODDS_STEP

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class Places:
    """The voxels of a brain, grouped into C places by the tissue prior.

    Parameters
    ----------
    number : ndarray of int16, shape (N,)
        Place of each voxel, 0 to C - 1.
    proportions : ndarray of float64, shape (C, 4)
        Prior proportions of CSF, cortical GM, deep GM and WM in each place; rows sum to 1.
    levels : ndarray of float64, shape (3,)
        Rough intensities of CSF, GM and WM, from the template's maps.
    """

    number: NDArray[np.int16]
    proportions: Floats
    levels: Floats

    def among(self, chosen: NDArray[np.bool_]) -> Places:
        """Return the places of some of the voxels, chosen by an array of bool, shape (N,)."""
        return Places(self.number[chosen], self.proportions, self.levels)

    def above(self, intensity: float) -> Places:
        """Return the places for intensities less that of air."""
        return Places(self.number, self.proportions, self.levels - intensity)

    def counts(self, bins: NDArray[np.intp], n_bins: int) -> Floats:
        """Count the voxels of each place in each bin of intensity.

        Parameters
        ----------
        bins : ndarray of int, shape (N,)
            Bin of each voxel, 0 to B - 1.
        n_bins : int
            B.

        Returns
        -------
        ndarray of float64, shape (C, B)
        """
        length = len(self.proportions) * n_bins
        return (
            np.bincount(self.number.astype(np.intp) * n_bins + bins, minlength=length)
            .reshape(-1, n_bins)
            .astype(float)
        )


def places_of(log_odds: NDArray[np.float32], deep_grey: NDArray[np.float32], levels: Floats) -> Places:
    """Group voxels by the template's log odds of WM against cortex and its share of deep grey matter.

    Parameters
    ----------
    log_odds : ndarray of float32, shape (N,)
    deep_grey : ndarray of float32, shape (N,)
        Share of deep GM in GM and WM, 0 to 1.
    levels : ndarray of float64, shape (3,)
        Rough intensities of CSF, GM and WM.

    Returns
    -------
    Places
        With the mean prior of the voxels of each place.

    >>> places_of(np.float32([0, 0, 9]), np.float32([0, 0, 0]), np.ones(3)).number.tolist()
    [0, 0, 1]
    """
    cells = np.rint(log_odds / np.float32(LOG_ODDS_STEP)).astype(np.int32)
    parts = np.rint(deep_grey / np.float32(DEEP_GREY_STEP)).astype(np.int32)
    cells -= cells.min()
    cells *= parts.max() + 1
    cells += parts
    number = (np.cumsum(np.bincount(cells) > 0) - 1).astype(np.int16)[cells]
    sizes = np.bincount(number)
    odds, deep = (np.bincount(number, weights=prior) / sizes for prior in (log_odds, deep_grey))
    white = 1 / (1 + np.exp(-odds))
    tissue = np.stack([(1 - deep) * (1 - white), deep, (1 - deep) * white], axis=1)
    proportions = np.column_stack([np.full(len(sizes), CSF_PROPORTION), (1 - CSF_PROPORTION) * tissue])
    return Places(number, proportions, levels)
