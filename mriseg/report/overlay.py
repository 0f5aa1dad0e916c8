"""Overlay of tissues on the scan in three planes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from PIL import Image

from mriseg.labels.tissues import over_grey
from mriseg.report.constants import FILL_OPACITY, OVERLAY_KEY_HEIGHT
from mriseg.report.mosaic import draw_key, draw_layers, draw_rows
from mriseg.report.slices import Plane, Slices, outline

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from mriseg.images.volume import Volume
    from mriseg.labels.tissues import Tissue

OverlayStyle = Literal["contour", "fill"]
OVERLAY_STYLES: tuple[OverlayStyle, ...] = get_args(OverlayStyle)


def draw_overlay(
    volume: Volume,
    labels: NDArray[np.uint8],
    tissues: Sequence[Tissue],
    *,
    style: OverlayStyle = "contour",
) -> Image.Image:
    """Draw a mosaic of the scan overlaid with its tissues, all planes at one scale.

    Parameters
    ----------
    volume : Volume
    labels : ndarray of uint8, shape (X, Y, Z)
        In canonical orientation, as ``volume.data``; not all zero.
    tissues : sequence of Tissue
        Labels to draw, and their colours.
    style : {"contour", "fill"}
        Outlines or translucent colours.

    Returns
    -------
    Image

    Notes
    -----
    Neurological convention: the left of the picture is the patient's left, and is marked as such. The key has
    translucent colours as they look over the mean shade of the scan in the tissue.
    """
    slices = Slices(volume, labels > 0)

    def draw(plane: Plane, index: int, scale: float) -> Image.Image:
        return _draw_slice(slices, labels, tissues, plane, index, scale, style)

    opacity = 1.0 if style == "contour" else FILL_OPACITY
    entries = [
        (over_grey(tissue.color, opacity, slices.mean_shade(labels == tissue.index)), tissue.name)
        for tissue in tissues
    ]
    key = draw_key(entries, OVERLAY_KEY_HEIGHT)
    return Image.fromarray(np.concatenate([draw_rows(slices, slices.spread, draw), key]))


def save_overlay(
    volume: Volume,
    labels: NDArray[np.uint8],
    tissues: Sequence[Tissue],
    path: Path,
    *,
    style: OverlayStyle = "contour",
) -> None:
    """Write the mosaic of `draw_overlay` to a PNG file."""
    draw_overlay(volume, labels, tissues, style=style).save(path)


def _draw_slice(
    slices: Slices,
    labels: NDArray[np.uint8],
    tissues: Sequence[Tissue],
    plane: Plane,
    index: int,
    scale: float,
    style: OverlayStyle,
) -> Image.Image:
    """Draw one slice of the scan and its tissues."""
    layers = []
    for tissue in tissues:
        share = slices.cut(labels, plane, index, scale, tissue.index)
        layers.append((outline(share) if style == "contour" else FILL_OPACITY * share, tissue.color))
    return draw_layers(slices.grey(plane, index, scale), layers)
