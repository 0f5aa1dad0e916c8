"""Preparation of further channels for the joint mixture: alignment and correction of the bias field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mriseg._utils.parallel import parallel_chunks
from mriseg.channels.alignment import align
from mriseg.channels.constants import AIR_PERCENTILE, MIN_FULL_COVERAGE
from mriseg.images.background import with_signal
from mriseg.model.bias_field import field_of_white_matter, no_field

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mriseg.channels.alignment import Alignment
    from mriseg.images.volume import Volume
    from mriseg.model.bias_field import BiasField

# Planes that a thread corrects at a time, few enough to stay in the cache of the processor.
_PLANES = 4


@dataclass(frozen=True, eq=False)
class Channel:
    """A further scan of the same head, prepared for the joint mixture.

    Parameters
    ----------
    volume : Volume
        As it was read, on its own grid.
    alignment : Alignment
        The scan resampled to the grid of the first.
    field : BiasField
        Bias field on the grid of the first scan.
    corrected : ndarray of float32, shape (X, Y, Z)
        Intensities on the grid of the first scan in canonical orientation, divided by the field.
    seen : ndarray of bool, shape (X, Y, Z)
        Voxels of the brain in which the channel has a signal.
    """

    volume: Volume
    alignment: Alignment
    field: BiasField
    corrected: NDArray[np.float32]
    seen: NDArray[np.bool_]

    @property
    def warnings(self) -> list[str]:
        """Warnings of reading and alignment, for the user, each with the name of the file."""
        name = self.volume.path.name
        warnings = [f"{name}: {warning}" for warning in self.volume.warnings]
        if self.alignment.overlap < MIN_FULL_COVERAGE:
            warnings.append(f"{name} covers {self.alignment.overlap:.0%} of the brain; the rest is judged "
                          "by the first scan alone")  # fmt: skip
        return [*warnings, *(f"{name} {warning}" for warning in self.alignment.warnings)]


def prepare_channel(
    channel: Volume,
    scan: Volume,
    mask: NDArray[np.bool_],
    white: NDArray[np.float32] | None,
) -> Channel:
    """Resample a further scan of the same head to the grid of the first, and correct its bias field.

    Parameters
    ----------
    channel : Volume
        In any contrast, on any grid.
    scan : Volume
        The first scan.
    mask : ndarray of bool, shape (X, Y, Z)
        The brain in the first scan, N voxels.
    white : ndarray of float32, shape (N,), or None
        Share of WM in each voxel from the first scan, 0 to 1; None to skip the correction.

    Returns
    -------
    Channel

    Raises
    ------
    ImageError
        If the channel covers less than half of the brain, or is empty there.
    """
    alignment = align(channel, scan, mask)
    seen = mask & alignment.covered
    seen = with_signal(seen, alignment.data)
    if white is None:
        return Channel(channel, alignment, no_field(), alignment.data, seen)
    air = air_intensity(channel.data)
    field = field_of_white_matter(alignment.data, seen, scan.zooms, white[seen[mask]], float(air))
    return Channel(channel, alignment, field, correct_bias(alignment.data, air, field), seen)


def air_intensity(data: NDArray[np.float32]) -> np.float32:
    """Estimate the intensity of air: a low percentile of the scan, subsampled by three along each axis."""
    return np.float32(np.percentile(data[::3, ::3, ::3], AIR_PERCENTILE))


def correct_bias(data: NDArray[np.float32], air: np.float32, field: BiasField) -> NDArray[np.float32]:
    """Correct a scan for a multiplicative bias field above the intensity of air.

    Parameters
    ----------
    data : ndarray of float32, shape (X, Y, Z)
    air : float32
        Intensity of air, see `air_intensity`.
    field : BiasField

    Returns
    -------
    ndarray of float32, shape (X, Y, Z)
        ``air + (data - air) / field``; `data` itself if the field is 1 everywhere.
    """
    if not field.order:
        return data
    corrected = np.empty_like(data)

    def correct_planes(part: slice) -> None:
        planes = data[part] - air
        planes /= field.on_grid(data.shape, part)
        corrected[part] = planes + air

    parallel_chunks(correct_planes, len(data), _PLANES)
    return corrected
