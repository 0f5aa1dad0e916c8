"""HTML page of a cohort: distributions and a plot of the measures, and overlays to rate, by QC rank."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from mriseg import __version__
from mriseg._utils.text import cell
from mriseg.cohort.axes import VOLUMES, axes_of, in_words, with_value
from mriseg.cohort.constants import MIN_COMPARED_SCANS, OUTLIER_LIMIT
from mriseg.cohort.distributions import distributions
from mriseg.cohort.record import log_name
from mriseg.cohort.scan_qc import describe_groups, groups_of
from mriseg.file_names import OVERLAY, REPORT, result_name, stem
from mriseg.labels.tissues import name_in_text
from mriseg.qc import VERDICTS
from mriseg.quality.figures import FIGURES
from mriseg.report.page import render

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mriseg.cohort.axes import Axis
    from mriseg.cohort.groups import Groups
    from mriseg.cohort.record import Record
    from mriseg.cohort.scan_qc import ScanQC
    from mriseg.results.own_labels import Editing

_MAX_NAMES = 8
# What is up in the plot at first.
_FIRST_MEASURE = "GM_fraction"
# Mark of a scan whose labels were edited.
_EDITED: dict[Editing, str] = {"no": "", "updated": "edited by hand", "in place": "labels saved over"}


class Filter(NamedTuple):
    """A choice of cards: their class, a label and how many there are."""

    name: str
    label: str
    number: int


def write_page(
    path: Path,
    output: Path,
    checked: Sequence[ScanQC],
    failed: Sequence[Record],
    group_by: str = "",
    numbers: Sequence[Groups] = (),
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
    numbers : sequence of Groups
        Numbers of the participants, such as their age, as axes of the plot.
    """
    ranked = sorted(checked, key=lambda scan: scan.qc_rank, reverse=True)
    choices = filters(checked)
    groups = groups_of(checked) if group_by else []
    axes = axes_of(ranked, numbers)
    page = render(
        "cohort_report.html.j2",
        "cohort.css",
        "cohort.js",
        colors={},
        version=__version__,
        cards=[_card(scan, output) for scan in ranked],
        failures=[{"record": record, "log": _link(log_name(record.identifier))} for record in failed],
        distributions=distributions(checked),
        filters=choices,
        numbers={choice.name: choice.number for choice in choices},
        group_by=group_by,
        grouping=describe_groups(checked, group_by) if group_by else "",
        groups=groups,
        parts=_parts(axes),
        data=_data(ranked, axes, [group.name for group in groups]),
        verdicts=VERDICTS[::-1],
        limit=OUTLIER_LIMIT,
        fewest=MIN_COMPARED_SCANS,
        most_names=_MAX_NAMES,
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


def _parts(axes: Sequence[Axis]) -> dict[str, list[tuple[int, str]]]:
    """Return number and name of the axes by the part of the list that they stand in."""
    parts: dict[str, list[tuple[int, str]]] = {}
    for number, axis in enumerate(axes):
        parts.setdefault(axis.part, []).append((number, axis.name))
    return parts


def _data(ranked: Sequence[ScanQC], axes: Sequence[Axis], groups: list[str | None]) -> dict[str, Any]:
    """Return what the script of the page works with, scan by scan in the order of the cards."""
    names = [axis.name for axis in axes]
    of_volume = next((number for number, axis in enumerate(axes) if axis.part == VOLUMES), 0)
    first = in_words(_FIRST_MEASURE)
    return {
        # As cohort.tsv spells them, to be joined with it.
        "scans": [cell(scan.record.identifier) for scan in ranked],
        "verdicts": [scan.verdict for scan in ranked],
        "groups": [groups.index(scan.group) if groups else 0 for scan in ranked],
        "axes": [{"name": axis.name, "values": axis.values} for axis in axes],
        "up": names.index(first) if first in names else of_volume,
    }


def _card(scan: ScanQC, output: Path) -> dict[str, Any]:
    """Return the template data of a scan, with links to existing files."""
    record = scan.record
    name = stem(Path(record.scan))
    figures = [
        (_in_short(column), f"{value:.0f} mL")
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
        "outlying": [(with_value(of.measure, of.value), of.score) for of in scan.outlying],
        "notes": [warning for warning in record.warnings if warning.severity == "note"],
        "edited": _EDITED[record.editing],
        "overlay": links.get(OVERLAY),
        "report": links.get(REPORT),
    }


def _in_short(column: str) -> str:
    """Return what a column of volumes is the volume of.

    >>> _in_short("brain_mask_ml"), _in_short("L_ml")
    ('brain mask', 'lesions')
    """
    return name_in_text(column.removesuffix("_ml").replace("_", " "))


def _link(path: str) -> str:
    """Return a relative URL; ./ keeps a colon in a name from being parsed as a scheme."""
    return "./" + quote(path, errors="surrogateescape")
