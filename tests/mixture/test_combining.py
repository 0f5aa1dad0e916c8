"""Combining components by entropy."""

from functools import cache

import numpy as np
import pytest
from mixture_reference import dataset

from mriseg.errors import MixtureError
from mriseg.mixture import GaussianMixture, combine_components


@pytest.fixture(scope="module")
def cross():
    """A cluster of two crossing bars, and one that is Gaussian, far off."""
    rng = np.random.default_rng(0)
    bars = [rng.normal(0, [4, 0.4], (150, 2)), rng.normal(0, [0.4, 4], (150, 2))]
    return np.concatenate([*bars, rng.normal([25, 0], 1, (150, 2))])


def fitted(X):
    return GaussianMixture(3, init=np.repeat([0, 1, 2], 150)).fit(X)


@cache
def faithful_mixture():
    return GaussianMixture(5, model="VVI").fit(dataset("faithful"))


def entropy(t):
    return -np.sum(t * np.log(np.maximum(t, 1e-300)))


def test_two_halves_of_one_cluster_are_combined_first(cross):
    combined = combine_components(fitted(cross), cross)
    np.testing.assert_array_equal(combined.labels(2), [0, 0, 1])
    np.testing.assert_array_equal(combined.predict(cross, 2), np.repeat([0, 0, 1], 150))
    assert combined.elbow == 2


def test_entropies_are_those_of_the_clusterings(cross):
    mixture = fitted(cross)
    combined = combine_components(mixture, cross)
    for n_clusters in (1, 2, 3):
        expected = entropy(combined.predict_proba(cross, n_clusters))
        assert combined.entropies[n_clusters - 1] == pytest.approx(expected, abs=1e-9)
    np.testing.assert_allclose(combined.predict_proba(cross, 3), mixture.predict_proba(cross))
    assert combined.entropies[0] == pytest.approx(0, abs=1e-9)


def test_each_step_lowers_the_entropy_most():
    X = dataset("faithful")
    mixture = faithful_mixture()
    combined = combine_components(mixture, X)
    for n_clusters in (5, 4, 3):
        t = combined.predict_proba(X, n_clusters)
        pairs = [(i, j) for i in range(n_clusters) for j in range(i)]
        unions = [entropy(np.c_[np.delete(t, [i, j], axis=1), t[:, i] + t[:, j]]) for i, j in pairs]
        assert combined.entropies[n_clusters - 2] == pytest.approx(min(unions), abs=1e-9)


def test_probabilities_are_sums_over_the_components_of_a_cluster():
    X = dataset("faithful")
    mixture = faithful_mixture()
    combined = combine_components(mixture, X)
    members = combined.labels(2)
    r = mixture.predict_proba(X)
    expected = np.stack([r[:, members == k].sum(axis=1) for k in (0, 1)], axis=1)
    np.testing.assert_allclose(combined.predict_proba(X, 2), expected)


def test_weights_count_as_repeated_rows():
    X, weights = dataset("faithful"), np.arange(272) % 3
    mixture = faithful_mixture()
    first = combine_components(mixture, X, weights)
    second = combine_components(mixture, np.repeat(X, weights, axis=0))
    np.testing.assert_array_equal(first.tree.merges, second.tree.merges)
    np.testing.assert_allclose(first.entropies, second.entropies, atol=1e-9)


def test_one_component_is_one_cluster():
    X = dataset("faithful")
    combined = combine_components(GaussianMixture(1).fit(X), X)
    assert combined.elbow == 1
    assert (combined.predict(X, 1) == 0).all()
    with pytest.raises(MixtureError):
        combined.labels(2)
