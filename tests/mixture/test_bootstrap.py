"""Standard errors by the bootstrap, against formulas."""

import numpy as np
import pytest
from mixture_reference import dataset

from mriseg.errors import MixtureError
from mriseg.mixture import GaussianMixture, NotFittedError, bootstrap_parameters

KINDS = ["nonparametric", "weighted", "parametric"]


@pytest.mark.parametrize("kind", KINDS)
def test_one_gaussian_has_the_errors_of_the_textbook(kind):
    X = np.random.default_rng(0).normal(3, 2, (400, 1))
    fit = GaussianMixture(1).fit(X)
    errors = bootstrap_parameters(fit, X, kind=kind, n_bootstrap=300, random_state=1).standard_errors()
    fourth = 3 * X.var() ** 2 if kind == "parametric" else ((X - X.mean()) ** 4).mean()
    # 300 replicates: the error has a standard error of 4 %.
    assert errors.means[0, 0] == pytest.approx(X.std() / 20, rel=0.1)
    assert errors.covariances[0, 0, 0] == pytest.approx(np.sqrt((fourth - X.var() ** 2) / 400), rel=0.1)
    assert errors.weights[0] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_separate_clusters_have_the_errors_of_their_own_samples_and_of_a_proportion(kind):
    rng = np.random.default_rng(1)
    X = np.concatenate([rng.normal(0, 1, (100, 1)), rng.normal(50, 2, (300, 1))])
    fit = GaussianMixture(2, model="V").fit(X)
    errors = bootstrap_parameters(fit, X, kind=kind, n_bootstrap=200).standard_errors()
    own = [X[:100].std() / np.sqrt(100), X[100:].std() / np.sqrt(300)]
    np.testing.assert_allclose(errors.means[:, 0], own, rtol=0.15)
    np.testing.assert_allclose(errors.weights, np.sqrt(0.25 * 0.75 / 400), rtol=0.15)


@pytest.mark.parametrize("kind", KINDS)
def test_a_histogram_has_the_errors_of_its_sample(kind):
    values, counts = np.unique(dataset("eruptions"), return_counts=True)
    fit = GaussianMixture(1).fit(values, sample_weight=counts)
    errors = bootstrap_parameters(fit, values, kind=kind, n_bootstrap=200, sample_weight=counts)
    assert errors.standard_errors().means[0, 0] == pytest.approx(
        dataset("eruptions").std() / np.sqrt(272), rel=0.15
    )


def test_intervals_hold_the_estimate_and_the_seed_decides():
    fit = GaussianMixture(2, init="kmeans").fit(dataset("faithful"))
    first, second = (bootstrap_parameters(fit, dataset("faithful"), n_bootstrap=40) for _ in range(2))
    np.testing.assert_array_equal(first.means, second.means)
    low, high = first.quantiles(0.025).means, first.quantiles(0.975).means
    assert ((low < fit.means_) & (fit.means_ < high)).all()


def test_components_keep_their_names_and_the_fit_its_settings():
    fit = GaussianMixture(2, model="EEE", init_params="kmeans").fit(dataset("faithful"))
    before = fit.means_.copy()
    replicates = bootstrap_parameters(fit, dataset("faithful"), n_bootstrap=40)
    assert (np.abs(replicates.means - before).max(axis=(0, 1)) < [0.5, 5]).all()
    np.testing.assert_allclose(replicates.covariances[:, 0], replicates.covariances[:, 1])
    np.testing.assert_array_equal(fit.means_, before)
    assert fit.init_params == "kmeans"


def test_wrong_settings_are_named():
    fit = GaussianMixture(1).fit(dataset("faithful"))
    with pytest.raises(MixtureError, match="no bootstrap 'jackknife': choose from nonparametric"):
        bootstrap_parameters(fit, dataset("faithful"), kind="jackknife")
    with pytest.raises(MixtureError, match="1 of 1 replicates"):
        bootstrap_parameters(fit, dataset("faithful"), n_bootstrap=1)
    with pytest.raises(NotFittedError):
        bootstrap_parameters(GaussianMixture(1), dataset("faithful"), n_bootstrap=2)
