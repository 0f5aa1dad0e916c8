"""Cells of a brain, some millimetres wide, whose mean intensities a bias field is estimated from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mriseg.model.constants import CELL_MM, MIN_PURITY, VALIDATION_FOLDS, VALIDATION_REGION_MM

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class Cells:
    """Blocks of voxels, those that lie in the brain: M of them.

    Parameters
    ----------
    voxels : float
        Number of voxels in a whole cell.
    number : ndarray of int, shape (N,)
        Number of the cell of each voxel of the mask.
    inside : ndarray of bool, coarse shape
        Whether a cell is at least half in the brain.
    positions : ndarray of float64, shape (M, 3)
        Scaled position of the middle of each cell.
    fold : ndarray of int, shape (M,)
        Fold of the cross-validation.
    centre, scale : ndarray of float64, shape (3,)
        Of the positions, in voxels.
    """

    voxels: float
    number: NDArray[np.intp]
    inside: NDArray[np.bool_]
    positions: Floats
    fold: NDArray[np.intp]
    centre: Floats
    scale: Floats

    @classmethod
    def of(cls, mask: NDArray[np.bool_], zooms: Floats) -> Cells:
        """Divide the brain of a mask on voxels of given zooms (mm) into cells."""
        # The grid is centred on the bounding box, so that results are equivariant under reflection. With even
        # cell sizes this is not always possible; cells of two 2-mm voxels are kept even so.
        size = np.maximum(1, np.round(CELL_MM / zooms)).astype(int)
        size += (size > 2) & (size % 2 == 0)
        lacking = -np.array(mask.shape) % size
        margin = (lacking + size * (lacking % 2)) // 2
        number, shape = _cell_numbers(mask, size, margin)
        voxels = float(size.prod())
        inside = np.bincount(number, minlength=math.prod(shape)).reshape(shape) > 0.5 * voxels
        if not inside.any():
            inside[...] = True
        middles = np.argwhere(inside) * size + (size - 1) / 2 - margin
        centre = middles.mean(axis=0)
        offsets = (middles - centre) * zooms
        scale = max(CELL_MM, 2 * float(np.sqrt((offsets**2).mean()))) / zooms
        fold = np.abs(np.round(offsets / VALIDATION_REGION_MM)).astype(int) @ (1, 2, 3) % VALIDATION_FOLDS
        return cls(voxels, number, inside, (middles - centre) / scale, fold, centre, scale)

    def pure_cells(
        self, purity: NDArray[np.float32], intensities: NDArray[np.float32], min_purity: float = MIN_PURITY
    ) -> tuple[NDArray[np.bool_], Floats]:
        """Return which cells (M,) are pure white matter, and the mean intensity in those."""
        share = self._means(purity)
        least = min_purity * float(np.percentile(share, 99))
        pure = (share >= least) & (share > 0)
        brightness = self._means(purity * intensities)[pure] / share[pure]
        positive = brightness > 0
        pure[pure] = positive
        return pure, brightness[positive]

    def _means(self, values: NDArray[np.float32]) -> Floats:
        sums = np.bincount(self.number, weights=values, minlength=self.inside.size)
        return np.asarray(sums[self.inside.ravel()] / self.voxels)


def _cell_numbers(
    mask: NDArray[np.bool_], size: NDArray[np.intp], margin: NDArray[np.intp]
) -> tuple[NDArray[np.intp], tuple[int, ...]]:
    """Return the number of the cell that each voxel of the mask is in, and the shape of the grid of cells.

    The grid starts `margin` voxels before the first voxel.
    """
    along = [
        (np.arange(n) + before) // step for n, before, step in zip(mask.shape, margin, size, strict=True)
    ]
    shape = tuple(int(places[-1]) + 1 for places in along)
    x, y, z = np.ix_(*(places.astype(np.int32) for places in along))
    numbers = (x * shape[1] + y) * shape[2] + z
    return numbers[mask].astype(np.intp), shape
