"""The loop of expectation and maximisation.

Dempster, Laird and Rubin, J. R. Statist. Soc. B 39, 1977: alternate the two steps; the objective never falls.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

import numpy as np

from mriseg.errors import MixtureError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mriseg.mixture.parameters import Parameters

State = TypeVar("State")
Criterion = Literal["likelihood", "parameters", "aitken"]


@dataclass(frozen=True)
class Step(Generic[State]):
    """One iteration seen from where it starts.

    Attributes
    ----------
    objective : float
        The objective at the state that the step starts from.
    rounding : float
        How far rounding alone can move that objective.
    following : callable
        Computes the state that the M-step leads to.
    """

    objective: float
    rounding: float
    following: Callable[[], State]


@dataclass(frozen=True)
class EMResult(Generic[State]):
    """Where the loop ended, and the way there.

    Attributes
    ----------
    state : object
        The last state, at which the last entry of the history was measured.
    history : list of float
        The objective at the start and after each iteration.
    converged : bool
        Whether the criterion was met before the iterations ran out.
    """

    state: State
    history: list[float]
    converged: bool


def run_em(
    step: Callable[[State], Step[State]],
    start: State,
    converged: Callable[[list[float], State, State], bool],
    max_iter: int,
) -> EMResult[State]:
    """Iterate until convergence, or ``max_iter`` times.

    Raises
    ------
    MixtureError
        If the objective falls by more than rounding explains, or is not a number.
    """
    state = start
    current = step(state)
    history = [current.objective]
    for _ in range(max_iter):
        previous, state = state, current.following()
        current = step(state)
        _check_rise(history[-1], current)
        history.append(current.objective)
        if converged(history, previous, state):
            return EMResult(state, history, converged=True)
    return EMResult(state, history, converged=False)


def convergence_test(
    criterion: Criterion, tol: float, total: float
) -> Callable[[list[float], Any, Any], bool]:
    """Return the test of convergence that `run_em` asks after every iteration.

    Parameters
    ----------
    criterion : {"likelihood", "parameters", "aitken"}
        What must be smaller than ``tol``: the rise of the objective in this iteration, relative to itself
        plus the number of observations; the largest change of any weight, mean or covariance; or the rise
        that is still to come, as Aitken's extrapolation of the last three objectives tells it (Böhning et
        al., Ann. Inst. Statist. Math. 46, 1994).
    tol : float
        The tolerance, in the units of the estimation, where data have mean 0 and variance 1.
    total : float
        The number of observations.

    Raises
    ------
    MixtureError
        If there is no such criterion.
    """

    def likelihood(history: list[float], _previous: object, _state: object) -> bool:
        return history[-1] - history[-2] < tol * (abs(history[-1]) + total)

    def parameters(_history: list[float], previous: Parameters, state: Parameters) -> bool:
        pairs = (
            (previous.weights, state.weights),
            (previous.means, state.means),
            (previous.covariances, state.covariances),
        )
        return max(float(np.abs(after - before).max()) for before, after in pairs) < tol

    def aitken(history: list[float], _previous: object, _state: object) -> bool:
        if len(history) < 3:
            return False
        before, rise = history[-2] - history[-3], history[-1] - history[-2]
        to_come = rise * rise / (before - rise) if before > rise else rise
        return abs(to_come) < tol * (abs(history[-1]) + total)

    tests = {"likelihood": likelihood, "parameters": parameters, "aitken": aitken}
    if criterion not in tests:
        raise MixtureError(f"no convergence criterion {criterion!r}: choose from {', '.join(tests)}")
    return tests[criterion]


def _check_rise(before: float, step: Step[State]) -> None:
    """Refuse an objective that fell, or that is no number."""
    if not step.objective >= before - step.rounding:
        raise MixtureError(
            f"the log-likelihood fell from {before!r} to {step.objective!r}, more than rounding explains: "
            "a defect of the M-step, please report it with the data"
        )
