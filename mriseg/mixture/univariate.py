"""Density, distribution function and quantiles of a mixture of one variable."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mriseg.errors import MixtureError

if TYPE_CHECKING:
    from mriseg.mixture.parameters import FloatArray, Parameters


def pdf(parameters: Parameters, x: FloatArray) -> FloatArray:
    """Return the density at x, of any shape.

    Raises
    ------
    MixtureError
        If the mixture has several dimensions; so for all functions here.
    """
    weights, means, deviations = _univariate(parameters)
    standard = (np.asarray(x)[..., None] - means) / deviations
    return np.asarray(np.exp(-0.5 * standard**2) / (deviations * np.sqrt(2 * np.pi)) @ weights)


def cdf(parameters: Parameters, x: FloatArray) -> FloatArray:
    """Return the probability of a value of at most x, of any shape."""
    from scipy.special import ndtr

    weights, means, deviations = _univariate(parameters)
    return np.asarray(ndtr((np.asarray(x)[..., None] - means) / deviations) @ weights)


def quantiles(parameters: Parameters, probabilities: FloatArray) -> FloatArray:
    """Return the values below which the mixture has these probabilities, by bisection."""
    from scipy.special import ndtri

    _, means, deviations = _univariate(parameters)
    probabilities = np.asarray(probabilities, dtype=float)
    each = means + deviations * ndtri(probabilities)[..., None]
    low, high = each.min(axis=-1), each.max(axis=-1)
    for _ in range(100):
        middle = (low + high) / 2
        less = cdf(parameters, middle) < probabilities
        low, high = np.where(less, middle, low), np.where(less, high, middle)
    return np.asarray((low + high) / 2)


def _univariate(parameters: Parameters) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return weights, means and standard deviations (K,)."""
    if parameters.means.shape[1] != 1:
        raise MixtureError(f"this needs a mixture of one dimension; it has {parameters.means.shape[1]}")
    deviations = np.sqrt(parameters.covariances.reshape(-1))
    return parameters.weights, parameters.means[:, 0], deviations
