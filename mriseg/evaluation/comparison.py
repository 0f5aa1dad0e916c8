"""The comparison of two segmentations, its tables and its files."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mriseg._utils.atomic_write import atomic_write
from mriseg._utils.tables import as_text
from mriseg._utils.text import printable
from mriseg.images.reading import load_map
from mriseg.images.volume import Volume, same_grid
from mriseg.results.reading import TISSUES, Labels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mriseg.qc import QCWarning

# What volumes are sums of; results whose labels were edited count edited voxels whole.
POSTERIORS, EDITED, LABELS = "posteriors", "posteriors and edited labels", "labels"
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
    volumes_from : {"posteriors", "posteriors and edited labels", "labels"}
        What the volumes are sums of: where labels were edited by `mriseg update`, edited voxels count whole.
    tissues : dict of str to Change
        By tissue abbreviation.
    brain_mask : Change or None
        None unless both are results of `mriseg segment`, with the labels that it or `mriseg update` wrote.
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
