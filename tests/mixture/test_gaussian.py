"""GaussianMixture: what a user may rely on."""

import numpy as np
import pytest

from mriseg.errors import MixtureError
from mriseg.mixture import GaussianMixture


def three_bumps(n=4000, seed=0):
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.normal(0, 1, n), rng.normal(6, 0.7, 2 * n), rng.normal(11, 1.5, n)])[:, None]


def test_recovers_a_mixture_in_one_dimension():
    fit = GaussianMixture(3, model="V").fit(three_bumps(20000))
    assert fit.converged_
    np.testing.assert_allclose(fit.weights_, [0.25, 0.5, 0.25], atol=0.01)
    np.testing.assert_allclose(fit.means_[:, 0], [0, 6, 11], atol=0.05)
    np.testing.assert_allclose(np.sqrt(fit.covariances_[:, 0, 0]), [1, 0.7, 1.5], atol=0.05)


def test_one_component_is_the_sample_mean_and_covariance():
    X = np.random.default_rng(1).normal(size=(50, 3)) @ np.diag([1, 5, 0.2]) + 7
    fit = GaussianMixture(1).fit(X)
    np.testing.assert_allclose(fit.means_[0], X.mean(axis=0))
    np.testing.assert_allclose(fit.covariances_[0], np.cov(X, rowvar=False, bias=True))


@pytest.mark.parametrize("model", ["E", "V"])
def test_a_histogram_gives_the_fit_of_the_expanded_sample(model):
    X = np.rint(three_bumps() * 10)
    values, counts = np.unique(X, return_counts=True)
    expanded = GaussianMixture(3, model=model, tol=1e-10).fit(X)
    binned = GaussianMixture(3, model=model, tol=1e-10).fit(values[:, None], sample_weight=counts)
    np.testing.assert_allclose(binned.means_, expanded.means_, rtol=1e-12)
    np.testing.assert_allclose(binned.covariances_, expanded.covariances_, rtol=1e-12)
    np.testing.assert_allclose(binned.history_, expanded.history_, rtol=1e-12)
    assert binned.bic(values[:, None], counts) == pytest.approx(expanded.bic(X), rel=1e-12)


def test_components_ascend_and_the_history_ends_at_the_score():
    X = three_bumps(400)
    fit = GaussianMixture(4, model="V", tol=1e-9, max_iter=3000).fit(X)
    assert (np.diff(fit.means_[:, 0]) > 0).all()
    assert len(fit.history_) == fit.n_iter_ + 1
    assert (np.diff(fit.history_) >= -1e-9 * abs(fit.history_[-1])).all()
    assert fit.history_[-1] == pytest.approx(fit.score(X) * len(X), rel=1e-12)


def test_constant_column_is_refused_by_number():
    with pytest.raises(MixtureError, match="column 1 is constant"):
        GaussianMixture(2).fit(np.column_stack([np.arange(9.0), np.ones(9)]))
