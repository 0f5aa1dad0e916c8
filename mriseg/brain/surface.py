"""The surface of the template's brain, and its way along its normals to where the brain ends in a scan.

After the affine registration the template's surface lies within some millimetres of the scan's. From every
point of it the scan is read along the normal. What every depth is worth as the end of the brain is pooled
over neighbours, first widely, then narrowly, and held near what the wider look found [1]_. The mask is the
template's signed distance less the smooth field of offsets: one piece, without holes, sub-voxel, and of a
brain's shape whatever the scan shows.

References
----------
.. [1] Cootes TF, Taylor CJ, Cooper DH, Graham J (1995). Active shape models: their training and application.
   Comput Vis Image Underst 61, 38-59.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from mriseg.brain.constants import (
    BEYOND_GREY_WEIGHTS,
    BRAIN_DEPTHS_MM,
    BRAIN_LEVEL_MM,
    DEPTHS_MM,
    GREY_LEVEL,
    MAX_RELATIVE_INTENSITY,
    MIN_BRAIN_INTENSITY,
    NORMAL_SMOOTHING_MM,
    OFFSET_SCALE_MM,
    OFFSET_SMOOTHING_VOXELS,
    OFFSET_TRUNCATION,
    SMOOTHING_MM,
    SMOOTHING_NEIGHBOURS,
    SMOOTHING_SCHEDULE,
    SURFACE_STEP_VOXELS,
    UP_TO_GREY_WEIGHTS,
)
from mriseg.template.registration import Registration

if TYPE_CHECKING:
    from scipy import sparse

    from mriseg.images.volume import Volume
    from mriseg.template.head import Template

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Surface:
    """The surface of the template's brain.

    Parameters
    ----------
    distance : ndarray of float32, shape of the template
        Signed distance to the surface in mm, negative inside.
    voxels : tuple of ndarray of int, shape (N,) each
        The voxels of the template next to which the points lie.
    points : ndarray of float64, shape (N, 3)
        MNI coordinates in mm.
    normals : ndarray of float64, shape (N, 3)
        Unit vectors, outward.
    smoothing : sparse matrix, shape (N, N)
        Averages values at the points over their neighbours.
    """

    distance: NDArray[np.float32]
    voxels: tuple[NDArray[np.int64], ...]
    points: Floats
    normals: Floats
    smoothing: sparse.csr_array

    def smooth(self, values: Floats, mm: float) -> Floats:
        """Average values at the points, shape (N, ...), with a Gaussian of a standard deviation in mm."""
        for _ in range(round((mm / SMOOTHING_MM) ** 2)):
            values = self.smoothing @ values
        return values


def template_surface(template: Template) -> Surface:
    """Lay points about 4 mm apart on the surface of the template's brain.

    Parameters
    ----------
    template : Template

    Returns
    -------
    Surface
    """
    zooms = np.linalg.norm(template.affine[:3, :3], axis=0)
    distance = template.distance
    slopes = np.stack(
        np.gradient(ndimage.gaussian_filter(distance, NORMAL_SMOOTHING_MM / zooms), *zooms), axis=-1
    )
    sparse_grid = np.zeros(distance.shape, dtype=bool)
    sparse_grid[::SURFACE_STEP_VOXELS, ::SURFACE_STEP_VOXELS, ::SURFACE_STEP_VOXELS] = True
    voxels = np.nonzero((np.abs(distance) < zooms.max()) & sparse_grid)
    normals = slopes[voxels] / np.linalg.norm(slopes[voxels], axis=1, keepdims=True)
    places = np.stack(voxels, axis=1) @ template.affine[:3, :3].T + template.affine[:3, 3]
    points = places - distance[voxels][:, None] * normals
    return Surface(distance, voxels, points, normals, _smoothing(points))


def read_profiles(surface: Surface, volume: Volume, registration: Registration) -> Floats:
    """Read a scan along the normals of the registered surface.

    Parameters
    ----------
    surface : Surface
    volume : Volume
    registration : Registration

    Returns
    -------
    ndarray of float64, shape (N, D)
        Intensities at the D depths of `DEPTHS_MM`; beyond the border of the scan its last voxel.
    """
    places = surface.points[:, None] + DEPTHS_MM[:, None] * surface.normals[:, None]
    to_voxels = np.linalg.inv(volume.affine) @ registration.affine
    voxels = places.reshape(-1, 3) @ to_voxels[:3, :3].T + to_voxels[:3, 3]
    sampled = ndimage.map_coordinates(volume.data, voxels.T, order=1, mode="nearest", output=np.float64)
    return np.asarray(sampled.reshape(places.shape[:2]))


def boundary_score(profiles: Floats, surface: Surface) -> Floats:
    """Rate every depth of every profile as the place where the brain ends.

    Parameters
    ----------
    profiles : ndarray of float64, shape (N, D)
        Of a scan in which brain is brighter than CSF and skull.
    surface : Surface

    Returns
    -------
    ndarray of float64, shape (N, D)
        Without unit; free of the scan's scale and of a slowly varying bias.
    """
    deepest, shallowest = BRAIN_DEPTHS_MM
    beneath = np.median(profiles[:, (deepest <= DEPTHS_MM) & (shallowest >= DEPTHS_MM)], axis=1)
    brain = surface.smooth(beneath, BRAIN_LEVEL_MM)
    relative = np.clip(profiles / np.maximum(brain, MIN_BRAIN_INTENSITY)[:, None], 0, MAX_RELATIVE_INTENSITY)
    grey = np.minimum(relative, GREY_LEVEL)
    score = np.zeros_like(profiles)
    for part, weights in ((grey, UP_TO_GREY_WEIGHTS), (relative - grey, BEYOND_GREY_WEIGHTS)):
        for layer, weight in weights:
            score += weight * _layer_mean(part, *layer)
    return score


def optimise_offsets(
    score: Floats, surface: Surface, looks: tuple[tuple[float, float], ...] = SMOOTHING_SCHEDULE
) -> Floats:
    """Choose an offset for every point: worth much, near its neighbours', and not far from where it was.

    Parameters
    ----------
    worth : ndarray of float64, shape (N, D)
    surface : Surface
    looks : tuple of (mm, price)
        Coarse to fine: over how many mm costs are pooled, and the price of a squared mm.

    Returns
    -------
    ndarray of float64, shape (N,)
        In mm, outward positive.
    """
    offsets = np.zeros(len(score))
    for mm, price in looks:
        pooled = surface.smooth(score, mm) - price * (DEPTHS_MM - offsets[:, None]) ** 2
        offsets = surface.smooth(DEPTHS_MM[pooled.argmax(axis=1)], mm)
    return offsets


def update_affine(offsets: Floats, surface: Surface, registration: Registration) -> Registration:
    """Move a registration by the affine that explains the offsets of its surface best.

    Parameters
    ----------
    offsets : ndarray of float64, shape (N,)
        In mm.
    surface : Surface
    registration : Registration

    Returns
    -------
    Registration
        With the similarity that it had.
    """
    homogeneous = np.column_stack([surface.points, np.ones(len(surface.points))])
    design = (surface.normals[:, :, None] * homogeneous[:, None, :]).reshape(-1, 12)
    weights = np.sqrt(1 / (1 + (offsets / OFFSET_SCALE_MM) ** 2))
    step = np.linalg.lstsq(design * weights[:, None], offsets * weights, rcond=None)[0]
    moved = np.eye(4)
    moved[:3] += step.reshape(3, 4)
    return Registration(registration.affine @ moved, registration.similarity).rounded()


def moved_distance(offsets: Floats, surface: Surface) -> NDArray[np.float32]:
    """Move the surface by its offsets and measure the distance to it.

    Parameters
    ----------
    offsets : ndarray of float64, shape (N,)
        In mm.
    surface : Surface

    Returns
    -------
    ndarray of float32, shape of the template
        In mm, negative inside.
    """
    field, weight = _spread(offsets, surface), _spread(np.ones(len(offsets)), surface)
    moved = surface.distance - field / np.maximum(weight, np.finfo(np.float32).tiny)
    return moved.astype(np.float32)


def _spread(values: Floats, surface: Surface) -> NDArray[np.float32]:
    """Sum values at the points into the template's voxels, weighted by a Gaussian of the distance."""
    volume = np.zeros(surface.distance.shape, dtype=np.float32)
    volume[surface.voxels] = values
    spread: NDArray[np.float32] = ndimage.gaussian_filter(
        volume, OFFSET_SMOOTHING_VOXELS, truncate=OFFSET_TRUNCATION, mode="constant"
    )
    return spread


def _smoothing(points: Floats) -> sparse.csr_array:
    from scipy import sparse  # slow to import, and stripped scans need neither
    from scipy.spatial import cKDTree

    distances, neighbours = cKDTree(points).query(points, k=SMOOTHING_NEIGHBOURS)
    weights = np.exp(-0.5 * (distances / SMOOTHING_MM) ** 2)
    weights /= weights.sum(axis=1, keepdims=True)
    starts = np.arange(0, neighbours.size + 1, SMOOTHING_NEIGHBOURS)
    return sparse.csr_array((weights.ravel(), neighbours.ravel(), starts), shape=(len(points), len(points)))


def _layer_mean(values: Floats, nearest: int, farthest: int) -> Floats:
    """Average, for every depth, the values from `nearest` to `farthest` mm beyond it."""
    depths = np.arange(len(DEPTHS_MM))
    last = len(DEPTHS_MM) - 1
    layers = [values[:, np.clip(depths + beyond, 0, last)] for beyond in range(nearest, farthest + 1)]
    return np.asarray(np.mean(layers, axis=0))
