"""The fit in the sidecar of a segmentation, as a start of EM or as fixed means for another scan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from mriseg._utils.text import counted
from mriseg.errors import MixtureError, PriorError
from mriseg.images.constants import MAX_INTENSITY
from mriseg.model.base import FittedModel, intensity_range
from mriseg.model.constants import WEIGHTS_ROUNDING
from mriseg.model.gaussian_classes import GaussianClasses
from mriseg.model.histogram import best_scale
from mriseg.model.multichannel import MultichannelMixture
from mriseg.model.partial_volume import PartialVolumeMixture
from mriseg.model.template_mixture import TemplateMixture

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from mriseg.model.base import Histogram

    Floats = NDArray[np.floating]

_MODELS: dict[str, type[FittedModel]] = {
    model.identifier: model
    for model in (TemplateMixture, PartialVolumeMixture, MultichannelMixture, GaussianClasses)
}
Model = TypeVar("Model", bound=FittedModel)


@dataclass(frozen=True)
class SavedFit:
    """The mixture recorded in a sidecar.

    Parameters
    ----------
    path : Path
        The sidecar.
    mixture : mapping
        Its object ``Mixture``.
    """

    path: Path
    mixture: Mapping[str, Any]

    def model(
        self, kind: type[Model], *, classes: int, channels: int, tissues: Sequence[str] | None = None
    ) -> Model:
        """Restore the mixture, and check that it is of the model and the size to fit.

        Parameters
        ----------
        kind : type of FittedModel
            Model to fit.
        classes, channels : int
            Numbers of classes and channels to fit.
        tissues : sequence of str, optional
            Abbreviations of the tissues by rising mean of the first channel; by default those that were
            saved.

        Returns
        -------
        FittedModel
            An instance of `kind`.

        Raises
        ------
        PriorError
            If the parameters are invalid, or the saved mixture is of another model or size.
        """
        try:
            saved, centres, sds, covariances, weights = self._parameters()
            if saved is kind and centres.shape == (classes, channels):
                # Provisional: the fit replaces the outlier range by that of its own intensities.
                return kind.from_parameters(
                    centres,
                    covariances,
                    weights,
                    tissues or self.mixture["Tissues"],
                    intensity_range(centres, sds),
                )
        except (ValueError, KeyError, TypeError, ArithmeticError, MixtureError) as error:
            raise PriorError(
                f"{self.path}: holds no fit ({error}); give the JSON sidecar of a segmentation"
            ) from error
        held = f"{len(centres)} classes in {counted(centres.shape[1], 'channel')}, {saved.description}"
        wanted = f"{classes} in {counted(channels, 'channel')}, {kind.description}"
        raise PriorError(f"{self.path}: its fit is of {held}, and this one is of {wanted}; give another")

    def _parameters(self) -> tuple[type[FittedModel], Floats, Floats, Floats, Floats]:
        """Return model, means, sds (K, D), covariances (K, D, D), weights (G,), or raise ValueError."""
        model = _MODELS[self.mixture["Model"]]
        weights = np.array(self.mixture["Weights"], dtype=np.float64)
        centres, sds = (_matrix(self.mixture[name]) for name in ("Means", "SDs"))
        if not _plausible(centres, sds, weights, model.n_groups or len(centres)):
            raise ValueError("its figures make no sense")
        if sds.shape[1] > 1 and "Covariances" not in self.mixture:
            raise ValueError("it has several channels and no covariances")
        independent = sds[:, :, None] ** 2 * np.eye(sds.shape[1])
        covariances = np.array(self.mixture.get("Covariances", independent), dtype=np.float64)
        if covariances.shape != independent.shape:
            raise ValueError("its covariances are of another shape than its means")
        return model, centres, sds, covariances, weights


def _plausible(centres: Floats, sds: Floats, weights: Floats, groups: int) -> bool:
    """Return whether the values are valid parameters of a mixture."""
    return bool(
        centres.shape == sds.shape
        and weights.shape == (groups,)
        and all((np.abs(figures) < MAX_INTENSITY).all() for figures in (centres, sds, weights))
        and sds.min() > 1 / MAX_INTENSITY
        and weights.min() > 0
        and abs(weights.sum() - 1) < WEIGHTS_ROUNDING
        and (np.diff(centres[:, 0]) > 0).all()
    )


def rescaled_to(model: Model, histograms: Sequence[Histogram]) -> Model:
    """Scale a mixture to the intensities of another scan, channel by channel, by maximum likelihood.

    Parameters
    ----------
    model : FittedModel
        Of D channels.
    histograms : sequence of pairs of ndarrays, shape (B,)
        Of each channel: intensities and counts.

    Returns
    -------
    FittedModel
        Of the same type.
    """
    factors = [_factor(model.marginal(c), *histogram) for c, histogram in enumerate(histograms)]
    return model.rescaled(np.array(factors))


def _factor(model: FittedModel, values: Floats, counts: Floats) -> float:
    def likelihood(factor: float) -> float:
        density = np.maximum(model.density(values / factor), np.finfo(float).tiny) / factor
        return float(counts @ np.log(density))

    return best_scale(likelihood, float(model.means.max()), values, counts)


def _matrix(values: Any) -> Floats:
    """Return figures as a matrix, a row a class."""
    array = np.array(values, dtype=np.float64)
    return array.reshape(len(array), -1)
