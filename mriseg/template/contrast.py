"""Detection of the contrast of a scan from its intensities in ventricles, GM and WM of the template.

Whether the CSF of the ventricles is darker or brighter than the tissue around it separates T1 and FLAIR from
T2 and proton density. Where it is darker, WM is the brightest tissue in T1 and GM in FLAIR.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mriseg.images.background import is_stripped, stripped_mask
from mriseg.images.background_noise import without_background_noise
from mriseg.labels.contrasts import CONTRASTS
from mriseg.qc import QCWarning, look_closely
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
from mriseg.template.registration import holds_brain, register, register_brain, resample_to_scan

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mriseg.images.volume import Volume
    from mriseg.template.head import Template
    from mriseg.template.registration import Registration

_CONTRAST_UNKNOWN = look_closely(
    "contrast-unknown",
    "its contrast cannot be told from its ventricles; it was taken as T1, and the names of the tissues are "
    "wrong if it is not: name it with --contrast",
)


@dataclass(frozen=True)
class TissueLevels:
    """Intensities of a scan where the template is certain of a tissue.

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
    """Measure the intensities of a scan in the ventricles, in GM and in WM.

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
        None if the registration does not fit a whole brain, or too few voxels of a tissue are in the mask.
    """
    if registration is None or not registration.fits_whole_brain:
        return None
    coarse, step = volume.subsampled(SAMPLING_MM)
    mask, template = mask[step], load_template()
    intensities = coarse.data[mask]
    regions = [
        resample_to_scan(region, template, registration, coarse)[mask] > 0.5
        for region in _certain_regions(template)
    ]
    if min(np.count_nonzero(region) for region in regions) < MIN_CERTAIN_VOXELS:
        return None
    low, high = np.percentile(intensities, RANGE_PERCENTILES)
    relative = (intensities - low) / max(high - low, np.finfo(np.float32).tiny)
    csf, gm, wm = (relative[region] for region in regions)
    return _levels(csf, float(np.median(gm)), float(np.median(wm)))


def contrast_of(levels: TissueLevels) -> str | None:
    """Classify the contrast by the order of the tissues' intensities.

    Parameters
    ----------
    levels : TissueLevels

    Returns
    -------
    str or None
        "t1", "t2" (from which proton density cannot be distinguished) or "flair"; None if the ventricles are
        neither clearly the darkest nor clearly the brightest.

    >>> contrast_of(TissueLevels(0.2, 0.5, 0.8)), contrast_of(TissueLevels(0.9, 0.3, 0.2))
    ('t1', 't2')
    """
    if levels.csf > max(levels.gm, levels.wm) + MIN_CSF_DIFFERENCE:
        return "t2"
    if levels.csf < min(levels.gm, levels.wm) - MIN_CSF_DIFFERENCE:
        return "t1" if levels.wm >= levels.gm else "flair"
    return None


class DetectedContrast(NamedTuple):
    """The contrast of a scan, the registration of the template to it, and whether the contrast is in doubt.

    The registration is that to the head as the contrast demands it, None if it was not computed; or to the
    brain where that is known or the scan is stripped.
    """

    contrast: str
    registration: Registration | None
    warnings: tuple[QCWarning, ...] = ()


def detect_contrast(volume: Volume, mask: NDArray[np.bool_] | None = None) -> DetectedContrast:
    """Detect the contrast of a scan.

    Parameters
    ----------
    volume : Volume
        A whole head, or a brain that is stripped or has a mask.
    mask : ndarray of bool, shape (X, Y, Z), optional
        The brain.

    Returns
    -------
    DetectedContrast
        "t1", "t2", "flair", or "t1-infant" if the order of intensities is that of FLAIR and the brain is
        small; "t1" with a warning if the intensities are inconclusive, or the mask is smaller than a brain.
    """
    if mask is None and is_stripped(volume):
        mask = stripped_mask(volume)
    template = load_template()
    if mask is not None and not holds_brain(volume, mask):
        return DetectedContrast("t1", None, (_CONTRAST_UNKNOWN,))
    if mask is not None:
        registration = register_brain(volume, mask, template)
        detected = _contrast_in(volume, mask, registration)
        return DetectedContrast(detected or "t1", registration, () if detected else (_CONTRAST_UNKNOWN,))
    head = without_background_noise(volume)
    # As T1 first, which is the most robust, under the field of a head coil too.
    as_t1 = register(head, template, "t1")
    seen_as_t1 = _contrast_in(volume, _brain_by(as_t1, template, volume), as_t1)
    if seen_as_t1 == "t1":
        return DetectedContrast("t1", as_t1)
    by_maps = register(head, template, None)
    detected = _contrast_in(volume, _brain_by(by_maps, template, volume), by_maps) or seen_as_t1
    if detected in {None, "t1"}:
        return DetectedContrast("t1", as_t1, () if detected else (_CONTRAST_UNKNOWN,))
    return DetectedContrast(detected, None if CONTRASTS[detected].like_template else by_maps)


def _brain_by(registration: Registration, template: Template, volume: Volume) -> NDArray[np.bool_]:
    return resample_to_scan(template.brain, template, registration, volume) > 0.5


def _contrast_in(volume: Volume, brain: NDArray[np.bool_], registration: Registration) -> str | None:
    """Return the contrast by the intensities of a brain, or None; of a small brain, an infant's."""
    levels = tissue_levels(volume, brain, registration) if brain.any() else None
    detected = None if levels is None else contrast_of(levels)
    if np.count_nonzero(brain) * volume.voxel_ml < MIN_GROWN_ML:
        return {"flair": "t1-infant", "t2": "t2-infant"}.get(detected or "", detected)
    return detected


def _levels(csf: NDArray[np.float32], gm: float, wm: float) -> TissueLevels:
    """Represent CSF by a low or a high percentile of the ventricles, whichever differs more from the tissue.

    In small ventricles a part of the region is tissue, so that the median would be biased towards it.
    """
    dark, bright = (float(end) for end in np.percentile(csf, VENTRICLE_PERCENTILES))
    below, above = min(gm, wm) - dark, bright - max(gm, wm)
    return TissueLevels(dark if below > above else bright, gm, wm)


def _certain_regions(template: Template) -> list[NDArray[np.float32]]:
    """Return indicators, 0 or 1, of certain CSF in the ventricles, of certain GM and of certain WM."""
    regions = (
        (template.csf > CERTAIN_CSF) & (template.distance < VENTRICLE_DEPTH_MM),
        template.gm > CERTAIN_GM,
        template.wm > CERTAIN_WM,
    )
    return [region.astype(np.float32) for region in regions]
