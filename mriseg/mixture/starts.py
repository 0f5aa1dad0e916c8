"""Where EM begins: a partition of the observations, or of a subsample of them.

A start is labels (N,), responsibilities (N, K), or `Parameters`. All randomness comes from the generator
given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mriseg.errors import MixtureError
from mriseg.mixture.agglomeration import agglomerate
from mriseg.mixture.expectation import Observations
from mriseg.mixture.hierarchical import merge_neighbours

if TYPE_CHECKING:
    from mriseg.mixture.covariance import CovarianceModel
    from mriseg.mixture.hierarchical import MergeTree
    from mriseg.mixture.parameters import FloatArray, IntArray

# Methods whose outcome depends on the random numbers, so that restarts make sense.
RANDOM = ("kmeans", "random")
# A hierarchical clustering in several dimensions costs time as N² or more: it sees at most so many points.
HIERARCHICAL_POINTS = 1000
# k-means sees at most so many points for each component.
KMEANS_POINTS = 100
KMEANS_ITERATIONS = 100


def check_partition(partition: FloatArray, n: int, n_components: int) -> None:
    """Refuse labels (N,) or responsibilities (N, K) that are none.

    Raises
    ------
    MixtureError
        If the shape does not fit, or a label or a responsibility is out of its range.
    """
    if partition.shape not in {(n,), (n, n_components)}:
        raise MixtureError(f"init has shape {partition.shape}; it needs ({n},) or ({n}, {n_components})")
    if partition.ndim == 1 and not np.isin(partition, np.arange(n_components)).all():
        raise MixtureError(f"labels in init must be whole numbers of 0 to {n_components - 1}")
    if partition.ndim > 1 and not (partition.min() >= 0 and np.allclose(partition.sum(axis=1), 1)):
        raise MixtureError("responsibilities in init must not be negative, and sum to 1 in every row")


def starting_totals(
    method: str, data: Observations, n_components: int, model: CovarianceModel, generator: np.random.Generator
) -> FloatArray:
    """Return the totals (K, P) of a partition, as an E-step would; a subsample's stand for all observations.

    Parameters are those of `starting_partition`.
    """
    points, weights, partition = starting_partition(
        method, data.X, data.sample_weight, n_components, model, generator
    )
    if points is data.X:
        return data.assigned(partition, n_components)
    some = Observations.prepare(points, weights, diagonal=data.diagonal, n_components=n_components)
    return some.assigned(partition, n_components) * (data.total / some.total)


def starting_partition(
    method: str,
    X: FloatArray,
    sample_weight: FloatArray,
    n_components: int,
    model: CovarianceModel,
    generator: np.random.Generator,
) -> tuple[FloatArray, FloatArray, FloatArray | IntArray]:
    """Partition the points, or a subsample where a method cannot afford them all.

    Parameters
    ----------
    method : str
        "kmeans", "quantiles", "random", or the name of a hierarchical clustering, see `start_tree`.
    X : array (N, D)
        The points, in the frame of the estimation; ascending and distinct in one dimension.
    sample_weight : array (N,)
        Their weights.
    n_components : int
        The number of parts.
    model : CovarianceModel
        The covariance model that is to be fitted.
    generator : numpy.random.Generator
        Draws subsamples, seeds and random responsibilities.

    Returns
    -------
    points : array (M, D)
        The points used, M ≤ N.
    weights : array (M,)
        Their weights.
    partition : array (M,) or (M, K)
        Labels, or responsibilities.

    Raises
    ------
    MixtureError
        If there is no such method, or there are fewer points than components.
    """
    if method == "quantiles":
        return X, sample_weight, quantile_labels(X[:, 0], sample_weight, n_components)
    if method == "random":
        return X, sample_weight, generator.dirichlet(np.ones(n_components), size=len(X)).astype(X.dtype)
    if method == "kmeans":
        points, weights = subsample(X, sample_weight, KMEANS_POINTS * n_components, generator)
        return points, weights, kmeans_labels(points, weights, n_components, generator)
    points, weights, tree = start_tree(X, sample_weight, model, generator, method)
    return points, weights, tree.labels(n_components)


def start_tree(
    X: FloatArray,
    sample_weight: FloatArray,
    model: CovarianceModel,
    generator: np.random.Generator,
    criterion: str = "hierarchical",
) -> tuple[FloatArray, FloatArray, MergeTree]:
    """Cluster hierarchically: neighbours in one dimension, else a subsample on scaled axes.

    The criterion is the one named, or by default that of the model in one dimension and "VVV" in several.
    """
    if X.shape[1] == 1:
        names = {"hierarchical": "E" if model.common else "V", "E": "E", "V": "V"}
        return X, sample_weight, merge_neighbours(X[:, 0], sample_weight, _chosen(names, criterion))
    names = {"hierarchical": "VVV", "EII": "EII", "VII": "VII", "EEE": "EEE", "VVV": "VVV"}
    chosen = _chosen(names, criterion)
    points, weights = subsample(X, sample_weight, HIERARCHICAL_POINTS, generator)
    return points, weights, agglomerate(half_whitened(points, weights), chosen, weights)


def _chosen(names: dict[str, str], name: str) -> str:
    """Look a start up, or say which there are."""
    if name not in names:
        raise MixtureError(f"no start {name!r}: choose from {', '.join([*names, 'quantiles', *RANDOM])}")
    return names[name]


def quantile_labels(values: FloatArray, sample_weight: FloatArray, n_components: int) -> IntArray:
    """Cut values (N,) into parts of equal weight, ascending."""
    if len(values) < n_components:
        raise MixtureError(f"{len(values)} distinct values cannot make {n_components} components")
    order = np.argsort(values, kind="stable")
    middle = np.cumsum(sample_weight[order]) - sample_weight[order] / 2
    labels = np.empty(len(values), dtype=np.intp)
    labels[order] = np.minimum(middle * n_components // sample_weight.sum(), n_components - 1).astype(np.intp)
    return labels


def subsample(
    X: FloatArray, sample_weight: FloatArray, size: int, generator: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Draw ``size`` points without replacement, in their order; all of them where there are no more."""
    if len(X) <= size:
        return X, sample_weight
    chosen = np.sort(generator.choice(len(X), size, replace=False, shuffle=False))
    return X[chosen], sample_weight[chosen]


def half_whitened(X: FloatArray, sample_weight: FloatArray) -> FloatArray:
    """Turn points (N, D) to their principal axes and divide each axis by the root of its standard deviation.

    The columns have variance one to begin with; axes along which they do not vary are left out. This is the
    "scaled SVD" that Scrucca and Raftery (Adv. Data Anal. Classif. 9, 2015) found to start EM best.
    """
    centred = X - np.average(X, axis=0, weights=sample_weight)
    centred = centred / np.sqrt(np.average(centred**2, axis=0, weights=sample_weight))
    correlation = (centred * sample_weight[:, None]).T @ centred / sample_weight.sum()
    eigenvalues, axes = np.linalg.eigh(correlation)
    kept = eigenvalues > np.finfo(X.dtype).eps * X.shape[1]
    return np.asarray(centred @ (axes[:, kept] / eigenvalues[kept] ** 0.25))


def kmeans_labels(
    X: FloatArray, sample_weight: FloatArray, n_clusters: int, generator: np.random.Generator
) -> IntArray:
    """Cluster weighted points (N, D) by Lloyd's iteration from k-means++ seeds.

    Arthur and Vassilvitskii, SODA 2007. A cluster that loses all its points takes the point farthest from its
    own centre.
    """
    centres = _spread_seeds(X, sample_weight, n_clusters, generator)
    labels = np.full(len(X), -1)
    for _ in range(KMEANS_ITERATIONS):
        previous, (labels, distances) = labels, nearest(X, centres)
        for empty in np.setdiff1d(np.arange(n_clusters), labels):
            farthest = int(np.argmax(np.where(np.bincount(labels)[labels] > 1, distances, -1)))
            labels[farthest], distances[farthest] = empty, 0
        if np.array_equal(labels, previous):
            break
        counts = np.bincount(labels, weights=sample_weight)
        sums = [np.bincount(labels, weights=sample_weight * column) for column in X.T]
        centres = (np.array(sums) / counts).T
    return labels


def _spread_seeds(
    X: FloatArray, sample_weight: FloatArray, n_clusters: int, generator: np.random.Generator
) -> FloatArray:
    """Draw seeds (K, D) among the points, each as its squared distance from those before makes it likely."""
    if len(X) < n_clusters:
        raise MixtureError(f"{len(X)} points cannot make {n_clusters} components")
    seeds = [X[generator.choice(len(X), p=sample_weight / sample_weight.sum(dtype=float))]]
    distances = np.full(len(X), np.inf)
    while len(seeds) < n_clusters:
        distances = np.minimum(distances, np.square(X - seeds[-1], dtype=float).sum(axis=1))
        chances = distances * sample_weight
        if not chances.sum() > 0:
            raise MixtureError(f"{len(seeds)} distinct points cannot make {n_clusters} components")
        seeds.append(X[generator.choice(len(X), p=chances / chances.sum())])
    return np.array(seeds, dtype=float)


def nearest(X: FloatArray, centres: FloatArray) -> tuple[IntArray, FloatArray]:
    """Return for points (N, D) the nearest of centres (K, D), labels (N,), and the squared distances (N,)."""
    labels = np.empty(len(X), dtype=np.intp)
    distances = np.empty(len(X))
    lengths = np.square(centres).sum(axis=1)
    width = max(256, (1 << 22) // len(centres))
    for start in range(0, len(X), width):
        block = slice(start, start + width)
        squares = lengths - 2 * (X[block] @ centres.T)
        labels[block] = squares.argmin(axis=1)
        distances[block] = squares.min(axis=1) + np.square(X[block]).sum(axis=1)
    return labels, distances
