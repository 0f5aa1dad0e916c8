"""Lesions of white matter that are found, set apart from the tissues as given ones are."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from mriseg.labels.contrasts import CONTRASTS
from mriseg.labels.tissues import OWN
from mriseg.qc import look_closely

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mriseg.channels.intensities import Intensities
    from mriseg.estimates import Estimates

    Floats = NDArray[np.float32]

_log = logging.getLogger(__name__)

_NOT_SOUGHT = look_closely(
    "lesions-not-sought",
    "no lesions were sought: it takes the template, laid over a whole brain with myelinated white matter",
)


def with_lesions_apart(
    found: Estimates, intensities: Intensities, posteriors: Floats, atypicality: Floats
) -> tuple[Estimates, Intensities, Floats, Floats]:
    """Find the lesions of white matter, and leave them out of the tissues.

    Parameters
    ----------
    found : Estimates
        Without lesions.
    intensities : Intensities
        Of the N voxels of the brain.
    posteriors : ndarray of float32, shape (N, K)
        Of the components of the mixture.
    atypicality : ndarray of float32, shape (N,)

    Returns
    -------
    tuple
        The same of the M voxels that are no lesions: of all unless the option lesions is "own", and, with a
        warning, where none can be found.
    """
    if found.settings["Lesions"] != OWN:
        return found, intensities, posteriors, atypicality
    prior, white_against_grey = found.prior, found.white_against_grey
    if prior is None or white_against_grey is None or CONTRASTS[found.contrast].infant:
        brain = replace(found.brain, warnings=(*found.brain.warnings, _NOT_SOUGHT))
        return replace(found, brain=brain), intensities, posteriors, atypicality
    _log.info("finding lesions")
    outliers = intensities.white_lesions(found.fit, white_against_grey, atypicality, found.volume.zooms)
    rest = intensities.without(outliers)
    found = replace(found, lesions=intensities.mask & ~rest.mask, prior=prior.among(~outliers))
    # Column by column in memory, as they were.
    return found, rest, posteriors.T[:, ~outliers].T, atypicality[~outliers]
