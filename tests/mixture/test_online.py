"""Blocks: large mixtures in bounded memory, and data that come in parts."""

import tracemalloc

import numpy as np
import pytest

from mriseg.errors import MixtureError
from mriseg.mixture import GaussianMixture, Parameters, blocks, expectation
from mriseg.mixture.covariance import covariance_model
from mriseg.mixture.expectation import log_joint_coefficients
from mriseg.mixture.fitting import prepare_m_step
from mriseg.mixture.online import StepwiseEM
from mriseg.mixture.parameters import Standardization


def stream(n, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.choice(3, n, p=[0.5, 0.3, 0.2])
    return (
        rng.normal(size=(n, 2)) * np.array([1, 0.5, 2])[labels, None]
        + np.array([[0, 0], [5, 1], [-6, 4]])[labels]
    )


@pytest.mark.parametrize("model", ["VVV", "VVI", "EEE", "VEV"])
def test_blocks_lead_to_the_fit_of_the_whole(model):
    X = stream(60_000)
    whole = GaussianMixture(3, model=model).fit(X)
    parts = GaussianMixture(3, model=model)
    for block in np.array_split(X, 60):
        parts.partial_fit(block)
    order = np.argsort(parts.means_[:, 0]), np.argsort(whole.means_[:, 0])
    np.testing.assert_allclose(parts.means_[order[0]], whole.means_[order[1]], atol=0.1)
    np.testing.assert_allclose(parts.weights_[order[0]], whole.weights_[order[1]], atol=0.02)
    assert parts.score(X) > whole.score(X) - 2e-3


def test_later_blocks_count_and_improve_on_the_first():
    X, test = stream(30_000), stream(20_000, seed=9)
    parts = GaussianMixture(3).partial_fit(X[:300])
    first = parts.score(test)
    for block in np.array_split(X[300:], 50):
        parts.partial_fit(block)
    assert parts.score(test) > first


def test_fit_begins_anew():
    X = stream(3000)
    parts = GaussianMixture(3).partial_fit(X[:1000]).partial_fit(X[1000:])
    np.testing.assert_array_equal(parts.fit(X).means_, GaussianMixture(3).fit(X).means_)
    with pytest.raises(MixtureError, match="X has 3 features"):
        GaussianMixture(1).partial_fit(X).partial_fit(np.ones((4, 3)))


@pytest.mark.parametrize("model", ["VVV", "VVI"])
def test_the_width_of_the_blocks_does_not_matter(model, monkeypatch):
    X = stream(5000)
    one = GaussianMixture(3, model=model).fit(X)
    monkeypatch.setattr(blocks, "BLOCK_ELEMENTS", 1)
    monkeypatch.setattr(expectation, "MAX_CACHED_ELEMENTS", 0)
    many = GaussianMixture(3, model=model).fit(X)
    np.testing.assert_allclose(many.means_, one.means_, rtol=1e-9)
    np.testing.assert_allclose(many.covariances_, one.covariances_, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("model", ["VVV", "VVI"])
def test_memory_does_not_grow_with_observations_times_components(model):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60_000, 4)).astype(np.float32)
    K = 256
    start = Parameters(np.full(K, 1 / K), rng.normal(size=(K, 4)), np.ones((K, 4)))
    mixture = GaussianMixture(K, model=model, init=start, tol=0, max_iter=1)
    tracemalloc.start()
    mixture.fit(X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < len(X) * K * 4 / 2  # half of what the responsibilities alone would take


def test_a_step_mixes_the_statistics_of_the_blocks_by_the_step_size():
    X, weights = stream(900), np.random.default_rng(1).uniform(0.5, 2, 900)
    unit = Standardization(np.zeros(2), np.ones(2))
    m_step = prepare_m_step(X[:300], weights[:300], covariance_model("VVV", 2), unit, 3)
    start = GaussianMixture(3, tol=0, max_iter=5).fit(X[:300]).parameters_
    state = StepwiseEM.from_first_block(m_step, unit, start)
    expected, total = m_step.observations.e_step(log_joint_coefficients(start))[1], weights[:300].sum()
    expected = expected / total
    np.testing.assert_allclose(state.statistics, expected)
    for n_blocks, rows in ((1, slice(300, 600)), (2, slice(600, 900))):
        block = prepare_m_step(X[rows], weights[rows], m_step.model, unit, 3).observations
        log_likelihood, statistics = block.e_step(log_joint_coefficients(state.parameters))
        assert state.update(X[rows], weights[rows]) == pytest.approx(log_likelihood)
        step_size = (n_blocks + 2) ** -0.6
        expected = (1 - step_size) * expected + step_size * statistics / weights[rows].sum()
        total += weights[rows].sum()
        np.testing.assert_allclose(state.statistics, expected)
        assert (state.total, state.blocks) == (pytest.approx(total), n_blocks + 1)
