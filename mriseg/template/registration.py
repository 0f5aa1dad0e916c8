"""Affine registration of the packaged head template to a scan, and resampling by it and a deformation.

The optimisation is Gauss-Newton on intensities (`mriseg.template.gauss_newton`), coarse to fine, from several
starts (`mriseg.template.starts`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from mriseg._utils.parallel import parallel_chunks
from mriseg.images.background import intensity_floor, power_of_two_scale
from mriseg.images.voxels import bounding_box, coarsen
from mriseg.labels.contrasts import CONTRASTS
from mriseg.template.constants import (
    AFFINE_DECIMALS,
    BRAIN_PERCENTILES,
    FAT_PERCENTILE,
    FIELD_ORDER,
    FREE_FIELD_PENALTY,
    INFANT_START_SCALES,
    MASK_START_ROTATIONS,
    MAX_RIVALS,
    MIN_BRAIN_ML,
    MIN_RIVAL_DISTANCE_MM,
    MIN_RIVAL_SIMILARITY,
    MIN_SCALE,
    MIN_SCALE_RATIO,
    PLAUSIBLE_INFANT_SCALES,
    PLAUSIBLE_SCALES,
    REGISTRATION_SPACINGS_MM,
    START_ROTATION,
    START_SCALES,
    STIFF_FIELD_PENALTY,
    UPRIGHT_SIMILARITY,
)
from mriseg.template.gauss_newton import (
    AFFINE_DIRECTIONS,
    SIMILARITY_DIRECTIONS,
    ScanLevel,
    TemplateLevel,
    gauss_newton,
    lowest_similarity,
    template_level,
)
from mriseg.template.starts import head_starts, head_threshold, mask_start, rotations

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mriseg.images.volume import Volume
    from mriseg.template.deformation import Deformation
    from mriseg.template.head import Template

Floats = NDArray[np.floating]

# Planes that a thread resamples at a time.
_PLANES = 16


@dataclass(frozen=True)
class Registration:
    """A registration of the template to a scan.

    Parameters
    ----------
    affine : ndarray of float64, shape (4, 4)
        MNI coordinates to world coordinates of the scan, mm.
    similarity : float
        R squared of the template's maps on the intensities around the brain, 0 to 1.
    deformation : Deformation, optional
        Of the template before the affine.
    """

    affine: Floats
    similarity: float
    deformation: Deformation | None = None

    @property
    def fits_whole_brain(self) -> bool:
        """Whether the scales of the affine, its singular values, are those of a whole human brain."""
        scales = np.linalg.svd(self.affine[:3, :3], compute_uv=False)
        return bool(scales[2] >= max(MIN_SCALE, MIN_SCALE_RATIO * scales[0]))

    @property
    def scale(self) -> float:
        """Scale of the affine, the cube root of its determinant."""
        return float(np.cbrt(abs(np.linalg.det(self.affine[:3, :3]))))

    def rounded(self) -> Registration:
        """Round the affine to a micrometre: digits beyond depend on the number of threads."""
        return Registration(np.round(self.affine, AFFINE_DECIMALS) + 0.0, self.similarity)

    @property
    def scan_to_mni(self) -> Floats:
        """World coordinates of the scan to MNI coordinates in mm, rounded likewise, shape (4, 4)."""
        return np.round(np.linalg.inv(self.affine), AFFINE_DECIMALS) + 0.0


def register(volume: Volume, template: Template, contrast: str | None = "t1") -> Registration:
    """Register the template to a scan of a whole head by an affine.

    Parameters
    ----------
    volume : Volume
        A whole head.
    template : Template
    contrast : str or None
        A key of `mriseg.labels.contrasts.CONTRASTS`, or None if unknown. A scan whose contrast is that of the
        template is regressed on the template's head alone, times a smooth receive field, which is the more
        robust; any other on five maps of the template (head, brain, GM, WM, skull), each with a coefficient
        of its own; fields of so many maps would explain any scan.

    Returns
    -------
    Registration
        The most similar result of starts at several heights and scales and, if none of them is similar
        enough, of rotated starts too.
    """
    scans = _head_pyramid(volume)
    known = None if contrast is None else CONTRASTS[contrast]
    maps, order = [template.head], FIELD_ORDER
    if known is None or not known.like_template:
        maps, order = [*maps, template.brain, template.gm, template.wm, template.skull], 0
    levels = [
        template_level(template, maps, spacing, order).with_penalty(STIFF_FIELD_PENALTY)
        for spacing in REGISTRATION_SPACINGS_MM
    ]
    plain, free = levels[0].without_field(), levels[0].with_penalty(FREE_FIELD_PENALTY)
    infant = known is not None and known.infant
    scales = PLAUSIBLE_INFANT_SCALES if infant else PLAUSIBLE_SCALES
    starts = head_starts(scans[0], template, INFANT_START_SCALES if infant else START_SCALES)
    tilts = rotations(levels[0].points.mean(axis=0), (-START_ROTATION, START_ROTATION))
    tilted = [start @ tilt for start in starts for tilt in tilts]
    found: list[Registration] = []
    for search, poses in ((plain, starts), (free, starts), (plain, tilted), (free, tilted)):
        if not found or _best(found, scales).similarity < UPRIGHT_SIMILARITY:
            coarse = _distinct(_register_coarsely(search, scans[0], poses), search.points, scales)
            found += [_checked(_refine(result, levels, scans), levels[1], scans[1]) for result in coarse]
    best = _best(found, scales)
    return replace(best, affine=_refine(best, [levels[1].with_penalty(FREE_FIELD_PENALTY)], scans[1:]).affine)


def holds_brain(volume: Volume, mask: NDArray[np.bool_]) -> bool:
    """Return whether a mask (X, Y, Z) is large enough for a brain to be registered to."""
    return bool(np.count_nonzero(mask) * volume.voxel_ml >= MIN_BRAIN_ML)


def register_brain(volume: Volume, mask: NDArray[np.bool_], template: Template) -> Registration:
    """Register the template's brain to a brain with a given mask by an affine.

    Parameters
    ----------
    volume : Volume
        A whole head or a stripped brain, in any contrast.
    mask : ndarray of bool, shape (X, Y, Z)
        The brain; not empty.
    template : Template

    Returns
    -------
    Registration
        The most similar of four starts with the centroid and size of the mask: upright, and rotated by half a
        turn about each axis, as wrong headers have it. Intensities outside the mask are 0, so that the
        similarity is high wherever the masks agree.
    """
    scans = _brain_pyramid(volume, mask)
    maps = [template.brain, template.gm, template.wm]
    levels = [template_level(template, maps, spacing) for spacing in REGISTRATION_SPACINGS_MM]
    start = mask_start(mask, volume.canonical_affine, template)
    turns = rotations(levels[0].points.mean(axis=0), MASK_START_ROTATIONS)
    coarse = _register_coarsely(levels[0], scans[0], [start, *(start @ turn for turn in turns)])
    return _refine(max(coarse, key=lambda result: result.similarity), levels, scans)


def resample_to_scan(
    array: NDArray[np.float32],
    template: Template,
    registration: Registration,
    volume: Volume,
    outside: float = 0.0,
) -> NDArray[np.float32]:
    """Resample an array on the template grid to the grid of a registered scan by trilinear interpolation.

    Parameters
    ----------
    array : ndarray of float32, shape of the template
    template : Template
    registration : Registration
        Of the template to the scan.
    volume : Volume
        The scan, of shape (X, Y, Z).
    outside : float
        Value of the array around its region of interest, and beyond its grid.

    Returns
    -------
    ndarray of float32, shape (X, Y, Z)
    """
    if registration.deformation is not None:
        array = registration.deformation.deformed(array)
    to_template = np.linalg.inv(registration.affine @ template.affine) @ volume.canonical_affine
    resampled = np.full(volume.data.shape, outside, dtype=np.float32)
    box = _covered_box(array != outside, np.linalg.inv(to_template), volume.data.shape)
    covered = resampled[box]
    corner = to_template[:3, :3] @ [side.start for side in box] + to_template[:3, 3]
    # Scans may be finer than the template: between its voxels nothing but interpolation is left to do.
    x, y, z = (max(1, round(1 / norm)) for norm in np.linalg.norm(to_template[:3, :3], axis=0))
    matrix = to_template[:3, :3] * (x, y, z)

    def resample_planes(part: slice) -> None:
        planes = covered[part]
        shape = [_coarse_length(*axis) for axis in zip(planes.shape, (x, y, z), strict=True)]
        offset = corner + to_template[:3, 0] * part.start
        coarse = ndimage.affine_transform(array, matrix, offset, output_shape=shape, order=1, cval=outside)
        for axis, step in enumerate((x, y, z)):
            coarse = _interpolated(coarse, axis, step)
        planes[...] = coarse[tuple(map(slice, planes.shape))]

    parallel_chunks(resample_planes, len(covered), _PLANES)
    return resampled


def _coarse_length(length: int, step: int) -> int:
    """Return how many values `step` apart reach beyond the last of `length`."""
    return length if step == 1 else (length - 1) // step + 2


def _interpolated(array: NDArray[np.float32], axis: int, step: int) -> NDArray[np.float32]:
    """Interpolate N values along an axis linearly to (N - 1) times `step`; as they are for a step of 1."""
    if step == 1:
        return array
    before = (slice(None),) * axis
    first, last = array[(*before, slice(-1))], array[(*before, slice(1, None))]
    between = [first + np.float32(part / step) * (last - first) for part in range(step)]
    shape = (*array.shape[:axis], (array.shape[axis] - 1) * step, *array.shape[axis + 1 :])
    return np.stack(between, axis + 1).reshape(shape)


def sample_template(
    arrays: Sequence[NDArray[np.float32]], template: Template, registration: Registration, points: Floats
) -> NDArray[np.float32]:
    """Sample arrays on the template grid at points by trilinear interpolation; 0 beyond the grid.

    Parameters
    ----------
    arrays : K ndarrays of float32, shape of the template
    template : Template
    registration : Registration
        Its deformation is that of the arrays.
    points : ndarray of float64, shape (N, 3)
        MNI coordinates, mm.

    Returns
    -------
    ndarray of float32, shape (N, K)
    """
    to_voxels = np.linalg.inv(template.affine)
    voxels = points @ to_voxels[:3, :3].T + to_voxels[:3, 3]
    if registration.deformation is not None:
        voxels = registration.deformation.taken_from(voxels)
    sampled = [ndimage.map_coordinates(array, voxels.T, order=1, output=np.float32) for array in arrays]
    return np.column_stack(sampled)


def _covered_box(region: NDArray[np.bool_], to_voxels: Floats, shape: tuple[int, ...]) -> tuple[slice, ...]:
    """Return the box of scan voxels that a region of the template maps to."""
    ends = [(side.start - 1, side.stop) for side in bounding_box(region)]
    corners = np.array(list(product(*ends))) @ to_voxels[:3, :3].T + to_voxels[:3, 3]
    low = np.clip(np.floor(corners.min(axis=0)), 0, shape).astype(int)
    high = np.clip(np.ceil(corners.max(axis=0)) + 1, low, shape).astype(int)
    return tuple(slice(*sides) for sides in zip(low, high, strict=True))


def _head_pyramid(volume: Volume) -> list[ScanLevel]:
    """Coarsen a whole head to the spacings of the registration, fat clipped; the coarsest level first."""
    data, affine = coarsen(volume.data, volume.canonical_affine, REGISTRATION_SPACINGS_MM[1])
    data -= np.float32(intensity_floor(volume.data))
    brightest = float(np.percentile(data[data > head_threshold(data)], FAT_PERCENTILE))
    fine = ScanLevel(np.minimum(data, np.float32(brightest)) * power_of_two_scale(brightest), affine)
    return [ScanLevel(*coarsen(*fine, REGISTRATION_SPACINGS_MM[0])), fine]


def _brain_pyramid(volume: Volume, mask: NDArray[np.bool_]) -> list[ScanLevel]:
    """Coarsen a brain to the spacings of the registration, intensities from 0; the coarsest level first."""
    inside = volume.data[mask]
    low, high = np.percentile(inside, BRAIN_PERCENTILES).astype(np.float32)
    brain = np.zeros(mask.shape, dtype=np.float32)
    brain[mask] = (np.clip(inside, low, high) - low) * power_of_two_scale(float(high - low))
    fine = ScanLevel(*coarsen(brain, volume.canonical_affine, REGISTRATION_SPACINGS_MM[1]))
    return [ScanLevel(*coarsen(*fine, REGISTRATION_SPACINGS_MM[0])), fine]


def _register_coarsely(level: TemplateLevel, scan: ScanLevel, starts: Sequence[Floats]) -> list[Registration]:
    """Optimise every start over similarity transforms.

    All twelve parameters at once would let a rough start stretch the template out of shape.
    """
    return [Registration(*gauss_newton(level, scan, start, SIMILARITY_DIRECTIONS)) for start in starts]


def _best(results: Sequence[Registration], scales: tuple[float, float]) -> Registration:
    return max(_plausible(results, scales), key=lambda result: result.similarity)


def _checked(result: Registration, level: TemplateLevel, scan: ScanLevel) -> Registration:
    return replace(result, similarity=lowest_similarity(level, scan, result.affine))


def _plausible(results: Sequence[Registration], scales: tuple[float, float]) -> Sequence[Registration]:
    """Select the results with the scale of a human brain; all of them if none has it."""
    return [result for result in results if scales[0] <= result.scale <= scales[1]] or results


def _distinct(
    results: Sequence[Registration], points: Floats, scales: tuple[float, float]
) -> list[Registration]:
    """Select the most similar plausible results that differ in where they place the points (N, 3)."""
    results = _plausible(results, scales)
    selected: list[Registration] = []
    threshold = MIN_RIVAL_SIMILARITY * max(result.similarity for result in results)
    for result in sorted(results, key=lambda result: -result.similarity):
        if result.similarity < threshold or len(selected) == MAX_RIVALS:
            break
        shifts = [result.affine - other.affine for other in selected]
        distances = [np.linalg.norm(points @ shift[:3, :3].T + shift[:3, 3], axis=1) for shift in shifts]
        if all(np.sqrt(np.mean(distance**2)) > MIN_RIVAL_DISTANCE_MM for distance in distances):
            selected.append(result)
    return selected


def _refine(
    result: Registration, levels: Sequence[TemplateLevel], scans: Sequence[ScanLevel]
) -> Registration:
    """Optimise all twelve parameters, at one spacing after the other."""
    for level, scan in zip(levels, scans, strict=True):
        result = Registration(*gauss_newton(level, scan, result.affine, AFFINE_DIRECTIONS))
    return result.rounded()
