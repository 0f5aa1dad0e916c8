from __future__ import annotations

import itertools

import numpy as np
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab

from mriseg.labels.tissues import CSF, GM, LESION, WM, class_color, rgb
from mriseg.report.constants import FILL_OPACITY, MASK_COLOR, ODD_COLOR

COLOURS = np.array([rgb(tissue.color) for tissue in (GM, WM, CSF, LESION)]) / 255


def test_bids_numbers():
    assert (GM.index, WM.index, CSF.index, LESION.index) == (1, 2, 3, 7)


# Machado, Oliveira & Fernandes 2009, IEEE Trans Vis Comput Graph 15:1291: how colours look without a cone.
BLINDNESS = {
    "none": np.eye(3),
    "protanopia": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "deuteranopia": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    "tritanopia": [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
}


def _as_seen(colours, kind):
    """CIELAB coordinates of sRGB colours, 0 to 1, as somebody sees them."""
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ np.transpose(BLINDNESS[kind]), 0, 1)
    shown = np.where(seen <= 0.0031308, 12.92 * seen, 1.055 * seen ** (1 / 2.4) - 0.055)
    return rgb2lab(shown[None])[0]


@pytest.mark.parametrize("kind", BLINDNESS)
def test_tissue_colours_are_told_apart_by_everybody(kind):
    lab = _as_seen(COLOURS, kind)
    for i, j in itertools.combinations(range(4), 2):
        assert np.linalg.norm(lab[i] - lab[j]) > 12  # a just noticeable difference is 2.3


@pytest.mark.parametrize("grey", [0, 0.5, 1], ids=["black", "mid grey", "white"])
@pytest.mark.parametrize("kind", BLINDNESS)
def test_translucent_tissues_are_told_apart_over_the_same_grey_by_everybody(kind, grey):
    lab = _as_seen(FILL_OPACITY * COLOURS + (1 - FILL_OPACITY) * grey, kind)
    for i, j in itertools.combinations(range(4), 2):
        # One is just noticeable side by side; to find a colour in a legend takes several.
        assert deltaE_ciede2000(lab[i], lab[j]) > 10


@pytest.mark.parametrize("kind", BLINDNESS)
def test_other_colours_of_pictures_are_told_from_tissues_grey_and_each_other_by_everybody(kind):
    greys = np.tile([[0.1], [0.3], [0.5], [0.7], [0.9]], 3)
    marks = np.array([rgb(color) for color in (MASK_COLOR, ODD_COLOR)]) / 255
    lab = _as_seen(np.concatenate([marks, COLOURS, greys]), kind)
    assert deltaE_ciede2000(lab[0], lab[1:]).min() > 15
    assert deltaE_ciede2000(lab[1], lab[2:]).min() > 15


@pytest.mark.parametrize("kind", BLINDNESS)
@pytest.mark.parametrize(("classes", "apart"), [(2, 45), (4, 18), (7, 10)])
def test_colours_of_few_classes_are_far_apart_for_everybody(kind, classes, apart):
    lab = _as_seen(np.array([rgb(class_color(number)) for number in range(1, classes + 1)]) / 255, kind)
    for i, j in itertools.combinations(range(classes), 2):
        assert deltaE_ciede2000(lab[i], lab[j]) > apart
