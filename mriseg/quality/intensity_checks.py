"""Checks of the intensities of a scan in the brain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mriseg.qc import QCWarning, look_closely
from mriseg.quality.constants import CUT_MARGIN, CUT_PERCENTILES, MAX_SATURATED

if TYPE_CHECKING:
    from numpy.typing import NDArray


def saturation_warnings(data: NDArray[np.float32], mask: NDArray[np.bool_]) -> list[QCWarning]:
    """Check whether intensities of the brain were cut off.

    Parameters
    ----------
    data : ndarray of float32, shape (X, Y, Z)
        The scan.
    mask : ndarray of bool, shape (X, Y, Z)
        The brain without lesions.

    Returns
    -------
    list of QCWarning
        Empty if hardly a voxel of the brain has its highest or its lowest intensity.
    """
    values = data[mask]
    low, high = np.percentile(values, CUT_PERCENTILES)
    margin = CUT_MARGIN * (high - low)
    shares = {"brightest": np.mean(values >= high - margin), "darkest": np.mean(values <= low + margin)}
    return [
        look_closely(
            "intensities-saturated", f"{share:.0%} of the brain have its {end} intensity; it was cut off"
        )
        for end, share in shares.items()
        if share > MAX_SATURATED
    ]
