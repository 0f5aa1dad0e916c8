"""Sprite sheets of the report: all slices of a plane in one picture, overlays in others of the same size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from mriseg.labels.tissues import rgb
from mriseg.report.constants import (
    JPEG_QUALITY,
    MASK_COLOR,
    OPACITY_LEVELS,
    SHEET_COLUMNS,
    SHEET_PIXELS,
    SHEET_ROWS,
)
from mriseg.report.slices import Plane, Slices, outline
from mriseg.report.templates import image_uri

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup
    from numpy.typing import NDArray

    from mriseg.labels.tissues import Tissue


@dataclass(frozen=True)
class Sheet:
    """Slices of one plane in rows, and overlays, as data URIs.

    Parameters
    ----------
    plane : Plane
    columns, rows : int
        Layout of the slices, the first at the upper left.
    width, height : int
        Size of the sheet, pixels.
    positions : tuple of float
        World coordinate of each slice, mm.
    scan, outlines, colours, mask : Markup
        The scan, and its overlays: outlines of the tissues, colours of the tissues, outline of the brain
        mask.
    """

    plane: Plane
    columns: int
    rows: int
    width: int
    height: int
    positions: tuple[float, ...]
    scan: Markup
    outlines: Markup
    colours: Markup
    mask: Markup


def draw_sheet(
    slices: Slices,
    labels: NDArray[np.uint8],
    mask: NDArray[np.bool_],
    tissues: Sequence[Tissue],
    plane: Plane,
) -> Sheet:
    """Draw the slices of a plane and their overlays.

    Parameters
    ----------
    slices : Slices
        Frame of the pictures.
    labels, mask : ndarray of uint8 and of bool, shape (X, Y, Z)
        In canonical orientation.
    tissues : sequence of Tissue
        Tissues to draw.
    plane : Plane

    Returns
    -------
    Sheet
    """
    scale = SHEET_PIXELS / max(slices.extent(plane))
    indices = slices.spread(plane, SHEET_COLUMNS * SHEET_ROWS)
    scan = _tile([_bytes(255 * slices.grey(plane, index, scale)) for index in indices])
    layers = [_layers(slices, labels, mask, tissues, plane, index, scale) for index in indices]
    outlines, colours, edge = (_tile(list(layer)) for layer in zip(*layers, strict=True))
    palette = [tissue.color for tissue in tissues]
    return Sheet(
        plane=plane,
        columns=SHEET_COLUMNS,
        rows=SHEET_ROWS,
        width=scan.shape[1],
        height=scan.shape[0],
        positions=tuple(slices.position(plane, index) for index in indices),
        scan=image_uri(Image.fromarray(scan), "jpeg", quality=JPEG_QUALITY),
        outlines=_palette_uri(outlines, palette),
        colours=_palette_uri(colours, palette),
        mask=_palette_uri(edge, [MASK_COLOR]),
    )


def _layers(
    slices: Slices,
    labels: NDArray[np.uint8],
    mask: NDArray[np.bool_],
    tissues: Sequence[Tissue],
    plane: Plane,
    index: int,
    scale: float,
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    """Draw the overlays of one slice as palette indices: outlines, tissues, outline of the mask."""
    shares = [slices.cut(labels, plane, index, scale, tissue.index) for tissue in tissues]
    edge = outline(slices.cut(mask, plane, index, scale))
    return (
        _palette_indices([outline(share) for share in shares]),
        _palette_indices(shares),
        _palette_indices([edge]),
    )


def _palette_indices(opacities: list[NDArray[np.float32]]) -> NDArray[np.uint8]:
    """Return the palette index of each pixel: the most opaque colour and its level; 0 is transparent."""
    highest, first = opacities[0], np.zeros(opacities[0].shape, dtype=np.uint8)
    for color, opacity in enumerate(opacities[1:], start=1):
        first[opacity > highest] = color * OPACITY_LEVELS
        highest = np.maximum(highest, opacity)
    levels = np.round(highest * (OPACITY_LEVELS - 1)).astype(np.uint8)
    return np.where(levels > 0, first + levels, 0).astype(np.uint8)


def _palette_uri(numbers: NDArray[np.uint8], colors: Sequence[str]) -> Markup:
    """Encode palette indices as a PNG, see `_palette_indices`."""
    picture = Image.fromarray(numbers).convert("P")
    palette = np.repeat(np.array([rgb(color) for color in colors], dtype=np.uint8), OPACITY_LEVELS, axis=0)
    picture.putpalette(palette.tobytes())
    opacities = np.tile(_bytes(np.linspace(0, 255, OPACITY_LEVELS)), len(colors))
    return image_uri(picture, "png", transparency=opacities.tobytes())


def _tile(pictures: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Arrange pictures in rows."""
    rows = [pictures[first : first + SHEET_COLUMNS] for first in range(0, len(pictures), SHEET_COLUMNS)]
    return np.concatenate([np.concatenate(row, axis=1) for row in rows])


def _bytes(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Round values from 0 to 255."""
    return np.round(values).astype(np.uint8)
