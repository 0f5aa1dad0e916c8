"""Lesions of white matter, found as outliers of the mixture.

After [1]_: voxels that no tissue of their place explains, on the side of white matter that lesions are on.
The atypicality of `mriseg.model.posteriors` counts the intensities of grey matter as unlikely where the
template is sure of white matter.

References
----------
.. [1] Van Leemput K, Maes F, Vandermeulen D, Colchester A, Suetens P (2001). Automated segmentation of
   multiple sclerosis lesions by model outlier detection. IEEE Trans Med Imaging 20:677-688.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from mriseg.images.voxels import bounding_box
from mriseg.model.constants import LESION_ATYPICALITY, LESION_CORE_ATYPICALITY, LESION_CORE_MM3

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.floating]
    Mask = NDArray[np.bool_]


def on_side_of_lesions(columns: Sequence[NDArray[np.float32]], grey: Floats, white: Floats) -> Mask:
    """Return the voxels whose intensities are on the side of white matter that lesions are on.

    Lesions hold more water: where grey matter is the brighter of the two (FLAIR, T2, proton density), they
    are brighter still, and all such channels must show it. Without such a channel they are darker than white
    matter (T1).

    Parameters
    ----------
    columns : sequence of D ndarrays of float32, shape (N,)
        Intensities of the voxels in each channel.
    grey, white : ndarray, shape (D,)
        Means of grey and white matter.

    Returns
    -------
    ndarray of bool, shape (N,)

    >>> t1, flair = np.float32([80, 80]), np.float32([95, 60])
    >>> on_side_of_lesions([t1, flair], np.array([70, 90]), np.array([100, 70])).tolist()
    [True, False]
    """
    bright = [column > level for column, level in zip(columns, grey, strict=True)]
    telling = np.flatnonzero(grey > white)
    if not len(telling):
        return np.asarray(columns[0] < white[0])
    return np.asarray(np.logical_and.reduce([bright[channel] for channel in telling]))


def regions_with_core(reach: Mask, core: Mask, mask: Mask, zooms: Floats) -> Mask:
    """Return the face-connected regions that hold a core of `LESION_CORE_MM3`.

    Parameters
    ----------
    reach, core : ndarray of bool, shape (N,)
        Voxels of the mask that regions consist of, and those that make a core.
    mask : ndarray of bool, shape (X, Y, Z)
        N voxels.
    zooms : ndarray, shape (3,)
        Voxel size, mm.

    Returns
    -------
    ndarray of bool, shape (N,)
    """
    inner = mask[bounding_box(mask)]
    grid = np.zeros(inner.shape, dtype=bool)
    grid[inner] = reach
    regions = ndimage.label(grid)[0][inner]
    kept = np.bincount(regions, weights=core & reach) * np.prod(zooms) >= LESION_CORE_MM3
    kept[0] = False
    return np.asarray(kept[regions])


def white_lesions(
    columns: Sequence[NDArray[np.float32]],
    levels: tuple[Floats, Floats],
    log_odds: NDArray[np.float32],
    atypicality: NDArray[np.float32],
    mask: Mask,
    zooms: Floats,
) -> Mask:
    """Return the lesions of white matter among the voxels of a brain.

    Parameters
    ----------
    columns : sequence of D ndarrays of float32, shape (N,)
        Intensities of the voxels in each channel.
    levels : pair of ndarrays, shape (D,)
        Means of grey and white matter.
    log_odds : ndarray of float32, shape (N,)
        Log odds of white against grey matter at each place, by the template.
    atypicality : ndarray of float32, shape (N,)
        See `mriseg.model.posteriors.atypicality_of`.
    mask : ndarray of bool, shape (X, Y, Z)
        The brain, N voxels.
    zooms : ndarray, shape (3,)
        Voxel size, mm.

    Returns
    -------
    ndarray of bool, shape (N,)
    """
    likely = (log_odds > 0) & on_side_of_lesions(columns, *levels)
    reach, core = (likely & (atypicality > least) for least in (LESION_ATYPICALITY, LESION_CORE_ATYPICALITY))
    return regions_with_core(reach, core, mask, zooms)
