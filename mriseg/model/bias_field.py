"""The bias field, a smooth factor on the intensities; `mriseg.model.bias_em` estimates it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mriseg._utils.parallel import parallel_chunks
from mriseg.images.background import background_intensity
from mriseg.model.constants import AIR_PERCENTILE, INVERTED_PERCENTILE

if TYPE_CHECKING:
    from numpy.typing import NDArray

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
    sd : float
        Standard deviation of the logarithm in the brain.
    low, high : float
        Range of the factor in the brain; clipped to it outside.
    """

    coefficients: Floats
    centre: Floats
    scale: Floats
    sd: float = 0.0
    low: float = 1.0
    high: float = 1.0

    @property
    def order(self) -> int:
        """Order of the polynomial; 0 is no field."""
        return int(max((sum(power) for power in np.argwhere(self.coefficients)), default=0))

    def on_grid(self, shape: tuple[int, ...], *parts: slice) -> NDArray[np.float32]:
        """Evaluate the factor on a grid from voxel 0 on, or on a part of it.

        Parameters
        ----------
        shape : tuple of int
            X, Y, Z.
        *parts : slice
            Of the axes, from the first on; the whole of those that are not given.

        Returns
        -------
        ndarray of float32, shape (X, Y, Z) or smaller
        """
        factor = self.log_on_grid(shape, *parts)
        np.exp(factor, out=factor)
        return np.clip(factor, np.float32(self.low), np.float32(self.high), out=factor)

    def log_on_grid(self, shape: tuple[int, ...], *parts: slice) -> NDArray[np.float32]:
        """Evaluate the logarithm of the factor as `on_grid` does the factor, without its bounds."""
        parts += (slice(None),) * (3 - len(parts))
        axes = [
            ((np.arange(n) - middle) / unit).astype(np.float32)[part]
            for n, middle, unit, part in zip(shape, self.centre, self.scale, parts, strict=True)
        ]
        x, y, z = (np.vander(axis, len(self.coefficients), increasing=True) for axis in axes)
        planes = np.einsum("xi,yj,ijk->xyk", x, y, self.coefficients.astype(np.float32), optimize=True)
        return np.asarray(planes.reshape(-1, planes.shape[-1]) @ z.T).reshape(len(x), len(y), len(z))


def unit_field() -> BiasField:
    """Return the field that is one everywhere."""
    return BiasField(np.zeros((1, 1, 1)), np.zeros(3), np.ones(3))


def air_intensity(data: NDArray[np.float32], brain: NDArray[np.float32]) -> np.float32:
    """Return the intensity of air, to which the field does not add, from every third voxel along each axis.

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
