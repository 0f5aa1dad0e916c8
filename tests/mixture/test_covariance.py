"""Covariance models: counts of parameters, aliases, and M-steps that nothing nearby beats."""

import numpy as np
import pytest

from mriseg.errors import MixtureError
from mriseg.mixture import DegenerateError
from mriseg.mixture.covariance import MODELS, covariance_model
from mriseg.mixture.orientation import from_axes

NAMES = [model.name for model in MODELS]


def statistics(seed=0, K=3, D=3):
    rng = np.random.default_rng(seed)
    counts = rng.uniform(20, 80, K)
    roots = rng.normal(size=(K, D, 2 * D))
    return counts, roots @ np.swapaxes(roots, 1, 2) * counts[:, None, None] / (2 * D)


def deviance(counts, scatter, covariances):
    traces = np.trace(np.linalg.solve(covariances, scatter), axis1=1, axis2=2)
    return counts @ np.linalg.slogdet(covariances).logabsdet + traces.sum()


def estimated(name, counts, scatter, floor=0.0):
    model = covariance_model(name, scatter.shape[1])
    if not model.diagonal:
        return model.estimate(counts, scatter, floor=floor)
    variances = model.estimate(counts, np.diagonal(scatter, axis1=1, axis2=2), floor=floor)
    return variances[:, :, None] * np.eye(scatter.shape[1])


def nearby(name, covariances, rng, size=1e-3):
    """Move volumes, shapes and orientations a little, staying within the model."""
    K, D = covariances.shape[:2]

    def free(letter, shape):
        return rng.normal(size=(K if letter == "V" else 1, *shape)) * (letter != "I") * size

    volume, shape, orientation = name
    turn = free(orientation, (D, D))
    turn = np.eye(D) + turn - np.swapaxes(turn, 1, 2)
    turn = np.linalg.qr(turn)[0] * np.sign(np.diagonal(np.linalg.qr(turn)[1], axis1=1, axis2=2))[:, None]
    moved = turn @ covariances @ np.swapaxes(turn, 1, 2)
    values, axes = np.linalg.eigh(moved)
    if orientation in "IE":  # axes that all components share
        shares = 1 / (np.sqrt(2) + np.arange(K))
        axes = np.tile(np.linalg.eigh(np.tensordot(shares, moved, 1))[1], (K, 1, 1))
        if orientation == "I":
            axes = np.tile(np.eye(D), (K, 1, 1))
        values = np.einsum("kdj,kde,kej->kj", axes, moved, axes)
    stretch = free(shape, (D,))
    stretch -= stretch.mean(axis=-1, keepdims=True)
    return from_axes(values * np.exp(free(volume, (1,)) + stretch), axes)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", range(3))
def test_nothing_near_the_estimate_within_its_model_is_more_likely(name, seed):
    counts, scatter = statistics(seed)
    covariances = estimated(name, counts, scatter)
    best = deviance(counts, scatter, covariances)
    rng = np.random.default_rng(seed)
    moved = [deviance(counts, scatter, nearby(name, covariances, rng)) for _ in range(200)]
    assert min(moved) >= best - 1e-7 * abs(best)
    assert max(moved) > best + 1e-7 * abs(best)


@pytest.mark.parametrize("name", NAMES)
def test_covariances_that_obey_the_model_come_back(name):
    counts, scatter = statistics(4)
    obedient = estimated(name, counts, scatter)
    again = estimated(name, counts, obedient * counts[:, None, None])
    np.testing.assert_allclose(again, obedient, rtol=1e-5, atol=1e-8)


def test_richer_models_fit_better():
    counts, scatter = statistics(5)
    value = {name: deviance(counts, scatter, estimated(name, counts, scatter)) for name in NAMES}
    pairs = "VVV-EVV VVV-VEV VVV-VVE VVE-VEE VVE-EVE VEE-EEE VEV-EEV VVI-VEI VVI-EVI VEI-EEI VVI-VII VII-EII"
    for richer, poorer in (pair.split("-") for pair in pairs.split()):
        assert value[richer] <= value[poorer] + 1e-9


@pytest.mark.parametrize(
    ("name", "count"),
    list(zip(NAMES, [1, 3, 4, 6, 10, 12, 10, 12, 16, 18, 22, 24, 28, 30], strict=True)),
)
def test_number_of_parameters_is_that_of_the_literature(name, count):
    """Celeux and Govaert 1995, table 1, for K = 3 and D = 4."""
    assert covariance_model(name, 4).n_parameters(3, 4) == count


def test_names_of_scikit_learn_and_of_one_dimension():
    names = {"spherical": "VII", "diag": "VVI", "tied": "EEE", "full": "VVV"}
    assert {alias: covariance_model(alias, 2).name for alias in names} == names
    assert covariance_model("E", 1) == covariance_model("tied", 1) == covariance_model("EVI", 1)
    assert covariance_model("V", 1) == covariance_model("full", 1)
    assert covariance_model("E", 1).n_parameters(3, 1) == 1
    assert covariance_model("V", 1).n_parameters(3, 1) == 3
    with pytest.raises(MixtureError, match="choose from EII"):
        covariance_model("E", 2)


def flat_statistics():
    counts, scatter = statistics(6)
    scatter[0] = 0
    scatter[0, 0, 0] = counts[0]
    return counts, scatter


def test_the_floor_is_the_constrained_maximum():
    covariances = estimated("VVV", *flat_statistics(), floor=1e-6)
    np.testing.assert_allclose(covariances[0], np.diag([1, 1e-6, 1e-6]), atol=1e-12)


@pytest.mark.parametrize("name", ["EEI", "VVI", "EEE", "VVV"])
def test_with_a_floor_of_each_column_nothing_near_above_it_is_more_likely(name):
    counts, scatter = statistics(8)
    floor = np.array([0.5, 2.0, 0.05]) * np.diagonal(scatter.sum(axis=0)).mean() / counts.sum()
    covariances = estimated(name, counts, scatter, floor)
    assert np.linalg.eigvalsh(covariances - np.diag(floor)).min() >= -1e-9
    best = deviance(counts, scatter, covariances)
    rng = np.random.default_rng(0)
    above = 0
    for _ in range(2000):
        moved = nearby(name, covariances, rng, size=1e-2)
        if np.linalg.eigvalsh(moved - np.diag(floor)).min() >= 0:
            above += 1
            assert deviance(counts, scatter, moved) >= best - 1e-9 * abs(best)
    assert above >= 20


@pytest.mark.parametrize("name", NAMES)
def test_without_a_floor_a_lost_rank_is_said(name):
    counts, scatter = flat_statistics()
    scatter[:] = scatter[0]
    if name in {"EII", "VII"}:
        scatter[:] = 0
    with pytest.raises(DegenerateError):
        estimated(name, counts, scatter)
