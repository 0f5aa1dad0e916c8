"""The table of image quality: what is unusual is marked, on its side, and what is unknown left out."""

from __future__ import annotations

from mriseg.report.quality_table import ABOVE, BELOW, quality_rows

UNITS = {"cjv": "1", "fwhm_x": "mm", "efc": "1"}


def test_values_outside_their_usual_range_are_marked():
    for cjv, mark in ((0.2, BELOW), (0.5, ""), (0.9, ABOVE)):
        (row,) = quality_rows({"Values": {"cjv": cjv}, "Units": UNITS, "Usual": {"cjv": [0.3, 0.8]}})
        assert (row.name, row.unusual, row.usual, row.unit) == ("cjv", mark, "0.3 to 0.8", "")


def test_figures_that_a_scan_lacks_have_no_line_and_those_without_a_range_no_mark():
    rows = quality_rows({"Values": {"cjv": None, "fwhm_x": 2.25, "efc": 0.0}, "Units": UNITS, "Usual": {}})
    assert [(row.name, row.value, row.usual, row.unusual, row.unit) for row in rows] == [
        ("fwhm_x", "2.25", "", "", "mm"),
        ("efc", "0", "", "", ""),
    ]
