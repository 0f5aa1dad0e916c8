"""Usual ranges: of figures that there are, ordered, and such as a good scan keeps within."""

from __future__ import annotations

import json
from math import inf

from real_scans import scan_of

import mriseg
from mriseg.quality.figures import FIGURES
from mriseg.quality.usual import usual_ranges


def test_ranges_are_of_figures_and_have_a_low_and_a_high_end():
    assert set(usual_ranges()) <= set(FIGURES)
    assert all(-inf < low <= high < inf for low, high in usual_ranges().values())
    assert "atypical_region_x" not in usual_ranges()  # no place is usual
    low, high = usual_ranges()["cjv"]
    assert 0.2 < low < high < 1


def test_the_sidecar_of_a_t1_has_usual_ranges_and_that_of_another_contrast_none(ball, tmp_path):
    for contrast, known in (("t1", True), ("t2", False)):
        *_, sidecar = mriseg.segment(ball, contrast=contrast).save(tmp_path / contrast, report=False)
        quality = json.loads(sidecar.read_text())["ImageQuality"]
        assert bool(quality["Usual"]) == known
        assert set(quality["Usual"]) <= set(quality["Values"])


def test_most_figures_of_a_good_scan_are_usual(scans):
    values = mriseg.segment(scan_of(scans, "elder02")).quality.values
    outside = [name for name, (low, high) in usual_ranges().items() if not low <= values[name] <= high]
    assert len(outside) <= len(FIGURES) // 5, outside
