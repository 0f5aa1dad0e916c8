"""Sheets for the page: all slices of a plane in one picture, and what lies over them in others like it."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup
from PIL import Image

from mriseg.labels.tissues import rgb
from mriseg.report.constants import JPEG_QUALITY, OPACITY_LEVELS, SHEET_COLUMNS, SHEET_PIXELS, SHEET_ROWS
from mriseg.report.slices import Plane, Slices, outline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mriseg.labels.tissues import Tissue

_MASK_COLOR = "#ff4fd8"


@dataclass(frozen=True)
class Sheet:
    """Slices of one plane in rows, and its layers, as addresses that hold the data (``data:``).

    Parameters
    ----------
    plane : Plane
    columns, rows : int
        How the slices are laid out, the first at the upper left.
    width, height : int
        Of the whole, pixels.
    positions : tuple of float
        World coordinate of each slice, mm.
    scan, outlines, colours, mask : Markup
        Pictures of one size: the scan; over it the outlines of the tissues, their colours, and the outline
        of the brain mask.
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
    """Draw the slices of a plane and the layers over them.

    Parameters
    ----------
    slices : Slices
        The frame.
    labels, mask : ndarray of uint8 and of bool, shape (X, Y, Z)
        In canonical orientation.
    tissues : sequence of Tissue
        Labels to draw, and their colours.
    plane : Plane

    Returns
    -------
    Sheet
    """
    scale = SHEET_PIXELS / max(slices.extent(plane))
    indices = slices.spread(plane, SHEET_COLUMNS * SHEET_ROWS)
    scan = _tiled([_bytes(255 * slices.grey(plane, index, scale)) for index in indices])
    layers = [_layers(slices, labels, mask, tissues, plane, index, scale) for index in indices]
    outlines, colours, edge = (_tiled(list(layer)) for layer in zip(*layers, strict=True))
    palette = [tissue.color for tissue in tissues]
    return Sheet(
        plane=plane,
        columns=SHEET_COLUMNS,
        rows=SHEET_ROWS,
        width=scan.shape[1],
        height=scan.shape[0],
        positions=tuple(slices.position(plane, index) for index in indices),
        scan=_address(Image.fromarray(scan), "jpeg", quality=JPEG_QUALITY),
        outlines=_palette_address(outlines, palette),
        colours=_palette_address(colours, palette),
        mask=_palette_address(edge, [_MASK_COLOR]),
    )


def data_address(content: bytes, kind: str) -> Markup:
    """Put a file into an address, in which nothing needs escaping; `kind` is its media type."""
    return Markup(f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}")  # noqa: S704


def _layers(
    slices: Slices,
    labels: NDArray[np.uint8],
    mask: NDArray[np.bool_],
    tissues: Sequence[Tissue],
    plane: Plane,
    index: int,
    scale: float,
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    """Draw the layers of one slice in numbers of colours: outlines, tissues, edge of the mask."""
    shares = [slices.cut(labels, plane, index, scale, tissue.index) for tissue in tissues]
    edge = outline(slices.cut(mask, plane, index, scale))
    return _numbered([outline(share) for share in shares]), _numbered(shares), _numbered([edge])


def _numbered(opacities: list[NDArray[np.float32]]) -> NDArray[np.uint8]:
    """Return the number of the colour of each pixel: the most opaque one's, by step of opacity; 0 is none."""
    stack = np.stack(opacities)
    steps = np.round(stack.max(axis=0) * (OPACITY_LEVELS - 1)).astype(np.uint8)
    return np.where(steps > 0, stack.argmax(axis=0) * OPACITY_LEVELS + steps, 0).astype(np.uint8)


def _palette_address(numbers: NDArray[np.uint8], colors: Sequence[str]) -> Markup:
    """Make a PNG of what `_numbered` numbered."""
    picture = Image.fromarray(numbers).convert("P")
    shades = np.repeat(np.array([rgb(color) for color in colors], dtype=np.uint8), OPACITY_LEVELS, axis=0)
    picture.putpalette(shades.tobytes())
    opacities = np.tile(_bytes(np.linspace(0, 255, OPACITY_LEVELS)), len(colors))
    return _address(picture, "png", transparency=opacities.tobytes())


def _tiled(pictures: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    rows = [pictures[first : first + SHEET_COLUMNS] for first in range(0, len(pictures), SHEET_COLUMNS)]
    return np.concatenate([np.concatenate(row, axis=1) for row in rows])


def _bytes(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    return np.round(values).astype(np.uint8)


def _address(picture: Image.Image, kind: str, **options: Any) -> Markup:
    buffer = BytesIO()
    picture.save(buffer, kind, **options)
    return data_address(buffer.getvalue(), f"image/{kind}")
