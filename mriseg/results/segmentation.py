"""What a segmentation holds, and the files that it becomes, named and laid out as BIDS derivatives are."""

from __future__ import annotations

import glob
import json
import logging
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mriseg._utils.atomic_write import atomic_write
from mriseg._utils.parallel import run_in_parallel
from mriseg._utils.text import printable
from mriseg.images.names import bids_suffix, stem
from mriseg.images.writing import save_array
from mriseg.labels.contrasts import CONTRASTS, name_components
from mriseg.labels.lookup_tables import lut_file, save_label_table, save_lut
from mriseg.qc import verdict
from mriseg.results.bids import derivatives_folder, write_dataset_description
from mriseg.results.sidecar import sidecar
from mriseg.results.volumes import TissueVolume, save_volume_table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from mriseg.brain.mask import BrainMask
    from mriseg.channels.joining import Channel
    from mriseg.images.volume import Volume
    from mriseg.labels.tissues import Tissue
    from mriseg.model.bias_field import BiasField
    from mriseg.model.fitting import Fit
    from mriseg.model.merged_classes import MergedMixture
    from mriseg.model.warm_start import Model
    from mriseg.qc import Verdict
    from mriseg.report.overlay import OverlayStyle
    from mriseg.template.contrast import TissueLevels
    from mriseg.template.tissue_maps import TissuePrior

_log = logging.getLogger(__name__)

# Files that some settings write and others do not.
_SETTINGS_DEPENDENT = ("label-*_probseg.nii.gz", "desc-biascorr*_*.*", "report.html", "dseg_lut-*")


@dataclass(frozen=True, eq=False)
class Segmentation:
    """Labels, posteriors and how they came to be; arrays on the grid of the scan's file.

    Parameters
    ----------
    volume : Volume
        The scan.
    brain : BrainMask
        The brain mask as it was found, in canonical orientation.
    labels : ndarray of uint8, shape (X, Y, Z)
        0 outside the brain; 1 GM, 2 WM, 3 CSF, 7 lesion; with another number of classes 1 to N by rising
        mean.
    posteriors : dict of str to ndarray of float32, shape (X, Y, Z)
        Responsibilities by tissue abbreviation; they sum to 1 in the brain mask, and are 0 outside and in
        lesions.
    tissues : tuple of Tissue
        In the order of their labels.
    volumes : dict of str to TissueVolume
        By tissue abbreviation.
    contrast : str
        Of the scan, as it was said to be or as it was seen.
    levels : TissueLevels or None
        How bright the scan is where the template is sure of a tissue; None if it did not fit.
    channels : tuple of Channel
        Further scans that joined the mixture.
    fit : Fit
        The mixture, by rising means of the scan, and the histogram of each channel.
    field : BiasField
        The factor on the intensities that was divided out.
    prior : TissuePrior or None
        What the template said about tissues; None if it was not asked.
    neighbour_strength : float
        How much neighbours counted, see `mriseg.model.markov_field`; 0 if they did not.
    corrected : ndarray of float32, shape (X, Y, Z), or None
        The scan without the bias field, in its own units; None if no field was asked for.
    atypicality : ndarray of float32, shape (X, Y, Z)
        Mahalanobis distance of each voxel from what the mixture has at its place, see
        `mriseg.model.fitting.atypicality_of`; 0 outside the brain and in lesions.
    settings : dict
        Everything that was asked for.
    warnings : list of str
        What makes the result doubtful, in plain words; empty if nothing does.
    """

    volume: Volume
    brain: BrainMask
    labels: NDArray[np.uint8]
    posteriors: dict[str, NDArray[np.float32]]
    tissues: tuple[Tissue, ...]
    volumes: dict[str, TissueVolume]
    contrast: str
    levels: TissueLevels | None
    channels: tuple[Channel, ...]
    fit: Fit
    field: BiasField
    prior: TissuePrior | None
    neighbour_strength: float
    corrected: NDArray[np.float32] | None
    atypicality: NDArray[np.float32]
    settings: dict[str, Any]
    warnings: list[str]

    @property
    def model(self) -> Model | MergedMixture:
        """The fitted mixture; where classes were merged, of the tissues that they became."""
        return self.fit.model

    @property
    def histogram(self) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """Intensities of the scan that were fitted, bias-corrected, and how many voxels have each, (B,)."""
        return self.fit.histograms[0]

    @property
    def mask(self) -> NDArray[np.bool_]:
        """The brain mask on the grid of the scan's file, shape (X, Y, Z)."""
        return self.volume.to_scan_grid(self.brain.mask)

    @property
    def brain_mask_ml(self) -> float:
        """Volume of the brain mask, mL."""
        return float(np.count_nonzero(self.brain.mask)) * self.volume.voxel_ml

    @property
    def verdict(self) -> Verdict:
        """What to think of the result: "trust", "look closely" or "do not trust", by its gravest warning."""
        return verdict(self.warnings)

    def save(
        self,
        folder: str | Path,
        *,
        overwrite: bool = False,
        report: bool = True,
        overlay_style: OverlayStyle = "contour",
        luts: Sequence[str] = (),
    ) -> list[Path]:
        """Write all files into a folder, which is made if need be.

        In a derivatives data set, see `mriseg.results.bids.derivatives_folder`, its description is written if
        there is none.

        Parameters
        ----------
        folder : str or Path
        overwrite : bool
            Replace the files of an earlier segmentation of the same scan.
        report : bool
            Write the page that says whether to trust the result, and why.
        overlay_style : {"contour", "fill"}
            Outlines or translucent colours in the overlay.
        luts : sequence of str
            Programs to write a look-up table for, see `mriseg.labels.lookup_tables.FORMATS`.

        Returns
        -------
        list of Path
            What was written; the sidecar, which marks the others as complete, is the last.

        Raises
        ------
        OutputError
            If a file exists and may not be replaced, or the folder cannot be written.
        """
        _log.info("writing the results")
        folder, name = Path(folder), stem(self.volume.path)
        names = file_names(self, report=report, luts=luts)
        settings_dependent = [f"{glob.escape(name)}_{rest}" for rest in _SETTINGS_DEPENDENT]
        with atomic_write(folder, names, overwrite=overwrite, obsolete=settings_dependent) as scratch:
            _write(self, scratch, names, report=report, overlay_style=overlay_style, luts=luts)
        if data_set := derivatives_folder(folder):
            write_dataset_description(data_set)
        return [folder / file for file in names]


def required_files(name: str) -> list[str]:
    """List the files that every segmentation has, whatever is found in the scan, the sidecar last.

    Parameters
    ----------
    name : str
        What all names begin with, see `mriseg.images.names.stem`.

    Returns
    -------
    list of str
    """
    mask = ["desc-brain_mask.nii.gz", "desc-brain_mask.json"]
    return [
        f"{name}_{file}"
        for file in (
            "dseg.nii.gz",
            *mask,
            "desc-atypicality_map.nii.gz",
            "dseg.tsv",
            "volumes.tsv",
            "overlay.png",
            "dseg.json",
        )
    ]


def file_names(result: Segmentation, *, report: bool = True, luts: Sequence[str] = ()) -> list[str]:
    """List the files of a segmentation, the sidecar last.

    Parameters
    ----------
    result : Segmentation
    report : bool
        Whether a report is among them.
    luts : sequence of str
        Programs that look-up tables are written for.

    Returns
    -------
    list of str
    """
    name = stem(result.volume.path)
    images = [f"label-{abbreviation}_probseg.nii.gz" for abbreviation in result.posteriors]
    if result.corrected is not None:
        images += [f"{kind}.{end}" for kind in _corrected_names(result) for end in ("nii.gz", "json")]
    tables = [f"dseg_{lut_file(program)}" for program in luts]
    *certain, last = required_files(name)
    rest = [f"{name}_{file}" for file in (*images, *tables, *(["report.html"] if report else []))]
    return [*certain, *rest, last]


def _write(
    result: Segmentation,
    folder: Path,
    names: Sequence[str],
    *,
    report: bool,
    overlay_style: OverlayStyle,
    luts: Sequence[str],
) -> None:
    """Write the files that `file_names` names."""
    from mriseg.report.overlay import save_overlay

    name = stem(result.volume.path)
    facts = sidecar(result)
    labels = result.volume.to_canonical(result.labels)
    overlay = folder / f"{name}_overlay.png"
    draw = partial(save_overlay, result.volume, labels, result.tissues, overlay, style=overlay_style)
    run_in_parallel([draw, *_images(result, folder, name)])
    _describe_images(result, folder, name)
    save_label_table(result.tissues, folder / f"{name}_dseg.tsv")
    save_volume_table(name, result.brain_mask_ml, result.volumes, folder / f"{name}_volumes.tsv")
    for program in luts:
        save_lut(program, result.tissues, folder / f"{name}_dseg_{lut_file(program)}")
    if report:
        (folder / f"{name}_report.html").write_text(_page(result, labels, name, facts), encoding="utf-8")
    _write_json(folder / names[-1], facts | {"Files": [printable(file) for file in names]})


def _images(result: Segmentation, folder: Path, name: str) -> list[Callable[[], None]]:
    """List what writes the images, those that take longest first."""
    images: list[tuple[NDArray[Any], str, str]] = [
        (posterior, f"label-{abbreviation}_probseg", "estimate")
        for abbreviation, posterior in result.posteriors.items()
    ]
    if result.corrected is not None:
        scans = [result.corrected, *(result.volume.to_scan_grid(c.corrected) for c in result.channels)]
        names = _corrected_names(result)
        images = [*((scan, kind, "none") for scan, kind in zip(scans, names, strict=True)), *images]
    images.append((result.atypicality, "desc-atypicality_map", "none"))
    images.append((result.labels, "dseg", "label"))
    images.append((result.mask.view(np.uint8), "desc-brain_mask", "none"))
    return [
        partial(save_array, array, result.volume, folder / f"{name}_{kind}.nii.gz", intent=intent)
        for array, kind, intent in images
    ]


def _describe_images(result: Segmentation, folder: Path, name: str) -> None:
    sources = {"Sources": [printable(result.volume.path.name)]}
    about_mask = {"Description": f"Brain mask ({result.brain.method})", "Type": "Brain"}
    _write_json(folder / f"{name}_desc-brain_mask.json", about_mask | sources)
    if result.corrected is not None:
        stripped = result.brain.method == "stripped scan"
        about_scan = {"Description": "Scan without its bias field", "SkullStripped": stripped}
        scans = [result.volume, *(channel.volume for channel in result.channels)]
        for scan, kind in zip(scans, _corrected_names(result), strict=True):
            _write_json(folder / f"{name}_{kind}.json", about_scan | {"Sources": [printable(scan.path.name)]})


def _corrected_names(result: Segmentation) -> list[str]:
    """Name the corrected scan and channels by their BIDS suffixes; those that share one are numbered."""
    names = [f"desc-biascorr_{CONTRASTS[result.contrast].suffix}"]
    for number, channel in enumerate(result.channels, start=2):
        suffix = bids_suffix(channel.volume.path) or "MRI"
        name = f"desc-biascorr_{suffix}"
        names.append(f"desc-biascorr{number}_{suffix}" if name in names or suffix == "MRI" else name)
    return names


def _page(result: Segmentation, labels: NDArray[np.uint8], name: str, facts: dict[str, Any]) -> str:
    from mriseg.report.page import ReportData, report

    shown = ReportData(
        name=name,
        volume=result.volume,
        labels=labels,
        mask=result.brain.mask,
        tissues=result.tissues,
        fit=result.fit,
        components=name_components(result.model.means, result.contrast),
        field=result.field.on_grid(labels.shape) if result.field.order else None,
    )
    return report(shown, facts)


def _write_json(path: Path, content: dict[str, Any]) -> None:
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")
