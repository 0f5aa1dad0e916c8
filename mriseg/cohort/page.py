"""HTML report of a cohort: distributions of the measures, and overlays by QC rank."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

import numpy as np

from mriseg import __version__
from mriseg.cohort.constants import MIN_COMPARED_SCANS, OUTLIER_LIMIT
from mriseg.cohort.record import log_name
from mriseg.file_names import OVERLAY, REPORT, result_name, stem
from mriseg.report.templates import environment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mriseg.cohort.record import Record
    from mriseg.cohort.scan_qc import ScanQC

_BARS = 40
_MAX_NAMES = 8


class Bar(NamedTuple):
    """A bar of a histogram, in percent of its width and height."""

    left: float
    height: float


class Mark(NamedTuple):
    """An outlying scan and its position on the axis, percent."""

    identifier: str
    left: float
    value: str
    score: float


class Distribution(NamedTuple):
    """One measure over all scans."""

    measure: str
    low: str
    high: str
    median: str
    bars: list[Bar]
    marks: list[Mark]


def write_page(path: Path, output: Path, checked: Sequence[ScanQC], failed: Sequence[Record]) -> None:
    """Write ``cohort_report.html``.

    Parameters
    ----------
    path : Path
        The file to write.
    output : Path
        Its final folder, which links are relative to.
    checked : sequence of ScanQC
        The scans that were done.
    failed : sequence of Record
        Those that failed.
    """
    cards = [_card(scan, output) for scan in sorted(checked, key=lambda scan: scan.qc_rank, reverse=True)]
    page = (
        environment()
        .get_template("cohort_report.html.j2")
        .render(
            version=__version__,
            cards=cards,
            failures=[{"record": record, "log": _link(log_name(record.identifier))} for record in failed],
            distributions=distributions(checked),
            suspicious=sum(1 for scan in checked if scan.suspicious),
            limit=OUTLIER_LIMIT,
            fewest=MIN_COMPARED_SCANS,
            most_names=_MAX_NAMES,
        )
    )
    path.write_text(page, encoding="utf-8")


def distributions(checked: Sequence[ScanQC]) -> list[Distribution]:
    """Return the histogram of every measure, with the outlying scans.

    Parameters
    ----------
    checked : sequence of ScanQC

    Returns
    -------
    list of Distribution
    """
    found: dict[str, list[tuple[str, float, float]]] = {}
    for scan in checked:
        for measure, value, score in scan.deviations:
            found.setdefault(measure, []).append((scan.record.identifier, value, score))
    return [_distribution(measure, scans) for measure, scans in sorted(found.items())]


def _distribution(measure: str, scans: Sequence[tuple[str, float, float]]) -> Distribution:
    values = np.array([value for _, value, _ in scans])
    counts, edges = np.histogram(values, _BARS)
    low, high = float(edges[0]), float(edges[-1])
    bars = [Bar(100 * k / _BARS, 100 * n / counts.max()) for k, n in enumerate(counts.tolist()) if n]
    out = sorted((scan for scan in scans if abs(scan[2]) > OUTLIER_LIMIT), key=lambda scan: -abs(scan[2]))
    marks = [Mark(name, 100 * (v - low) / (high - low), f"{v:.4g}", score) for name, v, score in out]
    return Distribution(measure, f"{low:.4g}", f"{high:.4g}", f"{np.median(values):.4g}", bars, marks)


def _card(scan: ScanQC, output: Path) -> dict[str, Any]:
    """Return the template data of a scan, with links to existing files."""
    record = scan.record
    name = stem(Path(record.scan))
    figures = [
        (column.removesuffix("_ml"), f"{value:.0f} mL")
        for column, value in record.figures.items()
        if column.endswith("_ml") and not column.endswith("label_ml") and isinstance(value, float)
    ]
    links = {
        suffix: _link(f"{record.folder}/{result_name(name, suffix)}")
        for suffix in (OVERLAY, REPORT)
        if (output / record.folder / result_name(name, suffix)).exists()
    }
    return {
        "identifier": record.identifier,
        "figures": figures,
        "warnings": scan.warnings,
        "outlying": scan.outlying,
        "overlay": links.get(OVERLAY),
        "report": links.get(REPORT) or links.get(OVERLAY),
    }


def _link(path: str) -> str:
    """Return a relative URL; ./ keeps a colon in a name from being parsed as a scheme."""
    return "./" + quote(path, errors="surrogateescape")
