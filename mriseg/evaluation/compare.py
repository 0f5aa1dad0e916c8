"""Comparison of two segmentations of a head: overlap and volumes, tissue by tissue."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from mriseg.errors import ImageError, OptionError
from mriseg.evaluation.comparison import EDITED, LABELS, POSTERIORS, Change, Comparison
from mriseg.evaluation.constants import MAX_CENTRE_DISTANCE_MM, MAX_OUTSIDE
from mriseg.evaluation.metrics import dice
from mriseg.file_names import stem
from mriseg.images.reading import load_map
from mriseg.labels.tissues import LESION, Tissue
from mriseg.qc import QCWarning, look_closely
from mriseg.results.own_labels import editing_warnings
from mriseg.results.reading import TISSUES, Labels, on_grid, read_labels
from mriseg.results.segmentation import Segmentation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from mriseg.images.reading import ImageSource


def compare(
    a: ImageSource | Segmentation,
    b: ImageSource | Segmentation,
    *,
    numbers_a: Mapping[int, int | str] | None = None,
    numbers_b: Mapping[int, int | str] | None = None,
) -> Comparison:
    """Compare two segmentations of one scan, or of two aligned scans of one head.

    Parameters
    ----------
    a, b : str, Path, nibabel image, Volume or Segmentation
        Each a result, a folder that `mriseg segment` wrote, the sidecar ``STEM_dseg.json`` in it, or a label
        map.
    numbers_a, numbers_b : mapping of int to int or str, optional
        Numbers of a label map to 1 GM, 2 WM or 3 CSF, or to these names; otherwise see
        `mriseg.results.reading.numbers_of`. Label 7 is a lesion in label maps where these three are numbered
        so, as in BIDS.

    Returns
    -------
    Comparison

    Raises
    ------
    ImageError
        If a file cannot be read, a folder does not hold one segmentation, or A and B have no tissue in
        common or, on different grids, no place.
    OptionError
        If numbers are given for a result, which says itself which is which, or to something else.
    """
    first, second = _labels_of(a, numbers_a), _labels_of(b, numbers_b)
    _check_common_tissues(first, second)
    b_on_a, resampled = on_grid(second, first.volume)
    if resampled != "no" and not ((first.labels > 0) & (b_on_a > 0)).any():
        raise ImageError(
            f"{second.path}: has no tissue where {first.path} has any, as their headers place them; register "
            "one to the other first"
        )
    both_results = first.brain_mask_ml is not None and second.brain_mask_ml is not None
    by_hand = "updated" in (first.editing, second.editing)
    source = (EDITED if by_hand else POSTERIORS) if both_results else LABELS
    return Comparison(
        a=first,
        b=second,
        b_on_a=b_on_a,
        resampled=resampled,
        volumes_from=source,
        tissues={
            t.abbreviation: _tissue_change(t, first, second, b_on_a, source)
            for t in _compared_tissues(first, second)
        },
        brain_mask=_brain_change(first, second, b_on_a) if both_results else None,
        warnings=tuple(_warnings(first, second, b_on_a)),
    )


def _labels_of(of: ImageSource | Segmentation, numbers: Mapping[int, int | str] | None) -> Labels:
    """Return the labels, volumes and posteriors of a segmentation, or read them."""
    if not isinstance(of, Segmentation):
        return read_labels(of, numbers)
    if numbers is not None:
        raise OptionError(f"{of!r} says itself which label is which; numbers are for label maps")
    posteriors = of.posterior_images
    return Labels(
        path=of.volume.path,
        name=stem(of.volume.path),
        volume=load_map(of.labels_image),
        labels=of.volume.to_canonical(of.labels),
        tissues=tuple(tissue for tissue in TISSUES if tissue.abbreviation in of.volumes),
        ml={name: volume.ml for name, volume in of.volumes.items()},
        brain_mask_ml=of.brain_mask_ml,
        posteriors={t.index: posteriors[t.abbreviation] for t in of.tissues if t is not LESION},
        scan=of.corrected_image or of.volume,
    )


def _check_common_tissues(a: Labels, b: Labels) -> None:
    """Raise ImageError if two segmentations have no tissue in common."""
    if not (set(a.tissues) & set(b.tissues)) - {LESION}:
        first, second = (", ".join(tissue.abbreviation for tissue in side.tissues) for side in (a, b))
        raise ImageError(f"{b.path}: has {second} and {a.path} has {first}, which cannot be compared; "
                         "segment both with the same --classes, or with --merge")  # fmt: skip


def _compared_tissues(a: Labels, b: Labels) -> list[Tissue]:
    """List the tissues of either segmentation; lesions only if there are any."""
    lesions = any((side.labels == LESION.index).any() for side in (a, b))
    return [t for t in TISSUES if (t in a.tissues or t in b.tissues) and (t is not LESION or lesions)]


def _tissue_change(tissue: Tissue, a: Labels, b: Labels, b_on_a: NDArray[np.uint8], source: str) -> Change:
    """Compare one tissue: overlap on the grid of A, volumes on the grid of each."""
    shared = tissue in a.tissues and tissue in b.tissues
    overlap = float(dice(a.labels == tissue.index, b_on_a == tissue.index)) if shared else math.nan
    return Change(overlap, _volume_ml(a, tissue, source), _volume_ml(b, tissue, source))


def _volume_ml(side: Labels, tissue: Tissue, source: str) -> float:
    """Return the volume of a tissue from posteriors or labels, mL; NaN if it is not a class."""
    if tissue not in side.tissues:
        return math.nan
    return side.label_ml(tissue) if source == LABELS else side.ml[tissue.abbreviation]


def _brain_change(a: Labels, b: Labels, b_on_a: NDArray[np.uint8]) -> Change:
    """Compare the brain masks: all labels, as every voxel of the mask has one."""
    return Change(float(dice(a.labels > 0, b_on_a > 0)), a.brain_mask_ml or 0.0, b.brain_mask_ml or 0.0)


def _warnings(a: Labels, b: Labels, b_on_a: NDArray[np.uint8]) -> Iterator[QCWarning]:
    """Yield warnings of changed labels, of tissue outside the grid of A and of misaligned centroids."""
    for letter, side in (("A", a), ("B", b)):
        for warning in editing_warnings(side.editing):
            yield warning.about(f"{letter}, {side.volume.path.name}:")
    whole = np.count_nonzero(b.labels) * b.volume.voxel_ml
    outside = 1 - np.count_nonzero(b_on_a) * a.volume.voxel_ml / whole
    if outside > MAX_OUTSIDE:
        beyond = (
            f"{outside:.0%} of the tissue of B lies outside the grid of A: volumes count it, Dice does not"
        )
        yield look_closely("comparison-outside", beyond)
    shift = float(np.linalg.norm(_centroid(a) - _centroid(b)))
    if shift > MAX_CENTRE_DISTANCE_MM:
        beside = (
            f"the tissue of B lies {shift:.0f} mm beside that of A: Dice and picture mean little unless "
            "the scans are registered to each other; volumes stand"
        )
        yield look_closely("comparison-apart", beside)


def _centroid(side: Labels) -> NDArray[np.float64]:
    """Return the centroid of all tissue in world coordinates, mm."""
    middle = ndimage.center_of_mass(side.labels > 0)
    return np.asarray(side.volume.canonical_affine[:3, :3] @ middle + side.volume.canonical_affine[:3, 3])
