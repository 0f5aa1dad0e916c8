"""Scans whose intensities are noise of the full range wherever there is no signal.

Ratios of two images, as in MP2RAGE [1]_, are such: in air, skull and sinuses they take any value. So does a
face that was replaced by noise. Where there is signal, neighbours some millimetres apart are alike along one
axis at least, at an edge along the edge; where there is none, they are independent along all.

References
----------
.. [1] Marques JP et al. (2010). MP2RAGE, a self bias-field corrected sequence for improved segmentation and
   T1-mapping at high field. NeuroImage 49:1271-1281.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from mriseg.images.constants import (
    FLOOR_PERCENTILE,
    MIN_FACE_NOISE_SD,
    MIN_NOISE_ML,
    MIN_NOISE_SD,
    NOISE_LAG_MM,
    NOISE_LATTICE_MM,
    NOISE_RANGE_PERCENTILES,
    NOISE_SHARE_OF_FACES,
    NOISE_WINDOW_MM,
)
from mriseg.images.voxels import faces, voxels_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mriseg.images.volume import Volume


def without_background_noise(volume: Volume) -> Volume:
    """Set what has no signal to the darkest intensity of what has, if it is noise of the full range.

    Parameters
    ----------
    volume : Volume
        In any contrast.

    Returns
    -------
    Volume
        For finding the head only, not for its intensities. The volume itself if its air is as dark as usual.
    """
    threshold = background_noise_sd(volume)
    if threshold is None:
        return volume
    noise = local_noise_sd(volume.data, volume.zooms) > threshold
    floor = np.percentile(volume.data[~noise], FLOOR_PERCENTILE)
    return replace(volume, data=np.where(noise, np.float32(floor), volume.data))


def background_noise_sd(volume: Volume) -> float | None:
    """Decide whether a large piece of a scan is noise of the full range, from a lattice of its voxels.

    Interpolation lowers the noise, unevenly; where it covers the faces of the scan it is measured there.

    Parameters
    ----------
    volume : Volume

    Returns
    -------
    float or None
        Local noise, see `local_noise_sd`, beyond which there is no signal; None without such a piece.
    """
    steps = voxels_of(NOISE_LATTICE_MM, volume.zooms)
    lattice = _noise_sd(volume.data, volume.zooms, steps, (3, 3, 3))
    around = float(np.median(faces(lattice)))
    threshold = (
        min(MIN_NOISE_SD, NOISE_SHARE_OF_FACES * around) if around > MIN_FACE_NOISE_SD else MIN_NOISE_SD
    )
    pieces, count = ndimage.label(lattice > threshold)
    largest = int(np.bincount(pieces.ravel())[1:].max()) if count else 0
    return threshold if largest * np.prod(steps) * volume.voxel_ml >= MIN_NOISE_ML else None


def local_noise_sd(data: NDArray[np.float32], zooms: NDArray[np.floating]) -> NDArray[np.float32]:
    """Estimate the noise about every voxel from the differences of neighbours in a small window.

    Parameters
    ----------
    data : ndarray of float32, shape (X, Y, Z)
    zooms : ndarray of float64, shape (3,)
        Voxel size, mm.

    Returns
    -------
    ndarray of float32, shape (X, Y, Z)
        Standard deviation of noise with such differences, as a share of the range of the whole scan; of the
        axes the least counts.
    """
    windows = np.maximum(3, 2 * (voxels_of(NOISE_WINDOW_MM, zooms) // 2) + 1)
    return _noise_sd(data, zooms, np.ones(3, dtype=np.int64), windows.tolist())


def _noise_sd(
    data: NDArray[np.float32], zooms: NDArray[np.floating], steps: NDArray[np.int64], window: Sequence[int]
) -> NDArray[np.float32]:
    """Return the local noise on a lattice with some steps, averaged over windows of its voxels."""
    low, high = np.percentile(data[::3, ::3, ::3], NOISE_RANGE_PERCENTILES).astype(np.float32)
    lattice = tuple(slice(None, None, step) for step in steps.tolist())
    least = np.full(data[lattice].shape, np.inf, dtype=np.float32)
    for axis, lag in enumerate(voxels_of(NOISE_LAG_MM, zooms).tolist()):
        lines = data[(*lattice[:axis], slice(None), *lattice[axis + 1 :])]
        # Pairs about every voxel of the lattice, moved inwards at the faces of the volume.
        first = np.arange(data.shape[axis])[lattice[axis]] - lag // 2
        first = np.clip(first, 0, max(0, data.shape[axis] - 1 - lag))
        one, other = (
            np.clip(lines.take(ends, axis, mode="clip"), low, high) for ends in (first, first + lag)
        )
        np.minimum(least, ndimage.uniform_filter((other - one) ** 2, window), out=least)
    # The difference of independent values has twice their variance; means of windows may round below 0.
    sd: NDArray[np.float32] = np.sqrt(np.maximum(least, 0) / 2) / max(high - low, np.finfo(np.float32).tiny)
    return sd
