"""Clutter by nearest neighbours."""

import numpy as np
import pytest

from mriseg.mixture.clutter import clutter


def points(dimensions):
    rng = np.random.default_rng(0)
    return np.concatenate([rng.normal(0, 1, (400, dimensions)), rng.uniform(-20, 20, (200, dimensions))])


@pytest.mark.parametrize("dimensions", [2, 3])
def test_clutter_is_told_from_a_cluster(dimensions):
    found = clutter(points(dimensions))
    assert found[400:].mean() > 0.9
    assert found[:400].mean() < 0.1


def test_units_do_not_matter():
    X = points(2)
    np.testing.assert_array_equal(clutter(X), clutter(X * [1e-3, 1e4]))


@pytest.mark.parametrize(
    "X",
    [
        np.array([[0.0], [1.0], [5.0]]),
        np.repeat([[0.0], [1.0]], 50, axis=0),  # every distance is zero
        np.r_[np.zeros(60), np.arange(1.0, 9)][:, None],  # half of them are
        np.arange(20.0)[:, None],
    ],
)
def test_few_and_repeated_points_have_an_answer(X):
    found = clutter(X)
    assert found.shape == (len(X),)
    assert not found.all()


def test_what_lies_far_from_repeated_points_is_clutter():
    found = clutter(np.r_[np.zeros(60), np.arange(1.0, 9)][:, None])
    np.testing.assert_array_equal(found, np.arange(68) >= 60)
