"""Agreement of label maps: Dice overlap, volume difference, Hausdorff distance; calibration of posteriors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from mriseg.errors import ImageError
from mriseg.evaluation.constants import CALIBRATION_BINS, HAUSDORFF_PERCENTILE
from mriseg.images.reading import load_map
from mriseg.images.volume import same_grid, whole_numbers
from mriseg.images.voxels import bounding_box
from mriseg.labels.numbers import BIDS_NUMBERS, as_numbers
from mriseg.labels.tissues import CSF, GM, WM
from mriseg.results.reading import numbers_of
from mriseg.results.segmentation import Segmentation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from mriseg.images.reading import ImageSource
    from mriseg.images.volume import Volume

    Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Agreement:
    """Agreement of two label maps on one tissue.

    Parameters
    ----------
    dice : float
        Dice overlap, 0 to 1.
    volume_difference : float
        Volume of the labels less that of the truth, percent of the truth.
    hausdorff95 : float
        95th percentile of the Hausdorff distance of the surfaces, mm.
    """

    dice: float
    volume_difference: float
    hausdorff95: float


def evaluate(
    labels: ImageSource | Segmentation,
    truth: ImageSource | Segmentation,
    *,
    label_numbers: Mapping[int, int | str] | None = None,
    truth_numbers: Mapping[int, int | str] | None = None,
    inside: bool = False,
) -> dict[str, Agreement]:
    """Compute the agreement of two label maps, tissue by tissue.

    Parameters
    ----------
    labels, truth : str, Path, nibabel image, Volume or Segmentation
        On the same grid; they may be stored in different orientations.
    label_numbers, truth_numbers : mapping of int to int or str, optional
        Numbers in each map to 1 GM, 2 WM or 3 CSF, or to these names; otherwise see
        `mriseg.results.reading.numbers_of`.
    inside : bool
        Look only where the truth has a tissue.

    Returns
    -------
    dict of str to Agreement
        By tissue abbreviation.

    Raises
    ------
    ImageError
        If a map cannot be read or is no label map, the grids differ, either has none of the tissues, or its
        table does not say which number is which.
    OptionError
        If a number is given to something else.

    Examples
    --------
    >>> mriseg.evaluate(result.labels_image, "truth.nii.gz")["GM"].dice  # doctest: +SKIP
    0.87
    """
    first, second = (
        load_map(of.labels_image if isinstance(of, Segmentation) else of) for of in (labels, truth)
    )
    if not same_grid(first, second):
        raise ImageError(
            f"{first.path}: is not on the grid of {second.path}; resample one to the other first"
        )
    found, true = whole_numbers(first), whole_numbers(second)
    of_labels = _numbers(labels, label_numbers, first)
    of_truth = _numbers(truth, truth_numbers, second)
    for path, array, numbers in (
        (first.path, found, of_labels),
        (second.path, true, of_truth),
    ):
        if not np.isin(array, list(numbers)).any():
            known = ", ".join(map(str, numbers))
            raise ImageError(
                f"{path}: has no voxel with the numbers {known}; say which number is which tissue"
            )
    evaluated = np.isin(true, list(of_truth)) if inside else np.True_
    return {
        tissue.abbreviation: agreement(
            np.isin(found, [k for k, t in of_labels.items() if t == tissue.index]) & evaluated,
            np.isin(true, [k for k, t in of_truth.items() if t == tissue.index]),
            first.zooms,
        )
        for tissue in (CSF, GM, WM)
    }


def _numbers(
    of: ImageSource | Segmentation, given: Mapping[int, int | str] | None, volume: Volume
) -> Mapping[int, int]:
    if given is not None:
        return as_numbers(given)
    return BIDS_NUMBERS if isinstance(of, Segmentation) else numbers_of(of, volume=volume)


def agreement(labels: Mask, truth: Mask, zooms: NDArray[np.floating]) -> Agreement:
    """Compute the agreement of two masks of a tissue on one grid.

    Parameters
    ----------
    labels, truth : ndarray of bool, shape (X, Y, Z)
        Masks of the tissue.
    zooms : ndarray of float64, shape (3,)
        Voxel size, mm.

    Returns
    -------
    Agreement
        NaN where a value is undefined because a mask is empty.
    """
    n, m = np.count_nonzero(labels), np.count_nonzero(truth)
    return Agreement(
        dice(labels, truth), 100 * (n - m) / m if m else np.nan, hausdorff95(labels, truth, zooms)
    )


def dice(labels: Mask, truth: Mask) -> float:
    """Compute the Dice coefficient, twice the intersection over the sum of the sizes; NaN if both are empty.

    Parameters
    ----------
    labels, truth : ndarray of bool
        Of one shape.

    Returns
    -------
    float
        From 0 to 1.

    References
    ----------
    Dice LR (1945). Measures of the amount of ecologic association between species. Ecology 26:297-302.

    >>> float(dice(np.array([True, True, False]), np.array([True, False, False])))
    0.6666666666666666
    """
    total = np.count_nonzero(labels) + np.count_nonzero(truth)
    return 2 * np.count_nonzero(labels & truth) / total if total else np.nan


def hausdorff95(labels: Mask, truth: Mask, zooms: NDArray[np.floating]) -> float:
    """Compute the larger of the two directed 95th percentiles of the distances between surfaces.

    Parameters
    ----------
    labels, truth : ndarray of bool, shape (X, Y, Z)
    zooms : ndarray of float64, shape (3,)
        Voxel size, mm.

    Returns
    -------
    float
        Distance in mm between voxel centres; NaN if either is empty.

    References
    ----------
    Huttenlocher DP, Klanderman GA, Rucklidge WJ (1993). Comparing images using the Hausdorff distance. IEEE
    Trans Pattern Anal Mach Intell 15:850-863.
    """
    if not labels.any() or not truth.any():
        return np.nan
    box = bounding_box(labels | truth)
    surfaces = [_surface(np.pad(mask[box], 1)) for mask in (labels, truth)]
    from_labels, from_truth = (ndimage.distance_transform_edt(~s, sampling=zooms) for s in surfaces)
    directed = np.percentile(from_truth[surfaces[0]], HAUSDORFF_PERCENTILE)
    reverse = np.percentile(from_labels[surfaces[1]], HAUSDORFF_PERCENTILE)
    return float(max(directed, reverse))


def calibration_error(posteriors: NDArray[np.floating], fractions: NDArray[np.floating]) -> float:
    """Compute the expected calibration error of posteriors against true tissue fractions.

    Parameters
    ----------
    posteriors, fractions : ndarray, shape (N, K)
        Posteriors, and true fractions of tissue.

    Returns
    -------
    float
        Over ten bins of the posterior, the mean absolute difference between the mean posterior and the mean
        true fraction, weighted by the number of voxels; 0 to 1.
    """
    bins = np.minimum((posteriors.ravel() * CALIBRATION_BINS).astype(np.intp), CALIBRATION_BINS - 1)
    expected = np.bincount(bins, posteriors.ravel(), minlength=CALIBRATION_BINS)
    observed = np.bincount(bins, fractions.ravel(), minlength=CALIBRATION_BINS)
    return float(np.abs(expected - observed).sum() / posteriors.size)


def _surface(mask: Mask) -> Mask:
    """Return the voxels of a mask with a face on its outside."""
    surface: Mask = mask & ~ndimage.binary_erosion(mask)
    return surface
