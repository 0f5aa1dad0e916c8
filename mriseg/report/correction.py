"""Pictures of the scan before and after the correction of its bias field."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image

from mriseg.report.constants import CORRECTION_GAP, CORRECTION_PIXELS, JPEG_QUALITY
from mriseg.report.slices import PLANES
from mriseg.report.templates import image_uri

if TYPE_CHECKING:
    from markupsafe import Markup
    from numpy.typing import NDArray

    from mriseg.report.slices import Slices

    Floats = NDArray[np.float32]


class Correction(NamedTuple):
    """Pictures of one size as data URIs, in the same shades of grey, and that size in pixels."""

    before: Markup
    after: Markup
    width: int
    height: int


def draw_correction(slices: Slices, corrected: Floats) -> Correction:
    """Draw the middle axial and coronal slice, one above the other, before and after the correction.

    Parameters
    ----------
    slices : Slices
        Of the scan as it was.
    corrected : ndarray of float32, shape (X, Y, Z)
        The scan without its bias field, in canonical orientation.

    Returns
    -------
    Correction
    """
    before, after = _draw(slices, slices.volume.data), _draw(slices, corrected)
    height, width = before.shape
    return Correction(_uri(before), _uri(after), width, height)


def _uri(picture: NDArray[np.uint8]) -> Markup:
    return image_uri(Image.fromarray(picture), "jpeg", quality=JPEG_QUALITY)


def _draw(slices: Slices, data: Floats) -> NDArray[np.uint8]:
    """Draw one slice of each plane of an array, below each other on black."""
    planes = PLANES[:2]
    scale = CORRECTION_PIXELS / max(slices.extent(plane)[0] for plane in planes)
    cuts = [slices.grey(plane, slices.spread(plane, 3)[1], scale, data) for plane in planes]
    gap = np.zeros((CORRECTION_GAP, cuts[0].shape[1]), dtype=np.float32)
    return np.round(255 * np.concatenate([cuts[0], gap, cuts[1]])).astype(np.uint8)
