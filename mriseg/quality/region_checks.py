"""Warnings of large regions that may be a tumour, a stroke or an artefact: where they are, not what."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mriseg.qc import QCWarning, look_closely, note, reasons
from mriseg.quality.constants import BOX_MIDDLE_MNI, MAX_ATYPICAL_ML, MAX_TRUSTED_MISPLACED_ML, MIDLINE_MM

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_TODO = "look at the overlay there; if it is no tissue, leave it out by --lesion-mask"


def place_in_words(mni: Sequence[float]) -> str:
    """Return the side and the part of the brain of MNI coordinates in mm, by planes.

    The planes lie about the ends of the deep nuclei, the tentorium, the parieto-occipital, the central and
    the lateral sulcus. Near them the part is a guess.

    >>> place_in_words((40, 45, 10)), place_in_words((-4, -60, -40)), place_in_words((-20, 0, 8))
    ('right frontal', 'midline cerebellum or brain stem', 'left deep')
    """
    x, y, z = mni
    side = "midline" if abs(x) <= MIDLINE_MM else "right" if x > 0 else "left"
    parts = (
        ("cerebellum or brain stem", z < -18 and y < -20),
        ("occipital", y < -72),
        ("deep", abs(x) < 32 and -35 < y < 25 and -12 < z < 22),
        ("temporal", z < 4 and y < 15),
        ("frontal", y > -20),
        ("parietal", True),
    )
    return f"{side} {next(name for name, lies_there in parts if lies_there)}"


def region_warnings(values: Mapping[str, float]) -> list[QCWarning]:
    """Check the largest region unlike any tissue, and that of a tissue where it is not expected.

    Parameters
    ----------
    values : mapping of str to float
        Image quality figures.

    Returns
    -------
    list of QCWarning
        Empty if nothing is in doubt.
    """
    found = [*_misplaced(values), *_atypical(values)]
    # Often they are the same region, which is named once.
    return (reasons(found) or found)[:1]


def _atypical(values: Mapping[str, float]) -> list[QCWarning]:
    ml = values["atypical_region_ml"]
    if not ml > MAX_ATYPICAL_ML:
        return []
    centre = np.add(BOX_MIDDLE_MNI, [values[f"atypical_region_{axis}"] for axis in "xyz"])
    text = (
        f"a region of {ml:.0f} mL unlike any tissue at {place_in_words(centre.tolist())} "
        f"(usually {MAX_ATYPICAL_ML:.0f} mL at the most) is counted among the tissues; {_TODO}"
    )
    return [look_closely("region-atypical", text)]


def _misplaced(values: Mapping[str, float]) -> list[QCWarning]:
    tissue = max(("CSF", "GM", "WM"), key=lambda name: np.nan_to_num(values[f"misplaced_{name.lower()}"]))
    excess = values[f"misplaced_{tissue.lower()}"]
    if not excess > 1:
        return []
    place = place_in_words([values[f"misplaced_{axis}"] for axis in "xyz"])
    text = (
        f"a region of some {values['misplaced_ml']:.0f} mL at {place} holds more {tissue} than the template, "
        f"or the other half of the brain, has there ({excess:.3g} times the most that is usual); {_TODO}"
    )
    warn = look_closely if values["misplaced_ml"] > MAX_TRUSTED_MISPLACED_ML else note
    return [warn("region-misplaced", text)]
