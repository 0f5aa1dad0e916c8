"""Alignment of a further scan of the same head, of any contrast, to the grid of the first.

The headers place both scans in the world. They are wrong where the head moved between the scans; that motion
is estimated by mutual information (`mriseg.channels.refinement`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from mriseg._utils.parallel import parallel_chunks
from mriseg.channels.constants import (
    BRAIN_SAMPLING,
    MIN_CONSTANT_BACKGROUND,
    MIN_COVERAGE,
    MIN_SMOOTHED_RATIO,
)
from mriseg.channels.refinement import refine
from mriseg.errors import ImageError
from mriseg.images.background import background_intensity
from mriseg.images.resampling import sample_at, transform_points
from mriseg.images.volume import same_grid
from mriseg.images.voxels import FWHM_TO_SIGMA

if TYPE_CHECKING:
    from mriseg.images.volume import Volume
    from mriseg.qc import QCWarning

Floats = NDArray[np.floating]
Scan = NDArray[np.float32]
Mask = NDArray[np.bool_]

# Planes that a thread resamples at a time.
_PLANES = 16


@dataclass(frozen=True, eq=False)
class Alignment:
    """A further scan, resampled to the grid of the first.

    Parameters
    ----------
    data : ndarray of float32, shape (X, Y, Z)
        Intensities; the background intensity outside the scan's field of view.
    covered : ndarray of bool, shape (X, Y, Z)
        Voxels inside the field of view.
    overlap : float
        Share of the brain inside the field of view, 0 to 1.
    facts : dict
        For the sidecar: ``Method`` ("same grid", "headers" or "headers, refined by mutual information"),
        ``Overlap`` and, on another grid, the estimated ``Refinement``, applied or not: its translation of the
        brain (root mean square, mm) and rotation (degrees), the mutual information before and after as a
        share of the joint entropy (0 to 1), and the matrix from the scan's world to the channel's, mm.
    warnings : tuple of QCWarning
        Their texts follow the name of the scan.
    """

    data: Scan
    covered: Mask
    overlap: float
    facts: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[QCWarning, ...] = ()


def align(channel: Volume, volume: Volume, mask: Mask) -> Alignment:
    """Resample a further scan of the same head to the grid of the first by trilinear interpolation.

    On the same grid the data stay as they are. On another the transform is that of the headers, composed with
    the rigid motion of maximal mutual information (Maes et al. 1997; normalised: Studholme et al. 1999) if
    that is significant and plausible, so that correct headers are left unchanged.

    Parameters
    ----------
    channel : Volume
        In any contrast, on any grid.
    volume : Volume
        The first scan, of shape (X, Y, Z).
    mask : ndarray of bool, shape (X, Y, Z)
        The brain in the first scan; not empty.

    Returns
    -------
    Alignment

    Raises
    ------
    ImageError
        If the channel covers less than half of the brain, or is empty there.
    """
    brain = transform_points(volume.canonical_affine, np.argwhere(mask)[::BRAIN_SAMPLING].T)
    _check_coverage(channel, volume, brain)
    if same_grid(channel, volume):
        facts = {"Method": "same grid", "Overlap": 1.0}
        return Alignment(channel.data, np.ones(mask.shape, dtype=np.bool_), 1.0, facts)
    refinement = refine(channel, volume, mask, brain)
    motion = refinement.matrix if refinement.applies else np.eye(4)
    data, covered = _resample(
        channel, np.linalg.inv(channel.canonical_affine) @ motion @ volume.canonical_affine, mask.shape
    )
    overlap = float(covered[mask].mean())
    method = "headers, refined by mutual information" if refinement.applies else "headers"
    facts = {"Method": method, "Overlap": round(overlap, 6), "Refinement": refinement.facts()}
    return Alignment(data, covered, overlap, facts, refinement.warnings())


def _check_coverage(channel: Volume, volume: Volume, brain: Floats) -> None:
    """Raise ImageError unless the channel covers the points of the brain (3, N) with varying signal."""
    values, inside = sample_at(channel.data, channel.canonical_affine, brain)
    signal = inside & (values != background_intensity(channel.data)[0])
    rest = f"the brain in {volume.path.name}; give a scan of the same session, or register it first"
    if inside.mean() < MIN_COVERAGE:
        raise ImageError(f"{channel.path}: covers {inside.mean():.0%} of {rest}")
    if signal.mean() < MIN_COVERAGE or np.ptp(values[signal]) == 0:
        raise ImageError(f"{channel.path}: shows nothing in most of {rest}")


def _resample(channel: Volume, to_channel: Floats, shape: tuple[int, ...]) -> tuple[Scan, Mask]:
    """Resample a channel to a grid of a shape; `to_channel` (4, 4) maps voxels of the grid to its own.

    Returns the intensities, the background outside the field of view, and the field of view.
    """
    background, share = background_intensity(channel.data)
    interpolate = _interpolate_signal if share > MIN_CONSTANT_BACKGROUND else _interpolate
    resampled = interpolate(channel.data - background, to_channel, shape) + background
    covered = _field_of_view(channel.data.shape, to_channel, shape)
    resampled[~covered] = background
    return resampled, covered


def _interpolate_signal(data: Scan, to_channel: Floats, shape: tuple[int, ...]) -> Scan:
    """Interpolate between voxels that are not 0 only, by normalised convolution.

    Averages of tissue and of a background written by software would have the intensity of another tissue.
    """
    signal = _interpolate((data != 0).astype(np.float32), to_channel, shape)
    inside = signal > 0.5
    interpolated = _interpolate(data, to_channel, shape)
    return np.divide(interpolated, signal, out=np.zeros_like(signal), where=inside)


def _interpolate(data: Scan, to_channel: Floats, shape: tuple[int, ...]) -> Scan:
    """Interpolate linearly, after smoothing against aliasing along axes on which the grid is coarser.

    A Gaussian with the full width at half maximum sqrt(w^2 - 1) widens voxels of width 1 to the width w.
    """
    matrix, resampled = to_channel[:3, :3], np.empty(shape, dtype=np.float32)
    widths = np.linalg.norm(matrix, axis=1)
    sigmas = np.where(widths > MIN_SMOOTHED_RATIO, np.sqrt(np.maximum(widths**2 - 1, 0)) * FWHM_TO_SIGMA, 0)
    smoothed = ndimage.gaussian_filter(data, sigmas, mode="nearest") if sigmas.any() else data

    def resample_planes(part: slice) -> None:
        planes, offset = resampled[part], to_channel[:3, 3] + matrix[:, 0] * part.start
        ndimage.affine_transform(smoothed, matrix, offset, planes.shape, planes, order=1, mode="nearest")

    parallel_chunks(resample_planes, len(resampled), _PLANES)
    return resampled


def _field_of_view(channel_shape: tuple[int, ...], to_channel: Floats, shape: tuple[int, ...]) -> Mask:
    """Return the voxels of a grid whose centre lies in a voxel of the channel."""
    covered = np.ones(shape, dtype=np.bool_)
    x, y, z = np.ogrid[tuple(map(slice, shape))]

    def cover_planes(part: slice) -> None:
        for row, length in zip(to_channel[:3], channel_shape, strict=True):
            coordinate = row[0] * x[part] + row[1] * y + row[2] * z + row[3]
            covered[part] &= (coordinate >= -0.5) & (coordinate <= length - 0.5)

    parallel_chunks(cover_planes, len(covered), _PLANES)
    return covered
