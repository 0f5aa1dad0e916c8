"""Which mixture is fitted to which intensities, and what it says about every voxel."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from mriseg.errors import MixtureError
from mriseg.histogram import intensity_histogram, joint_histogram, tabulated
from mriseg.multichannel import MultichannelMixture, fit_multichannel
from mriseg.partial_volume import PartialVolumeMixture, fit_partial_volume
from mriseg.plain import PlainMixture, fit_plain
from mriseg.pooled import PooledPrior, fit_with_prior, is_pooled, read_prior
from mriseg.saved import Model, adapted, read_fit
from mriseg.threads import in_parts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Floats = NDArray[np.floating]
    Histogram = tuple[Floats, Floats]

_PART = 1 << 15  # voxels at a time, so that what is known of them stays near the processor


@dataclass(frozen=True)
class Wanted:
    """The mixture that is asked for.

    Parameters
    ----------
    contrast : str
        Of the first channel.
    middle : int
        Rank of grey matter by rising mean.
    classes : int
        Three are tissues, unless a covariance model is named.
    covariance : str or None
        Covariance model of plain Gaussian classes, see `mriseg.mixture.covariance`.
    prior : str, Path or None
        A sidecar to begin with, or what `mriseg cohort-prior` made.
    fix_means : bool
        Hold the means where the sidecar has them.
    """

    contrast: str
    middle: int
    classes: int = 3
    covariance: str | None = None
    prior: str | Path | None = None
    fix_means: bool = False

    @property
    def plain(self) -> bool:
        """Whether each class is one Gaussian, without partial volumes."""
        return self.classes != 3 or self.covariance is not None


@dataclass(frozen=True, eq=False)
class Fit:
    """A fitted mixture and its data.

    Parameters
    ----------
    model : PartialVolumeMixture, MultichannelMixture or PlainMixture
    histograms : tuple of pairs of ndarrays, shape (B,)
        Of each channel: intensities and how many voxels have them.
    bic, single_bic : float
        Bayesian information criterion of the mixture, and of one Gaussian for all voxels.
    """

    model: Model
    histograms: tuple[Histogram, ...]
    bic: float
    single_bic: float


def fit(columns: Sequence[NDArray[np.float32]], wanted: Wanted) -> Fit:
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
    start = _start(wanted, histograms)
    if len(columns) == 1:
        values, counts = histograms[0]
        model = _fit_one(values, counts, wanted, start)
    else:
        voxels = np.stack(columns, axis=1)
        values, counts = joint_histogram(voxels)
        model = _fit_several(voxels, values, counts, wanted, start)
    single = fit_plain(values, counts, 1)
    return Fit(model, histograms, model.bic(values, counts), single.bic(values, counts))


def evaluated(
    model: Model, histograms: Sequence[Histogram], columns: Sequence[NDArray[np.float32]]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Ask a mixture about voxels.

    Parameters
    ----------
    model : PartialVolumeMixture, MultichannelMixture or PlainMixture
    histograms : sequence of pairs of ndarrays, shape (B,)
        Of each channel.
    columns : sequence of D ndarrays of float32, shape (N,)
        Intensities of the voxels in each channel.

    Returns
    -------
    posteriors : ndarray of float32, shape (N, K)
        Responsibilities, column by column in memory; rows sum to 1.
    atypicality : ndarray of float32, shape (N,)
        Mahalanobis distance from the nearest component.
    """
    if len(columns) == 1:
        posteriors = tabulated(model.responsibilities, histograms[0][0], columns[0])
        return posteriors, model.distances(columns[0])
    length = len(columns[0])
    posteriors = np.empty((len(model.means), length), dtype=np.float32).T
    atypicality = np.empty(length, dtype=np.float32)

    def ask(part: slice) -> None:
        rows = np.stack([column[part] for column in columns], axis=1)
        posteriors[part] = model.responsibilities(rows)
        atypicality[part] = model.distances(rows)

    in_parts(ask, length, _PART)
    return posteriors, atypicality


def _fit_one(values: Floats, counts: Floats, wanted: Wanted, start: Model | PooledPrior | None) -> Model:
    """Fit a mixture to the histogram of one channel."""
    hold = wanted.fix_means
    if wanted.plain:
        begin = start.mixture.parameters_ if isinstance(start, PlainMixture) else None
        return fit_plain(values, counts, wanted.classes, wanted.covariance, start=begin, hold_means=hold)
    if isinstance(start, PooledPrior):
        return fit_with_prior(values, counts, start)
    if isinstance(start, PartialVolumeMixture):
        start = replace(start, spread=float(np.ptp(values)))
        return fit_partial_volume(values, counts, start, hold_means=hold)
    return fit_partial_volume(values, counts)


def _fit_several(
    voxels: NDArray[np.float32],
    cells: Floats,
    counts: Floats,
    wanted: Wanted,
    start: Model | PooledPrior | None,
) -> Model:
    """Fit a mixture to the joint histogram of several channels."""
    hold = wanted.fix_means
    if wanted.plain:
        begin = start.mixture.parameters_ if isinstance(start, PlainMixture) else None
        return fit_plain(
            cells, counts, wanted.classes, wanted.covariance, voxels=voxels, start=begin, hold_means=hold
        )
    known = start if isinstance(start, MultichannelMixture) else None
    return fit_multichannel(voxels, cells, counts, wanted.middle, known, hold_means=hold)


def _start(wanted: Wanted, histograms: Sequence[Histogram]) -> Model | PooledPrior | None:
    """Read what is known of scans like this one."""
    if wanted.prior is None:
        return None
    if is_pooled(wanted.prior):
        if wanted.plain or len(histograms) > 1 or wanted.fix_means:
            raise MixtureError(
                f"{wanted.prior}: the prior of a cohort is for the three tissues of one channel, and holds "
                "no means; give the sidecar of a segmentation"
            )
        return read_prior(wanted.prior, wanted.contrast)
    kind = (
        PlainMixture if wanted.plain else MultichannelMixture if len(histograms) > 1 else PartialVolumeMixture
    )
    saved = read_fit(
        wanted.prior,
        like=kind.name,
        classes=wanted.classes,
        channels=len(histograms),
        middle=wanted.middle,
    )
    return saved if wanted.fix_means else adapted(saved, histograms)
