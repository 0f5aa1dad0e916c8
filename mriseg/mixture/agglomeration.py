"""Model-based agglomerative clustering over all pairs of clusters: Fraley, SIAM J. Sci. Comput. 20, 1998."""

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


def agglomerate(X: FloatArray, model: str, sample_weight: FloatArray | None = None) -> MergeTree:
    """Cluster points by merging, each time, the two clusters whose union costs least; memory grows as N².

    Parameters
    ----------
    X : array (N, D)
        The points; a few thousand at most.
    model : {"E", "V", "EII", "VII", "EEE", "VVV"}
        What a cluster costs, with n its observations and W its sums of squares: tr W ("E" in one dimension,
        "EII": Ward's method); n log((tr W + α) / n) ("V", "VII"); n log(|W / n| + (tr W + α) / n), without
        the determinant while n ≤ D ("VVV"); or, for all clusters together, log|ΣW + αI| ("EEE"). α is the
        mean variance of the columns, and for "V" that of the data times the rounding of a double.
    sample_weight : array (N,), optional
        How often each point was observed.

    Returns
    -------
    MergeTree
        With one leaf for each point.

    Raises
    ------
    MixtureError
        If there is no such model.
    """
    if model not in MODELS:
        raise MixtureError(f"no hierarchical clustering {model!r}: choose from {', '.join(MODELS)}")
    weights = np.ones(len(X)) if sample_weight is None else np.asarray(sample_weight, dtype=float)
    centred = np.asarray(X, dtype=float) - np.average(X, axis=0, weights=weights)
    clusters = Clusters.of_points(centred, weights, model)
    return MergeTree(
        _merge_determinant(clusters) if model == "EEE" else _merge_pairs(clusters), np.arange(len(X))
    )


@dataclass(frozen=True, eq=False)
class Clusters:
    """Sizes, means and sums of squares of the clusters at one moment; a merge changes them in place.

    Attributes
    ----------
    model : str
        What they cost.
    alpha : float
        The sum of squares that a single point is taken to have.
    counts : array (M,)
        Observations.
    means : array (M, D)
        Means.
    scatter : array (M, D, D) for "VVV", else (M,)
        Sums of squares about the means, or their traces.
    terms : array (M,)
        What each cluster costs.
    """

    model: str
    alpha: float
    counts: FloatArray
    means: FloatArray
    scatter: FloatArray
    terms: FloatArray

    @classmethod
    def of_points(cls, X: FloatArray, weights: FloatArray, model: str) -> Clusters:
        """Begin with each point a cluster."""
        n, dimensions = X.shape
        variance = float(weights @ (X**2).mean(axis=1)) / float(weights.sum())
        alpha = variance * (np.finfo(float).eps if model == "V" else 1)
        scatter = np.zeros((n, dimensions, dimensions) if model == "VVV" else n)
        terms = np.zeros(n) if model in {"E", "EII", "EEE"} else weights * (np.log(alpha) - np.log(weights))
        return cls(model, alpha, weights.copy(), X.copy(), scatter, terms)

    def union(self, i: int, others: NDArray[np.intp]) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return sizes, sums of squares and costs of the unions of cluster i with each of the others."""
        counts = self.counts[i] + self.counts[others]
        gaps = self.means[others] - self.means[i]
        reduced = self.counts[i] * self.counts[others] / counts
        if self.scatter.ndim > 1:
            between = reduced[:, None, None] * outer(gaps)
        else:
            between = reduced * np.square(gaps).sum(axis=1)
        scatter = self.scatter[i] + self.scatter[others] + between
        return counts, scatter, self._terms_of(counts, scatter)

    def merge(self, i: int, j: int) -> None:
        """Let cluster i take cluster j."""
        counts, scatter, terms = self.union(i, np.array([j]))
        self.means[i] += (self.means[j] - self.means[i]) * (self.counts[j] / counts[0])
        self.counts[i], self.scatter[i], self.terms[i] = counts[0], scatter[0], terms[0]

    def costs(self, i: int, others: NDArray[np.intp]) -> FloatArray:
        """Return what the union of cluster i with each of the others adds to the cost."""
        return np.asarray(self.union(i, others)[2] - self.terms[i] - self.terms[others])

    def _terms_of(self, counts: FloatArray, scatter: FloatArray) -> FloatArray:
        if self.model in {"E", "EII", "EEE"}:
            return scatter
        if self.model in {"V", "VII"}:
            return np.asarray(counts * (np.log(scatter + self.alpha) - np.log(counts)))
        spread = (np.trace(scatter, axis1=1, axis2=2) + self.alpha) / counts
        full = counts > self.means.shape[1]
        determinants = np.where(full, np.linalg.det(scatter / counts[:, None, None]), 0.0)
        return np.asarray(counts * np.log(np.maximum(determinants, 0) + spread))


def _merge_pairs(clusters: Clusters) -> NDArray[np.intp]:
    """Merge the cheapest pair until one cluster is left; each cluster remembers its cheapest partner."""
    n = len(clusters.counts)
    everyone = np.arange(n)
    costs = np.full((n, n), np.inf)
    for i in range(n - 1):
        costs[i, i + 1 :] = costs[i + 1 :, i] = clusters.costs(i, everyone[i + 1 :])
    partner, lowest = costs.argmin(axis=1), costs.min(axis=1)
    merges = np.empty((n - 1, 2), dtype=np.intp)
    alive = np.ones(n, dtype=bool)
    for step in range(n - 1):
        i = int(lowest.argmin())
        i, j = sorted((i, int(partner[i])))
        merges[step] = i, j
        clusters.merge(i, j)
        alive[j] = False
        others = np.flatnonzero(alive & (everyone != i))
        costs[j], costs[:, j], lowest[j] = np.inf, np.inf, np.inf
        costs[i, others] = costs[others, i] = clusters.costs(i, others)
        _remember(costs, partner, lowest, np.append(others[np.isin(partner[others], (i, j))], i))
        closer = others[costs[others, i] < lowest[others]]
        partner[closer], lowest[closer] = i, costs[closer, i]
    return merges


def _remember(
    costs: FloatArray, partner: NDArray[np.intp], lowest: FloatArray, rows: NDArray[np.intp]
) -> None:
    """Look up the cheapest partner of some clusters again."""
    partner[rows] = costs[rows].argmin(axis=1)
    lowest[rows] = costs[rows, partner[rows]]


def _merge_determinant(clusters: Clusters) -> NDArray[np.intp]:
    """Merge the pair that raises |ΣW + αI| least, until one is left; every merge changes every cost."""
    n, dimensions = clusters.means.shape
    alive = np.arange(n)
    pooled = clusters.alpha * np.eye(dimensions)
    merges = np.empty((n - 1, 2), dtype=np.intp)
    for step in range(n - 1):
        whitened = np.linalg.solve(np.linalg.cholesky(pooled), clusters.means[alive].T).T
        lengths = np.square(whitened).sum(axis=1)
        counts = clusters.counts[alive]
        distances = lengths[:, None] + lengths - 2 * whitened @ whitened.T
        costs = distances * (counts[:, None] * counts / (counts[:, None] + counts))
        costs[np.tril_indices(len(alive))] = np.inf
        first, second = np.unravel_index(costs.argmin(), costs.shape)
        i, j = int(alive[first]), int(alive[second])
        gap = clusters.means[j] - clusters.means[i]
        pooled += (
            clusters.counts[i] * clusters.counts[j] / (clusters.counts[i] + clusters.counts[j]) * outer(gap)
        )
        merges[step] = i, j
        clusters.merge(i, j)
        alive = np.delete(alive, second)
    return merges
