"""Density, distribution function and quantiles of a univariate mixture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mriseg.errors import MixtureError
from mriseg.mixture.constants import BISECTION_STEPS

if TYPE_CHECKING:
    from mriseg.mixture.parameters import FloatArray, Parameters


def pdf(parameters: Parameters, x: FloatArray) -> FloatArray:
    """Return the probability density.

    Parameters
    ----------
    parameters : Parameters
        A mixture of one dimension.
    x : ndarray, any shape
        Where to evaluate.

    Returns
    -------
    ndarray of float64
        In the shape of x.

    Raises
    ------
    MixtureError
        If the mixture has several dimensions.
    """
    weights, means, sds = _univariate(parameters)
    z = (np.asarray(x)[..., None] - means) / sds
    return np.asarray(np.exp(-0.5 * z**2) / (sds * np.sqrt(2 * np.pi)) @ weights)


def cdf(parameters: Parameters, x: FloatArray) -> FloatArray:
    """Return the cumulative distribution function.

    Parameters
    ----------
    parameters : Parameters
        A mixture of one dimension.
    x : ndarray, any shape
        Where to evaluate.

    Returns
    -------
    ndarray of float64
        In the shape of x.

    Raises
    ------
    MixtureError
        If the mixture has several dimensions.
    """
    from scipy.special import ndtr

    weights, means, sds = _univariate(parameters)
    return np.asarray(ndtr((np.asarray(x)[..., None] - means) / sds) @ weights)


def quantiles(parameters: Parameters, probabilities: FloatArray) -> FloatArray:
    """Return the quantiles by bisection of the cumulative distribution function.

    Parameters
    ----------
    parameters : Parameters
        A mixture of one dimension.
    probabilities : ndarray, any shape
        Probabilities between 0 and 1, exclusive.

    Returns
    -------
    ndarray of float64
        In the shape of the probabilities.

    Raises
    ------
    MixtureError
        If the mixture has several dimensions.
    """
    from scipy.special import ndtri

    _, means, sds = _univariate(parameters)
    probabilities = np.asarray(probabilities, dtype=float)
    # The quantile of a mixture lies between the smallest and the largest quantile of its components.
    component_quantiles = means + sds * ndtri(probabilities)[..., None]
    low, high = component_quantiles.min(axis=-1), component_quantiles.max(axis=-1)
    for _ in range(BISECTION_STEPS):
        midpoint = (low + high) / 2
        too_low = cdf(parameters, midpoint) < probabilities
        low, high = np.where(too_low, midpoint, low), np.where(too_low, high, midpoint)
    return np.asarray((low + high) / 2)


def _univariate(parameters: Parameters) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return weights, means and standard deviations, each of shape (K,)."""
    if parameters.means.shape[1] != 1:
        raise MixtureError(f"this needs a mixture of one dimension; it has {parameters.means.shape[1]}")
    sds = np.sqrt(parameters.covariances.reshape(-1))
    return parameters.weights, parameters.means[:, 0], sds
