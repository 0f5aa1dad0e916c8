"""The brain mask: the template's brain, registered and moved to where the brain ends in the scan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage
from skimage.filters import threshold_multiotsu, threshold_otsu

from mriseg.brain.checks import mask_warnings, registration_warnings
from mriseg.brain.constants import (
    BONE_PERCENTILE,
    COARSE_SCHEDULE,
    DURA_BRIDGE_MM,
    FAILED_SIMILARITY,
    HEAD_BRIDGE_MM,
    INTERIOR_DEPTH_MM,
    MAX_DISTANCE_MM,
    MIN_HEAD_ML,
    OTSU_PERCENTILES,
    SULCUS_MM,
)
from mriseg.brain.surface import (
    boundary_score,
    moved_distance,
    optimise_offsets,
    read_profiles,
    template_surface,
    update_affine,
)
from mriseg.errors import MaskError
from mriseg.images.background import is_stripped, stripped_mask
from mriseg.images.voxels import bounding_box, largest_part
from mriseg.labels.contrasts import CONTRASTS
from mriseg.qc import GraveDoubt
from mriseg.template.head import Template, load_template
from mriseg.template.registration import Registration, head_threshold, register, resample_to_scan

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mriseg.images.volume import Volume


@dataclass(frozen=True, eq=False)
class BrainMask:
    """A brain mask and how it was found.

    Parameters
    ----------
    mask : ndarray of bool, shape (X, Y, Z)
        In canonical orientation.
    method : str
        "given", "stripped scan", "template surface", "template registration" (no surface to be seen in this
        contrast) or "threshold and opening" (the registration failed).
    similarity : float or None
        Share of the scan's variance around the brain that the registered template explains (0 to 1).
    scan_to_mni : ndarray of float64, shape (4, 4), or None
        World coordinates of the scan to MNI coordinates, mm.
    warnings : tuple of str
        What makes the mask doubtful, in plain words.
    """

    mask: NDArray[np.bool_]
    method: str
    similarity: float | None = None
    scan_to_mni: NDArray[np.floating] | None = None
    warnings: tuple[str, ...] = ()


def brain_mask(volume: Volume, contrast: str = "t1", *, intracranial: bool = True) -> BrainMask:
    """Find the brain in a whole head or in a stripped scan.

    Parameters
    ----------
    volume : Volume
    contrast : {"t1", "t2", "pd", "flair", "t1-infant"}
        What the scan is weighted by.
    intracranial : bool
        With the CSF in the sulci and around the brain, about up to the inner table of the skull, and down to
        the foramen magnum. Without, the mask ends at the brain's own tissue; ventricles stay in. A stripped
        scan is taken as it is.

    Returns
    -------
    BrainMask

    Raises
    ------
    MaskError
        If nothing in the scan looks like a head.
    ValueError
        If the contrast is none of these.
    """
    if contrast not in CONTRASTS:
        raise ValueError(f"contrast is {contrast!r}; it must be one of {', '.join(CONTRASTS)}")
    if is_stripped(volume):
        mask = stripped_mask(volume)
        return BrainMask(mask, "stripped scan", warnings=mask_warnings(mask, volume, contrast))
    template = load_template()
    registration = register(volume, template, contrast)
    if registration.similarity < FAILED_SIMILARITY:
        return _without_template(volume, registration.similarity, contrast)
    mask, registration, method = _template_mask(volume, template, registration, contrast)
    if not mask.any():
        return _without_template(volume, registration.similarity, contrast)
    if not intracranial:
        mask = without_outer_csf(mask, volume, contrast)
    doubts = (*registration_warnings(mask, volume, registration), *mask_warnings(mask, volume, contrast))
    return BrainMask(mask, method, registration.similarity, registration.scan_to_mni, doubts)


def _template_mask(volume: Volume, template: Template, registration: Registration,
                   contrast: str) -> tuple[NDArray[np.bool_], Registration, str]:  # fmt: skip
    """Carry the template's brain to the scan; where it can be seen, let its surface move to the scan's."""
    surface = template_surface(template)
    distance, method = surface.distance, "template registration"
    if CONTRASTS[contrast].bright_brain:
        score = boundary_score(read_profiles(surface, volume, registration), surface)
        registration = update_affine(optimise_offsets(score, surface, COARSE_SCHEDULE), surface, registration)
        score = boundary_score(read_profiles(surface, volume, registration), surface)
        distance, method = moved_distance(optimise_offsets(score, surface), surface), "template surface"
    near = np.minimum(distance, np.float32(MAX_DISTANCE_MM))
    mask = resample_to_scan(near, template, registration, volume, outside=MAX_DISTANCE_MM) < 0
    if not CONTRASTS[contrast].bright_brain:
        mask = _without_bone(mask, volume)
    return mask, registration, method


def _without_bone(mask: NDArray[np.bool_], volume: Volume) -> NDArray[np.bool_]:
    """Cut off the rim of a mask what is darker than all of the inside of the brain; distances in mm."""
    box = bounding_box(mask)
    depth = ndimage.distance_transform_edt(np.pad(mask[box], 1), sampling=volume.zooms)[1:-1, 1:-1, 1:-1]
    inside = volume.data[box][depth > INTERIOR_DEPTH_MM]
    if not inside.size:
        return mask
    kept = mask.copy()
    kept[box] &= volume.data[box] >= np.percentile(inside, BONE_PERCENTILE)
    kept[box] = ndimage.binary_fill_holes(largest_part(kept[box])) if kept.any() else mask[box]
    return kept


def _without_template(volume: Volume, similarity: float, contrast: str) -> BrainMask:
    """Fall back to the largest part of what is brighter than air, bone and CSF, cut from its surroundings."""
    bright = volume.data > head_threshold(volume.data)
    if bright.any():
        bright &= volume.data > threshold_otsu(volume.data[bright])
    mask = _largest_part(bright, volume.zooms, HEAD_BRIDGE_MM)
    if np.count_nonzero(mask) * volume.voxel_ml < MIN_HEAD_ML:
        raise MaskError(f"{volume.path}: no head was found in the scan; check --contrast, or give a mask "
                        "with --mask")  # fmt: skip
    failed = (
        f"the head template could not be laid over the scan (it explains {max(similarity, 0):.0%}); "
        "the brain mask is only a threshold, opened, and will be wrong; give one with --mask"
    )
    doubts = (GraveDoubt(failed), *mask_warnings(mask, volume, contrast))
    return BrainMask(mask, "threshold and opening", similarity, warnings=doubts)


def without_outer_csf(mask: NDArray[np.bool_], volume: Volume, contrast: str = "t1") -> NDArray[np.bool_]:
    """Cut the CSF around the brain off a mask; sulci that the tissue closes upon and ventricles stay.

    Parameters
    ----------
    mask : ndarray of bool, shape (X, Y, Z)
    volume : Volume
    contrast : str
        Whether CSF is darker than the brain or brighter.

    Returns
    -------
    ndarray of bool, shape (X, Y, Z)
        Part of `mask`.
    """
    inside = volume.data[mask]
    low, high = threshold_multiotsu(np.clip(inside, *np.percentile(inside, OTSU_PERCENTILES)), classes=3)
    tissue = volume.data > low if CONTRASTS[contrast].bright_brain else volume.data < high
    return _largest_part(tissue & mask, volume.zooms, DURA_BRIDGE_MM) & mask


def _largest_part(mask: NDArray[np.bool_], zooms: NDArray[np.float64], bridge: float) -> NDArray[np.bool_]:
    """Cut bridges up to twice `bridge` wide, keep the largest part, close gaps and holes; distances in mm."""
    core: NDArray[np.bool_] = ndimage.distance_transform_edt(mask, sampling=zooms) > bridge
    if not core.any():
        return core
    beside = ndimage.distance_transform_edt(~largest_part(core), sampling=zooms)
    closed = ndimage.distance_transform_edt(beside <= bridge + SULCUS_MM, sampling=zooms) > SULCUS_MM
    filled: NDArray[np.bool_] = ndimage.binary_fill_holes(closed)
    return filled
