"""Simulated scans with exactly known tissue fractions, bias field and noise.

The tissue fractions of each voxel are averages of a label map over many points; each tissue has one
intensity; a smooth multiplicative bias field is applied; the scan is the magnitude of a complex signal with
independent Gaussian noise in its real and imaginary part (Rician noise, Gudbjartsson & Patz 1995).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from mriseg.evaluation.constants import MAX_FIELD_ORDER, MAX_NOISE_PERCENT, MIN_BRAIN_SHARE, SAMPLES_PER_VOXEL
from mriseg.images.constants import MAX_INTENSITY
from mriseg.labels.contrasts import CONTRASTS
from mriseg.labels.tissues import CSF, GM, WM

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.floating]

TISSUES = (CSF, GM, WM)


@dataclass(frozen=True, eq=False)
class Phantom:
    """A simulated scan and its ground truth; all arrays have the shape (X, Y, Z) of the scan.

    Parameters
    ----------
    data : ndarray of float32
        The scan.
    labels : ndarray of uint8
        Tissue of the largest fraction: 0 none, 1 GM, 2 WM, 3 CSF.
    fractions : dict of int to ndarray of float32
        Fraction of each tissue, 0 to 1, by label.
    field : ndarray of float32
        Multiplicative bias field.
    affine : ndarray of float64, shape (4, 4)
        Voxel indices to mm.
    """

    data: NDArray[np.float32]
    labels: NDArray[np.uint8]
    fractions: dict[int, NDArray[np.float32]]
    field: NDArray[np.float32]
    affine: Floats


def simulate(
    labels: NDArray[np.integer],
    affine: Floats,
    *,
    tissues: Mapping[int, int] | None = None,
    intensities: Mapping[int, float] = CONTRASTS["t1"].phantom_intensities,
    surroundings: Mapping[int, float] | None = None,
    zooms: tuple[float, float, float] | None = None,
    noise: float = 3.0,
    bias: float = 20.0,
    seed: int = 0,
) -> Phantom:
    """Simulate a scan from a label map.

    Parameters
    ----------
    labels : ndarray of int, shape (U, V, W)
    affine : ndarray of float64, shape (4, 4)
        Voxel indices of the label map to mm.
    tissues : mapping of int to int, optional
        Number in the label map to 1 GM, 2 WM or 3 CSF; other numbers are background. The identity if not
        given.
    intensities : mapping of int to float
        Of each tissue, by label; those of T1 in `mriseg.labels.contrasts.CONTRASTS` if not given.
    surroundings : mapping of int to float, optional
        Intensities around the brain, by number in the label map: skull, scalp and the like. The scan is
        stripped if not given.
    zooms : tuple of three floats, optional
        Voxel size of the scan, mm; that of the label map if not given.
    noise : float
        Standard deviation in percent of the intensity of WM.
    bias : float
        Range of the bias field in the brain, percent: 20 is from 0.9 to 1.1.
    seed : int
        Of the random numbers of noise and field.

    Returns
    -------
    Phantom

    Raises
    ------
    ValueError
        If the label map has none of the tissues, a tissue of it has no voxel of the scan, or intensities,
        noise, bias or zooms are out of range.

    References
    ----------
    Gudbjartsson H, Patz S (1995). The Rician distribution of noisy MRI data. Magn Reson Med 34:910-914.
    """
    _check_settings([*intensities.values(), *(surroundings or {}).values()], zooms, noise, bias)
    numbers = tissues or {tissue.index: tissue.index for tissue in TISSUES}
    old_zooms = np.linalg.norm(affine[:3, :3], axis=0)
    scale = np.asarray(zooms or old_zooms) / old_zooms
    averages = [_averaging_matrix(n, ratio) for n, ratio in zip(labels.shape, scale, strict=True)]
    fractions = _tissue_fractions(labels, numbers, averages)
    stacked = np.stack([fractions[k] for k in sorted(fractions)])
    brain: NDArray[np.bool_] = stacked.sum(axis=0) > MIN_BRAIN_SHARE
    if not brain.any():
        raise ValueError("the label map holds none of the tissues; say which number is which tissue")
    truth = np.where(brain, stacked.argmax(axis=0) + 1, 0).astype(np.uint8)
    _check_truth(truth, fractions)
    generator = np.random.default_rng(seed)
    field = _random_field(brain, bias, generator)
    signal = sum(intensities[k] * fraction for k, fraction in fractions.items())
    for number, intensity in (surroundings or {}).items():
        signal = signal + intensity * _average(labels == number, averages)
    sd = noise / 100 * intensities[WM.index]
    data = _rician(signal * field, sd, generator).astype(np.float32)
    if surroundings is None:
        data[~brain] = 0
    return Phantom(data, truth, fractions, field, _scaled_affine(affine, scale))


def folded_ball() -> tuple[NDArray[np.uint8], Floats]:
    """Create a label map of a sphere with a folded cortex in CSF, ventricles and deep nuclei.

    Returns
    -------
    labels : ndarray of uint8, shape (96, 96, 96)
        0 background, 1 GM, 2 WM, 3 CSF.
    affine : ndarray of float64, shape (4, 4)
        Voxels of 1.5 mm to mm.
    """
    n, zoom = 96, 1.5
    x, y, z = (np.indices((n, n, n), dtype=np.float32) - (n - 1) / 2) * np.float32(zoom)
    radius = np.sqrt(x**2 + y**2 + z**2) + 1e-6
    folds = 6 * np.sin(9 * np.arctan2(y, x)) * np.sin(8 * np.arccos(z / radius)) * (radius > 20)
    depth = 58 + folds - radius
    ventricles = ((np.abs(x) - 9) / 5) ** 2 + (y / 18) ** 2 + (z / 8) ** 2 < 1
    deep = ((np.abs(x) - 24) / 7) ** 2 + (y / 16) ** 2 + (z / 9) ** 2 < 1
    labels = np.select([radius > 66, ventricles, depth < 0, (depth < 4) | deep], [0, 3, 3, 1], 2)
    affine = np.diag([zoom, zoom, zoom, 1.0])
    affine[:3, 3] = -zoom * (n - 1) / 2
    return labels.astype(np.uint8), affine


def _check_settings(
    intensities: Sequence[float], zooms: tuple[float, float, float] | None, noise: float, bias: float
) -> None:
    """Raise ValueError if a setting of `simulate` is out of range."""
    if not all(0 <= intensity <= MAX_INTENSITY for intensity in intensities) or not any(intensities):
        raise ValueError(f"intensities must be numbers from 0 to {MAX_INTENSITY:g}, not all of them 0")
    if not all(0 < zoom < np.inf for zoom in zooms or ()):
        raise ValueError("voxel sizes must be positive numbers, in mm")
    if not 0 <= noise <= MAX_NOISE_PERCENT or not 0 <= bias < 200:
        raise ValueError(
            f"noise is {noise} and bias {bias}; "
            f"noise is from 0 to {MAX_NOISE_PERCENT}, bias from 0 to under 200"
        )


def _check_truth(truth: NDArray[np.uint8], fractions: Mapping[int, NDArray[np.float32]]) -> None:
    """Raise ValueError if a tissue of the label map is the largest part of no voxel, or all is one voxel."""
    lost = [t.name.lower() for t in TISSUES if fractions[t.index].any() and not (truth == t.index).any()]
    if lost or np.count_nonzero(truth) < 2:
        what = ", ".join(lost) or "the rest of the brain"
        raise ValueError(f"no voxel is left for {what}; choose smaller voxels or a larger label map")


def _tissue_fractions(
    labels: NDArray[np.integer], numbers: Mapping[int, int], averages: list[Floats]
) -> dict[int, NDArray[np.float32]]:
    """Compute the fraction of each tissue in each voxel of the scan, by label."""
    return {
        tissue.index: _average(
            np.isin(labels, [k for k, t in numbers.items() if t == tissue.index]), averages
        )
        for tissue in TISSUES
    }


def _averaging_matrix(old: int, ratio: float) -> Floats:
    """Return the matrix (M, old) that averages linear interpolants over M voxels of width `ratio`."""
    new = max(1, int(old / ratio + 1e-6))
    points = (np.arange(new * SAMPLES_PER_VOXEL) + 0.5) / SAMPLES_PER_VOXEL * ratio - 0.5
    below = np.clip(np.floor(points), 0, old - 2).astype(int)
    fraction = np.clip(points - below, 0, 1)
    matrix = np.zeros((new, old))
    row = np.arange(new * SAMPLES_PER_VOXEL) // SAMPLES_PER_VOXEL
    np.add.at(matrix, (row, below), (1 - fraction) / SAMPLES_PER_VOXEL)
    np.add.at(matrix, (row, below + 1), fraction / SAMPLES_PER_VOXEL)
    return matrix


def _average(indicator: NDArray[np.bool_], averages: list[Floats]) -> NDArray[np.float32]:
    """Average an indicator over the voxels of the scan, axis by axis."""
    volume = indicator.astype(np.float32)
    for axis, matrix in enumerate(averages):
        volume = np.moveaxis(np.tensordot(matrix.astype(np.float32), volume, axes=(1, axis)), 0, axis)
    return np.ascontiguousarray(volume)


def _scaled_affine(affine: Floats, scale: Floats) -> Floats:
    """Return the affine of voxels scaled along each axis, with the same corner of the grid."""
    scaled = affine @ np.diag([*scale, 1.0])
    scaled[:3, 3] += affine[:3, :3] @ ((scale - 1) / 2)
    return np.asarray(scaled)


def _random_field(
    brain: NDArray[np.bool_], percent: float, generator: np.random.Generator
) -> NDArray[np.float32]:
    """Draw a random sum of cosines of low order, and scale its range in the brain to a percentage."""
    axes = [np.cos(np.pi * np.outer(np.arange(3), (np.arange(n) + 0.5) / n)) for n in brain.shape]
    waves = np.zeros((3, 3, 3))
    for i, j, k in product(range(3), repeat=3):
        if 0 < i + j + k <= MAX_FIELD_ORDER:
            waves[i, j, k] = generator.normal()
    field = np.einsum("ijk,ix,jy,kz->xyz", waves, *axes, optimize=True)
    low, high = field[brain].min(), field[brain].max()
    return np.asarray(1 + percent / 100 * ((field - low) / (high - low) - 0.5), dtype=np.float32)


def _rician(signal: Floats, sd: float, generator: np.random.Generator) -> Floats:
    """Return the magnitude of a signal with complex Gaussian noise."""
    real = signal + generator.normal(0, sd, signal.shape)
    return np.asarray(np.hypot(real, generator.normal(0, sd, signal.shape)))
