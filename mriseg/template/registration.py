"""The affine registration of the packaged head template to a scan.

The registration is Gauss-Newton on intensities. At every step the scan, sampled where the template's voxels
fall, is regressed on maps of the template and a constant: how much that explains is the similarity. Then it
is regressed on the maps and on the change of what they explain with the twelve parameters of an affine: the
coefficients are the step. Deriving the template instead of the scan keeps to the smooth side [1]_; regressing
on the template makes the intensities of the two comparable, and with several maps does so in any contrast.

References
----------
.. [1] Baker S, Matthews I (2004). Lucas-Kanade 20 years on. Int J Comput Vis 56:221-255.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.filters import threshold_otsu

from mriseg._utils.parallel import parallel_chunks
from mriseg.images.voxels import bounding_box, coarsen, largest_part
from mriseg.labels.contrasts import CONTRASTS
from mriseg.template.constants import (
    AFFINE_DECIMALS,
    BRAIN_PERCENTILES,
    CROWN_HEIGHT_MM,
    FAT_PERCENTILE,
    HEAD_THRESHOLD_FACTOR,
    INFANT_START_SCALES,
    MARGIN_TAPER_MM,
    MASK_START_ROTATIONS,
    MAX_RIVALS,
    MAX_STEPS,
    MIN_CROWN_AREA_MM2,
    MIN_GAIN,
    MIN_OVERLAP,
    MIN_RIVAL_DISTANCE_MM,
    MIN_RIVAL_SIMILARITY,
    MIN_SAMPLE_WEIGHT,
    MIN_SCALE,
    MIN_SCALE_RATIO,
    REGISTRATION_MARGIN_MM,
    REGISTRATION_SPACINGS_MM,
    START_HEIGHTS_MM,
    START_ROTATION,
    START_SCALES,
    STEP_LENGTHS,
    UPRIGHT_SIMILARITY,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mriseg.images.volume import Volume
    from mriseg.template.head import Template

Floats = NDArray[np.floating]

_PLANES = 16  # to resample at a time

# Columns: the directions in the twelve entries of a 3 x 4 affine along which a step may go. The first steps
# from a rough start may only move, turn and scale; all twelve free would stretch the head out of shape.
_AFFINE = np.eye(12)
_SIMILARITY = np.array([
    [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0],
    [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0],
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
    [0, 1, 0, 0, -1, 0, 0, 0, 0, 0, 0, 0],
    [0, 0, 1, 0, 0, 0, 0, 0, -1, 0, 0, 0],
    [0, 0, 0, 0, 0, 0, 1, 0, 0, -1, 0, 0],
    [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0],
], dtype=np.float64).T  # fmt: skip


@dataclass(frozen=True)
class Registration:
    """Where the template lies in a scan.

    Parameters
    ----------
    affine : ndarray of float64, shape (4, 4)
        MNI coordinates to the scan's world coordinates, mm.
    similarity : float
        Share of the scan's variance around the brain that the template explains, 0 to 1.
    """

    affine: Floats
    similarity: float

    @property
    def of_a_whole_brain(self) -> bool:
        """Whether the template was laid over a whole human brain, and not squeezed onto something else."""
        scales = np.linalg.svd(self.affine[:3, :3], compute_uv=False)
        return bool(scales[2] >= max(MIN_SCALE, MIN_SCALE_RATIO * scales[0]))

    def rounded(self) -> Registration:
        """Drop the digits of the affine that depend on the number of threads; a micrometre is left."""
        return Registration(np.round(self.affine, AFFINE_DECIMALS) + 0.0, self.similarity)

    @property
    def scan_to_mni(self) -> Floats:
        """World coordinates of the scan to MNI coordinates, mm, with as many digits."""
        return np.round(np.linalg.inv(self.affine), AFFINE_DECIMALS) + 0.0


@dataclass(frozen=True)
class _Level:
    """The template at one spacing.

    Points (N, 3) in mm; at each its weight, the values of the template's maps (N, M), the last of them
    constant, and the maps' slopes (N, 3, M).
    """

    points: Floats
    weights: Floats
    values: Floats
    slopes: Floats


def register(volume: Volume, template: Template, contrast: str | None = "t1") -> Registration:
    """Find the affine that lays the template over a scan of a whole head.

    Parameters
    ----------
    volume : Volume
        A whole head.
    template : Template
        The head to register.
    contrast : str or None
        A key of `mriseg.labels.contrasts.CONTRASTS`, or None if unknown. A scan whose contrast is that of the
        template is regressed on the template's head alone, which is the more robust; any other on five maps
        of the template (head, brain, GM, WM, skull), each with a coefficient of its own.

    Returns
    -------
    Registration
        The best of several starts in height and scale, and, where those explain little, in tilt.
    """
    scans = _pyramid(volume)
    known = None if contrast is None else CONTRASTS[contrast]
    maps = [template.head]
    if known is None or not known.like_template:
        maps += [template.brain, template.gm, template.wm, template.skull]
    levels = [_level(template, maps, spacing) for spacing in REGISTRATION_SPACINGS_MM]
    starts = _starts(
        *scans[0], template, INFANT_START_SCALES if known is not None and known.infant else START_SCALES
    )
    tries = [_gauss_newton(levels[0], *scans[0], start, _SIMILARITY) for start in starts]
    if max(found.similarity for found in tries) < UPRIGHT_SIMILARITY:
        turned = [
            start @ turn
            for start in starts
            for turn in _turns(levels[0].points.mean(axis=0), (-START_ROTATION, START_ROTATION))
        ]
        tries += [_gauss_newton(levels[0], *scans[0], start, _SIMILARITY) for start in turned]
    refined = [_refined(found, levels, scans) for found in _distinct(tries, levels[0].points)]
    return max(refined, key=lambda found: found.similarity)


def register_brain(volume: Volume, mask: NDArray[np.bool_], template: Template) -> Registration:
    """Find the affine that lays the template's brain over a brain whose mask is known.

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
        The best of four starts with the mask's centre and size: upright, and turned half round about each
        axis, as headers get it wrong. Nothing outside the mask counts, so that the similarity is high
        wherever the masks agree.
    """
    inside = volume.data[mask]
    low, high = np.percentile(inside, BRAIN_PERCENTILES).astype(np.float32)
    brain = np.zeros(mask.shape, dtype=np.float32)
    brain[mask] = np.clip(inside, low, high) - low
    fine = coarsen(brain, volume.affine, REGISTRATION_SPACINGS_MM[1])
    scans = [coarsen(*fine, REGISTRATION_SPACINGS_MM[0]), fine]
    levels = [
        _level(template, [template.brain, template.gm, template.wm], at) for at in REGISTRATION_SPACINGS_MM
    ]
    start = _start_on_mask(mask, volume.affine, template)
    starts = [start, *(start @ turn for turn in _turns(levels[0].points.mean(axis=0), MASK_START_ROTATIONS))]
    tries = [_gauss_newton(levels[0], *scans[0], begin, _SIMILARITY) for begin in starts]
    return _refined(max(tries, key=lambda found: found.similarity), levels, scans)


def resample_to_scan(
    array: NDArray[np.float32],
    template: Template,
    registration: Registration,
    volume: Volume,
    outside: float = 0.0,
) -> NDArray[np.float32]:
    """Resample an array on the template's grid to the grid of a registered scan, trilinearly.

    Parameters
    ----------
    array : ndarray of float32, shape of the template
    template : Template
    registration : Registration
    volume : Volume
    outside : float
        The array's value all around what matters of it, and beyond.

    Returns
    -------
    ndarray of float32, shape of the volume
    """
    to_template = np.linalg.inv(registration.affine @ template.affine) @ volume.affine
    carried = np.full(volume.data.shape, outside, dtype=np.float32)
    box = _reached(array != outside, np.linalg.inv(to_template), volume.data.shape)
    reached, turn = carried[box], to_template[:3, :3]
    corner = turn @ [side.start for side in box] + to_template[:3, 3]

    def fill(part: slice) -> None:
        planes, begin = reached[part], corner + turn[:, 0] * part.start
        planes[...] = ndimage.affine_transform(
            array, turn, begin, output_shape=planes.shape, order=1, cval=outside
        )

    parallel_chunks(fill, len(reached), _PLANES)
    return carried


def _reached(filled: NDArray[np.bool_], to_voxels: Floats, shape: tuple[int, ...]) -> tuple[slice, ...]:
    """Bound the voxels of a scan that the filled part of the template falls on."""
    ends = [(side.start - 1, side.stop) for side in bounding_box(filled)]
    corners = np.array(list(product(*ends))) @ to_voxels[:3, :3].T + to_voxels[:3, 3]
    low = np.clip(np.floor(corners.min(axis=0)), 0, shape).astype(int)
    high = np.clip(np.ceil(corners.max(axis=0)) + 1, low, shape).astype(int)
    return tuple(slice(*sides) for sides in zip(low, high, strict=True))


def _pyramid(volume: Volume) -> list[tuple[NDArray[np.float32], Floats]]:
    """Coarsen a scan to the registration's spacings, fat cut down to the bright end of the head."""
    data, affine = coarsen(volume.data, volume.affine, REGISTRATION_SPACINGS_MM[1])
    head = data[data > head_threshold(data)]
    fine = np.minimum(data, np.percentile(head, FAT_PERCENTILE)), affine
    return [coarsen(*fine, REGISTRATION_SPACINGS_MM[0]), fine]


def head_threshold(data: NDArray[np.float32]) -> float:
    """Return an intensity between those of air and of the head."""
    return HEAD_THRESHOLD_FACTOR * float(
        threshold_otsu(np.minimum(data, np.percentile(data, FAT_PERCENTILE)).ravel())
    )


def _level(template: Template, maps: Sequence[NDArray[np.float32]], spacing: float) -> _Level:
    near: NDArray[np.float32] = np.clip(
        (REGISTRATION_MARGIN_MM - template.distance) / np.float32(MARGIN_TAPER_MM), 0, 1
    )
    weights, affine = coarsen(near, template.affine, spacing)
    kept = weights > MIN_SAMPLE_WEIGHT
    coarse = [coarsen(data, template.affine, spacing)[0].astype(np.float64) for data in maps]
    coarse.append(np.ones(kept.shape))
    spacings = np.linalg.norm(affine[:3, :3], axis=0)
    return _Level(
        points=np.argwhere(kept) @ affine[:3, :3].T + affine[:3, 3],
        weights=weights[kept].astype(np.float64),
        values=np.stack([data[kept] for data in coarse], axis=1),
        slopes=np.stack([_slopes(data, spacings)[kept] for data in coarse], axis=2),
    )


def _starts(
    data: NDArray[np.float32], affine: Floats, template: Template, scales: Sequence[float]
) -> list[Floats]:
    """Lay the template's brain under the top of the head, at several heights and scales."""
    zooms = np.linalg.norm(affine[:3, :3], axis=0)
    head = largest_part(data > head_threshold(data))
    areas = head.sum(axis=(0, 1)) * zooms[0] * zooms[1]
    top = (
        int(np.flatnonzero(areas > MIN_CROWN_AREA_MM2)[-1])
        if (areas > MIN_CROWN_AREA_MM2).any()
        else head.shape[2] - 1
    )
    upper = head.copy()
    upper[:, :, : max(0, top - round(CROWN_HEIGHT_MM / zooms[2]))] = False
    x, y, _ = np.argwhere(upper if upper.any() else ~upper).mean(axis=0)
    crown = affine[:3, :3] @ (x, y, top) + affine[:3, 3]
    brain = np.argwhere(template.brain > 0.5) @ template.affine[:3, :3].T + template.affine[:3, 3]
    anchor = np.array([*brain.mean(axis=0)[:2], brain[:, 2].max()])
    starts = []
    for height, scale in product(START_HEIGHTS_MM, scales):
        start = np.diag([scale, scale, scale, 1.0])
        start[:3, 3] = crown + np.array([0, 0, height]) - scale * anchor
        starts.append(start)
    return starts


def _start_on_mask(mask: NDArray[np.bool_], affine: Floats, template: Template) -> Floats:
    """Lay the centre of the template's brain on that of a mask, and make it as large."""
    (centre, size), (own_centre, own_size) = (
        _centre_and_size(where, to_world)
        for where, to_world in ((mask, affine), (template.brain > 0.5, template.affine))
    )
    start = np.diag([size / own_size] * 3 + [1.0])
    start[:3, 3] = centre - start[:3, :3] @ own_centre
    return start


def _centre_and_size(mask: NDArray[np.bool_], affine: Floats) -> tuple[Floats, float]:
    """Return the centre of a mask (3,) and its root mean square distance from there, mm."""
    centre, squares = np.zeros(3), np.zeros(3)
    for axis, length in enumerate(mask.shape):
        counts = mask.sum(axis=tuple(other for other in range(3) if other != axis))
        centre[axis] = np.average(np.arange(length), weights=counts)
        squares[axis] = np.average((np.arange(length) - centre[axis]) ** 2, weights=counts)
    size = np.sqrt(squares @ (affine[:3, :3] ** 2).sum(axis=0))
    return affine[:3, :3] @ centre + affine[:3, 3], float(size)


def _slopes(data: Floats, spacings: Floats) -> Floats:
    slopes: list[Floats] = list(np.gradient(data, *spacings))
    return np.stack(slopes, axis=-1)


def _turns(centre: Floats, angles: Sequence[float]) -> list[Floats]:
    """Rotations about each axis through a point, (4, 4)."""
    turns: list[Floats] = []
    for axes, angle in product(((0, 1), (1, 2), (2, 0)), angles):
        turn = np.eye(4)
        turn[np.ix_(axes, axes)] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
        turn[:3, 3] = centre - turn[:3, :3] @ centre
        turns.append(turn)
    return turns


def _distinct(tries: list[Registration], points: Floats) -> list[Registration]:
    """Choose the few most similar of some registrations that lay the points at different places."""
    chosen: list[Registration] = []
    least = MIN_RIVAL_SIMILARITY * max(found.similarity for found in tries)
    for found in sorted(tries, key=lambda found: -found.similarity):
        if found.similarity < least or len(chosen) == MAX_RIVALS:
            break
        shifts = [found.affine - other.affine for other in chosen]
        apart = [np.linalg.norm(points @ shift[:3, :3].T + shift[:3, 3], axis=1) for shift in shifts]
        if all(np.sqrt(np.mean(distance**2)) > MIN_RIVAL_DISTANCE_MM for distance in apart):
            chosen.append(found)
    return chosen


def _refined(
    found: Registration, levels: Sequence[_Level], scans: Sequence[tuple[NDArray[np.float32], Floats]]
) -> Registration:
    """Let all twelve parameters free, at the coarse spacing, then at the fine one."""
    for level, scan in zip(levels, scans, strict=True):
        found = _gauss_newton(level, *scan, found.affine, _AFFINE)
    return found.rounded()


def _gauss_newton(level: _Level, data: NDArray[np.float32], affine: Floats, start: Floats,
                  freedom: Floats) -> Registration:  # fmt: skip
    """Climb to the nearest maximum of the similarity, by steps in the span of `freedom` (12, P)."""
    to_voxels = np.linalg.inv(affine)
    best = start
    similarity, sampled, weights, shares = _explain(level, data, to_voxels @ start)
    for _ in range(MAX_STEPS):
        if not np.isfinite(similarity):
            break
        step = _step(level, sampled, weights, shares, freedom)
        for shorter in STEP_LENGTHS:
            candidate = best @ np.linalg.inv(np.eye(4) + shorter * step)
            explained = _explain(level, data, to_voxels @ candidate)
            if explained[0] > similarity:
                break
        else:
            break
        gain, best = explained[0] - similarity, candidate
        similarity, sampled, weights, shares = explained
        if gain < MIN_GAIN:
            break
    return Registration(best, similarity)


def _explain(level: _Level, data: NDArray[np.float32],
             to_voxels: Floats) -> tuple[float, Floats, Floats, Floats]:  # fmt: skip
    """Regress the scan under the template on the template's maps.

    Returns the R squared, the scan's intensities and their weights at the points (N,), and the share of each
    map in them (M,).
    """
    places = to_voxels[:3, :3] @ level.points.T + to_voxels[:3, 3:]
    last = np.reshape(data.shape, (3, 1)) - 0.5
    inside = ((places > -0.5) & (places < last)).all(axis=0)
    weights = level.weights * inside
    if weights.sum() < MIN_OVERLAP * level.weights.sum():
        return -np.inf, weights, weights, np.zeros(level.values.shape[1])
    sampled = ndimage.map_coordinates(data, places, order=1, mode="nearest").astype(np.float64)
    shares = _least_squares(level.values, sampled, weights)
    total = (weights * (sampled - weights @ sampled / weights.sum()) ** 2).sum()
    if total == 0:  # nothing but background there
        return -np.inf, weights, weights, shares
    residual = (weights * (sampled - level.values @ shares) ** 2).sum()
    return float(1 - residual / total), sampled, weights, shares


def _step(level: _Level, sampled: Floats, weights: Floats, shares: Floats, freedom: Floats) -> Floats:
    """Regress the scan on the maps and on what they change by with the affine; return the change (4, 4)."""
    slope = level.slopes @ shares
    moved = np.column_stack([level.points, np.ones(len(level.points))])
    derivatives = (slope[:, :, None] * moved[:, None, :]).reshape(-1, 12) @ freedom
    coefficients = _least_squares(np.column_stack([derivatives, level.values]), sampled, weights)
    step = (freedom @ coefficients[: freedom.shape[1]]).reshape(3, 4)
    return np.vstack([step, np.zeros(4)])


def _least_squares(regressors: Floats, values: Floats, weights: Floats) -> Floats:
    weighted = regressors.T * weights
    solution: Floats = np.linalg.lstsq(weighted @ regressors, weighted @ values, rcond=None)[0]
    return solution
