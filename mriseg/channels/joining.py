"""Channels: scans of one head that take part in the mixture together, on the grid of the first."""

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

_PLANES = 4  # at a time while a scan is corrected, so that they stay near the processor


@dataclass(frozen=True, eq=False)
class Channel:
    """A further scan of the same head.

    Parameters
    ----------
    volume : Volume
        As it was read, on its own grid.
    alignment : Alignment
        How it came to the grid of the first scan.
    field : BiasField
        On the grid of the first scan.
    corrected : ndarray of float32, shape (X, Y, Z)
        On the grid of the first scan in canonical orientation, without the field.
    seen : ndarray of bool, shape (X, Y, Z)
        Where in the brain the channel has a signal.
    """

    volume: Volume
    alignment: Alignment
    field: BiasField
    corrected: NDArray[np.float32]
    seen: NDArray[np.bool_]

    @property
    def warnings(self) -> list[str]:
        """What is odd about the channel, in plain words."""
        name = self.volume.path.name
        doubts = [f"{name}: {warning}" for warning in self.volume.warnings]
        if self.alignment.overlap < MIN_FULL_COVERAGE:
            doubts.append(f"{name} covers {self.alignment.overlap:.0%} of the brain; the rest is judged "
                          "by the first scan alone")  # fmt: skip
        return [*doubts, *(f"{name} {warning}" for warning in self.alignment.warnings)]


def prepare_channel(
    channel: Volume,
    scan: Volume,
    mask: NDArray[np.bool_],
    white: NDArray[np.float32] | None,
) -> Channel:
    """Bring a further scan of the same head to the grid of the first, and correct it for its bias field.

    Parameters
    ----------
    channel : Volume
        In any contrast, on any grid.
    scan : Volume
        The first.
    mask : ndarray of bool, shape (X, Y, Z)
        The brain in the first scan, N voxels.
    white : ndarray of float32, shape (N,), or None
        How much white matter the first scan shows in each voxel; None to leave the field as it is.

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
    """Return the intensity of air, from every third voxel each way."""
    return np.float32(np.percentile(data[::3, ::3, ::3], AIR_PERCENTILE))


def correct_bias(data: NDArray[np.float32], air: np.float32, field: BiasField) -> NDArray[np.float32]:
    """Divide a bias field out of a scan.

    Parameters
    ----------
    data : ndarray of float32, shape (X, Y, Z)
    air : float32
        The intensity of air, see `air_intensity`.
    field : BiasField

    Returns
    -------
    ndarray of float32, shape (X, Y, Z)
        `data` itself if the field is one everywhere.
    """
    if not field.order:
        return data
    corrected = np.empty_like(data)

    def correct(part: slice) -> None:
        planes = data[part] - air
        planes /= field.on_grid(data.shape, part)
        corrected[part] = planes + air

    parallel_chunks(correct, len(data), _PLANES)
    return corrected
