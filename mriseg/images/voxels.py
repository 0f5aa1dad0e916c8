"""Operations on voxel grids: bounding boxes, faces, connected components, coarsening."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


# Ratio of the standard deviation of a Gaussian to its full width at half maximum.
FWHM_TO_SIGMA = 1 / np.sqrt(8 * np.log(2))
# Voxels: what is added before a number of voxels is rounded down; more than a half by what headers round off.
HALF = 0.5001


def bounding_box(mask: NDArray[np.bool_], margin: int | Sequence[int] = 0) -> tuple[slice, ...]:
    """Return the bounding box of a mask that is not empty, a slice for each axis.

    With a margin, of all axes or of each, it is wider by so many voxels at either end, within the array.

    >>> bounding_box(np.array([[False, True, True], [False, True, False]]))
    (slice(0, 2, None), slice(1, 3, None))
    >>> bounding_box(np.array([False, False, True, True, False]), 1)
    (slice(1, 5, None),)
    """
    sides = []
    for axis, wider in enumerate(np.broadcast_to(margin, mask.ndim).tolist()):
        filled = np.flatnonzero(mask.any(axis=tuple(a for a in range(mask.ndim) if a != axis)))
        sides.append(
            slice(max(0, int(filled[0]) - wider), min(mask.shape[axis], int(filled[-1]) + 1 + wider))
        )
    return tuple(sides)


def voxels_of(length_mm: float, zooms: NDArray[np.floating]) -> NDArray[np.intp]:
    """Return a length in whole voxels along each axis, shape (3,), at least one.

    Halves are rounded up, also where the zooms are a rounding error larger: the same scan may be stored with
    zooms of 2 mm and of 2.0000001 mm.

    >>> voxels_of(3, np.array([1, 2, 2.0000001])).tolist()
    [3, 2, 2]
    """
    voxels: NDArray[np.intp] = np.maximum(1, np.floor(length_mm / zooms + HALF)).astype(np.intp)
    return voxels


def contiguous(array: NDArray[Any]) -> NDArray[Any]:
    """Return a volume (X, Y, Z) in C order; a copy, if need be, is made plane by plane to stay in the cache.

    >>> contiguous(np.zeros((2, 3, 4), order="F")).flags.c_contiguous
    True
    """
    if array.flags.c_contiguous:
        return array
    copy = np.empty(array.shape, dtype=array.dtype)
    for y in range(array.shape[1]):
        copy[:, y] = array[:, y]
    return copy


def faces(array: NDArray[Any]) -> NDArray[Any]:
    """Return the values on the six faces of a volume (X, Y, Z), concatenated.

    >>> faces(np.arange(8).reshape(2, 2, 2)).size
    24
    """
    return np.concatenate([np.moveaxis(array, axis, 0)[[0, -1]].ravel() for axis in range(3)])


def largest_component(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the largest face-connected component of a mask that is not empty.

    >>> largest_component(np.array([True, False, True, True]))
    array([False, False,  True,  True])
    """
    labels, _ = ndimage.label(mask)
    largest: NDArray[np.bool_] = labels == 1 + np.argmax(np.bincount(labels.ravel())[1:])
    return largest


def coarsen(
    data: NDArray[np.float32] | NDArray[np.bool_], affine: NDArray[np.floating], spacing: float
) -> tuple[NDArray[np.float32], NDArray[np.floating]]:
    """Average blocks of voxels to about a spacing, and smooth the axes on which voxels stay finer.

    Parameters
    ----------
    data : ndarray of float32 or bool, shape (X, Y, Z)
    affine : ndarray of float64, shape (4, 4)
        Voxel indices to world coordinates, mm.
    spacing : float
        In mm.

    Returns
    -------
    data : ndarray of float32, shape (U, V, W)
    affine : ndarray of float64, shape (4, 4)
        Of the coarse grid.
    """
    zooms = np.linalg.norm(affine[:3, :3], axis=0)
    factors = voxels_of(spacing, zooms)
    blocks: NDArray[Any] = data
    for axis, factor in enumerate(factors.tolist()):
        blocks = _block_means(blocks, axis, factor)
    coarse_affine = affine @ np.diag([*factors, 1.0])
    coarse_affine[:3, 3] += affine[:3, :3] @ ((factors - 1) / 2)
    widths = np.sqrt(np.maximum(0.0, spacing**2 - (zooms * factors) ** 2)) / (zooms * factors)
    return ndimage.gaussian_filter(
        blocks.astype(np.float32), widths * FWHM_TO_SIGMA, mode="nearest"
    ), coarse_affine


def _block_means(data: NDArray[Any], axis: int, factor: int) -> NDArray[Any]:
    """Average blocks of voxels along an axis; a short last block is padded with the last voxel."""
    if factor == 1:
        return data
    layers = np.moveaxis(data, axis, 0)
    whole = len(layers) // factor * factor
    means = np.empty((-(-len(layers) // factor), *layers.shape[1:]), dtype=np.float32)
    blocks, rest = means[: whole // factor], layers[whole:]
    blocks[...] = layers[:whole:factor]
    for k in range(1, factor):
        blocks += layers[k:whole:factor]
    if len(rest):
        means[-1] = rest.sum(axis=0) + np.float32(factor - len(rest)) * rest[-1]
    means *= np.float32(1 / factor)
    return np.moveaxis(means, 0, axis)


def solid(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the largest component of a mask that is not empty, its holes filled.

    Parameters
    ----------
    mask : ndarray of bool, shape (X, Y, Z)

    Returns
    -------
    ndarray of bool, shape (X, Y, Z)
    """
    filled = np.zeros_like(mask)
    box = bounding_box(mask)
    filled[box] = ndimage.binary_fill_holes(largest_component(mask[box]))
    return filled
