from __future__ import annotations

import numpy as np
import pytest

from mriseg.cli.arguments import Contrast
from mriseg.labels.contrasts import CONTRASTS, SUFFIXES, name_components, rising_tissues
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
        (i, f"Class {i}", f"class{i}", None) for i in (1, 2, 3, 4)
    ]
    assert [c.color for c in rising_tissues("t1", 10)[:2]] == ["#0072b2", "#56b4e9"]


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
