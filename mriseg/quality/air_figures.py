"""Figures of the head and the air around it: noise, ghosts, artefacts, entropy.

Intensities are above that of air, whatever its sign and unit in the file. Figures that cannot be computed,
for want of air or because it is constant, are nan.

References
----------
.. [1] Esteban O et al. (2017). MRIQC: advancing the automatic prediction of image quality in MRI from unseen
   sites. PLoS ONE 12:e0184661.
.. [2] Dietrich O et al. (2007). Measurement of signal-to-noise ratios in MR images. J Magn Reson Imaging
   26:375-385.
.. [3] Mortamet B et al. (2009). Automatic quality assessment in structural brain magnetic resonance imaging.
   Magn Reson Med 62:365-372.
.. [4] Atkinson D et al. (1997). Automatic correction of motion artifacts in magnetic resonance images using
   an entropy focus criterion. IEEE Trans Med Imaging 16:903-910.
.. [5] Giannelli M et al. (2010). Characterization of Nyquist ghost in EPI-fMRI acquisition sequences. J Appl
   Clin Med Phys 11:3237.
"""

from __future__ import annotations

from math import lgamma
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from mriseg.images.voxels import largest_component
from mriseg.quality.constants import (
    AIR_CELLS,
    ARTEFACT_SDS,
    DIETRICH_FACTOR,
    HARMONISED_WM,
    KERNEL_SHARE,
    MAD_TO_SD,
    MAX_FIGURE_VOXELS,
    MIN_AIR_DISTANCE_MM,
    MIN_AIR_NOISE,
    MIN_FIGURE_VOXELS,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.floating]
    Mask = NDArray[np.bool_]


def head_mask(signal: Floats, brain: Mask, threshold: float) -> Mask:
    """Return the brain and the bright voxels connected to one another around it.

    Parameters
    ----------
    signal : ndarray of float32, shape (X, Y, Z)
        Blocks of voxels above air.
    brain : ndarray of bool, shape (X, Y, Z)
    threshold : float
        Between air and head.

    Returns
    -------
    ndarray of bool, shape (X, Y, Z)
    """
    return largest_component((signal > threshold) | brain)


def air_mask(head: Mask, brain: Mask, zooms: Floats) -> Mask:
    """Return the air well away from the head, beside and above the brain; MRIQC calls it the hat [1]_.

    Parameters
    ----------
    head, brain : ndarray of bool, shape (X, Y, Z)
        In canonical orientation.
    zooms : ndarray of float64, shape (3,)
        Voxel size, mm.

    Returns
    -------
    ndarray of bool, shape (X, Y, Z)
    """
    air: Mask = ndimage.distance_transform_edt(~head, sampling=zooms) > MIN_AIR_DISTANCE_MM
    below = np.cumsum(brain.any(axis=(0, 1))) == 0
    air[:, :, below] = False
    return air


def thinned(values: Floats) -> Floats:
    """Return some 100,000 of the values (N,), evenly spaced: enough for medians and percentiles."""
    return values[:: max(1, len(values) // MAX_FIGURE_VOXELS)]


def robust_sd(values: Floats) -> float:
    """Return the standard deviation by the median absolute deviation; nan of fewer than some 20 values."""
    if len(values) < MIN_FIGURE_VOXELS:
        return np.nan
    return MAD_TO_SD * float(np.median(np.abs(values - np.median(values))))


def snr_dietrich(median: float, air_sd: float) -> float:
    """Return the signal-to-noise ratio of a tissue by the noise of air [2]_; nan if air is constant."""
    return DIETRICH_FACTOR * median / air_sd if air_sd > MIN_AIR_NOISE * abs(median) else np.nan


def fber(head: Floats, air: Floats) -> float:
    """Return the foreground-background energy ratio [1]_.

    Parameters
    ----------
    head, air : ndarray, shape (N,), (M,)
        Intensities above air, in the head and outside.

    Returns
    -------
    float
        Median of the squares in the head over that outside; nan if that is all but 0.

    >>> fber(np.array([10.0, 10.0]), np.array([1.0, 2.0, 3.0]))
    25.0
    """
    inside, outside = (float(np.median(part**2)) if len(part) else 0.0 for part in (head, air))
    return inside / outside if outside > MIN_AIR_NOISE**2 * inside else np.nan


def efc(signal: Floats, voxels: int) -> float:
    """Return the entropy focus criterion [4]_, as normalised by MRIQC [1]_.

    Parameters
    ----------
    signal : ndarray, any shape
        Intensities above air of the whole scan, or of voxels sampled evenly from it.
    voxels : int
        Number N of voxels of the scan.

    Returns
    -------
    float
        1 where all voxels are equal, 0 where one holds all signal.

    >>> round(efc(np.ones(8), 8), 12)
    1.0
    """
    x = np.maximum(signal, 0).astype(np.float64)
    squares = float(np.sum(x**2)) * voxels / x.size
    if squares == 0:
        return np.nan
    x /= np.sqrt(squares)
    entropy = -np.sum(x * np.log(np.maximum(x, np.finfo(np.float64).tiny))) * voxels / x.size
    return float(entropy / (np.sqrt(voxels) * np.log(np.sqrt(voxels))))


def artefacts(signal: Floats, air: Mask) -> Mask:
    """Return the voxels of the air that are far brighter than its noise, single ones removed [3]_.

    Parameters
    ----------
    signal : ndarray, shape (X, Y, Z)
    air : ndarray of bool, shape (X, Y, Z)

    Returns
    -------
    ndarray of bool, shape (X, Y, Z)
        Empty if the air is constant.
    """
    positive = thinned(signal[air & (signal > 0)])
    sd = robust_sd(positive)
    if not sd > 0:
        return np.zeros_like(air)
    bright = air & (signal > np.median(positive) + ARTEFACT_SDS * sd)
    return np.asarray(ndimage.binary_opening(bright)) if bright.any() else bright


def qi1(air: Mask, artefact: Mask) -> float:
    """Return Mortamet's first quality index: the share of artefacts in the air [3]_."""
    voxels = np.count_nonzero(air)
    return np.count_nonzero(artefact) / voxels if voxels >= MIN_FIGURE_VOXELS else np.nan


def qi2(noise: Floats, white: float) -> float:
    """Return Mortamet's second quality index: how far the noise of air is from chi-squared noise [3]_.

    MRIQC fits by maximum likelihood and smooths by kernels; here the fit is by moments, of a histogram.

    Parameters
    ----------
    noise : ndarray, shape (N,)
        Intensities of air, without artefacts.
    white : float
        Median of WM in the same unit.

    Returns
    -------
    float
        Mean difference of the densities to the right of the half height, WM being 1000; nan of noise that
        has another distribution, or without a level of WM.
    """
    if not white > 0:
        return np.nan
    values = noise[noise > 0].astype(np.float64) * (HARMONISED_WM / white)
    if len(values) < AIR_CELLS:
        return np.nan
    mean, deviations = float(values.mean()), values - values.mean()
    variance, third = float(np.mean(deviations**2)), float(np.mean(deviations**3))
    if variance <= (MIN_AIR_NOISE * HARMONISED_WM) ** 2 or third <= 0:
        return np.nan
    width, top = np.percentile(values, (98, 99)) * (KERNEL_SHARE, 1)
    cells, edges = np.histogram(values, AIR_CELLS, (0, top))
    cell = float(edges[1])
    density = ndimage.gaussian_filter1d(cells / (len(values) * cell), width / cell, mode="nearest")
    freedom = 8 * variance**3 / third**2
    scale = np.sqrt(variance / (2 * freedom))
    above = (edges[:-1] + edges[1:]) / 2 - (mean - freedom * scale)
    model = _chi_squared(above / scale, freedom) / scale
    tail = slice(int(np.flatnonzero(density > density.max() / 2)[-1]), None)
    return float(np.abs(density[tail] - model[tail]).mean())


def _chi_squared(x: Floats, freedom: float) -> Floats:
    """Return the density of the chi-squared distribution, 0 below 0."""
    half, inside = freedom / 2, np.maximum(x, np.finfo(np.float64).tiny)
    logarithm = (half - 1) * np.log(inside) - inside / 2 - half * np.log(2) - lgamma(half)
    return np.where(x > 0, np.exp(logarithm), 0.0)


def wm2max(white: float, signal: Floats) -> float:
    """Return the median of WM over the 99.95th percentile of the head; of the whole scan in MRIQC [1]_."""
    return white / float(np.percentile(signal, 99.95))


def ghost(signal: Floats, head: Mask, air: Mask, axis: int) -> float:
    """Return the ghost-to-signal ratio along an axis: of air where the head lies, half a scan away [5]_.

    Parameters
    ----------
    signal : ndarray, shape (X, Y, Z)
        Above air, in units of the signal of the brain.
    head, air : ndarray of bool, shape (X, Y, Z)
    axis : int

    Returns
    -------
    float
        Mean of the air there less that of the rest of the air.
    """
    return _excess(signal, air, np.roll(head, head.shape[axis] // 2, axis))


def smears(signal: Floats, head: Mask, air: Mask) -> Floats:
    """Return how much brighter air is in lines along each axis that meet the head than in other lines.

    A head that moves leaves ghosts at any distance along the axis of the phase encoding. One ghost half a
    scan away, which has other causes and often misses the brain, is not counted, see `without_ghost`.

    Parameters
    ----------
    signal : ndarray, shape (X, Y, Z)
        Above air, in units of the signal of the brain.
    head, air : ndarray of bool, shape (X, Y, Z)

    Returns
    -------
    ndarray of float64, shape (3,)
        Differences of the means.
    """
    lines = [np.broadcast_to(head.any(axis=axis, keepdims=True), head.shape) for axis in range(3)]
    # A ghost along one axis lies in few of the lines along the others, and would count as darkness there.
    for axis in range(3):
        signal = without_ghost(signal, air & lines[axis], axis)
    return np.array([_excess(signal, air, along) for along in lines])


def without_ghost(signal: Floats, part: Mask, axis: int) -> Floats:
    """Subtract the ghost half a scan away, as bright as fits a part of the scan best.

    Parameters
    ----------
    signal : ndarray, shape (X, Y, Z)
    part : ndarray of bool, shape (X, Y, Z)
    axis : int

    Returns
    -------
    ndarray, shape (X, Y, Z)
    """
    shifted = np.roll(signal, signal.shape[axis] // 2, axis)
    return signal - np.float32(max(0.0, slope(shifted[part], signal[part]))) * shifted


def slope(x: Floats, y: Floats) -> float:
    """Return the slope of the regression of y on x (N,); 0 where x is constant.

    >>> slope(np.array([0.0, 1.0, 2.0]), np.array([5.0, 7.0, 9.0]))
    2.0
    """
    if not len(x):
        return 0.0
    apart = x - x.mean(dtype=np.float64)
    power = float(np.sum(apart**2))
    return float(np.sum(apart * (y - y.mean(dtype=np.float64)))) / power if power > 0 else 0.0


def _excess(signal: Floats, air: Mask, part: Mask) -> float:
    """Return the mean of a part of the air less that of the rest; nan if either is small."""
    inside, outside = signal[air & part], signal[air & ~part]
    if min(len(inside), len(outside)) < MIN_FIGURE_VOXELS:
        return np.nan
    return float(inside.mean(dtype=np.float64) - outside.mean(dtype=np.float64))
