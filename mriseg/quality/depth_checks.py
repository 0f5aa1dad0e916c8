"""Checks of where in the brain tissues lie: how deep WM and GM are, and what is at the border."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from mriseg.images.voxels import bounding_box, voxels_of
from mriseg.labels.contrasts import CONTRASTS
from mriseg.labels.tissues import GM, WM
from mriseg.qc import QCWarning, do_not_trust, look_closely
from mriseg.quality.constants import (
    BORDER_DEPTH_MM,
    BORDER_SPACING_MM,
    DEPTH_SPACING_MM,
    MAX_BORDER_WM,
    MIN_WM_DEPTH_RATIO,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.floating]


def depth_warnings(labels: NDArray[np.uint8], zooms: NDArray[np.floating]) -> list[QCWarning]:
    """Check the depths of WM and GM in the brain.

    White matter lies deeper than the cortex. Otherwise the tissues are swapped: the
    contrast is wrong, or the mask does not contain a brain.

    Parameters
    ----------
    labels : ndarray of uint8, shape (X, Y, Z)
        Of the three tissues; 0 outside the brain mask.
    zooms : ndarray, shape (3,)
        Voxel size, mm.

    Returns
    -------
    list of QCWarning
        Empty if nothing is in doubt, or a tissue has no voxels.
    """
    coarse, depth = _depths(labels, zooms, DEPTH_SPACING_MM)
    grey, white = coarse == GM.index, coarse == WM.index
    if not (grey.any() and white.any()):
        return []
    of_grey, of_white = float(depth[grey].mean()), float(depth[white].mean())
    if of_white >= MIN_WM_DEPTH_RATIO * of_grey:
        return []
    turned = f"WM lies no deeper in the brain than GM (on average {of_white:.0f} mm against {of_grey:.0f} mm)"
    rest = "where it usually lies deeper, and their volumes may be interchanged"
    return [do_not_trust("tissues-swapped", f"{turned}, {rest}; check that --contrast is that of the scan")]


def _depths(
    labels: NDArray[np.uint8], zooms: NDArray[np.floating], spacing: float
) -> tuple[NDArray[np.uint8], Floats]:
    """Return labels at about a spacing in mm, and the depth of each voxel in the brain, mm."""
    steps = voxels_of(spacing, zooms)
    within = labels[bounding_box(labels > 0)]
    coarse = np.pad(within[tuple(slice(None, None, step) for step in steps)], 1)
    return coarse, ndimage.distance_transform_edt(coarse > 0, sampling=zooms * steps)


def border_warnings(labels: NDArray[np.uint8], zooms: NDArray[np.floating], contrast: str) -> list[QCWarning]:
    """Check the share of WM at the border of the brain, where cortex and CSF belong.

    Parameters
    ----------
    labels : ndarray of uint8, shape (X, Y, Z)
        Of the three tissues; 0 outside the brain mask.
    zooms : ndarray, shape (3,)
        Voxel size, mm.
    contrast : str
        A key of `mriseg.labels.contrasts.CONTRASTS`. Only where WM is the brightest can it not be a mixture
        of others, and is it checked.

    Returns
    -------
    list of QCWarning
        Empty if nothing is in doubt.
    """
    if CONTRASTS[contrast].rising[-1] is not WM or not labels.any():
        return []
    coarse, depth = _depths(labels, zooms, BORDER_SPACING_MM)
    border = coarse[(depth > 0) & (depth <= BORDER_DEPTH_MM)]
    white = np.count_nonzero(border == WM.index) / max(border.size, 1)
    if white <= MAX_BORDER_WM:
        return []
    text = (
        f"{white:.0%} of the border of the brain mask is as bright as WM (usually {MAX_BORDER_WM:.0%} at the "
        "most), where cortex and CSF belong; cortex was cut away, and volumes lack it, or scalp was left, "
        "and they hold it: look at the border, and give the whole head or another mask"
    )
    return [look_closely("mask-bright-border", text)]
