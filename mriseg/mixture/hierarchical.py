"""Model-based agglomerative clustering: a start for EM that needs no random numbers.

Every observation begins as a cluster, and the two clusters whose union costs the least classification
likelihood are merged until one is left: Fraley, SIAM J. Sci. Comput. 20, 1998, as in R's mclust. Here for one
dimension; `agglomerate` for several is in `mriseg.mixture.agglomeration`.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING

import numpy as np

from mriseg.errors import MixtureError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mriseg.mixture.parameters import FloatArray


@dataclass(frozen=True, eq=False)
class MergeTree:
    """The merges of an agglomerative clustering, first to last.

    Attributes
    ----------
    merges : array (M − 1, 2) of int
        The two clusters of each merge, each named by an observation in it; the merged cluster is named by the
        first of the pair.
    leaves : array (N,) of int
        The initial cluster of each observation, 0 to M − 1.
    """

    merges: NDArray[np.intp]
    leaves: NDArray[np.intp]

    def labels(self, n_clusters: int) -> NDArray[np.intp]:
        """Cut the tree.

        Parameters
        ----------
        n_clusters : int
            How many clusters to leave.

        Returns
        -------
        array (N,) of int
            Clusters 0 to n_clusters − 1, in the order in which the leaves first name them: by rising value in
            one dimension, by first observation in several.

        Raises
        ------
        MixtureError
            If there are fewer leaves than that.
        """
        n_leaves = len(self.merges) + 1
        if not 1 <= n_clusters <= n_leaves:
            raise MixtureError(f"{n_leaves} distinct values cannot make {n_clusters} clusters")
        parent = np.arange(n_leaves)
        for kept, gone in self.merges[: n_leaves - n_clusters]:
            parent[gone] = kept
        while not np.array_equal(parent, parent[parent]):
            parent = parent[parent]
        heads, first, clusters = np.unique(parent, return_index=True, return_inverse=True)
        rank = np.empty(len(heads), dtype=np.intp)
        rank[np.argsort(first)] = np.arange(len(heads))
        return np.asarray(rank[clusters][self.leaves])


def merge_neighbours(values: FloatArray, counts: FloatArray, model: str) -> MergeTree:
    """Cluster values of one dimension, exactly on a histogram, in O(n log n).

    Only neighbours are merged, so every cluster is an interval. For "E" that is no restriction: the cheapest
    pair is always one of neighbours.

    Parameters
    ----------
    values : array (N,)
        Distinct values, ascending: observations, or bin centres.
    counts : array (N,)
        How often each was observed.
    model : {"E", "V"}
        "E" minimises the sum of squares within clusters (Ward's method). "V" minimises Σ nₖ log(Wₖ / nₖ) with
        Wₖ the sum of squares of a cluster. Where values carry counts, each stands for an interval as wide as
        the smallest gap between values and brings that interval's variance; single observations bring none
        but rounding.

    Returns
    -------
    MergeTree
        With one leaf for each value.
    """
    variance = float(np.cov(values, aweights=counts, bias=True)) if len(values) > 1 else 1.0
    repeated = not np.all(counts == counts[0])
    grain = float(np.diff(values).min()) ** 2 / 12 if repeated or counts[0] > 1 else 0.0
    scale = 1 / np.sqrt(variance)
    centred = (values - np.average(values, weights=counts)) * scale
    own = counts * (grain / variance)
    return MergeTree(
        _merge_chain(centred.tolist(), counts.tolist(), own.tolist(), model), np.arange(len(values))
    )


def _merge_chain(
    means: list[float], counts: list[float], squares: list[float], model: str
) -> NDArray[np.intp]:
    """Merge neighbours in a chain, cheapest first; a heap holds the costs, and stale ones are passed over."""
    n = len(means)
    after, before = list(range(1, n + 1)), list(range(-1, n - 1))
    version = [0] * n
    floor = np.finfo(float).eps

    def union(i: int, j: int) -> tuple[float, float, float]:
        count = counts[i] + counts[j]
        gap = means[i] - means[j]
        return count, squares[i] + squares[j] + counts[i] * counts[j] / count * gap * gap, gap

    def term(count: float, square: float) -> float:
        return count * (log(square + floor) - log(count))

    def cost(i: int, j: int) -> float:
        count, square, _ = union(i, j)
        if model == "E":
            return square - squares[i] - squares[j]
        return term(count, square) - term(counts[i], squares[i]) - term(counts[j], squares[j])

    heap = [(cost(i, i + 1), i, i + 1, 0, 0) for i in range(n - 1)]
    heapq.heapify(heap)
    merges = []
    while heap:
        _, i, j, version_i, version_j = heapq.heappop(heap)
        if version_i != version[i] or version_j != version[j]:
            continue
        count, square, gap = union(i, j)
        means[i] -= gap * counts[j] / count
        counts[i], squares[i] = count, square
        version[i] += 1
        version[j] = -1
        after[i] = after[j]
        if after[i] < n:
            before[after[i]] = i
            heapq.heappush(heap, (cost(i, after[i]), i, after[i], version[i], version[after[i]]))
        if before[i] >= 0:
            heapq.heappush(heap, (cost(before[i], i), before[i], i, version[before[i]], version[i]))
        merges.append((i, j))
    return np.array(merges, dtype=np.intp).reshape(-1, 2)
