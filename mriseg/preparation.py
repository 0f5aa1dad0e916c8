"""What precedes the fit: the brain, the template laid over it, and the intensities without bias field."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, NamedTuple

from mriseg.brain.checks import mask_warnings
from mriseg.brain.lesions import split_lesions
from mriseg.brain.mask import Brain, MaskMethod, find_brain
from mriseg.channels.intensities import corrected_intensities
from mriseg.images.background import stripped_mask
from mriseg.images.reading import load_mask
from mriseg.labels.tissues import AUTO
from mriseg.model.constants import MISLEADING_FIELDS, STRONG_FIELD
from mriseg.model.places import places_of
from mriseg.template.contrast import detect_contrast, tissue_levels
from mriseg.template.tissue_maps import deformed_prior, register_template, tissue_prior

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mriseg.channels.intensities import Intensities
    from mriseg.images.volume import Volume
    from mriseg.model.fitting import MixtureSpec
    from mriseg.model.places import Places
    from mriseg.options import SegmentOptions
    from mriseg.qc import QCWarning
    from mriseg.template.contrast import TissueLevels
    from mriseg.template.registration import Registration
    from mriseg.template.tissue_maps import TissuePrior

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Laid:
    """What the template tells of a scan that it is laid over."""

    registration: Registration | None = None
    levels: TissueLevels | None = None
    prior: TissuePrior | None = None

    @cached_property
    def places(self) -> Places | None:
        """Of the voxels of the brain in the template, if it fits."""
        prior = self.prior
        if prior is None or not prior.fits:
            return None
        return places_of(prior.log_odds, prior.deep_grey, prior.levels)


class Prepared(NamedTuple):
    """The brain of a scan, with and without lesions, and what is known of it before the fit."""

    mask: Brain
    tissue: NDArray[np.bool_]
    lesions: NDArray[np.bool_] | None
    contrast: str
    laid: Laid
    intensities: Intensities


def prepare(volume: Volume, spec: MixtureSpec, options: SegmentOptions) -> Prepared:
    """Find the brain, lay the template over it, correct the bias field and deform the template.

    Under a strong field a head is seen too dark or too bright in places for its brain to be found well: then
    all is done anew in the corrected scan.

    Parameters
    ----------
    volume : Volume
        The scan.
    spec : MixtureSpec
    options : SegmentOptions

    Returns
    -------
    Prepared

    Raises
    ------
    MaskError
        If no brain is found, or a mask cannot be used.
    MixtureError
        If the intensities in the mask cannot be told apart.
    """
    found = _brain_seen_in(volume, volume, spec, options)
    if found.mask.scan_to_mni is not None and found.intensities.field.sd > STRONG_FIELD:
        clear = replace(volume, data=found.intensities.images[0])
        found = _brain_seen_in(clear, volume, spec, options)
    laid, intensities = _deformed(found.laid, found.intensities, volume)
    return found._replace(laid=laid, intensities=intensities)


def _brain_seen_in(seen: Volume, volume: Volume, spec: MixtureSpec, options: SegmentOptions) -> Prepared:
    """Find the brain in what is seen of a scan, and correct the bias field of the scan there."""
    _log.info("finding the brain")
    brain, contrast, registration = _find_brain(seen, options)
    brain, tissue, lesions = split_lesions(brain, volume, options.lesion_mask)
    if registration is None or lesions is not None:
        registration = _registration(seen, brain, tissue, options)
    spec = replace(spec, contrast=contrast)
    laid, intensities = _without_field(seen, volume, brain, tissue, registration, spec, options)
    return Prepared(brain, tissue, lesions, contrast, laid, intensities)


def _find_brain(volume: Volume, options: SegmentOptions) -> tuple[Brain, str, Registration | None]:
    """Find the brain and the contrast of the scan, and the registration if it was computed."""
    given: NDArray[np.bool_] | None = None
    warnings: tuple[QCWarning, ...] = ()
    if options.mask is not None:
        given, warnings = load_mask(options.mask, volume)
    elif options.stripped:
        given = stripped_mask(volume)
    contrast, registration = options.contrast, None
    if contrast == AUTO:
        contrast, registration, doubts = detect_contrast(volume, given)
        warnings += doubts
    if given is None:
        brain = find_brain(volume, contrast, registration=registration)
        brain = replace(brain, warnings=(*warnings, *brain.warnings))
        return brain, contrast, registration if brain.method is MaskMethod.STRIPPED else None
    method = MaskMethod.GIVEN if options.mask is not None else MaskMethod.STRIPPED
    warnings += mask_warnings(given, volume, contrast)
    return Brain(given, method, warnings=warnings), contrast, registration


def _without_field(
    seen: Volume,
    volume: Volume,
    brain: Brain,
    tissue: NDArray[np.bool_],
    registration: Registration | None,
    spec: MixtureSpec,
    options: SegmentOptions,
) -> tuple[Laid, Intensities]:
    """Lay the template over the scan and correct the bias field; anew where the field misled it."""
    laid = _laid_over(volume, tissue, registration, options)
    corrected = partial(corrected_intensities, volume, tissue, spec.white, bias=options.bias)
    intensities = corrected(laid.places, clear=seen.data)
    for threshold in MISLEADING_FIELDS if brain.scan_to_mni is None else ():
        if intensities.field.sd <= threshold:
            break
        clear = replace(volume, data=intensities.images[0])
        laid = _laid_over(clear, tissue, _registration(clear, brain, tissue, options), options)
        intensities = corrected(laid.places, clear=clear.data)
    return laid, intensities


def _deformed(laid: Laid, intensities: Intensities, volume: Volume) -> tuple[Laid, Intensities]:
    """Deform the template to the tissues, where the places tell them."""
    if intensities.places is None or laid.registration is None or laid.prior is None:
        return laid, intensities
    _log.info("deforming the template")
    registration = intensities.deformed(laid.registration, volume, intensities.places)
    prior = deformed_prior(laid.prior, volume, intensities.mask, registration)
    laid = replace(laid, registration=registration, prior=prior)
    return laid, replace(intensities, places=laid.places)


def _registration(
    volume: Volume, brain: Brain, tissue: NDArray[np.bool_], options: SegmentOptions
) -> Registration | None:
    """Register the template to the brain, if the classes may be tissues."""
    if not options.may_be_tissues:
        return None
    _log.info("laying the template over the brain")
    return register_template(volume, tissue, brain.scan_to_mni)


def _laid_over(
    volume: Volume, tissue: NDArray[np.bool_], registration: Registration | None, options: SegmentOptions
) -> Laid:
    """Return what the template tells of the contrast and of the tissues."""
    if not options.may_be_tissues:
        return Laid()
    prior = tissue_prior(volume, tissue, registration) if options.priors else None
    return Laid(registration, tissue_levels(volume, tissue, registration), prior)
