"""The EM loop and its convergence criteria.

Each iteration maximises the expected complete-data log-likelihood (M-step) given the responsibilities
(E-step); the objective never decreases [1]_. With objectives ℓₜ and rises δₜ = ℓₜ − ℓₜ₋₁, the criteria are

    likelihood   δₜ < tol (|ℓₜ| + n)                                                               (1)
    parameters   max |θₜ − θₜ₋₁| < tol                                                             (2)
    aitken       δₜ a / (1 − a) < tol (|ℓₜ| + n),  a = δₜ / δₜ₋₁                                   (3)

with n the number of observations. (3) extrapolates the rises as a geometric series of ratio a (Aitken
acceleration, [2]_): its left side is the estimate of the limit less ℓₜ, and equals δₜ² / (δₜ₋₁ − δₜ).

References
----------
.. [1] Dempster AP, Laird NM, Rubin DB (1977). Maximum likelihood from incomplete data via the EM algorithm. J
   R Statist Soc B 39:1-38.
.. [2] Böhning D, Dietz E, Schaub R, Schlattmann P, Lindsay BG (1994). The distribution of the likelihood
   ratio for mixtures of densities from the one-parameter exponential family. Ann Inst Statist Math
   46:373-388.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

import numpy as np

from mriseg.errors import MixtureError
from mriseg.mixture.constants import ROUNDING_FACTOR

if TYPE_CHECKING:
    from collections.abc import Callable

    from mriseg.mixture.parameters import Parameters

    ConvergenceTest = Callable[[list[float], Any, Any], bool]

State = TypeVar("State")
Criterion = Literal["likelihood", "parameters", "aitken"]


@dataclass(frozen=True)
class Step(Generic[State]):
    """One EM iteration: the objective of the present state, and its M-step.

    Attributes
    ----------
    objective : float
        The objective at the state from which the iteration starts.
    rounding : float
        Bound on the rounding error of that objective.
    next_state : callable
        Runs the M-step and returns the next state.
    """

    objective: float
    rounding: float
    next_state: Callable[[], State]


@dataclass(frozen=True)
class EMResult(Generic[State]):
    """Final state and history of an EM run.

    Attributes
    ----------
    state : object
        The last state, whose objective is the last entry of the history.
    history : list of float
        The objective at the start and after each iteration.
    converged : bool
        Whether the criterion was met within the maximum number of iterations.
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
    """Run EM until convergence, or for ``max_iter`` iterations.

    Parameters
    ----------
    step : callable
        Runs the E-step at a state and returns its `Step`.
    start : object
        Initial state.
    converged : callable
        Convergence test; called after each iteration with the history, the previous and the present state.
    max_iter : int
        Maximum number of iterations; 0 evaluates the initial state only.

    Returns
    -------
    EMResult

    Raises
    ------
    MixtureError
        If the objective decreases by more than rounding explains, or is NaN.
    """
    state = start
    current = step(state)
    history = [current.objective]
    for _ in range(max_iter):
        previous, state = state, current.next_state()
        current = step(state)
        _check_monotonic(history[-1], current)
        history.append(current.objective)
        if converged(history, previous, state):
            return EMResult(state, history, converged=True)
    return EMResult(state, history, converged=False)


def convergence_test(criterion: Criterion, tol: float, total: float) -> ConvergenceTest:
    """Return a convergence test for `run_em`.

    Parameters
    ----------
    criterion : {"likelihood", "parameters", "aitken"}
        What must be smaller than the tolerance: the rise of the objective, (1) of the module docstring; the
        largest change of any weight, mean or covariance, (2); the estimated rise still to come, (3).
    tol : float
        The tolerance; for "parameters" in units of standardized data.
    total : float
        The number of observations, n.

    Returns
    -------
    callable
        Takes the history, the previous and the present state; returns whether EM has converged.

    Raises
    ------
    MixtureError
        If there is no such criterion.
    """

    def likelihood(history: list[float], _previous: object, _state: object) -> bool:
        return history[-1] - history[-2] < tol * (abs(history[-1]) + total)

    def parameters(_history: list[float], previous: Parameters, state: Parameters) -> bool:
        return _largest_change(previous, state) < tol

    def aitken(history: list[float], _previous: object, _state: object) -> bool:
        return len(history) >= 3 and abs(_remaining_rise(history)) < tol * (abs(history[-1]) + total)

    tests = {"likelihood": likelihood, "parameters": parameters, "aitken": aitken}
    if str(criterion) not in tests:
        raise MixtureError(f"no convergence criterion {criterion!r}: choose from {', '.join(tests)}")
    return tests[criterion]


def _remaining_rise(history: list[float]) -> float:
    """Return Aitken's estimate of the rise still to come, the left side of (3)."""
    previous_rise, rise = history[-2] - history[-3], history[-1] - history[-2]
    # A ratio a ≥ 1 is no convergent series; the rise itself then has to be small.
    return rise * rise / (previous_rise - rise) if previous_rise > rise else rise


def _largest_change(previous: Parameters, state: Parameters) -> float:
    """Return the largest absolute change of any parameter."""
    pairs = (
        (previous.weights, state.weights),
        (previous.means, state.means),
        (previous.covariances, state.covariances),
    )
    return max(float(np.abs(after - before).max()) for before, after in pairs)


def _check_monotonic(previous_objective: float, step: Step[State]) -> None:
    """Check that the objective did not decrease by more than rounding, and is not NaN."""
    # Of its terms, and of their sum: a prior may count for far more than the data.
    rounding = step.rounding + ROUNDING_FACTOR * np.finfo(float).eps * abs(previous_objective)
    if not step.objective >= previous_objective - rounding:
        raise MixtureError(
            f"the log-likelihood fell from {previous_objective!r} to {step.objective!r}, "
            "more than rounding explains: a defect of the M-step, please report it with the data"
        )
