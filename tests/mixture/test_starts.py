"""Starting partitions."""

import numpy as np
import pytest

from mriseg.errors import MixtureError
from mriseg.mixture import GaussianMixture, select_model, starts, unwarned
from mriseg.mixture.covariance import covariance_model
from mriseg.mixture.expectation import Observations
from mriseg.mixture.starts import (
    check_partition,
    quantile_labels,
    scaled_principal_axes,
    start_method,
    start_tree,
    starting_partition,
    starting_statistics,
    subsample,
)

METHODS = ["hierarchical", "EII", "VII", "EEE", "VVV", "kmeans", "quantiles", "random"]


def generator():
    return np.random.default_rng(0)


def cloud(n=300):
    return np.random.default_rng(1).normal(size=(n, 2)) * [1, 3]


def test_quantile_labels_cut_the_weight_evenly_and_ascend():
    values = np.array([5.0, 1, 4, 2, 3, 6])
    assert quantile_labels(values, np.ones(6), 3).tolist() == [2, 0, 1, 0, 1, 2]
    assert quantile_labels(np.arange(4.0), np.array([3.0, 1, 1, 1]), 2).tolist() == [0, 1, 1, 1]
    with pytest.raises(MixtureError, match="cannot make 7"):
        quantile_labels(values, np.ones(6), 7)


def test_a_subsample_keeps_order_and_weights_and_a_small_sample_stays_whole():
    X, weights = np.arange(50.0)[:, None], np.arange(50.0)
    points, kept = subsample(X, weights, 10, generator())
    assert len(points) == 10
    assert (np.diff(points[:, 0]) > 0).all()
    np.testing.assert_array_equal(points[:, 0], kept)
    assert subsample(X, weights, 50, generator())[0] is X


def test_scaled_principal_axes_are_uncorrelated_and_over_the_root_of_their_singular_value():
    X, weights = cloud() @ np.array([[1.0, 0.8], [0.0, 0.5]]), np.random.default_rng(2).uniform(0, 2, 300)
    Z = scaled_principal_axes(X, weights)
    eigenvalues = np.linalg.eigvalsh(correlation(X, weights))
    total = weights.sum()
    squares = np.cov(Z, rowvar=False, aweights=weights, bias=True) * total
    np.testing.assert_allclose(squares, np.diag(np.sqrt((total - 1) * eigenvalues)), atol=1e-9)
    counts = np.random.default_rng(3).integers(1, 4, 300)
    whole = scaled_principal_axes(np.repeat(X, counts, axis=0), np.ones(counts.sum()))
    once = scaled_principal_axes(X, counts.astype(float))
    np.testing.assert_allclose(np.abs(whole), np.abs(np.repeat(once, counts, axis=0)), atol=1e-12)


def correlation(X, weights):
    covariance = np.cov(X, rowvar=False, aweights=weights, bias=True)
    deviations = np.sqrt(np.diag(covariance))
    return covariance / np.outer(deviations, deviations)


def test_an_axis_without_variance_is_left_out():
    x = np.random.default_rng(3).normal(size=40)
    assert scaled_principal_axes(np.column_stack([x, 2 * x]), np.ones(40)).shape == (40, 1)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_makes_a_partition_of_its_points(method):
    model = covariance_model("VVV", 2)
    points, weights, partition = starting_partition(method, cloud(), np.ones(300), 3, model, generator())
    assert len(points) == len(weights) == len(partition)
    check_partition(partition, len(points), 3)
    if partition.ndim == 1:
        assert set(partition.tolist()) == {0, 1, 2}


@pytest.mark.parametrize("method", METHODS)
def test_statistics_of_a_subsample_count_all_observations(method, monkeypatch):
    monkeypatch.setattr(starts, "MAX_HIERARCHICAL_POINTS", 60)
    monkeypatch.setattr(starts, "KMEANS_POINTS_PER_COMPONENT", 20)
    weights = np.random.default_rng(4).uniform(0.5, 2, 300)
    data = Observations.prepare(cloud(), weights, diagonal=False, n_components=3)
    found = starting_statistics(method, data, 3, covariance_model("VVV", 2), generator())
    assert found.shape == (3, 6)
    assert found[:, 0].sum() == pytest.approx(weights.sum())


def test_a_subsample_is_as_small_as_the_constants_say(monkeypatch):
    monkeypatch.setattr(starts, "MAX_HIERARCHICAL_POINTS", 60)
    monkeypatch.setattr(starts, "KMEANS_POINTS_PER_COMPONENT", 20)
    model = covariance_model("VVV", 2)
    sizes = {
        method: len(starting_partition(method, cloud(), np.ones(300), 3, model, generator())[0])
        for method in ("hierarchical", "kmeans", "quantiles", "random")
    }
    assert sizes == {"hierarchical": 60, "kmeans": 60, "quantiles": 300, "random": 300}


def test_in_one_dimension_the_criterion_is_that_of_the_model():
    rng = np.random.default_rng(5)
    values = np.sort(np.concatenate([rng.normal(0, 0.1, 80), rng.normal(3, 2, 80)]))[:, None]
    labels = {
        (name, criterion): start_tree(
            values, np.ones(160), covariance_model(name, 1), generator(), criterion
        )[2]
        .labels(2)
        .tolist()
        for name in "EV"
        for criterion in ("hierarchical", "E", "V")
    }
    assert labels["E", "hierarchical"] == labels["V", "E"] == labels["E", "E"]
    assert labels["V", "hierarchical"] == labels["E", "V"] == labels["V", "V"]
    assert labels["E", "E"] != labels["V", "V"]


def test_unusable_starts_are_named():
    with pytest.raises(MixtureError, match="no start 'hope': choose from hierarchical, EII"):
        start_tree(cloud(), np.ones(300), covariance_model("VVV", 2), generator(), "hope")
    with pytest.raises(MixtureError, match="0 to 1"):
        check_partition(np.array([0, 1, 2]), 3, 2)
    with pytest.raises(MixtureError, match="sum to 1"):
        check_partition(np.array([[0.5, 0.4], [1.0, 0.0]]), 2, 2)
    with pytest.raises(MixtureError, match=r"shape \(4,\); it needs \(3,\) or \(3, 2\)"):
        check_partition(np.zeros(4), 3, 2)


def test_more_components_than_a_hierarchical_start_can_make_come_from_k_means():
    X = np.random.default_rng(0).normal(size=(2600, 2))
    with unwarned():
        fit = GaussianMixture(1200, model="EII", max_iter=1).fit(X)
    assert fit.weights_.shape == (1200,)
    assert start_method("hierarchical", (2600, 2), 500) == "hierarchical"
    assert start_method("hierarchical", (2600, 2), 501) == "kmeans"
    assert start_method("hierarchical", (2600, 1), 501) == "hierarchical"
    with pytest.raises(MixtureError, match="of 1000 observations cannot make 1200 components: start with km"):
        GaussianMixture(1200, model="EII", init="VVV").fit(X)


@pytest.mark.parametrize("criterion", ["hierarchical", "EII", "EEE"])
def test_a_column_that_is_constant_in_the_subsample_is_no_axis(criterion):
    """One of 5,000 rows differs: the subsample of 1,000 misses it."""
    X = np.column_stack([np.random.default_rng(0).normal(size=(5000, 2)), np.zeros(5000)])
    X[7, 2] = 1
    with unwarned():
        assert np.isfinite(GaussianMixture(2, init=criterion).fit(X).score(X))
        assert np.isfinite(select_model(X, [1, 2], ["VVV", "EEI"]).best.score(X))
    assert scaled_principal_axes(np.ones((5, 2)), np.ones(5)).shape == (5, 1)


@pytest.mark.parametrize("unit", [1e-3, 1 / 300, 0.1])
def test_weights_that_are_shares_start_where_counts_do(unit):
    rng = np.random.default_rng(1)
    X = np.concatenate([rng.normal(0, 1, (60, 3)), rng.normal(6, 2, (40, 3))])
    model = covariance_model("VVV", 3)
    ones, shares = (
        start_tree(X, np.full(100, weight), model, generator())[2].labels(2) for weight in (1.0, unit)
    )
    np.testing.assert_array_equal(shares, ones)
