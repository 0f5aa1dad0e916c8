"""Clutter among clusters, by nearest neighbours.

A point is clutter if the distance to its k-th nearest neighbour is more probable under the thinner of two
Poisson processes, clutter and clusters. The volume v of the ball of that radius has a gamma density of shape
k and the rate λ of the process, λᵏ vᵏ⁻¹ exp(−λ v) / (k − 1)!; EM estimates the two rates and shares [1]_.

References
----------
.. [1] Byers S, Raftery AE (1998). Nearest-neighbor clutter removal for estimating features in spatial point
   processes. J Am Stat Assoc 93:577-584.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit

from mriseg.mixture.constants import CLUTTER_ITERATIONS, CLUTTER_NEIGHBOUR, MAX_RANGE
from mriseg.mixture.parameters import Standardization

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mriseg.mixture.parameters import FloatArray


def clutter(X: FloatArray) -> NDArray[np.bool_]:
    """Return which points are clutter rather than in clusters, by nearest neighbours.

    Parameters
    ----------
    X : ndarray, shape (N, D)
        Data.

    Returns
    -------
    ndarray of bool, shape (N,)
        None where one process suffices, or the neighbours of every point are repetitions of it.

    Notes
    -----
    The method of Byers and Raftery in the module docstring, on columns of variance one.
    """
    from scipy.spatial import cKDTree  # takes longer to import than most fits take

    points = Standardization.from_data(X, None, per_column=True).transform(X)
    neighbour = min(CLUTTER_NEIGHBOUR, len(X) - 1)
    distances = cKDTree(points).query(points, neighbour + 1)[0][:, -1]
    if not distances.max() > 0:
        return np.zeros(len(X), dtype=bool)
    # Repeated points have no volume; the rate of what is smaller than this would not be a double.
    volumes = np.maximum((distances / distances.max()) ** X.shape[1], 1 / MAX_RANGE)
    clutter_share = (volumes > np.median(volumes)).astype(float)
    for _ in range(CLUTTER_ITERATIONS):
        partition = np.stack([clutter_share, 1 - clutter_share])
        counts = partition.sum(axis=1)
        if counts.min() < 1:  # not a point is left to one of the two
            break
        rates = neighbour * counts / (partition @ volumes)
        log_joint = np.log(counts) + neighbour * np.log(rates) - np.outer(volumes, rates)
        clutter_share = expit(log_joint[:, 0] - log_joint[:, 1])
    found = clutter_share > 0.5
    return np.asarray(found & ~found.all())
