"""Mosaics: a row of slices for each of three planes at one scale, with a key to the colours."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mriseg.labels.tissues import rgb
from mriseg.report.constants import (
    CAPTION_HEIGHT,
    CAPTION_TEXT_SIZE,
    KEY_ENTRY_GAP,
    KEY_INDENT,
    KEY_SWATCH,
    KEY_TEXT_GAP,
    KEY_TEXT_SIZE,
    MAX_MOSAIC_COLUMNS,
    MOSAIC_COLUMNS,
    MOSAIC_GAP,
    MOSAIC_WIDTH,
)
from mriseg.report.slices import PLANES, Plane, Slices, paint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

_SIDES = "L: the patient's left"
_WHITE = (255, 255, 255)
_BLACK = (0, 0, 0)
# No font has it: Unicode keeps this number free.
_NO_LETTER = "\uffff"
_Font = ImageFont.ImageFont | ImageFont.FreeTypeFont


def draw_rows(
    slices: Slices,
    choose: Callable[[Plane, int], list[int]],
    draw: Callable[[Plane, int, float], Image.Image],
) -> NDArray[np.uint8]:
    """Draw a row of slices of each plane, annotated with sides and positions.

    Parameters
    ----------
    slices : Slices
    choose : callable
        Takes a plane and a number; returns the indices of at most so many slices.
    draw : callable
        Takes a plane, an index and a scale in pixels per mm; returns the picture of the slice.

    Returns
    -------
    ndarray of uint8, shape (rows, columns, 3)
    """
    longest = max(max(slices.extent(plane)) for plane in PLANES)
    scale = ((MOSAIC_WIDTH - MOSAIC_GAP) / MOSAIC_COLUMNS - MOSAIC_GAP) / longest
    return np.concatenate([_draw_row(slices, plane, scale, choose, draw) for plane in PLANES])


def draw_key(
    entries: Sequence[tuple[str, str]], line_height: int, above: Sequence[str] = ()
) -> NDArray[np.uint8]:
    """Draw the key to the colours, in lines as wide as the mosaic, and the convention of sides.

    Parameters
    ----------
    entries : sequence of tuple of str
        Hexadecimal colour and text of each entry; not empty.
    line_height : int
        Pixels.
    above : sequence of str
        Lines of text above the entries; what does not fit is left out of their middle.

    Returns
    -------
    ndarray of uint8, shape (rows, columns, 3)
        Of the width of the mosaic.
    """
    font = ImageFont.load_default(KEY_TEXT_SIZE)
    positions = _layout([KEY_SWATCH + KEY_TEXT_GAP + font.getlength(text) for _, text in entries], len(above))
    sheet = Image.new("RGB", (MOSAIC_WIDTH, (positions[-1][1] + 1) * line_height))
    draw = ImageDraw.Draw(sheet)

    def write(x: float, line: int, text: str, anchor: str = "lm", font: _Font = font) -> None:
        draw.text((x, (line + 0.5) * line_height), text, anchor=anchor, font=font, fill=_WHITE)

    room = MOSAIC_WIDTH - 2 * KEY_INDENT - KEY_ENTRY_GAP - font.getlength(_SIDES)
    of_names = _font_of_names()
    for line, text in enumerate(above):
        name = shortened(_drawable(text, of_names), of_names.getlength, room)
        write(KEY_INDENT, line, name, font=of_names)
    for (color, text), (x, line) in zip(entries, positions, strict=True):
        middle = (line + 0.5) * line_height
        draw.rectangle((x, middle - 8, x + KEY_SWATCH, middle + 8), fill=rgb(color))
        write(x + KEY_SWATCH + KEY_TEXT_GAP, line, text)
    write(MOSAIC_WIDTH - KEY_INDENT, 0, _SIDES, "rm")
    return np.asarray(sheet)


def _drawable(text: str, font: ImageFont.FreeTypeFont) -> str:
    r"""Return text with the letters that a font has not by their numbers.

    >>> _drawable("Müller 日", _font_of_names())
    'Müller \\u65e5'
    """
    lacking = bytes(font.getmask(_NO_LETTER))
    return "".join(
        letter if letter == " " or bytes(font.getmask(letter)) != lacking else ascii(letter)[1:-1]
        for letter in text
    )


def _font_of_names() -> ImageFont.FreeTypeFont:
    """Return matplotlib's font, which has far more letters than that of Pillow, without importing it."""
    spec = find_spec("matplotlib")
    (package,) = (spec and spec.submodule_search_locations) or ("",)
    return ImageFont.truetype(Path(package) / "mpl-data/fonts/ttf/DejaVuSans.ttf", KEY_TEXT_SIZE)


def shortened(text: str, length: Callable[[str], float], most: float) -> str:
    """Return text with its middle left out where it is longer than it may be.

    Parameters
    ----------
    text : str
    length : callable
        Takes a text and returns its length.
    most : float
        The length that there is room for.

    Returns
    -------
    str

    >>> shortened("sub-01_dseg", len, 11), shortened("sub-01_a_long_name_dseg", len, 11)
    ('sub-01_dseg', 'sub-0…_dseg')
    """
    kept, short = len(text), text
    while length(short) > most and kept > 1:
        kept -= 1
        short = f"{text[: (kept + 1) // 2]}…{text[len(text) - kept // 2 :]}"
    return short


def draw_layers(grey: NDArray[np.float32], layers: Iterable[tuple[NDArray[np.float32], str]]) -> Image.Image:
    """Blend colours over a slice in shades of grey.

    Parameters
    ----------
    grey : ndarray of float32, shape (rows, columns)
        From 0 to 1.
    layers : iterable of tuple
        Opacity of each pixel, 0 to 1, and hexadecimal colour; later ones on top.

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
    """Draw a row of slices of one plane, spread over the width, shape (rows, MOSAIC_WIDTH, 3)."""
    width, height = (round(side * scale) for side in slices.extent(plane))
    row = Image.new("RGB", (MOSAIC_WIDTH, height + MOSAIC_GAP + CAPTION_HEIGHT))
    indices = choose(plane, min((MOSAIC_WIDTH - MOSAIC_GAP) // (width + MOSAIC_GAP), MAX_MOSAIC_COLUMNS))
    for i, index in enumerate(indices):
        left = round((i + 0.5) * MOSAIC_WIDTH / len(indices) - width / 2)
        row.paste(draw(plane, index, scale), (left, MOSAIC_GAP))
        _annotate(ImageDraw.Draw(row), left, width, height, plane, slices.position(plane, index))
    return np.asarray(row)


def _annotate(
    draw: ImageDraw.ImageDraw, left: int, width: int, height: int, plane: Plane, position: float
) -> None:
    """Write the sides into the upper corners of a slice, outside the brain, and the position below."""
    font = ImageFont.load_default(CAPTION_TEXT_SIZE)
    mark: dict[str, Any] = {"font": font, "fill": _WHITE, "stroke_width": 2, "stroke_fill": _BLACK}
    draw.text((left + 4, MOSAIC_GAP + 4), plane.left, anchor="la", **mark)
    draw.text((left + width - 4, MOSAIC_GAP + 4), plane.right, anchor="ra", **mark)
    caption = f"{plane.name} {plane.world} = {round(position):d} mm"
    draw.text((left + width / 2, MOSAIC_GAP + height + 4), caption, anchor="ma", font=font, fill=_WHITE)


def _layout(widths: Sequence[float], line: int) -> list[tuple[float, int]]:
    """Return position in pixels and line of each entry, filling lines from a given one."""
    positions, x = [], float(KEY_INDENT)
    for width in widths:
        if x + width > MOSAIC_WIDTH - KEY_INDENT:
            x, line = float(KEY_INDENT), line + 1
        positions.append((x, line))
        x += width + KEY_ENTRY_GAP
    return positions
