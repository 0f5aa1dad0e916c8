from __future__ import annotations

import numpy as np
import pytest

from mriseg.quality.constants import MAX_ATYPICAL_ML, MAX_TRUSTED_MISPLACED_ML
from mriseg.quality.figures import FIGURES
from mriseg.quality.region_checks import place_in_words, region_warnings

USUAL = dict.fromkeys(FIGURES, np.nan)


@pytest.mark.parametrize(
    ("mni", "words"),
    [
        ((40, 45, 10), "right frontal"),
        ((-45, -20, -20), "left temporal"),
        ((-40, -50, 50), "left parietal"),
        ((20, -90, 5), "right occipital"),
        ((30, -60, -40), "right cerebellum or brain stem"),
        ((0, -30, -40), "midline cerebellum or brain stem"),
        ((12, -18, 8), "right deep"),
        ((2, 50, 10), "midline frontal"),
    ],
)
def test_known_places_have_their_names(mni, words):
    assert place_in_words(mni) == words


def test_a_large_region_unlike_any_tissue_is_named_with_its_volume_and_place():
    values = USUAL | {"atypical_region_ml": 112.4}
    values |= {"atypical_region_x": 35.0, "atypical_region_y": 60.0, "atypical_region_z": 5.0}
    (warning,) = region_warnings(values)
    assert (warning.code, warning.severity) == ("region-atypical", "look closely")
    assert "a region of 112 mL unlike any tissue at right frontal" in warning.text
    assert "--lesion-mask" in warning.text
    assert region_warnings(values | {"atypical_region_ml": MAX_ATYPICAL_ML}) == []


def test_a_tissue_out_of_place_is_named_with_its_place():
    values = USUAL | {"misplaced_csf": 0.6, "misplaced_gm": 1.4, "misplaced_wm": 1.2, "misplaced_ml": 38.0}
    values |= {"misplaced_x": -40.0, "misplaced_y": -50.0, "misplaced_z": 50.0}
    (warning,) = region_warnings(values)
    assert (warning.code, warning.severity) == ("region-misplaced", "look closely")
    assert "a region of some 38 mL at left parietal holds more GM than the template" in warning.text
    assert region_warnings(values | {"misplaced_gm": 1.0, "misplaced_wm": np.nan}) == []


def test_a_small_region_out_of_place_is_named_but_leaves_the_trust():
    values = USUAL | {"misplaced_gm": 1.4, "misplaced_ml": MAX_TRUSTED_MISPLACED_ML}
    (warning,) = region_warnings(values)
    assert (warning.code, warning.severity) == ("region-misplaced", "note")


@pytest.mark.parametrize(("ml", "code"), [(12.0, "region-atypical"), (40.0, "region-misplaced")])
def test_a_region_is_named_once_by_its_gravest_warning(ml, code):
    values = USUAL | {"misplaced_gm": 1.4, "misplaced_ml": ml, "atypical_region_ml": 50.0}
    assert [warning.code for warning in region_warnings(values)] == [code]


def test_figures_that_cannot_be_computed_warn_of_nothing():
    assert region_warnings(USUAL) == []
