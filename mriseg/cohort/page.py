"""HTML report of a cohort: distributions of the measures, and overlays by QC rank."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

import numpy as np

from mriseg import __version__
from mriseg.cohort.constants import MIN_COMPARED_SCANS, OUTLIER_LIMIT
from mriseg.cohort.record import log_name
from mriseg.cohort.scan_qc import describe_groups, groups_of
from mriseg.file_names import OVERLAY, REPORT, result_name, stem
from mriseg.qc import VERDICTS
from mriseg.quality.figures import FIGURES
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
    group: str


class Tick(NamedTuple):
    """The median of a group and its position on the axis, percent."""

    group: str
    left: float
    value: str


class Distribution(NamedTuple):
    """One measure over all scans."""

    measure: str
    low: str
    high: str
    median: str
    bars: list[Bar]
    marks: list[Mark]
    ticks: list[Tick]


class Filter(NamedTuple):
    """A choice of cards: their class, a label and how many there are."""

    name: str
    label: str
    number: int


class _Value(NamedTuple):
    """A measure of a scan."""

    identifier: str
    group: str
    value: float
    score: float


def write_page(
    path: Path, output: Path, checked: Sequence[ScanQC], failed: Sequence[Record], group_by: str = ""
) -> None:
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
    group_by : str
        What the groups are within which outliers were judged, such as "site"; "" without groups.
    """
    cards = [_card(scan, output) for scan in sorted(checked, key=lambda scan: scan.qc_rank, reverse=True)]
    choices = filters(checked)
    page = (
        environment()
        .get_template("cohort_report.html.j2")
        .render(
            version=__version__,
            cards=cards,
            failures=[{"record": record, "log": _link(log_name(record.identifier))} for record in failed],
            distributions=distributions(checked),
            filters=choices,
            numbers={choice.name: choice.number for choice in choices},
            group_by=group_by,
            grouping=describe_groups(checked, group_by) if group_by else "",
            groups=groups_of(checked) if group_by else [],
            verdicts=VERDICTS[::-1],
            limit=OUTLIER_LIMIT,
            fewest=MIN_COMPARED_SCANS,
            most_names=_MAX_NAMES,
        )
    )
    path.write_text(page, encoding="utf-8")


def filters(checked: Sequence[ScanQC]) -> list[Filter]:
    """Return the choices of cards: all, those to look at, and those of a kind.

    Parameters
    ----------
    checked : sequence of ScanQC

    Returns
    -------
    list of Filter
    """
    labels = {"card": "all", "to-look-at": "to look at"}
    labels |= {_class_of(verdict): verdict for verdict in VERDICTS[::-1]}
    labels["out-of-line"] = "out of line"
    numbers = Counter(name for scan in checked for name in _classes(scan))
    return [Filter(name, label, numbers[name]) for name, label in labels.items()]


def _classes(scan: ScanQC) -> list[str]:
    """Return the classes of the card of a scan, by which they are filtered."""
    classes = ["card", _class_of(scan.verdict)]
    classes += ["to-look-at"] if scan.suspicious else []
    return [*classes, "out-of-line"] if scan.outlying else classes


def _class_of(verdict: str) -> str:
    return verdict.replace(" ", "-")


def distributions(checked: Sequence[ScanQC]) -> list[Distribution]:
    """Return the histogram of every measure, with the outlying scans.

    Parameters
    ----------
    checked : sequence of ScanQC

    Returns
    -------
    list of Distribution
    """
    found: dict[str, list[_Value]] = {}
    for scan in checked:
        for measure, value, score in scan.deviations:
            one = _Value(scan.record.identifier, scan.group or "", value, score)
            found.setdefault(measure, []).append(one)
    return [_distribution(measure, scans) for measure, scans in sorted(found.items())]


def _distribution(measure: str, scans: Sequence[_Value]) -> Distribution:
    values = np.array([scan.value for scan in scans])
    counts, edges = np.histogram(values, _BARS)
    low, high = float(edges[0]), float(edges[-1])
    bars = [Bar(100 * k / _BARS, 100 * n / counts.max()) for k, n in enumerate(counts.tolist()) if n]
    out = sorted(
        (scan for scan in scans if abs(scan.score) > OUTLIER_LIMIT), key=lambda scan: -abs(scan.score)
    )

    def place(value: float) -> tuple[float, str]:
        return 100 * (value - low) / (high - low), f"{value:.4g}"

    marks = [Mark(scan.identifier, *place(scan.value), scan.score, scan.group) for scan in out]
    ticks = [Tick(group, *place(median)) for group, median in _medians(scans).items()]
    return Distribution(measure, f"{low:.4g}", f"{high:.4g}", place(np.median(values))[1], bars, marks, ticks)


def _medians(scans: Sequence[_Value]) -> dict[str, float]:
    """Return the median of each group by name; none if there are no groups."""
    names = sorted({scan.group for scan in scans} - {""})
    return {name: float(np.median([scan.value for scan in scans if scan.group == name])) for name in names}


def _card(scan: ScanQC, output: Path) -> dict[str, Any]:
    """Return the template data of a scan, with links to existing files."""
    record = scan.record
    name = stem(Path(record.scan))
    figures = [
        (column.removesuffix("_ml").replace("_", " "), f"{value:.0f} mL")
        for column, value in record.figures.items()
        if column.endswith("_ml") and not column.endswith("label_ml") and column not in FIGURES
        if isinstance(value, float)
    ]
    links = {
        suffix: _link(f"{record.folder}/{result_name(name, suffix)}")
        for suffix in (OVERLAY, REPORT)
        if (output / record.folder / result_name(name, suffix)).exists()
    }
    return {
        "identifier": record.identifier,
        "classes": " ".join(_classes(scan)),
        "verdict": scan.verdict,
        "group": scan.group,
        "figures": figures,
        "reasons": record.reasons,
        "outlying": scan.outlying,
        "notes": [warning for warning in record.warnings if warning.severity == "note"],
        "overlay": links.get(OVERLAY),
        "report": links.get(REPORT) or links.get(OVERLAY),
    }


def _link(path: str) -> str:
    """Return a relative URL; ./ keeps a colon in a name from being parsed as a scheme."""
    return "./" + quote(path, errors="surrogateescape")
