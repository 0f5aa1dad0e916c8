"""Stripped scans that were interpolated, smoothed or given noise after they were stripped.

Their background is not exactly constant, and at their border lies a rim of voxels in which the brain is mixed
with the background: the intensities of one tissue there are those of another. Interpolation and smoothing are
convolutions with some kernel, so that a voxel of the rim holds the share of brain that the same kernel finds
in the mask of the brain [1]_. The mask is cut where that share is a half, the width of the kernel is read
from the pairs of voxels at the cut, and the intensities in the rim are divided by their share. What remains
is a stripped scan as it was before: a brain on a constant background. Where noise hides the border of the
brain, the mask is that of the smoothed scan; the intensities in it are left as they are.

References
----------
.. [1] Knutsson H, Westin CF (1993). Normalized and differential convolution. CVPR, 515-523.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage
from scipy.special import ndtri

from mriseg.images.background import background_intensity, holds_brain_only
from mriseg.images.constants import (
    BACKGROUND_SPREADS,
    BENEATH_SIGMA_VOXELS,
    BRAIN_PERCENTILE,
    BRIGHTEST_PERCENTILE,
    DENOISING_SIGMA_VOXELS,
    MAX_BRAIN_ML,
    MAX_CERTAIN_RIM_RATIO,
    MAX_FACE_CM2,
    MAX_FAINT,
    MAX_NOISE_LEVEL,
    MAX_RIM_RATIO,
    MAX_RIM_VOXELS,
    MAX_UNDERSHOOT,
    MIN_FOREGROUND_LEVEL,
    SPREAD_PERCENTILE,
)
from mriseg.images.voxels import bounding_box, faces, solid
from mriseg.qc import look_closely, note

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mriseg.images.volume import Volume

    Floats = NDArray[np.float32]
    Mask = NDArray[np.bool_]

# Neighbours of a voxel in the plane across the first axis.
_CROSS = ndimage.generate_binary_structure(2, 1)[None]

_CUT_OUT = note(
    "stripped-background",
    "the scan was stripped, then changed (interpolated, smoothed, or given noise): its background is not "
    "constant or mixed with the border of the brain; the brain was cut out anew, and unmixed at its border",
)

_NOISY = look_closely(
    "noise-over-background",
    "the scan was stripped, then given noise that hides the border of the brain; it was cut out where the "
    "smoothed scan ends, so that the CSF at the border is less sure; give the scan without noise, or a mask",
)


def without_rim(volume: Volume, *, stripped: bool = False) -> Volume:
    """Return a stripped scan on a constant background, without the rim of mixed voxels at its border.

    Parameters
    ----------
    volume : Volume
        Any scan, in canonical orientation.
    stripped : bool
        The scan is known to be stripped; otherwise that is told from the absence of a skull.

    Returns
    -------
    Volume
        The volume itself if it is a whole head, if a part of its brain is darker than the background, or if
        it is a stripped scan with a constant background and without a rim.
    """
    background, _ = background_intensity(volume.data)
    level = _foreground_level(volume.data, background)
    if np.isfinite(level):
        brain, values = _cut_out(volume, background, level, stripped=stripped)
        warning = _CUT_OUT
    else:  # the border of the brain is looked for without the noise, its intensities keep theirs
        smooth = replace(volume, data=ndimage.gaussian_filter(volume.data, DENOISING_SIGMA_VOXELS))
        level = _foreground_level(smooth.data, background)
        brain, _ = _cut_out(smooth, background, level, stripped=stripped)
        values, warning = volume.data, _NOISY
    if brain is None:
        return volume
    data = np.where(brain, values, background)
    return replace(volume, data=data, warnings=(*volume.warnings, warning))


def _cut_out(
    volume: Volume, background: np.float32, level: np.float32, *, stripped: bool
) -> tuple[Mask | None, Floats]:
    """Return the brain of a stripped scan and its intensities without the rim; None if there is no need."""
    foreground = volume.data > background + level
    voxels = np.count_nonzero(foreground)
    if (
        not voxels
        or voxels * volume.voxel_ml > MAX_BRAIN_ML
        or _lies_within(background, volume.data, foreground)
    ):
        return None, volume.data
    constant = np.count_nonzero(volume.data != background) < (1 + MAX_FAINT) * voxels
    box = bounding_box(foreground, 1)
    if constant and not _has_rim(volume.data[box] - background, foreground[box], MAX_CERTAIN_RIM_RATIO):
        return None, volume.data
    if not (stripped or _is_whole_brain(volume, foreground, background)):
        return None, volume.data
    foreground = solid(foreground)
    box = bounding_box(foreground, 1)
    excess, brain = volume.data[box] - background, foreground[box]
    if constant or _has_rim(excess, brain):
        brain, excess = _unmixed(excess, brain)
    mask, data = np.zeros_like(foreground), np.full_like(volume.data, background)
    mask[box], data[box] = brain, excess + background
    return mask, data


def _lies_within(background: np.float32, data: Floats, foreground: Mask) -> bool:
    """Whether the background lies within the intensities of the brain, as 0 does in one of z-scores."""
    brain = np.median(data[foreground]) - background
    below = np.count_nonzero(data < background - MAX_UNDERSHOOT * brain)
    return bool(below > MAX_FAINT * np.count_nonzero(foreground))


def rim_widths(excess: Floats, foreground: Mask, ratio: float = MAX_RIM_RATIO) -> tuple[int, ...]:
    """Measure the rim of mixed voxels at the border of a foreground along the three axes.

    Along the lines of the grid the intensities of a rim rise steeply from voxel to voxel, whatever tissue
    lies beneath; those of brain and CSF do not.

    Parameters
    ----------
    excess : ndarray of float32, shape (X, Y, Z)
        Intensities less that of the background.
    foreground : ndarray of bool, shape (X, Y, Z)
    ratio : float
        Of an intensity to that of the next voxel, below which it belongs to the rim.

    Returns
    -------
    tuple of int
        Voxels from the border along each axis whose median ratio is that of a rim; 0 without a rim.
    """
    return tuple(
        _rim_width(np.moveaxis(excess, axis, 0), np.moveaxis(foreground, axis, 0), ratio) for axis in range(3)
    )


def _has_rim(excess: Floats, foreground: Mask, ratio: float = MAX_RIM_RATIO) -> bool:
    return any(rim_widths(excess, foreground, ratio))


def _rim_width(excess: Floats, foreground: Mask, ratio: float) -> int:
    """Return the width of the rim along the first axis, from both ends of its lines, voxels."""
    for width in range(MAX_RIM_VOXELS):
        ratios = [
            _step_ratios(values, inside, width)
            for values, inside in ((excess, foreground), (excess[::-1], foreground[::-1]))
        ]
        steps = np.concatenate(ratios)
        if not steps.size or np.median(steps) >= ratio:
            return width
    return MAX_RIM_VOXELS


def _step_ratios(excess: Floats, foreground: Mask, depth: int) -> Floats:
    """Return the ratios (N,) of the intensities `depth` voxels from the border to those one voxel deeper."""
    entered = foreground[1:] & ~foreground[:-1]
    lines = len(entered) - depth - 1
    if lines < 1:
        return np.empty(0, dtype=np.float32)
    through = entered[:lines].copy()
    for step in range(1, depth + 2):
        through &= foreground[1 + step : 1 + step + lines]
    shallow, deep = (excess[1 + step : 1 + step + lines][through] for step in (depth, depth + 1))
    return np.asarray(shallow[deep > 0] / deep[deep > 0])


def _unmixed(excess: Floats, foreground: Mask) -> tuple[Mask, Floats]:
    """Return where at least half of a voxel is brain, and the intensities there without the background."""
    pure = _eroded(foreground, rim_widths(excess, foreground))
    if not pure.any():
        return foreground, excess
    beneath = _intensity_beneath(excess, pure)
    brain = solid(pure | (foreground & (excess >= beneath / 2)))
    sigmas = [_kernel_sigma(np.moveaxis(excess, axis, 0), np.moveaxis(brain, axis, 0)) for axis in range(3)]
    share = ndimage.gaussian_filter(brain.astype(np.float32), sigmas)
    share[pure] = 1  # a Gaussian reaches farther than most kernels
    return brain, excess / np.maximum(share, np.float32(0.5))


def _intensity_beneath(excess: Floats, pure: Mask) -> Floats:
    """Return, for every voxel, the mean intensity about the nearest voxel without background."""
    weights, weighted = (
        ndimage.gaussian_filter(values, BENEATH_SIGMA_VOXELS)
        for values in (pure.astype(np.float32), np.where(pure, excess, np.float32(0)))
    )
    nearest = ndimage.distance_transform_edt(~pure, return_distances=False, return_indices=True)
    means: Floats = (weighted / np.maximum(weights, np.finfo(np.float32).tiny))[tuple(nearest)]
    return means


def _kernel_sigma(excess: Floats, brain: Mask) -> float:
    """Estimate the standard deviation, in voxels, of the kernel along the first axis.

    Of a flat border between two voxels a Gaussian of standard deviation s leaves Phi(1 / 2s) in the voxel
    inside and the rest in the voxel outside, where Phi is the normal distribution function; whatever the
    tissue is, their ratio is known.
    """
    pairs = np.stack([_border_sums(excess, brain), _border_sums(excess[::-1], brain[::-1])]).sum(axis=0)
    inside, outside = np.maximum(pairs, 0)
    return float(0.5 / ndtri(inside / (inside + outside))) if inside > outside else 0.0


def _border_sums(excess: Floats, brain: Mask) -> NDArray[np.float64]:
    """Sum the intensities inside and outside flat borders of the brain at the end of lines, shape (2,)."""
    flat = ndimage.binary_erosion(brain[:-1] & ~brain[1:], _CROSS)
    sums = [side[flat].sum(dtype=np.float64) for side in (excess[:-1], excess[1:])]
    return np.array(sums)


def _foreground_level(data: Floats, background: np.float32) -> np.float32:
    """Return the excess over the background from which a voxel is foreground; infinite if noise hides it."""
    sample = data[::3, ::3, ::3] - background
    brightest = np.percentile(sample, BRIGHTEST_PERCENTILE)
    level = np.percentile(sample[sample > brightest / 10], BRAIN_PERCENTILE) if brightest > 0 else 0.0
    noise = BACKGROUND_SPREADS * np.percentile(np.abs(faces(data) - background), SPREAD_PERCENTILE)
    return np.float32(max(MIN_FOREGROUND_LEVEL * level, noise) if noise < MAX_NOISE_LEVEL * level else np.inf)


def _is_whole_brain(volume: Volume, foreground: Mask, background: np.float32) -> bool:
    """Decide whether a foreground is a brain that ends within the scan; necks do not."""
    for axis in range(3):
        for end in (0, -1):
            cm2 = np.count_nonzero(foreground.take(end, axis)) * volume.voxel_ml / volume.zooms[axis] * 10
            if cm2 > MAX_FACE_CM2:
                return False
    return holds_brain_only(volume, foreground, background)


def _eroded(mask: Mask, widths: tuple[int, ...]) -> Mask:
    """Remove so many voxels from both ends of the lines of a mask along each axis."""
    ends = [ndimage.minimum_filter1d(mask, 2 * width + 1, axis) for axis, width in enumerate(widths)]
    eroded: Mask = np.logical_and.reduce(ends)
    return eroded
