"""Where two label maps differ, in three planes: coloured by what the second of them says."""

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
)
from mriseg.report.mosaic import draw_key, draw_layers, draw_rows
from mriseg.report.slices import Plane, Slices

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from mriseg.images.volume import Volume

# What the second map says where it has no tissue; yellow is no tissue's colour.
NO_TISSUE = Tissue(255, "no tissue", "none", "#f0e442", None)


def save_differences(
    volume: Volume,
    a: NDArray[np.uint8],
    b: NDArray[np.uint8],
    tissues: Sequence[Tissue],
    names: tuple[str, str],
    path: Path,
) -> None:
    """Draw a mosaic of a scan, coloured where two label maps differ by what the second says.

    Parameters
    ----------
    volume : Volume
        The scan to draw on.
    a, b : ndarray of uint8, shape (X, Y, Z)
        Label maps in canonical orientation, as ``volume.data``; not both all zero.
    tissues : sequence of Tissue
        Their labels other than 0.
    names : tuple of str
        What to call the two.
    path : Path
        A PNG file.

    Notes
    -----
    Each plane is divided into ranges of slices that hold as much of the brain each; of each range, the slice
    is drawn in which most differs. Neurological convention, as in the overlay.
    """
    said = differences(a, b)
    brain = (a > 0) | (b > 0)
    slices = Slices(volume, brain)
    shown = (*tissues, NO_TISSUE)

    def choose(plane: Plane, count: int) -> list[int]:
        return telling_slices(brain, said > 0, plane.axis, count)

    def draw(plane: Plane, index: int, scale: float) -> Image.Image:
        return _draw_slice(slices, said, shown, plane, index, scale)

    key = _draw_key(names, _amounts(said, shown, volume.voxel_ml))
    Image.fromarray(np.concatenate([draw_rows(slices, choose, draw), key])).save(path)


def differences(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return what the second label map says where it differs from the first.

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


def telling_slices(brain: NDArray[np.bool_], differs: NDArray[np.bool_], axis: int, count: int) -> list[int]:
    """Choose slices that spread over the brain and show most of what differs.

    Parameters
    ----------
    brain, differs : ndarray of bool, shape (X, Y, Z)
        The former not empty.
    axis : int
        Across the slices.
    count : int
        How many at most.

    Returns
    -------
    list of int
        Rising; the middle of a range where nothing differs in it.
    """
    others = tuple(other for other in range(3) if other != axis)
    area, changed = brain.sum(axis=others), differs.sum(axis=others)
    ranges = _ranges(area, count)
    apart = np.ptp(np.flatnonzero(area)) / (MIN_SLICE_DISTANCE_RATIO * count)
    chosen: list[int] = []
    for slices in sorted(ranges, key=lambda slices: -changed[slices].max()):
        near = [min((abs(k - other) for other in chosen), default=np.inf) < apart for k in slices]
        chosen.append(slices[_most(np.where(near, -1, changed[slices]))])
    return sorted(chosen)


def _ranges(area: NDArray[np.integer], count: int) -> list[range]:
    """Divide slices into ranges that hold as much of the brain each; thin brains have fewer."""
    reached = np.cumsum(area) / area.sum()
    ends = np.searchsorted(reached, np.linspace(0, 1, count + 1)[1:]) + 1
    edges = [int(np.flatnonzero(area)[0]), *ends.tolist()]
    return [range(start, end) for start, end in itertools.pairwise(edges) if start < end]


def _most(amounts: NDArray[np.integer]) -> int:
    """Return the index of the largest number, of several such that nearest to the middle."""
    largest = np.flatnonzero(amounts == amounts.max())
    return int(largest[np.abs(largest - (len(amounts) - 1) / 2).argmin()])


def _draw_slice(
    slices: Slices,
    said: NDArray[np.uint8],
    tissues: Sequence[Tissue],
    plane: Plane,
    index: int,
    scale: float,
) -> Image.Image:
    layers = [(DIFFERENCE_OPACITY * slices.cut(said, plane, index, scale, t.index), t.color) for t in tissues]
    return draw_layers(DIFFERENCE_DIMMING * slices.grey(plane, index, scale), layers)


def _amounts(
    said: NDArray[np.uint8], tissues: Sequence[Tissue], voxel_ml: float
) -> list[tuple[Tissue, float]]:
    """Measure how much each colour stands for, mL."""
    counts = np.bincount(said.ravel(), minlength=NO_TISSUE.index + 1)
    return [(tissue, float(counts[tissue.index]) * voxel_ml) for tissue in tissues]


def _draw_key(names: tuple[str, str], amounts: Sequence[tuple[Tissue, float]]) -> NDArray[np.uint8]:
    """Name the two maps, and the colours with how much of each there is."""
    says = "In colour: what B says where A says something else"
    above = (f"A: {printable(names[0])}", f"B: {printable(names[1])}", says)
    entries = [(tissue.color, f"{tissue.name} {ml:.1f} mL") for tissue, ml in amounts]
    return draw_key(entries, DIFFERENCE_KEY_HEIGHT, above)
