"""Plausibility of a stripped brain: what the strip left beyond the brain, or cut away from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mriseg.brain.constants import (
    CHECKED_STEP_VOXELS,
    DEPTHS_MM,
    MAX_DISTANCE_MM,
    MAX_EXCESS,
    STRIP_SCALES,
    STRIP_SPACING_MM,
)
from mriseg.brain.surface import (
    displaced_distance,
    optimise_offsets,
    register_surface,
    template_surface,
)
from mriseg.labels.contrasts import CONTRASTS
from mriseg.qc import QCWarning, look_closely
from mriseg.template.head import load_template
from mriseg.template.registration import Registration, resample_to_scan

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mriseg.brain.surface import Floats, Surface
    from mriseg.images.volume import Volume


def strip_warnings(
    volume: Volume, mask: NDArray[np.bool_], registration: Registration, contrast: str
) -> tuple[QCWarning, ...]:
    """Check whether a strip left skull and scalp beyond the surface of the brain.

    Parameters
    ----------
    volume : Volume
        The stripped scan.
    mask : ndarray of bool, shape (X, Y, Z)
        Its foreground.
    registration : Registration
        Of the template's brain to the foreground. If it is not that of a whole brain nothing is checked.
    contrast : str
        A key of `mriseg.labels.contrasts.CONTRASTS`; in contrasts in which the surface of the brain is not
        detected nothing is checked.

    Returns
    -------
    tuple of QCWarning
        Empty if the strip is plausible.
    """
    if not (CONTRASTS[contrast].bright_brain and registration.fits_whole_brain):
        return ()
    excess = strip_excess(volume, mask, registration)
    if excess <= MAX_EXCESS:
        return ()
    ml = excess * np.count_nonzero(mask) * volume.voxel_ml
    text = (
        f"the strip left about {ml:.0f} mL ({excess:.0%}) beyond the surface of the brain, skull and scalp "
        "perhaps, which count as tissue; give the whole head, or a mask of the brain"
    )
    return (look_closely("strip-too-wide", text),)


def strip_excess(volume: Volume, mask: NDArray[np.bool_], registration: Registration) -> float:
    """Measure how much of a stripped scan lies beyond the surface of the brain.

    The template was fitted to the whole foreground, and is too large by what should not be there. Its surface
    is therefore optimised from several sizes; that with the clearest boundary counts.

    Parameters
    ----------
    volume : Volume
    mask : ndarray of bool, shape (X, Y, Z)
        The foreground.
    registration : Registration
        Of the template's brain to the foreground.

    Returns
    -------
    float
        Share of the foreground, 0 to 1.
    """
    template = load_template()
    surface = template_surface(template, CHECKED_STEP_VOXELS)
    starts = [_scaled(registration, surface, scale) for scale in STRIP_SCALES]
    optimised = [_optimised(volume, surface, start) for start in starts]
    _, best, offsets = max(optimised, key=lambda result: result[0])
    distance = np.minimum(displaced_distance(offsets, surface), np.float32(MAX_DISTANCE_MM))
    coarse, step = volume.subsampled(STRIP_SPACING_MM)
    beyond = resample_to_scan(distance, template, best, coarse, outside=MAX_DISTANCE_MM)[mask[step]] > 0
    return float(beyond.mean()) if beyond.size else 0.0


def _scaled(registration: Registration, surface: Surface, scale: float) -> Registration:
    """Scale the template about the centre of its surface."""
    centre, matrix = surface.points.mean(axis=0), np.diag([scale, scale, scale, 1.0])
    matrix[:3, 3] = centre * (1 - scale)
    return Registration(registration.affine @ matrix, registration.similarity)


def _optimised(
    volume: Volume, surface: Surface, registration: Registration
) -> tuple[float, Registration, Floats]:
    """Optimise the surface; return the mean score of its boundary, its affine and its offsets."""
    score, registration = register_surface(surface, volume, registration)
    offsets = optimise_offsets(score, surface)
    depths = np.clip(np.rint(offsets - DEPTHS_MM[0]).astype(int), 0, len(DEPTHS_MM) - 1)
    return float(score[np.arange(len(score)), depths].mean()), registration, offsets
