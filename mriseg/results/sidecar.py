"""What is known about a segmentation, for its JSON file: settings, parameters, digests, versions, doubts."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from mriseg import __version__
from mriseg._utils.text import printable
from mriseg.labels.contrasts import name_components, rising_tissues
from mriseg.model.merged_classes import MergedMixture
from mriseg.template.contrast import contrast_of

if TYPE_CHECKING:
    from mriseg.channels.joining import Channel
    from mriseg.model.bias_field import BiasField
    from mriseg.model.warm_start import Model
    from mriseg.results.segmentation import Segmentation

_LIBRARIES = ("nibabel", "numpy", "scipy", "scikit-image", "matplotlib", "pillow", "jinja2", "isal")


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
    model, scan = result.fit.mixture, result.volume
    source = printable(scan.path.name)
    similarity, to_mni = result.brain.similarity, result.brain.scan_to_mni
    return {
        "Description": "Brain tissue labels from a Gaussian mixture of intensities",
        "Sources": [source, *(printable(channel.volume.path.name) for channel in result.channels)],
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
            "ScanToMNI": None if to_mni is None else to_mni.tolist(),
            "VolumeML": result.brain_mask_ml,
        },
        "Contrast": _about_contrast(result),
        "Classes": {
            tissue.abbreviation: {"Label": tissue.index, **vars(result.volumes[tissue.abbreviation])}
            for tissue in result.tissues
        },
        "BiasField": _about_field(result.field),
        "Channels": [_about_channel(channel) for channel in result.channels],
        "TissuePriors": {
            "Used": result.prior is not None and result.prior.fits,
            "Explained": None if result.prior is None else round(result.prior.explained, 6),
        },
        "Spatial": {"NeighbourStrength": round(result.neighbour_strength, 6)},
        "Mixture": {
            "Model": model.name,
            **model.settings,
            **_parameters(model),
            **_merging(result),
            "BIC": result.fit.bic,
            "BICByClasses": {str(classes): bic for classes, bic in result.fit.bic_by_classes.items()},
            "Iterations": model.n_iter,
            "Converged": model.converged,
            "LogLikelihood": list(model.history),
        },
        "Warnings": result.warnings,
        "Verdict": result.verdict,
    }


def _parameters(model: Model) -> dict[str, Any]:
    """Return means and standard deviations a class, in several channels a list of them a class."""
    sds = np.sqrt(np.diagonal(model.covariances, axis1=1, axis2=2))
    alone = model.centres.shape[1] == 1
    known: dict[str, Any] = {
        "Means": model.means.tolist() if alone else model.centres.tolist(),
        "SDs": model.sds.tolist() if alone else sds.tolist(),
        "Weights": model.weights.tolist(),
    }
    return known if alone else known | {"Covariances": model.covariances.tolist()}


def _merging(result: Segmentation) -> dict[str, list[str]]:
    """Say which tissue each class became a part of, if classes were merged."""
    if not isinstance(result.model, MergedMixture):
        return {}
    columns = name_components(result.model.means, result.contrast)
    return {"MergedTo": [columns[column].abbreviation for column in result.model.tissue_of.tolist()]}


def _about_contrast(result: Segmentation) -> dict[str, Any]:
    """Say what the scan was taken to be weighted by, what it looks like, and the rule that follows."""
    levels = result.levels
    rule = (tissue.abbreviation for tissue in rising_tissues(result.contrast, len(result.posteriors)))
    return {
        "Used": result.contrast,
        "LooksLike": None if levels is None else contrast_of(levels),
        "Levels": None if levels is None else {k: round(v, 4) for k, v in vars(levels).items()},
        "NamingRule": "rising mean: " + ", ".join(rule),
    }


def _about_field(field: BiasField) -> dict[str, Any]:
    return {"Order": field.order, "Lowest": field.low, "Highest": field.high}


def _about_channel(channel: Channel) -> dict[str, Any]:
    """Say where a further scan came from and how it came to the grid of the first."""
    return {
        "Source": printable(channel.volume.path.name),
        "SHA256": channel.volume.sha256,
        "Reading": {**channel.volume.reading, "NotFinite": channel.volume.not_finite},
        "Alignment": channel.alignment.facts,
        "BiasField": _about_field(channel.field),
    }
