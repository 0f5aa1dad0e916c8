"""Checks of the intensities of a scan in the brain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mriseg.labels.tissues import CSF, GM, WM
from mriseg.model.bias_field import air_intensity
from mriseg.qc import QCWarning, look_closely
from mriseg.quality.agreement import is_predicted
from mriseg.quality.constants import MAX_DARK_LEVELS, MAX_SATURATED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from mriseg.estimates import Estimates
    from mriseg.labels.tissues import Tissue


def saturation_warnings(values: Mapping[str, float]) -> list[QCWarning]:
    """Check whether intensities of the brain were cut off.

    Parameters
    ----------
    values : mapping of str to float
        Image quality figures. Where they predict the agreement with the truth, that weighs the bright end,
        see `mriseg.quality.agreement`.

    Returns
    -------
    list of QCWarning
        Empty if hardly a voxel of the brain has its highest or its lowest intensity.
    """
    ends = {"darkest": "clipped_floor"}
    if not is_predicted(values):
        ends["brightest"] = "clipped_ceiling"
    shares = {end: values[name] for end, name in ends.items()}
    return [
        look_closely(
            "intensities-saturated",
            f"{share:.0%} of the brain have its {end} intensity (usually {MAX_SATURATED:.0%} at the most): "
            "it was cut off, and tissues are not told apart there; take the scan as it was before it was "
            "scaled",
        )
        for end, share in shares.items()
        if share > MAX_SATURATED
    ]


def linearity_warnings(found: Estimates) -> list[QCWarning]:
    """Check whether intensities are proportional to the signal, see `level_warnings`.

    Parameters
    ----------
    found : Estimates

    Returns
    -------
    list of QCWarning
        Empty if nothing is in doubt, or the tissues were not told by place.
    """
    if not found.by_place:
        return []
    air = air_intensity(found.volume.data, found.volume.data[found.tissue_mask])
    return level_warnings(found.components, np.abs(found.model.means - air))


def level_warnings(tissues: Sequence[Tissue], levels: NDArray[np.floating]) -> list[QCWarning]:
    """Check the intensities of CSF and GM against that of WM, in T1.

    Logarithms and roots of a scan bring CSF and GM nearer to WM. Voxels of CSF and cortex have no
    intensity between these by their fractions then, and CSF is estimated too small.

    Parameters
    ----------
    tissues : sequence of Tissue, length 3
    levels : ndarray of float64, shape (3,)
        Their means, from the intensity of air; positive also of inverted scans.

    Returns
    -------
    list of QCWarning
        Empty if nothing is in doubt, or WM is not the farthest from air, or CSF not the nearest.

    >>> level_warnings([CSF, GM, WM], np.array([20.0, 70.0, 100.0]))
    []
    """
    csf, grey, white = (float(levels[tissues.index(tissue)]) for tissue in (CSF, GM, WM))
    if not csf < grey < white or csf + grey <= MAX_DARK_LEVELS * white:
        return []
    text = (
        f"CSF and GM are {csf / white:.0%} and {grey / white:.0%} as bright as WM, more than in T1 as a "
        f"scanner stores it (usually together {MAX_DARK_LEVELS:.0%} at the most); if they are roots or "
        "logarithms of the signal, CSF may be a third too small: give the scan as the scanner stored it"
    )
    return [look_closely("intensities-not-linear", text)]
