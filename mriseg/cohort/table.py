"""The tables of a cohort: ``cohort.tsv`` with one row a scan, ``failures.tsv`` with the reasons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from mriseg._utils.tables import write_rows
from mriseg._utils.text import cell
from mriseg.cohort.constants import MIN_COMPARED_SCANS
from mriseg.cohort.record import log_name
from mriseg.labels.tissues import name_in_text
from mriseg.quality.figures import FIGURES
from mriseg.quality.usual import usual_ranges
from mriseg.results.volumes import VOLUME_FIGURES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from mriseg.cohort.record import Record
    from mriseg.cohort.scan_qc import ScanQC

_FIRST = ("identifier", "scan", "status", "verdict", "reason_codes")
_LAST = ("reasons", "edited", "outlier_score", "outlier_in", "seconds", "peak_mb")
_GROUP = "group"
_DESCRIPTIONS: dict[str, dict[str, Any]] = {
    "identifier": {"Description": "Name of the scan in the cohort"},
    "scan": {"Description": "File of the scan"},
    "status": {"Description": "Whether the scan was segmented: done or failed"},
    "verdict": {
        "Description": "Verdict on the segmentation: the gravest severity of its warnings",
        "Levels": {
            "trust": "No check found anything that speaks against the result",
            "look closely": "Something is unusual; the result may be right all the same",
            "do not trust": "Something is wrong, and the numbers are likely to be wrong with it",
        },
    },
    "reason_codes": {
        "Description": "Codes of the warnings that speak against trust, the gravest first, with | between"
    },
    "brain_mask_ml": {"Description": "Volume of the brain mask", "Units": "mL"},
    "bias_lowest": {"Description": "Lowest factor of the bias field in the brain", "Units": "1"},
    "bias_highest": {"Description": "Highest factor of the bias field in the brain", "Units": "1"},
    "reasons": {"Description": "Texts of these warnings, with | between"},
    "edited": {
        "Description": "Whether labels were edited by hand",
        "Levels": {
            "no": "Labels are those of the segmentation",
            "updated": "All results follow the edited labels, by mriseg update",
            "in place": "The label map alone was changed: all other results are of the labels before",
        },
    },
    "outlier_score": {
        "Description": f"Largest modified z-score among the scans compared, at least {MIN_COMPARED_SCANS}",
        "Units": "1",
    },
    "outlier_in": {"Description": "Measures that are outliers, with | between"},
    "seconds": {"Description": "Wall time of the segmentation", "Units": "s"},
    "peak_mb": {"Description": "Peak memory of the segmentation", "Units": "MB"},
}
_OF_TISSUE = {
    "ml": {"Description": "Volume of {} by its posteriors", "Units": "mL"},
    "label_ml": {"Description": "Volume of {} by its labels", "Units": "mL"},
    "fraction": {"Description": "Share of {} in the brain mask, by its posteriors", "Units": "1"},
    "mean": {"Description": "Mean intensity of {}", "Units": "as in the scan"},
    "sd": {"Description": "Standard deviation of the intensity of {}", "Units": "as in the scan"},
}
_FAILURE = ("identifier", "scan", "reason", "log")


def columns(tissues: Iterable[str], *, grouped: bool = False) -> list[str]:
    """List the columns of ``cohort.tsv``.

    Parameters
    ----------
    tissues : iterable of str
        Abbreviations of all classes that a scan of the cohort has.
    grouped : bool
        Whether outliers are judged within groups.

    Returns
    -------
    list of str
    """
    of_tissues = [f"{tissue}_{name}" for tissue in sorted(set(tissues)) for name in VOLUME_FIGURES]
    first = [*_FIRST, *([_GROUP] if grouped else [])]
    return [*first, "brain_mask_ml", *of_tissues, "bias_lowest", "bias_highest", *FIGURES, *_LAST]


def describe(names: Iterable[str], group_by: str = "") -> dict[str, dict[str, Any]]:
    """Describe the columns of ``cohort.tsv`` as BIDS does in the JSON file beside a table.

    Parameters
    ----------
    names : iterable of str
        The columns.
    group_by : str
        What the groups are, such as "site".

    Returns
    -------
    dict of str to dict
        Description and, of a measurement, units, of a category, levels, by column.
    """
    group = {"Description": f"{group_by} of the participant, within which outliers are judged"}
    return {name: group if name == _GROUP else _description(name) for name in names}


def _description(name: str) -> dict[str, Any]:
    """Describe a column."""
    if name in FIGURES:
        usual = {"UsualInT1": list(usual_ranges()[name])} if name in usual_ranges() else {}
        return {"Description": FIGURES[name].description, "Units": FIGURES[name].unit, **usual}
    if name in _DESCRIPTIONS:
        return _DESCRIPTIONS[name]
    figure = max((figure for figure in VOLUME_FIGURES if name.endswith(f"_{figure}")), key=len)
    tissue = name_in_text(name.removesuffix(f"_{figure}"))
    return {key: text.format(tissue) for key, text in _OF_TISSUE[figure].items()}


def row(record: Record, checked: ScanQC | None = None) -> dict[str, Any]:
    """Return the cells of a scan by column; unknown ones are left out."""
    cells: dict[str, Any] = {
        **record.figures,
        "identifier": record.identifier,
        "scan": record.scan,
        "status": record.status,
        "verdict": record.verdict,
        "reason_codes": _joined(warning.code for warning in record.reasons),
        "reasons": _joined(warning.text for warning in record.reasons),
        "edited": record.editing if record.is_done else None,
        "seconds": record.seconds,
        "peak_mb": record.peak_mb,
    }
    if checked:
        cells[_GROUP] = checked.group
        cells["outlier_in"] = _joined(deviation.measure for deviation in checked.outlying)
    if checked and checked.deviations:
        cells["outlier_score"] = abs(checked.deviations[0].score)
    return cells


def _joined(texts: Iterable[str]) -> str:
    return " | ".join(texts)


def failure(record: Record) -> dict[str, Any]:
    """Return the row of a scan in ``failures.tsv``."""
    log = log_name(record.identifier)
    return {"identifier": record.identifier, "scan": record.scan, "reason": record.reason, "log": log}


class TableWriter:
    """Writer of a tab-separated table that flushes after each row.

    Parameters
    ----------
    path : Path
    names : sequence of str
        The columns.
    """

    def __init__(self, path: Path, names: Sequence[str]) -> None:
        self._file = path.open("w", encoding="utf-8", newline="")
        self._names = names
        write_rows(self._file, [names])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, cells: dict[str, Any]) -> None:
        """Write a row; missing cells become ``n/a``."""
        write_rows(self._file, [[_text_of(name, cells.get(name)) for name in self._names]])
        self._file.flush()


def write_failures(path: Path, records: Iterable[Record]) -> None:
    """Write ``failures.tsv``."""
    with TableWriter(path, _FAILURE) as table:
        for record in records:
            table.write(failure(record))


def _text_of(name: str, value: Any) -> str:
    """Format a value as a cell, escaped against formulas and control characters.

    >>> _text_of("GM_ml", 612.41239), _text_of("similarity", 0.70000004), _text_of("seconds", None)
    ('612.412', '0.7', 'n/a')
    """
    if value is None or value == "":
        return "n/a"
    if isinstance(value, (int, float)):
        return f"{value:.3f}" if name.endswith("_ml") else f"{value:.6g}"
    return cell(str(value))
