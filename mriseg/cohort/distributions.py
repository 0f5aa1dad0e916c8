"""Histograms of the measures of a cohort, with the scans that are out of line."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mriseg._utils.text import natural_key
from mriseg.cohort.axes import in_words
from mriseg.cohort.constants import MAX_MARKED_GROUPS, OUTLIER_LIMIT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mriseg.cohort.scan_qc import ScanQC

_BARS = 40


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
    """One measure over all scans: its name and unit in words, and how many scans the tallest bar has."""

    name: str
    low: str
    high: str
    median: str
    tallest: int
    bars: list[Bar]
    marks: list[Mark]
    ticks: list[Tick]


class _Value(NamedTuple):
    """A measure of a scan."""

    identifier: str
    group: str
    value: float
    score: float


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
    return Distribution(
        name=in_words(measure),
        low=f"{low:.4g}",
        high=f"{high:.4g}",
        median=place(np.median(values))[1],
        tallest=int(counts.max()),
        bars=bars,
        marks=marks,
        ticks=ticks,
    )


def _medians(scans: Sequence[_Value]) -> dict[str, float]:
    """Return the median of each group by name; none if there are no groups, or too many to be told apart."""
    names = sorted({scan.group for scan in scans} - {""}, key=natural_key)
    if len(names) > MAX_MARKED_GROUPS:
        return {}
    return {name: float(np.median([scan.value for scan in scans if scan.group == name])) for name in names}
