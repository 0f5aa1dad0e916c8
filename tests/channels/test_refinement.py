from __future__ import annotations

import numpy as np
import pytest

from mriseg.channels.constants import HISTOGRAM_BINS, MAX_MOTION_MM, REPORTED_MOTION_MM
from mriseg.channels.refinement import (
    Refinement,
    _joint_histogram,
    _normalised_information,
    _quasi_random_points,
    _rigid_matrix,
)


def test_normalised_information_is_one_for_equal_and_zero_for_independent_scans():
    assert _normalised_information(np.diag([1.0, 2.0, 3.0])) == pytest.approx(1)
    assert _normalised_information(np.outer([1.0, 2.0], [3.0, 4.0])) == pytest.approx(0, abs=1e-12)
    assert _normalised_information(np.array([[5.0]])) == 0


def test_scaled_intensities_are_shared_by_the_two_nearest_bins():
    counts = _joint_histogram(np.array([3]), np.array([4.25]))
    assert counts.shape == (HISTOGRAM_BINS, HISTOGRAM_BINS)
    assert (counts[3, 4], counts[3, 5], counts.sum()) == (0.75, 0.25, 1)


def test_points_fill_the_box_around_a_mask_evenly():
    mask = np.zeros((40, 50, 60), dtype=np.bool_)
    mask[15:25, 20:30, 25:35] = True
    points = _quasi_random_points(mask, np.full(3, 2.0), 4000)
    low, high = np.array([[10], [15], [20]]), np.array([[29], [34], [39]])
    assert (points >= low).all()
    assert (points <= high).all()
    octants = ((points - low) / (high - low) > 0.5).T @ [1, 2, 4]
    np.testing.assert_allclose(np.bincount(octants) / 4000, 1 / 8, atol=0.01)


def test_a_rigid_matrix_turns_about_the_centre():
    centre = np.array([5.0, -3.0, 2.0])
    matrix = _rigid_matrix(np.array([0.0, 0, 0, 6, -3, 9]), centre)
    np.testing.assert_allclose(matrix[:3, :3] @ centre + matrix[:3, 3], centre)
    np.testing.assert_allclose(matrix[:3, :3] @ matrix[:3, :3].T, np.eye(3), atol=1e-12)


@pytest.mark.parametrize(
    ("moved", "significant", "applies", "warnings"),
    [
        (REPORTED_MOTION_MM - 0.5, True, True, 0),
        (REPORTED_MOTION_MM + 0.5, True, True, 1),
        (MAX_MOTION_MM + 1, True, False, 1),
        (MAX_MOTION_MM + 1, False, False, 0),
    ],
)
def test_significant_and_plausible_motions_are_applied_and_large_ones_reported(
    moved, significant, applies, warnings
):
    refinement = Refinement(np.eye(4), moved, 1.0, 0.1, 0.2, significant)
    assert refinement.applies is applies
    assert refinement.facts()["Applied"] is applies
    assert len(refinement.warnings()) == warnings
