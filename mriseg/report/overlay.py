"""The overlay: tissues over the scan, in three planes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mriseg.report.slices import PLANES, Plane, Slices, outline, paint, rgb

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from mriseg.images import Volume
    from mriseg.tissue import Tissue

OverlayStyle = Literal["contour", "fill"]

_WIDTH, _GAP = 1600, 10
_CAPTION, _KEY = 26, 52
_TEXT_SIZE, _KEY_TEXT_SIZE = 17, 22
# As many slices in a row as fit, of the plane whose frame is the widest this many.
_COLUMNS = 5
_FILL_OPACITY = 0.45
_WHITE, _SHADOW = (255, 255, 255), (0, 0, 0)


def save_overlay(
    volume: Volume,
    labels: NDArray[np.uint8],
    tissues: Sequence[Tissue],
    path: Path,
    *,
    style: OverlayStyle = "contour",
) -> None:
    """Draw a mosaic of the scan with its tissues, all planes at one scale.

    Parameters
    ----------
    volume : Volume
    labels : ndarray of uint8, shape (X, Y, Z)
        In canonical orientation, as ``volume.data``; not all zero.
    tissues : sequence of Tissue
        Labels to draw, and their colours.
    path : Path
        A PNG file.
    style : {"contour", "fill"}
        Outlines, or translucent colours.

    Notes
    -----
    Neurological convention: the left of the picture is the patient's left, and is marked so.
    """
    slices = Slices(volume, labels > 0)
    widest = max(slices.extent(plane)[0] for plane in PLANES)
    scale = ((_WIDTH - _GAP) / _COLUMNS - _GAP) / widest
    rows = [_draw_row(slices, labels, tissues, plane, scale, style) for plane in PLANES]
    sheet = Image.fromarray(np.concatenate([*rows, np.zeros((_KEY, _WIDTH, 3), np.uint8)]))
    _draw_key(sheet, tissues)
    sheet.save(path)


def draw_slice(
    slices: Slices,
    labels: NDArray[np.uint8],
    tissues: Sequence[Tissue],
    plane: Plane,
    index: int,
    scale: float,
    style: OverlayStyle,
) -> NDArray[np.float32]:
    """Draw one slice with its tissues: red, green and blue from 0 to 1, shape (rows, columns, 3)."""
    picture = np.repeat(slices.grey(plane, index, scale)[..., None], 3, axis=2)
    for tissue in tissues:
        share = slices.cut(labels, plane, index, scale, tissue.index)
        paint(picture, outline(share) if style == "contour" else _FILL_OPACITY * share, tissue.color)
    return picture


def _draw_row(
    slices: Slices,
    labels: NDArray[np.uint8],
    tissues: Sequence[Tissue],
    plane: Plane,
    scale: float,
    style: OverlayStyle,
) -> NDArray[np.uint8]:
    """Draw a row of slices of one plane, spread over the width, shape (rows, _WIDTH, 3)."""
    width, height = (round(side * scale) for side in slices.extent(plane))
    count = (_WIDTH - _GAP) // (width + _GAP)
    row = Image.new("RGB", (_WIDTH, height + _GAP + _CAPTION))
    for i, index in enumerate(slices.spread(plane, count)):
        picture = draw_slice(slices, labels, tissues, plane, index, scale, style)
        left = round((i + 0.5) * _WIDTH / count - width / 2)
        row.paste(Image.fromarray((picture * 255).round().astype(np.uint8)), (left, _GAP))
        _write_marks(ImageDraw.Draw(row), left, width, height, plane, slices.position(plane, index))
    return np.asarray(row)


def _write_marks(
    draw: ImageDraw.ImageDraw, left: int, width: int, height: int, plane: Plane, position: float
) -> None:
    """Write the sides into the upper corners, which a brain leaves free, and the position below."""
    font = ImageFont.load_default(_TEXT_SIZE)
    mark: dict[str, Any] = {"font": font, "fill": _WHITE, "stroke_width": 2, "stroke_fill": _SHADOW}
    draw.text((left + 4, _GAP + 4), plane.left, anchor="la", **mark)
    draw.text((left + width - 4, _GAP + 4), plane.right, anchor="ra", **mark)
    caption = f"{plane.name} {plane.world} = {round(position):d} mm"
    draw.text((left + width / 2, _GAP + height + 4), caption, anchor="ma", font=font, fill=_WHITE)


def _draw_key(sheet: Image.Image, tissues: Sequence[Tissue]) -> None:
    """Name the colours at the bottom, and say which side is left."""
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(_KEY_TEXT_SIZE)
    middle, x = sheet.height - _KEY / 2, 12.0
    for tissue in tissues:
        color = tuple((255 * rgb(tissue.color)).round().astype(int).tolist())
        draw.rectangle((x, middle - 8, x + 26, middle + 8), fill=color)
        draw.text((x + 36, middle), tissue.name, anchor="lm", font=font, fill=_WHITE)
        x += 36 + draw.textlength(tissue.name, font=font) + 30
    side = "L: the patient's left"
    draw.text((sheet.width - 12, middle), side, anchor="rm", font=font, fill=_WHITE)
