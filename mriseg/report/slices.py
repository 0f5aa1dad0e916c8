"""Slices of a scan as pictures: selection, frame, grey scale and outlines.

Pictures have their first row at the top and the patient's left at the left (neurological convention).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from mriseg.images.voxels import bounding_box
from mriseg.labels.tissues import rgb
from mriseg.report.constants import (
    FRAME_MARGIN_MM,
    GREY_MARGIN_ABOVE,
    GREY_MARGIN_BELOW,
    GREY_PERCENTILES,
    GREY_SAMPLES,
    MIN_OUTLINE_GRADIENT,
    OUTLINE_LEVEL,
    OUTLINE_PIXELS,
    SLICE_RANGE,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mriseg.images.volume import Volume


@dataclass(frozen=True)
class Plane:
    """An anatomical plane.

    Parameters
    ----------
    axis : int
        Canonical axis across the plane.
    name, world : str
        Names of the plane and of the world axis across it.
    left, right : str
        Sides of the patient at the left and right edge of the picture.
    """

    axis: int
    name: str
    world: str
    left: str
    right: str


PLANES = (
    Plane(2, "axial", "z", "L", "R"),
    Plane(1, "coronal", "y", "L", "R"),
    Plane(0, "sagittal", "x", "P", "A"),
)


class Slices:
    """Pictures of slices in a frame around the brain.

    Parameters
    ----------
    volume : Volume
    brain : ndarray of bool, shape (X, Y, Z)
        In canonical orientation, not empty; the frame is its bounding box with a margin.
    """

    def __init__(self, volume: Volume, brain: NDArray[np.bool_]) -> None:
        self.volume, self._brain = volume, brain
        margins = np.round(FRAME_MARGIN_MM / volume.zooms).astype(int).tolist()
        self.box = bounding_box(brain, margins)
        inside = volume.data[self.box][brain[self.box]]
        low, high = np.percentile(inside[:: 1 + len(inside) // GREY_SAMPLES], GREY_PERCENTILES)
        self._black = low - GREY_MARGIN_BELOW * (high - low)
        # Of one intensity alone black and white differ, too, in the precision of pictures.
        above = float(np.nextafter(np.float32(self._black), np.float32(np.inf)))
        self._white = max(high + GREY_MARGIN_ABOVE * (high - low), above)

    def extent(self, plane: Plane) -> tuple[float, float]:
        """Return width and height of the frame, mm."""
        sides = [
            (side.stop - side.start) * zoom for side, zoom in zip(self.box, self.volume.zooms, strict=True)
        ]
        width, height = (side for axis, side in enumerate(sides) if axis != plane.axis)
        return float(width), float(height)

    def spread(self, plane: Plane, count: int) -> list[int]:
        """Select slices at equal steps of brain volume, within its central 88 %."""
        area = self._brain.sum(axis=tuple(axis for axis in range(3) if axis != plane.axis))
        cumulative = np.cumsum(area) / area.sum()
        return [int(np.searchsorted(cumulative, share)) for share in np.linspace(*SLICE_RANGE, count)]

    def position(self, plane: Plane, index: int) -> float:
        """Return the position of a slice: the world coordinate of the centre of its frame, mm."""
        middle = [(side.start + side.stop - 1) / 2 for side in self.box]
        middle[plane.axis] = index
        return float(
            (self.volume.canonical_affine[:3, :3] @ middle + self.volume.canonical_affine[:3, 3])[plane.axis]
        )

    def cut(
        self,
        array: NDArray[Any],
        plane: Plane,
        index: int,
        scale: float,
        value: int | None = None,
    ) -> NDArray[np.float32]:
        """Extract a slice of an array, resampled to square pixels.

        Parameters
        ----------
        array : ndarray, shape (X, Y, Z)
            In canonical orientation.
        plane : Plane
        index : int
            Slice along the axis of the plane.
        scale : float
            Pixels per mm.
        value : int, optional
            Return the share of each pixel that has this value, instead of the values themselves.

        Returns
        -------
        ndarray of float32, shape (rows, columns)
        """
        inside: list[slice | int] = list(self.box)
        inside[plane.axis] = index
        voxels = array[tuple(inside)]
        return self.resampled(voxels if value is None else voxels == value, plane, scale)

    def resampled(self, voxels: NDArray[Any], plane: Plane, scale: float) -> NDArray[np.float32]:
        """Resample a slice of the frame, shape (U, V), to square pixels, see `cut`."""
        width, height = self.extent(plane)
        size = max(1, round(width * scale)), max(1, round(height * scale))
        pixels = Image.fromarray(np.ascontiguousarray(voxels.T[::-1], dtype=np.float32))
        return np.asarray(pixels.resize(size, Image.Resampling.BILINEAR))

    def grey(
        self, plane: Plane, index: int, scale: float, data: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """Return a slice in shades of grey from 0 to 1, shape (rows, columns).

        Parameters
        ----------
        plane, index, scale
            See `cut`.
        data : ndarray of float32, shape (X, Y, Z), optional
            Intensities to show in the shades of the scan; those of the scan if not given.

        Returns
        -------
        ndarray of float32, shape (rows, columns)
        """
        return self._shades(self.cut(self.volume.data if data is None else data, plane, index, scale))

    def mean_shade(self, region: NDArray[np.bool_]) -> float:
        """Return the mean shade of grey in a region, shape (X, Y, Z), of the brain; 0.5 of an empty one."""
        inside = self.volume.data[self.box][region[self.box]]
        shades = self._shades(inside[:: 1 + len(inside) // GREY_SAMPLES])
        return float(shades.mean(dtype=np.float64)) if len(shades) else 0.5

    def _shades(self, intensities: NDArray[np.floating]) -> NDArray[np.float32]:
        return np.asarray(np.clip((intensities - self._black) / (self._white - self._black), 0, 1))


def outline(share: NDArray[np.float32], width: float = OUTLINE_PIXELS) -> NDArray[np.float32]:
    """Compute the opacity of a line just inside the edge of a region.

    Parameters
    ----------
    share : ndarray of float32, shape (rows, columns)
        Share of each pixel that the region covers.
    width : float
        Width of the line, pixels.

    Returns
    -------
    ndarray of float32, shape (rows, columns)
        Opacity, 0 to 1, anti-aliased.
    """
    down, across = np.gradient(share)
    slope = np.sqrt(down * down + across * across)
    distance = np.abs(share - np.float32(OUTLINE_LEVEL)) / np.maximum(slope, np.float32(MIN_OUTLINE_GRADIENT))
    return np.asarray(np.clip(np.float32(width / 2 + 0.5) - distance, 0, 1))


def paint(picture: NDArray[np.float32], opacity: NDArray[np.float32], color: str) -> None:
    """Blend a colour into a picture (rows, columns, 3) in place, by opacities (rows, columns)."""
    fractions = np.array([part / 255 for part in rgb(color)], dtype=np.float32)
    picture += opacity[..., None] * (fractions - picture)
