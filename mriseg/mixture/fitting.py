"""Steps of a maximum likelihood or MAP fit: selection of rows, M-step, initial parameters, best run."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from mriseg.mixture.em import run_em
from mriseg.mixture.expectation import Observations
from mriseg.mixture.fixed import FixedTerms
from mriseg.mixture.floor import variance_floor
from mriseg.mixture.kmeans import nearest_centres
from mriseg.mixture.maximisation import MStep
from mriseg.mixture.moments import Moments
from mriseg.mixture.parameters import DegenerateError, Parameters, broadcast_components
from mriseg.mixture.priors import PriorTerms
from mriseg.mixture.starts import RANDOM_METHODS, check_partition, starting_statistics
from mriseg.mixture.validation import count_unique, random_generator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mriseg.mixture.covariance import CovarianceModel
    from mriseg.mixture.em import ConvergenceTest, EMResult
    from mriseg.mixture.fixed import Fixed
    from mriseg.mixture.parameters import FloatArray, Standardization
    from mriseg.mixture.priors import Prior

    # The name of a method, a partition (labels or responsibilities), or the parameters of a mixture.
    Start: TypeAlias = str | FloatArray | Parameters


def select_rows(
    X: FloatArray, sample_weight: FloatArray | None, start: Start, n_components: int
) -> tuple[FloatArray, FloatArray, Start]:
    """Return the rows with a positive weight; in one dimension the distinct values with their counts.

    Parameters
    ----------
    X : ndarray, shape (N, D)
        Data.
    sample_weight : ndarray, shape (N,), or None
        Number of times each row was observed.
    start : str, ndarray or Parameters
        The start; a partition, shape (N,) or (N, K), is checked and reduced to the rows selected, and
        prevents the counting of equal values.
    n_components : int
        K.

    Returns
    -------
    X : ndarray, shape (M, D)
        Rows, M ≤ N.
    sample_weight : ndarray, shape (M,)
        Their weights.
    start : str, ndarray or Parameters
        The start for these rows.

    Raises
    ------
    MixtureError
        If a partition does not fit the data.
    """
    partition = start if isinstance(start, np.ndarray) else None
    if partition is not None:
        check_partition(partition, len(X), n_components)
    elif X.shape[1] == 1:
        return *count_unique(X[:, 0], sample_weight), start
    if sample_weight is None:
        return X, np.ones(len(X), dtype=X.dtype), start
    rows = sample_weight > 0
    return X[rows], sample_weight[rows].astype(X.dtype), start if partition is None else partition[rows]


def prepare_m_step(
    X: FloatArray,
    sample_weight: FloatArray,
    model: CovarianceModel,
    standardization: Standardization,
    n_components: int,
    prior: Prior | None = None,
    fixed: Fixed | None = None,
    reg_covar: float | None = None,
) -> MStep:
    """Return the M-step of a fit, with everything standardized.

    Parameters
    ----------
    X : ndarray, shape (N, D)
        Observations in the units of the data.
    sample_weight : ndarray, shape (N,)
        Number of times each was observed.
    model : CovarianceModel
        The covariance model.
    standardization : Standardization
        Of the data.
    n_components : int
        K.
    prior : Prior, optional
        Conjugate prior in the units of the data.
    fixed : Fixed, optional
        Fixed parameters in the units of the data.
    reg_covar : float, optional
        Smallest variance in squared units of the data, see `mriseg.mixture.floor.variance_floor`.

    Returns
    -------
    MStep

    Raises
    ------
    MixtureError
        If prior or fixed parameters do not fit the data or the model.
    """
    return MStep(
        model,
        Observations.prepare(
            standardization.transform(X), sample_weight, diagonal=model.diagonal, n_components=n_components
        ),
        None if prior is None else PriorTerms.from_prior(prior, model, standardization, n_components),
        None if fixed is None else FixedTerms.from_fixed(fixed, model, standardization, n_components),
        variance_floor(reg_covar, standardization, X.dtype),
    )


def initial_states(
    m_step: MStep,
    start: Start,
    n_components: int,
    n_init: int,
    random_state: int | np.random.Generator | None,
) -> Iterator[Callable[[], Parameters]]:
    """Yield functions that return the initial parameters of each run.

    Parameters
    ----------
    m_step : MStep
        The M-step of the fit.
    start : str, ndarray or Parameters
        Name of a method, partition, or parameters for standardized data.
    n_components : int
        K.
    n_init : int
        Number of runs from a method that draws random numbers; any other start has one run.
    random_state : int, Generator or None
        Seed of those methods.

    Yields
    ------
    callable
        Takes nothing, returns `Parameters`; computes when called, and may raise `DegenerateError`.
    """
    observations = m_step.observations
    if isinstance(start, Parameters):
        yield lambda: m_step.from_parameters(start)
    elif isinstance(start, str):
        generator = random_generator(random_state)
        for _ in range(n_init if start in RANDOM_METHODS else 1):
            yield lambda: m_step.from_partition(
                starting_statistics(start, observations, n_components, m_step.model, generator)
            )
    else:
        yield lambda: m_step.from_partition(observations.partition_statistics(start, n_components))


def state_from_means(m_step: MStep, means: FloatArray) -> Parameters:
    """Return initial parameters with given means, every observation assigned to the nearest.

    A mean that is nearest to none moves to the observation nearest to it, with the weight of one observation
    and the covariance of all components together: from where it was it might reach none.

    Parameters
    ----------
    m_step : MStep
        The M-step of the fit.
    means : ndarray, shape (K, D)
        Means for standardized data.

    Returns
    -------
    parameters : Parameters

    Raises
    ------
    DegenerateError
        If the covariances lose rank.
    """
    observations = m_step.observations
    labels, _ = nearest_centres(observations.X, means)
    statistics = observations.partition_statistics(labels, len(means))
    empty = statistics[:, 0] == 0
    statistics[empty] = statistics.sum(axis=0) / len(observations.X)
    moments = m_step.moments(statistics)
    moved = means.copy()
    for component in np.flatnonzero(empty):
        moved[component] = _nearest_row(observations.X, means[component])
    # No scatter of their own: `from_moments` gives them the pooled covariance.
    scatter = np.where(broadcast_components(empty, moments.scatter.ndim), 0.0, moments.scatter)
    return m_step.from_moments(Moments(moments.counts, moved, scatter))


def _nearest_row(X: FloatArray, point: FloatArray) -> FloatArray:
    """Return the row that is nearest to a point, shape (D,)."""
    return np.asarray(X[np.square(X - point).sum(axis=1).argmin()])


def best_run(
    m_step: MStep, starts: Iterator[Callable[[], Parameters]], converged: ConvergenceTest, max_iter: int
) -> EMResult[Parameters]:
    """Run EM from every start, and return the run with the highest final objective.

    Parameters
    ----------
    m_step : MStep
        The M-step of the fit.
    starts : iterator of callables
        See `initial_states`.
    converged : callable
        Convergence test, see `mriseg.mixture.em.convergence_test`.
    max_iter : int
        Maximum number of iterations of each run.

    Returns
    -------
    EMResult

    Raises
    ------
    DegenerateError
        The first failure, if all runs degenerate.
    """
    runs, failures = [], []
    for start in starts:
        try:
            runs.append(run_em(m_step.step, start(), converged, max_iter))
        except DegenerateError as error:
            failures.append(error)
    if not runs:
        raise failures[0]
    return max(runs, key=lambda run: run.history[-1])
