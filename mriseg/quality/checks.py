"""Checks of a segmentation: each returns the warnings that it finds."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from mriseg.labels.contrasts import CONTRASTS
from mriseg.labels.tissues import GM, WM, Tissue
from mriseg.model.separation import separations
from mriseg.qc import QCWarning, do_not_trust, look_closely, note
from mriseg.quality.agreement import agreement_warnings
from mriseg.quality.constants import (
    EMPTY_SHARE,
    MAX_CORRECTED_FIELD,
    MAX_OUT_OF_ORDER,
    MAX_SILENT,
    MAX_TRUSTED_FIELD,
    MIN_GREY_TO_WHITE,
    MIN_SEPARATION_SDS,
    PLAUSIBLE_INFANT_SHARE,
    PLAUSIBLE_SHARE,
    SHARE_MARGIN,
)
from mriseg.quality.contrast_checks import (
    classes_warnings,
    contrast_warnings,
    order_warnings,
    prediction_warnings,
    stated_order_warnings,
    template_warnings,
)
from mriseg.quality.intensity_checks import linearity_warnings, saturation_warnings
from mriseg.quality.region_checks import region_warnings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
        *field_warnings(found.field),
        *_signal_warnings(signal, int(np.count_nonzero(found.tissue_mask))),
        *saturation_warnings(quality.values),
        *agreement_warnings(quality.values),
        *region_warnings(quality.values),
        *_model_warnings(found, ranks, shares),
        *contrast_warnings(found.contrast, found.levels, by_place=found.by_place),
        *template_warnings(found),
        *classes_warnings(found),
        *order_warnings(found),
        *stated_order_warnings(found),
        *prediction_warnings(found),
        *linearity_warnings(found),
    ]
    if found.by_place:
        warnings += ratio_warnings(found.components, shares)
    if volume.not_finite:
        damaged = (
            f"{volume.not_finite} voxels of the scan are not finite, where none should be; they were taken "
            "as background, and volumes lack what they held: see where they lie, or convert the scan anew"
        )
        warnings.append(look_closely("voxels-not-finite", damaged))
    return warnings


def field_warnings(field: BiasField) -> list[QCWarning]:
    """Report a field as strong as that of a head coil, under which CSF is less sure.

    Parameters
    ----------
    field : BiasField

    Returns
    -------
    list of QCWarning
        Empty if the field is weaker; a note up to a field under which GM and WM are as good as without it.
    """
    if field.sd <= MAX_CORRECTED_FIELD:
        return []
    text = (
        f"the bias field spans a factor of {field.high / field.low:.1f} in the brain, as that of a head coil "
        f"(the sd of its logarithm is {field.sd:.2f}; it is corrected well up to {MAX_CORRECTED_FIELD}); "
        "the volume of CSF may be off by a tenth: look at its outline near the surface, or give the scan as "
        "normalised by the scanner"
    )
    warn = look_closely if field.sd > MAX_TRUSTED_FIELD else note
    return [warn("strong-bias-field", text)]


def _signal_warnings(signal: int, voxels: int) -> list[QCWarning]:
    """Check the share of the brain mask without signal, excluded from the fit."""
    silent = 1 - signal / voxels
    if silent <= MAX_SILENT:
        return []
    text = (
        f"{silent:.1%} of the brain mask has no signal (usually {MAX_SILENT:.0%} at the most); it takes no "
        "part in the fit: see whether the mask reaches beyond the brain, or a part of the scan was lost"
    )
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
        single = (
            "the classes are not separated: one Gaussian describes the intensities as well, and the volumes "
            "mean nothing; check that the scan shows a brain, its --contrast, and the brain mask"
        )
        warnings.append(do_not_trust("classes-not-separated", single))
    if not model.converged:
        text = (
            f"the mixture has not converged in {model.n_iter} iterations, as it usually does; volumes may be "
            "off by some per cent: see whether the fit follows the histogram, and check the brain mask"
        )
        warnings.append(look_closely("not-converged", text))
    return warnings


def _empty(tissue: Tissue, share: float, usual: Mapping[str, tuple[float, float]]) -> str:
    """Say that a tissue, or a class that is none, has hardly a voxel, and what to do."""
    empty = f"{tissue.abbreviation} is all but empty ({share:.1%} of the brain mask"
    if tissue.abbreviation not in usual:
        return f"{empty}), and other classes hold its voxels; ask for fewer --classes"
    low, high = usual[tissue.abbreviation]
    return (
        f"{empty}; {low:.0%} to {high:.0%} is usual), and other tissues hold its voxels; check --contrast "
        "and the brain mask"
    )


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
            warnings.append(do_not_trust("tissue-empty", _empty(tissue, share, usual)))
        elif not low <= share <= high:
            unusual = (
                f"{tissue.abbreviation} is {share:.0%} of the brain mask; {low:.0%} to {high:.0%} is usual"
            )
            far = not low - SHARE_MARGIN <= share <= high + SHARE_MARGIN
            warn = do_not_trust if far else look_closely
            causes = "its volume is too small or too large if that is not so in this brain: check its outline"
            warnings.append(warn("tissue-share", f"{unusual}; {causes}, --contrast, and the brain mask"))
    means, sds = centres[:, 0], np.sqrt(covariances[:, 0, 0])
    apart = separations(centres, covariances)
    for i, j in itertools.pairwise(np.argsort(means, kind="stable")):
        if apart[i, j] < MIN_SEPARATION_SDS:
            mingled = (
                f"{tissues[i].abbreviation} and {tissues[j].abbreviation} are not separated "
                f"(means {means[i]:.4g} and {means[j]:.4g}, sds {sds[i]:.3g} and {sds[j]:.3g}; usually the "
                f"means are at least {MIN_SEPARATION_SDS:.0f} sd apart), and how much is of which is a "
                "guess; check --contrast and the brain mask, or take a scan with less noise"
            )
            warnings.append(do_not_trust("tissues-not-separated", mingled))
    if out_of_order > MAX_OUT_OF_ORDER:
        contrary = (
            f"{out_of_order:.1%} of the brain mask has a label that contradicts the order of intensities "
            f"(usually {MAX_OUT_OF_ORDER:.0%} at the most), and volumes are off by about as much; look at "
            "the darkest and the brightest voxels of each tissue"
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
        f"GM is {100 * grey:.3g} % of the brain mask and WM {100 * white:.3g} %; in whole brains GM is the "
        "larger; cortex may have been taken for WM, whose volume is too large then: look at its outline, and "
        "segment the T1 of the session if this is none"
    )
    return [look_closely("tissue-ratio", text)]


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
