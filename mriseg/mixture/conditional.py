"""Some dimensions of a mixture: alone, or given the others (Gaussian mixture regression)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mriseg.errors import MixtureError
from mriseg.mixture.expectation import coefficients, features, normalise
from mriseg.mixture.parameters import Parameters, Standardization, outer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mriseg.mixture.parameters import FloatArray, IntArray


def marginal(parameters: Parameters, dimensions: Sequence[int]) -> Parameters:
    """Return the mixture of some dimensions, in the order given.

    Raises
    ------
    MixtureError
        If there is no such dimension, or one is named twice.
    """
    kept, _ = _split(parameters, dimensions)
    covariances = parameters.matrices[:, kept[:, None], kept]
    return Parameters(parameters.weights, parameters.means[:, kept], covariances)


def condition(parameters: Parameters, dimensions: Sequence[int], values: FloatArray) -> Parameters:
    """Return the mixture of the other dimensions, in their order, given the values (G,) of some.

    Raises
    ------
    MixtureError
        As `marginal`; also if there are not as many values, or no other dimension.
    """
    given, free = _split(parameters, dimensions)
    values = np.asarray(values, dtype=float)
    if values.shape != (len(given),) or not len(free):
        raise MixtureError(f"{len(given)} dimensions are given {values.size} values; {len(free)} are left")
    weights, means, covariances = _given(parameters, given, free, values[None])
    return Parameters(weights[:, 0], means[:, 0], covariances)


def regress(
    parameters: Parameters, dimensions: Sequence[int], X: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return mean (N, F) and covariance (N, F, F) of the other dimensions given rows X (N, G) of some.

    Ghahramani and Jordan, NIPS 6, 1994.

    Raises
    ------
    MixtureError
        As `condition`.
    """
    given, free = _split(parameters, dimensions)
    X = np.asarray(X, dtype=float)
    if X.ndim != 2 or X.shape[1] != len(given) or not len(free):
        raise MixtureError(f"data of shape {X.shape} for {len(given)} dimensions given, {len(free)} left")
    weights, means, covariances = _given(parameters, given, free, X)
    mean = np.einsum("kn,knf->nf", weights, means)
    within = np.einsum("kn,kfg->nfg", weights, covariances)
    return mean, within + np.einsum("kn,knfg->nfg", weights, outer(means - mean))


def _given(
    parameters: Parameters, given: IntArray, free: IntArray, X: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return weights (K, N), means (K, N, F) and covariances (K, F, F) given rows (N, G)."""
    known = marginal(parameters, given.tolist())
    standardization = Standardization.spanned_by(known)
    joint = coefficients(standardization.enter_parameters(known)) @ features(
        standardization.enter(X), diagonal=False
    )
    normalise(joint)
    matrices = parameters.matrices
    across = matrices[:, free[:, None], given]
    slopes = np.swapaxes(np.linalg.solve(known.covariances, np.swapaxes(across, 1, 2)), 1, 2)
    away = X - known.means[:, None]
    means = parameters.means[:, None, free] + away @ np.swapaxes(slopes, 1, 2)
    return joint, means, matrices[:, free[:, None], free] - slopes @ np.swapaxes(across, 1, 2)


def _split(parameters: Parameters, dimensions: Sequence[int]) -> tuple[IntArray, IntArray]:
    """Return the dimensions named, and the others."""
    total = parameters.means.shape[1]
    named = np.asarray(dimensions, dtype=np.intp).reshape(-1)
    if not len(named) or named.min() < 0 or named.max() >= total or len(set(named.tolist())) < len(named):
        raise MixtureError(f"dimensions {list(dimensions)} are not distinct ones of 0 to {total - 1}")
    return named, np.setdiff1d(np.arange(total), named)
