"""Merging neighbours on a line, and all pairs in space."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mriseg.errors import MixtureError
from mriseg.mixture import agglomerate, merge_neighbours


def exhaustive(values, counts, own, cost):
    """Merge neighbours by trying every pair each time; return the boundaries that go, in their order."""
    clusters = [(n, m, w) for n, m, w in zip(counts, values, own, strict=True)]
    ends = list(range(1, len(values)))
    order = []

    def union(a, b):
        n = a[0] + b[0]
        return n, (a[0] * a[1] + b[0] * b[1]) / n, a[2] + b[2] + a[0] * b[0] / n * (a[1] - b[1]) ** 2

    while ends:
        costs = [cost(union(a, b)) - cost(a) - cost(b) for a, b in pairwise(clusters)]
        i = int(np.argmin(costs))
        clusters[i : i + 2] = [union(clusters[i], clusters[i + 1])]
        order.append(ends.pop(i))
    return order


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.sampled_from(["E", "V"]))
def test_the_heap_finds_the_cheapest_neighbours_every_time(seed, model):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 40))
    values = np.sort(rng.normal(size=n).cumsum())
    counts = rng.integers(1, 50, n).astype(float)
    tree = merge_neighbours(values, counts, model)
    variance = np.cov(values, aweights=counts, bias=True)
    own = counts * (np.diff(values).min() ** 2 / 12 if len(set(counts)) > 1 or counts[0] > 1 else 0)
    alpha = np.finfo(float).eps * variance
    costs = {"E": lambda c: c[2], "V": lambda c: c[0] * np.log((c[2] + alpha) / c[0])}
    expected = exhaustive(values, counts, own, costs[model])
    for n_clusters in range(1, n + 1):
        cuts = np.flatnonzero(np.diff(tree.labels(n_clusters))) + 1
        assert cuts.tolist() == sorted(expected[n - n_clusters :])


@pytest.mark.parametrize("model", ["E", "V"])
def test_clusters_of_a_histogram_are_ascending_intervals_of_real_width(model):
    centres = np.arange(1000.0)
    bumps = [(1, 200, 40), (4, 500, 60), (3, 750, 30)]
    counts = np.rint(1e5 * sum(w * np.exp(-0.5 * ((centres - m) / s) ** 2) / s for w, m, s in bumps))
    kept = counts > 0
    labels = merge_neighbours(centres[kept], counts[kept], model).labels(3)
    assert (np.diff(labels) >= 0).all()
    assert set(labels) == {0, 1, 2}
    cuts = centres[kept][np.flatnonzero(np.diff(labels))]
    assert 280 < cuts[0] < 400
    assert 580 < cuts[1] < 700


def test_scaled_histogram_gives_the_same_tree():
    rng = np.random.default_rng(0)
    values, counts = np.arange(50.0), rng.integers(1, 1000, 50).astype(float)
    first = merge_neighbours(values, counts, "V")
    second = merge_neighbours(values * 1e-4 + 3, counts * 8, "V")
    np.testing.assert_array_equal(first.labels(6), second.labels(6))


@pytest.mark.parametrize("model", ["EII", "VII", "EEE", "VVV"])
def test_clouds_far_apart_are_told_apart_and_weights_are_duplicates(model):
    rng = np.random.default_rng(0)
    X = np.concatenate(
        [rng.normal(size=(30, 2)), rng.normal(size=(30, 2)) + 12, rng.normal(size=(30, 2)) - [0, 15]]
    )
    labels = agglomerate(X, model).labels(3)
    assert labels.tolist() == [0] * 30 + [1] * 30 + [2] * 30


def test_ward_is_scipys():
    from scipy.cluster.hierarchy import fcluster, linkage

    X = np.random.default_rng(1).normal(size=(60, 3))
    theirs = fcluster(linkage(X, "ward"), 5, "maxclust")
    ours = agglomerate(X, "EII").labels(5)
    assert len({*zip(ours.tolist(), theirs.tolist(), strict=True)}) == 5


def test_ward_counts_a_weighted_point_as_many():
    X = np.random.default_rng(2).normal(size=(20, 2))
    counts = np.random.default_rng(3).integers(1, 6, 20)
    weighted = agglomerate(X, "EII", counts).labels(4)
    repeated = agglomerate(np.repeat(X, counts, axis=0), "EII").labels(4)
    assert len({*zip(np.repeat(weighted, counts).tolist(), repeated.tolist(), strict=True)}) == 4


def test_common_determinant_clustering_is_what_an_exhaustive_search_finds():
    X = np.random.default_rng(5).normal(size=(12, 2))
    X -= X.mean(axis=0)
    clusters = [[i] for i in range(12)]
    alpha = (X**2).mean()

    def determinant(groups):
        within = sum((X[g] - X[g].mean(axis=0)).T @ (X[g] - X[g].mean(axis=0)) for g in groups)
        return np.linalg.det(within + alpha * np.eye(2))

    while len(clusters) > 3:
        unions = [
            [*(c for k, c in enumerate(clusters) if k not in (i, j)), clusters[i] + clusters[j]]
            for i in range(len(clusters))
            for j in range(i)
        ]
        clusters = min(unions, key=determinant)
    ours = agglomerate(X, "EEE").labels(3)
    assert sorted(sorted(np.flatnonzero(ours == k).tolist()) for k in range(3)) == sorted(
        sorted(c) for c in clusters
    )


def test_unusable_requests_are_named():
    tree = merge_neighbours(np.arange(4.0), np.ones(4), "E")
    with pytest.raises(MixtureError, match="4 distinct values cannot make 5"):
        tree.labels(5)
    with pytest.raises(MixtureError, match="no hierarchical clustering 'VEV'"):
        agglomerate(np.eye(3), "VEV")
