"""Which mixture is fitted to which intensities, and what it says about every voxel."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from mriseg._utils.parallel import parallel_chunks
from mriseg.errors import PriorError
from mriseg.labels.contrasts import CONTRASTS
from mriseg.labels.tissues import AUTO, GM, MAX_CLASSES, WM
from mriseg.model.cohort_prior import CohortPrior, fit_with_cohort_prior, is_cohort_prior, read_cohort_prior
from mriseg.model.gaussian_classes import GaussianClasses, fit_gaussian_classes, select_gaussian_classes
from mriseg.model.histogram import intensity_histogram, joint_histogram, lookup_by_intensity
from mriseg.model.merged_classes import MergedMixture, merge
from mriseg.model.multichannel import MultichannelMixture, fit_multichannel
from mriseg.model.partial_volume import PartialVolumeMixture, fit_partial_volume
from mriseg.model.warm_start import Model, read_warm_start, rescaled_to

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Floats = NDArray[np.floating]
    Histogram = tuple[Floats, Floats]

_PART = 1 << 15  # voxels at a time, so that what is known of them stays near the processor


@dataclass(frozen=True)
class MixtureSpec:
    """The mixture that is asked for.

    Parameters
    ----------
    contrast : str
        Of the first channel.
    classes : int or "auto"
        Three are tissues, unless a covariance model is named; "auto" has BIC choose.
    covariance : str or None
        Covariance model of plain Gaussian classes, see `mriseg.mixture.covariance`.
    prior : str, Path or None
        A sidecar to begin with, or what `mriseg cohort-prior` made.
    fix_means : bool
        Hold the means where the sidecar has them.
    merge : bool
        Merge the classes to three tissues.
    most_classes : int
        The highest number that may be chosen.
    """

    contrast: str
    classes: int | str = 3
    covariance: str | None = None
    prior: str | Path | None = None
    fix_means: bool = False
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
    def plain(self) -> bool:
        """Whether each class is one Gaussian, without partial volumes."""
        return self.classes != 3 or self.covariance is not None

    def kind(self, channels: int) -> type[PartialVolumeMixture | MultichannelMixture | GaussianClasses]:
        """Return the kind of mixture that is fitted to so many channels."""
        if self.plain:
            return GaussianClasses
        return PartialVolumeMixture if channels == 1 and self.grey == 1 else MultichannelMixture


@dataclass(frozen=True, eq=False)
class Fit:
    """A fitted mixture and its data.

    Parameters
    ----------
    model : PartialVolumeMixture, MultichannelMixture, PlainMixture or MergedMixture
    histograms : tuple of pairs of ndarrays, shape (B,)
        Of each channel: intensities and how many voxels have them.
    bic, single_bic : float
        Bayesian information criterion of the mixture, and of one Gaussian for all voxels.
    bic_by_classes : dict of int to float
        The same for all numbers of classes that BIC chose from; empty if the number was given.
    """

    model: Model | MergedMixture
    histograms: tuple[Histogram, ...]
    bic: float
    single_bic: float
    bic_by_classes: dict[int, float] = field(default_factory=dict)

    @property
    def mixture(self) -> Model:
        """What was fitted by EM, before any classes were merged."""
        return self.model.parts if isinstance(self.model, MergedMixture) else self.model


def fit(columns: Sequence[NDArray[np.float32]], wanted: MixtureSpec) -> Fit:
    """Fit the mixture that is asked for.

    Parameters
    ----------
    columns : sequence of D ndarrays of float32, shape (N,)
        Intensities of the voxels in each channel.
    wanted : Wanted

    Returns
    -------
    Fit

    Raises
    ------
    MixtureError
        If the intensities cannot be told apart, or a saved fit does not suit.
    CohortError
        If the prior of a cohort does not suit.
    """
    histograms = tuple(intensity_histogram(column) for column in columns)
    data = _Data(np.stack(columns, axis=1), histograms)
    model, bic_by_classes = _chosen(data, wanted) if wanted.classes == AUTO else (None, {})
    model = model or _fitted(data, wanted)
    merged = _merged(model, data, wanted) if wanted.merge else model
    single = fit_gaussian_classes(data.cells, data.counts, 1).bic(data.cells, data.counts)
    return Fit(merged, histograms, model.bic(data.cells, data.counts), single, bic_by_classes)


def posteriors_of(
    model: Model | MergedMixture, histograms: Sequence[Histogram], columns: Sequence[NDArray[np.float32]]
) -> NDArray[np.float32]:
    """Ask a mixture about the tissues of voxels.

    Parameters
    ----------
    model : PartialVolumeMixture, MultichannelMixture, PlainMixture or MergedMixture
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

    def ask(part: slice) -> None:
        posteriors[part] = model.responsibilities(_rows(columns, part))

    parallel_chunks(ask, length, _PART)
    return posteriors


def atypicality_of(
    model: Model | MergedMixture,
    columns: Sequence[NDArray[np.float32]],
    log_odds: tuple[int, int, NDArray[np.float32]] | None = None,
) -> NDArray[np.float32]:
    """Measure how little voxels are like what the mixture has at their place.

    Parameters
    ----------
    model : PartialVolumeMixture, MultichannelMixture, PlainMixture or MergedMixture
    columns : sequence of D ndarrays of float32, shape (N,)
        Intensities of the voxels in each channel.
    log_odds : tuple of int, int and ndarray of float32, shape (N,), optional
        Columns of grey and of white matter, and the log odds of white against grey matter at each place.

    Returns
    -------
    ndarray of float32, shape (N,)
        Mahalanobis distance from the nearest component. Where a component holds a tissue that is unlikely at
        that place, its squared distance is longer by twice the log odds against it [1]_: grey matter in the
        middle of white matter is as atypical as it would be there.

    References
    ----------
    .. [1] Van Leemput K, Maes F, Vandermeulen D, Colchester A, Suetens P (2001). Automated segmentation of
       multiple sclerosis lesions by model outlier detection. IEEE Trans Med Imaging 20:677-688.
    """
    atypicality = np.empty(len(columns[0]), dtype=np.float32)

    def ask(part: slice) -> None:
        squares = model.squared_distances(columns[0][part] if len(columns) == 1 else _rows(columns, part))
        if log_odds is not None:
            grey, white, odds = log_odds
            unlikely = np.zeros((len(squares), len(model.means)), dtype=np.float32)
            unlikely[:, grey] = 2 * np.maximum(odds[part], 0)
            unlikely[:, white] = 2 * np.maximum(-odds[part], 0)
            squares = squares + unlikely @ model.tissues_in_component.T.astype(np.float32)
        atypicality[part] = np.sqrt(squares.min(axis=1))

    parallel_chunks(ask, len(atypicality), _PART)
    return atypicality


@dataclass(frozen=True, eq=False)
class _Data:
    """Voxels (N, D), the histograms of their channels, and of all channels together."""

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


def _chosen(data: _Data, wanted: MixtureSpec) -> tuple[Model | None, dict[int, float]]:
    """Choose the number of classes; nothing is fitted yet where it is that of the tissues."""
    classes = range(3 if wanted.merge else 2, wanted.max_classes + 1)
    model, bic = select_gaussian_classes(data.cells, data.counts, classes, wanted.covariance)
    return (None if len(model.means) == 3 and not wanted.covariance else model), bic


def _fitted(data: _Data, wanted: MixtureSpec) -> Model:
    """Fit a mixture of a given number of classes."""
    wanted = replace(wanted, classes=3) if wanted.classes == AUTO else wanted
    start, hold = _start(wanted, data.histograms), wanted.fix_means
    kind = wanted.kind(data.channels)
    if kind is GaussianClasses:
        begin = start.mixture.parameters_ if isinstance(start, GaussianClasses) else None
        return fit_gaussian_classes(data.cells, data.counts, int(wanted.classes), wanted.covariance,
                         voxels=data.voxels, start=begin, hold_means=hold)  # fmt: skip
    if kind is MultichannelMixture:
        known = start if isinstance(start, MultichannelMixture) else None
        cells = data.cells.reshape(len(data.cells), -1)
        return fit_multichannel(
            data.voxels, cells, data.counts, wanted.grey, known, white=wanted.white, hold_means=hold
        )
    if isinstance(start, CohortPrior):
        return fit_with_cohort_prior(data.cells, data.counts, start)
    if isinstance(start, PartialVolumeMixture):
        start = replace(start, spread=float(np.ptp(data.cells)))
        return fit_partial_volume(data.cells, data.counts, start, hold_means=hold)
    return fit_partial_volume(data.cells, data.counts, white=wanted.white)


def _merged(model: Model, data: _Data, wanted: MixtureSpec) -> Model | MergedMixture:
    """Merge the classes to three tissues, which are fitted for that."""
    if not isinstance(model, GaussianClasses) or len(model.means) == 3:
        return model
    tissues = _fitted(data, MixtureSpec(wanted.contrast))
    return merge(model, tissues, data.cells, data.counts)


def _rows(columns: Sequence[NDArray[np.float32]], part: slice) -> NDArray[np.float32]:
    return np.stack([column[part] for column in columns], axis=1)


def _start(wanted: MixtureSpec, histograms: Sequence[Histogram]) -> Model | CohortPrior | None:
    """Read what is known of scans like this one."""
    if wanted.prior is None:
        return None
    kind = wanted.kind(len(histograms))
    if is_cohort_prior(wanted.prior):
        if kind is not PartialVolumeMixture or wanted.fix_means:
            raise PriorError(
                f"{wanted.prior}: the prior of a cohort is for the three tissues of one channel in T1, T2 or "
                "proton density, and holds no means; give the sidecar of a segmentation"
            )
        return read_cohort_prior(wanted.prior, wanted.contrast)
    saved = read_warm_start(
        wanted.prior,
        like=kind.name,
        classes=int(wanted.classes),
        channels=len(histograms),
        middle=wanted.grey,
    )
    return saved if wanted.fix_means else rescaled_to(saved, histograms)
