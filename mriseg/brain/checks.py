"""Plausibility checks of a brain mask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from mriseg.brain.constants import (
    ASYMMETRY_SPACING_MM,
    BRAIN_HALF_AXES_CM,
    DOUBTFUL_SIMILARITY,
    MAX_ASYMMETRY,
    MAX_MISSING_ML,
    MAX_NOISE_NEAR,
    MAX_TRUSTED_MISSING_ML,
    MIN_EXTENT_MM,
    MIN_INFANT_EXTENT_MM,
    MIN_SURROUNDINGS,
    NOISE_LAYER_MM,
    PLAUSIBLE_INFANT_ML,
    PLAUSIBLE_ML,
    SURROUNDINGS_MM,
    SURROUNDINGS_SPACING_MM,
)
from mriseg.brain.lost_signal import lost_signal_warnings
from mriseg.images.voxels import bounding_box, coarsen, voxels_of
from mriseg.labels.contrasts import CONTRASTS
from mriseg.qc import QCWarning, do_not_trust, look_closely, note

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mriseg.images.volume import Volume
    from mriseg.template.registration import Registration

_DIRECTIONS = ("left to right", "back to front", "bottom to top")


def mask_warnings(mask: NDArray[np.bool_], volume: Volume, contrast: str = "t1") -> tuple[QCWarning, ...]:
    """Check volume, extent and border of a brain mask, by whatever method it was made, and the scan in it.

    Parameters
    ----------
    mask : ndarray of bool, shape (X, Y, Z)
        In canonical orientation.
    volume : Volume
        The scan of the mask.
    contrast : str
        A key of `mriseg.labels.contrasts.CONTRASTS`; infants have bounds of their own.

    Returns
    -------
    tuple of QCWarning
        Empty if the mask is plausible.
    """
    infant = CONTRASTS[contrast].infant
    warnings: list[QCWarning] = []
    ml = float(np.count_nonzero(mask)) * volume.voxel_ml
    lowest, highest = PLAUSIBLE_INFANT_ML if infant else PLAUSIBLE_ML
    if not lowest <= ml <= highest:
        size = f"the brain mask holds {ml:.0f} mL; a human brain has {lowest:.0f} to {highest:.0f} mL"
        size += (
            ", and all volumes are off if it is one; check the voxel size (--zooms), or give a mask (--mask)"
        )
        warnings.append(do_not_trust("mask-volume", size))
    warnings += _extent_warnings(mask, volume.zooms, MIN_INFANT_EXTENT_MM if infant else MIN_EXTENT_MM)
    warnings += lost_signal_warnings(mask, volume)
    return (*warnings, *_border_warnings(_border_cm2(mask, volume.zooms)))


def _border_warnings(areas: NDArray[np.floating]) -> list[QCWarning]:
    """Report what volumes lack if a brain has these areas on the faces of the scan, shape (3, 2), cm2."""
    missing = float(_caps_ml(areas).sum())
    if missing <= MAX_MISSING_ML:
        return []
    ends = (
        f"the scan ends inside the brain ({areas.sum():.0f} cm2 of its mask lie on the border), so that "
        f"some {missing:.0f} mL may be missing from the volumes (usually none): take a scan of the whole "
        "brain, or compare with scans that end at the same place"
    )
    warn = look_closely if missing > MAX_TRUSTED_MISSING_ML else note
    return [warn("mask-border", ends)]


def registration_warnings(
    mask: NDArray[np.bool_], volume: Volume, registration: Registration
) -> list[QCWarning]:
    """Check the similarity of a registration and the symmetry of the brain mask that it gave.

    Parameters
    ----------
    mask : ndarray of bool, shape (X, Y, Z)
        In canonical orientation.
    volume : Volume
        The scan of the mask.
    registration : Registration
        Of the template to the scan.

    Returns
    -------
    list of QCWarning
        Empty if the mask is plausible.
    """
    warnings: list[QCWarning] = []
    if registration.similarity < DOUBTFUL_SIMILARITY:
        share = f"{registration.similarity:.0%}"
        poor = (
            f"the head template fits the scan poorly (explains {share}, usually at least "
            f"{DOUBTFUL_SIMILARITY:.0%}); the brain mask may be off, and all volumes with it: look at its "
            "outline, or give a mask with --mask"
        )
        warnings.append(look_closely("template-similarity", poor))
    asymmetry = _asymmetry(mask, np.linalg.inv(registration.affine) @ volume.canonical_affine)
    if asymmetry > MAX_ASYMMETRY:
        halves = (
            f"the halves of the brain mask differ by {asymmetry:.0%} of its volume (usually "
            f"{MAX_ASYMMETRY:.0%} at the most); scalp may have been taken in on one side, or brain left out "
            "on the other: look at both, or give a mask with --mask"
        )
        warnings.append(look_closely("mask-asymmetry", halves))
    return warnings


def surroundings_warnings(mask: NDArray[np.bool_], volume: Volume) -> list[QCWarning]:
    """Check whether anything but noise lies around the brain mask of a whole head, as scalp does.

    Noise, unlike scalp, nearly vanishes in the means of blocks of many voxels.

    Parameters
    ----------
    mask : ndarray of bool, shape (X, Y, Z)
        In canonical orientation.
    volume : Volume
        The scan of the mask.

    Returns
    -------
    list of QCWarning
        Empty if there is a head around the brain.
    """
    if surroundings_ratio(mask, volume) >= MIN_SURROUNDINGS:
        return []
    bare = "nothing but noise lies around the brain mask, where a whole head has scalp: the scan is stripped"
    return [
        do_not_trust("head-missing", f"{bare}, and the mask takes in its background; give a mask with --mask")
    ]


def surroundings_ratio(mask: NDArray[np.bool_], volume: Volume) -> float:
    """Return the standard deviation of block means around a mask, as a ratio to that inside.

    Parameters
    ----------
    mask : ndarray of bool, shape (X, Y, Z)
    volume : Volume

    Returns
    -------
    float
        Infinite where the scan ends at the mask, or the mask has one intensity.
    """
    data, affine = coarsen(volume.data, volume.canonical_affine, SURROUNDINGS_SPACING_MM)
    share, _ = coarsen(mask, volume.canonical_affine, SURROUNDINGS_SPACING_MM)
    inside = share > 0.5
    distance = ndimage.distance_transform_edt(~inside, sampling=np.linalg.norm(affine[:3, :3], axis=0))
    around = data[(distance > SURROUNDINGS_MM[0]) & (distance <= SURROUNDINGS_MM[1])]
    if not (around.size and inside.any()) or not data[inside].std():
        return np.inf
    return float(around.std() / data[inside].std())


def noise_warnings(
    mask: NDArray[np.bool_], noise: NDArray[np.bool_], zooms: NDArray[np.floating]
) -> list[QCWarning]:
    """Check how much of the surroundings of a brain mask is noise of the full range.

    Parameters
    ----------
    mask : ndarray of bool, shape (X, Y, Z)
        In canonical orientation.
    noise : ndarray of bool, shape (X, Y, Z)
        Where the scan holds noise in place of signal.
    zooms : ndarray, shape (3,)
        Voxel size, mm.

    Returns
    -------
    list of QCWarning
        Empty if there is little.
    """
    if not noise.any():
        return []
    distance = ndimage.distance_transform_edt(~mask, sampling=zooms)
    share = float(noise[(distance > 0) & (distance <= NOISE_LAYER_MM)].mean())
    if share <= MAX_NOISE_NEAR:
        return []
    text = (
        f"{share:.0%} of the {NOISE_LAYER_MM:.0f} mm around the brain mask are noise of the full range "
        f"(usually {MAX_NOISE_NEAR:.0%} at the most); the border of the mask and the CSF there are less "
        "sure: look at them, or give the scan as it was before its face was replaced"
    )
    return [look_closely("noise-near-brain", text)]


def _extent_warnings(
    mask: NDArray[np.bool_], zooms: NDArray[np.float64], min_extent_mm: tuple[float, ...]
) -> list[QCWarning]:
    """Compare the extent of the mask along each canonical axis with the shortest plausible one, mm."""
    warnings: list[QCWarning] = []
    for side, zoom, shortest, direction in zip(
        bounding_box(mask), zooms, min_extent_mm, _DIRECTIONS, strict=True
    ):
        extent = (side.stop - side.start) * float(zoom)
        if extent < shortest:
            part = f"the brain mask measures {extent:.0f} mm from {direction}; a human brain at least"
            missing = (
                f"{part} {shortest:.0f} mm: a part is missing, and volumes lack it; give a scan of the whole "
                "brain, or check the voxel size (--zooms)"
            )
            warnings.append(do_not_trust("mask-extent", missing))
    return warnings


def _asymmetry(mask: NDArray[np.bool_], voxels_to_mni: NDArray[np.floating]) -> float:
    """Return the volume difference between both sides of the MNI midplane, as a share of the mask."""
    zooms = np.linalg.norm(voxels_to_mni[:3, :3], axis=0)
    steps = voxels_of(ASYMMETRY_SPACING_MM, zooms)
    voxels = np.argwhere(mask[tuple(slice(None, None, step) for step in steps)]) * steps
    right = voxels @ voxels_to_mni[0, :3] + voxels_to_mni[0, 3] > 0
    return 2 * abs(float(np.mean(right)) - 0.5)


def _border_cm2(mask: NDArray[np.bool_], zooms: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the area of the mask on the two faces of the volume along each axis, shape (3, 2), cm2."""
    voxels = np.array([[np.count_nonzero(mask.take(end, axis)) for end in (0, -1)] for axis in range(3)])
    return np.asarray(voxels * (zooms.prod() / zooms[:, None]) / 100)


def _caps_ml(areas: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the volumes of the caps that planes cut off an ellipsoid of the size of a brain.

    Parameters
    ----------
    areas : ndarray, shape (3, 2)
        Of the cuts at either end of the axes, cm2; at most half of the ellipsoid is cut off.

    Returns
    -------
    ndarray of float64, shape (3, 2)
        mL.

    >>> _caps_ml(np.full((3, 2), 50.0)).round()[2]
    array([31., 23.])
    """
    half_axes = np.array(BRAIN_HALF_AXES_CM)
    means = half_axes.mean(axis=1, keepdims=True)
    middle = np.pi * means.prod() / means  # area of the cut through the middle
    height = np.sqrt(np.maximum(1 - areas / middle, 0))  # of the cut, over the half axis
    return np.asarray(middle * half_axes * (2 / 3 - height + height**3 / 3))
