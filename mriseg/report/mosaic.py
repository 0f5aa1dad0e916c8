"""Mosaics: a row of slices for each of three planes, all at one scale, and a key to their colours below."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mriseg.labels.tissues import rgb
from mriseg.report.slices import PLANES, Plane, Slices, paint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

_WIDTH, _GAP = 1600, 10
_CAPTION = 26
_INDENT, _SWATCH, _BESIDE, _APART = 12, 26, 10, 30
_TEXT_SIZE, _KEY_TEXT_SIZE = 17, 22
# As many slices in a row as fit: of the longest frame the first number, of narrow ones the second at most.
_COLUMNS, _MAX_COLUMNS = 5, 8
_WHITE, _SHADOW = (255, 255, 255), (0, 0, 0)


def draw_rows(
    slices: Slices,
    choose: Callable[[Plane, int], list[int]],
    draw: Callable[[Plane, int, float], Image.Image],
) -> NDArray[np.uint8]:
    """Draw a row of slices of each plane, with the patient's sides and the positions written on them.

    Parameters
    ----------
    slices : Slices
    choose : callable
        Returns slices of a plane, as many as a number says at most.
    draw : callable
        Draws the slice of a plane and an index at a scale, pixels a mm.

    Returns
    -------
    ndarray of uint8, shape (rows, columns, 3)
    """
    longest = max(max(slices.extent(plane)) for plane in PLANES)
    scale = ((_WIDTH - _GAP) / _COLUMNS - _GAP) / longest
    return np.concatenate([_draw_row(slices, plane, scale, choose, draw) for plane in PLANES])


def draw_key(
    entries: Sequence[tuple[str, str]], line_height: int, above: Sequence[str] = ()
) -> NDArray[np.uint8]:
    """Name the colours, as many in a line as fit, and say which side is left.

    Parameters
    ----------
    entries : sequence of tuple of str
        Hexadecimal colours, and what to write beside each; not empty.
    line_height : int
        Pixels.
    above : sequence of str
        Lines of text to begin with.

    Returns
    -------
    ndarray of uint8, shape (rows, columns, 3)
        As wide as what `draw_rows` draws.
    """
    font = ImageFont.load_default(_KEY_TEXT_SIZE)
    places = _places([_SWATCH + _BESIDE + font.getlength(text) for _, text in entries], len(above))
    sheet = Image.new("RGB", (_WIDTH, (places[-1][1] + 1) * line_height))
    draw = ImageDraw.Draw(sheet)

    def write(x: float, line: int, text: str, anchor: str = "lm") -> None:
        draw.text((x, (line + 0.5) * line_height), text, anchor=anchor, font=font, fill=_WHITE)

    for line, text in enumerate(above):
        write(_INDENT, line, text)
    for (color, text), (x, line) in zip(entries, places, strict=True):
        middle = (line + 0.5) * line_height
        draw.rectangle((x, middle - 8, x + _SWATCH, middle + 8), fill=rgb(color))
        write(x + _SWATCH + _BESIDE, line, text)
    write(_WIDTH - _INDENT, 0, "L: the patient's left", "rm")
    return np.asarray(sheet)


def draw_layers(grey: NDArray[np.float32], layers: Iterable[tuple[NDArray[np.float32], str]]) -> Image.Image:
    """Lay colours over a slice in shades of grey.

    Parameters
    ----------
    grey : ndarray of float32, shape (rows, columns)
        From 0 to 1.
    layers : iterable of tuple
        An opacity a pixel, of the same shape, and its hexadecimal colour; later ones lie on top.

    Returns
    -------
    Image
    """
    picture = np.repeat(grey[..., None], 3, axis=2)
    for opacity, color in layers:
        paint(picture, opacity, color)
    return Image.fromarray((picture * 255).round().astype(np.uint8))


def _draw_row(
    slices: Slices,
    plane: Plane,
    scale: float,
    choose: Callable[[Plane, int], list[int]],
    draw: Callable[[Plane, int, float], Image.Image],
) -> NDArray[np.uint8]:
    """Draw a row of slices of one plane, spread over the width, shape (rows, _WIDTH, 3)."""
    width, height = (round(side * scale) for side in slices.extent(plane))
    row = Image.new("RGB", (_WIDTH, height + _GAP + _CAPTION))
    chosen = choose(plane, min((_WIDTH - _GAP) // (width + _GAP), _MAX_COLUMNS))
    for i, index in enumerate(chosen):
        left = round((i + 0.5) * _WIDTH / len(chosen) - width / 2)
        row.paste(draw(plane, index, scale), (left, _GAP))
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


def _places(widths: Sequence[float], line: int) -> list[tuple[float, int]]:
    """Put entries one after the other, from a line on, as many in a line as fit."""
    places, x = [], float(_INDENT)
    for width in widths:
        if x + width > _WIDTH - _INDENT:
            x, line = float(_INDENT), line + 1
        places.append((x, line))
        x += width + _APART
    return places
