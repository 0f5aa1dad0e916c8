"""Labels that were edited by hand: volumes, pictures, brain mask and sidecar are written again from them."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mriseg import file_names
from mriseg._utils.atomic_write import atomic_write
from mriseg._utils.text import printable
from mriseg.file_names import result_name
from mriseg.images.writing import save_array
from mriseg.labels.lookup_tables import FORMATS, save_label_table, save_lut
from mriseg.labels.orders import numbered, order_mark, renumbered
from mriseg.qc import look_closely, note, verdict
from mriseg.results.edited_labels import EditedLabels
from mriseg.results.own_labels import DIGESTS, digests
from mriseg.results.reading import result_sidecar
from mriseg.results.segmentation import check_overlay_style
from mriseg.results.sidecar import classes, description, write_json
from mriseg.results.volumes import save_volume_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from mriseg.images.reading import ImageSource
    from mriseg.images.volume import Volume
    from mriseg.qc import QCWarning
    from mriseg.report.overlay import OverlayStyle

# What is written as it was, for the sidecar.
_AS_BEFORE = "posteriors, atypicality map, corrected scans, fit, image quality figures, all other warnings"
_CODE, _MOST = "labels-edited", "labels-mostly-edited"
# Share of the voxels with a label before or after, beyond which an edit is doubted. In some forty results the
# labels mirrored differ by 0.28 to 0.66, those of another scan on the same grid by 0.44 and more; a layer of
# one voxel all around is 0.04 to 0.13, another fit of the scan up to 0.10, all CSF taken away 0.07 to 0.28.
MAX_EDITED_SHARE = 0.25
_ALWAYS = (
    file_names.LABELS,
    file_names.LABEL_TABLE,
    file_names.BRAIN_MASK,
    file_names.BRAIN_MASK_SIDECAR,
    file_names.VOLUMES,
    file_names.OVERLAY,
)


@dataclass(frozen=True)
class LabelEdit:
    """The difference that an edit of labels made to a result, and the files that were written.

    Parameters
    ----------
    voxels : int
        Number of voxels whose label differs from the one before any edit.
    before, after : dict of str to float
        Volume of the voxels that carry each label before any edit and now, mL, by tissue abbreviation.
    files : list of Path
        The files written, the sidecar last; none if the labels are the file of the result, which nobody has
        changed since it was written.
    warnings : tuple of QCWarning
        What is odd about the edit.
    """

    voxels: int
    before: dict[str, float]
    after: dict[str, float]
    files: list[Path]
    warnings: tuple[QCWarning, ...] = ()


def update(
    result: str | Path,
    labels: ImageSource,
    *,
    scan: ImageSource | None = None,
    overlay_style: OverlayStyle | None = None,
) -> LabelEdit:
    """Write the results of a segmentation again from labels that were edited by hand.

    Labels, their tables, the brain mask (where there is a label), volumes, overlay, report if there is one,
    and sidecar are written; the labels before the first edit are kept as
    ``STEM_desc-unedited_dseg.nii.gz``, and the report of them as ``STEM_desc-unedited_report.html``.
    Posteriors stay as they are: the volume of a tissue (``ml``) counts voxels that were edited whole, by
    their new label, and all others by their posteriors.

    Parameters
    ----------
    result : str or Path
        A folder that `mriseg segment` wrote, or, where there are several results, the sidecar of one.
    labels : str, Path, nibabel image or Volume
        The edited label image on the grid of the result's, with the same numbers; 7 is a lesion.
    scan : str, Path, nibabel image or Volume, optional
        The scan to draw over, needed where the result holds none without its bias field.
    overlay_style : {"contour", "fill"}, optional
        Outlines or translucent colours in the overlay; otherwise as it was.

    Returns
    -------
    LabelEdit

    Raises
    ------
    ImageError
        If the result is not one segmentation or is not complete, the labels are not on its grid or hold other
        numbers, or those of the result were changed in their place and the change would be lost.
    OptionError
        If the style is not known.
    OutputError
        If the folder cannot be written.
    """
    if overlay_style is not None:
        check_overlay_style(overlay_style)
    edited = EditedLabels(result_sidecar(Path(result)), labels)
    if edited.are_own:
        return _nothing_new(edited)
    return _Writer(edited, edited.backdrop(scan)).write(overlay_style or edited.overlay_style)


def _nothing_new(edited: EditedLabels) -> LabelEdit:
    """Return the difference that earlier edits made, if there were any."""
    before, after = (
        {name: of["label_ml"] for name, of in figures.items()}
        for figures in (edited.classes, edited.facts["Classes"])
    )
    return LabelEdit(int(np.count_nonzero(edited.changed)), before, after, files=[])


class _Writer:
    """The files of a result that follow from its labels.

    Parameters
    ----------
    edited : EditedLabels
    scan : Volume
        What the pictures are drawn over.
    """

    def __init__(self, edited: EditedLabels, scan: Volume) -> None:
        self.edited, self.scan = edited, scan
        self.volumes = edited.volumes(scan)
        self.tissues = tuple(tissue for tissue in edited.tissues if tissue.abbreviation in self.volumes)
        self.numbered = numbered(self.tissues, edited.order)

    def write(self, style: OverlayStyle) -> LabelEdit:
        """Write all files, the sidecar last."""
        edited, written = self.edited, self._written()
        copies = self._copies()
        endings = [*copies.values(), *written, file_names.SIDECAR]
        names = [result_name(edited.name, ending) for ending in endings]
        edit = self._difference([edited.sidecar.with_name(name) for name in names])
        facts = self._facts(edit, list(copies.values()))
        with atomic_write(edited.sidecar.parent, names, overwrite=True) as scratch:

            def place(ending: str) -> Path:
                return scratch / result_name(edited.name, ending)

            for source, ending in copies.items():
                shutil.copyfile(edited.place(source), place(ending))
            if edited.in_place and file_names.LABELS in copies:
                self._save_labels(edited.unedited, place(file_names.UNEDITED_LABELS))
            self._write_images(place, style)
            self._write_tables(place, written)
            if file_names.REPORT in written:
                self._write_report(place(file_names.REPORT), facts)
            stored = renumbered(edited.labels, self.tissues, edited.order)
            facts |= {DIGESTS: digests(place(file_names.LABELS), stored), "OverlayStyle": style}
            write_json(place(file_names.SIDECAR), facts)
        return edit

    def _difference(self, files: list[Path]) -> LabelEdit:
        before = {name: of["label_ml"] for name, of in self.edited.classes.items()}
        return LabelEdit(
            voxels=int(np.count_nonzero(self.edited.changed)),
            before={name: before.get(name, 0.0) for name in self.volumes},
            after={name: volume.label_ml for name, volume in self.volumes.items()},
            files=files,
            warnings=self._doubts(),
        )

    def _doubts(self) -> tuple[QCWarning, ...]:
        """Return a warning if more voxels are edited than anybody paints."""
        share = self.edited.changed_share
        if share <= MAX_EDITED_SHARE:
            return ()
        text = (
            f"{share:.0%} of the voxels with a label were given another one by hand, far more than anybody "
            "paints: see that the edited labels are of this scan and not mirrored"
        )
        return (look_closely(_MOST, text),)

    def _copies(self) -> dict[str, str]:
        """Return the endings of files that the first edit replaces, and of their copies."""
        copies = {
            file_names.LABELS: file_names.UNEDITED_LABELS,
            file_names.REPORT: file_names.UNEDITED_REPORT,
        }
        there = {a: b for a, b in copies.items() if self.edited.place(a).is_file()}
        return {} if self.edited.earlier else there

    def _written(self) -> list[str]:
        """Return the endings of the files that are written anew, without the sidecar."""
        optional = [file_names.REPORT, *map(file_names.lookup_table_ending, FORMATS)]
        return [*_ALWAYS, *(ending for ending in optional if self.edited.place(ending).is_file())]

    def _write_images(self, place: Callable[[str], Path], style: OverlayStyle) -> None:
        """Write labels, brain mask and overlay."""
        from mriseg.report.overlay import save_overlay

        grid, labels = self.edited.grid, self.edited.labels
        self._save_labels(labels, place(file_names.LABELS))
        mask = grid.to_scan_grid(labels > 0).astype(np.uint8)
        save_array(mask, grid, place(file_names.BRAIN_MASK))
        save_overlay(self.scan, labels, self.tissues, place(file_names.OVERLAY), style=style)

    def _save_labels(self, labels: NDArray[np.uint8], path: Path) -> None:
        """Write labels in canonical orientation to the label map."""
        grid, order = self.edited.grid, self.edited.order
        stored = renumbered(grid.to_scan_grid(labels), self.tissues, order)
        save_array(stored, grid, path, intent="label", mark=order_mark(self.tissues, order))

    def _write_tables(self, place: Callable[[str], Path], written: list[str]) -> None:
        """Write the tables of labels and volumes, look-up tables that are there, and what the mask is."""
        facts = self.edited.facts
        save_label_table(self.numbered, place(file_names.LABEL_TABLE))
        for program in FORMATS:
            if file_names.lookup_table_ending(program) in written:
                save_lut(program, self.numbered, place(file_names.lookup_table_ending(program)))
        save_volume_table(self.edited.name, self.edited.brain_ml, self.volumes, place(file_names.VOLUMES))
        method = "where the edited labels are" if self.edited.changed.any() else facts["BrainMask"]["Method"]
        about = {"Description": f"Brain mask ({method})", "Type": "Brain"}
        sources = {"Sources": facts["Sources"][:1]}
        write_json(place(file_names.BRAIN_MASK_SIDECAR), about | sources)

    def _facts(self, edit: LabelEdit, copies: list[str]) -> dict[str, Any]:
        """Return the content of the sidecar."""
        facts, name = self.edited.facts, self.edited.name
        earlier = [warning for warning in facts["Warnings"] if warning.code not in (_CODE, _MOST)]
        text = (
            f"the labels of {edit.voxels} voxels were edited by hand; other warnings are about those before"
        )
        warnings = [*earlier, *edit.warnings, *([note(_CODE, text)] if edit.voxels else [])]
        *files, last = facts["Files"]
        return facts | {
            "Description": description(self.numbered, by_hand=edit.voxels > 0),
            "BrainMask": facts["BrainMask"] | {"VolumeML": self.edited.brain_ml},
            "Classes": classes(self.numbered, self.volumes),
            "Edited": {
                "File": printable(self.edited.edited.path.name),
                "SHA256": self.edited.edited.sha256,
                "Voxels": edit.voxels,
                "LabelML": {
                    name: {"Before": edit.before[name], "After": edit.after[name]} for name in self.volumes
                },
                "Unedited": printable(result_name(name, file_names.UNEDITED_LABELS)),
                "AsBefore": _AS_BEFORE,
                "Before": self.edited.classes,
            },
            "Warnings": [warning.recorded() for warning in warnings],
            "Verdict": verdict(warnings),
            "Files": [*files, *(printable(result_name(name, ending)) for ending in copies), last],
        }

    def _write_report(self, path: Path, facts: dict[str, Any]) -> None:
        """Write the report of the edit; where no voxel is edited, that of before any edit."""
        from mriseg.report.page import EditedData, edited_report

        edited = self.edited
        before = edited.place(file_names.UNEDITED_REPORT if edited.earlier else file_names.REPORT)
        if before.is_file() and not edited.changed.any():
            shutil.copyfile(before, path)
            return
        data = EditedData(edited.name, self.scan, edited.labels, self.tissues, facts)
        path.write_text(edited_report(data), encoding="utf-8")
