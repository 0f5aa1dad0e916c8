"""Growing a mixture by splitting its components.

From one Gaussian, the heaviest components are split in two and EM is run, until there are as many as asked
for: 1, 2, 4, … ([1]_; for mixtures [2]_). The halves have half of the weight, the same covariance, and for
means those of the halves of a Gaussian that is cut across its longest axis v,

    μₖ ± √(2 λ / π) v                                                                              (1)

with λ the variance along v: the first principal axis of the data in the component, of columns of variance
one, so that units do not decide and diagonal models see the correlation that they leave out.

References
----------
.. [1] Linde Y, Buzo A, Gray RM (1980). An algorithm for vector quantizer design. IEEE Trans Commun 28:84-95.
.. [2] Young S et al. (2006). The HTK Book, version 3.4, section 10.6. Cambridge University.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mriseg.mixture.adaptation import baum_welch_statistics
from mriseg.mixture.diagnostics import report_fit, unwarned
from mriseg.mixture.gaussian import GaussianMixture
from mriseg.mixture.parameters import Parameters, Standardization, outer
from mriseg.mixture.validation import check_data, check_sample_weight

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from mriseg.mixture.parameters import FloatArray, IntArray


def split(parameters: Parameters, components: IntArray, axes: FloatArray) -> Parameters:
    """Return a mixture with some components split in two, (1) of the module docstring.

    Parameters
    ----------
    parameters : Parameters
        A mixture of K components.
    components : ndarray of int, shape (M,)
        Those to split.
    axes : ndarray, shape (K, D)
        Longest axis of each component, as long as the standard deviation along it.

    Returns
    -------
    parameters : Parameters
        A mixture of K + M components: the first halves in place of the old ones, then the second halves.
    """
    weights, means = parameters.weights.copy(), parameters.means.copy()
    weights[components] /= 2
    shifts = np.sqrt(2 / np.pi) * axes[components]
    means[components] -= shifts
    return Parameters(
        np.concatenate([weights, weights[components]]),
        np.concatenate([means, means[components] + 2 * shifts]),
        np.concatenate([parameters.covariances, parameters.covariances[components]]),
    )


def longest_axes(parameters: Parameters, X: FloatArray, sample_weight: FloatArray | None) -> FloatArray:
    """Return the first principal axis of the data in each component.

    Parameters
    ----------
    parameters : Parameters
        A mixture.
    X : ndarray, shape (N, D)
        The data; each row is in a component by its responsibility.
    sample_weight : ndarray, shape (N,), or None
        Number of times each row was observed.

    Returns
    -------
    ndarray of float64, shape (K, D)
        Each as long as the standard deviation along it.
    """
    scale = Standardization.from_data(X, sample_weight, per_column=True)
    # Whole matrices, whatever the model, so that the statistics hold the products of the columns too.
    whole = Parameters(parameters.weights, parameters.means, parameters.matrices)
    statistics = baum_welch_statistics(scale.transform_parameters(whole), scale.transform(X), sample_weight)
    counts = statistics.counts[:, None]
    scatter = statistics.second / counts[:, None] - outer(statistics.first / counts)
    variances, axes = np.linalg.eigh(scatter)
    return np.asarray(np.sqrt(np.maximum(variances[:, -1:], 0)) * axes[:, :, -1] * scale.scale)


def grow_by_splitting(
    X: ArrayLike, n_components: int, *, sample_weight: ArrayLike | None = None, **settings: Any
) -> GaussianMixture:
    """Return a mixture grown by splitting from one component, without random numbers.

    Parameters
    ----------
    X : array-like, shape (N, D)
        Observations.
    n_components : int
        Number of components to reach; no power of two is needed.
    sample_weight : array-like, shape (N,), optional
        Number of times each row was observed.
    **settings
        Further settings of `GaussianMixture`; with a small ``max_iter`` each stage runs that many iterations.

    Returns
    -------
    GaussianMixture

    Raises
    ------
    MixtureError
        As `GaussianMixture.fit`.
    """
    data = check_data(X)
    weights = check_sample_weight(sample_weight, len(data))
    with unwarned():  # stages on the way
        mixture = GaussianMixture(1, **settings).fit(X, sample_weight=weights)
        while (present := len(mixture.weights_)) < n_components:
            heaviest = np.argsort(-mixture.weights_, kind="stable")[: n_components - present]
            axes = longest_axes(mixture.parameters_, data, weights)
            start = split(mixture.parameters_, heaviest, axes)
            mixture = GaussianMixture(len(start.weights), **{**settings, "init": start})
            mixture.fit(X, sample_weight=weights)
    report_fit(mixture)
    return mixture
