"""Preparation of further channels for the joint mixture: alignment and correction of the bias field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mriseg.channels.alignment import align
from mriseg.channels.constants import MAX_SILENT, MIN_FULL_COVERAGE
from mriseg.channels.likeness import describe_likeness
from mriseg.errors import ImageError
from mriseg.images.background import with_signal
from mriseg.images.reading import as_volume
from mriseg.model.bias_field import air_intensity, correct_bias, unit_field
from mriseg.qc import QCWarning, look_closely

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from mriseg.channels.alignment import Alignment
    from mriseg.images.reading import ImageSource
    from mriseg.images.volume import Volume
    from mriseg.model.bias_field import BiasField


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
    silent : float
        Share of the brain that the channel covers without a signal, 0 to 1.
    likeness : str, optional
        Why it is no measurement of its own beside the first scan.
    """

    volume: Volume
    alignment: Alignment
    field: BiasField
    corrected: NDArray[np.float32]
    seen: NDArray[np.bool_]
    silent: float = 0.0
    likeness: str | None = None

    @property
    def warnings(self) -> list[QCWarning]:
        """Warnings of reading and alignment, each with the name of the file."""
        name = self.volume.path.name
        warnings = [warning.about(f"{name}:") for warning in self.volume.warnings]
        if self.alignment.overlap < MIN_FULL_COVERAGE:
            part = f"covers {self.alignment.overlap:.0%} of the brain; "
            part += "the rest is judged by the first scan alone, and its tissues are less sure: look there, "
            part += "or leave the file out"
            warnings.append(look_closely("channel-overlap", part).about(name))
        if self.silent > MAX_SILENT:
            part = f"has no signal in {self.silent:.0%} of the brain, which is judged by the first scan "
            part += "alone and less sure: look there, or leave the file out"
            warnings.append(look_closely("channel-overlap", part).about(name))
        if self.likeness:
            alike = f"{self.likeness}, and the mixture takes channels for independent; leave it out, or "
            alike += "average the two first if they are two scans"
            warnings.append(look_closely("channel-alike", alike).about(f"{name}:"))
        return [*warnings, *(warning.about(name) for warning in self.alignment.warnings)]


def load_channels(channels: Sequence[ImageSource], scan: Volume) -> list[Volume]:
    """Load further scans of the same session.

    Parameters
    ----------
    channels : sequence of Path, nibabel image or Volume
    scan : Volume
        The first scan.

    Returns
    -------
    list of Volume

    Raises
    ------
    ImageError
        If a scan cannot be read, or is given twice.
    """
    read = [scan]
    for channel in map(as_volume, channels):
        for other in read:
            if channel.sha256 and channel.sha256 == other.sha256:
                raise ImageError(
                    f"{channel.path}: is the same scan as {other.path.name}; name each scan once"
                )
        read.append(channel)
    return read[1:]


def prepare_channel(
    channel: Volume,
    scan: Volume,
    mask: NDArray[np.bool_],
    field_of: Callable[[NDArray[np.float32], NDArray[np.bool_]], BiasField] | None,
) -> Channel:
    """Resample a further scan of the same head to the grid of the first, and correct its bias field.

    Parameters
    ----------
    channel : Volume
        In any contrast, on any grid.
    scan : Volume
        The first scan.
    mask : ndarray of bool, shape (X, Y, Z)
        The brain in the first scan.
    field_of : callable, or None
        Estimates the bias field from intensities above air (X, Y, Z) and the mask of voxels with a signal;
        None to skip the correction.

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
    covered = np.count_nonzero(seen)
    seen = with_signal(seen, alignment.data)
    silent = 1 - np.count_nonzero(seen) / covered
    air = air_intensity(channel.data, alignment.data[seen])
    field = unit_field() if field_of is None else field_of(alignment.data - air, seen)
    likeness = describe_likeness(scan.data, alignment.data, seen)
    corrected = correct_bias(alignment.data, air, field)
    return Channel(channel, alignment, field, corrected, seen, silent, likeness)
