"""Measure what the image quality figures of undamaged T1 scans of adults usually are.

Usage: python scripts/learn_usual_figures.py DATA_DIR

Segments each T1w scan of the BIDS data set DATA_DIR/bids and writes mriseg/assets/usual_figures.json: the
5th and the 95th percentile of each figure over the scans that have it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

import mriseg
from mriseg.quality.figures import FIGURES

OUTPUT = Path(__file__).parent.parent / "mriseg" / "assets" / "usual_figures.json"
PERCENTILES = (5, 95)
# Places, of which none is usual.
PLACES = ("atypical_region_x", "atypical_region_y", "atypical_region_z")
# Count: fewest scans with a figure.
MIN_SCANS = 5


def usual(scans: list[dict[str, float]]) -> dict[str, list[float]]:
    """Return the percentiles of each figure of the scans, to four digits."""
    found = {}
    for name in FIGURES:
        values = np.array([scan[name] for scan in scans])
        values = values[np.isfinite(values)]
        if name not in PLACES and len(values) >= MIN_SCANS:
            found[name] = [float(f"{value:.4g}") for value in np.percentile(values, PERCENTILES)]
    return found


def main(folder: Path) -> None:
    """Segment and write."""
    scans = []
    for scan in sorted(folder.glob("bids/sub-*/anat/*_T1w.nii.gz")):
        result = mriseg.segment(scan)
        scans.append(dict(result.quality.values))
        print(scan.name, result.verdict, *(warning.code for warning in result.warnings), flush=True)
    lines = [f'  "{name}": {json.dumps(of)}' for name, of in usual(scans).items()]
    OUTPUT.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
