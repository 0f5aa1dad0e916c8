"""The smallest variances that a fit admits, and the components that rest on them.

Sums over observations in floating point leave noise in a covariance, so that a variance below it says
nothing, and a component of one repeated point would raise the likelihood without bound. Every covariance Σ
therefore has

    Σ − F positive semidefinite,  F = diag(f₁, …, f_D)                                             (1)

and the M-step is the maximum under (1), so that the objective of EM never decreases. scikit-learn adds its
``reg_covar`` to the diagonal instead, which keeps (1) with F = ``reg_covar`` × I but moves every covariance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mriseg.mixture.constants import FLOOR_TOLERANCE, VARIANCE_ROUNDING
from mriseg.mixture.orientation import from_axes
from mriseg.mixture.parameters import outer
from mriseg.mixture.validation import check_not_negative

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

    from mriseg.mixture.parameters import FloatArray, Standardization


def variance_floor(reg_covar: float | None, standardization: Standardization, dtype: DTypeLike) -> FloatArray:
    """Return the smallest variances F of (1) for standardized data.

    Parameters
    ----------
    reg_covar : float or None
        In squared units of the data; None stands for the level of rounding, a fraction of the variance of the
        data.
    standardization : Standardization
        Of the data.
    dtype : dtype
        In which the sums are taken.

    Returns
    -------
    ndarray of float64, shape (D,)

    Raises
    ------
    MixtureError
        If ``reg_covar`` is no finite number of 0 or more.
    """
    dimensions = len(standardization.scale)
    if reg_covar is None:
        return np.full(dimensions, VARIANCE_ROUNDING * dimensions * float(np.finfo(dtype).eps))
    check_not_negative("reg_covar", reg_covar)
    return np.asarray(reg_covar / standardization.scale**2)


def above_floor(covariances: FloatArray, floor: FloatArray) -> FloatArray:
    """Return the covariances that are nearest to given ones, in likelihood, under (1).

    Parameters
    ----------
    covariances : ndarray, shape (K, D, D) or (K, D)
        Covariance matrices, or variances, that are the maximum without (1).
    floor : ndarray, shape (D,)
        F of (1).

    Returns
    -------
    ndarray of float64 like ``covariances``
        Themselves where none is below.
    """
    if not floor.min() > 0:
        return covariances
    if covariances.ndim == 2:
        return np.maximum(covariances, floor)
    units = outer(np.sqrt(floor))
    eigenvalues, axes = np.linalg.eigh(covariances / units)
    if eigenvalues.min() >= 1:
        return covariances
    return np.asarray(from_axes(np.maximum(eigenvalues, 1), axes) * units)


def at_floor(covariances: FloatArray, floor: FloatArray | float) -> NDArray[np.bool_]:
    """Return which components have a variance at the floor along some axis.

    Parameters
    ----------
    covariances : ndarray, shape (K, D, D) or (K, D)
        Covariance matrices, or variances, of standardized data.
    floor : float or ndarray, shape (D,)
        F of (1); one number where it is the same for all columns.

    Returns
    -------
    ndarray of bool, shape (K,)
    """
    floor = np.broadcast_to(floor, covariances.shape[-1:])
    if covariances.ndim == 2:
        return np.asarray((covariances <= floor * (1 + FLOOR_TOLERANCE)).any(axis=1))
    if not floor.min() > 0:
        return np.zeros(len(covariances), dtype=bool)
    # In units of the floors, whose own rounding is that of the largest eigenvalue.
    eigenvalues = np.linalg.eigvalsh(covariances / outer(np.sqrt(floor)))
    rounding = covariances.shape[1] * np.finfo(float).eps * eigenvalues[:, -1]
    return np.asarray(eigenvalues[:, 0] <= 1 + FLOOR_TOLERANCE + rounding)


def min_variance(covariances: FloatArray) -> FloatArray:
    """Return the smallest variance of each component along any axis.

    Parameters
    ----------
    covariances : ndarray, shape (K, D, D) or (K, D)
        Covariance matrices, or variances.

    Returns
    -------
    ndarray of float64, shape (K,)
    """
    variances = np.linalg.eigvalsh(covariances) if covariances.ndim > 2 else covariances
    return np.asarray(variances.min(axis=1))
