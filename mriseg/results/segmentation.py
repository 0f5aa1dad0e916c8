"""The result of a segmentation, saved as BIDS derivatives."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mriseg._utils.atomic_write import atomic_write
from mriseg.errors import OptionError
from mriseg.estimates import Estimates
from mriseg.file_names import optional_patterns, stem
from mriseg.labels.lookup_tables import as_programs
from mriseg.labels.orders import BIDS, check_order
from mriseg.qc import verdict
from mriseg.results.bids import derivatives_folder, write_dataset_description
from mriseg.results.files import sidecar_without_files, write_files, written_files
from mriseg.results.sidecar import refuse_other_scan

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from mriseg.images.volume import NiftiImage
    from mriseg.labels.tissues import Tissue
    from mriseg.qc import QCWarning, Verdict
    from mriseg.quality.image_quality import ImageQuality
    from mriseg.report.overlay import OverlayStyle
    from mriseg.results.volumes import TissueVolume

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False, repr=False)
class Segmentation(Estimates):
    """The labels and posteriors of a scan, with its estimates.

    The arrays below, ``mask`` and all images are on the grid of the scan's file. See
    `mriseg.estimates.Estimates` for the other fields; their arrays, ``brain.mask`` and ``lesions`` among
    them, are in canonical orientation; ``volume.to_scan_grid`` turns them.

    Parameters
    ----------
    labels : ndarray of uint8, shape (X, Y, Z)
        0 outside the brain; 1 GM, 2 WM, 3 CSF, 7 lesion; with another number of classes 1 to N by rising
        mean.
    posteriors : mapping of str to ndarray of float32, shape (X, Y, Z)
        Responsibilities by tissue abbreviation; they sum to 1 in the brain mask, and are 0 outside and in
        lesions. Each array is made when it is asked for.
    tissues : tuple of Tissue
        In the order of their labels.
    volumes : dict of str to TissueVolume
        By tissue abbreviation.
    corrected : ndarray of float32, shape (X, Y, Z), or None
        The scan without the bias field, in its own units; None if no field was estimated.
    atypicality : ndarray of float32, shape (X, Y, Z)
        Mahalanobis distance of each voxel to the nearest component of the mixture at its place, see
        `mriseg.model.fitting.atypicality_of`; 0 outside the brain and in lesions.
    quality : ImageQuality
        Image quality figures, see `mriseg.quality.figures.FIGURES`.
    warnings : list of QCWarning
        Of all checks; empty if nothing is doubtful.
    """

    labels: NDArray[np.uint8]
    posteriors: Mapping[str, NDArray[np.float32]]
    tissues: tuple[Tissue, ...]
    volumes: dict[str, TissueVolume]
    corrected: NDArray[np.float32] | None
    atypicality: NDArray[np.float32]
    quality: ImageQuality
    warnings: list[QCWarning]

    @property
    def verdict(self) -> Verdict:
        """The verdict, see `mriseg.qc.verdict`."""
        return verdict(self.warnings)

    @property
    def labels_image(self) -> NiftiImage:
        """The labels on the grid of the scan's file."""
        return self.volume.image_of(self.labels, "label")

    @property
    def posterior_images(self) -> dict[str, NiftiImage]:
        """The posteriors on the grid of the scan's file, by tissue abbreviation."""
        return {name: self.volume.image_of(array, "estimate") for name, array in self.posteriors.items()}

    @property
    def mask_image(self) -> NiftiImage:
        """The brain mask on the grid of the scan's file, 0 and 1."""
        return self.volume.image_of(self.mask.view(np.uint8))

    @property
    def corrected_image(self) -> NiftiImage | None:
        """The scan without its bias field on the grid of its file; None if no field was estimated."""
        return None if self.corrected is None else self.volume.image_of(self.corrected)

    @property
    def atypicality_image(self) -> NiftiImage:
        """The atypicality on the grid of the scan's file."""
        return self.volume.image_of(self.atypicality)

    def row(self) -> dict[str, float | str]:
        """Return name, verdict, volumes (mL, share of the mask) and image quality figures, for a table.

        Returns
        -------
        dict
            A row of ``pandas.DataFrame([result.row() for result in results])``; the columns are those of
            ``cohort.tsv``.
        """
        row: dict[str, float | str] = {"name": stem(self.volume.path), "verdict": self.verdict}
        row["brain_mask_ml"] = self.brain_mask_ml
        for name, volume in self.volumes.items():
            row |= {f"{name}_{figure}": value for figure, value in asdict(volume).items()}
        return row | dict(self.quality.values)

    def plot(self, axes: Any = None, *, style: OverlayStyle = "contour") -> Any:
        """Draw the overlay of the tissues on the scan with matplotlib.

        Parameters
        ----------
        axes : matplotlib.axes.Axes, optional
            Where to draw; new ones if not given.
        style : {"contour", "fill"}
            Outlines or translucent colours.

        Returns
        -------
        matplotlib.axes.Axes

        Raises
        ------
        OptionError
            If the style is not known.
        """
        from mriseg.report.notebook import plot

        check_overlay_style(style)
        labels = self.volume.to_canonical(self.labels)
        return plot(self.volume, labels, self.tissues, axes, style=style)

    def __repr__(self) -> str:
        volumes = ", ".join(f"{name} {volume.ml:.0f} mL" for name, volume in self.volumes.items())
        return f"<Segmentation of {self.volume.path.name}: {volumes}; {self.verdict}>"

    def _repr_html_(self) -> str:
        from mriseg.report.notebook import summary

        labels = self.volume.to_canonical(self.labels)
        return summary(self.volume, labels, self.tissues, sidecar_without_files(self))

    def save(
        self,
        folder: str | Path,
        *,
        overwrite: bool = False,
        report: bool = True,
        overlay_style: OverlayStyle = "contour",
        luts: str | Sequence[str] = (),
        label_order: str = BIDS,
    ) -> list[Path]:
        """Write all files to a folder, creating it if needed.

        A derivatives data set, see `mriseg.results.bids.derivatives_folder`, gets a description.

        Parameters
        ----------
        folder : str or Path
        overwrite : bool
            Replace the files of an earlier segmentation of the same scan.
        report : bool
            Write the HTML report.
        overlay_style : {"contour", "fill"}
            Outlines or translucent colours in the overlay.
        luts : str or sequence of str
            Programs to write a look-up table for, or one; see `mriseg.labels.lookup_tables.FORMATS`.
        label_order : {"bids", "fast"}
            Numbers of the tissues in the label image and its tables: 1 GM, 2 WM, 3 CSF, or 1 CSF, 2 GM, 3 WM
            as FSL FAST has them.

        Returns
        -------
        list of Path
            The files, the sidecar last: it marks the set as complete.

        Raises
        ------
        OptionError, OutputError
            If an argument is not known, a file may not be replaced, or the folder cannot be written.
        """
        check_overlay_style(overlay_style)
        check_order(label_order)
        luts = as_programs(luts)
        _log.info("writing the results")
        folder, name = Path(folder), stem(self.volume.path)
        names = written_files(self, report=report, luts=luts)
        if overwrite:
            refuse_other_scan(folder / names[-1], self.volume.path)
        write = partial(atomic_write, folder, names, overwrite=overwrite, inputs=self.inputs)
        with write(obsolete=optional_patterns(name)) as scratch:
            write_files(
                self, scratch, names, report=report, style=overlay_style, luts=luts, order=label_order
            )
        if data_set := derivatives_folder(folder):
            write_dataset_description(data_set)
        return [folder / file for file in names]


def check_overlay_style(style: str) -> None:
    """Raise `OptionError` unless the style of the overlay is known."""
    from mriseg.report.overlay import OVERLAY_STYLES

    if style not in OVERLAY_STYLES:
        raise OptionError(f"overlay_style is {style!r}; it must be one of {', '.join(OVERLAY_STYLES)}")
