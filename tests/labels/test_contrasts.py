from __future__ import annotations

from mriseg.cli.arguments import Contrast
from mriseg.labels.contrasts import CONTRASTS, SUFFIXES
from mriseg.labels.tissues import AUTO, CSF, GM, WM


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
