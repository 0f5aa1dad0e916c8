"""The overlay: labels as contours over the scan, in three planes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mriseg.grid import bounding_box

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from mriseg.images import Volume
    from mriseg.tissue import Tissue

_COLUMNS = 5
_MARGIN_MM = 8.0
_WIDTH_INCHES, _DPI = 16.0, 100
_SPACING = {"hspace": 0.1, "wspace": 0.02, "left": 0.005, "right": 0.995, "top": 0.99, "bottom": 0.06}
_TEXT: dict[str, Any] = {"labelcolor": "white", "fontsize": 14}
# Above one half, so that each outline lies just inside its own tissue and neighbours do not cover each other.
_CONTOUR_LEVEL = 0.75
# For each plane: the axis that it cuts, its name, the world axis, the letters at its left and right edge.
_PLANES = ((2, "axial", "z", "L", "R"), (1, "coronal", "y", "L", "R"), (0, "sagittal", "x", "P", "A"))


def save_overlay(volume: Volume, labels: NDArray[np.uint8], tissues: Sequence[Tissue], path: Path) -> None:
    """Draw a mosaic of the scan with the outlines of its labels.

    Parameters
    ----------
    volume : Volume
    labels : ndarray of uint8, shape (X, Y, Z)
        In canonical orientation, as ``volume.data``; not all zero.
    tissues : sequence of Tissue
        Labels to outline, and their colours.
    path : Path
        A PNG file.

    Notes
    -----
    Neurological convention: the left of the picture is the patient's left, and is marked so.
    """
    brain = labels > 0
    box = _box(brain, volume.zooms)
    low, high = np.percentile(volume.data[brain], (1, 99))
    shade = {"vmin": low - 0.3 * (high - low), "vmax": high + 0.15 * (high - low)}
    extents = [(box[axis].stop - box[axis].start) * volume.zooms[axis] for axis in range(3)]
    widths, heights = (extents[0], extents[0], extents[1]), (extents[1], extents[2], extents[2])
    inches = _WIDTH_INCHES / (_COLUMNS * max(widths))
    figure = Figure(figsize=(_WIDTH_INCHES, sum(heights) * inches + 1.3), dpi=_DPI, facecolor="black")
    FigureCanvasAgg(figure)
    grid = figure.subplots(3, _COLUMNS, gridspec_kw={"height_ratios": heights, **_SPACING})
    for row, plane in zip(grid, _PLANES, strict=True):
        for axes, index in zip(row, _slices(brain, plane[0]), strict=True):
            _draw_slice(axes, volume, labels, tissues, plane, index, box, shade)
    keys = [Line2D([], [], color=tissue.color, linewidth=4, label=tissue.name) for tissue in tissues]
    figure.legend(handles=keys, loc="lower center", ncols=len(keys), frameon=False, **_TEXT)
    figure.savefig(path, metadata={"Software": None}, facecolor="black")


def _box(brain: NDArray[np.bool_], zooms: NDArray[np.floating]) -> tuple[slice, ...]:
    """Bound the brain with a margin."""
    sides = []
    for side, length, zoom in zip(bounding_box(brain), brain.shape, zooms, strict=True):
        margin = round(_MARGIN_MM / zoom)
        sides.append(slice(max(0, side.start - margin), min(length, side.stop + margin)))
    return tuple(sides)


def _slices(brain: NDArray[np.bool_], axis: int) -> list[int]:
    """Choose slices that spread evenly over the inner nine tenths of the brain."""
    area = brain.sum(axis=tuple(a for a in range(3) if a != axis))
    reached = np.cumsum(area) / area.sum()
    return [int(np.searchsorted(reached, share)) for share in np.linspace(0.06, 0.94, _COLUMNS)]


def _draw_slice(
    axes: Axes,
    volume: Volume,
    labels: NDArray[np.uint8],
    tissues: Sequence[Tissue],
    plane: tuple[int, str, str, str, str],
    index: int,
    box: tuple[slice, ...],
    shade: dict[str, Any],
) -> None:
    axis, name, world, left, right = plane
    inside: list[slice | int] = list(box)
    inside[axis] = index
    cut = labels[tuple(inside)].T
    across, up = (volume.zooms[a] for a in range(3) if a != axis)
    axes.imshow(
        volume.data[tuple(inside)].T,
        origin="lower",
        cmap="gray",
        aspect=up / across,
        interpolation="bilinear",
        **shade,
    )
    for tissue in tissues:
        here = cut == tissue.index
        if here.any() and not here.all():
            axes.contour(here, levels=[_CONTOUR_LEVEL], colors=[tissue.color], linewidths=0.8)
    axes.set_axis_off()
    middle = [(side.start + side.stop - 1) / 2 for side in box]
    middle[axis] = index
    position = (volume.affine[:3, :3] @ middle + volume.affine[:3, 3])[axis]
    place: dict[str, Any] = {"color": "white", "fontsize": 11, "transform": axes.transAxes}
    axes.text(0.01, 0.5, left, ha="left", va="center", **place)
    axes.text(0.99, 0.5, right, ha="right", va="center", **place)
    axes.text(0.5, -0.01, f"{name} {world} = {position:.0f} mm", ha="center", va="top", **place)
