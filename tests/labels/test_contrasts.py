from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from mriseg.cli.arguments import Contrast
from mriseg.labels.contrasts import CONTRASTS, SUFFIXES, contrast_of_order, name_components, rising_tissues
from mriseg.labels.tissues import AUTO, CSF, GM, WM


@pytest.mark.parametrize(
    ("contrast", "names"),
    [
        ("t1", ["GM", "WM", "CSF"]),
        ("t2", ["GM", "CSF", "WM"]),
        ("pd", ["GM", "CSF", "WM"]),
        ("flair", ["WM", "GM", "CSF"]),
        ("t1-infant", ["WM", "GM", "CSF"]),
    ],
)
def test_components_are_named_by_the_order_of_their_means(contrast, names):
    tissues = name_components(np.array([70.0, 100.0, 30.0]), contrast)
    assert [tissue.abbreviation for tissue in tissues] == names


def test_other_numbers_of_classes_are_numbered_by_rising_mean():
    tissues = name_components(np.array([5.0, 1.0, 3.0, 2.0]), "t1")
    assert [tissue.index for tissue in tissues] == [4, 1, 3, 2]
    assert len({tissue.color for tissue in rising_tissues("t1", 10)}) == 10


def test_numbered_classes_are_called_by_their_numbers():
    classes = rising_tissues("t1", 4)
    assert [(c.index, c.name, c.abbreviation, c.mapping) for c in classes] == [
        (i, f"class{i}", f"class{i}", None) for i in (1, 2, 3, 4)
    ]
    assert [c.color for c in rising_tissues("t1", 10)[:2]] == ["#0072b2", "#d55e00"]


def test_components_of_the_same_mean_keep_their_order():
    assert [tissue.index for tissue in name_components(np.zeros(10), "t1")] == list(range(1, 11))


def test_the_command_line_takes_every_contrast():
    assert {contrast.value for contrast in Contrast} == {AUTO, *CONTRASTS}


def test_each_contrast_orders_the_three_tissues_and_simulated_scans_follow_that_order():
    for key, contrast in CONTRASTS.items():
        assert contrast.key == key
        assert set(contrast.rising) == {CSF, GM, WM}
        intensities = [contrast.phantom_intensities[tissue.index] for tissue in contrast.rising]
        assert intensities == sorted(intensities)


def test_suffixes_are_those_of_bids():
    assert SUFFIXES == ("T1w", "T2w", "PDw", "FLAIR")


@pytest.mark.parametrize("likely", list(CONTRASTS))
@pytest.mark.parametrize("order", list(permutations((CSF, GM, WM))))
def test_the_contrast_of_an_order_has_that_order_or_is_the_likely_one(order, likely):
    found = contrast_of_order(order, likely)
    if any(contrast.rising == order for contrast in CONTRASTS.values()):
        assert CONTRASTS[found].rising == order
    else:
        assert found == likely
    if CONTRASTS[likely].rising == order:
        assert found == likely


@pytest.mark.parametrize(
    ("order", "likely", "contrast"),
    [
        ((CSF, GM, WM), "flair", "t1"),
        ((CSF, WM, GM), "t1", "flair"),
        ((CSF, WM, GM), "t1-infant", "t1-infant"),
        ((CSF, WM, GM), "t2-infant", "t1-infant"),
        ((WM, GM, CSF), "t1", "t2"),
        ((WM, GM, CSF), "pd", "pd"),
        ((GM, WM, CSF), "t2", "t2-infant"),
        ((CSF, GM, WM), "t1-infant", "t1"),
        ((WM, CSF, GM), "t2", "t2"),
    ],
)
def test_one_of_the_same_age_is_preferred(order, likely, contrast):
    assert contrast_of_order(order, likely) == contrast
