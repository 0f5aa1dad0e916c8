"""What makes a brain mask doubtful."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mriseg.brain.constants import (
    ASYMMETRY_SPACING_MM,
    DOUBTFUL_SIMILARITY,
    MAX_ASYMMETRY,
    MAX_BORDER_CM2,
    MIN_EXTENT_MM,
    MIN_INFANT_EXTENT_MM,
    PLAUSIBLE_INFANT_ML,
    PLAUSIBLE_ML,
)
from mriseg.images.voxels import bounding_box
from mriseg.labels.contrasts import CONTRASTS
from mriseg.qc import GraveDoubt

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mriseg.images.volume import Volume
    from mriseg.template.registration import Registration

_DIRECTIONS = ("left to right", "back to front", "bottom to top")


def mask_warnings(mask: NDArray[np.bool_], volume: Volume, contrast: str = "t1") -> tuple[str, ...]:
    """List what makes a brain mask doubtful whatever it was found by, in plain words.

    Parameters
    ----------
    mask : ndarray of bool, shape (X, Y, Z)
    volume : Volume
        The scan that it belongs to.
    contrast : str
        Decides what is usual: infants are smaller.

    Returns
    -------
    tuple of str
        Empty if nothing is in doubt.
    """
    doubts: list[str] = []
    infant = CONTRASTS[contrast].infant
    ml = float(np.count_nonzero(mask)) * volume.voxel_ml
    least, most = PLAUSIBLE_INFANT_ML if infant else PLAUSIBLE_ML
    if not least <= ml <= most:
        size = f"the brain mask holds {ml:.0f} mL; a human brain has {least:.0f} to {most:.0f} mL"
        doubts.append(GraveDoubt(size))
    for side, zoom, shortest, direction in zip(
        bounding_box(mask),
        volume.zooms,
        MIN_INFANT_EXTENT_MM if infant else MIN_EXTENT_MM,
        _DIRECTIONS,
        strict=True,
    ):
        extent = (side.stop - side.start) * float(zoom)
        if extent < shortest:
            part = f"the brain mask measures {extent:.0f} mm from {direction}; a human brain at least"
            doubts.append(GraveDoubt(f"{part} {shortest:.0f} mm: a part is missing"))
    border = _border_cm2(mask, volume.zooms)
    if border > MAX_BORDER_CM2:
        doubts.append(f"the scan ends inside the brain ({border:.0f} cm2 of its mask lie on the border)")
    return tuple(doubts)


def registration_warnings(mask: NDArray[np.bool_], volume: Volume, registration: Registration) -> list[str]:
    """List what makes a mask doubtful that a registered template found."""
    doubts = []
    if registration.similarity < DOUBTFUL_SIMILARITY:
        share = f"{registration.similarity:.0%}"
        doubts.append(f"the head template fits the scan poorly (explains {share}); look at the brain mask")
    asymmetry = _asymmetry(mask, np.linalg.inv(registration.affine) @ volume.affine)
    if asymmetry > MAX_ASYMMETRY:
        doubts.append(f"the halves of the brain mask differ by {asymmetry:.0%} of its volume")
    return doubts


def _asymmetry(mask: NDArray[np.bool_], to_mni: NDArray[np.floating]) -> float:
    """Measure by what share of the whole the halves of a mask on either side of the midplane differ."""
    steps = np.maximum(1, np.round(ASYMMETRY_SPACING_MM / np.linalg.norm(to_mni[:3, :3], axis=0))).astype(int)
    voxels = np.argwhere(mask[tuple(slice(None, None, step) for step in steps)]) * steps
    right = voxels @ to_mni[0, :3] + to_mni[0, 3] > 0
    return 2 * abs(float(np.mean(right)) - 0.5)


def _border_cm2(mask: NDArray[np.bool_], zooms: NDArray[np.float64]) -> float:
    faces = [(axis, np.count_nonzero(mask.take((0, -1), axis))) for axis in range(3)]
    return float(sum(count * zooms.prod() / zooms[axis] for axis, count in faces)) / 100
