"""Resampling between voxel grids and sampling at points, by world coordinates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mriseg.images.volume import Volume

    Floats = NDArray[np.floating]


def resample(array: NDArray[Any], volume: Volume, grid: Volume, *, order: int) -> NDArray[Any]:
    """Resample an array on the grid of a volume to another grid, by world coordinates.

    Parameters
    ----------
    array : ndarray, shape of ``volume.data``
        In canonical orientation.
    volume, grid : Volume
        The grid of the array, and the grid of the result.
    order : int
        Of the spline: 0 for the nearest voxel (labels), 1 for trilinear interpolation.

    Returns
    -------
    ndarray, shape of ``grid.data``
        0 outside `volume`.
    """
    grid_to_volume = np.linalg.inv(volume.canonical_affine) @ grid.canonical_affine
    resampled: NDArray[Any] = ndimage.affine_transform(
        array, grid_to_volume, output_shape=grid.data.shape, order=order, mode="grid-constant"
    )
    return resampled


def transform_points(affine: Floats, points: NDArray[Any]) -> Floats:
    """Apply an affine to points.

    Written out, because the last digits of a matrix product depend on the number of threads.

    Parameters
    ----------
    affine : ndarray of float64, shape (4, 4)
    points : ndarray, shape (3, N)

    Returns
    -------
    ndarray of float64, shape (3, N)

    >>> transform_points(np.diag([2.0, 2.0, 2.0, 1.0]), np.array([[1], [2], [3]])).ravel().tolist()
    [2.0, 4.0, 6.0]
    """
    x, y, z = points
    return np.asarray(affine[:3, :1] * x + affine[:3, 1:2] * y + affine[:3, 2:3] * z + affine[:3, 3:4])


def sample_at(
    data: NDArray[np.float32], affine: Floats, points: Floats
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Sample a volume at world coordinates by trilinear interpolation.

    Parameters
    ----------
    data : ndarray of float32, shape (X, Y, Z)
    affine : ndarray of float64, shape (4, 4)
        Voxel indices to world coordinates, mm.
    points : ndarray of float64, shape (3, N)
        World coordinates, mm.

    Returns
    -------
    values : ndarray of float32, shape (N,)
        Intensities; those of the nearest voxel outside the volume.
    inside : ndarray of bool, shape (N,)
        Points that lie in a voxel of the volume.
    """
    voxels = transform_points(np.linalg.inv(affine), points)
    last = np.reshape(data.shape, (3, 1)) - 0.5
    inside: NDArray[np.bool_] = np.all((voxels >= -0.5) & (voxels <= last), axis=0)
    return ndimage.map_coordinates(data, voxels, order=1, mode="nearest"), inside
