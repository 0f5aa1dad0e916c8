"""Background of a volume, and stripped scans, whose foreground is the brain alone."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage
from skimage.filters import threshold_otsu

from mriseg.errors import MaskError
from mriseg.images.constants import (
    FLOOR_PERCENTILE,
    LAYER_SPACING_MM,
    MAX_BRAIN_ML,
    MAX_FOREGROUND,
    MAX_STRIPPED_FOREGROUND,
    MIN_SILENT_SURROUNDINGS,
    MIN_SKULL_RATIO,
    SCALP_DEPTHS_MM,
    SKULL_DEPTHS_MM,
)
from mriseg.images.voxels import bounding_box, coarsen, faces, solid

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mriseg.images.volume import Volume


def intensity_floor(data: NDArray[np.float32]) -> float:
    """Return the lowest intensity of a scan but for a few damaged voxels: what air is measured from.

    It follows every linear change of the intensities. It is 0 in most scans as scanners store them.

    Parameters
    ----------
    data : ndarray of float32, shape (X, Y, Z)

    Returns
    -------
    float
        A low percentile of every third voxel each way.
    """
    return float(np.percentile(data[::3, ::3, ::3], FLOOR_PERCENTILE))


def power_of_two_scale(brightest: float) -> np.float32:
    """Return the power of two that brings an intensity to between 256 and 512.

    Squares and products of intensities of any unit then stay within float32; a power of two leaves the digits
    of the intensities as they are.

    Parameters
    ----------
    brightest : float
        Highest intensity above zero.

    Returns
    -------
    float32
        1 if the intensity is not positive.
    """
    return np.float32(2.0 ** (8 - math.floor(math.log2(brightest)))) if brightest > 0 else np.float32(1)


def otsu_threshold(data: NDArray[np.float32]) -> float:
    """Compute Otsu's threshold of intensities in any unit.

    Parameters
    ----------
    data : ndarray of float32, shape (N,)

    Returns
    -------
    float
        In units of the intensities.

    References
    ----------
    Otsu N (1979). A threshold selection method from gray-level histograms. IEEE Trans Syst Man Cybern
    9:62-66.
    """
    scale = power_of_two_scale(float(np.abs(data).max()))
    return float(threshold_otsu(data * scale)) / float(scale)


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
    """Decide whether a scan is skull-stripped.

    A stripped scan has a constant background, not more foreground than the volume of a brain, and no layer of
    dark skull below the layer of scalp at its surface.

    Parameters
    ----------
    volume : Volume
        In canonical orientation.

    Returns
    -------
    bool
    """
    background, _ = background_intensity(volume.data)
    return holds_brain_only(volume, volume.data != background, background)


def holds_brain_only(volume: Volume, foreground: NDArray[np.bool_], background: np.float32) -> bool:
    """Decide whether the foreground of a scan is a brain without its skull.

    Parameters
    ----------
    volume : Volume
        In canonical orientation.
    foreground : ndarray of bool, shape (X, Y, Z)
    background : float32
        Intensity of the background.

    Returns
    -------
    bool
        Whether the foreground is not larger than a brain, and has no layer of dark skull below a layer of
        scalp at its surface.
    """
    if foreground.mean() > MAX_FOREGROUND or foreground.sum() * volume.voxel_ml > MAX_BRAIN_ML:
        return False
    box = bounding_box(foreground)
    data, affine = coarsen(np.abs(volume.data[box] - background), volume.canonical_affine, LAYER_SPACING_MM)
    fraction, _ = coarsen(foreground[box], volume.canonical_affine, LAYER_SPACING_MM)
    head = ndimage.binary_fill_holes(fraction > 0.5)
    depth = ndimage.distance_transform_edt(np.pad(head, 1), sampling=np.linalg.norm(affine[:3, :3], axis=0))
    depth = depth[1:-1, 1:-1, 1:-1]
    scalp, skull = (_median_between(data, depth, *layer) for layer in (SCALP_DEPTHS_MM, SKULL_DEPTHS_MM))
    return skull > MIN_SKULL_RATIO * scalp


def stripped_mask(volume: Volume) -> NDArray[np.bool_]:
    """Return the largest component of the foreground of a stripped scan, holes filled.

    Parameters
    ----------
    volume : Volume
        In canonical orientation.

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
    return solid(foreground)


def with_signal(mask: NDArray[np.bool_], data: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Remove background voxels of a stripped scan from a mask.

    Parameters
    ----------
    mask : ndarray of bool, shape (X, Y, Z)
    data : ndarray of float32, shape (X, Y, Z)
        The scan.

    Returns
    -------
    ndarray of bool, shape (X, Y, Z)
        The mask itself if the scan has signal around it, or if nothing would be left.
    """
    background = data == background_intensity(data)[0]
    signal: NDArray[np.bool_] = mask & ~background
    outside = np.count_nonzero(background & ~mask)
    stripped = outside > MIN_SILENT_SURROUNDINGS * np.count_nonzero(~mask)
    return signal if stripped and signal.any() else mask


def _median_between(data: NDArray[np.float32], depth: NDArray[np.floating], low: float, high: float) -> float:
    """Return the median intensity of a layer by its depths in mm, 0 if it is empty."""
    layer = data[(depth > low) & (depth <= high)]
    return float(np.median(layer)) if layer.size else 0.0
