"""Large regions whose tissue contradicts the template and the other half of the brain, as a tumour may.

A tumour or a stroke may have the intensities of a tissue, and then takes its name; what it has not is its
place. In cells of the template's space, smoothed, the share of each tissue is compared with that of the
template, laid over the brain, and with that at the mirrored place. Brains differ from the template, and wide
ventricles do so on both sides, but hardly in one half alone: an excess over both counts sooner than one over
the template.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import ndimage

from mriseg.labels.tissues import CSF, GM, WM
from mriseg.quality.constants import (
    CELL_MM,
    CELLS,
    CELLS_FROM_MM,
    EXCESS_SMOOTHING_MM,
    MAX_EXCESS,
    MAX_ONE_SIDED_EXCESS,
    MIN_BRAIN_IN_CELL,
    REGION_LEVEL,
)
from mriseg.template.head import load_template
from mriseg.template.registration import sample_template

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from mriseg.quality.view import ScanView
    from mriseg.template.registration import Registration

    Floats = NDArray[np.floating]

TISSUES = (CSF, GM, WM)
_TINY = np.finfo(float).tiny


class Misplaced(NamedTuple):
    """A region of a tissue that lies where it is not expected.

    Parameters
    ----------
    excess : dict of str to float
        By the abbreviation of the tissue: the largest excess in the brain over the most that is usual.
    ml : float
        Volume in the scan of the region of the tissue with the largest of these.
    centre : ndarray of float64, shape (3,)
        Place of that excess, MNI coordinates, mm.
    """

    excess: dict[str, float]
    ml: float
    centre: Floats


def misplaced(points: Floats, shares: Floats, expected: Floats, per_cell: float) -> Misplaced:
    """Find the region with the largest excess of a tissue.

    Parameters
    ----------
    points : ndarray of float64, shape (N, 3)
        MNI coordinates of voxels of the brain, mm, evenly spaced.
    shares, expected : ndarray, shape (N, 3)
        Of CSF, GM and WM in each, by the segmentation and by the template.
    per_cell : float
        Voxels in a cell that the brain fills, on average.

    Returns
    -------
    Misplaced
        Its volume is in voxels.
    """
    cells = np.floor((points - CELLS_FROM_MM) / CELL_MM).astype(np.intp)
    cells = np.ravel_multi_index(tuple(cells.T), CELLS, mode="clip")
    voxels = _summed(cells, np.ones(len(cells)))
    brain = _smoothed(voxels)
    inner = brain >= MIN_BRAIN_IN_CELL * per_cell
    there, usual = (
        [_smoothed(_summed(cells, column)) / np.maximum(brain, _TINY) for column in table.T]
        for table in (shares, expected)
    )
    total = np.maximum(sum(usual), _TINY)
    over = [np.where(inner, a - b / total, 0) for a, b in zip(there, usual, strict=True)]
    ratios = [
        _over_usual(
            excess, np.where(inner[::-1], share - share[::-1], 0), MAX_ONE_SIDED_EXCESS[of.abbreviation]
        )
        for of, share, excess in zip(TISSUES, there, over, strict=True)
    ]
    highest = [float(ratio.max()) for ratio in ratios]
    of = int(np.argmax(highest))
    peak = int(ratios[of].argmax())
    region = _region_around(over[of], peak)
    # Not the centre of the region, which may run into what differs from the template in every brain.
    centre = CELLS_FROM_MM + CELL_MM * (np.array(np.unravel_index(peak, CELLS)) + 0.5)
    names = [tissue.abbreviation for tissue in TISSUES]
    return Misplaced(dict(zip(names, highest, strict=True)), float(voxels[region].sum()), centre)


def _over_usual(over_template: Floats, over_other_half: Floats, most: float) -> Floats:
    """Return the excess over the template, or over it and the other half, over the most that is usual."""
    one_sided = np.minimum(over_template, over_other_half)
    return np.asarray(np.maximum(over_template / MAX_EXCESS, one_sided / most))


def misplaced_in(view: ScanView, registration: Registration) -> Misplaced:
    """Find the region with the largest excess of a tissue in a segmented scan, see `misplaced`."""
    coarse, step = view.found.volume.subsampled(CELL_MM / 2)
    mask = view.found.tissue_mask
    chosen = np.zeros_like(mask)
    chosen[step] = mask[step]
    components = [view.found.components.index(tissue) for tissue in TISSUES]
    to_mni = registration.scan_to_mni @ coarse.canonical_affine
    points = np.argwhere(mask[step]) @ to_mni[:3, :3].T + to_mni[:3, 3]
    template = load_template()
    maps = (template.csf, template.gm, template.wm)
    expected = sample_template(maps, template, registration, points)
    shares = view.posteriors[chosen[mask]][:, components]
    per_cell = CELL_MM**3 / abs(float(np.linalg.det(to_mni[:3, :3])))
    found = misplaced(points, shares, expected, per_cell)
    return found._replace(ml=found.ml * coarse.voxel_ml)


def misplaced_figures(found: Misplaced) -> Mapping[str, float]:
    """Return the figures of a region, by their names in `mriseg.quality.figures.FIGURES`."""
    excess = {f"misplaced_{name.lower()}": value for name, value in found.excess.items()}
    centre = {f"misplaced_{name}": float(x) for name, x in zip("xyz", found.centre, strict=True)}
    return {**excess, "misplaced_ml": found.ml, **centre}


def _summed(cells: NDArray[np.intp], weights: Floats) -> Floats:
    sums = np.bincount(cells, weights=weights, minlength=int(np.prod(CELLS)))
    return sums.astype(float).reshape(CELLS)


def _smoothed(cells: Floats) -> Floats:
    return np.asarray(ndimage.gaussian_filter(cells, EXCESS_SMOOTHING_MM / CELL_MM))


def _region_around(excess: Floats, peak: int) -> NDArray[np.bool_]:
    """Return the connected cells around a peak, a flat index, down to `REGION_LEVEL` of its excess."""
    regions, _ = ndimage.label(excess > REGION_LEVEL * excess.flat[peak])
    return np.asarray(regions == regions.flat[peak])
