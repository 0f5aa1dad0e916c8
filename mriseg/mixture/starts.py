"""Starts of EM: partitions of the observations, or of a subsample of them.

All randomness comes from the generator given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mriseg.errors import MixtureError
from mriseg.mixture.agglomeration import agglomerate
from mriseg.mixture.constants import (
    KMEANS_POINTS_PER_COMPONENT,
    MAX_HIERARCHICAL_POINTS,
)
from mriseg.mixture.expectation import Observations
from mriseg.mixture.hierarchical import merge_neighbours
from mriseg.mixture.kmeans import seeded_labels

if TYPE_CHECKING:
    from mriseg.mixture.covariance import CovarianceModel
    from mriseg.mixture.hierarchical import MergeTree
    from mriseg.mixture.parameters import FloatArray, IntArray

# Methods whose result depends on random numbers, so that several runs differ.
RANDOM_METHODS = ("kmeans", "k-means++", "random_from_data", "random")
# Methods that take the observations nearest to each of K seeds.
SEEDED_METHODS = ("kmeans", "k-means++", "random_from_data")
# Criteria of hierarchical clustering by the name of a start, in several dimensions.
HIERARCHICAL_CRITERIA = {"hierarchical": "VVV", "EII": "EII", "VII": "VII", "EEE": "EEE", "VVV": "VVV"}


def check_partition(partition: FloatArray, n: int, n_components: int) -> None:
    """Check labels or responsibilities.

    Parameters
    ----------
    partition : ndarray, shape (N,) or (N, K)
        Labels 0 to K − 1, or responsibilities.
    n : int
        N.
    n_components : int
        K.

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


def starting_statistics(
    method: str, data: Observations, n_components: int, model: CovarianceModel, generator: np.random.Generator
) -> FloatArray:
    """Return the sufficient statistics of a starting partition, as an E-step would.

    Parameters
    ----------
    method : str
        See `starting_partition`; so for the other parameters.
    data : Observations
        Standardized observations.
    n_components : int
        K.
    model : CovarianceModel
        The covariance model to be fitted.
    generator : numpy.random.Generator
        Source of random numbers.

    Returns
    -------
    ndarray of float64, shape (K, P)
        Those of a subsample are scaled to the number of all observations.

    Raises
    ------
    MixtureError
        As `starting_partition`.
    """
    points, weights, partition = starting_partition(
        method, data.X, data.sample_weight, n_components, model, generator
    )
    if points is data.X:
        return data.partition_statistics(partition, n_components)
    subset = Observations.prepare(points, weights, diagonal=data.diagonal, n_components=n_components)
    return subset.partition_statistics(partition, n_components) * (data.total / subset.total)


def starting_partition(
    method: str,
    X: FloatArray,
    sample_weight: FloatArray,
    n_components: int,
    model: CovarianceModel,
    generator: np.random.Generator,
) -> tuple[FloatArray, FloatArray, FloatArray | IntArray]:
    """Return a partition of the observations, or of a subsample where a method takes too long on all.

    Parameters
    ----------
    method : str
        "kmeans", "k-means++", "random_from_data", "quantiles", "random", or the name of a hierarchical
        clustering, see `start_tree`; "hierarchical" is "kmeans" in several dimensions where its subsample
        would leave less than two observations to a component.
    X : ndarray, shape (N, D)
        Standardized observations; ascending and distinct in one dimension.
    sample_weight : ndarray, shape (N,)
        Number of times each was observed.
    n_components : int
        Number of parts, K.
    model : CovarianceModel
        The covariance model to be fitted.
    generator : numpy.random.Generator
        Source of random numbers for subsamples, seeds and random responsibilities.

    Returns
    -------
    points : ndarray, shape (M, D)
        The observations used, M ≤ N.
    weights : ndarray, shape (M,)
        Their weights.
    partition : ndarray, shape (M,) or (M, K)
        Labels, or responsibilities.

    Raises
    ------
    MixtureError
        If there is no such method, or there are fewer distinct observations than components.
    """
    if method == "quantiles":
        return X, sample_weight, quantile_labels(X[:, 0], sample_weight, n_components)
    if method == "random":
        return X, sample_weight, generator.dirichlet(np.ones(n_components), size=len(X)).astype(X.dtype)
    method = start_method(method, X.shape, n_components)
    if method in SEEDED_METHODS:
        points, weights = subsample(X, sample_weight, KMEANS_POINTS_PER_COMPONENT * n_components, generator)
        return points, weights, seeded_labels(method, points, weights, n_components, generator)
    points, weights, tree = start_tree(X, sample_weight, model, generator, method)
    if len(points) < n_components:
        raise MixtureError(
            f"a hierarchical clustering of {len(points)} observations cannot make {n_components} components: "
            "start with kmeans"
        )
    return points, weights, tree.labels(n_components)


def start_method(method: str, shape: tuple[int, ...], n_components: int) -> str:
    """Return the method that is used: "kmeans" for "hierarchical" with more components than that can make.

    Parameters
    ----------
    method : str
        The name of a start.
    shape : tuple of int
        Of the data, (N, D).
    n_components : int
        K.

    Returns
    -------
    str
    """
    n, dimensions = shape
    too_many = dimensions > 1 and n > MAX_HIERARCHICAL_POINTS and 2 * n_components > MAX_HIERARCHICAL_POINTS
    return "kmeans" if method == "hierarchical" and too_many else method


def start_tree(
    X: FloatArray,
    sample_weight: FloatArray,
    model: CovarianceModel,
    generator: np.random.Generator,
    criterion: str = "hierarchical",
) -> tuple[FloatArray, FloatArray, MergeTree]:
    """Return a hierarchical clustering: of all values in one dimension, else of a subsample on scaled axes.

    Parameters
    ----------
    X : ndarray, shape (N, D)
        Standardized observations; ascending and distinct in one dimension.
    sample_weight : ndarray, shape (N,)
        Number of times each was observed.
    model : CovarianceModel
        The covariance model to be fitted.
    generator : numpy.random.Generator
        Source of random numbers for the subsample.
    criterion : str
        "E" or "V" in one dimension, "EII", "VII", "EEE" or "VVV" in several; "hierarchical" is that of the
        model in one dimension, and "VVV" in several.

    Returns
    -------
    points : ndarray, shape (M, D)
        The observations used, M ≤ N, not scaled.
    weights : ndarray, shape (M,)
        Their weights.
    tree : MergeTree
        With one leaf for each of them.

    Raises
    ------
    MixtureError
        If there is no such criterion.
    """
    if X.shape[1] == 1:
        criteria = {"hierarchical": "E" if model.common else "V", "E": "E", "V": "V"}
        return X, sample_weight, merge_neighbours(X[:, 0], sample_weight, _lookup(criteria, criterion))
    chosen = _lookup(HIERARCHICAL_CRITERIA, criterion)
    points, weights = subsample(X, sample_weight, MAX_HIERARCHICAL_POINTS, generator)
    # The criteria compare the weight of a cluster with the dimensions and with one, so that weights that are
    # shares rather than counts are raised until they sum to the points.
    counts = weights * max(len(points) / float(weights.sum()), 1.0)
    return points, weights, agglomerate(scaled_principal_axes(points, counts), chosen, counts)


def _lookup(criteria: dict[str, str], name: str) -> str:
    """Return the criterion of a start, or raise an error with the names of all starts."""
    if name not in criteria:
        known = ", ".join([*criteria, "quantiles", *RANDOM_METHODS])
        raise MixtureError(f"no start {name!r}: choose from {known}")
    return criteria[name]


def quantile_labels(values: FloatArray, sample_weight: FloatArray, n_components: int) -> IntArray:
    """Return labels of parts of equal weight, in ascending order of the values.

    Parameters
    ----------
    values : ndarray, shape (N,)
        Values.
    sample_weight : ndarray, shape (N,)
        Number of times each was observed.
    n_components : int
        Number of parts, K.

    Returns
    -------
    ndarray of int, shape (N,)
        Labels 0 to K − 1.

    Raises
    ------
    MixtureError
        If there are fewer values than parts.
    """
    if len(values) < n_components:
        raise MixtureError(f"{len(values)} distinct values cannot make {n_components} components")
    order = np.argsort(values, kind="stable")
    positions = np.cumsum(sample_weight[order]) - sample_weight[order] / 2
    parts = np.minimum(positions * n_components // sample_weight.sum(), n_components - 1)
    labels = np.empty(len(values), dtype=np.intp)
    labels[order] = parts.astype(np.intp)
    return labels


def subsample(
    X: FloatArray, sample_weight: FloatArray, size: int, generator: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Return a random subsample without replacement, in the order of the observations.

    Parameters
    ----------
    X : ndarray, shape (N, D)
        Observations.
    sample_weight : ndarray, shape (N,)
        Number of times each was observed.
    size : int
        Number of observations wanted.
    generator : numpy.random.Generator
        Source of random numbers.

    Returns
    -------
    X : ndarray, shape (min(N, size), D)
        All observations, without a copy, where there are no more than wanted.
    sample_weight : ndarray, shape (min(N, size),)
        Their weights.
    """
    if len(X) <= size:
        return X, sample_weight
    chosen = np.sort(generator.choice(len(X), size, replace=False, shuffle=False))
    return X[chosen], sample_weight[chosen]


def scaled_principal_axes(X: FloatArray, sample_weight: FloatArray) -> FloatArray:
    """Return principal components of standardized columns, each over the root of its singular value.

    This is the "scaled SVD" transformation that Scrucca and Raftery (2015), Adv Data Anal Classif 9:447-460,
    recommend before the hierarchical clustering that starts EM.

    Parameters
    ----------
    X : ndarray, shape (N, D)
        Observations.
    sample_weight : ndarray, shape (N,)
        Number of times each was observed.

    Returns
    -------
    ndarray, shape (N, R)
        R ≤ D; columns and components without variance are left out, and one column of zeros where all are.
    """
    varying = X[:, np.ptp(X, axis=0) > 0]
    if not varying.size:
        return np.zeros((len(X), 1))
    total = float(sample_weight.sum())
    freedom = max(total - 1, 1.0)
    centred = varying - np.average(varying, axis=0, weights=sample_weight)
    centred = centred / np.sqrt(np.average(centred**2, axis=0, weights=sample_weight) * total / freedom)
    correlation = (centred * sample_weight[:, None]).T @ centred / freedom
    eigenvalues, axes = np.linalg.eigh(correlation)
    kept = eigenvalues > np.finfo(X.dtype).eps * centred.shape[1]
    # With n observations a singular value is the root of n − 1 times an eigenvalue. The factor counts, since
    # VVV adds a trace to a determinant, which scale differently.
    return np.asarray(centred @ (axes[:, kept] / (freedom * eigenvalues[kept]) ** 0.25))
