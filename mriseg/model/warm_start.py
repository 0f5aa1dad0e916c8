"""A fit that was saved with a segmentation, to begin another with or to hold it to."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mriseg.errors import MixtureError, PriorError
from mriseg.mixture import GaussianMixture
from mriseg.model.gaussian_classes import GaussianClasses
from mriseg.model.histogram import best_scale
from mriseg.model.multichannel import MultichannelMixture
from mriseg.model.partial_volume import PartialVolumeMixture

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.floating]
    Histogram = tuple[Floats, Floats]

# No intensity is larger, see `mriseg.images.volume`; shares may be rounded.
_MOST, _ROUNDING = 1e15, 1e-6

Model = PartialVolumeMixture | MultichannelMixture | GaussianClasses


def read_warm_start(path: str | Path, *, like: str, classes: int, channels: int, middle: int) -> Model:
    """Read the mixture that the sidecar of a segmentation holds.

    Parameters
    ----------
    path : str or Path
        A sidecar, ``STEM_dseg.json``.
    like : str
        The kind of mixture that is wanted, as its class names it.
    classes, channels : int
        How many are wanted.
    middle : int
        Rank of grey matter by rising mean of the first channel.

    Returns
    -------
    PartialVolumeMixture, MultichannelMixture or PlainMixture

    Raises
    ------
    PriorError
        If the file cannot be read, is no sidecar, or its mixture is another than is wanted.
    """
    try:
        known = json.loads(Path(path).read_text(encoding="utf-8"))["Mixture"]
        kind, weights = known["Model"], np.array(known["Weights"], dtype=np.float64)
        centres, sds = (_matrix(known[name]) for name in ("Means", "SDs"))
        if not _make_sense(centres, sds, weights, len(centres) if kind == GaussianClasses.name else 5):
            raise ValueError("its figures make no sense")
        covariances = np.array(known.get("Covariances", sds[:, :, None] ** 2 * np.eye(sds.shape[1])))
        model = _model(kind, centres, sds, covariances, weights, middle)
    except (OSError, ValueError, KeyError, TypeError, RecursionError, MixtureError) as error:
        raise PriorError(
            f"{path}: holds no fit ({error}); give the JSON sidecar of a segmentation, or a cohort's prior"
        ) from error
    if (kind, centres.shape) != (like, (classes, channels)):
        held = f"{len(centres)} classes in {centres.shape[1]} channels, {kind}"
        wanted = f"{classes} in {channels}, {like}"
        raise PriorError(f"{path}: its fit is of {held}, and this one is of {wanted}; give another")
    return model


def _make_sense(centres: Floats, sds: Floats, weights: Floats, shares: int) -> bool:
    """Tell whether figures can be those of a fit."""
    return bool(
        centres.shape == sds.shape
        and weights.shape == (shares,)
        and all((np.abs(figures) < _MOST).all() for figures in (centres, sds, weights))
        and sds.min() > 1 / _MOST
        and weights.min() > 0
        and abs(weights.sum() - 1) < _ROUNDING
        and (np.diff(centres[:, 0]) > 0).all()
    )


def rescaled_to(model: Model, histograms: Sequence[Histogram]) -> Model:
    """Stretch a mixture to the intensities of another scan, channel by channel.

    Parameters
    ----------
    model : PartialVolumeMixture, MultichannelMixture or PlainMixture
    histograms : sequence of pairs of ndarrays, shape (B,)
        Of each channel: intensities and counts.

    Returns
    -------
    PartialVolumeMixture, MultichannelMixture or PlainMixture
    """
    factors = np.array([_factor(model.marginal(c), *histogram) for c, histogram in enumerate(histograms)])
    if isinstance(model, PartialVolumeMixture):
        return replace(model, means=model.means * factors, sd=model.sd * float(factors[0]))
    if isinstance(model, MultichannelMixture):
        return replace(model, centres=model.centres * factors, variances=model.variances * factors**2)
    return GaussianClasses(
        GaussianMixture.from_parameters(
            model.weights, model.centres * factors, model.covariances * np.outer(factors, factors)
        )
    )


def _factor(model: Model, values: Floats, counts: Floats) -> float:
    def likelihood(factor: float) -> float:
        density = np.maximum(model.density(values / factor), np.finfo(float).tiny) / factor
        return float(counts @ np.log(density))

    return best_scale(likelihood, float(model.means.max()), values, counts)


def _model(
    kind: str, centres: Floats, sds: Floats, covariances: Floats, weights: Floats, middle: int
) -> Model:
    """Build a mixture anew; outliers are spread as the next fit finds them."""
    reach = np.ptp(centres, axis=0) + 6 * sds.max(axis=0)
    if kind == PartialVolumeMixture.name:
        return PartialVolumeMixture(centres[:, 0], float(sds[0, 0]), weights, float(reach[0]))
    if kind == MultichannelMixture.name:
        return MultichannelMixture(centres, sds**2, weights, middle, reach)
    return GaussianClasses(GaussianMixture.from_parameters(weights / weights.sum(), centres, covariances))


def _matrix(values: Any) -> Floats:
    """Return figures as a matrix, a row a class."""
    array = np.array(values, dtype=np.float64)
    return array.reshape(len(array), -1)
