"""Figures of the labels: speckle, tissues out of place, sharpness, symmetry, regions unlike any tissue.

Labels are those of `mriseg.labels.tissues`. Figures that cannot be computed are nan.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import ndimage

from mriseg.labels.tissues import GM, WM
from mriseg.quality.constants import DEEP_LOG_ODDS, MIN_FIGURE_VOXELS, SPECKLE_NEIGHBOURS
from mriseg.quality.tissue_figures import neighbours, pairs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.floating]
    Mask = NDArray[np.bool_]
    Labels = NDArray[np.uint8]

_FACES = ((-1, 0, 0), (1, 0, 0), (0, -1, 0), (0, 1, 0), (0, 0, -1), (0, 0, 1))


class Region(NamedTuple):
    """A connected region: its voxels, and the mean of their indices."""

    voxels: int
    centre: tuple[float, float, float]


def speckle(labels: Labels, tissue: int, around: int, steps: Sequence[int]) -> float:
    """Return the share of a tissue in single voxels within another.

    Parameters
    ----------
    labels : ndarray of uint8, shape (X, Y, Z)
    tissue, around : int
        Labels.
    steps : sequence of int, length 3
        Every so-manieth voxel is taken.

    Returns
    -------
    float
        Share of the voxels of the tissue of whose six neighbours at least five are of the other.
    """
    centre = neighbours(labels, steps, (0, 0, 0)) == tissue
    voxels = np.count_nonzero(centre)
    if voxels < MIN_FIGURE_VOXELS:
        return np.nan
    count = np.zeros(centre.shape, dtype=np.uint8)
    for offset in _FACES:
        count += neighbours(labels, steps, offset) == around
    return np.count_nonzero(centre & (count >= SPECKLE_NEIGHBOURS)) / voxels


def out_of_place(labels: Labels, tissue: int, deep: Mask) -> float:
    """Return the share of a tissue among the voxels (N,) that lie deep in another; nan if there are few."""
    voxels = np.count_nonzero(deep)
    return np.count_nonzero(labels[deep] == tissue) / voxels if voxels >= MIN_FIGURE_VOXELS else np.nan


def deep_white(log_odds: Floats) -> Mask:
    """Return where the template is all but sure of WM, from its log odds (N,)."""
    return np.asarray(log_odds > DEEP_LOG_ODDS)


def deep_grey(log_odds: Floats) -> Mask:
    """Return where the template is all but sure of cortex, from its log odds (N,)."""
    return np.asarray(log_odds < -DEEP_LOG_ODDS)


def edge_sharpness(
    signal: Floats, labels: Labels, contrast: float, zooms: Floats, steps: Sequence[int]
) -> float:
    """Return the steepness of the border of WM and GM.

    Parameters
    ----------
    signal : ndarray, shape (X, Y, Z)
    labels : ndarray of uint8, shape (X, Y, Z)
    contrast : float
        WM less GM, in the unit of the signal.
    zooms : ndarray of float64, shape (3,)
        Voxel size, mm.
    steps : sequence of int, length 3
        Across each axis every so-manieth voxel is taken, see `pairs`.

    Returns
    -------
    float
        Mean of the step from GM to WM between neighbours, as a share of the contrast, per mm.
    """
    slopes, count = 0.0, 0
    for axis, zoom in enumerate(zooms.tolist()):
        here, there = pairs(labels, axis, 1, steps)
        first, second = pairs(signal, axis, 1, steps)
        for border, sign in (
            ((here == GM.index) & (there == WM.index), 1),
            ((here == WM.index) & (there == GM.index), -1),
        ):
            steps_up = sign * (second[border] - first[border])
            slopes += float(steps_up.sum(dtype=np.float64)) / zoom
            count += len(steps_up)
    return slopes / (count * contrast) if count >= MIN_FIGURE_VOXELS and contrast else np.nan


def asymmetry(right: float, left: float) -> float:
    """Return the difference of right and left over their mean; nan if both are 0.

    >>> asymmetry(110.0, 90.0)
    0.2
    """
    return 2 * (right - left) / (right + left) if right + left > 0 else np.nan


def right_half(brain: Mask, to_mni: Floats | None) -> Mask:
    """Return the voxels to the right of the midline.

    Parameters
    ----------
    brain : ndarray of bool, shape (X, Y, Z)
        In canonical orientation.
    to_mni : ndarray of float64, shape (4, 4), or None
        Voxels to MNI coordinates, mm; None: the midline is the plane that halves the brain.

    Returns
    -------
    ndarray of bool, shape (X, Y, Z)
        A read-only view if there are no MNI coordinates.
    """
    x, y, z = np.ogrid[tuple(slice(n) for n in brain.shape)]
    if to_mni is not None:
        a, b, c, d = to_mni[0]
        return np.asarray(a * x + b * y + c * z + d > 0)
    across = np.cumsum(brain.sum(axis=(1, 2)))
    return np.broadcast_to(x > np.searchsorted(across, across[-1] / 2), brain.shape)


def largest_region(mask: Mask) -> Region | None:
    """Return the largest face-connected region of a mask; None if it is empty."""
    regions, count = ndimage.label(mask)
    if not count:
        return None
    sizes = np.bincount(regions.ravel())[1:]
    largest = int(sizes.argmax()) + 1
    x, y, z = np.argwhere(regions == largest).mean(axis=0).tolist()
    return Region(int(sizes[largest - 1]), (x, y, z))
