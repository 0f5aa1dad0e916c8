"""Plausibility of the outline of a strip or of a given mask: parts cut away, and sides that differ.

The template was fitted to the mask, so that a brain that is too small all around fits as well as any. A part
that is missing does not follow: there the border of the mask lies below the surface of the template's brain.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from mriseg.brain.constants import (
    CHECKED_STEP_VOXELS,
    MAX_OUTLINE_MM,
    MAX_SHORTFALL_MM,
    MAX_SIDE_DIFFERENCE_MM,
    OUTLINE_SMOOTHING_MM,
    OUTLINE_SPACING_MM,
)
from mriseg.brain.mask import MaskMethod
from mriseg.brain.strip import strip_warnings
from mriseg.brain.surface import template_surface
from mriseg.images.voxels import bounding_box, coarsen
from mriseg.qc import QCWarning, look_closely
from mriseg.template.head import load_template

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mriseg.brain.mask import Brain
    from mriseg.brain.surface import Floats, Surface
    from mriseg.images.volume import Volume
    from mriseg.template.registration import Registration

# Names of the ends of the axes of MNI space, negative and positive.
_ENDS = (("left", "right"), ("back", "front"), ("bottom", "top"))


def with_checked_outline(
    brain: Brain, volume: Volume, registration: Registration | None, contrast: str
) -> Brain:
    """Add what the template tells of a strip, or of a given mask, to the warnings of a brain.

    Parameters
    ----------
    brain : Brain
    volume : Volume
        The scan.
    registration : Registration or None
        Of the template to the scan.
    contrast : str
        Of the scan.

    Returns
    -------
    Brain
    """
    if registration is None or brain.method not in (MaskMethod.STRIPPED, MaskMethod.GIVEN):
        return brain
    warnings: tuple[QCWarning, ...] = ()
    if brain.method is MaskMethod.STRIPPED:
        warnings = strip_warnings(volume, brain.mask, registration, contrast)
    warnings = warnings or outline_warnings(volume, brain.mask, registration)
    return replace(brain, warnings=(*brain.warnings, *warnings))


def outline_warnings(
    volume: Volume, mask: NDArray[np.bool_], registration: Registration
) -> tuple[QCWarning, ...]:
    """Check whether a part of the brain is missing from a mask, or one side reaches farther than the other.

    Parameters
    ----------
    volume : Volume
        The scan of the mask, in any contrast.
    mask : ndarray of bool, shape (X, Y, Z)
    registration : Registration
        Of the template's brain to the mask. If it is not that of a whole brain nothing is checked.

    Returns
    -------
    tuple of QCWarning
        At most one.
    """
    if not registration.fits_whole_brain:
        return ()
    surface = template_surface(load_template(), CHECKED_STEP_VOXELS)
    depths = border_depths(volume, mask, registration, surface)
    smooth = surface.smooth(depths, OUTLINE_SMOOTHING_MM)
    deepest = int(smooth.argmax())
    if smooth[deepest] > MAX_SHORTFALL_MM:
        place = _place(surface.normals[deepest], surface.points[deepest])
        text = (
            f"the brain mask ends about {smooth[deepest]:.0f} mm inside the brain of the template at the "
            f"{place}: a part may have been cut away; look at it there; give the whole head or another mask"
        )
        return (look_closely("mask-part-missing", text),)
    differences = smooth - smooth[_mirrored(surface)]
    larger = int(differences.argmax())
    if differences[larger] <= MAX_SIDE_DIFFERENCE_MM:
        return ()
    side, other = _ENDS[0] if surface.points[larger, 0] < 0 else _ENDS[0][::-1]
    text = (
        f"the border of the brain mask lies about {differences[larger]:.0f} mm deeper on the {side} than on "
        f"the {other}: a part is missing there, or skull and scalp were left on the other side; look at both"
    )
    return (look_closely("mask-asymmetry", text),)


def border_depths(
    volume: Volume, mask: NDArray[np.bool_], registration: Registration, surface: Surface
) -> Floats:
    """Measure how deep below the surface of the registered template the border of a mask lies.

    Parameters
    ----------
    volume : Volume
    mask : ndarray of bool, shape (X, Y, Z)
    registration : Registration
        Of the template's brain to the mask.
    surface : Surface
        Of the template, N points.

    Returns
    -------
    ndarray of float64, shape (N,)
        Distance of each point to the mask, mm; negative where the mask reaches beyond the point. At most
        `MAX_OUTLINE_MM` either way; 0 beyond the ends of the scan, where a mask cannot reach.
    """
    box = bounding_box(mask)
    corner = volume.canonical_affine.copy()
    corner[:3, 3] += corner[:3, :3] @ [side.start for side in box]
    share, affine = coarsen(mask[box], corner, OUTLINE_SPACING_MM)
    zooms = np.linalg.norm(affine[:3, :3], axis=0)
    margin = int(np.ceil(MAX_OUTLINE_MM / zooms.min())) + 1
    inside = np.pad(share > 0.5, margin)
    distance = ndimage.distance_transform_edt(~inside, sampling=zooms)
    distance -= ndimage.distance_transform_edt(inside, sampling=zooms)
    to_voxels = np.linalg.inv(affine) @ registration.affine
    voxels = surface.points @ to_voxels[:3, :3].T + to_voxels[:3, 3] + margin
    sampled = ndimage.map_coordinates(distance, voxels.T, order=1, mode="nearest")
    depths = np.clip(sampled, -MAX_OUTLINE_MM, MAX_OUTLINE_MM).astype(np.float64)
    return np.where(_within(volume, registration, surface), depths, 0.0)


def _within(volume: Volume, registration: Registration, surface: Surface) -> NDArray[np.bool_]:
    """Return which points of a registered surface lie within a scan, shape (N,)."""
    to_voxels = np.linalg.inv(volume.canonical_affine) @ registration.affine
    voxels = surface.points @ to_voxels[:3, :3].T + to_voxels[:3, 3]
    return np.asarray(((voxels >= -0.5) & (voxels <= np.array(volume.data.shape) - 0.5)).all(axis=1))


def _mirrored(surface: Surface) -> NDArray[np.intp]:
    """Return the index of the point nearest to the mirror image of each point, shape (N,)."""
    from scipy.spatial import cKDTree  # slow to import, and not needed for whole heads

    return np.asarray(cKDTree(surface.points).query(surface.points * (-1, 1, 1))[1])


def _place(normal: Floats, point: Floats) -> str:
    """Name the end of the brain that a point (3,) lies at by the normal (3,) there."""
    axis = int(np.abs(normal).argmax())
    ends = [_ENDS[axis][int(normal[axis] > 0)]]
    if axis:
        ends.append(_ENDS[0][int(point[0] > 0)])
    return ", ".join(ends)
