"""The method, in one sentence.

Load the volume; find the brain; estimate the bias field; join further channels; fit the mixture; ask the
template where tissues usually lie; regularise in space; name the tissues.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mriseg.assembly import Fitted, assemble
from mriseg.bias import estimate_bias_field, no_field
from mriseg.brain import BrainMask, brain_mask, mask_doubts
from mriseg.channels import air_intensity, join, without_field
from mriseg.errors import MixtureError
from mriseg.fitting import Fit, Wanted, evaluated, fit
from mriseg.grid import bounding_box
from mriseg.histogram import intensity_histogram, tabulated
from mriseg.images import Volume, load_mask, load_volume
from mriseg.partial_volume import fit_partial_volume
from mriseg.priors import tissue_prior, weigh
from mriseg.settings import check_options, recorded_settings
from mriseg.spatial import neighbour_strength, regularise
from mriseg.stripped import stripped_mask, with_signal
from mriseg.tissue import GM, RISING_MEANS, WM, name_components

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from mriseg.channels import Channel
    from mriseg.outputs import Segmentation

_log = logging.getLogger(__name__)


def segment(
    scan: str | Path | Volume,
    *,
    channels: Sequence[str | Path] = (),
    mask: str | Path | None = None,
    stripped: bool = False,
    contrast: str = "t1",
    classes: int = 3,
    covariance: str | None = None,
    lesion_mask: str | Path | None = None,
    bias: bool = True,
    spatial: bool = True,
    priors: bool = True,
    prior: str | Path | None = None,
    fix_means: bool = False,
) -> Segmentation:
    """Segment the brain of a scan into tissues.

    Parameters
    ----------
    scan : str, Path or Volume
        A NIfTI file of a whole head or of a stripped brain, or what `mriseg.load_volume` made of it.
    channels : sequence of str or Path
        Further scans of the same session, in any contrast, that join the mixture. On another grid than the
        scan they are resampled to it.
    mask : str or Path, optional
        A brain mask on the grid of the scan; found by `mriseg.brain_mask` if not given.
    stripped : bool
        Take everything but the background as brain, without asking whether the scan looks stripped.
    contrast : {"t1", "t2", "pd"}
        Of the scan; decides which of three classes is CSF, GM and WM.
    classes : int
        From 2 to 10; three are named as tissues, others are numbered by rising mean of the scan.
    covariance : str, optional
        Make each class one Gaussian with this covariance model of `mriseg.mixture`, without partial volumes.
    lesion_mask : str or Path, optional
        Lesions on the grid of the scan: they belong to the brain, take no part in the fit and are no tissue.
    bias : bool
        Estimate the bias field of every channel and correct for it.
    spatial : bool
        Let neighbouring voxels speak for one another.
    priors : bool
        Let the template say where grey and white matter usually lie; three classes only.
    prior : str or Path, optional
        Where the fit begins: the sidecar of an earlier segmentation, stretched to the intensities of this
        one; or what `mriseg cohort-prior` made of scans like this one, which steadies the fit where there are
        few voxels.
    fix_means : bool
        Hold the means where the sidecar has them, in its units.

    Returns
    -------
    Segmentation

    Raises
    ------
    ImageError, MaskError
        If the scan, a channel or a mask cannot be used.
    MixtureError, CohortError
        If the intensities in the mask cannot be told apart, or the prior does not suit.
    ValueError
        If an argument is out of its range, or both `mask` and `stripped` are given.

    Examples
    --------
    >>> result = segment("sub-01_T1w.nii.gz")  # doctest: +SKIP
    >>> result.volumes["GM"].ml  # doctest: +SKIP
    612.4
    >>> result.save("derivatives/sub-01")  # doctest: +SKIP
    """
    options: dict[str, Any] = {
        "channels": channels,
        "mask": mask,
        "stripped": stripped,
        "contrast": contrast,
        "classes": classes,
        "covariance": covariance,
        "lesion_mask": lesion_mask,
        "bias": bias,
        "spatial": spatial,
        "priors": priors,
        "prior": prior,
        "fix_means": fix_means,
    }
    check_options(**options)
    _log.info("reading the scan")
    volume = scan if isinstance(scan, Volume) else load_volume(scan)
    others = [load_volume(channel) for channel in channels]
    _log.info("finding the brain")
    brain = _find_brain(volume, mask, stripped, contrast)
    lesions = _lesions(volume, lesion_mask)
    brain = replace(brain, mask=brain.mask | lesions)
    tissue = brain.mask & ~lesions
    wanted = Wanted(contrast, RISING_MEANS[contrast].index(GM), classes, covariance, prior, fix_means)
    try:
        _log.info("estimating the bias field")
        signal = with_signal(tissue, volume.data)
        air = air_intensity(volume.data)
        white = RISING_MEANS[contrast].index(WM)
        field = (
            estimate_bias_field(volume.data, signal, volume.zooms, white, float(air)) if bias else no_field()
        )
        corrected = without_field(volume.data, air, field)
        joined = _joined(others, volume, corrected, signal, white, bias=bias)
        _log.info("fitting the mixture")
        images = [corrected, *(channel.corrected for channel in joined)]
        seen = np.logical_and.reduce([signal, *(channel.seen for channel in joined)])
        fitted = fit([_inside(image, seen) for image in images], wanted)
    except MixtureError as error:
        raise MixtureError(f"{volume.path}: its intensities make no {classes} classes ({error})") from error
    posteriors, atypicality = _evaluated(fitted, images, tissue, joined)
    template, strength = None, 0.0
    if priors and classes == 3:
        _log.info("asking the template")
        template = tissue_prior(volume, tissue, brain.scan_to_mni)
        posteriors = weigh(posteriors, template, white)
    if spatial:
        _log.info("regularising in space")
        strength = neighbour_strength(fitted.model.centres, fitted.model.covariances)
        posteriors = regularise(posteriors, tissue, volume.zooms, strength)
    _log.info("naming the tissues")
    return assemble(
        Fitted(
            volume=volume,
            brain=brain,
            lesions=lesions,
            field=field,
            corrected=corrected if bias else None,
            channels=tuple(joined),
            fit=fitted,
            prior=template,
            neighbour_strength=strength,
            components=name_components(fitted.model.means, contrast),
            posteriors=posteriors,
            atypicality=atypicality,
            settings=recorded_settings(**options),
        )
    )


def _find_brain(volume: Volume, mask: str | Path | None, stripped: bool, contrast: str) -> BrainMask:
    if mask is None and not stripped:
        return brain_mask(volume, contrast)
    found = load_mask(mask, volume) if mask is not None else stripped_mask(volume)
    method = "given" if mask is not None else "stripped scan"
    return BrainMask(found, method, warnings=mask_doubts(found, volume))


def _lesions(volume: Volume, lesion_mask: str | Path | None) -> NDArray[np.bool_]:
    if lesion_mask is None:
        return np.zeros(volume.data.shape, dtype=np.bool_)
    return load_mask(lesion_mask, volume, of="lesions", may_be_empty=True)


def _joined(
    others: Sequence[Volume],
    scan: Volume,
    corrected: NDArray[np.float32],
    mask: NDArray[np.bool_],
    white: int,
    *,
    bias: bool,
) -> list[Channel]:
    """Bring further scans to the grid of the first, and find their bias field where that has white matter."""
    if not others:
        return []
    _log.info("joining the channels")
    share = None
    if bias:
        inside = _inside(corrected, mask)
        values, counts = intensity_histogram(inside)
        tissues = fit_partial_volume(values, counts)
        share = tabulated(lambda x: tissues.responsibilities(x)[:, [white]], values, inside)[:, 0]
    return [join(other, scan, mask, share) for other in others]


def _evaluated(
    fitted: Fit, images: Sequence[NDArray[np.float32]], tissue: NDArray[np.bool_], joined: Sequence[Channel]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Ask the mixture about all voxels of tissue; where a channel sees nothing, the first scan alone."""
    columns = [_inside(image, tissue) for image in images]
    posteriors, atypicality = evaluated(fitted.model, fitted.histograms, columns)
    if joined:
        unseen = ~np.logical_and.reduce([_inside(channel.seen, tissue) for channel in joined])
        alone = fitted.model.marginal(0)
        posteriors[unseen], atypicality[unseen] = evaluated(
            alone, fitted.histograms[:1], [columns[0][unseen]]
        )
    return posteriors, atypicality


def _inside(data: NDArray[Any], mask: NDArray[np.bool_]) -> NDArray[Any]:
    box = bounding_box(mask)
    return data[box][mask[box]]
