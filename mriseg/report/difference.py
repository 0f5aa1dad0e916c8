"""Mosaic of the differences of two label maps in three planes, coloured by the label of the second."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from mriseg._utils.text import printable
from mriseg.labels.tissues import Tissue
from mriseg.report.constants import (
    DIFFERENCE_DIMMING,
    DIFFERENCE_KEY_HEIGHT,
    DIFFERENCE_OPACITY,
    MIN_SLICE_DISTANCE_RATIO,
    ODD_COLOR,
)
from mriseg.report.mosaic import draw_key, draw_layers, draw_rows
from mriseg.report.slices import Plane, Slices

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from mriseg.images.volume import Volume

# Label of voxels without tissue in the second map.
NO_TISSUE = Tissue(255, "no tissue", "none", ODD_COLOR, None)


def save_differences(
    volume: Volume,
    a: NDArray[np.uint8],
    b: NDArray[np.uint8],
    tissues: Sequence[Tissue],
    names: tuple[str, str],
    path: Path,
) -> None:
    """Draw a mosaic of a scan, coloured by the label of the second map where two label maps differ.

    Parameters
    ----------
    volume : Volume
        The scan in the background.
    a, b : ndarray of uint8, shape (X, Y, Z)
        Label maps in canonical orientation, as ``volume.data``; not both all zero.
    tissues : sequence of Tissue
        Tissues of the labels other than 0.
    names : tuple of str
        Names of the two maps.
    path : Path
        A PNG file.

    Notes
    -----
    Each plane is divided into ranges of slices of equal brain volume; of each range, the slice with the most
    differing voxels is drawn. Neurological convention, as in the overlay.
    """
    differing = differences(a, b)
    brain = (a > 0) | (b > 0)
    slices = Slices(volume, brain)
    labels = (*tissues, NO_TISSUE)

    def choose(plane: Plane, count: int) -> list[int]:
        return select_slices(brain, differing > 0, plane.axis, count)

    def draw(plane: Plane, index: int, scale: float) -> Image.Image:
        return _draw_slice(slices, differing, labels, plane, index, scale)

    key = _draw_key(names, _volumes(differing, labels, volume.voxel_ml))
    Image.fromarray(np.concatenate([draw_rows(slices, choose, draw), key])).save(path)


def differences(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the labels of the second map where it differs from the first.

    Parameters
    ----------
    a, b : ndarray of uint8
        Of one shape.

    Returns
    -------
    ndarray of uint8, of that shape
        0 where they agree, the label of `NO_TISSUE` where only the first has a tissue.

    >>> differences(np.array([0, 1, 2, 2], np.uint8), np.array([0, 1, 3, 0], np.uint8)).tolist()
    [0, 0, 3, 255]
    """
    return np.where(a == b, 0, np.where(b == 0, NO_TISSUE.index, b)).astype(np.uint8)


def select_slices(brain: NDArray[np.bool_], differs: NDArray[np.bool_], axis: int, count: int) -> list[int]:
    """Select slices that spread over the brain and have the most differing voxels.

    Parameters
    ----------
    brain, differs : ndarray of bool, shape (X, Y, Z)
        The brain, not empty, and the differing voxels.
    axis : int
        Axis across the slices.
    count : int
        Number of slices at the most.

    Returns
    -------
    list of int
        Indices, ascending; the middle of a range without differences.
    """
    others = tuple(other for other in range(3) if other != axis)
    area, changed = brain.sum(axis=others), differs.sum(axis=others)
    ranges = _ranges(area, count)
    min_distance = np.ptp(np.flatnonzero(area)) / (MIN_SLICE_DISTANCE_RATIO * count)
    selected: list[int] = []
    for slices in sorted(ranges, key=lambda slices: -changed[slices].max()):
        near = [min((abs(k - other) for other in selected), default=np.inf) < min_distance for k in slices]
        selected.append(slices[_argmax_near_middle(np.where(near, -1, changed[slices]))])
    return sorted(selected)


def _ranges(area: NDArray[np.integer], count: int) -> list[range]:
    """Divide slices into ranges of equal brain volume; brains of few slices have fewer."""
    cumulative = np.cumsum(area) / area.sum()
    ends = np.searchsorted(cumulative, np.linspace(0, 1, count + 1)[1:]) + 1
    edges = [int(np.flatnonzero(area)[0]), *ends.tolist()]
    return [range(start, end) for start, end in itertools.pairwise(edges) if start < end]


def _argmax_near_middle(amounts: NDArray[np.integer]) -> int:
    """Return the index of the maximum; of equal maxima, that nearest to the middle."""
    largest = np.flatnonzero(amounts == amounts.max())
    return int(largest[np.abs(largest - (len(amounts) - 1) / 2).argmin()])


def _draw_slice(
    slices: Slices,
    differing: NDArray[np.uint8],
    tissues: Sequence[Tissue],
    plane: Plane,
    index: int,
    scale: float,
) -> Image.Image:
    """Draw one slice: the dimmed scan, the differences in colour."""
    layers = [
        (DIFFERENCE_OPACITY * slices.cut(differing, plane, index, scale, t.index), t.color) for t in tissues
    ]
    return draw_layers(DIFFERENCE_DIMMING * slices.grey(plane, index, scale), layers)


def _volumes(
    differing: NDArray[np.uint8], tissues: Sequence[Tissue], voxel_ml: float
) -> list[tuple[Tissue, float]]:
    """Return the volume of the differences of each label, mL."""
    counts = np.bincount(differing.ravel(), minlength=NO_TISSUE.index + 1)
    return [(tissue, float(counts[tissue.index]) * voxel_ml) for tissue in tissues]


def _draw_key(names: tuple[str, str], volumes: Sequence[tuple[Tissue, float]]) -> NDArray[np.uint8]:
    """Draw the key: names of the maps, colours and volumes of the tissues."""
    explanation = "In colour: what B says where A says something else"
    above = (f"A: {printable(names[0])}", f"B: {printable(names[1])}", explanation)
    entries = [(tissue.color, f"{tissue.name} {ml:.1f} mL") for tissue, ml in volumes]
    return draw_key(entries, DIFFERENCE_KEY_HEIGHT, above)
