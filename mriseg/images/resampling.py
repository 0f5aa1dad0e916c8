"""Arrays carried from one grid to another by world coordinates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mriseg.images.volume import Volume

    Mask = NDArray[np.bool_]


def resample(array: NDArray[Any], volume: Volume, grid: Volume, *, order: int) -> NDArray[Any]:
    """Bring an array from the grid of a volume to another grid, by world coordinates.

    Parameters
    ----------
    array : ndarray, shape (X, Y, Z)
        In canonical orientation, as ``volume.data``.
    volume, grid : Volume
        Where it lies, and where it is to be sampled.
    order : int
        0 for the nearest voxel, as labels need, 1 for trilinear interpolation.

    Returns
    -------
    ndarray, shape of ``grid.data``
        0 outside `volume`.
    """
    to_voxels = np.linalg.inv(volume.affine) @ grid.affine
    sampled: NDArray[Any] = ndimage.affine_transform(
        array, to_voxels, output_shape=grid.data.shape, order=order, mode="grid-constant"
    )
    return sampled
