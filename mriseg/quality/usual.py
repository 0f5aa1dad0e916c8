"""What image quality figures usually are: 5th to 95th percentile of undamaged T1 scans of adults.

``scripts/learn_usual_figures.py`` measures them (``assets/usual_figures.json``).
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING

from mriseg._utils.assets import asset

if TYPE_CHECKING:
    from collections.abc import Mapping

Range = tuple[float, float]


@cache
def usual_ranges() -> Mapping[str, Range]:
    """Return the lowest and the highest usual value by the name of the figure.

    Returns
    -------
    mapping of str to tuple of float
        Of the figures in `mriseg.quality.figures.FIGURES` that have a usual range; places have none.
    """
    ranges = json.loads(asset("usual_figures.json"))
    return {name: (low, high) for name, (low, high) in ranges.items()}
