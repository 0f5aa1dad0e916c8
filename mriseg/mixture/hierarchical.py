"""Model-based agglomerative clustering in one dimension, and the tree of merges.

Only neighbours on the line are merged, so every cluster is an interval and a heap of at most 2 N costs
replaces all pairs. The criteria are those of `mriseg.mixture.agglomeration`: with nₖ the observations of
cluster k, and Wₖ its sum of squares about the mean,

    E   Σₖ Wₖ                                           (Ward's method)                            (1)
    V   Σₖ nₖ log((Wₖ + α) / nₖ)                                                                   (2)

with α the variance of the data times the mean number of observations of a value. Where α is next to nothing,
as in mclust's ``hcV``, two values that happen to be close stay a cluster of their own to the last. The union
of clusters i and j has

    W = Wᵢ + Wⱼ + nᵢ nⱼ / (nᵢ + nⱼ) (x̄ᵢ − x̄ⱼ)²                                                     (3)

Of more values than the heap takes in a blink, neighbours are pooled first, in rounds over whole arrays: among
the half of them with the lower increase of (1), every second pair of each run.

References
----------
.. [1] Fraley C (1998). Algorithms for model-based Gaussian hierarchical clustering. SIAM J Sci Comput
   20:270-281.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING

import numpy as np

from mriseg.errors import MixtureError
from mriseg.mixture.constants import MAX_LINE_CLUSTERS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mriseg.mixture.parameters import FloatArray


@dataclass(frozen=True, eq=False)
class MergeTree:
    """Merges of an agglomerative clustering of M initial clusters, first to last.

    Attributes
    ----------
    merges : ndarray of int, shape (M − 1, 2)
        The two clusters of each merge, each identified by an initial cluster in it; the union is identified
        by the first of the pair.
    leaves : ndarray of int, shape (N,)
        The initial cluster of each observation, 0 to M − 1.
    """

    merges: NDArray[np.intp]
    leaves: NDArray[np.intp]

    def labels(self, n_clusters: int) -> NDArray[np.intp]:
        """Return the clusters of the observations when a given number of clusters is left.

        Parameters
        ----------
        n_clusters : int
            Number of clusters.

        Returns
        -------
        ndarray of int, shape (N,)
            Labels 0 to n_clusters − 1, numbered by their first leaf: by ascending value in one dimension, by
            first observation in several.

        Raises
        ------
        MixtureError
            If there are fewer leaves than clusters.
        """
        n_leaves = len(self.merges) + 1
        if not 1 <= n_clusters <= n_leaves:
            raise MixtureError(f"{n_leaves} distinct values cannot make {n_clusters} clusters")
        parents = np.arange(n_leaves)
        for kept, absorbed in self.merges[: n_leaves - n_clusters]:
            parents[absorbed] = kept
        # Pointer jumping: each pass halves the depth, until every leaf points at the root of its cluster.
        while not np.array_equal(parents, parents[parents]):
            parents = parents[parents]
        roots, first_leaves, clusters = np.unique(parents, return_index=True, return_inverse=True)
        ranks = np.empty(len(roots), dtype=np.intp)
        ranks[np.argsort(first_leaves)] = np.arange(len(roots))
        return np.asarray(ranks[clusters][self.leaves])


def merge_neighbours(values: FloatArray, counts: FloatArray, model: str) -> MergeTree:
    """Return the merge tree of model-based clustering of values in one dimension, in O(N log N).

    Parameters
    ----------
    values : ndarray, shape (N,)
        Distinct values in ascending order: observations, or bin centres.
    counts : ndarray, shape (N,)
        Number of times each was observed.
    model : {"E", "V"}
        Equal or varying variances: criterion (1) or (2) of the module docstring.

    Returns
    -------
    MergeTree
        With one leaf for each value, or each pool of neighbours.

    Notes
    -----
    Fraley (1998), restricted to merges of neighbours. For "E" this is no restriction: the cheapest pair is
    always one of neighbours. Where values have unequal or multiple counts, each value stands for a bin as
    wide as the smallest gap and starts with the variance of a uniform distribution over it, width² / 12;
    single observations start with none.
    """
    variance = float(np.cov(values, aweights=counts, bias=True)) if len(values) > 1 else 1.0
    unequal = not np.all(counts == counts[0])
    binned = unequal or counts[0] > 1
    bin_variance = float(np.diff(values).min()) ** 2 / 12 if binned else 0.0
    scale = 1 / np.sqrt(variance)
    standardized = (values - np.average(values, weights=counts)) * scale
    alpha = float(counts.mean())
    means, counts, squares, leaves = _pool(standardized, counts, counts * (bin_variance / variance))
    chain = _Chain(means.tolist(), counts.tolist(), squares.tolist(), alpha, equal_variances=model == "E")
    return MergeTree(chain.merge_all(), leaves)


def _pool(
    means: FloatArray, counts: FloatArray, squares: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, NDArray[np.intp]]:
    """Return means, counts and sums of squares of `MAX_LINE_CLUSTERS` pools at most; each value's pool."""
    n = len(means)
    starts = np.arange(n)
    while len(means) > MAX_LINE_CLUSTERS:
        costs = counts[:-1] * counts[1:] / (counts[:-1] + counts[1:]) * np.square(np.diff(means))
        chosen = _every_second(costs <= np.median(costs))
        first = np.flatnonzero(np.append(True, ~chosen))
        sums = np.add.reduceat(counts * means, first)
        squares = np.add.reduceat(squares + np.append(np.where(chosen, costs, 0), 0), first)  # (3)
        counts = np.add.reduceat(counts, first)
        means, starts = sums / counts, starts[first]
    return means, counts, squares, np.repeat(np.arange(len(means)), np.diff(starts, append=n))


def _every_second(candidates: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the candidates less the second, fourth, ... of each run of neighbours."""
    indices = np.arange(len(candidates))
    before_run = np.maximum.accumulate(np.where(candidates, -1, indices))
    return np.asarray(candidates & ((indices - before_run) % 2 == 1))


class _Chain:
    """Clusters in their order on the line, as a doubly linked list, with a heap of the costs of neighbours.

    An entry of the heap holds the versions of its two clusters; every merge gives the union a new version, so
    that entries with an old one are stale and skipped when they come up (lazy deletion).
    """

    def __init__(
        self,
        means: list[float],
        counts: list[float],
        squares: list[float],
        alpha: float,
        *,
        equal_variances: bool,
    ) -> None:
        self.means, self.counts, self.squares = means, counts, squares
        self.alpha, self.equal_variances = alpha, equal_variances
        n = len(means)
        self.next, self.previous = list(range(1, n + 1)), list(range(-1, n - 1))
        self.versions = [0] * n
        self.heap = [(self.merge_cost(i, i + 1), i, i + 1, 0, 0) for i in range(n - 1)]
        heapq.heapify(self.heap)

    def merge_all(self) -> NDArray[np.intp]:
        """Return the merges, shape (N − 1, 2), cheapest first, until one cluster is left."""
        merges = []
        while self.heap:
            _, i, j, version_i, version_j = heapq.heappop(self.heap)
            if version_i == self.versions[i] and version_j == self.versions[j]:
                self.merge(i, j)
                merges.append((i, j))
        return np.array(merges, dtype=np.intp).reshape(-1, 2)

    def merge(self, i: int, j: int) -> None:
        """Replace cluster i by its union with its next neighbour j."""
        count, square, difference = self.union_statistics(i, j)
        self.means[i] -= difference * self.counts[j] / count
        self.counts[i], self.squares[i] = count, square
        self.versions[i] += 1
        self.versions[j] = -1
        following, preceding = self.next[j], self.previous[i]
        self.next[i] = following
        if following < len(self.means):
            self.previous[following] = i
            self._push(i, following)
        if preceding >= 0:
            self._push(preceding, i)

    def union_statistics(self, i: int, j: int) -> tuple[float, float, float]:
        """Return count and sum of squares (3) of a union, and the difference of the two means."""
        count = self.counts[i] + self.counts[j]
        difference = self.means[i] - self.means[j]
        between = self.counts[i] * self.counts[j] / count * difference * difference
        return count, self.squares[i] + self.squares[j] + between, difference

    def merge_cost(self, i: int, j: int) -> float:
        """Return the increase of the criterion by merging two neighbours."""
        count, square, _ = self.union_statistics(i, j)
        if self.equal_variances:
            return square - self.squares[i] - self.squares[j]  # (1)
        separate = self._term(self.counts[i], self.squares[i]) + self._term(self.counts[j], self.squares[j])
        return self._term(count, square) - separate  # (2)

    def _term(self, count: float, square: float) -> float:
        """Return the term of one cluster in (2)."""
        return count * (log(square + self.alpha) - log(count))

    def _push(self, i: int, j: int) -> None:
        """Put the cost of two neighbours on the heap."""
        heapq.heappush(self.heap, (self.merge_cost(i, j), i, j, self.versions[i], self.versions[j]))
