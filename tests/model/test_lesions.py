"""Lesions of white matter as outliers of the mixture, on arrays."""

from __future__ import annotations

import numpy as np
import pytest

from mriseg.model.constants import LESION_ATYPICALITY, LESION_CORE_ATYPICALITY
from mriseg.model.lesions import on_side_of_lesions, regions_with_core, white_lesions

ZOOMS = np.ones(3)


@pytest.mark.parametrize(
    ("columns", "grey", "white", "expected"),
    [
        ([[60, 99, 101]], [70], [100], [True, True, False]),  # T1: darker than WM
        ([[60, 89, 91]], [90], [70], [False, False, True]),  # FLAIR: brighter than GM
        ([[60, 60, 110], [91, 89, 91]], [70, 90], [100, 70], [True, False, True]),  # T1 with FLAIR
        ([[91, 91, 89], [91, 89, 91]], [90, 90], [70, 70], [True, False, False]),  # FLAIR with T2
    ],
)
def test_lesions_are_on_the_side_of_more_water(columns, grey, white, expected):
    found = on_side_of_lesions([np.float32(c) for c in columns], np.array(grey), np.array(white))
    assert found.tolist() == expected


def _cube(shape, start, edge):
    mask = np.zeros(shape, dtype=bool)
    mask[tuple(slice(s, s + edge) for s in start)] = True
    return mask


def test_a_region_is_kept_as_a_whole_if_its_core_is_large_enough():
    mask = np.ones((20, 20, 20), dtype=bool)
    large, beside = _cube(mask.shape, (2, 2, 2), 6), _cube(mask.shape, (12, 12, 12), 6)
    core = _cube(mask.shape, (3, 3, 3), 3) | _cube(mask.shape, (13, 13, 13), 2)
    kept = regions_with_core((large | beside)[mask], core[mask], mask, ZOOMS)
    np.testing.assert_array_equal(kept, large[mask])
    # 8 voxels of 2 mm are more than the 27 mm3 of a core; 27 of .9 mm are less.
    both = regions_with_core((large | beside)[mask], core[mask], mask, 2 * ZOOMS)
    np.testing.assert_array_equal(both, (large | beside)[mask])
    assert not regions_with_core((large | beside)[mask], core[mask], mask, 0.9 * ZOOMS).any()


def test_nothing_is_found_where_there_is_no_outlier():
    mask = np.ones((5, 5, 5), dtype=bool)
    nothing = np.zeros(mask.size, dtype=bool)
    assert not regions_with_core(nothing, nothing, mask, ZOOMS).any()


def test_lesions_lie_in_places_of_white_matter_and_have_a_core():
    mask = np.ones((24, 10, 10), dtype=bool)
    halo, core = _cube(mask.shape, (2, 2, 2), 6), _cube(mask.shape, (3, 3, 3), 4)
    atypicality = np.ones(mask.shape, dtype=np.float32)
    for shift in (0, 12):  # the second in places of cortex
        atypicality[np.roll(halo, shift, axis=0)] = LESION_ATYPICALITY + 0.1
        atypicality[np.roll(core, shift, axis=0)] = LESION_CORE_ATYPICALITY + 0.1
    log_odds = np.where(np.arange(24) < 12, 3.0, -3.0).astype(np.float32)
    log_odds = np.broadcast_to(log_odds[:, None, None], mask.shape)[mask]
    dark = np.full(mask.sum(), 60, dtype=np.float32)
    levels = np.array([70.0]), np.array([100.0])
    found = white_lesions([dark], levels, log_odds, atypicality[mask], mask, ZOOMS)
    np.testing.assert_array_equal(found, halo[mask])
    assert not white_lesions([dark + 50], levels, log_odds, atypicality[mask], mask, ZOOMS).any()
