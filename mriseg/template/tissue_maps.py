"""Where white matter is usual and where grey: the template's tissues, carried to a scan by an affine.

An affine lays deep nuclei, brain stem and the middle of the white matter about right, and gyri and ventricles
not at all. So the template has no say in what is CSF, none where grey and white matter are about as frequent
as in the whole brain, and a strong one where it is all but sure: dim white matter of old age stays white, and
pale deep nuclei stay grey.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from mriseg.template.constants import (
    EXPLAINED_PERCENTILES,
    FLAT_LOG_ODDS,
    LOG_ODDS_WEIGHT,
    MIN_BRAIN_ML,
    MIN_EXPLAINED,
    MIN_TISSUE_PROBABILITY,
    SAMPLING_MM,
    TISSUE_BLUR_MM,
)
from mriseg.template.head import Template, load_template
from mriseg.template.registration import Registration, register_brain, resample_to_scan

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mriseg.images.volume import Volume

    Floats = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class TissuePrior:
    """What the template says about the tissue of each voxel.

    Parameters
    ----------
    log_odds : ndarray of float32, shape (N,)
        Of white against grey matter in each voxel of the brain mask, 0 where the template has no say.
    explained : float
        Share of the variance of the brain's intensities that the template's tissues explain, 0 to 1.
    fits : bool
        Whether this is a whole human brain that lies like the template.
    """

    log_odds: NDArray[np.float32]
    explained: float
    fits: bool


def register_template(
    volume: Volume, mask: NDArray[np.bool_], scan_to_mni: NDArray[np.floating] | None = None
) -> Registration | None:
    """Lay the template's brain over that of a scan.

    Parameters
    ----------
    volume : Volume
        In any contrast.
    mask : ndarray of bool, shape (X, Y, Z)
        The brain.
    scan_to_mni : ndarray of float64, shape (4, 4), optional
        World coordinates of the scan to MNI coordinates, mm; found from the mask if not given.

    Returns
    -------
    Registration or None
        None if the mask is too small for a brain.
    """
    if np.count_nonzero(mask) * volume.voxel_ml < MIN_BRAIN_ML:
        return None
    if scan_to_mni is None:
        return register_brain(volume, mask, load_template())
    return Registration(np.linalg.inv(scan_to_mni), np.nan)


def tissue_prior(volume: Volume, mask: NDArray[np.bool_], registration: Registration | None) -> TissuePrior:
    """Ask the template where grey and white matter usually lie.

    Parameters
    ----------
    volume : Volume
        In any contrast.
    mask : ndarray of bool, shape (X, Y, Z)
        The brain, N voxels.
    registration : Registration or None
        Of the template to the scan, see `register_template`.

    Returns
    -------
    TissuePrior
        Without a say if there is no registration.
    """
    if registration is None:
        return TissuePrior(np.zeros(np.count_nonzero(mask), dtype=np.float32), 0.0, fits=False)
    template = load_template()
    log_odds = resample_to_scan(_log_odds(template), template, registration, volume)[mask]
    explained = _explained(volume, mask, template, registration)
    fits = explained >= MIN_EXPLAINED and registration.of_a_whole_brain
    return TissuePrior(_clear(log_odds), explained, fits)


def apply_tissue_prior(
    posteriors: NDArray[np.float32], prior: TissuePrior, grey: int, white: int, channels: int = 1
) -> NDArray[np.float32]:
    """Share out what is not CSF between grey and white matter as the prior suggests.

    Parameters
    ----------
    posteriors : ndarray of float32, shape (N, 3)
        From intensities alone, tissues by rising mean; rows sum to 1.
    prior : TissuePrior
    grey, white : int
        Columns of grey and white matter.
    channels : int
        How many scans the posteriors come from: the more, the less the template has to say.

    Returns
    -------
    ndarray of float32, shape (N, 3)
        Rows sum to 1; the column of CSF is that of `posteriors`. Unchanged if the prior does not fit.
    """
    if not prior.fits:
        return posteriors
    tissue = posteriors[:, grey] + posteriors[:, white]
    odds = np.exp(prior.log_odds / np.float32(channels))
    weighted = odds * posteriors[:, white]
    share = weighted / np.maximum(weighted + posteriors[:, grey], np.finfo(np.float32).tiny)
    result = posteriors.copy()
    result[:, white] = share * tissue
    result[:, grey] = tissue - result[:, white]
    return result


def _log_odds(template: Template) -> NDArray[np.float32]:
    """Compare the odds of white against grey matter about each place with those in the whole brain."""
    blur = TISSUE_BLUR_MM / np.linalg.norm(template.affine[:3, :3], axis=0)
    white, grey = (
        np.maximum(ndimage.gaussian_filter(share, blur), np.float32(MIN_TISSUE_PROBABILITY))
        for share in (template.wm, template.gm)
    )
    brain = template.distance < 0
    log_odds: NDArray[np.float32] = np.log(white / grey) - np.log(
        template.wm[brain].sum() / template.gm[brain].sum()
    )
    return np.where(brain, log_odds, np.float32(0))


def _clear(log_odds: NDArray[np.float32]) -> NDArray[np.float32]:
    """Drop what is not clear, weigh the rest."""
    clear: NDArray[np.float32] = np.sign(log_odds) * np.maximum(
        np.abs(log_odds) - np.float32(FLAT_LOG_ODDS), 0
    )
    return np.float32(LOG_ODDS_WEIGHT) * clear


def _explained(
    volume: Volume, mask: NDArray[np.bool_], template: Template, registration: Registration
) -> float:
    """Regress the brain's intensities on the template's tissues; a voxel every 3 mm tells enough."""
    thin, every = volume.thinned(SAMPLING_MM)
    mask = mask[every]
    shares = [
        resample_to_scan(share, template, registration, thin)[mask] for share in (template.gm, template.wm)
    ]
    values = thin.data[mask].astype(np.float64)
    values = np.clip(values, *np.percentile(values, EXPLAINED_PERCENTILES))
    design = np.column_stack([np.ones(len(values)), *shares])
    residuals = values - design @ np.linalg.lstsq(design, values, rcond=None)[0]
    return float(1 - residuals.var() / max(values.var(), np.finfo(np.float64).tiny))
