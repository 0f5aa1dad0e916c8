"""The tables of a cohort: ``cohort.tsv`` with one row a scan, ``failures.tsv`` with the reasons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from mriseg._utils.tables import write_rows
from mriseg._utils.text import cell
from mriseg.cohort.constants import OUTLIER_LIMIT
from mriseg.cohort.record import log_name
from mriseg.results.volumes import VOLUME_FIGURES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from mriseg.cohort.record import Record
    from mriseg.cohort.scan_qc import ScanQC

_FIRST = ("identifier", "scan", "status")
_LAST = ("bias_lowest", "bias_highest", "similarity", "flags", "outlier_score", "outlier_in", "seconds",
         "peak_mb")  # fmt: skip
_FAILURE = ("identifier", "scan", "reason", "log")


def columns(tissues: Iterable[str]) -> list[str]:
    """List the columns of ``cohort.tsv``.

    Parameters
    ----------
    tissues : iterable of str
        Abbreviations of all classes that a scan of the cohort has.

    Returns
    -------
    list of str
    """
    of_tissues = [f"{tissue}_{name}" for tissue in sorted(set(tissues)) for name in VOLUME_FIGURES]
    return [*_FIRST, "brain_mask_ml", *of_tissues, *_LAST]


def row(record: Record, checked: ScanQC | None = None) -> dict[str, Any]:
    """Return the cells of a scan by column; unknown ones are left out."""
    cells: dict[str, Any] = {
        **record.figures,
        "flags": " | ".join(warning.text for warning in record.warnings if warning.severity != "note"),
        "identifier": record.identifier,
        "scan": record.scan,
        "status": record.status,
        "seconds": record.seconds,
        "peak_mb": record.peak_mb,
    }
    if checked and checked.deviations:
        cells["outlier_score"] = abs(checked.deviations[0].score)
        cells["outlier_in"] = " | ".join(
            d.measure for d in checked.deviations if abs(d.score) > OUTLIER_LIMIT
        )
    return cells


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
