"""The constant that fills the surroundings of a stripped brain, beside the zero of its intensities.

The bias field multiplies intensities, so that their zero must be known. In a scan with air it is the
intensity of air. Of a stripped scan only the fill is left, which some programs set to any number: -1000, the
lowest number of a file, or 0 around a brain in z-scores.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from mriseg.images.background import background_intensity, is_stripped
from mriseg.images.constants import (
    FLOOR_PERCENTILE,
    MAX_DARKEST_RATIO,
    MIN_DARKEST_RATIO,
    MIN_FILLED_FACES,
    USUAL_DARKEST_RATIO,
)
from mriseg.qc import note

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mriseg.images.volume import Volume


def with_zero_around(volume: Volume) -> Volume:
    """Set the constant background of a stripped scan to the zero of its intensities.

    Parameters
    ----------
    volume : Volume
        Any scan, in canonical orientation.

    Returns
    -------
    Volume
        The volume itself if it is not stripped, or if its background is the zero.
    """
    fill, share = background_intensity(volume.data)
    if share < MIN_FILLED_FACES or not is_stripped(volume):
        return volume
    filled = volume.data == fill
    zero = intensity_zero(volume.data[~filled], fill)
    if zero == fill:
        return volume
    moved = note(
        "background-moved",
        f"the background of the stripped scan ({fill:.4g}) is not the zero of its intensities; "
        f"{zero:.4g} was taken for it",
    )
    return replace(volume, data=np.where(filled, zero, volume.data), warnings=(*volume.warnings, moved))


def intensity_zero(brain: NDArray[np.float32], fill: np.float32) -> np.float32:
    """Return the zero of the intensities of a stripped brain.

    It lies somewhat below the darkest CSF. The fill is taken where it does, and 0 where that is nearer to
    the brain than a negative fill; where neither does, the zero follows from the darkest and the middle
    intensity of the brain.

    Parameters
    ----------
    brain : ndarray of float32, shape (N,)
        Intensities of the brain.
    fill : float32
        Intensity around it.

    Returns
    -------
    float32

    >>> intensity_zero(np.float32([30, 100, 120]), np.float32(-1000))
    np.float32(0.0)
    """
    darkest, middle = np.percentile(brain, (FLOOR_PERCENTILE, 50))
    candidates = (np.float32(0), fill) if fill < 0 <= darkest else (fill, np.float32(0))
    for zero in candidates:
        if zero < middle and MIN_DARKEST_RATIO <= (darkest - zero) / (middle - zero) <= MAX_DARKEST_RATIO:
            return zero
    ratio = USUAL_DARKEST_RATIO
    return np.float32((darkest - ratio * middle) / (1 - ratio))
