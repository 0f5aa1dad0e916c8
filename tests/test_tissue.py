from __future__ import annotations

import numpy as np
import pytest
from skimage.color import rgb2lab

from mriseg.tissue import CSF, GM, WM, name_components, out_of_order_share, plausibility, rising_tissues

HEALTHY = {
    "tissues": (CSF, GM, WM),
    "shares": np.array([0.2, 0.45, 0.35]),
    "means": np.array([30.0, 70.0, 100.0]),
    "sds": np.array([8.0, 8.0, 6.0]),
    "out_of_order": 0.0,
}


@pytest.mark.parametrize(
    ("contrast", "names"),
    [("t1", ["GM", "WM", "CSF"]), ("t2", ["GM", "CSF", "WM"]), ("pd", ["GM", "CSF", "WM"])],
)
def test_components_are_named_by_the_order_of_their_means(contrast, names):
    tissues = name_components(np.array([70.0, 100.0, 30.0]), contrast)
    assert [tissue.abbreviation for tissue in tissues] == names


def test_bids_numbers():
    assert (GM.index, WM.index, CSF.index) == (1, 2, 3)


def test_other_numbers_of_classes_are_numbered_by_rising_mean():
    tissues = name_components(np.array([5.0, 1.0, 3.0, 2.0]), "t1")
    assert [tissue.index for tissue in tissues] == [4, 1, 3, 2]
    assert len({tissue.color for tissue in rising_tissues("t1", 10)}) == 10


def test_nothing_is_said_of_a_healthy_result():
    assert plausibility(**HEALTHY) == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"shares": np.array([0.001, 0.6, 0.399])}, "CSF is all but empty"),
        ({"shares": np.array([0.1, 0.15, 0.75])}, "GM is 15%"),
        ({"sds": np.array([60.0, 40.0, 6.0])}, "CSF and GM are not separated"),
        ({"out_of_order": 0.05}, "5.0% of the brain mask has a label that contradicts"),
    ],
)
def test_what_is_doubtful_is_said(change, says):
    assert any(says in flag for flag in plausibility(**(HEALTHY | change)))


def test_unnamed_classes_have_no_usual_share():
    tissues = rising_tissues("t1", 2)
    flags = plausibility(tissues, np.array([0.02, 0.98]), np.array([1.0, 9]), np.array([1.0, 1]), 0)
    assert flags == []


@pytest.mark.parametrize(
    ("ranks", "share"), [([0, 0, 1, 2], 0), ([2, 1, 0, 0], 0.5), ([0, 2, 1, 2], 0.25), ([1, 0, 0, 2], 0.25)]
)
def test_out_of_order_share_is_the_least_that_must_change(ranks, share):
    assert out_of_order_share(np.ones(4), np.array(ranks)) == pytest.approx(share)


# Machado, Oliveira & Fernandes 2009, IEEE Trans Vis Comput Graph 15:1291: how colours look without a cone.
BLINDNESS = {
    "none": np.eye(3),
    "protanopia": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "deuteranopia": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    "tritanopia": [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
}


@pytest.mark.parametrize("kind", BLINDNESS)
def test_tissue_colours_are_told_apart_by_everybody(kind):
    colours = np.array([[int(t.color[i : i + 2], 16) / 255 for i in (1, 3, 5)] for t in (GM, WM, CSF)])
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ np.transpose(BLINDNESS[kind]), 0, 1)
    shown = np.where(seen <= 0.0031308, 12.92 * seen, 1.055 * seen ** (1 / 2.4) - 0.055)
    lab = rgb2lab(shown[None])[0]
    for i, j in ((0, 1), (0, 2), (1, 2)):
        assert np.linalg.norm(lab[i] - lab[j]) > 12  # a just noticeable difference is 2.3
