"""Orientation of covariances: matrices from variances along axes, and axes common to all components.

With common axes D (orthogonal, in columns) and variances aₖⱼ of component k along axis j, the M-step
minimises the deviance

    f(D, a) = Σₖ Σⱼ [ nₖ log aₖⱼ + dⱼᵀ Wₖ dⱼ / aₖⱼ ]                                               (1)

over both, with nₖ the observations and Wₖ the scatter matrix of component k. It alternates between the two
[1]_. Given the variances, rotating axes d₁ and d₂ in their plane changes (1) only by

    Σₖ (1 / aₖ₁ − 1 / aₖ₂) d₁ᵀ Wₖ d₁                                                               (2)

because d₁ᵀ Wₖ d₁ + d₂ᵀ Wₖ d₂ is constant; so the best d₁ is the eigenvector with the smallest eigenvalue of
the 2 × 2 matrix B = Σₖ (1 / aₖ₁ − 1 / aₖ₂) Wₖ restricted to the plane, which is at the angle

    θ = ½ atan2(−2 B₁₂, B₂₂ − B₁₁)                                                                 (3)

to the present d₁. The sweep over all pairs of axes is a Jacobi method; [2]_ minimises (1) by
majorisation-minimisation instead.

References
----------
.. [1] Flury BN, Gautschi W (1986). An algorithm for simultaneous orthogonal transformation of several
   positive definite symmetric matrices to nearly diagonal form. SIAM J Sci Stat Comput 7:169-184.
.. [2] Browne RP, McNicholas PD (2014). Estimating common principal components in high dimensions. Adv Data
   Anal Classif 8:217-226.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from mriseg.mixture.constants import (
    MAX_FURTHER_ROTATION_SWEEPS,
    MAX_ROTATION_SWEEPS,
    ROTATION_TOLERANCE,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from mriseg.mixture.parameters import FloatArray


def from_axes(variances: FloatArray, axes: FloatArray) -> FloatArray:
    """Return the symmetric matrices with given variances along given axes, D diag(a) Dᵀ.

    Parameters
    ----------
    variances : ndarray, shape (..., D)
        Eigenvalues.
    axes : ndarray, shape (..., D, D)
        Orthonormal axes in columns.

    Returns
    -------
    ndarray of float64, shape (..., D, D)
    """
    return np.asarray((axes * variances[..., None, :]) @ np.swapaxes(axes, -1, -2))


def variances_along(matrices: FloatArray, axes: FloatArray) -> FloatArray:
    """Return the variances of matrices along common axes, diag(Dᵀ Mₖ D).

    Parameters
    ----------
    matrices : ndarray, shape (K, D, D)
        Symmetric matrices.
    axes : ndarray, shape (D, D)
        Orthonormal axes in columns.

    Returns
    -------
    ndarray of float64, shape (K, D)
    """
    return np.asarray(np.einsum("dj,kde,ej->kj", axes, matrices, axes))


def common_axes(
    counts: FloatArray,
    scatter: FloatArray,
    estimate_variances: Callable[[FloatArray, FloatArray], FloatArray],
    previous: FloatArray | None,
) -> FloatArray:
    """Return the M-step estimate of the common axes under models EVE and VVE.

    Parameters
    ----------
    counts : ndarray, shape (K,)
        Observations of each component.
    scatter : ndarray, shape (K, D, D)
        Scatter matrices (sums of squares and products about the means).
    estimate_variances : callable
        The model's estimate of the variances, shape (K, D), given counts, shape (K,), and the sums of squares
        along the axes, shape (K, D).
    previous : ndarray, shape (K, D, D), or None
        Covariances with common axes at which the iteration starts; None starts at the pooled scatter matrix.

    Returns
    -------
    ndarray of float64, shape (D, D)
        Orthonormal axes in columns.

    Notes
    -----
    Equations (1) to (3) of the module docstring, after Flury and Gautschi (1986). Both alternating steps
    decrease the deviance.
    """
    axes = np.linalg.eigh(scatter.sum(axis=0) if previous is None else _generic_combination(previous))[1]
    rotated_scatter = axes.T @ scatter @ axes
    lowest = np.inf
    for _ in range(MAX_ROTATION_SWEEPS if previous is None else MAX_FURTHER_ROTATION_SWEEPS):
        variances = estimate_variances(counts, np.diagonal(rotated_scatter, axis1=1, axis2=2))
        # (1) without its second term, which is constant at the estimated variances unless one is at the
        # floor.
        deviance = float(counts @ np.log(variances).sum(axis=1))
        if lowest - deviance <= ROTATION_TOLERANCE * (abs(deviance) + counts.sum()):
            break
        lowest = deviance
        for first, second in combinations(range(len(axes)), 2):
            _rotate_pair(axes, rotated_scatter, variances, first, second)
    return axes


def _generic_combination(covariances: FloatArray) -> FloatArray:
    """Return a linear combination of matrices with common axes that has the same axes, well separated.

    The irrational coefficients make it improbable that two axes get equal eigenvalues, which would leave the
    eigenvectors undetermined.
    """
    coefficients = 1 / (np.sqrt(2) + np.arange(len(covariances)))
    return np.tensordot(coefficients, covariances, axes=1)


def _rotate_pair(
    axes: FloatArray, rotated_scatter: FloatArray, variances: FloatArray, first: int, second: int
) -> None:
    """Rotate two axes in their plane by the angle that minimises (2), in place."""
    precision_differences = 1 / variances[:, first] - 1 / variances[:, second]
    b11, b12, b22 = (
        precision_differences @ rotated_scatter[:, i, j]
        for i, j in ((first, first), (first, second), (second, second))
    )
    angle = 0.5 * np.arctan2(-2 * b12, b22 - b11)  # (3)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    pair = [first, second]
    axes[:, pair] = axes[:, pair] @ rotation
    rotated_scatter[:, :, pair] = rotated_scatter[:, :, pair] @ rotation
    rotated_scatter[:, pair, :] = rotation.T @ rotated_scatter[:, pair, :]
