"""The JSON sidecar of a segmentation: its one writer and its one reader."""

from __future__ import annotations

import json
import platform
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mriseg._utils.atomic_write import atomic_write
from mriseg._utils.text import printable
from mriseg.errors import OutputError, PriorError
from mriseg.file_names import without_extension
from mriseg.labels.orders import BIDS, described, numbered
from mriseg.model.merged_classes import MergedClasses
from mriseg.model.partial_volume import PartialVolumeMixture
from mriseg.model.warm_start import SavedFit
from mriseg.qc import QCWarning, verdict
from mriseg.results.bids import GENERATED_BY
from mriseg.results.volumes import VOLUME_FIGURES
from mriseg.template.contrast import contrast_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mriseg.channels.joining import Channel
    from mriseg.estimates import Estimates
    from mriseg.labels.tissues import Tissue
    from mriseg.model.base import TissueModel
    from mriseg.model.bias_field import BiasField
    from mriseg.quality.image_quality import ImageQuality
    from mriseg.results.volumes import TissueVolume

# Raised whenever a field changes its name or its meaning.
SCHEMA_VERSION = 1
_LIBRARIES = ("nibabel", "numpy", "scipy", "scikit-image", "matplotlib", "pillow", "jinja2", "zlib-ng")


# Bound of plausible numbers in any unit: the largest of float32.
_LARGEST = 3.4e38


class SidecarError(ValueError):
    """A file that is not a sidecar of `SCHEMA_VERSION`."""


def refuse_other_scan(path: Path, scan: Path) -> None:
    """Raise OutputError if a sidecar that is to be replaced is that of a scan of another name."""
    with suppress(SidecarError):
        source = read_sidecar(path)["Sources"][0]
        if without_extension(Path(source)) != without_extension(Path(printable(scan.name))):
            raise OutputError(
                f"{path}: is of {source}, not of {printable(scan.name)}; choose another folder, or remove it"
            )


def read_sidecar(path: Path) -> dict[str, Any]:
    """Read the sidecar of a segmentation, and check what tables and comparisons read of it.

    Parameters
    ----------
    path : Path

    Returns
    -------
    dict
        See `sidecar`; ``Warnings`` are `QCWarning` objects, and ``Files`` the names of all files.

    Raises
    ------
    SidecarError
        If the file cannot be read, or holds no sidecar of `SCHEMA_VERSION`.
    """
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(facts, dict) or "SchemaVersion" not in facts:
            raise SidecarError("it has no SchemaVersion")
        if facts["SchemaVersion"] is True or facts["SchemaVersion"] != SCHEMA_VERSION:
            raise SidecarError(f"its schema is {facts['SchemaVersion']!r}, and {SCHEMA_VERSION} is known")
        facts["Warnings"] = [QCWarning.from_record(record) for record in facts["Warnings"]]
        _check(facts)
    except SidecarError:
        raise
    except KeyError as error:
        raise SidecarError(f"it has no {error.args[0]}") from error
    except (TypeError, AttributeError) as error:
        raise SidecarError("its fields are of other types") from error
    except (OSError, ValueError, RecursionError) as error:
        raise SidecarError(str(error)) from error
    return facts


def sidecar_or_none(file: Path) -> dict[str, Any] | None:
    """Read a sidecar; None if it is missing or of another schema."""
    with suppress(SidecarError):
        return read_sidecar(file)
    return None


def _check(facts: dict[str, Any]) -> None:
    """Raise SidecarError, KeyError, TypeError or AttributeError if fields are missing or of a wrong type."""
    brain, classes = facts["BrainMask"], facts["Classes"]
    required = [
        brain["VolumeML"],
        *(facts["BiasField"][name] for name in ("Lowest", "Highest")),
        *(of[name] for of in classes.values() for name in ("Label", *VOLUME_FIGURES)),
    ]
    similarity = brain["TemplateSimilarity"]
    if not all(map(is_finite, required)) or not (similarity is None or is_finite(similarity)):
        raise SidecarError("its figures make no sense")
    if not all(value is None or is_finite(value) for value in quality_of(facts).values()):
        raise SidecarError("its image quality figures make no sense")
    names = [*facts["Sources"], *facts["Files"], facts["Contrast"]["Used"]]
    if not facts["Sources"] or not all(isinstance(name, str) for name in names):
        raise SidecarError("its names are no text")
    if not classes or not isinstance(facts["Mixture"], dict):
        raise SidecarError("it holds no fit")


def quality_of(facts: dict[str, Any]) -> dict[str, float | None]:
    """Return the image quality figures of a sidecar; none of one that was written before there were any."""
    return dict(facts.get("ImageQuality", {"Values": {}})["Values"])


def is_finite(value: object) -> bool:
    """Return whether a value from a JSON file is a finite number.

    >>> [is_finite(value) for value in (1, 0.5, True, "1", None, float("nan"))]
    [True, True, False, False, False, False]
    """
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < _LARGEST


def is_of_mriseg(path: Path) -> bool:
    """Return whether a JSON file was written by some version of mriseg."""
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        return any(maker["Name"] == "mriseg" for maker in facts["GeneratedBy"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False


def read_saved_fit(path: Path) -> SavedFit:
    """Read the mixture of a sidecar.

    Raises
    ------
    PriorError
        If the file cannot be read, or is no sidecar of this version.
    """
    try:
        return SavedFit(path, read_sidecar(path)["Mixture"])
    except (SidecarError, KeyError) as error:
        if isinstance(error.__cause__, OSError):
            raise PriorError(
                f"{path}: cannot be read ({error.__cause__.strerror}); check its name"
            ) from error
        raise PriorError(
            f"{path}: holds no fit ({error}); give the JSON sidecar of a segmentation"
        ) from error


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write an object as an indented JSON file."""
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def name_sources(path: Path, urls: Sequence[str | None]) -> None:
    """Name the scan and its channels in a sidecar by the URLs that they were copied from.

    Parameters
    ----------
    path : Path
        The sidecar.
    urls : sequence of str or None
        Of the scan, then of each channel; None keeps the name of the file.
    """
    facts = json.loads(path.read_text(encoding="utf-8"))
    names = [url or name for url, name in zip(urls, facts["Sources"], strict=True)]
    (digest,) = facts["SourcesSHA256"].values()
    facts |= {"Sources": names, "SourcesSHA256": {names[0]: digest}}
    for channel, name in zip(facts["Channels"], names[1:], strict=True):
        channel["Source"] = name
    with atomic_write(path.parent, [path.name], overwrite=True) as scratch:
        write_json(scratch / path.name, facts)


def sidecar(
    result: Estimates,
    tissues: Sequence[Tissue],
    volumes: Mapping[str, TissueVolume],
    quality: ImageQuality,
    warnings: Sequence[QCWarning],
    order: str = BIDS,
) -> dict[str, Any]:
    """Return the content of the sidecar of a segmentation, without ``Files``.

    Parameters
    ----------
    result : Estimates
    tissues : sequence of Tissue
        As `mriseg.labels.tissues` numbers them.
    volumes : mapping of str to TissueVolume
        By tissue abbreviation.
    quality : ImageQuality
    warnings : sequence of QCWarning
    order : str
        That in which the label image numbers the tissues, one of `mriseg.labels.orders.ORDERS`.

    Returns
    -------
    dict
        JSON types only; the same for the same input on every machine.
    """
    model, scan = result.fit.em_model, result.volume
    source = printable(scan.path.name)
    similarity, to_mni = result.brain.similarity, result.brain.scan_to_mni
    written = numbered(tissues, order)
    return {
        "Description": description(written),
        "SchemaVersion": SCHEMA_VERSION,
        "Sources": [source, *(printable(channel.volume.path.name) for channel in result.channels)],
        "SourcesSHA256": {source: scan.sha256},
        "GeneratedBy": GENERATED_BY,
        "Versions": {"python": platform.python_version(), **{name: version(name) for name in _LIBRARIES}},
        "Reading": {**scan.reading, "NotFinite": scan.not_finite},
        "Settings": result.settings,
        "Shape": list(scan.data.shape),
        "ZoomsMM": [round(zoom, 6) for zoom in scan.zooms.tolist()],
        "BrainMask": {
            "Method": str(result.brain.method),
            # Rounded: further digits depend on the number of threads.
            "TemplateSimilarity": None if similarity is None else round(similarity, 6),
            "ScanToMNI": None if to_mni is None else to_mni.tolist(),
            "VolumeML": result.brain_mask_ml,
        },
        "Contrast": _about_contrast(result),
        "LabelOrder": order,
        "Classes": classes(written, volumes),
        "BiasField": _about_field(result.field),
        "Channels": [_about_channel(channel) for channel in result.channels],
        "TissuePriors": {
            "Used": result.prior is not None and result.prior.fits,
            "Explained": None if result.prior is None else round(result.prior.explained, 6),
        },
        "Spatial": {"NeighbourStrength": round(result.neighbour_strength, 6)},
        "Mixture": {
            "Model": model.identifier,
            "ModelDescription": model.description,
            "PartialVolume": model.partial_volume,
            **model.settings,
            **_saved_start(result.settings, model),
            **_parameters(model),
            "Tissues": _tissues_by_mean(result),
            **_merging(result),
            "BIC": result.fit.bic,
            "BICByClasses": {str(classes): bic for classes, bic in result.fit.bic_by_classes.items()},
            "Iterations": model.n_iter,
            "Converged": model.converged,
            "LogLikelihood": list(model.history),
        },
        "ImageQuality": quality.recorded(),
        "Warnings": [warning.recorded() for warning in warnings],
        "Verdict": verdict(warnings),
    }


def description(written: Sequence[Tissue], *, by_hand: bool = False) -> str:
    """Return what the labels are, with the tissues as they are numbered in the file."""
    edited = ", edited by hand" if by_hand else ""
    return f"Brain tissue labels from a Gaussian mixture of intensities{edited}: {described(written)}"


def classes(written: Sequence[Tissue], volumes: Mapping[str, TissueVolume]) -> dict[str, Any]:
    """Return number and volumes of the tissues as they are numbered in the file."""
    return {
        tissue.abbreviation: {"Label": tissue.index, **vars(volumes[tissue.abbreviation])}
        for tissue in written
    }


def _saved_start(settings: Mapping[str, Any], model: TissueModel) -> dict[str, str]:
    """Return start and trace of EM if there was a saved fit or a cohort."""
    if settings["CohortPrior"]:
        trace = {"Trace": f"{model.settings['Trace']}, with the voxels of the cohort"}
        of_cohort = model.identifier == PartialVolumeMixture.identifier
        return trace | ({"Start": "the mixture of the cohort, scaled to the scan"} if of_cohort else {})
    if settings["FixMeans"]:
        return {"Start": "a saved fit, whose means were held"}
    if settings["WarmStart"]:
        return {"Start": "a saved fit, stretched to the intensities of this scan"}
    return {}


def _parameters(model: TissueModel) -> dict[str, Any]:
    """Return the parameters by class: numbers for one channel, lists and covariances for several."""
    sds = np.sqrt(np.diagonal(model.covariances, axis1=1, axis2=2))
    alone = model.centres.shape[1] == 1
    known: dict[str, Any] = {
        "Means": model.means.tolist() if alone else model.centres.tolist(),
        "SDs": model.sds.tolist() if alone else sds.tolist(),
        "Weights": model.weights.tolist(),
    }
    return known if alone else known | {"Covariances": model.covariances.tolist()}


def _merging(result: Estimates) -> dict[str, list[str]]:
    """Return the tissue that each class mostly consists of, if classes were merged."""
    model, tissues = result.model, [tissue.abbreviation for tissue in result.components]
    if not isinstance(model, MergedClasses):
        return {}
    return {"MergedTo": [tissues[rank] for rank in model.tissue_of]}


def _tissues_by_mean(result: Estimates) -> list[str]:
    """Return the abbreviations of the components by rising mean of the scan."""
    rising = np.argsort(result.model.means, kind="stable")
    return [result.components[rank].abbreviation for rank in rising]


def _about_contrast(result: Estimates) -> dict[str, Any]:
    """Return the contrast used, the contrast detected, and the naming rule."""
    levels = result.levels
    return {
        "Used": result.contrast,
        "LooksLike": None if levels is None else contrast_of(levels),
        "Levels": None if levels is None else {k: round(v, 4) for k, v in vars(levels).items()},
        "NamingRule": "place in the template" if result.by_place else "rising mean",
        "Order": _tissues_by_mean(result),
    }


def _about_field(field: BiasField) -> dict[str, Any]:
    return {"Order": field.order, "Lowest": field.low, "Highest": field.high}


def _about_channel(channel: Channel) -> dict[str, Any]:
    """Return source, alignment and bias field of a further channel."""
    return {
        "Source": printable(channel.volume.path.name),
        "SHA256": channel.volume.sha256,
        "Reading": {**channel.volume.reading, "NotFinite": channel.volume.not_finite},
        "Alignment": channel.alignment.facts,
        "BiasField": _about_field(channel.field),
    }
