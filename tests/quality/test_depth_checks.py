from __future__ import annotations

import re

import numpy as np
import pytest

from mriseg.labels.tissues import GM, WM
from mriseg.quality.depth_checks import border_warnings, depth_warnings


@pytest.mark.parametrize("zooms", [(1.0, 1, 1), (1.0, 2, 4), (4.0, 4, 4)])
def test_white_matter_outside_grey_matter_is_out_of_place(zooms):
    grid = np.moveaxis(np.indices([round(90 / zoom) for zoom in zooms]), 0, -1) * zooms
    radius = np.linalg.norm(grid - 45, axis=-1)
    labels = np.select([radius < 20, radius < 32, radius < 38], [2, 1, 3], 0).astype(np.uint8)
    assert depth_warnings(labels, np.array(zooms)) == []
    swapped = np.array([0, 2, 1, 3], np.uint8)[labels]
    (doubt,) = depth_warnings(swapped, np.array(zooms))
    assert doubt.severity == "do not trust"
    # Mean depths in a ball of 38 mm: 38 - 27.2 in the shell, 38 - 15 in the ball inside it; coarsely sampled.
    outer, inner = map(float, re.search(r"on average (\d+) mm against (\d+) mm", doubt.text).groups())
    assert outer == pytest.approx(10.8, abs=2)
    assert inner == pytest.approx(23, abs=2)


def test_nothing_is_out_of_place_where_a_tissue_is_missing():
    assert depth_warnings(np.full((9, 9, 9), 1, np.uint8), np.ones(3)) == []
    assert depth_warnings(np.full((9, 9, 9), 2, np.uint8), np.ones(3)) == []


def test_white_matter_at_the_border_is_reported_where_it_is_the_brightest():
    radius = np.linalg.norm(np.moveaxis(np.indices((40, 40, 40)), 0, -1) - 19.5, axis=-1) * 3.0
    whole = np.select([radius < 35, radius < 50], [WM.index, GM.index], 0).astype(np.uint8)
    cut = np.where(radius < 37, whole, 0).astype(np.uint8)
    zooms = np.full(3, 3.0)
    assert border_warnings(whole, zooms, "t1") == []
    assert [warning.code for warning in border_warnings(cut, zooms, "t1")] == ["mask-bright-border"]
    assert border_warnings(cut, zooms, "flair") == []
    assert border_warnings(np.zeros_like(cut), zooms, "t1") == []
