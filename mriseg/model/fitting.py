"""Choice and fit of the mixture, and its evaluation at every voxel."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from mriseg._utils.parallel import parallel_chunks
from mriseg.errors import PriorError
from mriseg.labels.contrasts import CONTRASTS
from mriseg.labels.tissues import AUTO, GM, MAX_CLASSES, WM
from mriseg.model.base import FittedModel
from mriseg.model.cohort_prior import fit_with_cohort_prior
from mriseg.model.gaussian_classes import GaussianClasses, fit_gaussian_classes, select_gaussian_classes
from mriseg.model.histogram import intensity_histogram, joint_histogram, lookup_by_intensity
from mriseg.model.merged_classes import MergedClasses, merge
from mriseg.model.multichannel import MultichannelMixture
from mriseg.model.multichannel_em import fit_multichannel
from mriseg.model.partial_volume import PartialVolumeMixture, fit_partial_volume
from mriseg.model.warm_start import rescaled_to

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mriseg.model.base import Histogram, TissueModel
    from mriseg.model.cohort_prior import CohortPrior
    from mriseg.model.warm_start import SavedFit

    Floats = NDArray[np.floating]

Model = TypeVar("Model", bound=FittedModel)

_PART = 1 << 15  # voxels at a time, so that their data stay in the cache of the processor


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
        Merge the classes to three tissues.
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
    merged_to : tuple of int or None
        Rank, by rising mean, of the tissue that each class was merged to; None without merging.
    """

    model: TissueModel
    em_model: FittedModel
    histograms: tuple[Histogram, ...]
    bic: float
    single_bic: float
    bic_by_classes: dict[int, float] = field(default_factory=dict)
    merged_to: tuple[int, ...] | None = None


def fit(columns: Sequence[NDArray[np.float32]], spec: MixtureSpec) -> MixtureFit:
    """Fit a mixture by its specification.

    Parameters
    ----------
    columns : sequence of D ndarrays of float32, shape (N,)
        Intensities of the voxels in each channel.
    spec : MixtureSpec

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
    data = _Data(np.stack(columns, axis=1), histograms)
    chosen, bic_by_classes = _select(data, spec) if spec.classes == AUTO else (None, {})
    model = chosen or _fit(data, spec)
    merged = _fit_and_merge(model, data, spec) if spec.merge and len(model.means) > 3 else None
    single = fit_gaussian_classes(data.cells, data.counts, 1).bic(data.cells, data.counts)
    return MixtureFit(
        model=merged or model,
        em_model=model,
        histograms=histograms,
        bic=model.bic(data.cells, data.counts),
        single_bic=single,
        bic_by_classes=bic_by_classes,
        merged_to=tuple(merged.tissue_of.tolist()) if merged else None,
    )


def posteriors_of(
    model: TissueModel, histograms: Sequence[Histogram], columns: Sequence[NDArray[np.float32]]
) -> NDArray[np.float32]:
    """Return the expected shares of tissues in voxels.

    Parameters
    ----------
    model : TissueModel
    histograms : sequence of pairs of ndarrays, shape (B,)
        Of each channel.
    columns : sequence of D ndarrays of float32, shape (N,)
        Intensities of the voxels in each channel.

    Returns
    -------
    ndarray of float32, shape (N, K)
        Responsibilities, column by column in memory; rows sum to 1.
    """
    if len(columns) == 1:
        return lookup_by_intensity(model.responsibilities, histograms[0][0], columns[0])
    length = len(columns[0])
    posteriors = np.empty((len(model.means), length), dtype=np.float32).T

    def evaluate(part: slice) -> None:
        posteriors[part] = model.responsibilities(_rows(columns, part))

    parallel_chunks(evaluate, length, _PART)
    return posteriors


def atypicality_of(
    model: TissueModel,
    columns: Sequence[NDArray[np.float32]],
    log_odds: tuple[int, int, NDArray[np.float32]] | None = None,
) -> NDArray[np.float32]:
    """Compute the atypicality of voxels: Mahalanobis distances with the tissue prior.

    Parameters
    ----------
    model : TissueModel
    columns : sequence of D ndarrays of float32, shape (N,)
        Intensities of the voxels in each channel.
    log_odds : tuple of int, int and ndarray of float32, shape (N,), optional
        Columns of grey and of white matter, and the log odds of white against grey matter at each place.

    Returns
    -------
    ndarray of float32, shape (N,)
        Mahalanobis distance from the nearest component. Where a component contains a tissue that is unlikely
        at that voxel, twice the log odds against it are added to its squared distance [1]_, so that GM in the
        middle of WM is atypical.

    References
    ----------
    .. [1] Van Leemput K, Maes F, Vandermeulen D, Colchester A, Suetens P (2001). Automated segmentation of
       multiple sclerosis lesions by model outlier detection. IEEE Trans Med Imaging 20:677-688.
    """
    atypicality = np.empty(len(columns[0]), dtype=np.float32)

    def evaluate(part: slice) -> None:
        squares = model.squared_distances(columns[0][part] if len(columns) == 1 else _rows(columns, part))
        if log_odds is not None:
            grey, white, odds = log_odds
            unlikely = np.zeros((len(squares), len(model.means)), dtype=np.float32)
            unlikely[:, grey] = 2 * np.maximum(odds[part], 0)
            unlikely[:, white] = 2 * np.maximum(-odds[part], 0)
            squares = squares + unlikely @ model.tissues_in_component.T.astype(np.float32)
        atypicality[part] = np.sqrt(squares.min(axis=1))

    parallel_chunks(evaluate, len(atypicality), _PART)
    return atypicality


@dataclass(frozen=True, eq=False)
class _Data:
    """Intensities (N, D), the histogram of each channel, and the joint histogram."""

    voxels: NDArray[np.float32]
    histograms: tuple[Histogram, ...]

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
    if spec.cohort_prior is not None and (spec.gaussian_classes or not single_channel):
        raise PriorError(
            f"{spec.cohort_prior.path}: the prior of a cohort is for the three tissues of one channel in "
            "T1, T2 or proton density; "
            "leave it out, or give the sidecar of a segmentation as a warm start"
        )
    if spec.gaussian_classes:
        return _fit_classes(data, spec)
    return _fit_partial_volume(data, spec) if single_channel else _fit_multichannel(data, spec)


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
        if spec.cohort_prior.contrast != spec.contrast:
            raise PriorError(
                f"{spec.cohort_prior.path}: is of {spec.cohort_prior.contrast} scans and this one is "
                f"{spec.contrast}; make another"
            )
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
    saved = spec.warm_start.model(kind, classes=int(spec.classes), channels=data.channels, grey=spec.grey)
    return saved if spec.fix_means else rescaled_to(saved, data.histograms)


def _fit_and_merge(model: FittedModel, data: _Data, spec: MixtureSpec) -> MergedClasses:
    """Fit three tissues and merge the classes to them."""
    return merge(model, _fit(data, MixtureSpec(spec.contrast)), data.cells, data.counts)


def _rows(columns: Sequence[NDArray[np.float32]], part: slice) -> NDArray[np.float32]:
    return np.stack([column[part] for column in columns], axis=1)
