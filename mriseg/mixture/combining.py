"""Combining the components of a mixture to clusters, by entropy.

BIC selects as many Gaussians as the density needs, of which several may describe one cluster. With t_nk the
responsibilities of the components, the entropy of a clustering is

    −Σₙ wₙ Σₖ t_nk log t_nk                                                                        (1)

and the pair i, j of clusters is combined whose union lowers it most, by

    Σₙ wₙ [(t_ni + t_nj) log(t_ni + t_nj) − t_ni log t_ni − t_nj log t_nj]                         (2)

until one is left [1]_. The density stays the same. Where components overlap, the entropy falls steeply as
they are combined, and hardly where clusters are separate: the number of clusters is at the bend, here of

    a + b k + c max(k − k₀, 0)                                                                     (3)

fitted to the entropies of k clusters by least squares, two straight lines that meet at k₀.

References
----------
.. [1] Baudry J-P, Raftery AE, Celeux G, Lo K, Gottardo R (2010). Combining mixture components for clustering.
   J Comput Graph Stat 19:332-353.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mriseg.mixture.hierarchical import MergeTree
from mriseg.mixture.validation import row_weights

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from mriseg.mixture.estimator import Mixture
    from mriseg.mixture.parameters import FloatArray


@dataclass(frozen=True, eq=False)
class CombinedComponents:
    """Clusters of the components of a mixture.

    Attributes
    ----------
    mixture : Mixture
        The mixture, of K components.
    tree : MergeTree
        The order in which they are combined.
    entropies : ndarray of float64, shape (K,)
        Entropy (1) of the module docstring with 1 to K clusters.
    """

    mixture: Mixture
    tree: MergeTree
    entropies: FloatArray

    @property
    def elbow(self) -> int:
        """Number of clusters at the bend of the entropy, k₀ of (3); K where there are fewer than 3."""
        counts = np.arange(1.0, len(self.entropies) + 1)

        def misfit(bend: float) -> float:
            lines = np.stack([np.ones_like(counts), counts, np.maximum(counts - bend, 0)], axis=1)
            coefficients = np.linalg.lstsq(lines, self.entropies)[0]
            return float(np.square(self.entropies - lines @ coefficients).sum())

        return int(min(counts[1:-1], key=misfit, default=counts[-1]))

    def labels(self, n_clusters: int) -> NDArray[np.intp]:
        """Return the cluster of each component.

        Parameters
        ----------
        n_clusters : int
            Number of clusters, 1 to K.

        Returns
        -------
        ndarray of int, shape (K,)
            0 to n_clusters − 1, by the first component in each.
        """
        return self.tree.labels(n_clusters)

    def predict_proba(self, X: ArrayLike, n_clusters: int) -> FloatArray:
        """Return the probability of each cluster given each row: the sum of its responsibilities.

        Parameters
        ----------
        X : array-like, shape (N, D)
            Data.
        n_clusters : int
            Number of clusters, 1 to K.

        Returns
        -------
        ndarray, shape (N, n_clusters)
            Rows sum to one.
        """
        members = self.labels(n_clusters)[:, None] == np.arange(n_clusters)
        responsibilities = self.mixture.predict_proba(X)
        return np.asarray(responsibilities @ members.astype(responsibilities.dtype))

    def predict(self, X: ArrayLike, n_clusters: int) -> NDArray[np.intp]:
        """Return the most probable cluster of each row.

        Parameters
        ----------
        X : array-like, shape (N, D)
            Data.
        n_clusters : int
            Number of clusters, 1 to K.

        Returns
        -------
        ndarray of int, shape (N,)
        """
        return np.asarray(self.predict_proba(X, n_clusters).argmax(axis=1))


def combine_components(
    mixture: Mixture, X: ArrayLike, sample_weight: ArrayLike | None = None
) -> CombinedComponents:
    """Combine the components of a mixture step by step, to each number of clusters from K to 1.

    Parameters
    ----------
    mixture : Mixture
        Fitted; where it has a noise component, that is one of the K.
    X : array-like, shape (N, D)
        The data.
    sample_weight : array-like, shape (N,), optional
        Number of times each row was observed.

    Returns
    -------
    CombinedComponents

    Raises
    ------
    MixtureError
        If the data are unusable or the mixture is not fitted.

    Notes
    -----
    The N by K responsibilities are held at once, and all pairs are compared once: O(N K²).
    """
    shares = np.ascontiguousarray(mixture.predict_proba(X).T, dtype=float)
    return _combined(mixture, shares, row_weights(sample_weight, shares.shape[1]))


def _combined(mixture: Mixture, shares: FloatArray, weights: FloatArray) -> CombinedComponents:
    """Combine clusters of shares (K, N), which change in place."""
    n_components = len(shares)
    terms = _entropy_terms(shares, weights)
    falls = np.full((n_components, n_components), -np.inf)
    for i in range(n_components):
        falls[i, i + 1 :] = _falls(i, np.arange(i + 1, n_components), shares, terms, weights)
    merges, entropies, left = [], [-terms.sum()], np.ones(n_components, dtype=bool)
    while len(entropies) < n_components:
        kept, absorbed = map(int, np.unravel_index(falls.argmax(), falls.shape))
        merges.append((kept, absorbed))
        entropies.append(entropies[-1] - falls[kept, absorbed])
        shares[kept] += shares[absorbed]
        terms[kept] = _entropy_terms(shares[[kept]], weights)[0]
        left[absorbed] = False
        falls[absorbed] = falls[:, absorbed] = -np.inf
        others = np.flatnonzero(left & (np.arange(n_components) != kept))
        falls[np.minimum(kept, others), np.maximum(kept, others)] = _falls(
            kept, others, shares, terms, weights
        )
    tree = MergeTree(np.array(merges, dtype=np.intp).reshape(-1, 2), np.arange(n_components))
    # Rounding must not leave a negative entropy.
    return CombinedComponents(mixture, tree, np.maximum(entropies[::-1], 0) + 0.0)


def _falls(
    i: int, others: NDArray[np.intp], shares: FloatArray, terms: FloatArray, weights: FloatArray
) -> FloatArray:
    """Return the fall (2) of the entropy where cluster i is combined with each of others."""
    unions = [_entropy_terms(shares[[i]] + shares[[j]], weights)[0] for j in others]
    return np.asarray(np.array(unions) - terms[i] - terms[others])


def _entropy_terms(shares: FloatArray, weights: FloatArray) -> FloatArray:
    """Return Σₙ wₙ t log t of each cluster, 0 log 0 being 0."""
    from scipy.special import xlogy

    return np.asarray(xlogy(shares, shares) @ weights)
