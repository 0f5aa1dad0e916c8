"""Growing by splitting."""

import numpy as np
import pytest
from mixture_reference import dataset

from mriseg.mixture import GaussianMixture, NotConvergedWarning, grow_by_splitting
from mriseg.mixture.growing import longest_axes, split
from mriseg.mixture.parameters import Parameters


@pytest.mark.parametrize("covariances", [np.ones((2, 2)) * 4.0, np.eye(2) * np.full((2, 1, 1), 4.0)])
def test_halves_have_half_of_the_weight_and_the_means_of_half_gaussians(covariances):
    axes = np.array([[0.0, 1], [2, 0]])
    halves = split(Parameters(np.array([0.3, 0.7]), np.zeros((2, 2)), covariances), np.array([1]), axes)
    np.testing.assert_allclose(halves.weights, [0.3, 0.35, 0.35])
    # The mean of |x| is √(2 / π) standard deviations.
    np.testing.assert_allclose(halves.means, np.array([[0, 0], [-1, 0], [1, 0]]) * 2 * 0.7978845608)
    assert halves.covariances.shape[0] == 3


@pytest.mark.parametrize("model", ["VVI", "VVV"])
def test_the_longest_axis_is_that_of_the_data_whatever_the_model(model):
    X = np.array([[-3.0, 3], [3, -3], [1, 1], [-1, -1]])
    mixture = GaussianMixture(1, model=model).fit(X)
    axis = longest_axes(mixture.parameters_, X, None)[0]
    np.testing.assert_allclose(axis * np.sign(axis[0]), [np.sqrt(4.5), -np.sqrt(4.5)])


@pytest.mark.parametrize(("model", "n_components"), [("VVI", 8), ("VVV", 5), ("VVV", 1)])
def test_it_reaches_the_number_asked_for(model, n_components):
    mixture = grow_by_splitting(dataset("iris"), n_components, model=model, prior="default")
    assert len(mixture.weights_) == n_components
    assert mixture.weights_.sum() == pytest.approx(1)


def clusters(centres):
    rng = np.random.default_rng(0)
    return np.concatenate([rng.normal(centre, 1, (100, 2)) for centre in centres])


@pytest.mark.parametrize("model", ["VVI", "VVV", "VII"])
@pytest.mark.parametrize(
    "centres",
    [
        [[0, 0], [20, -20]],
        [[0, 0], [20, 20]],
        [[0, 0], [0, 20]],
        [[0, 0], [20, 0], [0, 20], [20, 20]],
    ],
)
def test_it_finds_separate_clusters_without_random_numbers(centres, model):
    X, K = clusters(centres), len(centres)
    reference = GaussianMixture(K, model=model, init=np.repeat(np.arange(K), 100)).fit(X)
    assert grow_by_splitting(X, K, model=model).score(X) == pytest.approx(reference.score(X), abs=1e-4)


def test_weights_count_as_repeated_rows():
    X, weights = dataset("faithful"), np.arange(272) % 3
    weighted = grow_by_splitting(X, 3, sample_weight=weights, tol=1e-4)
    repeated = grow_by_splitting(np.repeat(X, weights, axis=0), 3, tol=1e-4)
    np.testing.assert_allclose(weighted.means_, repeated.means_, rtol=1e-5)


def test_every_split_raises_the_likelihood():
    X = dataset("faithful")
    scores = [grow_by_splitting(X, K, model="VVI", tol=1e-4).score(X) for K in (1, 2, 4)]
    assert (np.diff(scores) > 0).all()


def test_only_the_last_stage_warns():
    with pytest.warns(NotConvergedWarning) as warnings:
        grow_by_splitting(dataset("faithful"), 4, max_iter=2)
    assert len(warnings) == 1
