"""How well the density of a mixture fits the histogram of the intensities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from mriseg.quality.constants import DENSITY_BINS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.floating]


class Density(Protocol):
    """A mixture that has a density."""

    def density(self, intensities: Floats) -> Floats:
        """Return the probability density at intensities (B,)."""


def fit_error(values: Floats, counts: Floats, model: Density) -> float:
    """Compute the misfit of a fitted density to its histogram.

    Parameters
    ----------
    values, counts : ndarray, shape (B,)
        Intensities and the number of voxels of each.
    model : Density

    Returns
    -------
    float
        Root mean square difference over the bins of `binned_density`, as a share of the peak of the
        histogram.
    """
    density, edges = binned_density(values, counts)
    fitted = model.density((edges[:-1] + edges[1:]) / 2)
    return float(np.sqrt(np.mean((density - fitted) ** 2)) / density.max())


def binned_density(values: Floats, counts: Floats) -> tuple[Floats, Floats]:
    """Return density and edges of at most 128 bins whose width is a multiple of the step of the intensities.

    Other widths would leave a comb in scans of whole numbers: bins of two and of one of them in turn.

    Parameters
    ----------
    values, counts : ndarray, shape (B,)
        Intensities and the number of voxels of each.

    Returns
    -------
    density : ndarray of float64, shape (C,)
        Per unit of intensity.
    edges : ndarray of float64, shape (C + 1,)
    """
    step = (
        float(np.median(np.diff(values)))
        if len(values) < 2 * DENSITY_BINS
        else float(np.ptp(values)) / len(values)
    )
    width = step * max(1, np.ceil(np.ptp(values) / step / DENSITY_BINS))
    edges = np.arange(values[0] - step / 2, values[-1] + width, width)
    density, _ = np.histogram(values, edges, weights=counts, density=True)
    return density, edges
