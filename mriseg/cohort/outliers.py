"""Outlier scores of scans within a cohort.

References
----------
.. [1] Iglewicz B, Hoaglin DC (1993). How to detect and handle outliers. ASQC Quality Press: the modified
   z-score, 0.6745 times the distance from the median over the median absolute deviation, and its limit 3.5.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mriseg.cohort.constants import LEAST_DEVIATION, MIN_COMPARED_SCANS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from mriseg.cohort.record import Figures

# Image quality figures that are compared: one or two of each kind of fault, as among many some are far off
# by chance; `atypical_ml` is what is unlike any tissue.
COMPARED_FIGURES = (
    "similarity",
    "explained",
    "cjv",
    "fwhm_avg",
    "efc",
    "smear_x",
    "smear_y",
    "smear_z",
    "clipped_ceiling",
    "atypical_ml",
    "agreement_gm",
    "agreement_wm",
)
_NORMAL = 0.6745
_NORMAL_OF_MEAN = 0.7979


class Deviation(NamedTuple):
    """A measure of a scan, its value and its modified z-score."""

    measure: str
    value: float
    score: float


def measures(figures: Figures) -> dict[str, float]:
    """Return the measures for comparison, all independent of the intensity scale of the scanner.

    Parameters
    ----------
    figures : dict
        See `mriseg.cohort.record.figures`.

    Returns
    -------
    dict of str to float
        Volume of the mask (mL), fractions, ratios of neighbouring tissues' means, the bias field's highest
        over its lowest factor, and the `COMPARED_FIGURES` of image quality; those that the scan has.
    """
    numbers = {name: value for name, value in figures.items() if isinstance(value, (int, float))}
    found = {name: numbers[name] for name in numbers if name == "brain_mask_ml" or name.endswith("_fraction")}
    means = sorted((value, name) for name, value in numbers.items() if name.endswith("_mean"))
    for (dark, dark_name), (bright, bright_name) in itertools.pairwise(means):
        if bright:
            found[f"{dark_name} / {bright_name}"] = dark / bright
    if numbers.get("bias_lowest"):
        found["bias_highest / bias_lowest"] = numbers["bias_highest"] / numbers["bias_lowest"]
    return found | {name: numbers[name] for name in COMPARED_FIGURES if name in numbers}


def deviations(cohort: Sequence[Mapping[str, float]]) -> list[list[Deviation]]:
    """Score every measure of every scan against the cohort.

    Parameters
    ----------
    cohort : sequence of mapping of str to float
        The measures of each scan.

    Returns
    -------
    list of list of Deviation
        For each scan those measures that at least `MIN_COMPARED_SCANS` scans have, the farthest first.
    """
    found: list[list[Deviation]] = [[] for _ in cohort]
    for name in dict.fromkeys(name for scan in cohort for name in scan):
        rows = [row for row, scan in enumerate(cohort) if name in scan]
        if len(rows) < MIN_COMPARED_SCANS:
            continue
        values = np.array([cohort[row][name] for row in rows])
        scores = robust_scores(values, LEAST_DEVIATION.get(name, 0.0))
        for row, value, score in zip(rows, values, scores, strict=True):
            found[row].append(Deviation(name, float(value), float(score)))
    return [sorted(scan, key=lambda deviation: -abs(deviation.score)) for scan in found]


def deviations_within(
    cohort: Sequence[Mapping[str, float]], groups: Sequence[str | None]
) -> list[list[Deviation]]:
    """Score every measure of every scan against the scans of its group, see `deviations`.

    Parameters
    ----------
    cohort : sequence of mapping of str to float
        The measures of each scan.
    groups : sequence of str or None
        The group of each scan; one whose group is unknown is compared with none.

    Returns
    -------
    list of list of Deviation
    """
    found: list[list[Deviation]] = [[] for _ in cohort]
    for group in set(groups) - {None}:
        rows = [row for row, other in enumerate(groups) if other == group]
        for row, scores in zip(rows, deviations([cohort[row] for row in rows]), strict=True):
            found[row] = scores
    return found


def robust_scores(values: NDArray[np.floating], least: float = 0.0) -> NDArray[np.floating]:
    """Return modified z-scores [1]_.

    Parameters
    ----------
    values : ndarray of float64, shape (N,)
    least : float
        The least median absolute deviation that counts: smaller differences mean nothing.

    Returns
    -------
    ndarray of float64, shape (N,)
        0 for all where all values are the same. Where more than half are, the mean absolute deviation
        replaces the median one.

    >>> robust_scores(np.array([1.0, 2.0, 3.0, 4.0, 100.0])).round(2).tolist()
    [-1.35, -0.67, 0.0, 0.67, 65.43]
    """
    apart = values - np.median(values)
    scale = np.median(np.abs(apart)) / _NORMAL
    # Values equal up to rounding count as equal.
    if scale <= 1e-9 * np.abs(values).max():
        scale = np.mean(np.abs(apart)) / _NORMAL_OF_MEAN
    scale = max(scale, least / _NORMAL)
    return np.asarray(apart / scale) if scale > 1e-9 * np.abs(values).max() else np.zeros_like(values)
