"""How many components, and which covariance model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mriseg.errors import MixtureError
from mriseg.mixture.covariance import MODELS, covariance_model
from mriseg.mixture.estimator import checked_data, checked_weights
from mriseg.mixture.gaussian import GaussianMixture
from mriseg.mixture.parameters import DegenerateError
from mriseg.mixture.starts import start_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import ArrayLike

    from mriseg.mixture.parameters import FloatArray, Parameters


@dataclass(frozen=True)
class Candidate:
    """One row of a selection: a model with its number of components, and how well it does.

    Attributes
    ----------
    model, n_components
        What was fitted.
    log_likelihood : float
        Of all observations.
    n_parameters : int
        Free parameters.
    bic, icl : float
        The lower the better; NaN where the fit failed.
    converged : bool
        Whether EM did.
    sound : bool
        False where a component rests on the floor of the variances: its likelihood is the floor's, and the
        row is not chosen while there are others. mclust reports no figure for such fits.
    problem : str
        Why the fit failed; empty if it did not.
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
    """The outcome of `select_model`.

    Attributes
    ----------
    table : list of Candidate
        Every model with every number of components, in the order asked for.
    best : GaussianMixture
        The one with the lowest criterion.
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
    """Fit every model with every number of components, and choose.

    Fraley and Raftery, J. Am. Stat. Assoc. 97, 2002. One hierarchical clustering starts all fits.

    Parameters
    ----------
    X : array (N, D)
        Observations.
    components : iterable of int
        Numbers of components.
    models : iterable of str, optional
        Covariance models; "E" and "V" in one dimension and all fourteen in several, if not given.
    criterion : {"bic", "icl"}
        What decides.
    sample_weight : array (N,), optional
        How often each row was observed.
    **settings
        Further settings of `GaussianMixture`.

    Returns
    -------
    Selection

    Raises
    ------
    MixtureError
        If the data or a setting is unusable, or no fit succeeds.
    """
    if criterion not in {"bic", "icl"}:
        raise MixtureError(f"no criterion {criterion!r}: choose bic or icl")
    data = checked_data(X)
    weights = checked_weights(sample_weight, len(data))
    names, counts = _models(models, data.shape[1]), list(components)
    start = _starts(data, weights, settings)
    table: list[Candidate] = []
    best: tuple[tuple[bool, float], GaussianMixture] | None = None
    for name in names:
        for n_components in counts:
            mixture = GaussianMixture(n_components, **{"model": name, **settings})
            candidate = _candidate(mixture, data, weights, start)
            table.append(candidate)
            rank = (not candidate.sound, getattr(candidate, criterion))
            if not candidate.problem and (best is None or rank < best[0]):
                best = rank, mixture
    if best is None:
        raise MixtureError(f"no model could be fitted: {table[0].problem if table else 'none was asked for'}")
    return Selection(table, best[1])


@dataclass(frozen=True)
class LikelihoodRatioTest:
    """The outcome of `bootstrap_likelihood_ratio`.

    Attributes
    ----------
    statistic : float
        Twice the gain in log-likelihood by one component more.
    p_value : float
        How often mixtures with the smaller number of components gain as much by chance.
    bootstrap : array (B,)
        The gains of the samples drawn from the smaller mixture.
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
    """Test K components against K + 1 by the parametric bootstrap.

    McLachlan, J. R. Statist. Soc. C 36, 1987: samples are drawn from the fit with K components, and both
    mixtures are fitted to each. Samples on which a fit degenerates are left out.

    Parameters
    ----------
    X : array (N, D)
        Observations.
    n_components : int
        K.
    n_bootstrap : int
        Samples to draw; the smallest p-value is one over this plus one.
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
    """
    data = checked_data(X)
    null, gain = _gain(data, n_components, settings)
    generator = np.random.default_rng(random_state)
    gains = []
    for _ in range(n_bootstrap):
        sample, _labels = null.sample(len(data), generator)
        try:
            gains.append(_gain(sample, n_components, settings)[1])
        except DegenerateError:
            continue
    bootstrap = np.array(gains)
    return LikelihoodRatioTest(gain, float((1 + (bootstrap >= gain).sum()) / (1 + len(bootstrap))), bootstrap)


def _models(models: Iterable[str] | None, dimensions: int) -> list[str]:
    """Return the names asked for, checked, or all."""
    if models is None:
        return ["E", "V"] if dimensions == 1 else [model.name for model in MODELS]
    names = list(models)
    for name in names:
        covariance_model(name, dimensions)
    return names


def _starts(
    data: FloatArray, weights: FloatArray | None, settings: dict[str, Any]
) -> Callable[[GaussianMixture], Parameters | None]:
    """Return what gives a mixture its start: the cut of one tree, where it would else grow the same again."""
    named = settings.get("init", "hierarchical")
    if (
        data.shape[1] == 1
        or "means_init" in settings
        or not (isinstance(named, str) and named == "hierarchical")
    ):
        return lambda _mixture: None
    counts = np.ones(len(data)) if weights is None else weights
    generator = np.random.default_rng(settings.get("random_state", 0))
    points, counts, tree = start_tree(data[counts > 0], counts[counts > 0], MODELS[-1], generator)

    def cut(mixture: GaussianMixture) -> Parameters:
        labels = tree.labels(mixture.n_components)
        first = GaussianMixture(mixture.n_components, model=mixture.model, init=labels, max_iter=0)
        return first.fit(points, sample_weight=counts).parameters_

    return cut


def _candidate(
    mixture: GaussianMixture,
    data: FloatArray,
    weights: FloatArray | None,
    start: Callable[[GaussianMixture], Parameters | None],
) -> Candidate:
    """Fit one mixture, and say how it went."""
    try:
        begin = start(mixture)
        if begin is not None:
            mixture.set_params(init=begin)
        mixture.fit(data, sample_weight=weights)
    except MixtureError as error:
        nan = float("nan")
        return Candidate(mixture.model, mixture.n_components, nan, 0, nan, nan, False, False, str(error))
    total = len(data) if weights is None else float(weights.sum())
    return Candidate(
        mixture.model,
        mixture.n_components,
        total * mixture.score(data, sample_weight=weights),
        mixture.n_parameters_,
        mixture.bic(data, weights),
        mixture.icl(data, weights),
        mixture.converged_,
        not mixture.at_floor_.any(),
    )


def _gain(data: FloatArray, n_components: int, settings: dict[str, Any]) -> tuple[GaussianMixture, float]:
    """Fit K and K + 1 components; return the smaller mixture and twice the gain in log-likelihood."""
    small, large = (GaussianMixture(K, **settings).fit(data) for K in (n_components, n_components + 1))
    return small, 2 * len(data) * (large.score(data) - small.score(data))
