"""The region of data as a box."""

import numpy as np
import pytest

from mriseg.errors import MixtureError
from mriseg.mixture.box import Box


def around(X):
    return Box.around(X, np.ones(len(X)))


def corners(angle=0.0):
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.array([[-3.0, -1], [-3, 1], [3, -1], [3, 1], [0, 0]]) @ turn.T


def test_the_volume_of_a_rectangle_along_the_columns():
    assert np.exp(around(corners()).log_volume) == pytest.approx(12)


def test_principal_axes_make_a_smaller_box_for_a_rectangle_that_is_turned():
    # A square's columns keep one scale under the turn by 45 degrees, so the principal axes are its sides.
    volume = np.exp(around(corners(np.pi / 4)).log_volume)
    assert volume == pytest.approx(12)


def test_units_scale_the_volume_and_nothing_else():
    X = np.random.default_rng(0).normal(size=(100, 3)) @ np.triu(np.ones((3, 3)))
    units = np.array([1e-3, 1e4, 7])
    difference = around(X * units + 5).log_volume - around(X).log_volume
    assert difference == pytest.approx(np.log(units).sum())


def test_weights_are_repeated_rows():
    X = np.random.default_rng(1).normal(size=(40, 2)) @ [[1, 1], [0, 1]]
    weights = np.arange(40) % 4 + 1
    repeated = around(np.repeat(X, weights, axis=0))
    assert Box.around(X, weights).log_volume == pytest.approx(repeated.log_volume)


def test_the_data_have_coordinates_from_0_to_1_and_samples_fill_the_box():
    X = np.random.default_rng(2).normal(size=(200, 2)) @ [[1, 0.9], [0, 0.3]]
    box = around(X)
    coordinates = box.coordinates(X)
    np.testing.assert_allclose(coordinates.min(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(coordinates.max(axis=0), 1, atol=1e-9)
    sampled = box.coordinates(box.sample(5000, np.random.default_rng(3)))
    np.testing.assert_allclose(sampled.mean(axis=0), 0.5, atol=0.02)
    np.testing.assert_allclose(sampled.var(axis=0), 1 / 12, atol=0.005)


def test_data_in_a_plane_have_no_volume():
    x = np.arange(10.0)
    with pytest.raises(MixtureError, match="lie in a plane"):
        around(np.c_[x, x % 3, x + x % 3])
