"""Figures of the intensities of the tissues: signal, noise, contrast, smoothness, clipping, bias field.

Intensities are above that of air. Figures that cannot be computed are nan.

References
----------
.. [1] Esteban O et al. (2017). MRIQC: advancing the automatic prediction of image quality in MRI from unseen
   sites. PLoS ONE 12:e0184661.
.. [2] Magnotta VA, Friedman L (2006). Measurement of signal-to-noise and contrast-to-noise in the fBIRN
   multicenter imaging study. J Digit Imaging 19:140-147.
.. [3] Ganzetti M, Wenderoth N, Mantini D (2016). Intensity inhomogeneity correction of structural MR images:
   a data-driven approach to define input algorithm parameters. Front Neuroinform 10:10.
.. [4] Forman SD et al. (1995). Improved assessment of significant activation in functional magnetic resonance
   imaging. Magn Reson Med 33:636-647; the estimate of AFNI's 3dFWHMx without -acf.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mriseg.images.voxels import voxels_of
from mriseg.quality.air_figures import robust_sd, thinned
from mriseg.quality.constants import (
    CUT_MARGIN,
    CUT_PERCENTILES,
    MAX_ERODED_MM,
    MAX_FWHM_VOXELS,
    MIN_FIGURE_VOXELS,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.floating]
    Mask = NDArray[np.bool_]


class TissueLevel(NamedTuple):
    """Intensity of a tissue where it is sure: median, sd, sd by the median absolute deviation, voxels."""

    median: float
    sd: float
    robust_sd: float
    voxels: int


UNKNOWN = TissueLevel(np.nan, np.nan, np.nan, 0)


def neighbours(array: NDArray[Any], steps: Sequence[int], offset: Sequence[int]) -> NDArray[Any]:
    """Return the neighbours, at an offset of up to one voxel, of every so-manieth inner voxel.

    Parameters
    ----------
    array : ndarray, shape (X, Y, Z)
    steps, offset : sequence of int, length 3

    Returns
    -------
    ndarray, shape (U, V, W)
        A view.

    >>> neighbours(np.arange(27).reshape(3, 3, 3), (1, 1, 1), (0, 0, 1)).item()
    14
    """
    index = (
        slice(1 + shift, n - 1 + shift, step)
        for n, step, shift in zip(array.shape, steps, offset, strict=True)
    )
    return array[tuple(index)]


def interior(sure: NDArray[np.uint8], zooms: Floats, steps: Sequence[int]) -> NDArray[np.uint8]:
    """Return the sampled labels, 0 where a neighbour that shares a face or an edge has another.

    Parameters
    ----------
    sure : ndarray of uint8, shape (X, Y, Z)
        Labels of sure voxels; 0 elsewhere.
    zooms : ndarray of float64, shape (3,)
        Voxel size, mm. Large voxels have no interior: nothing is set to 0 there, as in MRIQC [1]_.
    steps : sequence of int, length 3

    Returns
    -------
    ndarray of uint8, shape (U, V, W)
    """
    centre = neighbours(sure, steps, (0, 0, 0))
    alike = np.ones(centre.shape, dtype=bool)
    if zooms.max() < MAX_ERODED_MM:
        for offset in product((-1, 0, 1), repeat=3):
            if 0 < np.count_nonzero(offset) < 3:
                alike &= neighbours(sure, steps, offset) == centre
    return np.where(alike, centre, np.uint8(0))


def tissue_level(values: Floats) -> TissueLevel:
    """Summarise the intensities of a tissue; unknown if there are fewer than some 20 voxels."""
    if len(values) < MIN_FIGURE_VOXELS:
        return UNKNOWN
    values = values.astype(np.float64)
    return TissueLevel(float(np.median(values)), float(values.std()), robust_sd(values), len(values))


def snr(level: TissueLevel) -> float:
    """Return the signal-to-noise ratio of a tissue: its median over its sd [1]_; nan without noise.

    >>> round(snr(TissueLevel(100.0, 5.0, 5.0, 10_000)), 2)
    20.0
    """
    if not level.sd > 0:
        return np.nan
    return level.median / (level.sd * float(np.sqrt(level.voxels / (level.voxels - 1))))


def cnr(white: TissueLevel, grey: TissueLevel, air_sd: float) -> float:
    """Return the contrast-to-noise ratio of WM and GM [1]_ [2]_; the noise of air that is not there is 0."""
    noise = float(np.sqrt(np.nan_to_num(air_sd) ** 2 + white.sd**2 + grey.sd**2))
    return abs(white.median - grey.median) / noise if noise > 0 else np.nan


def cjv(white: TissueLevel, grey: TissueLevel) -> float:
    """Return the coefficient of joint variation of WM and GM [1]_ [3]_; nan without contrast."""
    contrast = abs(white.median - grey.median)
    return (white.robust_sd + grey.robust_sd) / contrast if contrast > 0 else np.nan


def rpve(share: Floats) -> float:
    """Return the residual partial volume of a tissue by the formula that MRIQC documents [1]_.

    Parameters
    ----------
    share : ndarray, shape (N,)
        Posterior of the tissue in the voxels of the brain.

    Returns
    -------
    float
        Mean over the voxels with some of the tissue of p from 0.5 to its 98th percentile and of 1 - p from
        its 2nd percentile to 0.5; other voxels count as 0.

    >>> rpve(np.array([1.0, 1.0, 0.0]))
    1.0
    """
    some = share[share > 0].astype(np.float64)
    if not len(some):
        return np.nan
    low, high = np.percentile(some, (2, 98))
    kept = some[(some >= low) & (some <= high)]
    return float(np.maximum(kept, 1 - kept).sum() / len(some))


def fwhm(correlations: Sequence[float], zooms: Floats) -> list[float]:
    """Return the full width at half maximum of the Gaussian that makes white noise as smooth [4]_.

    Parameters
    ----------
    correlations : sequence of float, length 3
        Of neighbours along each axis, see `autocorrelations`.
    zooms : ndarray of float64, shape (3,)
        Voxel size, mm.

    Returns
    -------
    list of float
        Along each axis, mm: 0 where neighbours are no more alike than others, nan where they are so alike
        that it cannot be told.
    """
    return [_width(correlation) * float(zoom) for correlation, zoom in zip(correlations, zooms, strict=True)]


def _width(correlation: float) -> float:
    """Return the full width at half maximum in voxels, for a correlation of neighbours."""
    if correlation <= 0:
        return 0.0
    width = float(np.sqrt(-2 * np.log(2) / np.log(correlation))) if correlation < 1 else np.nan
    return width if width <= MAX_FWHM_VOXELS else np.nan


def autocorrelations(
    signal: Floats, tissue: NDArray[np.uint8], means: Floats, lags: Sequence[int], steps: Sequence[int]
) -> list[float]:
    """Return the correlation of voxels of the same tissue a lag apart, along each axis.

    Parameters
    ----------
    signal : ndarray, shape (X, Y, Z)
    tissue : ndarray of uint8, shape (X, Y, Z)
        Labels; only neighbours of the same one are compared, and none of 0.
    means : ndarray, shape (L,)
        Intensity of the tissue of each label.
    lags : sequence of int, length 3
        In voxels.
    steps : sequence of int, length 3
        Across the axis every so-manieth voxel is taken, see `pairs`.

    Returns
    -------
    list of float
        1 less the sum of squared differences over that of squares; nan of too few pairs.
    """
    found = []
    for axis, lag in enumerate(lags):
        here, there = pairs(tissue, axis, lag, steps)
        alike = (here == there) & (here > 0)
        mean = means[here[alike]]
        first, second = (end[alike] - mean for end in pairs(signal, axis, lag, steps))
        power = float(np.sum(first**2) + np.sum(second**2))
        enough = len(mean) >= MIN_FIGURE_VOXELS and power > 0
        found.append(1 - float(np.sum((first - second) ** 2)) / power if enough else np.nan)
    return found


def pairs(
    array: NDArray[Any], axis: int, lag: int, steps: Sequence[int]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return voxels, and those a lag further on along one axis: all along it, every so-manieth across.

    Steps along it would hit either pairs of equal voxels alone or none of them in a scan that was written on
    a finer grid by repeating each voxel.

    Parameters
    ----------
    array : ndarray, shape (X, Y, Z)
    axis, lag : int
    steps : sequence of int, length 3
        Across the axis; that along it does not count.

    Returns
    -------
    first, second : ndarray, shape (U, V, W)
        Views.

    >>> [end.ravel().tolist() for end in pairs(np.arange(6).reshape(1, 3, 2), 2, 1, (1, 2, 2))]
    [[0, 4], [1, 5]]
    """
    last = max(0, array.shape[axis] - lag)
    ends = []
    for shift in (0, lag):
        index = [slice(None, None, step) for step in steps]
        index[axis] = slice(shift, last + shift)
        ends.append(array[tuple(index)])
    return ends[0], ends[1]


def jaggedness(signal: Floats, mask: Mask, zooms: Floats, steps: Sequence[int]) -> list[float]:
    """Return how rough the brain is from slice to slice along each axis, over the other two.

    Where slices moved against one another, or are out of order, neighbours differ as much as slices further
    apart.

    Parameters
    ----------
    signal : ndarray, shape (X, Y, Z)
    mask : ndarray of bool, shape (X, Y, Z)
        The brain.
    zooms : ndarray of float64, shape (3,)
        Voxel size, mm.
    steps : sequence of int, length 3
        Across the axis every so-manieth voxel is taken, see `pairs`.

    Returns
    -------
    list of float
        Mean squared difference at the distance of neighbouring slices over that at twice the distance, along
        the axis over the mean of the same along the others; about 1 if nothing moved, nan of too few voxels.
    """
    found = []
    for axis, zoom in enumerate(zooms):
        lags = voxels_of(float(zoom), zooms).tolist()
        ratios = [_roughness(signal, mask, across, lag, steps) for across, lag in enumerate(lags)]
        found.append(2 * ratios[axis] / (sum(ratios) - ratios[axis]))
    return found


def _roughness(signal: Floats, mask: Mask, axis: int, lag: int, steps: Sequence[int]) -> float:
    """Return the mean squared difference of voxels a lag apart over that of voxels twice as far apart."""
    means = []
    for distance in (lag, 2 * lag):
        here, there = pairs(mask, axis, distance, steps)
        both = here & there
        first, second = (end[both] for end in pairs(signal, axis, distance, steps))
        enough = len(first) >= MIN_FIGURE_VOXELS
        means.append(float(np.mean((first - second) ** 2, dtype=np.float64)) if enough else np.nan)
    return means[0] / means[1] if means[1] > 0 else np.nan


def clipped_shares(values: Floats) -> tuple[float, float]:
    """Return the shares of intensities at the floor and at the ceiling of the brain.

    Parameters
    ----------
    values : ndarray of float32, shape (N,)
        Intensities of the brain as stored.

    Returns
    -------
    floor, ceiling : float
        Shares within a hundredth of the range from its ends, 0 to 1.
    """
    low, high = np.percentile(thinned(values), CUT_PERCENTILES)
    margin = CUT_MARGIN * (high - low)
    return float(np.mean(values <= low + margin)), float(np.mean(values >= high - margin))


def inu(field: Floats) -> Mapping[str, float]:
    """Return range and median of the bias field in the brain [1]_.

    Parameters
    ----------
    field : ndarray, shape (N,)
        Factors.

    Returns
    -------
    mapping of str to float
        The range is from the 5th to the 95th percentile, in units of the median. Empty without voxels.
    """
    if not len(field):
        return {}
    low, median, high = np.percentile(field.astype(np.float64), (5, 50, 95))
    return {"inu_range": float((high - low) / median), "inu_med": float(median)}
