"""The report's table of image quality figures, each beside what is usual."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from mriseg.quality.figures import FIGURES

ABOVE, BELOW = "▲", "▼"


class QualityRow(NamedTuple):
    """A line of the table, as text; `unusual` is empty, or says on which side of the usual range it lies."""

    name: str
    value: str
    usual: str
    unusual: str
    unit: str
    description: str


def quality_rows(quality: dict[str, Any]) -> list[QualityRow]:
    """Return the lines of the table for the figures that a scan has.

    Parameters
    ----------
    quality : dict
        `ImageQuality` of the sidecar: values, units and usual ranges.

    Returns
    -------
    list of QualityRow
        In the order of the figures.
    """
    usual = quality["Usual"]
    return [
        QualityRow(
            name,
            _text(value),
            " to ".join(map(_text, usual.get(name, ()))),
            _side(value, *usual[name]) if name in usual else "",
            unit if (unit := quality["Units"][name]) != "1" else "",
            FIGURES[name].description,
        )
        for name, value in quality["Values"].items()
        if value is not None
    ]


def _side(value: float, low: float, high: float) -> str:
    """Return a mark for a value above or below its usual range.

    >>> [_side(value, 1.0, 2.0) for value in (0.5, 1.5, 2.5)]
    ['▼', '', '▲']
    """
    if value > high:
        return ABOVE
    return BELOW if value < low else ""


def _text(value: float) -> str:
    """Format a figure with three digits and without exponents.

    >>> _text(1434.2), _text(0.01609), _text(0.0000538), _text(0.0)
    ('1434', '0.0161', '0.0000538', '0')
    """
    if abs(value) >= 1000:
        return f"{value:.0f}"
    return np.format_float_positional(value, precision=3, fractional=False, trim="-")
