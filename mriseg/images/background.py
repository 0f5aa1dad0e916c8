"""Stripped scans: those that hold nothing but the brain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from mriseg.errors import MaskError
from mriseg.images.constants import (
    LAYER_SPACING_MM,
    MAX_BRAIN_ML,
    MAX_FOREGROUND,
    MAX_STRIPPED_FOREGROUND,
    MIN_SILENT_SURROUNDINGS,
    MIN_SKULL_RATIO,
    SCALP_DEPTHS_MM,
    SKULL_DEPTHS_MM,
)
from mriseg.images.voxels import bounding_box, coarsen, faces, largest_component

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mriseg.images.volume import Volume


def background_intensity(data: NDArray[np.float32]) -> tuple[np.float32, float]:
    """Estimate the intensity of the background from the faces of a volume.

    Parameters
    ----------
    data : ndarray of float32, shape (X, Y, Z)

    Returns
    -------
    intensity : float32
        The middle one of the sorted intensities on the six faces, an intensity that occurs there.
    share : float
        Share of the face voxels that have this intensity, 0 to 1; near 1 where the background is constant.
    """
    intensities = np.sort(faces(data))
    middle = intensities[intensities.size // 2]
    return middle, float(np.mean(intensities == middle))


def is_stripped(volume: Volume) -> bool:
    """Tell whether all but the brain has been removed from a scan.

    A stripped scan has one constant background, not more foreground than a brain can fill, and no dark ring
    of skull under its surface.

    Parameters
    ----------
    volume : Volume

    Returns
    -------
    bool
    """
    background, _ = background_intensity(volume.data)
    kept = volume.data != background
    if kept.mean() > MAX_FOREGROUND or kept.sum() * volume.voxel_ml > MAX_BRAIN_ML:
        return False
    box = bounding_box(kept)
    data, affine = coarsen(np.abs(volume.data[box] - background), volume.affine, LAYER_SPACING_MM)
    inside, _ = coarsen(kept[box].astype(np.float32), volume.affine, LAYER_SPACING_MM)
    head = ndimage.binary_fill_holes(inside > 0.5)
    depth = ndimage.distance_transform_edt(np.pad(head, 1), sampling=np.linalg.norm(affine[:3, :3], axis=0))
    depth = depth[1:-1, 1:-1, 1:-1]
    scalp, skull = (_median_between(data, depth, *layer) for layer in (SCALP_DEPTHS_MM, SKULL_DEPTHS_MM))
    return skull > MIN_SKULL_RATIO * scalp


def stripped_mask(volume: Volume) -> NDArray[np.bool_]:
    """Mask the largest part of a stripped scan that differs from its background, holes filled.

    Parameters
    ----------
    volume : Volume

    Returns
    -------
    ndarray of bool, shape (X, Y, Z)

    Raises
    ------
    MaskError
        If the scan has no constant background.
    """
    foreground = volume.data != background_intensity(volume.data)[0]
    if foreground.mean() > MAX_STRIPPED_FOREGROUND:
        raise MaskError(
            f"{volume.path}: has no constant background, so it is not stripped; leave out --stripped"
        )
    box = bounding_box(foreground)
    mask = np.zeros(foreground.shape, dtype=np.bool_)
    mask[box] = ndimage.binary_fill_holes(largest_component(foreground[box]))
    return mask


def with_signal(mask: NDArray[np.bool_], data: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Leave out of a mask what a stripped scan does not hold: holes, and all beyond the brain.

    Parameters
    ----------
    mask : ndarray of bool, shape (X, Y, Z)
    data : ndarray of float32, shape (X, Y, Z)
        The scan.

    Returns
    -------
    ndarray of bool, shape (X, Y, Z)
        The mask itself if the scan has more than background around it, or nothing would be left.
    """
    silent = data == background_intensity(data)[0]
    signal: NDArray[np.bool_] = mask & ~silent
    around = np.count_nonzero(silent & ~mask) > MIN_SILENT_SURROUNDINGS * np.count_nonzero(~mask)
    return signal if around and signal.any() else mask


def _median_between(data: NDArray[np.float32], depth: NDArray[np.floating], low: float, high: float) -> float:
    layer = data[(depth > low) & (depth <= high)]
    return float(np.median(layer)) if layer.size else 0.0
