"""Agglomerative clustering over all pairs of clusters, against scipy and exhaustive searches."""

import numpy as np
import pytest

from mriseg.errors import MixtureError
from mriseg.mixture import agglomerate
from mriseg.mixture.agglomeration import Clusters


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


def criterion(model, X, groups, alpha):
    """Evaluate the criterion of a partition from its definition."""
    total = 0.0
    for group in groups:
        n, scatter = len(group), (X[group] - X[group].mean(axis=0)).T @ (X[group] - X[group].mean(axis=0))
        mean_square = (np.trace(scatter) + alpha) / n
        if model == "EII":
            total += np.trace(scatter)
        elif model == "VII":
            total += n * np.log(mean_square)
        else:
            determinant = np.linalg.det(scatter / n) if n > X.shape[1] else 0.0
            total += n * np.log(determinant + mean_square)
    return total


@pytest.mark.parametrize("model", ["EII", "VII", "VVV"])
def test_every_merge_is_the_cheapest_of_all_pairs(model):
    X = np.random.default_rng(7).normal(size=(11, 2)) * [1, 3]
    X -= X.mean(axis=0)
    alpha = (X**2).mean()
    clusters = {i: [i] for i in range(len(X))}
    for i, j in agglomerate(X, model).merges:
        now = criterion(model, X, clusters.values(), alpha)

        def cost(a, b, now=now):
            rest = [group for key, group in clusters.items() if key not in {a, b}]
            return criterion(model, X, [*rest, clusters[a] + clusters[b]], alpha) - now

        costs = {(a, b): cost(a, b) for a in clusters for b in clusters if a < b}
        assert costs[i, j] == pytest.approx(min(costs.values()), abs=1e-9)
        clusters[i] += clusters.pop(j)


@pytest.mark.parametrize("model", ["EII", "VII", "VVV"])
def test_statistics_of_a_union_are_those_of_its_points(model):
    X = np.random.default_rng(3).normal(size=(9, 2))
    clusters = Clusters.from_points(X, np.ones(9), model)
    groups = {i: [i] for i in range(9)}
    for i, j in ((0, 4), (0, 7), (2, 3), (0, 2)):
        clusters.merge(i, j)
        groups[i] += groups[j]
        assert clusters.terms[i] == pytest.approx(criterion(model, X, [groups[i]], clusters.alpha))
    points = X[[0, 4, 7, 2, 3]]
    scatter = (points - points.mean(axis=0)).T @ (points - points.mean(axis=0))
    assert clusters.counts[0] == 5
    np.testing.assert_allclose(clusters.means[0], points.mean(axis=0))
    np.testing.assert_allclose(clusters.scatter[0], scatter if model == "VVV" else np.trace(scatter))


def test_an_unknown_model_is_refused_by_name():
    with pytest.raises(MixtureError, match="no hierarchical clustering 'VEV'"):
        agglomerate(np.eye(3), "VEV")
