"""What a scan is weighted by: seen from how bright it is where the template has ventricles, GM and WM.

Ventricles lie in the middle of every brain, and whether CSF is darker or brighter than the tissue around it
tells T1 and FLAIR from T2 and proton density. Where it is darker, WM is the brightest in T1 and GM in FLAIR.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mriseg.errors import ImageError
from mriseg.images.background import is_stripped, stripped_mask
from mriseg.labels.contrasts import CONTRASTS
from mriseg.template.constants import (
    CERTAIN_CSF,
    CERTAIN_GM,
    CERTAIN_WM,
    MIN_CERTAIN_VOXELS,
    MIN_CSF_DIFFERENCE,
    MIN_GROWN_ML,
    RANGE_PERCENTILES,
    SAMPLING_MM,
    VENTRICLE_DEPTH_MM,
    VENTRICLE_PERCENTILES,
)
from mriseg.template.head import load_template
from mriseg.template.registration import register, register_brain, resample_to_scan

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mriseg.images.volume import Volume
    from mriseg.template.head import Template
    from mriseg.template.registration import Registration


@dataclass(frozen=True)
class TissueLevels:
    """How bright a scan is where the template is sure of a tissue.

    Parameters
    ----------
    csf, gm, wm : float
        As shares of the range of intensities in the brain, about 0 to 1.
    """

    csf: float
    gm: float
    wm: float


def tissue_levels(
    volume: Volume, mask: NDArray[np.bool_], registration: Registration | None
) -> TissueLevels | None:
    """Measure how bright the scan is in ventricles, GM and WM.

    Parameters
    ----------
    volume : Volume
        In any contrast.
    mask : ndarray of bool, shape (X, Y, Z)
        The brain.
    registration : Registration or None
        Of the template to the scan.

    Returns
    -------
    TissueLevels or None
        None if the template does not lie over a whole brain, or one of the tissues is not in the mask.
    """
    if registration is None or not registration.of_a_whole_brain:
        return None
    thin, every = volume.thinned(SAMPLING_MM)
    mask, template = mask[every], load_template()
    intensities = thin.data[mask]
    places = [
        resample_to_scan(sure, template, registration, thin)[mask] > 0.5 for sure in _sure_places(template)
    ]
    if min(np.count_nonzero(place) for place in places) < MIN_CERTAIN_VOXELS:
        return None
    low, high = np.percentile(intensities, RANGE_PERCENTILES)
    shares = (intensities - low) / max(high - low, np.finfo(np.float32).tiny)
    fluid, grey, white = (shares[place] for place in places)
    return _levels(fluid, float(np.median(grey)), float(np.median(white)))


def _levels(fluid: NDArray[np.float32], grey: float, white: float) -> TissueLevels:
    """Take the end of the intensities about the ventricles, where small ones share the place with tissue."""
    dark, bright = (float(end) for end in np.percentile(fluid, VENTRICLE_PERCENTILES))
    darker, brighter = min(grey, white) - dark, bright - max(grey, white)
    return TissueLevels(dark if darker > brighter else bright, grey, white)


def contrast_of(levels: TissueLevels) -> str | None:
    """Tell what a scan is weighted by.

    Parameters
    ----------
    levels : TissueLevels

    Returns
    -------
    str or None
        "t1", "t2" (which proton density cannot be told from) or "flair"; None if the ventricles are neither
        clearly the darkest nor the brightest.

    >>> contrast_of(TissueLevels(0.2, 0.5, 0.8)), contrast_of(TissueLevels(0.9, 0.3, 0.2))
    ('t1', 't2')
    """
    if levels.csf > max(levels.gm, levels.wm) + MIN_CSF_DIFFERENCE:
        return "t2"
    if levels.csf < min(levels.gm, levels.wm) - MIN_CSF_DIFFERENCE:
        return "t1" if levels.wm >= levels.gm else "flair"
    return None


def detect_contrast(volume: Volume, mask: NDArray[np.bool_] | None = None) -> str:
    """Decide what a scan is weighted by.

    Parameters
    ----------
    volume : Volume
        A whole head, or a brain that is stripped or has a mask.
    mask : ndarray of bool, shape (X, Y, Z), optional
        The brain.

    Returns
    -------
    str
        "t1", "t2", "flair", or "t1-infant" where the brain is too small for what looks like FLAIR.

    Raises
    ------
    ImageError
        If it cannot be told.
    """
    template = load_template()
    if mask is None and is_stripped(volume):
        mask = stripped_mask(volume)
    if mask is None:
        registration = register(volume, template, contrast=None)
        mask = resample_to_scan(template.brain, template, registration, volume) > 0.5
    else:
        registration = register_brain(volume, mask, template)
    levels = tissue_levels(volume, mask, registration) if mask.any() else None
    seen = None if levels is None else contrast_of(levels)
    if seen is None:
        known = ", ".join(CONTRASTS)
        raise ImageError(f"{volume.path}: its contrast cannot be told from its ventricles; name it with "
                         f"--contrast ({known})")  # fmt: skip
    ml = np.count_nonzero(mask) * volume.voxel_ml
    return "t1-infant" if seen == "flair" and ml < MIN_GROWN_ML else seen


def _sure_places(template: Template) -> list[NDArray[np.float32]]:
    """Return where the template is sure of CSF in the ventricles, of GM and of WM: 1 there, 0 elsewhere."""
    places = (
        (template.csf > CERTAIN_CSF) & (template.distance < VENTRICLE_DEPTH_MM),
        template.gm > CERTAIN_GM,
        template.wm > CERTAIN_WM,
    )
    return [place.astype(np.float32) for place in places]
