"""Merging neighbours on a line, against an exhaustive search."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mriseg.errors import MixtureError
from mriseg.mixture import hierarchical, merge_neighbours
from mriseg.mixture.hierarchical import _every_second, _pool


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
    alpha = counts.mean() * variance
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


@pytest.mark.parametrize("seed", range(10))
def test_two_values_that_happen_to_be_close_are_no_cluster(seed):
    """Three clusters a third of the values each, two standard deviations or more from where they meet."""
    rng = np.random.default_rng(seed)
    values = np.sort(np.concatenate([rng.normal(mean, 0.5, 33) for mean in (0, 3, 6)]))
    labels = merge_neighbours(values, np.ones(99), "V").labels(3)
    assert np.bincount(labels).min() >= 30


def test_unusable_requests_are_named():
    tree = merge_neighbours(np.arange(4.0), np.ones(4), "E")
    with pytest.raises(MixtureError, match="4 distinct values cannot make 5"):
        tree.labels(5)


def test_every_second_neighbour_of_a_run_is_taken():
    candidates = np.array([1, 1, 1, 0, 1, 1, 0, 0, 1], dtype=bool)
    assert np.flatnonzero(_every_second(candidates)).tolist() == [0, 2, 4, 8]


def test_pools_hold_the_moments_of_their_values(monkeypatch):
    monkeypatch.setattr(hierarchical, "MAX_LINE_CLUSTERS", 20)
    rng = np.random.default_rng(0)
    values, weights = np.sort(rng.normal(size=500)), rng.integers(1, 5, 500).astype(float)
    means, counts, squares, pools = _pool(values, weights, np.full(500, 0.1))
    assert len(means) <= 20
    assert (np.diff(pools) >= 0).all()
    np.testing.assert_allclose(counts, np.bincount(pools, weights))
    np.testing.assert_allclose(means, np.bincount(pools, weights * values) / counts)
    within = np.bincount(pools, weights * (values - means[pools]) ** 2 + 0.1)
    np.testing.assert_allclose(squares, within)


@pytest.mark.parametrize("spacing", ["even", "growing", "clustered"])
@pytest.mark.parametrize("model", ["E", "V"])
def test_pools_leave_far_clusters_apart(model, spacing, monkeypatch):
    monkeypatch.setattr(hierarchical, "MAX_LINE_CLUSTERS", 200)
    base = {
        "even": np.linspace(0, 1, 2000),
        "growing": np.geomspace(0.01, 1, 2000),
        "clustered": np.sort(np.random.default_rng(0).beta(0.3, 0.3, 2000)),
    }[spacing]
    values = np.concatenate([base, base + 100, [1000.0, 1000.5]])
    labels = merge_neighbours(values, np.ones(len(values)), model).labels(3)
    assert np.flatnonzero(np.diff(labels)).tolist() == [1999, 3999]
