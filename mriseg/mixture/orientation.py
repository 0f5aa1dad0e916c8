"""Axes of covariances: along them, back from them, and common to all components."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from mriseg.mixture.parameters import FloatArray

SWEEPS = 200
TOLERANCE = 1e-13


def rotated(variances: FloatArray, axes: FloatArray) -> FloatArray:
    """Return the matrices (..., D, D) that have these variances (..., D) along the columns of ``axes``."""
    return np.asarray((axes * variances[..., None, :]) @ np.swapaxes(axes, -1, -2))


def along(matrices: FloatArray, axes: FloatArray) -> FloatArray:
    """Return the variances (K, D) of matrices (K, D, D) along the columns of ``axes`` (D, D)."""
    return np.asarray(np.einsum("dj,kde,ej->kj", axes, matrices, axes))


def common_axes(
    counts: FloatArray,
    scatter: FloatArray,
    rule: Callable[[FloatArray, FloatArray], FloatArray],
    previous: FloatArray | None,
) -> FloatArray:
    """Find the axes (D, D) that serve all components best: EVE and VVE.

    Flury and Gautschi (SIAM J. Sci. Stat. Comput. 7, 1986) diagonalise several matrices by plane rotations.
    With the variances held, the best rotation of a pair of axes is the eigenvector of one 2 × 2 matrix; with
    the axes held, the best variances are the model's ``rule``. Both steps raise the likelihood.

    Parameters
    ----------
    counts : array (K,)
        Observations of each component.
    scatter : array (K, D, D)
        Their sums of squares.
    rule : callable
        Turns counts (K,) and sums of squares along axes (K, D) into variances (K, D).
    previous : array (K, D, D) or None
        Covariances that share axes, where the search begins; None begins at the pooled scatter.

    Returns
    -------
    array (D, D)
        Orthogonal; axes in columns.
    """
    axes = np.linalg.eigh(scatter.sum(axis=0) if previous is None else _told_apart(previous))[1]
    turned = axes.T @ scatter @ axes
    best = np.inf
    for _ in range(SWEEPS):
        variances = rule(counts, np.diagonal(turned, axis1=1, axis2=2))
        deviance = float(counts @ np.log(variances).sum(axis=1))
        if best - deviance <= TOLERANCE * (abs(deviance) + counts.sum()):
            break
        best = deviance
        for first in range(len(axes)):
            for second in range(first + 1, len(axes)):
                _turn(axes, turned, variances, first, second)
    return axes


def _told_apart(covariances: FloatArray) -> FloatArray:
    """Mix covariances that share axes so that no two axes get the same variance by accident."""
    shares = 1 / (np.sqrt(2) + np.arange(len(covariances)))
    return np.tensordot(shares, covariances, axes=1)


def _turn(axes: FloatArray, turned: FloatArray, variances: FloatArray, first: int, second: int) -> None:
    """Rotate two axes, and the matrices seen along them, to the best angle, in place."""
    pull = 1 / variances[:, first] - 1 / variances[:, second]
    a, b, d = (pull @ turned[:, i, j] for i, j in ((first, first), (first, second), (second, second)))
    angle = 0.5 * np.arctan2(-2 * b, d - a)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    pair = [first, second]
    axes[:, pair] = axes[:, pair] @ rotation
    turned[:, :, pair] = turned[:, :, pair] @ rotation
    turned[:, pair, :] = rotation.T @ turned[:, pair, :]
