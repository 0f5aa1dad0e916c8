"""Variances down to the rounding of the data, whatever their scale, shape and dimensions."""

import numpy as np
import pytest

from mriseg.errors import MixtureError
from mriseg.mixture import GaussianMixture, VarianceFloorWarning, unwarned
from mriseg.mixture.floor import above_floor, at_floor, min_variance, variance_floor
from mriseg.mixture.parameters import Standardization

TWO = Standardization(np.zeros(2), np.array([1.0, 10.0]))


def two_clusters(distance, dimensions, n=400):
    rng = np.random.default_rng(dimensions)
    return rng.normal(size=(2 * n, dimensions)) + np.repeat([[0.0], [distance]], n, axis=0)


def ill_conditioned(condition, dimensions, n=1000):
    """Points whose covariance has this condition number, along axes at random angles."""
    rng = np.random.default_rng(dimensions)
    axes = np.linalg.qr(rng.normal(size=(dimensions, dimensions)))[0]
    spread = np.sqrt(np.geomspace(1, condition, dimensions))
    return rng.normal(size=(n, dimensions)) * spread @ axes


@pytest.mark.parametrize("distance", [1e2, 1e4, 1e5])
@pytest.mark.parametrize(("dimensions", "model"), [(1, "V"), (1, "E"), (2, "VVV"), (3, "VVI"), (5, "EEE")])
def test_clusters_far_apart_have_their_own_variances(distance, dimensions, model):
    X = two_clusters(distance, dimensions)
    fit = GaussianMixture(2, model=model, init="kmeans").fit(X)
    variances = np.diagonal(fit.covariances_, axis1=1, axis2=2)[np.argsort(fit.means_[:, 0])]
    expected = np.array([X[:400].var(axis=0), X[400:].var(axis=0)])
    if model in {"E", "EEE"}:
        expected = np.tile(expected.mean(axis=0), (2, 1))
    np.testing.assert_allclose(variances, expected, rtol=1e-16 * distance**2 * 100 + 1e-9)
    assert not fit.at_floor_.any()


@pytest.mark.parametrize("condition", [1e3, 1e6, 1e9])
@pytest.mark.parametrize("dimensions", [2, 4, 9])
@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_one_component_is_the_sample_mean_and_covariance(condition, dimensions, scale):
    X = ill_conditioned(condition, dimensions) * scale + 3 * scale
    fit = GaussianMixture(1).fit(X)
    np.testing.assert_allclose(fit.means_[0], X.mean(axis=0), rtol=1e-9, atol=1e-9 * scale)
    expected = np.cov(X, rowvar=False, bias=True)
    # Along its narrowest axis too.
    quotient = np.linalg.eigvals(np.linalg.solve(expected, fit.covariances_[0]))
    np.testing.assert_allclose(quotient, 1, atol=1e-5)
    # −½ (D log 2π + log|S| + D): the likelihood of the sample covariance.
    best = -0.5 * (dimensions * np.log(2 * np.pi) + np.linalg.slogdet(expected)[1] + dimensions)
    assert fit.score(X) == pytest.approx(best, abs=1e-5)


@pytest.mark.parametrize("shape", [(6, 8), (3, 8), (40, 3)])
@pytest.mark.parametrize("model", ["VVV", "EEE"])
def test_data_on_a_plane_rest_on_the_floor_and_say_so(shape, model):
    X = np.random.default_rng(0).normal(size=shape)
    if shape[0] > shape[1]:
        X[:, 2] = X[:, 0] - X[:, 1]
    with pytest.warns(VarianceFloorWarning, match="component 0 rests"):
        fit = GaussianMixture(1, model=model).fit(X)
    assert fit.at_floor_.all()
    assert np.isfinite(fit.score_samples(X)).all()


@pytest.mark.parametrize("n", [100, 10_000, 200_000])
@pytest.mark.parametrize("dtype", [float, np.float32])
def test_equal_rows_are_told_from_narrow_clusters(n, dtype):
    """Sums over many equal rows leave noise, which must not pass for a variance."""
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(size=(n, 2)), np.tile(rng.normal(size=2) * 1.5, (n, 1))]).astype(dtype)
    labels = np.repeat([0, 1], n)
    with unwarned():
        fit = GaussianMixture(2, init=labels, max_iter=20).fit(X)
    assert fit.at_floor_.tolist() == [False, True]


@pytest.mark.parametrize("model", ["VVV", "VVI", "EEE", "EEI", "VII", "EII", "VVE", "EEV"])
def test_no_variance_is_below_reg_covar_in_the_units_of_the_data(model):
    X = ill_conditioned(1e4, 3) * [1.0, 5.0, 0.3]
    with unwarned():
        fit = GaussianMixture(2, model=model, reg_covar=20.0, init="kmeans").fit(X)
    assert np.linalg.eigvalsh(fit.covariances_).min() >= 20 * (1 - 1e-9)
    assert (np.diff(fit.history_) >= -1e-8 * len(X)).all()


def test_the_floor_is_a_fraction_by_default_and_absolute_if_it_is_given():
    assert variance_floor(None, TWO, float)[0] == variance_floor(None, TWO, float)[1] < 1e-12
    assert variance_floor(None, TWO, np.float32)[0] < 1e-3
    np.testing.assert_allclose(variance_floor(4.0, TWO, float), [4, 0.04])
    for wrong in (-1.0, np.nan, np.inf):
        with pytest.raises(MixtureError, match="reg_covar must be"):
            variance_floor(wrong, TWO, float)


def test_what_is_below_the_floor_is_raised_and_the_rest_kept():
    floor = np.array([0.5, 0.5])
    above = np.array([[[2.0, 1.0], [1.0, 2.0]]])
    assert above_floor(above, floor) is above
    raised = above_floor(np.array([[[1.0, 0.9], [0.9, 1.0]]]), floor)
    np.testing.assert_allclose(np.linalg.eigvalsh(raised), [[0.5, 1.9]])
    assert at_floor(raised, floor).tolist() == [True]
    assert at_floor(above, floor).tolist() == [False]
    assert above_floor(np.array([[0.1, 3.0]]), floor).tolist() == [[0.5, 3.0]]
    assert above_floor(raised, np.zeros(2)) is raised
    assert not at_floor(raised, np.zeros(2)).any()


def test_the_smallest_variance_is_along_any_axis():
    tilted = np.array([[[2.5, 1.5], [1.5, 2.5]], np.diag([4.0, 9.0])])
    np.testing.assert_allclose(min_variance(tilted), [1, 4])
