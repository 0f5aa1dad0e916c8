"""Checks of data, weights and settings, and the counting of equal values."""

import numpy as np
import pytest

from mriseg.errors import MixtureError
from mriseg.mixture import Fixed, GaussianMixture, Prior
from mriseg.mixture.validation import (
    check_data,
    check_sample_weight,
    check_settings,
    check_shape,
    count_unique,
)


@pytest.mark.parametrize(
    ("X", "weights", "message"),
    [
        (np.zeros((5, 2, 2)), None, "matrix"),
        (np.empty((0, 2)), None, "empty"),
        (np.ma.masked_less(np.arange(5.0), 2), None, "masked"),
        ([[1.0], [2.0]], np.ma.masked_less([1.0, 2.0], 2), "masked"),
        ([[1.0 + 1j], [2.0]], None, "Complex"),
        ([[1.0], [{}]], None, "numbers"),
        ([["a"], ["b"]], None, "numbers"),
        ([[1.0], [np.nan]], None, "NaN"),
        ([[1.0], [2.0]], [1.0], "sample_weight"),
        ([[1.0], [2.0]], [1.0, -1.0], "sample_weight"),
        ([[1.0], [2.0]], [0.0, 0.0], "sample_weight"),
        ([[1e300], [-1e300]], None, "rescale"),
        ([[3.0], [3.0]], None, "constant"),
        ([[3.0, 1.0], [4.0, 2.0], [4.0, 3.0]], [1e-20, 1.0, 1.0], "column 0 is constant but for"),
    ],
)
def test_unusable_data_are_named(X, weights, message):
    with pytest.raises(MixtureError, match=message):
        GaussianMixture(1).fit(X, sample_weight=weights)


@pytest.mark.parametrize(
    ("given", "kept"), [(np.float32, np.float32), (np.int16, np.float64), (bool, np.float64)]
)
def test_single_precision_stays_and_all_else_becomes_double(given, kept):
    data = check_data(np.array([[0, 1], [1, 0]], dtype=given))
    assert data.dtype == kept
    np.testing.assert_array_equal(data, [[0, 1], [1, 0]])


def test_weights_that_cannot_change_a_sum_become_zero():
    np.testing.assert_array_equal(check_sample_weight([1.0, 1e-31, 1e-29], 3), [1.0, 0.0, 1e-29])
    assert check_sample_weight(None, 3) is None


def test_axes_of_length_one_may_be_left_out_of_a_shape_and_no_others():
    assert check_shape("values", [1, 2], (2, 1, 1)).tolist() == [[[1]], [[2]]]
    assert check_shape("values", [[1, 2]], (2,)).tolist() == [1, 2]
    for other in (np.ones(6), np.ones((2, 3)), np.ones(3)):
        with pytest.raises(MixtureError, match=r"values has shape .*; this mixture needs \(3, 2\)"):
            check_shape("values", other, (3, 2))


@pytest.mark.parametrize(
    "check",
    [
        lambda: check_data([[1, 2], [3]]),
        lambda: check_sample_weight(["a", "b"], 2),
        lambda: check_shape("means", "abc", (3,)),
    ],
)
def test_what_is_no_array_of_numbers_is_named(check):
    with pytest.raises(MixtureError, match="must be"):
        check()


@pytest.mark.parametrize(
    "changed", [{"n_components": 0}, {"n_components": 1.0}, {"n_init": 0}, {"tol": np.nan}, {"max_iter": -1}]
)
def test_settings_out_of_range_are_named(changed):
    good = {"n_components": 1, "n_init": 1, "tol": 0.0, "max_iter": 0}
    check_settings(**good)
    with pytest.raises(MixtureError, match=next(iter(changed))):
        check_settings(**{**good, **changed})


@pytest.mark.parametrize("shift", [0, 0.25, -3], ids=["whole", "fractional", "negative"])
@pytest.mark.parametrize("weighted", [False, True])
def test_equal_values_are_counted_in_ascending_order(shift, weighted):
    values = np.array([3.0, 1, 3, 2, 1, 3]) + shift
    weights = np.array([1.0, 0.5, 2, 0, 0.5, 1]) if weighted else None
    unique, counts = count_unique(values, weights)
    if weighted:  # the value of weight zero is left out
        np.testing.assert_array_equal(unique, np.array([[1], [3]]) + shift)
        np.testing.assert_array_equal(counts, [1, 4])
    else:
        np.testing.assert_array_equal(unique, np.array([[1], [2], [3]]) + shift)
        np.testing.assert_array_equal(counts, [2, 1, 3])


@pytest.mark.parametrize(
    "settings",
    [
        *({"n_components": value} for value in (True, 0, 2.0, "2", None)),
        *({"n_init": value} for value in (1.5, 0, None, "x")),
        *({"max_iter": value} for value in (10.5, -1, None, "x")),
        *({"tol": value} for value in (None, "x", -1.0, float("nan"), [1e-3])),
        *({"reg_covar": value} for value in ("a", [1.0], -1.0, float("inf"))),
        *({"covariance_type": value} for value in (["full"], 3, "round")),
        *({"convergence": value} for value in (["likelihood"], None, "soon")),
        *({"init": "random_from_data", "random_state": value} for value in ("x", -1, 1.5)),
        *({"prior": value} for value in (1, "strong", {})),
        *(
            {"prior": Prior(mean, 0.01, scale, 4)}
            for mean, scale in ((np.nan, 1.0), (0.0, -1.0), (0.0, np.inf))
        ),
        *({"fixed": value} for value in (1, {}, "weights", Fixed(means=[[np.inf, 0], [np.nan, np.nan]]))),
        {"means_init": [[np.nan, 0.0], [1.0, 1.0]]},
        {"prior": Prior([0.0, 0.0], 0.01, [[1.0, 0.5], [0.0, 1.0]], 4), "model": "VEV"},
    ],
    ids=str,
)
def test_settings_that_mean_nothing_are_refused_in_one_kind_of_error(settings):
    rows = np.random.default_rng(0).normal(size=(40, 2))
    if isinstance(settings.get("prior"), Prior) and np.ndim(settings["prior"].mean) == 0:
        rows = rows[:, :1]
    with pytest.raises(MixtureError):
        GaussianMixture(**({"n_components": 2} | settings)).fit(rows)


def test_a_prior_that_counts_for_far_more_than_the_data_is_no_defect():
    rows = np.random.default_rng(0).normal(size=(40, 2))
    prior = Prior([0.0, 0.0], 0.01, 1.0, 4, concentration=1e9)
    assert GaussianMixture(2, model="EII", prior=prior).fit(rows).weights_ == pytest.approx([0.5, 0.5])
