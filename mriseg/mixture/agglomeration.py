"""Model-based agglomerative clustering in several dimensions, over all pairs of clusters.

Each observation starts as a cluster, and the pair is merged whose union increases the criterion least. Minus
twice the classification log-likelihood, maximised over the parameters of the clusters, is up to constants
[1]_, [2]_, with nₖ the observations of cluster k, Wₖ its scatter matrix and D the dimensions,

    E, EII   Σₖ tr Wₖ                                   (Ward's method)                            (1)
    V, VII   Σₖ nₖ log((tr Wₖ + α) / nₖ)                                                           (2)
    EEE      log|Σₖ Wₖ + α I|                                                                      (3)
    VVV      Σₖ nₖ log(|Wₖ / nₖ| + (tr Wₖ + α) / nₖ),   without the determinant while nₖ ≤ D       (4)

α and the trace in (4) keep the logarithms finite for clusters of few points, whose scatter matrix is singular
[2]_. α is the mean variance of the columns, as in R's mclust, and for "V" that variance times machine
epsilon.

The union of clusters i and j has the scatter matrix

    W = Wᵢ + Wⱼ + nᵢ nⱼ / (nᵢ + nⱼ) (x̄ᵢ − x̄ⱼ)(x̄ᵢ − x̄ⱼ)ᵀ                                           (5)

so no merge needs the observations again. For (1), (2) and (4) a merge changes only the costs of pairs with
the merged cluster. For (3) it changes all, by the matrix determinant lemma to

    log(1 + nᵢ nⱼ / (nᵢ + nⱼ) (x̄ᵢ − x̄ⱼ)ᵀ (Σₖ Wₖ + α I)⁻¹ (x̄ᵢ − x̄ⱼ))                              (6)

References
----------
.. [1] Banfield JD, Raftery AE (1993). Model-based Gaussian and non-Gaussian clustering. Biometrics
   49:803-821.
.. [2] Fraley C (1998). Algorithms for model-based Gaussian hierarchical clustering. SIAM J Sci Comput
   20:270-281.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mriseg.errors import MixtureError
from mriseg.mixture.hierarchical import MergeTree
from mriseg.mixture.parameters import outer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mriseg.mixture.parameters import FloatArray

MODELS = ("E", "V", "EII", "VII", "EEE", "VVV")
# Models whose term of a cluster is the trace tr Wₖ; EEE does not use it.
TRACE_MODELS = frozenset({"E", "EII", "EEE"})


def agglomerate(X: FloatArray, model: str, sample_weight: FloatArray | None = None) -> MergeTree:
    """Return the merge tree of model-based agglomerative clustering.

    Parameters
    ----------
    X : ndarray, shape (N, D)
        Observations; a few thousand at most, since memory grows as N².
    model : {"E", "V", "EII", "VII", "EEE", "VVV"}
        Covariance model of the clusters, which sets the criterion: (1) to (4) of the module docstring. "E"
        and "V" are for one dimension.
    sample_weight : ndarray, shape (N,), optional
        Number of times each was observed.

    Returns
    -------
    MergeTree
        With one leaf for each observation.

    Raises
    ------
    MixtureError
        If there is no such model.

    Notes
    -----
    Fraley (1998), SIAM J Sci Comput 20:270-281.
    """
    if model not in MODELS:
        raise MixtureError(f"no hierarchical clustering {model!r}: choose from {', '.join(MODELS)}")
    weights = np.ones(len(X)) if sample_weight is None else np.asarray(sample_weight, dtype=float)
    centred = np.asarray(X, dtype=float) - np.average(X, axis=0, weights=weights)
    clusters = Clusters.from_points(centred, weights, model)
    merges = _merge_common_covariance(clusters) if model == "EEE" else _merge_pairs(clusters)
    return MergeTree(merges, np.arange(len(X)))


@dataclass(frozen=True, eq=False)
class Clusters:
    """Statistics of M clusters; a merge changes the arrays in place.

    Attributes
    ----------
    model : str
        Covariance model, see `agglomerate`.
    alpha : float
        α of the criteria, in squared units of the data.
    counts : ndarray of float64, shape (M,)
        Observations.
    means : ndarray of float64, shape (M, D)
        Means.
    scatter : ndarray of float64, shape (M, D, D) for "VVV", else (M,)
        Scatter matrices, or their traces.
    terms : ndarray of float64, shape (M,)
        Term of each cluster in the criterion.
    """

    model: str
    alpha: float
    counts: FloatArray
    means: FloatArray
    scatter: FloatArray
    terms: FloatArray

    @classmethod
    def from_points(cls, X: FloatArray, weights: FloatArray, model: str) -> Clusters:
        """Return clusters of one point each.

        Parameters
        ----------
        X : ndarray of float64, shape (N, D)
            Points, centred on their weighted mean.
        weights : ndarray of float64, shape (N,)
            Number of times each was observed.
        model : str
            Covariance model, see `agglomerate`.

        Returns
        -------
        Clusters
        """
        n, dimensions = X.shape
        mean_variance = float(weights @ (X**2).mean(axis=1)) / float(weights.sum())
        alpha = mean_variance * (np.finfo(float).eps if model == "V" else 1)
        scatter = np.zeros((n, dimensions, dimensions) if model == "VVV" else n)
        # (2) and (4) at W = 0, where the determinant of (4) is zero
        terms = np.zeros(n) if model in TRACE_MODELS else weights * (np.log(alpha) - np.log(weights))
        return cls(model, alpha, weights.copy(), X.copy(), scatter, terms)

    def union_statistics(self, i: int, others: NDArray[np.intp]) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the statistics of the unions of one cluster with others.

        Parameters
        ----------
        i : int
            Index of the cluster.
        others : ndarray of int, shape (B,)
            Indices of the others.

        Returns
        -------
        counts : ndarray, shape (B,)
            Observations.
        scatter : ndarray, shape (B, D, D) or (B,)
            Scatter matrices (5), or their traces.
        terms : ndarray, shape (B,)
            Terms in the criterion.
        """
        counts = self.counts[i] + self.counts[others]
        differences = self.means[others] - self.means[i]
        reduced_counts = self.counts[i] * self.counts[others] / counts
        if self.scatter.ndim > 1:
            between = reduced_counts[:, None, None] * outer(differences)
        else:
            between = reduced_counts * np.square(differences).sum(axis=1)
        scatter = self.scatter[i] + self.scatter[others] + between
        return counts, scatter, self._terms(counts, scatter)

    def merge(self, i: int, j: int) -> None:
        """Replace cluster i by its union with cluster j, in place.

        Parameters
        ----------
        i, j : int
            Indices of the clusters; the entry of j keeps its values, which mean nothing any more.
        """
        counts, scatter, terms = self.union_statistics(i, np.array([j]))
        self.means[i] += (self.means[j] - self.means[i]) * (self.counts[j] / counts[0])
        self.counts[i], self.scatter[i], self.terms[i] = counts[0], scatter[0], terms[0]

    def merge_costs(self, i: int, others: NDArray[np.intp]) -> FloatArray:
        """Return the increase of the criterion by merging one cluster with each of the others.

        Parameters
        ----------
        i : int
            Index of the cluster.
        others : ndarray of int, shape (B,)
            Indices of the others.

        Returns
        -------
        ndarray of float64, shape (B,)
        """
        return np.asarray(self.union_statistics(i, others)[2] - self.terms[i] - self.terms[others])

    def _terms(self, counts: FloatArray, scatter: FloatArray) -> FloatArray:
        """Return the terms of (1), (2) or (4) of clusters with given statistics."""
        if self.model in TRACE_MODELS:
            return scatter  # (1)
        if self.model in {"V", "VII"}:
            return np.asarray(counts * (np.log(scatter + self.alpha) - np.log(counts)))  # (2)
        mean_squares = (np.trace(scatter, axis1=1, axis2=2) + self.alpha) / counts
        full_rank = counts > self.means.shape[1]
        determinants = np.where(full_rank, np.linalg.det(scatter / counts[:, None, None]), 0.0)
        return np.asarray(counts * np.log(np.maximum(determinants, 0) + mean_squares))  # (4)


def _merge_pairs(clusters: Clusters) -> NDArray[np.intp]:
    """Return the merges, shape (M − 1, 2), under a criterion that is a sum over clusters.

    All pairwise costs are kept, and for each cluster its cheapest partner, so that a merge takes O(M)
    evaluations of the criterion.
    """
    n = len(clusters.counts)
    indices = np.arange(n)
    costs = _pairwise_costs(clusters)
    partners, lowest = costs.argmin(axis=1), costs.min(axis=1)
    merges = np.empty((n - 1, 2), dtype=np.intp)
    active = np.ones(n, dtype=bool)
    for step in range(n - 1):
        cheapest = int(lowest.argmin())
        i, j = sorted((cheapest, int(partners[cheapest])))
        merges[step] = i, j
        clusters.merge(i, j)
        active[j] = False
        others = np.flatnonzero(active & (indices != i))
        costs[j], costs[:, j], lowest[j] = np.inf, np.inf, np.inf
        costs[i, others] = costs[others, i] = clusters.merge_costs(i, others)
        # Clusters whose partner was one of the pair need a search; the others can only have gained a closer
        # one.
        orphans = others[np.isin(partners[others], (i, j))]
        _update_partners(costs, partners, lowest, np.append(orphans, i))
        closer = others[costs[others, i] < lowest[others]]
        partners[closer], lowest[closer] = i, costs[closer, i]
    return merges


def _pairwise_costs(clusters: Clusters) -> FloatArray:
    """Return the costs of all merges, shape (M, M), infinite on the diagonal."""
    n = len(clusters.counts)
    indices = np.arange(n)
    costs = np.full((n, n), np.inf)
    for i in range(n - 1):
        costs[i, i + 1 :] = costs[i + 1 :, i] = clusters.merge_costs(i, indices[i + 1 :])
    return costs


def _update_partners(
    costs: FloatArray, partners: NDArray[np.intp], lowest: FloatArray, rows: NDArray[np.intp]
) -> None:
    """Find the cheapest partner of some clusters by a search of their rows, in place."""
    partners[rows] = costs[rows].argmin(axis=1)
    lowest[rows] = costs[rows, partners[rows]]


def _merge_common_covariance(clusters: Clusters) -> NDArray[np.intp]:
    """Return the merges, shape (M − 1, 2), under criterion (3), whose costs all change with every merge."""
    n, dimensions = clusters.means.shape
    active = np.arange(n)
    pooled = clusters.alpha * np.eye(dimensions)
    merges = np.empty((n - 1, 2), dtype=np.intp)
    for step in range(n - 1):
        first, second = _cheapest_pair(clusters.means[active], clusters.counts[active], pooled)
        i, j = int(active[first]), int(active[second])
        difference = clusters.means[j] - clusters.means[i]
        reduced_count = clusters.counts[i] * clusters.counts[j] / (clusters.counts[i] + clusters.counts[j])
        pooled += reduced_count * outer(difference)  # (5)
        merges[step] = i, j
        clusters.merge(i, j)
        active = np.delete(active, second)
    return merges


def _cheapest_pair(means: FloatArray, counts: FloatArray, pooled: FloatArray) -> tuple[int, int]:
    """Return the pair of clusters with the smallest quadratic form of (6), first before second."""
    # With pooled = L Lᵀ the form is the squared Euclidean distance of L⁻¹ x̄.
    whitened = np.linalg.solve(np.linalg.cholesky(pooled), means.T).T
    squares = np.square(whitened).sum(axis=1)
    distances = squares[:, None] + squares - 2 * whitened @ whitened.T
    costs = distances * (counts[:, None] * counts / (counts[:, None] + counts))
    costs[np.tril_indices(len(means))] = np.inf
    first, second = np.unravel_index(costs.argmin(), costs.shape)
    return int(first), int(second)
