"""Starting affines of the registration: from the top of a head, or from the moments of a brain mask."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mriseg.images.background import otsu_threshold
from mriseg.images.voxels import largest_component
from mriseg.template.constants import (
    CROWN_HEIGHT_MM,
    FAT_PERCENTILE,
    HEAD_THRESHOLD_FACTOR,
    MIN_CROWN_AREA_MM2,
    START_HEIGHTS_MM,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mriseg.template.gauss_newton import ScanLevel
    from mriseg.template.head import Template

Floats = NDArray[np.floating]


def head_threshold(data: NDArray[np.float32]) -> float:
    """Compute an intensity that separates air from the head: a share of Otsu's threshold, fat clipped.

    Parameters
    ----------
    data : ndarray of float32, shape (X, Y, Z)
        Intensities of a whole head.

    Returns
    -------
    float
        In units of the intensities.
    """
    clipped = np.minimum(data, np.percentile(data, FAT_PERCENTILE))
    return HEAD_THRESHOLD_FACTOR * otsu_threshold(clipped.ravel())


def head_starts(scan: ScanLevel, template: Template, scales: Sequence[float]) -> list[Floats]:
    """Compute starts that place the template's brain below the top of the head.

    Parameters
    ----------
    scan : ScanLevel
        A whole head.
    template : Template
    scales : sequence of float
        Isotropic scales of the template.

    Returns
    -------
    list of ndarray of float64, shape (4, 4)
        MNI coordinates to world coordinates of the scan in mm, for every height and scale.
    """
    crown = _crown(scan)
    brain = np.argwhere(template.brain > 0.5) @ template.affine[:3, :3].T + template.affine[:3, 3]
    anchor = np.array([*brain.mean(axis=0)[:2], brain[:, 2].max()])
    starts = []
    for height, scale in product(START_HEIGHTS_MM, scales):
        start = np.diag([scale, scale, scale, 1.0])
        start[:3, 3] = crown + np.array([0, 0, height]) - scale * anchor
        starts.append(start)
    return starts


def mask_start(mask: NDArray[np.bool_], affine: Floats, template: Template) -> Floats:
    """Compute the translation and scale that match the template's brain to the moments of a mask.

    Parameters
    ----------
    mask : ndarray of bool, shape (X, Y, Z)
        The brain; not empty.
    affine : ndarray of float64, shape (4, 4)
        Voxel indices of the mask to world coordinates, mm.
    template : Template

    Returns
    -------
    ndarray of float64, shape (4, 4)
        MNI coordinates to world coordinates of the scan, mm.
    """
    (centre, size), (template_centre, template_size) = (
        _moments(brain, to_world)
        for brain, to_world in ((mask, affine), (template.brain > 0.5, template.affine))
    )
    start = np.diag([size / template_size] * 3 + [1.0])
    start[:3, 3] = centre - start[:3, :3] @ template_centre
    return start


def rotations(centre: Floats, angles: Sequence[float]) -> list[Floats]:
    """Return the rotations about a point, by each angle in radians about each axis; shape (4, 4) each."""
    matrices: list[Floats] = []
    for axes, angle in product(((0, 1), (1, 2), (2, 0)), angles):
        matrix = np.eye(4)
        matrix[np.ix_(axes, axes)] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
        matrix[:3, 3] = centre - matrix[:3, :3] @ centre
        matrices.append(matrix)
    return matrices


def _crown(scan: ScanLevel) -> Floats:
    """Return the world coordinates of the top of a head above the centroid of its upper part, mm (3,)."""
    data, affine = scan
    zooms = np.linalg.norm(affine[:3, :3], axis=0)
    head = largest_component(data > head_threshold(data))
    areas = head.sum(axis=(0, 1)) * zooms[0] * zooms[1]
    large = np.flatnonzero(areas > MIN_CROWN_AREA_MM2)
    top = int(large[-1]) if large.size else head.shape[2] - 1
    upper = head.copy()
    upper[:, :, : max(0, top - round(CROWN_HEIGHT_MM / zooms[2]))] = False
    x, y, _ = np.argwhere(upper if upper.any() else ~upper).mean(axis=0)
    crown: Floats = affine[:3, :3] @ (x, y, top) + affine[:3, 3]
    return crown


def _moments(mask: NDArray[np.bool_], affine: Floats) -> tuple[Floats, float]:
    """Return the centroid of a mask (3,) and the root mean square distance from it, mm."""
    centre, variances = np.zeros(3), np.zeros(3)
    for axis, length in enumerate(mask.shape):
        counts = mask.sum(axis=tuple(other for other in range(3) if other != axis))
        centre[axis] = np.average(np.arange(length), weights=counts)
        variances[axis] = np.average((np.arange(length) - centre[axis]) ** 2, weights=counts)
    size = np.sqrt(variances @ (affine[:3, :3] ** 2).sum(axis=0))
    return affine[:3, :3] @ centre + affine[:3, 3], float(size)
