"""Weighted k-means: Lloyd's algorithm [1]_ from k-means++ seeds [2]_.

References
----------
.. [1] Lloyd SP (1982). Least squares quantization in PCM. IEEE Trans Inf Theory 28:129-137.
.. [2] Arthur D, Vassilvitskii S (2007). k-means++: the advantages of careful seeding. Proc 18th ACM-SIAM
   Symposium on Discrete Algorithms, 1027-1035.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mriseg.errors import MixtureError
from mriseg.mixture.constants import DISTANCE_BLOCK_ELEMENTS, MAX_KMEANS_ITERATIONS, MIN_BLOCK_SIZE

if TYPE_CHECKING:
    from mriseg.mixture.parameters import FloatArray, IntArray


def seeded_labels(
    method: str, X: FloatArray, sample_weight: FloatArray, n_clusters: int, generator: np.random.Generator
) -> IntArray:
    """Return the labels of k-means, or of the observations nearest to seeds.

    Parameters
    ----------
    method : {"kmeans", "k-means++", "random_from_data"}
        k-means; the seeds that it starts from; or random observations with a positive weight as seeds.
    X, sample_weight, n_clusters, generator
        See `kmeans_labels`.

    Returns
    -------
    ndarray of int, shape (N,)
        Labels 0 to K − 1; no cluster is empty.

    Raises
    ------
    MixtureError
        As `kmeans_labels`.
    """
    if method == "kmeans":
        return kmeans_labels(X, sample_weight, n_clusters, generator)
    if method == "k-means++":
        seeds = _plus_plus_seeds(X, sample_weight, n_clusters, generator)
    else:
        _check_number(X, n_clusters)
        seeds = X[np.sort(generator.choice(len(X), n_clusters, replace=False))].astype(float)
    labels, distances = nearest_centres(X, seeds)
    _fill_empty_clusters(labels, distances, n_clusters)
    return labels


def kmeans_labels(
    X: FloatArray, sample_weight: FloatArray, n_clusters: int, generator: np.random.Generator
) -> IntArray:
    """Return the labels of weighted k-means: Lloyd's algorithm from k-means++ seeds.

    An empty cluster gets the observation farthest from its own centre.

    Parameters
    ----------
    X : ndarray, shape (N, D)
        Observations.
    sample_weight : ndarray, shape (N,)
        Number of times each was observed.
    n_clusters : int
        K.
    generator : numpy.random.Generator
        Source of random numbers for the seeds.

    Returns
    -------
    ndarray of int, shape (N,)
        Labels 0 to K − 1; no cluster is empty.

    Raises
    ------
    MixtureError
        If there are fewer distinct observations than clusters.
    """
    centres = _plus_plus_seeds(X, sample_weight, n_clusters, generator)
    labels = np.full(len(X), -1)
    for _ in range(MAX_KMEANS_ITERATIONS):
        previous, (labels, distances) = labels, nearest_centres(X, centres)
        _fill_empty_clusters(labels, distances, n_clusters)
        if np.array_equal(labels, previous):
            break
        counts = np.bincount(labels, weights=sample_weight)
        sums = [np.bincount(labels, weights=sample_weight * column) for column in X.T]
        centres = (np.array(sums) / counts).T
    return labels


def _fill_empty_clusters(labels: IntArray, distances: FloatArray, n_clusters: int) -> None:
    """Move the farthest observation of a cluster of several into each empty cluster, in place."""
    for empty in np.setdiff1d(np.arange(n_clusters), labels):
        farthest = int(np.argmax(np.where(np.bincount(labels)[labels] > 1, distances, -1)))
        labels[farthest], distances[farthest] = empty, 0


def _plus_plus_seeds(
    X: FloatArray, sample_weight: FloatArray, n_clusters: int, generator: np.random.Generator
) -> FloatArray:
    """Return k-means++ seeds, shape (K, D), drawn in proportion to the squared distance from those before."""
    _check_number(X, n_clusters)
    seeds = [X[generator.choice(len(X), p=sample_weight / sample_weight.sum(dtype=float))]]
    distances = np.full(len(X), np.inf)
    while len(seeds) < n_clusters:
        distances = np.minimum(distances, np.square(X - seeds[-1], dtype=float).sum(axis=1))
        probabilities = distances * sample_weight
        if not probabilities.sum() > 0:
            raise MixtureError(f"{len(seeds)} distinct points cannot make {n_clusters} components")
        seeds.append(X[generator.choice(len(X), p=probabilities / probabilities.sum())])
    return np.array(seeds, dtype=float)


def _check_number(X: FloatArray, n_clusters: int) -> None:
    """Check that there are as many observations as clusters."""
    if len(X) < n_clusters:
        raise MixtureError(f"{len(X)} points cannot make {n_clusters} components")


def nearest_centres(X: FloatArray, centres: FloatArray) -> tuple[IntArray, FloatArray]:
    """Return the nearest centre of each observation.

    Parameters
    ----------
    X : ndarray, shape (N, D)
        Observations.
    centres : ndarray, shape (K, D)
        Centres.

    Returns
    -------
    labels : ndarray of int, shape (N,)
        Index of the nearest centre.
    distances : ndarray of float64, shape (N,)
        Squared distances.
    """
    labels = np.empty(len(X), dtype=np.intp)
    distances = np.empty(len(X))
    squared_norms = np.square(centres).sum(axis=1)
    block_size = max(MIN_BLOCK_SIZE, DISTANCE_BLOCK_ELEMENTS // len(centres))
    for start in range(0, len(X), block_size):
        block = slice(start, start + block_size)
        # ‖x − c‖² = ‖x‖² + ‖c‖² − 2 x·c; ‖x‖² is the same for all centres and added to the minimum.
        squares = squared_norms - 2 * (X[block] @ centres.T)
        labels[block] = squares.argmin(axis=1)
        distances[block] = squares.min(axis=1) + np.square(X[block]).sum(axis=1)
    return labels, distances
