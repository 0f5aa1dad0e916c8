"""Choice and fit of the mixture."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from mriseg.errors import PriorError
from mriseg.labels.contrasts import CONTRASTS
from mriseg.labels.tissues import AUTO, GM, MAX_CLASSES, WM
from mriseg.model.base import FittedModel
from mriseg.model.cohort_prior import fit_with_cohort_prior, scaled_to
from mriseg.model.gaussian_classes import GaussianClasses, fit_gaussian_classes, select_gaussian_classes
from mriseg.model.histogram import intensity_histogram, joint_histogram
from mriseg.model.merged_classes import merge
from mriseg.model.multichannel import MultichannelMixture
from mriseg.model.multichannel_em import fit_multichannel
from mriseg.model.partial_volume import PartialVolumeMixture
from mriseg.model.partial_volume_em import fit_partial_volume
from mriseg.model.template_em import fit_at_places
from mriseg.model.template_mixture import TemplateMixture
from mriseg.model.warm_start import rescaled_to

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mriseg.labels.tissues import Tissue
    from mriseg.model.base import Histogram, TissueModel
    from mriseg.model.cohort_prior import CohortPrior
    from mriseg.model.places import Places
    from mriseg.model.warm_start import SavedFit

    Floats = NDArray[np.floating]

Model = TypeVar("Model", bound=FittedModel)


@dataclass(frozen=True)
class MixtureSpec:
    """Specification of the mixture to fit.

    Parameters
    ----------
    contrast : str
        Of the first channel.
    classes : int or "auto"
        Three are tissues unless a covariance model is given; "auto": the number with the lowest BIC.
    covariance : str or None
        Covariance model of Gaussian classes, see `mriseg.mixture.covariance`.
    warm_start : SavedFit or None
        Start of EM, rescaled to the intensities unless the means are fixed.
    fix_means : bool
        Fix the means at those of the warm start, not rescaled.
    cohort_prior : CohortPrior or None
        Pooled histogram, added to that of a single channel.
    merge : bool
        Merge the classes to the three tissues that they hold.
    max_classes : int
        The highest number that may be chosen.
    """

    contrast: str
    classes: int | str = 3
    covariance: str | None = None
    warm_start: SavedFit | None = None
    fix_means: bool = False
    cohort_prior: CohortPrior | None = None
    merge: bool = False
    max_classes: int = MAX_CLASSES

    @property
    def grey(self) -> int:
        """Rank of grey matter by rising mean."""
        return CONTRASTS[self.contrast].rising.index(GM)

    @property
    def white(self) -> int:
        """Rank of white matter by rising mean."""
        return CONTRASTS[self.contrast].rising.index(WM)

    @property
    def tissues(self) -> list[str]:
        """Abbreviations of the tissues by rising mean."""
        return [tissue.abbreviation for tissue in CONTRASTS[self.contrast].rising]

    @property
    def gaussian_classes(self) -> bool:
        """Whether each class is one Gaussian, without partial volumes."""
        return self.classes != 3 or self.covariance is not None


@dataclass(frozen=True, eq=False)
class MixtureFit:
    """A fitted mixture and its data.

    Parameters
    ----------
    model : TissueModel
        The mixture, after merging if classes were merged.
    em_model : FittedModel
        The mixture as fitted by EM, before merging.
    histograms : tuple of pairs of ndarrays, shape (B,)
        Of each channel: intensities and how many voxels have them.
    bic, single_bic : float
        Bayesian information criterion of the mixture, and of one Gaussian for all voxels.
    bic_by_classes : dict of int to float
        BIC by number of classes, for all numbers compared; empty if the number was given.
    tissues : tuple of Tissue or None
        Of the components of `model`, by where they lie in the template; None where it does not tell.
    """

    model: TissueModel
    em_model: FittedModel
    histograms: tuple[Histogram, ...]
    bic: float
    single_bic: float
    bic_by_classes: dict[int, float] = field(default_factory=dict)
    tissues: tuple[Tissue, ...] | None = None


def fit(
    columns: Sequence[NDArray[np.float32]], spec: MixtureSpec, places: Places | None = None
) -> MixtureFit:
    """Fit a mixture by its specification.

    Parameters
    ----------
    columns : sequence of D ndarrays of float32, shape (N,)
        Intensities of the voxels in each channel.
    spec : MixtureSpec
    places : Places, optional
        Of the voxels in the template; without them intensities alone tell the tissues.

    Returns
    -------
    MixtureFit

    Raises
    ------
    MixtureError
        If the intensities do not make the classes.
    CohortError
        If the cohort prior is of another contrast.
    """
    histograms = tuple(intensity_histogram(column) for column in columns)
    data = _Data(np.stack(columns, axis=1), histograms, places)
    chosen, bic_by_classes = _select(data, spec) if spec.classes == AUTO else (None, {})
    model = chosen or _fit(data, spec)
    of_tissues, tissues = _as_tissues(model, data, spec)
    single = fit_gaussian_classes(data.cells, data.counts, 1).bic(data.cells, data.counts)
    return MixtureFit(
        model=of_tissues,
        em_model=model,
        histograms=histograms,
        bic=model.bic(data.cells, data.counts),
        single_bic=single,
        bic_by_classes=bic_by_classes,
        tissues=tissues,
    )


@dataclass(frozen=True, eq=False)
class _Data:
    """Intensities (N, D), the histogram of each channel, and the joint histogram."""

    voxels: NDArray[np.float32]
    histograms: tuple[Histogram, ...]
    places: Places | None

    @cached_property
    def _joint(self) -> Histogram:
        return self.histograms[0] if self.channels == 1 else joint_histogram(self.voxels)

    @property
    def channels(self) -> int:
        return int(self.voxels.shape[1])

    @property
    def cells(self) -> Floats:
        return self._joint[0]

    @property
    def counts(self) -> Floats:
        return self._joint[1]


def _select(data: _Data, spec: MixtureSpec) -> tuple[FittedModel | None, dict[int, float]]:
    """Choose the number of classes by BIC; return no model if it is 3: `_fit` then fits partial volumes."""
    classes = range(3 if spec.merge else 2, spec.max_classes + 1)
    model, bic = select_gaussian_classes(data.cells, data.counts, classes, spec.covariance)
    return (None if len(model.means) == 3 and not spec.covariance else model), bic


def _fit(data: _Data, spec: MixtureSpec) -> FittedModel:
    """Fit a mixture of a given number of classes."""
    spec = replace(spec, classes=3) if spec.classes == AUTO else spec
    single_channel = data.channels == 1 and spec.grey == 1
    if spec.cohort_prior is not None:
        _check_cohort(spec.cohort_prior, spec, suits=single_channel and not spec.gaussian_classes)
    if spec.gaussian_classes:
        return _fit_classes(data, spec)
    if data.places is not None:
        return _fit_by_template(data, data.places, spec)
    return _fit_partial_volume(data, spec) if single_channel else _fit_multichannel(data, spec)


def _check_cohort(prior: CohortPrior, spec: MixtureSpec, *, suits: bool) -> None:
    """Check that the mixture to fit is that of a cohort, and the contrast too."""
    if not suits:
        raise PriorError(
            f"{prior.path}: the prior of a cohort is for the three tissues of one channel in "
            "T1, T2 or proton density; "
            "leave it out, or give the sidecar of a segmentation as a warm start"
        )
    if prior.contrast != spec.contrast:
        raise PriorError(
            f"{prior.path}: is of {prior.contrast} scans and this one is {spec.contrast}; make another"
        )


def _fit_classes(data: _Data, spec: MixtureSpec) -> GaussianClasses:
    """Fit one Gaussian a class."""
    start = _warm_start(GaussianClasses, data, spec)
    return fit_gaussian_classes(
        data.cells,
        data.counts,
        int(spec.classes),
        spec.covariance,
        voxels=data.voxels,
        start=start.mixture.parameters_ if start else None,
        hold_means=spec.fix_means,
    )


def _fit_by_template(data: _Data, places: Places, spec: MixtureSpec) -> TemplateMixture:
    """Fit three tissues with partial volume in proportions that depend on place."""
    prior = spec.cohort_prior
    cohort = None if prior is None else scaled_to(prior, data.cells, data.counts)[1]
    start = _warm_start(TemplateMixture, data, spec)
    return fit_at_places(data.voxels, places, start, cohort=cohort, hold_means=spec.fix_means)


def _fit_multichannel(data: _Data, spec: MixtureSpec) -> MultichannelMixture:
    """Fit three tissues with partial volume in any number of channels, GM of any rank."""
    start = _warm_start(MultichannelMixture, data, spec)
    cells = data.cells.reshape(len(data.cells), -1)
    return fit_multichannel(
        data.voxels, cells, data.counts, spec.grey, start, white=spec.white, hold_means=spec.fix_means
    )


def _fit_partial_volume(data: _Data, spec: MixtureSpec) -> PartialVolumeMixture:
    """Fit three tissues with partial volume in a single channel, GM between the others."""
    if spec.cohort_prior is not None:
        return fit_with_cohort_prior(data.cells, data.counts, spec.cohort_prior)
    start = _warm_start(PartialVolumeMixture, data, spec)
    if start is None:
        return fit_partial_volume(data.cells, data.counts, white=spec.white)
    start = replace(start, outlier_range=float(np.ptp(data.cells)))
    return fit_partial_volume(data.cells, data.counts, start, hold_means=spec.fix_means)


def _warm_start(kind: type[Model], data: _Data, spec: MixtureSpec) -> Model | None:
    """Return the start of EM from the warm start, or None without one."""
    if spec.warm_start is None:
        return None
    tissues = spec.tissues if kind is MultichannelMixture else None
    saved = spec.warm_start.model(kind, classes=int(spec.classes), channels=data.channels, tissues=tissues)
    return saved if spec.fix_means else rescaled_to(saved, data.histograms)


def _as_tissues(
    model: FittedModel, data: _Data, spec: MixtureSpec
) -> tuple[TissueModel, tuple[Tissue, ...] | None]:
    """Return the mixture, of tissues where its classes are, and these tissues where the places tell them.

    How much of each tissue a Gaussian class holds follows from the mixture of three tissues.
    """
    if isinstance(model, TemplateMixture):
        return model, model.tissues
    named = data.places is not None and len(model.means) == 3
    if not isinstance(model, GaussianClasses) or not (spec.merge or named):
        return model, None
    tissues = _fit(data, MixtureSpec(spec.contrast))
    _, known = _as_tissues(tissues, data, spec)
    return merge(model, tissues, data.cells, data.counts), known
