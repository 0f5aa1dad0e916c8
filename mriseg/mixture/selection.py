"""Selection of the covariance model and the number of components."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mriseg.errors import MixtureError
from mriseg.mixture.covariance import MODELS, covariance_model
from mriseg.mixture.diagnostics import report_fit, unwarned
from mriseg.mixture.fitting import prepare_m_step
from mriseg.mixture.gaussian import GaussianMixture
from mriseg.mixture.parameters import DegenerateError, Standardization, check_columns
from mriseg.mixture.starts import start_tree
from mriseg.mixture.validation import check_data, check_sample_weight

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import ArrayLike

    from mriseg.mixture.parameters import FloatArray, Parameters


@dataclass(frozen=True)
class Candidate:
    """One row of a selection: a covariance model, a number of components, and the criteria of their fit.

    Attributes
    ----------
    model : str
        Covariance model.
    n_components : int
        Number of components.
    log_likelihood : float
        Log-likelihood of all observations; NaN where the fit failed.
    n_parameters : int
        Number of free parameters; 0 where the fit failed.
    bic, icl : float
        Information criteria, the lower the better; NaN where the fit failed.
    converged : bool
        Whether EM converged.
    sound : bool
        False where a variance is at its floor, which then sets the likelihood; the row is not chosen while
        there are others. R's mclust reports no figure for such fits.
    problem : str
        Reason of a failed fit; empty if it did not fail.
    """

    model: str
    n_components: int
    log_likelihood: float
    n_parameters: int
    bic: float
    icl: float
    converged: bool
    sound: bool
    problem: str = ""


@dataclass(frozen=True)
class Selection:
    """Result of `select_model`.

    Attributes
    ----------
    table : list of Candidate
        Every model with every number of components, in the order given.
    best : GaussianMixture
        The fit with the lowest criterion.
    """

    table: list[Candidate]
    best: GaussianMixture


def select_model(
    X: ArrayLike,
    components: Iterable[int] = range(1, 10),
    models: Iterable[str] | None = None,
    *,
    criterion: Literal["bic", "icl"] = "bic",
    sample_weight: ArrayLike | None = None,
    **settings: Any,
) -> Selection:
    """Return the fits of every covariance model with every number of components, and the best of them.

    Parameters
    ----------
    X : array-like, shape (N, D)
        Observations.
    components : iterable of int
        Numbers of components.
    models : iterable of str, optional
        Covariance models; by default "E" and "V" in one dimension, and all fourteen in several.
    criterion : {"bic", "icl"}
        Criterion to minimise.
    sample_weight : array-like, shape (N,), optional
        Number of times each row was observed.
    **settings
        Further settings of `GaussianMixture`.

    Returns
    -------
    Selection

    Raises
    ------
    MixtureError
        If the data or a setting is unusable, or no fit succeeds.

    Notes
    -----
    Fraley and Raftery (2002), J Am Stat Assoc 97:611-631. In several dimensions the cuts of one hierarchical
    clustering start all fits.
    """
    if criterion not in {"bic", "icl"}:
        raise MixtureError(f"no criterion {criterion!r}: choose bic or icl")
    _check_not_chosen(settings)
    data = check_data(X)
    weights = check_sample_weight(sample_weight, len(data))
    names, counts = _model_names(models, data.shape[1]), list(components)
    initial_parameters = _shared_start(data, weights, settings)
    table: list[Candidate] = []
    best: tuple[tuple[bool, float], GaussianMixture] | None = None
    for name, n_components in product(names, counts):
        mixture = GaussianMixture(n_components, **{"model": name, **settings})
        candidate = _fit_candidate(mixture, data, weights, initial_parameters)
        table.append(candidate)
        rank = (not candidate.sound, getattr(candidate, criterion))
        if not candidate.problem and (best is None or rank < best[0]):
            best = rank, mixture
    if best is None:
        raise MixtureError(f"no model could be fitted: {table[0].problem if table else 'none was asked for'}")
    report_fit(best[1])
    return Selection(table, best[1])


@dataclass(frozen=True)
class LikelihoodRatioTest:
    """Result of `bootstrap_likelihood_ratio`.

    Attributes
    ----------
    statistic : float
        Likelihood ratio statistic, twice the increase of the log-likelihood by one more component.
    p_value : float
        Fraction of statistics, of the data and the bootstrap samples together, at least as large.
    bootstrap : ndarray of float64, shape (B,)
        Statistics of the samples from the smaller mixture.
    """

    statistic: float
    p_value: float
    bootstrap: FloatArray


def bootstrap_likelihood_ratio(
    X: ArrayLike,
    n_components: int,
    *,
    n_bootstrap: int = 99,
    random_state: int | np.random.Generator | None = 0,
    **settings: Any,
) -> LikelihoodRatioTest:
    """Return the parametric bootstrap test of K components against K + 1.

    Parameters
    ----------
    X : array-like, shape (N, D)
        Observations.
    n_components : int
        K, the number of components of the null hypothesis.
    n_bootstrap : int
        Number of samples; the smallest p-value is 1 / (n_bootstrap + 1).
    random_state : int, Generator or None
        Seed of the samples.
    **settings
        Further settings of `GaussianMixture`.

    Returns
    -------
    LikelihoodRatioTest

    Raises
    ------
    MixtureError
        If the data or a setting is unusable.

    Notes
    -----
    McLachlan (1987), J R Statist Soc C 36:318-324. Samples are drawn from the fit with K components, and both
    mixtures are fitted to each; samples on which a fit degenerates are left out.
    """
    data = check_data(X)
    null, statistic = _likelihood_ratio(data, n_components, settings)
    generator = np.random.default_rng(random_state)
    statistics = []
    for _ in range(n_bootstrap):
        sample, _labels = null.sample(len(data), generator)
        try:
            statistics.append(_likelihood_ratio(sample, n_components, settings)[1])
        except DegenerateError:
            continue
    bootstrap = np.array(statistics)
    p_value = float((1 + (bootstrap >= statistic).sum()) / (1 + len(bootstrap)))
    return LikelihoodRatioTest(statistic, p_value, bootstrap)


def _check_not_chosen(settings: dict[str, Any]) -> None:
    """Check that no setting overrules what is chosen from: its fits would go by the names of others."""
    chosen = settings.keys() & {"n_components", "model", "covariance_type"}
    if chosen:
        raise MixtureError(
            f"{min(chosen)} is what a selection chooses: pass components or models, the lists to choose from"
        )


def _model_names(models: Iterable[str] | None, dimensions: int) -> list[str]:
    """Return the given names, checked, or those of all models."""
    if models is None:
        return ["E", "V"] if dimensions == 1 else [model.name for model in MODELS]
    names = list(models)
    for name in names:
        covariance_model(name, dimensions)
    return names


def _shared_start(
    data: FloatArray, weights: FloatArray | None, settings: dict[str, Any]
) -> Callable[[GaussianMixture], Parameters | None]:
    """Return a function that gives a mixture its initial parameters from one tree shared by all fits.

    The function returns None where every fit makes its own start: in one dimension, where the tree depends on
    the model and costs little, and where the settings name a start other than the hierarchical one.
    """
    init = settings.get("init", "hierarchical")
    hierarchical = isinstance(init, str) and init == "hierarchical"
    if data.shape[1] == 1 or "means_init" in settings or not hierarchical:
        return lambda _mixture: None
    counts = np.ones(len(data)) if weights is None else weights
    generator = np.random.default_rng(settings.get("random_state", 0))
    check_columns(data[counts > 0])
    points, counts, tree = start_tree(data[counts > 0], counts[counts > 0], MODELS[-1], generator)

    def initial_parameters(mixture: GaussianMixture) -> Parameters:
        K = mixture.n_components
        model = covariance_model(mixture.model, data.shape[1])
        # That of all data: a column may be constant in a subsample.
        standardization = Standardization.from_data(data, weights, per_column=model.scale_free)
        m_step = prepare_m_step(points, counts, model, standardization, K, reg_covar=mixture.reg_covar)
        statistics = m_step.observations.partition_statistics(tree.labels(K), K)
        return standardization.inverse_transform_parameters(m_step.from_partition(statistics))

    return initial_parameters


def _fit_candidate(
    mixture: GaussianMixture,
    data: FloatArray,
    weights: FloatArray | None,
    initial_parameters: Callable[[GaussianMixture], Parameters | None],
) -> Candidate:
    """Fit one mixture in place, and return its row of the table."""
    try:
        start = initial_parameters(mixture)
        if start is not None:
            mixture.set_params(init=start)
        with unwarned():  # the table says it
            mixture.fit(data, sample_weight=weights)
    except MixtureError as error:
        return _failed_candidate(mixture, str(error))
    total = len(data) if weights is None else float(weights.sum())
    return Candidate(
        model=mixture.model,
        n_components=mixture.n_components,
        log_likelihood=total * mixture.score(data, sample_weight=weights),
        n_parameters=mixture.n_parameters_,
        bic=mixture.bic(data, weights),
        icl=mixture.icl(data, weights),
        converged=mixture.converged_,
        sound=not mixture.at_floor_.any(),
    )


def _failed_candidate(mixture: GaussianMixture, problem: str) -> Candidate:
    """Return the row of a fit that failed."""
    return Candidate(
        model=mixture.model,
        n_components=mixture.n_components,
        log_likelihood=float("nan"),
        n_parameters=0,
        bic=float("nan"),
        icl=float("nan"),
        converged=False,
        sound=False,
        problem=problem,
    )


def _likelihood_ratio(
    data: FloatArray, n_components: int, settings: dict[str, Any]
) -> tuple[GaussianMixture, float]:
    """Fit K and K + 1 components; return the smaller mixture and the likelihood ratio statistic."""
    with unwarned():
        small, large = (GaussianMixture(K, **settings).fit(data) for K in (n_components, n_components + 1))
    return small, 2 * len(data) * (large.score(data) - small.score(data))
