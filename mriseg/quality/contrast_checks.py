"""Checks of the names of the tissues: by the template, the order of intensities, and the stated contrast."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mriseg.labels.contrasts import CONTRASTS, contrast_of_order
from mriseg.labels.tissues import CSF, GM, WM
from mriseg.qc import QCWarning, do_not_trust, look_closely, note
from mriseg.quality.agreement import LEARNED
from mriseg.template.constants import MIN_WM_DIFFERENCE
from mriseg.template.contrast import TissueLevels, contrast_of

if TYPE_CHECKING:
    from mriseg.estimates import Estimates


def template_warnings(found: Estimates) -> list[QCWarning]:
    """Report that the tissues were told without the template, as asked or because it does not fit.

    Parameters
    ----------
    found : Estimates

    Returns
    -------
    list of QCWarning
        Empty if nothing is in doubt.
    """
    if GM not in found.components or (found.prior is not None and found.prior.fits):
        return []
    asked = found.settings["Priors"]
    why = "does not fit this brain" if asked else "was left out"
    text = f"the template {why}; the tissues are named by the order of their intensities in "
    text += f"{CONTRASTS[found.contrast].name}, so that volumes of GM and WM are less sure; "
    text += "check the brain mask and --contrast" if asked else "look at the labels, or leave out --no-priors"
    return [look_closely("template-not-used", text)]


def classes_warnings(found: Estimates) -> list[QCWarning]:
    """Report tissues that Gaussian classes make, without partial volumes and without place.

    Parameters
    ----------
    found : Estimates

    Returns
    -------
    list of QCWarning
        Empty for the three tissues of the usual model, and for classes that are no tissues.
    """
    if GM not in found.components or found.model.partial_volume:
        return []
    text = "the tissues are made of Gaussian classes, as asked, which know neither place nor partial volume: "
    text += "in old heads WM came out up to a sixth smaller; look at the labels, or leave out --covariance "
    return [look_closely("gaussian-classes", text + "and --merge")]


def order_warnings(found: Estimates) -> list[QCWarning]:
    """Report tissues named by place whose intensities have the order of no contrast.

    Parameters
    ----------
    found : Estimates

    Returns
    -------
    list of QCWarning
        Empty if nothing is in doubt.
    """
    rising = tuple(found.components)
    if not found.by_place or any(contrast.rising == rising for contrast in CONTRASTS.values()):
        return []
    text = (
        "the intensities rise from {} over {} to {}, as in no usual contrast; two tissues may be "
        "interchanged: look at the labels, and check the brain mask"
    )
    return [do_not_trust("order-unusual", text.format(*(tissue.abbreviation for tissue in rising)))]


def stated_order_warnings(found: Estimates) -> list[QCWarning]:
    """Report tissues named by place whose intensities have the order of another contrast than the stated one.

    Parameters
    ----------
    found : Estimates

    Returns
    -------
    list of QCWarning
        Empty if nothing is in doubt, and where other checks are for it: an order of no contrast, and CSF at
        the other end (`contrast_warnings`).
    """
    rising, stated = tuple(found.components), CONTRASTS[found.contrast]
    # The stated one itself for its own order and for one of no contrast.
    likely = CONTRASTS[contrast_of_order(rising, found.contrast)]
    if not found.by_place or likely is stated or rising.index(CSF) != stated.rising.index(CSF):
        return []
    darker, brighter = (tissue.abbreviation for tissue in rising if tissue is not CSF)
    text = (
        f"the scan does not look like {stated.name}: {brighter} is brighter than {darker}, as in "
        f"{likely.name}; either --contrast is wrong, and the checks with it, or the contrast of "
        "GM and WM is too weak to tell them by: look at their border"
    )
    return [look_closely("contrast-contradicted", text)]


def prediction_warnings(found: Estimates) -> list[QCWarning]:
    """Say that damage to a scan is not judged by what it costs, as it is in T1 of adults.

    Parameters
    ----------
    found : Estimates

    Returns
    -------
    list of QCWarning
        Empty in T1 of adults, and for classes that are no tissues.
    """
    if found.contrast == LEARNED or GM not in found.components:
        return []
    text = (
        "what noise, blur and motion cost is known of T1 of adults only, and was not judged in "
        f"{CONTRASTS[found.contrast].name}: look for them in the scan"
    )
    return [note("agreement-unknown", text)]


def contrast_warnings(
    contrast: str, levels: TissueLevels | None, *, by_place: bool = False
) -> list[QCWarning]:
    """Check the stated contrast of a scan against its intensities in ventricles, GM and WM.

    Parameters
    ----------
    contrast : str
        A key of `mriseg.labels.contrasts.CONTRASTS`.
    levels : TissueLevels or None
        None if they were not measured.
    by_place : bool
        Whether the tissues were named by place: only the ventricles can then contradict the contrast.

    Returns
    -------
    list of QCWarning
        Empty if nothing does.
    """
    seen = None if levels is None else contrast_of(levels)
    if levels is None or seen is None or CONTRASTS[seen].rising == CONTRASTS[contrast].rising:
        return []
    both_dark = {CONTRASTS[seen].rising[0], CONTRASTS[contrast].rising[0]} == {CSF}
    both_bright = {CONTRASTS[seen].rising[2], CONTRASTS[contrast].rising[2]} == {CSF}
    alike = both_dark and abs(levels.wm - levels.gm) < MIN_WM_DIFFERENCE
    if alike or (by_place and (both_dark or both_bright)):
        return []
    told = f"the scan does not look like {CONTRASTS[contrast].name}: {_contrast_description(seen)}"
    wrong = "is the brain mask" if by_place else "are the names of the tissues"
    return [do_not_trust("contrast-contradicted", f"{told}; check --contrast: if it is wrong, so {wrong}")]


def _contrast_description(seen: str) -> str:
    """Describe the order of intensities of a contrast, for a warning."""
    if CONTRASTS[seen].rising[2] is CSF:
        return "its ventricles are brighter than the brain, as in T2 or proton density"
    if CONTRASTS[seen].rising[2] is WM:
        return "its ventricles are dark and WM is brighter than GM, as in T1"
    return "its ventricles are dark and GM is brighter than WM, as in FLAIR or in T1 of infants"
