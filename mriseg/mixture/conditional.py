"""Marginal and conditional mixtures, and Gaussian mixture regression.

With the dimensions split into given ones g and free ones f, component k given x_g has (Ghahramani and Jordan
1994 [1]_)

    weight       πₖ(x_g) ∝ πₖ N(x_g; μₖ_g, Σₖ_gg)                                                  (1)
    mean         μₖ_f + Σₖ_fg Σₖ_gg⁻¹ (x_g − μₖ_g)                                                 (2)
    covariance   Σₖ_ff − Σₖ_fg Σₖ_gg⁻¹ Σₖ_gf                                                       (3)

The moments of the conditional mixture are, by the laws of total expectation and covariance,

    mean         m = Σₖ πₖ(x_g) mₖ                                                                 (4)
    covariance   Σₖ πₖ(x_g) [Cₖ + (mₖ − m)(mₖ − m)ᵀ]                                               (5)

with mₖ of (2) and Cₖ of (3).

References
----------
.. [1] Ghahramani Z, Jordan MI (1994). Supervised learning from incomplete data via an EM approach. Advances
   in Neural Information Processing Systems 6:120-127.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mriseg.errors import MixtureError
from mriseg.mixture.expectation import softmax_in_place
from mriseg.mixture.log_joint import LogJoint
from mriseg.mixture.parameters import Parameters, outer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mriseg.mixture.parameters import FloatArray, IntArray


def marginal(parameters: Parameters, dimensions: Sequence[int]) -> Parameters:
    """Return the marginal mixture of some dimensions.

    Parameters
    ----------
    parameters : Parameters
        A mixture of D dimensions.
    dimensions : sequence of int, length G
        The dimensions to keep, in the order wanted.

    Returns
    -------
    parameters : Parameters
        A mixture of G dimensions.

    Raises
    ------
    MixtureError
        If there is no such dimension, or one is named twice.
    """
    kept, _ = _split(parameters, dimensions)
    covariances = parameters.matrices[:, kept[:, None], kept]
    return Parameters(parameters.weights, parameters.means[:, kept], covariances)


def condition(parameters: Parameters, dimensions: Sequence[int], values: FloatArray) -> Parameters:
    """Return the conditional mixture of the other dimensions given the values of some.

    Parameters
    ----------
    parameters : Parameters
        A mixture of D dimensions.
    dimensions : sequence of int, length G
        The given dimensions.
    values : ndarray, shape (G,)
        Their values.

    Returns
    -------
    parameters : Parameters
        A mixture of the other D − G dimensions, in their order.

    Raises
    ------
    MixtureError
        As `marginal`; also if there are not as many values, or no other dimension.
    """
    given, free = _split(parameters, dimensions)
    values = np.asarray(values, dtype=float)
    if values.shape != (len(given),) or not len(free):
        raise MixtureError(f"{len(given)} dimensions are given {values.size} values; {len(free)} are left")
    weights, means, covariances = _conditional_components(parameters, given, free, values[None])
    return Parameters(weights[:, 0], means[:, 0], covariances)


def regress(
    parameters: Parameters, dimensions: Sequence[int], X: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the conditional mean and covariance of the other dimensions given the values of some.

    Parameters
    ----------
    parameters : Parameters
        A mixture of D dimensions.
    dimensions : sequence of int, length G
        The given dimensions.
    X : ndarray, shape (N, G)
        Their values.

    Returns
    -------
    mean : ndarray of float64, shape (N, D − G)
        Conditional means (4) of the module docstring.
    covariance : ndarray of float64, shape (N, D − G, D − G)
        Conditional covariances (5).

    Raises
    ------
    MixtureError
        As `condition`.
    """
    given, free = _split(parameters, dimensions)
    X = np.asarray(X, dtype=float)
    if X.ndim != 2 or X.shape[1] != len(given) or not len(free):
        raise MixtureError(f"data of shape {X.shape} for {len(given)} dimensions given, {len(free)} left")
    weights, means, covariances = _conditional_components(parameters, given, free, X)
    mean = np.einsum("kn,knf->nf", weights, means)  # (4)
    within = np.einsum("kn,kfg->nfg", weights, covariances)
    return mean, within + np.einsum("kn,knfg->nfg", weights, outer(means - mean))  # (5)


def _conditional_components(
    parameters: Parameters, given: IntArray, free: IntArray, X: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return weights (1), (K, N), means (2), (K, N, F), and covariances (3), (K, F, F), given X (N, G)."""
    of_given = marginal(parameters, given.tolist())
    weights = LogJoint(of_given)(X)
    softmax_in_place(weights)  # (1)
    matrices = parameters.matrices
    cross = matrices[:, free[:, None], given]
    slopes = np.swapaxes(np.linalg.solve(of_given.covariances, np.swapaxes(cross, 1, 2)), 1, 2)
    deviations = X - of_given.means[:, None]
    means = parameters.means[:, None, free] + deviations @ np.swapaxes(slopes, 1, 2)  # (2)
    covariances = matrices[:, free[:, None], free] - slopes @ np.swapaxes(cross, 1, 2)  # (3)
    return weights, means, covariances


def _split(parameters: Parameters, dimensions: Sequence[int]) -> tuple[IntArray, IntArray]:
    """Return the given dimensions, checked, and the others."""
    total = parameters.means.shape[1]
    given = np.asarray(dimensions, dtype=np.intp).reshape(-1)
    if not len(given) or given.min() < 0 or given.max() >= total or len(set(given.tolist())) < len(given):
        raise MixtureError(f"dimensions {list(dimensions)} are not distinct ones of 0 to {total - 1}")
    return given, np.setdiff1d(np.arange(total), given)
