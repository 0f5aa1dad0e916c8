"""Estimation of the bias field, a smooth factor on the intensities, from the white matter.

White matter has nearly the same intensity throughout the brain. Grey matter has not (deep nuclei
are brighter than cortex, cortex has partial volumes), so that a field fitted to all tissues absorbs
anatomy. Each round fits the mixture to the corrected histogram, selects cells of some millimetres of
white matter only, and regresses the logarithm of their mean intensities on polynomials of position. The order
of the polynomial is chosen by cross-validation over regions; a scan that has been corrected already gets
order 0, no correction.

The receive field of a head coil, without the scanner's normalisation, is so strong that white matter cannot
be told by intensity before most of it is removed. Where a strong field is found, or too little white matter,
the estimation is started anew from a field fitted to all tissues, and the polynomial gets third and fourth
orders, with a ridge penalty: white matter does not reach the rim of the brain, to which they extrapolate.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from mriseg._utils.parallel import parallel_chunks
from mriseg.images.background import background_intensity
from mriseg.images.voxels import bounding_box
from mriseg.model.bias_cells import Cells
from mriseg.model.bias_regression import polynomial_field
from mriseg.model.constants import (
    AIR_PERCENTILE,
    FIELD_EM_ITERATIONS,
    FIELD_ROUNDS,
    FIELD_TOLERANCE,
    INVERTED_PERCENTILE,
    MAX_FIELD,
    MAX_ITERATIONS,
    MIN_WM_CELLS,
    STRONG_FIELD,
    STRONG_FIELD_ROUNDS,
)
from mriseg.model.histogram import intensity_histogram, lookup_by_intensity
from mriseg.model.partial_volume_em import fit_partial_volume

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mriseg.model.partial_volume import PartialVolumeMixture

    Floats = NDArray[np.floating]

_PLANES = 4  # planes at a time, so that they stay in the cache of the processor


@dataclass(frozen=True, eq=False)
class BiasField:
    """A polynomial of position, the logarithm of the factor on the intensities.

    Parameters
    ----------
    coefficients : ndarray of float64, shape (D, D, D)
        Of the monomials of scaled position; all zero for a constant field of 1.
    centre : ndarray of float64, shape (3,)
        Position 0, in voxels.
    scale : ndarray of float64, shape (3,)
        Position 1, in voxels from the centre.
    low, high : float
        Range of the factor in the brain; clipped to it outside.
    """

    coefficients: Floats
    centre: Floats
    scale: Floats
    low: float = 1.0
    high: float = 1.0

    @property
    def order(self) -> int:
        """Order of the polynomial; 0 is no field."""
        return int(max((sum(power) for power in np.argwhere(self.coefficients)), default=0))

    def on_grid(self, shape: tuple[int, ...], part: slice = slice(None)) -> NDArray[np.float32]:
        """Evaluate the factor on a grid from voxel 0 on, or on some of its planes along the first axis.

        Parameters
        ----------
        shape : tuple of int
            X, Y, Z.
        part : slice
            Of the X planes; all if not given.

        Returns
        -------
        ndarray of float32, shape (X or fewer, Y, Z)
        """
        factor = self.log_on_grid(shape, part)
        np.exp(factor, out=factor)
        return np.clip(factor, np.float32(self.low), np.float32(self.high), out=factor)

    def log_on_grid(self, shape: tuple[int, ...], part: slice = slice(None)) -> NDArray[np.float32]:
        """Evaluate the logarithm of the factor as `on_grid` does the factor, without its bounds."""
        axes = [
            ((np.arange(n) - middle) / unit).astype(np.float32)
            for n, middle, unit in zip(shape, self.centre, self.scale, strict=True)
        ]
        axes[0] = axes[0][part]
        x, y, z = (np.vander(axis, len(self.coefficients), increasing=True) for axis in axes)
        planes = np.einsum("xi,yj,ijk->xyk", x, y, self.coefficients.astype(np.float32), optimize=True)
        return np.asarray(planes.reshape(-1, planes.shape[-1]) @ z.T).reshape(len(x), len(y), len(z))


def unit_field() -> BiasField:
    """Return the field that is one everywhere."""
    return BiasField(np.zeros((1, 1, 1)), np.zeros(3), np.ones(3))


def estimate_bias_field(
    data: NDArray[np.float32], mask: NDArray[np.bool_], zooms: Floats, white: int, air: float = 0.0
) -> BiasField:
    """Estimate the bias field of a scan.

    Parameters
    ----------
    data : ndarray of float32, shape (X, Y, Z)
        Intensities.
    mask : ndarray of bool, shape (X, Y, Z)
        The brain.
    zooms : ndarray of float64, shape (3,)
        Voxel size, mm.
    white : int
        Rank of white matter among the three tissues by rising mean: 2 in T1, 0 in T2.
    air : float
        Intensity of air, an offset that the field does not multiply; brighter than the brain if the scan is
        inverted.

    Returns
    -------
    BiasField
        Its mean logarithm over the brain is 0. Constant 1 if there are fewer than `MIN_WM_CELLS` cells of
        white matter, if the estimation runs away, or if cross-validation chooses order 0.
    """
    box = bounding_box(mask)
    mask = mask[box]
    grid = Cells.of(mask, zooms)
    intensities = data[box][mask] - np.float32(air)
    if _inverted(intensities):
        intensities, white = -intensities, 2 - white
    field = _estimate(grid, mask, intensities, white)
    if field is None or np.std(field.log_on_grid(mask.shape)[mask]) > STRONG_FIELD:
        field = _estimate(grid, mask, intensities, white, strong=True) or field
    return unit_field() if field is None else _moved(_centred(field, mask), box)


def _estimate(
    grid: Cells,
    mask: NDArray[np.bool_],
    intensities: NDArray[np.float32],
    white: int,
    *,
    strong: bool = False,
) -> BiasField | None:
    """Estimate the field on the grid of a mask; None with too little white matter or without end."""
    field, log_field = None, np.zeros(len(intensities), dtype=np.float32)
    if strong:  # all tissues are taken for white matter first
        field = _field(grid, *grid.pure_cells(np.ones_like(intensities), intensities, 0))
        log_field = _mean_free(field.log_on_grid(mask.shape)[mask])
    model = None
    for _ in range(STRONG_FIELD_ROUNDS if strong else FIELD_ROUNDS):
        corrected = intensities * np.exp(-log_field)
        purity, model = fit_white_matter(corrected, white, model, FIELD_EM_ITERATIONS)
        pure, brightness = grid.pure_cells(purity, intensities)
        if np.count_nonzero(pure) < MIN_WM_CELLS:
            return None
        field = _field(grid, pure, brightness, strong=strong)
        previous, log_field = log_field, _mean_free(field.log_on_grid(mask.shape)[mask])
        if np.std(log_field) > MAX_FIELD:
            return None
        if np.std(log_field - previous) < FIELD_TOLERANCE:
            break
    return field


def _field(cells: Cells, pure: NDArray[np.bool_], brightness: Floats, *, strong: bool = False) -> BiasField:
    return BiasField(polynomial_field(cells, pure, brightness, strong=strong), cells.centre, cells.scale)


def _mean_free(log_field: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(log_field - log_field.mean())


def estimate_channel_bias_field(
    data: NDArray[np.float32],
    mask: NDArray[np.bool_],
    zooms: Floats,
    white: NDArray[np.float32],
    air: float = 0.0,
) -> BiasField:
    """Estimate the bias field of a further channel from the white matter of the first.

    Parameters
    ----------
    data : ndarray of float32, shape (X, Y, Z)
        Intensities of the channel.
    mask : ndarray of bool, shape (X, Y, Z)
        The brain, N voxels.
    zooms : ndarray of float64, shape (3,)
        Voxel size, mm.
    white : ndarray of float32, shape (N,)
        Expected fraction of white matter in each voxel.
    air : float
        Intensity of air, an offset that the field does not multiply.

    Returns
    -------
    BiasField
        As `estimate_bias_field`.
    """
    box = bounding_box(mask)
    grid = Cells.of(mask[box], zooms)
    intensities = data[mask] - np.float32(air)
    pure, brightness = grid.pure_cells(white, -intensities if _inverted(intensities) else intensities)
    if np.count_nonzero(pure) < MIN_WM_CELLS:
        return unit_field()
    return _moved(_centred(_field(grid, pure, brightness), mask[box]), box)


def _moved(field: BiasField, box: tuple[slice, ...]) -> BiasField:
    """Translate a field from the grid of a bounding box to that of the volume."""
    return replace(field, centre=field.centre + [side.start for side in box])


def fit_white_matter(
    intensities: NDArray[np.float32],
    white: int,
    start: PartialVolumeMixture | None = None,
    max_iterations: int = MAX_ITERATIONS,
) -> tuple[NDArray[np.float32], PartialVolumeMixture]:
    """Estimate the fraction of white matter in voxels from intensities alone.

    Parameters
    ----------
    intensities : ndarray of float32, shape (N,)
        Of voxels of the brain.
    white : int
        Rank of white matter among the three tissues by rising mean.
    start : PartialVolumeMixture, optional
        Initial model.
    max_iterations : int
        Maximum number of EM iterations.

    Returns
    -------
    share : ndarray of float32, shape (N,)
        Expected fraction of white matter in each voxel.
    model : PartialVolumeMixture
        The fitted mixture.
    """
    values, counts = intensity_histogram(intensities)
    model = fit_partial_volume(values, counts, start, white=white, max_iterations=max_iterations)
    share = lookup_by_intensity(
        lambda levels: model.responsibilities(levels)[:, [white]], values, intensities
    )
    return share[:, 0], model


def _centred(field: BiasField, mask: NDArray[np.bool_]) -> BiasField:
    """Shift a field so that its mean logarithm in the brain is 0, and set its range there."""
    log_field = field.log_on_grid(mask.shape)[mask]
    mean = float(log_field.mean(dtype=np.float64))
    coefficients = field.coefficients.copy()
    coefficients[0, 0, 0] = -mean
    low, high = np.exp(float(log_field.min()) - mean), np.exp(float(log_field.max()) - mean)
    return BiasField(coefficients, field.centre, field.scale, float(low), float(high))


def _inverted(intensities: NDArray[np.float32]) -> bool:
    """Decide whether the brain, by its intensities less that of air, is darker than air."""
    return bool(np.median(intensities) < 0)


def air_intensity(data: NDArray[np.float32], brain: NDArray[np.float32]) -> np.float32:
    """Return the intensity of air, from every third voxel along each axis.

    Air is the darkest, or, where the scan is inverted, the brightest: the faces of the volume are then
    brighter than nearly all of the brain.

    Parameters
    ----------
    data : ndarray of float32, shape (X, Y, Z)
        The whole scan.
    brain : ndarray of float32, shape (N,)
        Intensities of the brain.

    Returns
    -------
    float32
    """
    inverted = background_intensity(data)[0] > np.percentile(brain, INVERTED_PERCENTILE)
    percentile = 100 - AIR_PERCENTILE if inverted else AIR_PERCENTILE
    return np.float32(np.percentile(data[::3, ::3, ::3], percentile))


def correct_bias(data: NDArray[np.float32], air: np.float32, field: BiasField) -> NDArray[np.float32]:
    """Divide a scan by a bias field, about the intensity of air.

    Parameters
    ----------
    data : ndarray of float32, shape (X, Y, Z)
    air : float32
        The intensity of air, see `air_intensity`.
    field : BiasField

    Returns
    -------
    ndarray of float32, shape (X, Y, Z)
        `data` itself if the field is one everywhere.
    """
    if not field.order:
        return data
    corrected = np.empty_like(data)

    def correct(part: slice) -> None:
        planes = data[part] - air
        planes /= field.on_grid(data.shape, part)
        corrected[part] = planes + air

    parallel_chunks(correct, len(data), _PLANES)
    return corrected
