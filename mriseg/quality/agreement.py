"""Agreement with the truth, predicted from image quality figures.

What a scan loses of the Dice of GM and WM, against the same head without damage, is bounded by a linear
regression of its 90 % quantile [1]_ with coefficients that are not negative,

    loss <= b + sum_i a_i max(0, f_i - r_i)                                                               (1)

f_i is an image quality figure, its logarithm or its square, in the direction in which damage moves it, and
r_i the worst that is usual in undamaged scans. ``scripts/learn_agreement.py`` learns b, a and r on T1 scans
of adults with truth that were damaged in known ways (``assets/agreement.json``, docs/verdict.md).

References
----------
.. [1] Koenker R, Bassett G (1978). Regression quantiles. Econometrica 46:33-50.
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from mriseg._utils.assets import asset
from mriseg.qc import QCWarning, do_not_trust, look_closely, note
from mriseg.quality.constants import MAX_LOSS, MAX_TRUSTED_LOSS, SLIGHT_LOSS

if TYPE_CHECKING:
    from collections.abc import Mapping

# The contrast that the bounds are learned on.
LEARNED = "t1"
FIGURE_OF_TISSUE = {"GM": "agreement_gm", "WM": "agreement_wm"}


class Term(NamedTuple):
    """A term of (1).

    Parameters
    ----------
    figures : tuple of str
        Image quality figures, of which the largest counts.
    words : str
        What damage does to them, with a place for the figure and its unit, and one for the usual worst.
    falls : bool
        Whether damage lowers the figure.
    scale : {"linear", "logarithm", "square"}
        Whether f is the figure, its logarithm or its square.
    """

    figures: tuple[str, ...]
    words: str
    falls: bool = False
    scale: Literal["linear", "logarithm", "square"] = "linear"

    def value_of(self, values: Mapping[str, float]) -> float:
        """Return f, -infinity if it cannot be computed."""
        found = [values[name] for name in self.figures if np.isfinite(values.get(name, np.nan))]
        figure = max(found, default=np.nan)
        if np.isnan(figure) or (self.scale == "logarithm" and figure <= 0):
            return -np.inf
        scaled = float(_SCALES[self.scale][0](figure))
        return -scaled if self.falls else scaled

    def figure_of(self, term: float) -> float:
        """Return the figure from f."""
        term = -term if self.falls else term
        return float(_SCALES[self.scale][1](term))


# Functions of a figure, and their inverses.
_SCALES = {
    "linear": (np.positive, np.positive),
    "logarithm": (np.log, np.exp),
    "square": (np.square, np.sqrt),
}


TERMS: dict[str, Term] = {
    "blur": Term(
        ("fwhm_avg",),
        "the scan is smooth over {:.1f} mm (usually {:.1f} mm at the most)",
        scale="logarithm",
    ),
    "noise": Term(
        ("cjv",), "the noise of GM and WM together is {:.2f} of their contrast (usually {:.2f} at the most)"
    ),
    "motion": Term(
        ("smear_x", "smear_y", "smear_z"),
        "air beside the head is brighter along one axis by {:.3f} of its signal (usually {:.3f} at the "
        "most), as after motion",
    ),
    "slices": Term(
        ("jaggedness_x", "jaggedness_y", "jaggedness_z"),
        "slices differ from the next {:.2f} times as much as voxels do along the other axes (usually {:.2f} "
        "times at the most), as after motion between slices",
        scale="logarithm",
    ),
    "ghosts": Term(
        ("ghost_in_brain_x", "ghost_in_brain_y"),
        "a ghost of the head half a scan away makes up {:.3f} of the contrast in the brain (usually {:.3f} "
        "at the most)",
    ),
    # The brightest WM is lost at first, which changes no label.
    "saturation": Term(
        ("clipped_ceiling",),
        "{:.1%} of the brain is at the highest intensity (usually {:.1%} at the most)",
        scale="square",
    ),
}


def predicted_loss(values: Mapping[str, float]) -> dict[str, float]:
    """Bound the Dice of GM and WM that is lost against the same head without damage, by (1).

    Parameters
    ----------
    values : mapping of str to float
        Image quality figures of a T1-weighted scan; those that are missing or not finite cost nothing.

    Returns
    -------
    dict of str to float
        By tissue: nine of ten such scans lose less.
    """
    base = _learned()["Base"]
    return {
        tissue: float(base[tissue] + sum(_shares(values, tissue).values())) for tissue in FIGURE_OF_TISSUE
    }


def predicted_agreement(values: Mapping[str, float]) -> dict[str, float]:
    """Predict the least Dice of GM and WM with the truth, which nine of ten such scans exceed.

    Parameters
    ----------
    values : mapping of str to float
        Image quality figures of a T1-weighted scan.

    Returns
    -------
    dict of str to float
        `agreement_gm` and `agreement_wm`, 0 to 1.
    """
    usual, lost = _learned()["Usual"], predicted_loss(values)
    return {
        figure: float(np.clip(usual[tissue] - lost[tissue], 0, 1))
        for tissue, figure in FIGURE_OF_TISSUE.items()
    }


def is_predicted(values: Mapping[str, float]) -> bool:
    """Return whether the figures of a scan predict its agreement with the truth, as those of T1 scans do."""
    return all(np.isfinite(values.get(name, np.nan)) for name in FIGURE_OF_TISSUE.values())


def _shares(values: Mapping[str, float], tissue: str) -> dict[str, float]:
    """Return the terms of (1), in Dice."""
    learned = _learned()["Terms"]
    return {
        name: learned[name][tissue] * max(0.0, term.value_of(values) - learned[name]["Reference"])
        for name, term in TERMS.items()
    }


def agreement_warnings(values: Mapping[str, float]) -> list[QCWarning]:
    """Check the predicted agreement with the truth.

    Parameters
    ----------
    values : mapping of str to float
        Image quality figures.

    Returns
    -------
    list of QCWarning
        Empty if nothing is in doubt, or where no agreement is predicted.
    """
    if not is_predicted(values):
        return []
    return [*_loss_warnings(values), *_unseen_motion(values)]


def _unseen_motion(values: Mapping[str, float]) -> list[QCWarning]:
    """Say that motion, which shows in the air, cannot be seen where a scan has none."""
    if any(np.isfinite(values.get(name, np.nan)) for name in TERMS["motion"].figures):
        return []
    text = (
        "motion cannot be judged: it shows in the noise of the air around the head, and the scan has none "
        "(it was stripped, or its background was set to one value); look for ripples in the brain"
    )
    return [note("motion-not-judged", text)]


def _loss_warnings(values: Mapping[str, float]) -> list[QCWarning]:
    """Check the predicted loss."""
    figures = {tissue: values[name] for tissue, name in FIGURE_OF_TISSUE.items()}
    worst = max(predicted_loss(values).values())
    if worst <= MAX_TRUSTED_LOSS:
        return []
    warn = do_not_trust if worst > MAX_LOSS else look_closely
    gm, wm = figures.values()
    usual = " and ".join(f"{_learned()['Usual'][tissue]:.2f}" for tissue in figures)
    text = (
        f"{'; '.join(_reasons(values))}; the Dice of GM with the truth may be only {gm:.2f} and that of WM "
        f"{wm:.2f} ({usual} in good scans): take another scan, or compare volumes within like scans only"
    )
    return [warn("agreement-low", text)]


def _reasons(values: Mapping[str, float]) -> list[str]:
    """Return in words what costs most, and what else costs more than a little, the gravest first."""
    learned = _learned()["Terms"]
    by_tissue = [_shares(values, tissue) for tissue in FIGURE_OF_TISSUE]
    lost = {name: max(shares[name] for shares in by_tissue) for name in TERMS}
    names = sorted(TERMS, key=lambda name: -lost[name])
    return [
        term.words.format(*map(term.figure_of, (term.value_of(values), learned[name]["Reference"])))
        for name, term in ((name, TERMS[name]) for name in names)
        if name == names[0] or lost[name] > SLIGHT_LOSS
    ]


@cache
def _learned() -> Any:
    return json.loads(asset("agreement.json"))
