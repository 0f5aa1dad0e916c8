"""Mahalanobis distances between the classes of a mixture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def separations(centres: NDArray[np.floating], covariances: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return Mahalanobis distances between classes.

    Parameters
    ----------
    centres : ndarray of float64, shape (K, D)
        Means in all channels.
    covariances : ndarray of float64, shape (K, D, D)

    Returns
    -------
    ndarray of float64, shape (K, K)
        Mahalanobis distances by the mean covariance of the two classes.
    """
    differences = centres[:, None] - centres[None]
    between = (covariances[:, None] + covariances[None]) / 2
    solved = np.linalg.solve(between, differences[..., None])[..., 0]
    return np.asarray(np.sqrt(np.maximum((differences * solved).sum(axis=-1), 0)))
