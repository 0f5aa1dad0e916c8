"""The method, in one sentence.

Load the volume; find the brain; lay the template over it; correct the bias field, and do all this anew
without it if it is that of a coil; deform the template and bring further channels to the grid; fit the
mixture, whose proportions depend on place, started from a hierarchical clustering; regularise in space;
compute the atypicality, and set lesions apart; assemble the result and check it.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from mriseg._utils.parallel import beside
from mriseg.brain.outline import with_checked_outline
from mriseg.channels.intensities import join_channels
from mriseg.channels.joining import load_channels
from mriseg.errors import mixture_errors_named
from mriseg.estimates import Estimates
from mriseg.images.fill import with_zero_around
from mriseg.images.reading import as_volume
from mriseg.images.rim import without_rim
from mriseg.labels.contrasts import contrast_of_order, name_components
from mriseg.labels.tissues import AS_WM, AUTO, GM
from mriseg.model.cohort_prior import read_cohort_prior
from mriseg.model.constants import STRONG_FIELD
from mriseg.model.fitting import MixtureSpec
from mriseg.model.markov_field import neighbour_strength, regularise
from mriseg.options import SegmentOptions
from mriseg.preparation import prepare
from mriseg.results.assembly import assemble
from mriseg.results.lesions import with_lesions_apart
from mriseg.results.sidecar import read_saved_fit
from mriseg.template.constants import UNPLACED_CONTRAST
from mriseg.template.tissue_maps import prepare_template

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mriseg.images.reading import ImageSource
    from mriseg.results.segmentation import Segmentation

_log = logging.getLogger(__name__)


def segment(
    scan: ImageSource,
    *,
    channels: ImageSource | Sequence[ImageSource] = (),
    mask: ImageSource | None = None,
    stripped: bool = False,
    contrast: str = AUTO,
    classes: int | str = 3,
    merge: bool = False,
    covariance: str | None = None,
    lesion_mask: ImageSource | None = None,
    lesions: str = AS_WM,
    bias: bool = True,
    spatial: bool = True,
    priors: bool = True,
    warm_start: str | Path | None = None,
    cohort_prior: str | Path | None = None,
    fix_means: bool = False,
) -> Segmentation:
    """Segment the brain of a scan into tissues.

    Parameters
    ----------
    scan : str, Path, nibabel image or Volume
        A whole head or a stripped brain: a NIfTI file or one of FreeSurfer (.mgz), an image in memory, or a
        volume from `mriseg.load_volume`.
    channels : like scan, or sequence of such
        Further scans of the same session, in any contrast, as further channels of the mixture. On another
        grid than the scan they are resampled to it by their headers, and by a rigid motion where these are
        off.
    mask : like scan, optional
        A brain mask on the grid of the scan; found by `mriseg.brain_mask` if not given.
    stripped : bool
        Take everything but the background as brain, whether or not the scan looks stripped.
    contrast : {"auto", "t1", "t2", "pd", "flair", "t1-infant", "t2-infant"}
        Of the scan. Tissues are named by where they lie, and a contrast that is stated is checked against
        that; without the template, the contrast decides which of three classes is CSF, GM and WM. The two
        for infants are of white matter before it is myelinated, up to about half a year.
    classes : int or "auto"
        From 2 to 10, or chosen by BIC; three are named CSF, GM and WM, others are numbered by rising mean of
        the scan.
    merge : bool
        Merge four and more classes to the three tissues that they consist of.
    covariance : str, optional
        Make each class one Gaussian with this covariance model of `mriseg.mixture`, without partial volumes.
    lesion_mask : like scan, optional
        Lesions on the grid of the scan: part of the brain mask, excluded from the fit and from all tissues.
    lesions : {"wm", "own"}
        Label lesions of white matter that stand out in its midst as white matter, or give them a label and a
        volume of their own; a FLAIR channel shows them.
    bias : bool
        Estimate the bias field of every channel and correct for it.
    spatial : bool
        Regularise labels in space by a Markov random field.
    priors : bool
        Use the template's maps of grey and white matter; three classes only.
    warm_start : str or Path, optional
        The sidecar of an earlier segmentation, whose mixture, scaled to the intensities of this scan, EM
        starts from.
    cohort_prior : str or Path, optional
        A file of `mriseg cohort-prior` from similar scans; it regularises the fit where there are few
        voxels.
    fix_means : bool
        Fix the means at those of the sidecar, in its units.

    Returns
    -------
    Segmentation

    Raises
    ------
    ImageError, MaskError
        If the scan, a channel or a mask cannot be used.
    MixtureError
        If the intensities in the mask cannot be told apart, or warm start or cohort prior do not suit.
    OptionError
        If an argument is of a wrong type or out of its range, or arguments do not go together.

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
        "merge": merge,
        "covariance": covariance,
        "lesion_mask": lesion_mask,
        "lesions": lesions,
        "bias": bias,
        "spatial": spatial,
        "priors": priors,
        "warm_start": warm_start,
        "cohort_prior": cohort_prior,
        "fix_means": fix_means,
    }
    return segment_scan(scan, SegmentOptions(**options))


def segment_scan(scan: ImageSource, options: SegmentOptions) -> Segmentation:
    """Segment the brain of a scan into tissues, see `segment`.

    Parameters
    ----------
    scan : str, Path, nibabel image or Volume
    options : SegmentOptions

    Returns
    -------
    Segmentation
    """
    _log.info("reading the scan")
    template_ready = beside(prepare_template)
    volume = as_volume(scan)
    others = [with_zero_around(without_rim(other)) for other in load_channels(options.channels, volume)]
    if options.mask is None:
        volume = without_rim(volume, stripped=options.stripped)
    volume = with_zero_around(volume)
    spec = _mixture_spec(options)
    template_ready()
    with mixture_errors_named(volume.path, spec.classes):
        brain, tissue, lesions, contrast, laid, intensities = prepare(volume, spec, options)
        spec = replace(spec, contrast=contrast)
        known = laid.registration if intensities.field.sd <= STRONG_FIELD else None
        checked_brain = beside(partial(with_checked_outline, brain, volume, known, contrast))
        if laid.prior is not None and laid.prior.fits and intensities.places is None:
            laid = replace(laid, prior=replace(laid.prior, fits=False))
            contrast = UNPLACED_CONTRAST if options.contrast == AUTO else contrast
            spec = replace(spec, contrast=contrast)
        intensities = join_channels(intensities, volume, others, spec.white, bias=options.bias)
        _log.info("fitting the mixture")
        fit = intensities.fit(spec)
    posteriors = intensities.posteriors(fit)
    components = fit.tissues or name_components(fit.model.means, contrast)
    if GM not in components:
        laid = replace(laid, levels=None, prior=None)
    elif options.contrast == AUTO:
        contrast = contrast_of_order(components, contrast)
    strength = 0.0
    if options.spatial:
        _log.info("regularising in space")
        strength = neighbour_strength(fit.model.centres, fit.model.covariances)
        posteriors = regularise(posteriors, tissue, volume.zooms, strength)
    found = Estimates(
        volume=volume,
        brain=checked_brain(),
        lesions=lesions,
        contrast=contrast,
        levels=laid.levels,
        channels=intensities.channels,
        field=intensities.field,
        fit=fit,
        components=components,
        prior=laid.prior,
        registration=laid.registration,
        neighbour_strength=strength,
        settings=options.recorded({other.path: other.sha256 for other in others}),
        inputs=(volume.path, *options.files),
    )
    atypicality = intensities.atypicality(fit, found.white_against_grey)
    return assemble(*with_lesions_apart(found, intensities, posteriors, atypicality))


def _mixture_spec(options: SegmentOptions) -> MixtureSpec:
    """Return the specification of the mixture, with the files that it starts from."""
    return MixtureSpec(
        options.contrast,
        options.classes,
        options.covariance,
        read_saved_fit(options.warm_start) if options.warm_start else None,
        options.fix_means,
        read_cohort_prior(options.cohort_prior) if options.cohort_prior else None,
        options.merge,
        options.max_classes,
    )
