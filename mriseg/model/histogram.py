"""Histograms of intensities, and tables of functions of intensity.

Mixtures are fitted to about a thousand weighted values instead of a million voxels; functions of one
intensity are evaluated on a table and looked up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mriseg.model.constants import HISTOGRAM_BINS, JOINT_CELLS, LOOKUP_LEVELS, SCALE_STEPS, TAIL_PERCENTILE

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


def intensity_histogram(
    intensities: NDArray[np.float32],
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Return the mean and the number of the intensities in each of equal bins.

    Means rather than bin centres, which would alias integer data. The brightest and
    darkest 0.05 % (vessels, remnants of fat) are clipped, so that they do not widen the bins.

    Parameters
    ----------
    intensities : ndarray of float32, shape (N,)

    Returns
    -------
    values : ndarray of float64, shape (B,)
        Mean intensity of each bin that is not empty, rising; B is 1024 at the most.
    counts : ndarray of float64, shape (B,)
        Number of voxels in each bin.
    """
    values, bins = binned(intensities, HISTOGRAM_BINS)
    return values, np.bincount(bins).astype(np.float64)


def binned(intensities: NDArray[np.float32], n_bins: int) -> tuple[NDArray[np.floating], NDArray[np.intp]]:
    """Divide intensities into equal bins, as `intensity_histogram` does.

    Parameters
    ----------
    intensities : ndarray of float32, shape (N,)
    n_bins : int
        Number of bins.

    Returns
    -------
    values : ndarray of float64, shape (B,)
        Mean intensity of each bin that is not empty, rising.
    bins : ndarray of int, shape (N,)
        Bin of each intensity, 0 to B - 1.
    """
    low, high = np.percentile(intensities, (TAIL_PERCENTILE, 100 - TAIL_PERCENTILE))
    clipped = np.clip(intensities, low, high).astype(np.float64)
    scale = n_bins / (high - low) if high > low else 0.0
    bins = np.minimum((clipped - low) * scale, n_bins - 1).astype(np.intp)
    counts = np.bincount(bins, minlength=n_bins)
    sums = np.bincount(bins, weights=clipped, minlength=n_bins)
    filled = counts > 0
    return sums[filled] / counts[filled], (np.cumsum(filled) - 1)[bins]


def joint_histogram(
    intensities: NDArray[np.float32],
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Return mean intensities and voxel counts of the cells of a joint histogram.

    Parameters
    ----------
    intensities : ndarray of float32, shape (N, D)

    Returns
    -------
    cells : ndarray of float64, shape (B, D)
        Mean intensities of each cell that is not empty, in a fixed order.
    counts : ndarray of float64, shape (B,)
        Number of voxels in each cell.
    """
    cells, number = jointly_binned(intensities, JOINT_CELLS)
    return cells, np.bincount(number).astype(np.float64)


def jointly_binned(
    intensities: NDArray[np.float32], max_cells: int
) -> tuple[NDArray[np.floating], NDArray[np.intp]]:
    """Divide intensities of several channels into the cells of a grid.

    Parameters
    ----------
    intensities : ndarray of float32, shape (N, D)
    max_cells : int
        Cells at the most; at least 8 bins a channel.

    Returns
    -------
    cells : ndarray of float64, shape (B, D)
        Mean intensities of each cell that is not empty, in a fixed order.
    numbers : ndarray of int, shape (N,)
        Cell of each voxel, 0 to B - 1.
    """
    bins = max(8, round(max_cells ** (1 / intensities.shape[1])))
    number = np.zeros(len(intensities), dtype=np.intp)
    columns = []
    for channel in intensities.T:
        low, high = np.percentile(channel, (TAIL_PERCENTILE, 100 - TAIL_PERCENTILE))
        columns.append(np.clip(channel, low, high))
        scale = bins / (high - low) if high > low else 0.0
        number *= bins
        number += np.minimum((columns[-1] - low) * scale, bins - 1).astype(np.intp)
    filled = np.bincount(number, minlength=bins ** intensities.shape[1])
    number = (np.cumsum(filled > 0) - 1)[number]
    counts = filled[filled > 0]
    means = [np.bincount(number, weights=column) / counts for column in columns]
    return np.stack(means, axis=1), number


def best_scale(
    likelihood: Callable[[float], float],
    brightest: float,
    values: NDArray[np.floating],
    counts: NDArray[np.floating],
) -> float:
    """Return the factor on the intensities of a mixture with the highest likelihood of a histogram.

    Parameters
    ----------
    likelihood : callable
        Log-likelihood of the histogram under the mixture times a factor.
    brightest : float
        The highest mean of the mixture.
    values, counts : ndarray of float64, shape (B,)
        Intensities, rising, and how many voxels have each.

    Returns
    -------
    float
        The best of `SCALE_STEPS` factors, spaced geometrically, that map the highest mean between the darkest
        percent and 1.5 times the 99.5th percentile.
    """
    low, high = np.interp((0.01, 0.995), np.cumsum(counts) / counts.sum(), values)
    scales = np.geomspace(max(low, high / 50), 1.5 * high, SCALE_STEPS) / brightest
    return float(scales[int(np.argmax([likelihood(scale) for scale in scales.tolist()]))])


def lookup_by_intensity(
    function: Callable[[NDArray[np.floating]], NDArray[np.floating]],
    values: NDArray[np.floating],
    intensities: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Evaluate a smooth function of intensity by nearest look-up in an equidistant table.

    Parameters
    ----------
    function : callable
        Of intensities, shape (L,); returns shape (L, K).
    values : ndarray of float64, shape (B,)
        Of the histogram, rising: the first and the last bound the table.
    intensities : ndarray of float32, shape (N,)
        Clipped to the range of the table.

    Returns
    -------
    ndarray of float32, shape (N, K)
        Column by column in memory, so that work along the K goes over whole columns.

    >>> halves = lambda x: x[:, None] / 2
    >>> lookup_by_intensity(halves, np.array([0.0, 4095.0]), np.float32([8, 9000])).ravel().tolist()
    [4.0, 2047.5]
    """
    low, high = np.float32(values[0]), np.float32(values[-1])
    table = function(np.linspace(low, high, LOOKUP_LEVELS)).astype(np.float32)
    return np.take(table.T.copy(), nearest_levels(intensities, low, high), axis=1).T


def nearest_levels(intensities: NDArray[np.float32], low: np.float32, high: np.float32) -> NDArray[np.intp]:
    """Return the nearest of `LOOKUP_LEVELS` equidistant levels from low to high, by number, shape (N,)."""
    places = intensities - low
    places *= np.float32((LOOKUP_LEVELS - 1) / (high - low)) if high > low else np.float32(0)
    places += np.float32(0.5)
    np.clip(places, 0, LOOKUP_LEVELS - 1, out=places)
    return places.astype(np.intp)
