from __future__ import annotations

import numpy as np
import pytest
from heads import template_brain

import mriseg
from mriseg.labels.contrasts import CONTRASTS
from mriseg.quality.misplaced import misplaced

USUAL = np.array([0.2, 0.4, 0.4])  # CSF, GM, WM


@pytest.fixture(scope="module")
def brain():
    """Points 4 mm apart in an ellipsoid of the size of a brain, MNI coordinates."""
    grid = np.stack(np.meshgrid(*[np.arange(-90.0, 90, 4)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    grid = grid[(((grid / (65, 85, 65)) ** 2).sum(axis=1)) < 1]
    return grid + np.array([0, -18, 10])


def _with_ball(brain, centre, radius, shares):
    found = np.tile(USUAL, (len(brain), 1))
    found[np.linalg.norm(brain - centre, axis=1) < radius] = shares
    return found


def _misplaced(brain, shares):
    return misplaced(brain, shares, np.tile(USUAL, (len(brain), 1)), 1.0)


def test_a_brain_like_the_template_has_nothing_out_of_place(brain):
    found = _misplaced(brain, np.tile(USUAL, (len(brain), 1)))
    assert max(found.excess.values()) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(("tissue", "name"), [(0, "CSF"), (1, "GM"), (2, "WM")])
def test_a_ball_of_one_tissue_in_one_half_is_found_where_it_is(brain, tissue, name):
    centre = np.array([34.0, -30.0, 30.0])
    found = _misplaced(brain, _with_ball(brain, centre, 21, np.eye(3)[tissue]))
    assert max(found.excess, key=found.excess.get) == name
    assert found.excess[name] > 1.2
    np.testing.assert_allclose(found.centre, centre, atol=4)
    assert found.ml * 0.064 == pytest.approx(39, rel=0.3)


def test_a_small_ball_is_not_told(brain):
    found = _misplaced(brain, _with_ball(brain, (34.0, -30.0, 30.0), 8, (0, 1, 0)))
    assert max(found.excess.values()) < 1


def test_what_both_halves_share_counts_less(brain):
    one = _with_ball(brain, (34.0, -30.0, 30.0), 16, (0.8, 0.1, 0.1))
    both = np.where((brain[:, :1] < 0), _with_ball(brain, (-34.0, -30.0, 30.0), 16, (0.8, 0.1, 0.1)), one)
    of_one, of_both = (_misplaced(brain, shares).excess["CSF"] for shares in (one, both))
    assert of_one > 1 > of_both


def test_voxels_without_brain_around_them_do_not_count(brain):
    rim = _with_ball(brain, (0.0, -18.0, 85.0), 15, (1, 0, 0))  # at the top
    assert _misplaced(brain, rim).excess["CSF"] < 1


@pytest.fixture(scope="module")
def warned():
    """The texts of the warnings of regions of a simulated brain with a ball of some intensity."""

    def segment(*regions):
        volume, _ = template_brain("t1", regions)
        result = mriseg.segment(volume, stripped=True, bias=False)
        return [warning.text for warning in result.warnings if warning.code.startswith("region-")]

    return segment


def test_a_grey_ball_in_white_matter_is_reported_and_a_brain_without_is_not(warned):
    grey = CONTRASTS["t1"].phantom_intensities[1]
    (text,) = warned(((32, -35, 32), 21, grey))
    assert "at right parietal holds more GM" in text
    assert warned() == []
