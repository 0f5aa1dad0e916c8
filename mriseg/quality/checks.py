"""Checks of a segmentation: each returns the warnings that it finds."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from mriseg.images.voxels import bounding_box
from mriseg.labels.contrasts import CONTRASTS
from mriseg.labels.tissues import GM, WM, Tissue
from mriseg.model.separation import separations
from mriseg.qc import QCWarning, do_not_trust, look_closely
from mriseg.quality.agreement import agreement_warnings
from mriseg.quality.constants import (
    BORDER_DEPTH_MM,
    BORDER_SPACING_MM,
    DEPTH_SPACING_MM,
    EMPTY_SHARE,
    MAX_BORDER_WM,
    MAX_CORRECTED_FIELD,
    MAX_OUT_OF_ORDER,
    MAX_SILENT,
    MIN_GREY_TO_WHITE,
    MIN_SEPARATION_SDS,
    MIN_WM_DEPTH_RATIO,
    PLAUSIBLE_INFANT_SHARE,
    PLAUSIBLE_SHARE,
    SHARE_MARGIN,
)
from mriseg.quality.contrast_checks import contrast_warnings, order_warnings, template_warnings
from mriseg.quality.intensity_checks import linearity_warnings, saturation_warnings
from mriseg.quality.region_checks import region_warnings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mriseg.estimates import Estimates
    from mriseg.model.bias_field import BiasField
    from mriseg.quality.image_quality import ImageQuality

    Floats = NDArray[np.floating]


def segmentation_warnings(
    found: Estimates,
    quality: ImageQuality,
    shares: Sequence[float],
    signal: int,
) -> list[QCWarning]:
    """Run all checks of a segmentation: of the scan, its mask, its fit and its tissues.

    Parameters
    ----------
    found : Estimates
    quality : ImageQuality
    shares : sequence of float, length K
        Share of each component's tissue in the brain mask.
    signal : int
        Number of voxels with signal in the brain without lesions.

    Returns
    -------
    list of QCWarning
        Empty if nothing is in doubt.
    """
    volume, (values, _) = found.volume, found.histogram
    ranks = found.model.marginal(0).responsibilities(values).argmax(axis=1)
    warnings = [
        *volume.warnings,
        *found.brain.warnings,
        *(warning for channel in found.channels for warning in channel.warnings),
        *_field_warnings(found.field),
        *_signal_warnings(signal, int(np.count_nonzero(found.tissue_mask))),
        *saturation_warnings(quality["clipped_floor"], quality["clipped_ceiling"]),
        *agreement_warnings(quality.values),
        *region_warnings(quality.values),
        *_model_warnings(found, ranks, shares),
        *contrast_warnings(found.contrast, found.levels, by_place=found.by_place),
        *template_warnings(found),
        *order_warnings(found),
        *linearity_warnings(found),
    ]
    if found.by_place:
        warnings += ratio_warnings(found.components, shares)
    if volume.not_finite:
        damaged = f"{volume.not_finite} voxels of the scan are not finite; they were taken as background"
        warnings.append(look_closely("voxels-not-finite", damaged))
    return warnings


def _field_warnings(field: BiasField) -> list[QCWarning]:
    """Report a field as strong as that of a head coil, under which tissues are less sure."""
    if field.sd <= MAX_CORRECTED_FIELD:
        return []
    spans = f"the bias field spans a factor of {field.high / field.low:.1f} in the brain"
    rest = "as that of a head coil; the volume of CSF may be off by a quarter"
    return [look_closely("strong-bias-field", f"{spans}, {rest}")]


def _signal_warnings(signal: int, voxels: int) -> list[QCWarning]:
    """Check the share of the brain mask without signal, excluded from the fit."""
    silent = 1 - signal / voxels
    if silent <= MAX_SILENT:
        return []
    text = f"{silent:.1%} of the brain mask has no signal; it takes no part in the fit"
    return [look_closely("mask-no-signal", text)]


def _model_warnings(found: Estimates, ranks: NDArray[np.intp], shares: Sequence[float]) -> list[QCWarning]:
    """Check whether the mixture is plausible, separated and converged."""
    fit, model = found.fit, found.model
    ordered = len(fit.histograms) == 1 and model.monotonic
    out_of_order = out_of_order_share(fit.histograms[0][1], ranks) if ordered else 0.0
    warnings = plausibility_warnings(
        found.components, np.array(shares), model.centres, model.covariances, out_of_order, found.contrast
    )
    if fit.single_bic <= fit.bic:
        single = "the classes are not separated: one Gaussian describes the intensities as well"
        warnings.append(do_not_trust("classes-not-separated", single))
    if not model.converged:
        text = f"the mixture has not converged in {model.n_iter} iterations"
        warnings.append(look_closely("not-converged", text))
    return warnings


def plausibility_warnings(
    tissues: Sequence[Tissue],
    shares: NDArray[np.floating],
    centres: NDArray[np.floating],
    covariances: NDArray[np.floating],
    out_of_order: float,
    contrast: str = "t1",
) -> list[QCWarning]:
    """Check shares, separation and order of the classes.

    Parameters
    ----------
    tissues : sequence of Tissue, length K
    shares : ndarray, shape (K,)
        Share of each class in the brain mask, from the responsibilities.
    centres : ndarray, shape (K, D)
        Means of the components in all channels.
    covariances : ndarray, shape (K, D, D)
    out_of_order : float
        Share of voxels whose label contradicts the order of intensities, see `out_of_order_share`.
    contrast : str
        Selects the plausible shares (adults or infants).

    Returns
    -------
    list of QCWarning
        Empty if nothing is in doubt.
    """
    warnings: list[QCWarning] = []
    usual = PLAUSIBLE_INFANT_SHARE if CONTRASTS[contrast].infant else PLAUSIBLE_SHARE
    for tissue, share in zip(tissues, shares, strict=True):
        low, high = usual.get(tissue.abbreviation, (0.0, 1.0))
        if share < EMPTY_SHARE:
            empty = f"{tissue.abbreviation} is all but empty ({share:.1%} of the brain mask)"
            warnings.append(do_not_trust("tissue-empty", empty))
        elif not low <= share <= high:
            unusual = (
                f"{tissue.abbreviation} is {share:.0%} of the brain mask; {low:.0%} to {high:.0%} is usual"
            )
            far = not low - SHARE_MARGIN <= share <= high + SHARE_MARGIN
            causes = "check that --contrast is that of the scan, and the brain mask"
            warnings.append(
                do_not_trust("tissue-share", f"{unusual}; {causes}")
                if far
                else look_closely("tissue-share", unusual)
            )
    means, sds = centres[:, 0], np.sqrt(covariances[:, 0, 0])
    apart = separations(centres, covariances)
    for i, j in itertools.pairwise(np.argsort(means, kind="stable")):
        if apart[i, j] < MIN_SEPARATION_SDS:
            mingled = (
                f"{tissues[i].abbreviation} and {tissues[j].abbreviation} are not separated "
                f"(means {means[i]:.4g} and {means[j]:.4g}, sds {sds[i]:.3g} and {sds[j]:.3g})"
            )
            warnings.append(do_not_trust("tissues-not-separated", mingled))
    if out_of_order > MAX_OUT_OF_ORDER:
        contrary = (
            f"{out_of_order:.1%} of the brain mask has a label that contradicts the order of intensities"
        )
        warnings.append(look_closely("labels-out-of-order", contrary))
    return warnings


def ratio_warnings(tissues: Sequence[Tissue], shares: Sequence[float]) -> list[QCWarning]:
    """Check the volume of GM against that of WM in a whole brain.

    Where WM lies between CSF and GM in intensity, as in FLAIR, or is as dark as dura, as in T2, voxels at the
    surface of the cortex are easily taken for it.

    Parameters
    ----------
    tissues : sequence of Tissue, length K
        With GM and WM among them.
    shares : sequence of float, length K
        Share of each in the brain mask.

    Returns
    -------
    list of QCWarning
        Empty if nothing is in doubt.
    """
    grey, white = (shares[tissues.index(tissue)] for tissue in (GM, WM))
    if grey >= MIN_GREY_TO_WHITE * white:
        return []
    text = (
        f"GM is {grey / max(white, EMPTY_SHARE):.2f} times WM; in whole brains it is more than "
        f"{MIN_GREY_TO_WHITE} times; cortex may have been taken for WM"
    )
    return [look_closely("tissue-ratio", text)]


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
    return [do_not_trust("tissues-swapped", f"{turned}; check that --contrast is that of the scan")]


def _depths(
    labels: NDArray[np.uint8], zooms: NDArray[np.floating], spacing: float
) -> tuple[NDArray[np.uint8], Floats]:
    """Return labels at about a spacing in mm, and the depth of each voxel in the brain, mm."""
    steps = np.maximum(1, np.round(spacing / zooms)).astype(int)
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
        f"{white:.0%} of the border of the brain mask is as bright as WM, where cortex and CSF belong; "
        "cortex was cut away, or scalp was left"
    )
    return [look_closely("mask-bright-border", text)]


def out_of_order_share(counts: NDArray[np.floating], ranks: NDArray[np.intp]) -> float:
    """Return the share of voxels whose labels are out of order with intensity.

    The component of larger variance has the larger density in both tails, also beyond the mean of its
    neighbour.

    Parameters
    ----------
    counts : ndarray, shape (B,)
        Voxels of each intensity, by rising intensity.
    ranks : ndarray of int, shape (B,)
        Rank, by mean, of the most probable component of each intensity.

    Returns
    -------
    float
        The smallest share of voxels whose labels would have to change for labels to rise with intensity.

    >>> out_of_order_share(np.array([1.0, 8.0, 1.0]), np.array([1, 0, 1]))
    0.1
    """
    kept = np.zeros(int(ranks.max()) + 1)  # weight of the heaviest rising subsequence to each rank
    for rank, count in zip(ranks, counts, strict=True):
        kept[rank] = kept[: rank + 1].max() + count
    return float((counts.sum() - kept.max()) / counts.sum())
