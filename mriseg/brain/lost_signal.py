"""Planes and pieces of a brain whose signal was lost in acquisition, transfer or processing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from mriseg.brain.constants import (
    HOLE_DEPTH_MM,
    MAX_HOLE_LEVEL,
    MAX_HOLE_ML,
    MAX_LOST_ML,
    MAX_LOST_PLANES,
    MIN_PLANE_RATIO,
    MIN_PLANE_SHARE,
)
from mriseg.images.background import intensity_floor
from mriseg.images.voxels import bounding_box
from mriseg.qc import QCWarning, do_not_trust, look_closely

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mriseg.images.volume import Volume

    Floats = NDArray[np.float32]
    Mask = NDArray[np.bool_]


def lost_signal_warnings(mask: NDArray[np.bool_], volume: Volume) -> list[QCWarning]:
    """Check a brain for planes far darker than their neighbours, and for holes in it without a signal.

    Parameters
    ----------
    mask : ndarray of bool, shape (X, Y, Z)
        In canonical orientation.
    volume : Volume
        The scan of the mask.

    Returns
    -------
    list of QCWarning
        Empty if all of the brain has a signal.
    """
    box = bounding_box(mask)
    brain, excess = mask[box], volume.data[box] - np.float32(intensity_floor(volume.data))
    warnings: list[QCWarning] = []
    lost_along = [lost_planes(np.moveaxis(brain, axis, 0), np.moveaxis(excess, axis, 0)) for axis in range(3)]
    planes, share = sum(lost_along), max(np.divide(lost_along, brain.shape))
    if planes:
        lost = (
            f"planes in the brain of one value only, or far darker than both neighbours: {planes}; usually "
            "there are none: a part of the scan was lost, and the tissue there is a guess: look there, or "
            "convert the scan anew"
        )
        warn = do_not_trust if share > MAX_LOST_PLANES else look_closely
        warnings.append(warn("planes-empty", lost))
    ml = largest_hole(brain, excess, volume.zooms) * volume.voxel_ml
    if ml > MAX_HOLE_ML:
        hole = (
            f"a piece of {ml:.1f} mL in the brain has no signal (usually {MAX_HOLE_ML:.1f} mL at the most), "
            "and is no tissue or CSF; look at it, and give it as --lesion-mask if it is none"
        )
        warn = do_not_trust if ml > MAX_LOST_ML else look_closely
        warnings.append(warn("brain-hole", hole))
    return warnings


def lost_planes(brain: NDArray[np.bool_], excess: NDArray[np.float32]) -> int:
    """Count the planes along the first axis that lost their signal.

    Parameters
    ----------
    brain : ndarray of bool, shape (X, Y, Z)
        Cut to its bounding box.
    excess : ndarray of float32, shape (X, Y, Z)
        Intensities less those of air.

    Returns
    -------
    int
        Constant planes that lie between others, and planes much darker than both of their neighbours where
        these hold brain.
    """
    # Most planes are told by a few of their voxels.
    constant = np.array([np.ptp(plane[::4, ::4]) == 0 and np.ptp(plane) == 0 for plane in excess])
    filled = np.flatnonzero(~constant)
    if not filled.size:
        return 0
    constant[filled[-1] :] = constant[: filled[0]] = False
    dim = np.zeros(len(excess), dtype=np.bool_)
    dim[1:-1] = _dim_planes(brain, excess)
    return int(np.count_nonzero(constant | dim))


def _dim_planes(brain: Mask, excess: Floats) -> NDArray[np.bool_]:
    """Return which planes but the outermost are much darker than the mean of their neighbours."""
    shared = brain[:-2] & brain[2:]
    own, below, above = (
        np.einsum("xyz,xyz->x", part, shared, dtype=np.float64)
        for part in (excess[1:-1], excess[:-2], excess[2:])
    )
    large = shared.sum(axis=(1, 2)) > MIN_PLANE_SHARE * brain.sum(axis=(1, 2)).max()
    return np.asarray(large & (own < MIN_PLANE_RATIO * (below + above) / 2))


def largest_hole(brain: NDArray[np.bool_], excess: NDArray[np.float32], zooms: NDArray[np.floating]) -> int:
    """Measure the largest connected piece without a signal some millimetres under the surface of a brain.

    Parameters
    ----------
    brain : ndarray of bool, shape (X, Y, Z)
    excess : ndarray of float32, shape (X, Y, Z)
        Intensities less those of air.
    zooms : ndarray, shape (3,)
        Voxel size, mm.

    Returns
    -------
    int
        Voxels; 0 if there is none of three voxels each way.
    """
    level = np.float32(MAX_HOLE_LEVEL * np.median(excess[brain]))
    silent = _opened(brain & (excess < level))
    if not silent.any():
        return 0
    # What is farther from all pieces than that depth cannot tell how deep they are.
    near = bounding_box(silent, (HOLE_DEPTH_MM // zooms).astype(int).tolist())
    depth = ndimage.distance_transform_edt(np.pad(brain[near], 1), sampling=zooms)[1:-1, 1:-1, 1:-1]
    pieces, _ = ndimage.label(silent[near] & (depth > HOLE_DEPTH_MM))
    return int(np.bincount(pieces.ravel())[1:].max(initial=0))


def _opened(mask: Mask) -> Mask:
    """Return the cubes of three voxels each way that a mask holds, one axis at a time."""
    centres = mask
    for axis in range(3):
        rows = np.moveaxis(centres, axis, 0)
        centres = np.moveaxis(rows[:-2] & rows[1:-1] & rows[2:], 0, axis)
    if not centres.any():
        return np.zeros_like(mask)
    for axis in range(3):
        rows = np.moveaxis(np.pad(centres, [(2 * (a == axis),) * 2 for a in range(3)]), axis, 0)
        centres = np.moveaxis(rows[:-2] | rows[1:-1] | rows[2:], 0, axis)
    return centres
