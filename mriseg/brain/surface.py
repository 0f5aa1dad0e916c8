"""Optimisation of the brain's surface along the normals of the registered template.

After the affine registration the template's surface lies within some millimetres of the scan's. As in active
shape models [1]_ the scan is sampled along the normal at every surface point, and every depth of these
profiles is scored as the boundary of the brain. Scores are averaged over neighbouring points with a kernel
that shrinks from pass to pass, less a quadratic penalty on the distance from the offset of the previous pass.
The mask is the template's signed distance less the smooth field of offsets: one component, without holes, of
sub-voxel accuracy, and close to the shape of the template.

References
----------
.. [1] Cootes TF, Taylor CJ, Cooper DH, Graham J (1995). Active shape models: their training and application.
   Comput Vis Image Underst 61, 38-59.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from mriseg.brain.constants import (
    BEYOND_GREY_WEIGHTS,
    BRAIN_DEPTHS_MM,
    BRAIN_LEVEL_MM,
    COARSE_SCHEDULE,
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
from mriseg.images.background import intensity_floor
from mriseg.template.registration import Registration

if TYPE_CHECKING:
    from scipy import sparse

    from mriseg.images.volume import Volume
    from mriseg.template.head import Template

Floats = NDArray[np.float64]
Schedule = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Surface:
    """Points and normals on the surface of the template's brain.

    Parameters
    ----------
    distance : ndarray of float32, shape of the template
        Signed distance to the surface in mm, negative inside.
    voxels : tuple of ndarray of int, shape (N,) each
        Indices of the template voxels whose projections on the surface are the points.
    points : ndarray of float64, shape (N, 3)
        MNI coordinates, mm.
    normals : ndarray of float64, shape (N, 3)
        Unit vectors, outward.
    smoothing : sparse matrix, shape (N, N)
        One pass of Gaussian smoothing over neighbouring points; rows sum to 1.
    """

    distance: NDArray[np.float32]
    voxels: tuple[NDArray[np.int64], ...]
    points: Floats
    normals: Floats
    smoothing: sparse.csr_array

    def smooth(self, values: Floats, sigma_mm: float) -> Floats:
        """Smooth values at the points, shape (N, ...), with a Gaussian; variances of passes add up."""
        for _ in range(round((sigma_mm / SMOOTHING_MM) ** 2)):
            values = self.smoothing @ values
        return values


@cache
def template_surface(template: Template, step: int = SURFACE_STEP_VOXELS) -> Surface:
    """Sample the surface of the template's brain at evenly spaced points.

    Parameters
    ----------
    template : Template
    step : int
        Distance of the points along each axis, voxels of the template.

    Returns
    -------
    Surface
        Cached. Points are template voxels within one voxel of the surface, projected on it along the gradient
        of the signed distance.
    """
    zooms = np.linalg.norm(template.affine[:3, :3], axis=0)
    distance = template.distance
    smoothed = ndimage.gaussian_filter(distance, NORMAL_SMOOTHING_MM / zooms)
    gradients = np.stack(np.gradient(smoothed, *zooms), axis=-1)
    grid = np.zeros(distance.shape, dtype=bool)
    grid[::step, ::step, ::step] = True
    voxels = np.nonzero((np.abs(distance) < zooms.max()) & grid)
    normals = gradients[voxels] / np.linalg.norm(gradients[voxels], axis=1, keepdims=True)
    centres = np.stack(voxels, axis=1) @ template.affine[:3, :3].T + template.affine[:3, 3]
    points = centres - distance[voxels][:, None] * normals
    return Surface(distance, voxels, points, normals, _smoothing_operator(points))


def sample_profiles(surface: Surface, volume: Volume, registration: Registration) -> Floats:
    """Sample a scan along the normals of the registered surface by trilinear interpolation.

    Parameters
    ----------
    surface : Surface
        N points.
    volume : Volume
    registration : Registration
        Of the template to the scan.

    Returns
    -------
    ndarray of float64, shape (N, D)
        Intensities above the floor of the scan at the D depths of `mriseg.brain.constants.DEPTHS_MM`; the
        nearest voxel outside the scan.
    """
    positions = surface.points[:, None] + DEPTHS_MM[:, None] * surface.normals[:, None]
    mni_to_voxels = np.linalg.inv(volume.canonical_affine) @ registration.affine
    voxels = positions.reshape(-1, 3) @ mni_to_voxels[:3, :3].T + mni_to_voxels[:3, 3]
    sampled = ndimage.map_coordinates(volume.data, voxels.T, order=1, mode="nearest", output=np.float64)
    return np.asarray(sampled.reshape(positions.shape[:2]) - intensity_floor(volume.data))


def register_surface(
    surface: Surface, volume: Volume, registration: Registration
) -> tuple[Floats, Registration]:
    """Update the affine of a registered surface by its boundary in the scan, and score the boundary there.

    Parameters
    ----------
    surface : Surface
        N points.
    volume : Volume
    registration : Registration
        Of the template to the scan.

    Returns
    -------
    score : ndarray of float64, shape (N, D)
        See `boundary_score`.
    registration : Registration
        See `update_affine`.
    """
    score = boundary_score(sample_profiles(surface, volume, registration), surface)
    registration = update_affine(optimise_offsets(score, surface, COARSE_SCHEDULE), surface, registration)
    return boundary_score(sample_profiles(surface, volume, registration), surface), registration


def boundary_score(profiles: Floats, surface: Surface) -> Floats:
    """Score every depth of every profile as the boundary of the brain.

    The score is a weighted sum of the mean intensities of layers about the depth, relative to the brain
    beneath: high where bright tissue lies inside and dark CSF or bone at the depth and outside it.

    Parameters
    ----------
    profiles : ndarray of float64, shape (N, D)
        Intensities of a scan in which brain is brighter than CSF and skull.
    surface : Surface
        N points.

    Returns
    -------
    ndarray of float64, shape (N, D)
        Dimensionless; invariant to the intensity scale and to a slowly varying bias field.
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


def optimise_offsets(score: Floats, surface: Surface, schedule: Schedule = SMOOTHING_SCHEDULE) -> Floats:
    """Maximise the boundary score over one offset a point, coarse to fine.

    Each pass smooths the scores over the surface, subtracts the quadratic penalty on the change of the
    offset, takes the best depth of each point and smooths these offsets in turn.

    Parameters
    ----------
    score : ndarray of float64, shape (N, D)
        See `boundary_score`.
    surface : Surface
        N points.
    schedule : tuple of (float, float)
        Standard deviation of the smoothing in mm and weight of the penalty in 1/mm2, of each pass.

    Returns
    -------
    ndarray of float64, shape (N,)
        Offsets along the normals in mm, outward positive.
    """
    offsets = np.zeros(len(score))
    for sigma_mm, penalty in schedule:
        objective = surface.smooth(score, sigma_mm) - penalty * (DEPTHS_MM - offsets[:, None]) ** 2
        offsets = surface.smooth(DEPTHS_MM[objective.argmax(axis=1)], sigma_mm)
    return offsets


def update_affine(offsets: Floats, surface: Surface, registration: Registration) -> Registration:
    """Update a registration by the affine that fits the offsets of the surface in the least-squares sense.

    An affine displacement moves the point p with normal n by n . (A p + t) along its normal, which is linear
    in the twelve entries of (A, t). Cauchy weights reduce the influence of large offsets.

    Parameters
    ----------
    offsets : ndarray of float64, shape (N,)
        Along the normals, mm.
    surface : Surface
        N points.
    registration : Registration
        Of the template to the scan.

    Returns
    -------
    Registration
        With the similarity of the registration before the update.
    """
    homogeneous = np.column_stack([surface.points, np.ones(len(surface.points))])
    design = (surface.normals[:, :, None] * homogeneous[:, None, :]).reshape(-1, 12)
    weights = np.sqrt(1 / (1 + (offsets / OFFSET_SCALE_MM) ** 2))
    step = np.linalg.lstsq(design * weights[:, None], offsets * weights, rcond=None)[0]
    update = np.eye(4)
    update[:3] += step.reshape(3, 4)
    return Registration(registration.affine @ update, registration.similarity).rounded()


def displaced_distance(offsets: Floats, surface: Surface) -> NDArray[np.float32]:
    """Compute the signed distance to the surface displaced by its offsets.

    Parameters
    ----------
    offsets : ndarray of float64, shape (N,)
        Along the normals, mm.
    surface : Surface
        N points.

    Returns
    -------
    ndarray of float32, shape of the template
        The template's signed distance less the offsets, interpolated by normalised convolution; mm, negative
        inside.
    """
    weighted = _convolve_to_grid(offsets, surface)
    weight = _convolve_to_grid(np.ones(len(offsets)), surface)
    displaced = surface.distance - weighted / np.maximum(weight, np.finfo(np.float32).tiny)
    return displaced.astype(np.float32)


def _convolve_to_grid(values: Floats, surface: Surface) -> NDArray[np.float32]:
    """Convolve values at the points with a Gaussian on the template's grid."""
    volume = np.zeros(surface.distance.shape, dtype=np.float32)
    volume[surface.voxels] = values
    convolved: NDArray[np.float32] = ndimage.gaussian_filter(
        volume, OFFSET_SMOOTHING_VOXELS, truncate=OFFSET_TRUNCATION, mode="constant"
    )
    return convolved


def _smoothing_operator(points: Floats) -> sparse.csr_array:
    """Build the matrix that averages values over the nearest points with Gaussian weights."""
    from scipy import sparse  # slow to import, and not needed for stripped scans
    from scipy.spatial import cKDTree

    distances, neighbours = cKDTree(points).query(points, k=SMOOTHING_NEIGHBOURS)
    weights = np.exp(-0.5 * (distances / SMOOTHING_MM) ** 2)
    weights /= weights.sum(axis=1, keepdims=True)
    row_starts = np.arange(0, neighbours.size + 1, SMOOTHING_NEIGHBOURS)
    shape = (len(points), len(points))
    return sparse.csr_array((weights.ravel(), neighbours.ravel(), row_starts), shape=shape)


def _layer_mean(values: Floats, first_mm: int, last_mm: int) -> Floats:
    """Average, for every depth, the values from `first_mm` to `last_mm` outward of it, both included."""
    before, after, count = max(0, -first_mm), max(0, last_mm), last_mm - first_mm + 1
    padded = np.pad(values, ((0, 0), (before, after)), mode="edge")
    layers = [padded[:, before + first_mm + i :][:, : len(DEPTHS_MM)] for i in range(count)]
    return np.asarray(sum(layers) / count)
