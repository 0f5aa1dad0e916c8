"""Comparison of two segmentations of a head: overlap and volumes, tissue by tissue."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from mriseg._utils.atomic_write import atomic_write
from mriseg._utils.tables import as_text
from mriseg._utils.text import printable
from mriseg.errors import ImageError, OptionError
from mriseg.evaluation.constants import MAX_CENTRE_DISTANCE_MM, MAX_OUTSIDE
from mriseg.evaluation.metrics import dice
from mriseg.file_names import stem
from mriseg.images.reading import load_map
from mriseg.images.volume import Volume, same_grid
from mriseg.labels.tissues import LESION, Tissue
from mriseg.qc import QCWarning, look_closely
from mriseg.results.reading import TISSUES, Labels, on_grid, read_labels
from mriseg.results.segmentation import Segmentation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from mriseg.images.reading import ImageSource

_FIGURES = ("dice", "a_ml", "b_ml", "change_ml", "change_percent")


@dataclass(frozen=True)
class Change:
    """Overlap and volumes of a tissue in two segmentations; NaN where undefined.

    Parameters
    ----------
    dice : float
        Dice overlap on the grid of A, 0 to 1.
    a_ml, b_ml : float
        Volume in each, on its own grid, mL.
    """

    dice: float
    a_ml: float
    b_ml: float

    @property
    def change_ml(self) -> float:
        """Volume of B less that of A, mL."""
        return self.b_ml - self.a_ml

    @property
    def change_percent(self) -> float:
        """Volume of B less that of A, percent of A."""
        return 100 * self.change_ml / self.a_ml if self.a_ml else math.nan

    def figures(self) -> dict[str, float]:
        """Return all figures by their names in tables."""
        return {name: getattr(self, name) for name in _FIGURES}


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """Result of the comparison of two segmentations.

    Parameters
    ----------
    a, b : Labels
        Each on its own grid.
    b_on_a : ndarray of uint8, shape (X, Y, Z)
        Labels of B on the grid of A.
    resampled : {"no", "nearest", "trilinear"}
        Resampling of B: none, nearest label, or trilinear interpolation of posteriors.
    volumes_from : {"posteriors", "labels"}
        Arrays that the volumes are sums of.
    tissues : dict of str to Change
        By tissue abbreviation.
    brain_mask : Change or None
        None unless both are results of `mriseg segment`.
    warnings : tuple of QCWarning
        Warnings for the user.
    """

    a: Labels
    b: Labels
    b_on_a: NDArray[np.uint8]
    resampled: str
    volumes_from: str
    tissues: dict[str, Change]
    brain_mask: Change | None
    warnings: tuple[QCWarning, ...]

    @property
    def names(self) -> tuple[str, str]:
        """Names of A and B: those of their files, or of the innermost folders that differ."""
        return _distinct_names(self.a, self.b)

    @property
    def name(self) -> str:
        """Stem of the names of the files."""
        both = "{}_vs_{}".format(*self.names)
        return both if self.a.name in both else f"{self.a.name}_{both}"

    @property
    def differ_ml(self) -> float:
        """Volume of the voxels of A whose label differs in B, mL."""
        return float(np.count_nonzero(self.a.labels != self.b_on_a)) * self.a.volume.voxel_ml

    def __repr__(self) -> str:
        overlaps = ", ".join(f"{name} Dice {change.dice:.3f}" for name, change in self.tissues.items())
        return f"<Comparison of {' and '.join(self.names)}: {overlaps}>"

    def save(self, folder: str | Path | None = None, *, overwrite: bool = False) -> list[Path]:
        """Write a picture of the differences, and the figures as TSV and JSON.

        Parameters
        ----------
        folder : str or Path, optional
            Otherwise one named after both in the current directory.
        overwrite : bool
            Replace files of these names.

        Returns
        -------
        list of Path
            ``A_vs_B_differences.png``, ``A_vs_B_comparison.tsv`` and ``A_vs_B_comparison.json``.

        Raises
        ------
        OutputError
            If a file exists and may not be replaced, or the folder cannot be written.
        """
        from mriseg.report.difference import save_differences

        folder = Path(folder or f"{self.name}_comparison")
        files = [f"{self.name}_{end}" for end in ("differences.png", "comparison.tsv", "comparison.json")]
        with atomic_write(folder, files, overwrite=overwrite) as scratch:
            picture, table, facts = (scratch / file for file in files)
            tissues, scan = [t for t in TISSUES if t.abbreviation in self.tissues], _backdrop(self.a, self.b)
            save_differences(scan, self.a.labels, self.b_on_a, tissues, self.names, picture)
            table.write_text(as_tsv(self), encoding="utf-8")
            facts.write_text(as_json(self), encoding="utf-8")
        return [folder / file for file in files]


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
    source = "posteriors" if both_results else "labels"
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


def as_tsv(comparison: Comparison) -> str:
    """Format the figures as a tab-separated table, a row a tissue."""
    sources = [comparison.volumes_from, comparison.resampled]
    rows = [[name, *_cells(change), *sources] for name, change in comparison.tissues.items()]
    if comparison.brain_mask:
        rows.append(["brain_mask", *_cells(comparison.brain_mask), "mask", comparison.resampled])
    header = ["tissue", *_FIGURES, "volumes_from", "b_resampled"]
    return as_text([header, *rows])


def as_json(comparison: Comparison) -> str:
    """Format the figures and their sources as a JSON object."""
    brain = comparison.brain_mask
    facts = {
        "a": _provenance(comparison.a, comparison.names[0]),
        "b": _provenance(comparison.b, comparison.names[1]),
        "volumes_from": comparison.volumes_from,
        "b_resampled": comparison.resampled,
        "differ_ml": comparison.differ_ml,
        "tissues": {name: _finite_figures(change) for name, change in comparison.tissues.items()},
        "brain_mask": _finite_figures(brain) if brain else None,
        "warnings": [warning.recorded() for warning in comparison.warnings],
    }
    return json.dumps(facts, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _check_common_tissues(a: Labels, b: Labels) -> None:
    """Raise ImageError if two segmentations have no tissue in common."""
    if not (set(a.tissues) & set(b.tissues)) - {LESION}:
        first, second = (", ".join(tissue.abbreviation for tissue in side.tissues) for side in (a, b))
        raise ImageError(f"{b.path}: has {second} and {a.path} has {first}, which cannot be compared; "
                         "segment both with the same --classes, or with --merge")  # fmt: skip


def _cells(change: Change) -> list[str]:
    """Format the figures as cells of a table."""
    return ["n/a" if math.isnan(value) else f"{value:.4f}" for value in change.figures().values()]


def _finite_figures(change: Change) -> dict[str, float | None]:
    """Return the figures with None in place of NaN, for JSON."""
    return {name: None if math.isnan(value) else value for name, value in change.figures().items()}


def _provenance(labels: Labels, name: str) -> dict[str, Any]:
    """Return name, file, digest and voxel size of a segmentation, for JSON."""
    zooms = [round(zoom, 6) for zoom in labels.volume.zooms.tolist()]
    return {
        "name": printable(name),
        "file": printable(labels.volume.path.name),
        "sha256": labels.volume.sha256,
        "zooms_mm": zooms,
    }


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
    return side.ml[tissue.abbreviation] if source == "posteriors" else side.label_ml(tissue)


def _brain_change(a: Labels, b: Labels, b_on_a: NDArray[np.uint8]) -> Change:
    """Compare the brain masks: all labels, as every voxel of the mask has one."""
    return Change(float(dice(a.labels > 0, b_on_a > 0)), a.brain_mask_ml or 0.0, b.brain_mask_ml or 0.0)


def _warnings(a: Labels, b: Labels, b_on_a: NDArray[np.uint8]) -> Iterator[QCWarning]:
    """Yield warnings of tissue outside the grid of A and of misaligned centroids."""
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


def _distinct_names(a: Labels, b: Labels) -> tuple[str, str]:
    """Name both by their stems, or by the innermost folders that differ if the stems do not."""
    parts = zip(*(reversed(side.folder.resolve().parts[1:]) for side in (a, b)), strict=False)
    differing = next(((first, second) for first, second in parts if first != second), None)
    if a.name != b.name or differing is None:
        return a.name, b.name
    return differing


def _backdrop(a: Labels, b: Labels) -> Volume:
    """Return a scan on the grid of A, or the tissues of A in the grey levels of T1."""
    for scan in (load_map(side.scan) for side in (a, b) if side.scan):
        if same_grid(scan, a.volume):
            return scan
    levels = np.zeros(1 + max(tissue.index for tissue in a.tissues), dtype=np.float32)
    levels[[tissue.index for tissue in a.tissues]] = np.arange(1, 1 + len(a.tissues))
    return replace(a.volume, data=levels[a.labels])
