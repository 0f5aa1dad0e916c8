"""Channels: scans of one head that take part in the mixture together, on the grid of the first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mriseg.channels.alignment import align
from mriseg.images.background import with_signal
from mriseg.model.bias_field import air_intensity, correct_bias, field_of_white_matter, no_field
from mriseg.qc import QCWarning, look_closely

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mriseg.channels.alignment import Alignment
    from mriseg.images.volume import Volume
    from mriseg.model.bias_field import BiasField

# A channel that covers less of the brain mask than this leaves a part of the brain to the others.
_WHOLE = 0.995


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
    def warnings(self) -> list[QCWarning]:
        """What is odd about the channel."""
        name = self.volume.path.name
        warnings = [warning.about(f"{name}:") for warning in self.volume.warnings]
        if self.alignment.overlap < _WHOLE:
            part = f"covers {self.alignment.overlap:.0%} of the brain; "
            part += "the rest is judged by the first scan alone"
            warnings.append(look_closely("channel-overlap", part).about(name))
        return [*warnings, *(warning.about(name) for warning in self.alignment.warnings)]


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
