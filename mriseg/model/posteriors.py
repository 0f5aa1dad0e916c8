"""Evaluation of a mixture at every voxel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mriseg._utils.parallel import parallel_chunks
from mriseg.model.constants import LOOKUP_LEVELS
from mriseg.model.histogram import lookup_by_intensity, nearest_levels
from mriseg.model.template_mixture import TemplateMixture

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from mriseg.model.base import Histogram, TissueModel
    from mriseg.model.places import Places

_PART = 1 << 15  # voxels at a time, so that their data stay in the cache of the processor


def posteriors_of(
    model: TissueModel,
    histograms: Sequence[Histogram],
    columns: Sequence[NDArray[np.float32]],
    places: Places | None = None,
) -> NDArray[np.float32]:
    """Return the expected shares of tissues in voxels.

    Parameters
    ----------
    model : TissueModel
    histograms : sequence of pairs of ndarrays, shape (B,)
        Of each channel.
    columns : sequence of D ndarrays of float32, shape (N,)
        Intensities of the voxels in each channel.
    places : Places, optional
        Of the voxels, for a mixture that depends on them.

    Returns
    -------
    ndarray of float32, shape (N, K)
        Responsibilities, column by column in memory; rows sum to 1.
    """
    if isinstance(model, TemplateMixture) and places is not None:
        return _posteriors_at(model, histograms, columns, places)
    if len(columns) == 1:
        return lookup_by_intensity(model.responsibilities, histograms[0][0], columns[0])
    return _in_parts(
        lambda part: model.responsibilities(_rows(columns, part)), len(columns[0]), len(model.means)
    )


def _posteriors_at(
    model: TemplateMixture,
    histograms: Sequence[Histogram],
    columns: Sequence[NDArray[np.float32]],
    places: Places,
) -> NDArray[np.float32]:
    if len(columns) == 1:
        return _shares_by_place(model, histograms[0][0], columns[0], places)
    return _in_parts(
        lambda part: model.responsibilities_at(_rows(columns, part), places.number[part]), len(columns[0]), 3
    )


def _shares_by_place(
    model: TemplateMixture, values: NDArray[np.floating], intensities: NDArray[np.float32], places: Places
) -> NDArray[np.float32]:
    """Return the expected shares of the tissues in voxels, by a table of intensity and place.

    Parameters
    ----------
    model : TemplateMixture
        Of a single channel.
    values : ndarray of float64, shape (B,)
        Of the histogram, rising: the first and the last bound the table.
    intensities : ndarray of float32, shape (N,)
    places : Places
        Of the voxels.

    Returns
    -------
    ndarray of float32, shape (N, 3)
        Tissues by rising mean, column by column in memory; rows sum to 1.
    """
    low, high = np.float32(values[0]), np.float32(values[-1])
    table = model.responsibilities_by_place(np.linspace(low, high, LOOKUP_LEVELS)).astype(np.float32)
    columns = table.reshape(-1, 3).T.copy()

    def shares(part: slice) -> NDArray[np.float32]:
        levels = nearest_levels(intensities[part], low, high)
        levels += places.number[part].astype(np.intp) * LOOKUP_LEVELS
        return np.take(columns, levels, axis=1).T

    return _in_parts(shares, len(intensities), 3)


def _in_parts(
    posteriors_in: Callable[[slice], NDArray[np.floating]], length: int, classes: int
) -> NDArray[np.float32]:
    """Evaluate posteriors (N, K), column by column in memory, a part of the voxels at a time."""
    posteriors = np.empty((classes, length), dtype=np.float32).T

    def evaluate(part: slice) -> None:
        posteriors[part] = posteriors_in(part)

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
        # Component by component, as they lie in memory.
        squares = model.squared_distances(columns[0][part] if len(columns) == 1 else _rows(columns, part)).T
        if log_odds is not None:
            grey, white, odds = log_odds
            unlikely = np.zeros((len(model.means), squares.shape[1]), dtype=np.float32)
            unlikely[grey] = 2 * np.maximum(odds[part], 0)
            unlikely[white] = 2 * np.maximum(-odds[part], 0)
            squares = squares + model.tissues_in_component.astype(np.float32) @ unlikely
        atypicality[part] = np.sqrt(squares.min(axis=0))

    parallel_chunks(evaluate, len(atypicality), _PART)
    return atypicality


def _rows(columns: Sequence[NDArray[np.float32]], part: slice) -> NDArray[np.float32]:
    return np.stack([column[part] for column in columns], axis=1)
