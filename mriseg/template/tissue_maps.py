"""Spatial priors of the tissues: maps of the template, resampled to a scan by its registration.

An affine and a smooth deformation align deep nuclei, brain stem and the centre of the white matter, but not
gyri. The prior therefore says nothing of CSF, is flat where cortex and WM are about as frequent as in the
whole brain, and weighs strongly where one of them is nearly certain: white matter that is dark with age stays
WM, and bright deep nuclei stay GM.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from mriseg.template.constants import (
    EXPLAINED_PERCENTILES,
    FLAT_LOG_ODDS,
    LOG_ODDS_WEIGHT,
    MIN_DEEP_GREY,
    MIN_EXPLAINED,
    MIN_NEAR_NUCLEI,
    MIN_TISSUE_PROBABILITY,
    NUCLEI_BLUR_MM,
    NUCLEI_DOUBT,
    SAMPLING_MM,
    TISSUE_BLUR_MM,
)
from mriseg.template.deformation import prepare_deformation
from mriseg.template.head import Template, load_template
from mriseg.template.registration import Registration, holds_brain, register_brain, resample_to_scan

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mriseg.images.volume import Volume

    Floats = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class TissuePrior:
    """What the template tells of the tissue in each voxel of a brain.

    Parameters
    ----------
    log_odds : ndarray of float32, shape (N,)
        Prior log odds of WM against cortical GM in each voxel of the brain mask; 0 where the prior is flat.
    deep_grey : ndarray of float32, shape (N,)
        Prior share of deep GM in the GM and WM of each voxel, 0 to 1.
    levels : ndarray of float64, shape (3,)
        Intensities of CSF, GM and WM in the scan by the regression on the tissue maps.
    explained : float
        R squared of the tissue maps on the intensities of the brain, 0 to 1.
    fits : bool
        Whether the scan shows a whole human brain in the orientation of the template.
    """

    log_odds: NDArray[np.float32]
    deep_grey: NDArray[np.float32]
    levels: Floats
    explained: float
    fits: bool

    def among(self, chosen: NDArray[np.bool_]) -> TissuePrior:
        """Return the prior of some of the voxels, chosen by an array of bool, shape (N,)."""
        return replace(self, log_odds=self.log_odds[chosen], deep_grey=self.deep_grey[chosen])


def prepare_template() -> None:
    """Read the template and derive its maps, which are cached, before a scan needs them."""
    template = load_template()
    _white_share(template)
    _deep_grey(template)
    prepare_deformation()


def register_template(
    volume: Volume, mask: NDArray[np.bool_], scan_to_mni: NDArray[np.floating] | None = None
) -> Registration | None:
    """Register the template to a scan with a brain mask, or reuse a known affine.

    Parameters
    ----------
    volume : Volume
        In any contrast.
    mask : ndarray of bool, shape (X, Y, Z)
        The brain.
    scan_to_mni : ndarray of float64, shape (4, 4), optional
        World coordinates of the scan to MNI coordinates, mm; computed from the mask if not given.

    Returns
    -------
    Registration or None
        None if the mask is smaller than a brain.
    """
    if not holds_brain(volume, mask):
        return None
    if scan_to_mni is None:
        return register_brain(volume, mask, load_template())
    return Registration(np.linalg.inv(scan_to_mni), np.nan)


def tissue_prior(volume: Volume, mask: NDArray[np.bool_], registration: Registration | None) -> TissuePrior:
    """Compute the prior of the tissues in a registered scan.

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
        Flat, and not fitting, without a registration.
    """
    if registration is None:
        flat = np.zeros(np.count_nonzero(mask), dtype=np.float32)
        return TissuePrior(flat, flat, np.full(3, np.nan), 0.0, fits=False)
    template = load_template()
    log_odds, deep_grey = _shares_in(volume, mask, registration)
    levels, explained = _regression(volume, mask, template, registration)
    fits = explained >= MIN_EXPLAINED and registration.fits_whole_brain
    return TissuePrior(log_odds, deep_grey, levels, explained, fits)


def deformed_prior(
    prior: TissuePrior, volume: Volume, mask: NDArray[np.bool_], registration: Registration
) -> TissuePrior:
    """Return the prior of a scan with the deformation of its registration.

    Parameters
    ----------
    prior : TissuePrior
        By the affine.
    volume : Volume
    mask : ndarray of bool, shape (X, Y, Z)
        The brain, N voxels.
    registration : Registration

    Returns
    -------
    TissuePrior
    """
    log_odds, deep_grey = _shares_in(volume, mask, registration)
    return replace(prior, log_odds=log_odds, deep_grey=deep_grey)


def _shares_in(
    volume: Volume, mask: NDArray[np.bool_], registration: Registration
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the prior log odds of WM against cortex, and the share of deep GM, in the voxels of a brain."""
    template = load_template()
    # Interpolated as probabilities: a boundary that the registration misses by a voxel stays uncertain.
    white = resample_to_scan(_white_share(template), template, registration, volume, outside=0.5)[mask]
    deep_grey = resample_to_scan(_deep_grey(template), template, registration, volume)[mask]
    return np.log(white / (1 - white)), deep_grey


@cache
def _white_share(template: Template) -> NDArray[np.float32]:
    """Compute the prior share of WM in WM and cortex, 0.5 where it is flat.

    Around the deep nuclei, which wide ventricles displace, neither tissue is certain.
    """
    sigma = NUCLEI_BLUR_MM / np.linalg.norm(template.affine[:3, :3], axis=0)
    near = ndimage.gaussian_filter(template.deep_grey, sigma) - np.float32(MIN_NEAR_NUCLEI)
    doubt = np.float32(NUCLEI_DOUBT) * np.maximum(near, 0)
    share = 1 / (1 + np.exp(-_flatten(_log_odds(template))))
    return np.asarray(doubt + (1 - 2 * doubt) * share)


def _log_odds(template: Template) -> NDArray[np.float32]:
    """Compute the log odds of WM against cortex, less those in the whole brain; 0 outside the brain."""
    white, grey = (
        np.maximum(_blurred(probability, template), np.float32(MIN_TISSUE_PROBABILITY))
        for probability in (template.white, template.cortex)
    )
    brain = template.distance < 0
    log_odds: NDArray[np.float32] = np.log(white / grey) - np.log(
        template.wm[brain].sum() / template.gm[brain].sum()
    )
    return np.where(brain, log_odds, np.float32(0))


@cache
def _deep_grey(template: Template) -> NDArray[np.float32]:
    """Compute the share of deep GM in the GM and WM, 0 where it is small."""
    tissue = _blurred(template.gm + template.wm, template)
    share = _blurred(template.deep, template) / np.maximum(tissue, np.float32(MIN_TISSUE_PROBABILITY))
    return np.where(share > MIN_DEEP_GREY, share, np.float32(0))


def _blurred(probability: NDArray[np.float32], template: Template) -> NDArray[np.float32]:
    sigma = TISSUE_BLUR_MM / np.linalg.norm(template.affine[:3, :3], axis=0)
    return np.asarray(ndimage.gaussian_filter(probability, sigma))


def _flatten(log_odds: NDArray[np.float32]) -> NDArray[np.float32]:
    """Soft-threshold the log odds, so that the prior is flat where tissues are uncertain; scale the rest."""
    excess: NDArray[np.float32] = np.sign(log_odds) * np.maximum(
        np.abs(log_odds) - np.float32(FLAT_LOG_ODDS), 0
    )
    return np.float32(LOG_ODDS_WEIGHT) * excess


def _regression(
    volume: Volume, mask: NDArray[np.bool_], template: Template, registration: Registration
) -> tuple[Floats, float]:
    """Regress the intensities of the brain, subsampled for speed, on the tissue maps.

    Returns the intensities of CSF, GM and WM, and R squared. Only the intensities are regressed on a
    second-order polynomial of position, too: under the field of a head coil, sulci are brighter than white
    matter.
    """
    coarse, step = volume.subsampled(SAMPLING_MM)
    mask = mask[step]
    maps = [
        resample_to_scan(probability, template, registration, coarse)[mask]
        for probability in (template.gm, template.wm)
    ]
    if not mask.any():
        return np.full(3, np.nan), 0.0
    values = coarse.data[mask].astype(np.float64)
    values = np.clip(values, *np.percentile(values, EXPLAINED_PERCENTILES))
    tissue = np.column_stack(maps)
    constant = np.ones((len(values), 1))
    design = np.hstack([constant, tissue])
    residuals = values - design @ np.linalg.lstsq(design, values, rcond=None)[0]
    explained = float(1 - residuals.var() / max(values.var(), np.finfo(np.float64).tiny))
    x = np.argwhere(mask) / np.array(mask.shape) - 0.5
    field = [x[:, i] * x[:, j] for i, j in combinations_with_replacement(range(3), 2)]
    beside_field = np.hstack([tissue, constant, x, np.column_stack(field)])
    above_csf = np.append(0.0, np.linalg.lstsq(beside_field, values, rcond=None)[0][:2])
    return values.mean() + above_csf - tissue.mean(axis=0) @ above_csf[1:], explained
