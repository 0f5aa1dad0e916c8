"""Steps of a fit: selection of rows, initial states, and the best of several runs."""

import numpy as np
import pytest

from mriseg.errors import MixtureError
from mriseg.mixture import DegenerateError
from mriseg.mixture.covariance import covariance_model
from mriseg.mixture.fitting import best_run, initial_states, prepare_m_step, select_rows, state_from_means
from mriseg.mixture.parameters import Standardization

X = np.concatenate(
    [np.random.default_rng(0).normal(size=(30, 2)), np.random.default_rng(1).normal(size=(30, 2)) + 6]
)
UNIT = Standardization(np.zeros(2), np.ones(2))


def m_step():
    return prepare_m_step(X, np.ones(60), covariance_model("VVV", 2), UNIT, 2)


def never(*_):
    return False


def test_one_dimension_is_reduced_to_distinct_values():
    rows, weights, start = select_rows(np.array([[2.0], [1.0], [2.0]]), None, "kmeans", 2)
    assert (rows.tolist(), weights.tolist(), start) == ([[1.0], [2.0]], [1.0, 2.0], "kmeans")


def test_a_partition_keeps_equal_values_apart_and_loses_rows_of_weight_zero():
    data, weights, labels = np.array([[2.0], [1.0], [2.0]]), np.array([1.0, 0.0, 3.0]), np.array([0, 1, 1])
    rows, kept, start = select_rows(data, weights, labels, 2)
    assert (rows.tolist(), kept.tolist(), start.tolist()) == ([[2.0], [2.0]], [1.0, 3.0], [0, 1])
    with pytest.raises(MixtureError, match="init has shape"):
        select_rows(data, weights, labels[:2], 2)


def test_weights_take_the_precision_of_the_data():
    data = X.astype(np.float32)
    assert select_rows(data, None, "kmeans", 2)[1].dtype == np.float32
    assert select_rows(data, np.ones(60), "kmeans", 2)[1].dtype == np.float32


@pytest.mark.parametrize(
    ("start", "count"), [("kmeans", 4), ("random", 4), ("quantiles", 1), ("hierarchical", 1)]
)
def test_only_random_starts_are_repeated(start, count):
    assert len(list(initial_states(m_step(), start, 2, 4, 0))) == count


def test_each_kind_of_start_leads_to_its_parameters():
    labels = np.repeat([0, 1], 30)
    (from_labels,) = initial_states(m_step(), labels, 2, 4, 0)
    (from_responsibilities,) = initial_states(m_step(), np.eye(2)[labels], 2, 4, 0)
    (from_parameters,) = initial_states(m_step(), from_labels(), 2, 4, 0)
    expected = np.array([X[:30].mean(axis=0), X[30:].mean(axis=0)])
    for state in (from_labels, from_responsibilities, from_parameters):
        np.testing.assert_allclose(state().means, expected)


def test_given_means_take_the_observations_nearest_to_them():
    means = np.array([[7.0, 7.0], [-1.0, -1.0]])
    state = state_from_means(m_step(), means)
    np.testing.assert_array_equal(state.means, means)
    np.testing.assert_allclose(state.weights, [0.5, 0.5])


def test_the_run_with_the_highest_objective_is_returned():
    good, bad = np.repeat([0, 1], 30), np.arange(60) % 2
    (good_state,) = initial_states(m_step(), good, 2, 1, 0)
    (bad_state,) = initial_states(m_step(), bad, 2, 1, 0)
    best = best_run(m_step(), iter([bad_state, good_state, bad_state]), never, 0)
    np.testing.assert_allclose(best.state.means, good_state().means)


def test_degenerate_runs_are_skipped_unless_all_are():
    def fail(message):
        def start():
            raise DegenerateError(message)

        return start

    (state,) = initial_states(m_step(), np.repeat([0, 1], 30), 2, 1, 0)
    assert best_run(m_step(), iter([fail("first"), state]), never, 3).state is not None
    with pytest.raises(DegenerateError, match="first"):
        best_run(m_step(), iter([fail("first"), fail("second")]), never, 3)
