"""Weighted k-means."""

import numpy as np
import pytest

from mriseg.errors import MixtureError
from mriseg.mixture import kmeans
from mriseg.mixture.kmeans import _fill_empty_clusters, kmeans_labels, nearest_centres


def clouds():
    rng = np.random.default_rng(0)
    return np.concatenate([rng.normal(size=(40, 2)) + centre for centre in ([0, 0], [20, 0], [0, 20])])


def cluster(X, n_clusters, weights=None, seed=0):
    weights = np.ones(len(X)) if weights is None else weights
    return kmeans_labels(X, weights, n_clusters, np.random.default_rng(seed))


@pytest.mark.parametrize("seed", range(5))
def test_clouds_far_apart_are_separated(seed):
    labels = cluster(clouds(), 3, seed=seed)
    assert len({*zip(labels.tolist(), np.repeat([0, 1, 2], 40).tolist(), strict=True)}) == 3


@pytest.mark.parametrize("seed", range(3))
def test_labels_are_a_fixed_point_of_lloyds_iteration(seed):
    X, weights = clouds(), np.random.default_rng(1).uniform(0.1, 3, 120)
    labels = cluster(X, 7, weights, seed)
    centres = np.array([np.average(X[labels == k], axis=0, weights=weights[labels == k]) for k in range(7)])
    np.testing.assert_array_equal(nearest_centres(X, centres)[0], labels)


@pytest.mark.parametrize("seed", range(5))
def test_no_cluster_is_empty_with_as_many_as_points(seed):
    X = np.random.default_rng(2).normal(size=(12, 1))
    assert np.bincount(cluster(X, 12, seed=seed)).tolist() == [1] * 12


def test_an_empty_cluster_gets_the_farthest_point_of_a_cluster_of_several():
    labels, distances = np.array([0, 0, 0, 3]), np.array([1.0, 5.0, 4.0, 9.0])
    _fill_empty_clusters(labels, distances, 4)
    assert labels.tolist() == [0, 1, 2, 3]


def test_seeds_far_from_all_points_still_get_points(monkeypatch):
    seeds = np.array([[0.0, 0.0], [1e3, 1e3], [2e3, 0.0]])
    monkeypatch.setattr(kmeans, "_plus_plus_seeds", lambda *_: seeds)
    assert set(nearest_centres(clouds(), seeds)[0].tolist()) == {0}
    assert np.bincount(cluster(clouds(), 3), minlength=3).min() > 0


def test_nearest_centres_are_those_of_all_distances(monkeypatch):
    monkeypatch.setattr(kmeans, "DISTANCE_BLOCK_ELEMENTS", 1)
    monkeypatch.setattr(kmeans, "MIN_BLOCK_SIZE", 50)
    X, centres = clouds(), np.random.default_rng(4).normal(size=(5, 2)) * 9
    squares = np.square(X[:, None] - centres).sum(axis=2)
    labels, distances = nearest_centres(X, centres)
    np.testing.assert_array_equal(labels, squares.argmin(axis=1))
    np.testing.assert_allclose(distances, squares.min(axis=1), atol=1e-9)


def test_too_few_points_are_refused():
    with pytest.raises(MixtureError, match="2 points cannot make 3"):
        cluster(np.array([[0.0], [1.0]]), 3)
    with pytest.raises(MixtureError, match="1 distinct points cannot make 2"):
        cluster(np.zeros((5, 1)), 2)
