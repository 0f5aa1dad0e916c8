"""Brain extraction: affine registration of a head template, then optimisation of the brain's surface."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage
from skimage.filters import threshold_multiotsu

from mriseg.brain.checks import (
    mask_warnings,
    noise_warnings,
    registration_warnings,
    surroundings_warnings,
)
from mriseg.brain.constants import (
    BONE_PERCENTILE,
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
    displaced_distance,
    optimise_offsets,
    register_surface,
    template_surface,
)
from mriseg.errors import MaskError
from mriseg.images.background import intensity_floor, is_stripped, otsu_threshold, stripped_mask
from mriseg.images.background_noise import without_background_noise
from mriseg.images.voxels import bounding_box, largest_component
from mriseg.labels.contrasts import CONTRASTS
from mriseg.qc import QCWarning, do_not_trust
from mriseg.template.head import Template, load_template
from mriseg.template.registration import Registration, register, resample_to_scan
from mriseg.template.starts import head_threshold

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mriseg.images.volume import Volume


class MaskMethod(StrEnum):
    """How a brain mask was found."""

    GIVEN = "given"
    STRIPPED = "stripped scan"
    SURFACE = "template surface"
    REGISTRATION = "template registration"
    THRESHOLD = "threshold and opening"


@dataclass(frozen=True, eq=False)
class Brain:
    """The brain in a scan and the method that found it.

    Parameters
    ----------
    mask : ndarray of bool, shape (X, Y, Z)
        In canonical orientation.
    method : MaskMethod
        "template registration" for contrasts in which the edge of the brain is not detected, "threshold and
        opening" where the registration failed.
    similarity : float or None
        R squared of the registered template on the intensities around the brain, 0 to 1.
    scan_to_mni : ndarray of float64, shape (4, 4), or None
        World coordinates of the scan to MNI coordinates, mm.
    warnings : tuple of QCWarning
        Of the plausibility checks.
    """

    mask: NDArray[np.bool_]
    method: MaskMethod
    similarity: float | None = None
    scan_to_mni: NDArray[np.floating] | None = None
    warnings: tuple[QCWarning, ...] = ()


def find_brain(
    volume: Volume,
    contrast: str,
    *,
    intracranial: bool = True,
    registration: Registration | None = None,
) -> Brain:
    """Find the brain in a whole head or in a stripped scan.

    Parameters
    ----------
    volume : Volume
        Without the rim of a stripped scan, see `mriseg.images.rim.without_rim`.
    contrast : str
        Of the scan: a key of `mriseg.labels.contrasts.CONTRASTS`.
    intracranial : bool
        See `mriseg.results.brain_mask.brain_mask`.
    registration : Registration, optional
        Of the template to the head, as `mriseg.template.registration.register` does it for this contrast.

    Returns
    -------
    Brain

    Raises
    ------
    MaskError
        If no head is found in the scan.
    """
    if is_stripped(volume):
        mask = stripped_mask(volume)
        return Brain(mask, MaskMethod.STRIPPED, warnings=mask_warnings(mask, volume, contrast))
    given, volume, template = volume, without_background_noise(volume), load_template()
    if registration is None:
        registration = register(volume, template, contrast)
    if registration.similarity < FAILED_SIMILARITY:
        return _threshold_mask(volume, registration.similarity, contrast)
    mask, registration, method = _template_mask(volume, template, registration, contrast)
    if not mask.any():
        return _threshold_mask(volume, registration.similarity, contrast)
    if not intracranial:
        mask = remove_outer_csf(mask, volume, contrast)
    warnings = (
        *registration_warnings(mask, volume, registration),
        *mask_warnings(mask, volume, contrast),
        *surroundings_warnings(mask, volume),
        *(() if volume is given else noise_warnings(mask, given.data != volume.data, volume.zooms)),
    )
    return Brain(mask, method, registration.similarity, registration.scan_to_mni, warnings)


def _template_mask(volume: Volume, template: Template, registration: Registration,
                   contrast: str) -> tuple[NDArray[np.bool_], Registration, MaskMethod]:  # fmt: skip
    """Resample the template's brain to the scan, its surface optimised where the contrast allows that."""
    surface = template_surface(template)
    distance, method = surface.distance, MaskMethod.REGISTRATION
    if CONTRASTS[contrast].bright_brain:
        score, registration = register_surface(surface, volume, registration)
        distance, method = displaced_distance(optimise_offsets(score, surface), surface), MaskMethod.SURFACE
    truncated = np.minimum(distance, np.float32(MAX_DISTANCE_MM))
    mask = resample_to_scan(truncated, template, registration, volume, outside=MAX_DISTANCE_MM) < 0
    if not CONTRASTS[contrast].bright_brain:
        mask = _remove_bone(mask, volume)
    return mask, registration, method


def _remove_bone(mask: NDArray[np.bool_], volume: Volume) -> NDArray[np.bool_]:
    """Remove voxels darker than the interior of the brain from a mask; keep the largest component, filled."""
    box = bounding_box(mask)
    depth = ndimage.distance_transform_edt(np.pad(mask[box], 1), sampling=volume.zooms)[1:-1, 1:-1, 1:-1]
    interior = volume.data[box][depth > INTERIOR_DEPTH_MM]
    if not interior.size:
        return mask
    reduced = mask.copy()
    reduced[box] &= volume.data[box] >= np.percentile(interior, BONE_PERCENTILE)
    reduced[box] = ndimage.binary_fill_holes(largest_component(reduced[box])) if reduced.any() else mask[box]
    return reduced


def _threshold_mask(volume: Volume, similarity: float, contrast: str) -> Brain:
    """Compute the fallback mask: two Otsu thresholds (head; within it brain), opening, largest component."""
    floor = np.float32(intensity_floor(volume.data))
    bright = volume.data > floor + head_threshold(volume.data - floor)
    if bright.any():
        bright &= volume.data > otsu_threshold(volume.data[bright])
    mask = _open_and_close(bright, volume.zooms, HEAD_BRIDGE_MM)
    if np.count_nonzero(mask) * volume.voxel_ml < MIN_HEAD_ML:
        raise MaskError(
            f"{volume.path}: no head was found in the scan: the template does not fit, and no bright part is "
            f"larger than {MIN_HEAD_ML:.0f} mL; check --contrast, and whether left, front and top in the "
            "header are those of the head, or give a mask with --mask, which thin slabs and parts of a head "
            "need"
        )
    failed = (
        f"the head template could not be laid over the scan (it explains {max(similarity, 0):.0%}); "
        "the brain mask is only a threshold, opened, and will be wrong; give one with --mask"
    )
    warnings = (do_not_trust("template-failed", failed), *mask_warnings(mask, volume, contrast))
    return Brain(mask, MaskMethod.THRESHOLD, similarity, warnings=warnings)


def remove_outer_csf(mask: NDArray[np.bool_], volume: Volume, contrast: str = "t1") -> NDArray[np.bool_]:
    """Remove the CSF around the brain from a mask; closed sulci and ventricles stay included.

    Parameters
    ----------
    mask : ndarray of bool, shape (X, Y, Z)
    volume : Volume
        The scan of the mask.
    contrast : str
        A key of `mriseg.labels.contrasts.CONTRASTS`; decides whether CSF is darker or brighter than brain.

    Returns
    -------
    ndarray of bool, shape (X, Y, Z)
        Subset of `mask`.
    """
    intensities = volume.data[mask]
    clipped = np.clip(intensities, *np.percentile(intensities, OTSU_PERCENTILES))
    low, high = threshold_multiotsu(clipped, classes=3)
    tissue = volume.data > low if CONTRASTS[contrast].bright_brain else volume.data < high
    return _open_and_close(tissue & mask, volume.zooms, DURA_BRIDGE_MM) & mask


def _open_and_close(mask: NDArray[np.bool_], zooms: NDArray[np.float64], radius: float) -> NDArray[np.bool_]:
    """Open a mask with a ball of a radius in mm, keep the largest component, close it and fill its holes.

    Balls are thresholds of Euclidean distance transforms, so that anisotropic voxels are respected. Dilation
    of the opening and of the closing are done at once.
    """
    core: NDArray[np.bool_] = ndimage.distance_transform_edt(mask, sampling=zooms) > radius
    if not core.any():
        return core
    distance = ndimage.distance_transform_edt(~largest_component(core), sampling=zooms)
    closed = ndimage.distance_transform_edt(distance <= radius + SULCUS_MM, sampling=zooms) > SULCUS_MM
    filled: NDArray[np.bool_] = ndimage.binary_fill_holes(closed)
    return filled
