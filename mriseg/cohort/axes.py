"""What the plot of a cohort can have as its axes, each with its name in words and its unit."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple

from mriseg._utils.text import printable
from mriseg.cohort.outliers import measures
from mriseg.cohort.participants import numbers_of
from mriseg.cohort.table import columns, describe
from mriseg.quality.figures import FIGURES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mriseg.cohort.groups import Groups
    from mriseg.cohort.scan_qc import ScanQC

PARTICIPANTS, VOLUMES, QUALITY = "Participants", "Volumes and intensities", "Image quality"
_NO_UNIT = "1"
# Share of the range of an axis that rounding may change a value by; far less than a dot of the plot.
_ROUNDING = 1e-4
# Digits that every value keeps.
_DIGITS = 5
# Numbers beyond it are no measurements, and differences of theirs would be infinite.
_LARGEST = 1e300
_MEAN = "_mean"
# Figures whose descriptions name columns.
_MEANS_IN_WORDS = {
    "snr_total": "Mean over the tissues of their median over their standard deviation",
    "snrd_total": "Mean over the tissues of their median over the noise of air",
    "fwhm_avg": "Smoothness of the noise within tissues, mean of the three axes",
}


class Axis(NamedTuple):
    """Values of all scans on an axis, None where one has none, and the part of the list it stands in."""

    name: str
    part: str
    values: list[float | None]


def in_words(measure: str) -> str:
    """Return what a measure is, with its unit: a column of ``cohort.tsv``, or a ratio of two.

    >>> in_words("brain_mask_ml"), in_words("L_fraction")
    ('Volume of the brain mask, mL', 'Share of lesions in the brain mask, by its posteriors')
    >>> in_words("GM_mean / WM_mean")
    'Mean intensity of GM over that of WM'
    >>> in_words("bias_highest / bias_lowest")
    'Highest factor of the bias field in the brain over the lowest'
    """
    return ", ".join(text for text in _name_and_unit(measure) if text)


def with_value(measure: str, value: float) -> str:
    """Return what a measure is, and its value with the unit.

    >>> with_value("brain_mask_ml", 1512.3), with_value("GM_fraction", 0.45)
    ('Volume of the brain mask: 1512 mL', 'Share of GM in the brain mask, by its posteriors: 0.45')
    """
    name, unit = _name_and_unit(measure)
    return f"{name}: {value:.4g} {unit}".rstrip()


def _name_and_unit(measure: str) -> tuple[str, str]:
    """Return name and unit of a measure; no unit of a ratio or a share."""
    first, ratio, second = measure.partition(" / ")
    about = describe([first])[first]
    if ratio:
        other = f"that of {second.removesuffix(_MEAN)}" if second.endswith(_MEAN) else "the lowest"
        return f"{about['Description']} over {other}", ""
    unit = about.get("Units", _NO_UNIT)
    return _MEANS_IN_WORDS.get(measure, about["Description"]), "" if unit == _NO_UNIT else unit


def axes_of(checked: Sequence[ScanQC], numbers: Iterable[Groups] = ()) -> list[Axis]:
    """Return all axes on which at least two scans differ.

    Parameters
    ----------
    checked : sequence of ScanQC
    numbers : iterable of Groups
        Numbers of the participants, see `mriseg.cohort.participants.read_numbers`.

    Returns
    -------
    list of Axis
        Those of the participants come first; all with a value for each scan, rounded to
        no less than what the plot can show.
    """
    places = [(scan.record.identifier, scan.record.folder) for scan in checked]
    found = [
        Axis(printable(column.column), PARTICIPANTS, _rounded(numbers_of(column, places)))
        for column in numbers
    ]
    known = [{**scan.record.figures, **measures(scan.record.figures)} for scan in checked]
    found += [
        Axis(in_words(name), QUALITY if name in FIGURES else VOLUMES, _rounded(of.get(name) for of in known))
        for name in _names(known)
    ]
    return [axis for axis in found if len(set(axis.values) - {None}) > 1]


def _names(known: Sequence[dict[str, float | str | None]]) -> list[str]:
    """Return the measures that scans have in the order of ``cohort.tsv``, ratios before image quality."""
    present = dict.fromkeys(name for of in known for name in of)
    tissues = {name.removesuffix(_MEAN) for name in present if name.endswith(_MEAN) and "/" not in name}
    in_table = [name for name in columns(tissues) if name in present]
    ratios = [name for name in present if " / " in name]
    return sorted([*in_table, *ratios], key=lambda name: name in FIGURES)


def _rounded(values: Iterable[object]) -> list[float | None]:
    """Round to five significant digits, or as many more as tell values of this range apart.

    >>> _rounded([1512.3456, 712.0, "n/a"]), _rounded([20240101.0, 20240117.0])
    ([1512.3, 712.0, None], [20240101.0, 20240117.0])
    """
    numbers = [
        float(value) if isinstance(value, (int, float)) and abs(value) < _LARGEST else None
        for value in values
    ]
    known = [number for number in numbers if number is not None]
    finest = _ROUNDING * (max(known) - min(known)) if known else 0.0
    return [None if number is None else _shortest(number, finest) for number in numbers]


def _shortest(number: float, finest: float) -> float:
    """Return the number with the fewest digits, from five on, that is off by no more than `finest`."""
    candidates = (float(f"{number:.{digits}g}") for digits in range(_DIGITS, sys.float_info.dig + 1))
    return next((short for short in candidates if abs(short - number) <= finest), number)
