"""What a segmentation holds, and the files that it becomes, named and laid out as BIDS derivatives are."""

from __future__ import annotations

import csv
import glob
import json
import platform
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mriseg import __version__
from mriseg.images import Volume, save_array, stem
from mriseg.staging import staged
from mriseg.text import cell, printable
from mriseg.tissue import BACKGROUND, Tissue

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from mriseg.bias import BiasField
    from mriseg.brain import BrainMask
    from mriseg.partial_volume import PartialVolumeMixture
    from mriseg.plain import PlainMixture

# Files that some settings write and others do not.
_SETTINGS_DEPENDENT = ("label-*_probseg.nii.gz", "desc-biascorr_T1w.nii.gz")
_LIBRARIES = ("nibabel", "numpy", "scipy", "scikit-image", "matplotlib")


@dataclass(frozen=True)
class TissueVolume:
    """How much there is of a tissue, and how bright it is.

    Parameters
    ----------
    ml : float
        Sum of the responsibilities, mL.
    label_ml : float
        Volume of the voxels that carry the label, mL.
    fraction : float
        Share of the brain mask, from the responsibilities.
    mean, sd : float
        Of the component, in the scan's intensity units.
    """

    ml: float
    label_ml: float
    fraction: float
    mean: float
    sd: float


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
        0 outside the brain; 1 GM, 2 WM, 3 CSF; with another number of classes 1 to N by rising mean.
    posteriors : dict of str to ndarray of float32, shape (X, Y, Z)
        Responsibilities by tissue abbreviation; they sum to 1 in the brain mask and are 0 outside.
    tissues : tuple of Tissue
        In the order of their labels.
    volumes : dict of str to TissueVolume
        By tissue abbreviation.
    histogram : tuple of two ndarrays of float64, shape (B,)
        Intensities in the brain mask, bias-corrected, and how many voxels have each.
    model : PartialVolumeMixture or PlainMixture
        The fitted mixture; its tissues have rising means.
    field : BiasField
        The factor on the intensities that was divided out.
    corrected : ndarray of float32, shape (X, Y, Z), or None
        The scan without the bias field, in its own units; None if no field was asked for.
    settings : dict
        Everything that was asked for, and the naming rule that followed.
    warnings : list of str
        What makes the result doubtful, in plain words; empty if nothing does.
    """

    volume: Volume
    brain: BrainMask
    labels: NDArray[np.uint8]
    posteriors: dict[str, NDArray[np.float32]]
    tissues: tuple[Tissue, ...]
    volumes: dict[str, TissueVolume]
    histogram: tuple[NDArray[np.floating], NDArray[np.floating]]
    model: PartialVolumeMixture | PlainMixture
    field: BiasField
    corrected: NDArray[np.float32] | None
    settings: dict[str, Any]
    warnings: list[str]

    @property
    def mask(self) -> NDArray[np.bool_]:
        """The brain mask on the grid of the scan's file, shape (X, Y, Z)."""
        return self.volume.to_scan_grid(self.brain.mask)

    @property
    def brain_mask_ml(self) -> float:
        """Volume of the brain mask, mL."""
        return float(np.count_nonzero(self.brain.mask)) * self.volume.voxel_ml

    def save(self, folder: str | Path, *, overwrite: bool = False) -> list[Path]:
        """Write all files into a folder, which is made if need be.

        Parameters
        ----------
        folder : str or Path
        overwrite : bool
            Replace the files of an earlier segmentation of the same scan.

        Returns
        -------
        list of Path
            What was written; the sidecar, which marks the others as complete, is the last.

        Raises
        ------
        OutputError
            If a file exists and may not be replaced, or the folder cannot be written.
        """
        folder, name = Path(folder), stem(self.volume.path)
        names = file_names(name, self.tissues, bias=self.corrected is not None)
        settings_dependent = [f"{glob.escape(name)}_{rest}" for rest in _SETTINGS_DEPENDENT]
        with staged(folder, names, overwrite=overwrite, obsolete=settings_dependent) as scratch:
            _write(self, [scratch / file for file in names])
        return [folder / file for file in names]


def file_names(name: str, tissues: Sequence[Tissue], *, bias: bool = True) -> list[str]:
    """List the files of a segmentation, the sidecar last.

    Parameters
    ----------
    name : str
        What all names begin with, see `mriseg.images.stem`.
    tissues : sequence of Tissue
    bias : bool
        Whether a bias-corrected scan is among them.

    Returns
    -------
    list of str
    """
    posteriors = [f"label-{tissue.abbreviation}_probseg.nii.gz" for tissue in tissues]
    corrected = ["desc-biascorr_T1w.nii.gz"] if bias else []
    others = ["dseg.tsv", "volumes.tsv", "overlay.png", "dseg.json"]
    return [
        f"{name}_{rest}"
        for rest in ("dseg.nii.gz", "desc-brain_mask.nii.gz", *posteriors, *corrected, *others)
    ]


def sidecar(result: Segmentation) -> dict[str, Any]:
    """Gather what is known about a segmentation, for its JSON file.

    Parameters
    ----------
    result : Segmentation

    Returns
    -------
    dict
        Of plain numbers, strings, lists and dicts; the same for the same input, wherever it runs.
    """
    model, scan = result.model, result.volume
    source = printable(scan.path.name)
    similarity, to_mni = result.brain.similarity, result.brain.scan_to_mni
    return {
        "Description": "Brain tissue labels from a Gaussian mixture of intensities",
        "Sources": [source],
        "SourcesSHA256": {source: scan.sha256},
        "GeneratedBy": [{"Name": "mriseg", "Version": __version__}],
        "Versions": {"python": platform.python_version(), **{name: version(name) for name in _LIBRARIES}},
        "Reading": {**scan.reading, "NotFinite": scan.not_finite},
        "Settings": result.settings,
        "Shape": list(scan.data.shape),
        "ZoomsMM": [round(zoom, 6) for zoom in scan.zooms.tolist()],
        "BrainMask": {
            "Method": result.brain.method,
            # Rounded to what it is good for: further digits depend on the number of threads.
            "TemplateSimilarity": None if similarity is None else round(similarity, 6),
            "ScanToMNI": None if to_mni is None else np.round(to_mni, 6).tolist(),
            "VolumeML": result.brain_mask_ml,
        },
        "Classes": {
            tissue.abbreviation: {"Label": tissue.index, **vars(result.volumes[tissue.abbreviation])}
            for tissue in result.tissues
        },
        "BiasField": {
            "Order": result.field.order,
            "Lowest": result.field.low,
            "Highest": result.field.high,
        },
        "Mixture": {
            "Model": model.name,
            **model.settings,
            "Means": model.means.tolist(),
            "SDs": model.sds.tolist(),
            "Weights": model.weights.tolist(),
            "BIC": model.bic(*result.histogram),
            "Iterations": model.n_iter,
            "Converged": model.converged,
            "LogLikelihood": list(model.history),
        },
        "Warnings": result.warnings,
    }


def _write(result: Segmentation, paths: list[Path]) -> None:
    """Write the files in the order of `file_names`."""
    from mriseg.report.overlay import save_overlay

    labels, mask, *maps, label_table, volume_table, overlay, sidecar_file = paths
    posteriors = maps[: len(result.tissues)]
    scan = result.volume
    save_array(result.labels, scan, labels, intent="label")
    save_array(result.mask.astype(np.uint8), scan, mask)
    for path, posterior in zip(posteriors, result.posteriors.values(), strict=True):
        save_array(posterior, scan, path, intent="estimate")
    if result.corrected is not None:
        save_array(result.corrected, scan, maps[-1])
    _write_table(
        label_table, ("index", "name", "abbreviation", "color", "mapping"), _label_rows(result.tissues)
    )
    columns = _volume_columns(result)
    _write_table(volume_table, columns.keys(), [columns.values()])
    save_overlay(scan, scan.to_canonical(result.labels), result.tissues, overlay)
    sidecar_file.write_text(
        json.dumps(sidecar(result), indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8"
    )


def _label_rows(tissues: Sequence[Tissue]) -> list[tuple[object, ...]]:
    return [
        (
            tissue.index,
            tissue.name,
            tissue.abbreviation,
            tissue.color,
            "n/a" if tissue.mapping is None else tissue.mapping,
        )
        for tissue in (BACKGROUND, *tissues)
    ]


def _volume_columns(result: Segmentation) -> dict[str, str]:
    columns = {"name": cell(stem(result.volume.path)), "brain_mask_ml": f"{result.brain_mask_ml:.3f}"}
    for abbreviation, volume in result.volumes.items():
        columns |= {
            f"{abbreviation}_ml": f"{volume.ml:.3f}",
            f"{abbreviation}_label_ml": f"{volume.label_ml:.3f}",
            f"{abbreviation}_fraction": f"{volume.fraction:.6f}",
            f"{abbreviation}_mean": f"{volume.mean:.6g}",
            f"{abbreviation}_sd": f"{volume.sd:.6g}",
        }
    return columns


def _write_table(path: Path, header: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, delimiter="\t", lineterminator="\n")
        table.writerow(header)
        table.writerows(rows)
