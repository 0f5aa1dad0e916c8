"""The loop of EM by itself, on steps whose course is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from mriseg.errors import MixtureError
from mriseg.mixture.em import Step, convergence_test, run_em


def course(*objectives, rounding=0.0):
    """Make a step whose state is the number of iterations done and whose objective is listed."""
    return lambda state: Step(objectives[state], rounding, lambda: state + 1)


def never(*_):
    return False


def test_without_iterations_nothing_moves():
    done = run_em(course(-5.0), 0, never, 0)
    assert (done.state, done.history, done.converged) == (0, [-5.0], False)


def test_the_loop_runs_out_of_iterations():
    done = run_em(course(-5.0, -4.0, -3.5, -3.0), 0, never, 2)
    assert (done.state, done.history) == (2, [-5.0, -4.0, -3.5])
    assert done.converged is False


def test_the_loop_ends_where_the_criterion_is_met_and_asks_it_about_the_last_step():
    asked = []

    def converged(history, previous, state):
        asked.append((list(history), previous, state))
        return len(asked) == 2

    done = run_em(course(-5.0, -4.0, -3.5, -3.0), 0, converged, 9)
    assert asked == [([-5.0, -4.0], 0, 1), ([-5.0, -4.0, -3.5], 1, 2)]
    assert (done.state, done.history) == (2, [-5.0, -4.0, -3.5])
    assert done.converged is True


@pytest.mark.parametrize("rounding", [0.0, 0.5])
def test_an_objective_may_fall_by_rounding_and_no_more(rounding):
    assert run_em(course(-4.0, -4.0 - rounding, rounding=rounding), 0, never, 1).state == 1
    with pytest.raises(MixtureError, match=r"fell from -4\.0 to -4\.51, more than rounding"):
        run_em(course(-4.0, -4.51, rounding=rounding), 0, never, 1)


def test_an_objective_that_is_no_number_is_refused():
    with pytest.raises(MixtureError, match="to nan"):
        run_em(course(-4.0, float("nan")), 0, never, 1)


@pytest.mark.parametrize(("criterion", "to_come"), [("likelihood", 0.25), ("aitken", 0.25**2 / 0.75)])
def test_a_rise_is_measured_against_the_objective_and_the_observations(criterion, to_come):
    history = [-101.0, -100.0, -99.75]
    tol = to_come / (99.75 + 25)
    assert convergence_test(criterion, tol * 1.001, 25.0)(history, None, None)
    assert not convergence_test(criterion, tol * 0.999, 25.0)(history, None, None)


def test_a_rise_as_large_as_the_tolerance_is_not_enough():
    assert not convergence_test("likelihood", 0.25, 2.0)([-3.0, -2.0], None, None)
    assert convergence_test("likelihood", 0.25, 2.1)([-3.0, -2.0], None, None)


def test_aitken_waits_for_three_objectives_and_takes_a_growing_rise_as_it_is():
    test = convergence_test("aitken", 1.0, 100.0)
    assert not test([-5.0, -5.0], None, None)
    assert test([-5.0, -5.0, -5.0], None, None)
    growing = [-5.0, -4.0, -2.0]  # extrapolating would tell a fall
    assert convergence_test("aitken", 2.01 / 102, 100.0)(growing, None, None)
    assert not convergence_test("aitken", 1.99 / 102, 100.0)(growing, None, None)
    assert not convergence_test("aitken", 2 / 102, 100.0)(growing, None, None)


@dataclass
class State:
    weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray


@pytest.mark.parametrize("field", ["weights", "means", "covariances"])
@pytest.mark.parametrize("change", [-0.5, 0.5])
def test_the_largest_change_of_any_parameter_counts(field, change):
    before, after = (State(np.ones(2), np.ones((2, 1)), np.ones((2, 1, 1))) for _ in range(2))
    getattr(after, field)[1] += change
    assert convergence_test("parameters", 0.51, 1.0)([], before, after)
    assert not convergence_test("parameters", 0.5, 1.0)([], before, after)


def test_another_criterion_is_refused_by_name():
    with pytest.raises(MixtureError, match="'luck': choose from likelihood, parameters, aitken"):
        convergence_test("luck", 1e-3, 1.0)
