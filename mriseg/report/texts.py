"""Texts of the report: advice by verdict, and the methods paragraph of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from mriseg.brain.mask import MaskMethod
from mriseg.labels.contrasts import CONTRASTS
from mriseg.labels.tissues import OWN
from mriseg.report.references import (
    ASHBURNER,
    COOTES,
    DEMPSTER,
    FONOV,
    FRALEY,
    LARSEN,
    SANTAGO,
    VAN_LEEMPUT,
    ZHANG,
    Reference,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mriseg.qc import Verdict

Facts = dict[str, Any]


class _Sentence(NamedTuple):
    """A sentence with {} in place of the number of each cited reference."""

    text: str
    cited: tuple[Reference, ...] = ()


# What to do, by verdict.
ADVICE: Mapping[Verdict, str] = {
    "trust": "No check found anything that speaks against the result. Checks do not see everything: look at "
    "the outlines below before you use the numbers.",
    "look closely": "Something is unusual. The result may be right all the same: compare the outlines with "
    "the scan where it matters to you before you use the numbers.",
    "do not trust": "Something is wrong, and the numbers below are likely to be wrong with it. Mend what is "
    "named here and segment again.",
}

_MASKS = {
    MaskMethod.GIVEN: _Sentence("The brain mask was supplied."),
    MaskMethod.STRIPPED: _Sentence("The scan held the brain only; all but its background is the brain mask."),
    MaskMethod.SURFACE: _Sentence(
        "The brain was found by registering a mean head in MNI space [{}] to the scan by an affine transform "
        "and moving the surface of its brain to the edge of the brain in the scan [{}].",
        (FONOV, COOTES),
    ),
    MaskMethod.REGISTRATION: _Sentence(
        "The brain mask is that of a mean head in MNI space [{}], registered to the scan by an affine "
        "transform.",
        (FONOV,),
    ),
    MaskMethod.THRESHOLD: _Sentence(
        "As no head template could be registered, the brain mask is the largest part of the bright voxels "
        "after a threshold (Otsu) and a morphological opening."
    ),
}


def methods(facts: Facts) -> tuple[str, list[Reference]]:
    """Compose the methods paragraph of a paper from the sidecar of a run.

    Parameters
    ----------
    facts : dict
        The sidecar, see `mriseg.results.sidecar.sidecar`.

    Returns
    -------
    paragraph : str
        With the numbers of the references in brackets.
    references : list of Reference
        In the order of their numbers.
    """
    mask = _MASKS[MaskMethod(facts["BrainMask"]["Method"])]
    texts: list[str] = []
    references: list[Reference] = []
    for text, cited in (
        _scan(facts),
        mask,
        _field(facts),
        _channels(facts),
        _mixture(facts),
        _merging(facts),
        _priors(facts),
        _spatial(facts),
        _naming(facts),
        _lesions(facts),
        _edit(facts),
    ):
        references += [reference for reference in cited if reference not in references]
        texts.append(text.format(*(references.index(reference) + 1 for reference in cited)))
    return " ".join(text for text in texts if text), references


def _scan(facts: Facts) -> _Sentence:
    """Describe the scan."""
    version, contrast = facts["GeneratedBy"][0]["Version"], CONTRASTS[facts["Contrast"]["Used"]].adjective
    zooms = " x ".join(f"{zoom:.3g}" for zoom in facts["ZoomsMM"])
    return _Sentence(f"The {contrast} scan (voxels of {zooms} mm) was segmented with mriseg {version}.")


def _field(facts: Facts) -> _Sentence:
    """Describe the correction of the bias field."""
    if not facts["Settings"]["Bias"]:
        return _Sentence("No bias field was corrected.")
    if not facts["BiasField"]["Order"]:
        return _Sentence("No bias field of more than one per cent was found to correct.")
    low, high, order = (facts["BiasField"][key] for key in ("Lowest", "Highest", "Order"))
    return _Sentence(
        f"A smooth multiplicative bias field, the exponential of a polynomial of order {order} estimated "
        f"together with the mixture [{{}}, {{}}], was divided out; within the brain it ranged from {low:.2f} "
        f"to {high:.2f}.",
        (ASHBURNER, LARSEN),
    )


def _channels(facts: Facts) -> _Sentence:
    """Describe further channels."""
    channels = facts["Channels"]
    if not channels:
        return _Sentence("")
    names = ", ".join(channel["Source"] for channel in channels)
    fields = ", each corrected for a bias field of its own" if facts["Settings"]["Bias"] else ""
    refined = any(channel["Alignment"].get("Refinement", {}).get("Applied") for channel in channels)
    moved = "; where headers were off, the rigid motion that maximises mutual information was added"
    return _Sentence(
        f"Further scans of the session joined it on its grid ({names}){fields}{moved if refined else ''}."
    )


def _mixture(facts: Facts) -> _Sentence:
    """Describe the mixture and its fit."""
    mixture, settings, several = facts["Mixture"], facts["Settings"], bool(facts["Channels"])
    end = "it converged" if mixture["Converged"] else "it had not converged"
    clustered = not (settings["WarmStart"] or settings["CohortPrior"])
    start = f"{mixture['Start']} [{{}}]" if clustered else mixture["Start"]
    fitted = (
        f" was fitted to the {'joint ' if several else ''}histogram of intensities by "
        f"expectation-maximisation [{{}}] (start: {start}); {end} after {mixture['Iterations']} iterations."
    )
    if settings["CohortPrior"]:
        fitted += " The pooled histogram of a cohort, scaled to this scan, was added to that of the scan."
    cited = (DEMPSTER, *([FRALEY] if clustered else []))
    if mixture["PartialVolume"]:
        mixed = "A mixture of three tissues and of voxels that hold two of them in any proportion [{}]"
        return _Sentence(mixed + fitted, (SANTAGO, *cited))
    classes = len(mixture["Means"])
    chosen = ", a number with the lowest Bayesian information criterion," if mixture["BICByClasses"] else ""
    return _Sentence(f"A mixture of {classes} Gaussian classes{chosen}" + fitted, cited)


def _merging(facts: Facts) -> _Sentence:
    """Describe the merging of classes."""
    if "MergedTo" not in facts["Mixture"]:
        return _Sentence("")
    return _Sentence(
        "The share of each tissue in a class is that which a mixture of three tissues and their partial "
        "volumes, fitted to the same intensities, finds in its voxels."
    )


def _by_place(facts: Facts) -> bool:
    """Return whether the template told the tissues."""
    return bool(facts["TissuePriors"]["Used"])


def _lesions(facts: Facts) -> _Sentence:
    """Describe the lesions that were given or found."""
    if facts["Settings"]["Lesions"] == OWN:
        return _Sentence(
            "Lesions of white matter were found as regions that no tissue explains where the template "
            "expects white matter [{}]; they belong to no tissue.",
            (VAN_LEEMPUT,),
        )
    if not facts["Settings"]["LesionMask"]:
        return _Sentence("")
    return _Sentence("Lesions were given by a mask; they took no part in the fit and belong to no tissue.")


def _priors(facts: Facts) -> _Sentence:
    """Describe the spatial prior."""
    if not _by_place(facts):
        return _Sentence("No prior knowledge of where tissues lie was used.")
    whose = "The" if "MergedTo" in facts["Mixture"] else "Its"
    of_three = " of the three tissues" if "MergedTo" in facts["Mixture"] else ""
    return _Sentence(
        f"{whose} mixing proportions{of_three} followed a template of cortex, deep grey and white matter "
        "[{}], laid over the brain by an affine and a smooth deformation that maximised the likelihood [{}].",
        (FONOV, ASHBURNER),
    )


def _spatial(facts: Facts) -> _Sentence:
    """Describe the Markov random field."""
    if not facts["Settings"]["Spatial"]:
        return _Sentence("Every voxel was judged by itself, without regard to its neighbours.")
    return _Sentence(
        "Posterior probabilities were regularised by a Markov random field over the six neighbours, weighted "
        "by the inverse of their distance and solved by mean field [{}].",
        (ZHANG,),
    )


def _edit(facts: Facts) -> _Sentence:
    """Describe the edit of labels by hand."""
    if not facts.get("Edited", {}).get("Voxels"):
        return _Sentence("")
    return _Sentence(
        f"The labels of {facts['Edited']['Voxels']} voxels were then edited by hand, and these voxels count "
        "whole for their labels."
    )


def _naming(facts: Facts) -> _Sentence:
    """Describe the naming of classes."""
    rule = f"rising mean intensity ({', '.join(facts['Contrast']['Order'])})"
    rule = "where they lie in the template" if _by_place(facts) else rule
    return _Sentence(
        f"Classes were named by {rule}; a voxel's label is its most probable class, "
        "and volumes are sums of posterior probabilities times the volume of a voxel."
    )
