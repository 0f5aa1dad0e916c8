"""Potts Markov random field over the labels, solved by the mean-field approximation.

With p_ik the posterior of tissue k in voxel i from the intensities alone, beta the strength of the field and
w_ij the weights of the six neighbours j, inverse to their distance in mm and summing to 1, the mean field q
is the fixed point [1]_ of

    q_ik = p_ik exp(beta sum_j w_ij q_jk) / sum_l p_il exp(beta sum_j w_ij q_jl)                  (1)

All voxels are updated together, a fixed number of times. By the weights, voxels of thick slices depend on
their own plane more than on the next.

References
----------
.. [1] Zhang J (1992). The mean field theory in EM procedures for Markov random fields. IEEE Trans Signal
   Process 40:2570-2583.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from mriseg._utils.parallel import parallel_chunks
from mriseg.images.voxels import bounding_box
from mriseg.model.constants import (
    MAX_STRENGTH,
    MEAN_FIELD_ITERATIONS,
    MIN_POSTERIOR,
    MIN_STRENGTH,
    UNIT_STRENGTH,
)
from mriseg.model.separation import separations

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.floating]

_PART = 1 << 15  # voxels at a time, so that their data stay in the cache of the processor


def neighbour_strength(centres: Floats, covariances: Floats) -> float:
    """Return the strength of the field: inverse to the square of the contrast-to-noise ratio, bounded.

    Parameters
    ----------
    centres : ndarray of float64, shape (K, D)
        Means of the components of the mixture in all channels, at least two.
    covariances : ndarray of float64, shape (K, D, D)

    Returns
    -------
    float
        beta of (1): log odds of a tissue whose posterior is 1 in all neighbours.

    >>> neighbour_strength(np.array([[40.0], [100], [140]]), np.full((3, 1, 1), 100.0))
    1.875
    """
    apart = separations(centres, covariances)
    contrast_to_noise = float(apart[~np.eye(len(apart), dtype=bool)].min())
    strength = UNIT_STRENGTH / max(contrast_to_noise, 1e-6) ** 2
    return float(np.clip(strength, MIN_STRENGTH, MAX_STRENGTH))


def regularise(
    posteriors: NDArray[np.float32], mask: NDArray[np.bool_], zooms: Floats, strength: float
) -> NDArray[np.float32]:
    """Update posteriors by a mean-field Potts Markov random field.

    Parameters
    ----------
    posteriors : ndarray of float32, shape (N, K)
        From intensities alone, in the order of the voxels in the mask; rows sum to 1.
    mask : ndarray of bool, shape (X, Y, Z)
        The brain, N voxels.
    zooms : ndarray of float64, shape (3,)
        Voxel size, mm.
    strength : float
        beta of (1); 0 changes nothing.

    Returns
    -------
    ndarray of float32, shape (N, K)
        Rows sum to 1.
    """
    inner = np.pad(mask[bounding_box(mask)], 1)
    field = np.zeros(inner.size, dtype=np.float32)
    places = np.flatnonzero(inner)
    # Distances of neighbours in `places`, which is in C order whatever the memory layout of the mask.
    steps = (inner.shape[1] * inner.shape[2], inner.shape[2], 1)
    weights = np.float32(strength) * neighbour_weights(zooms)
    evidence = np.maximum(posteriors.T, np.float32(MIN_POSTERIOR))
    np.log(evidence, out=evidence)
    current = posteriors.T.copy()

    def update(tissue: int, part: slice) -> None:  # the numerator of (1), its logarithm
        log_odds, here = current[tissue, part], places[part]
        log_odds[...] = evidence[tissue, part]
        for step, weight in zip(steps, weights, strict=True):
            beside = field.take(here - step)
            beside += field.take(here + step)
            beside *= weight
            log_odds += beside

    def normalise(part: slice) -> None:
        _normalise(current[:, part])

    for _ in range(MEAN_FIELD_ITERATIONS):
        for tissue, shares in enumerate(current):
            field[places] = shares
            parallel_chunks(partial(update, tissue), len(places), _PART)
        parallel_chunks(normalise, len(places), _PART)
    return current.T


def neighbour_weights(zooms: Floats) -> NDArray[np.float32]:
    """Return the weight of each of the two neighbours along each axis.

    >>> neighbour_weights(np.array([1.0, 1.0, 2.0])).tolist()
    [0.20000000298023224, 0.20000000298023224, 0.10000000149011612]
    """
    closeness = 1 / np.asarray(zooms, dtype=np.float64)
    return np.asarray(closeness / (2 * closeness.sum()), dtype=np.float32)


def _normalise(log_odds: NDArray[np.float32]) -> None:
    """Replace log odds (K, N) by their softmax over the K."""
    log_odds -= log_odds.max(axis=0)
    np.exp(log_odds, out=log_odds)
    log_odds /= log_odds.sum(axis=0)
