"""Variational Bayes."""

import warnings

import numpy as np
import pytest
from mixture_reference import dataset
from scipy import stats
from sklearn.mixture import BayesianGaussianMixture as ScikitMixture

from mriseg.errors import MixtureError
from mriseg.mixture import BayesianGaussianMixture, unwarned

KINDS = ["dirichlet_process", "dirichlet_distribution"]


def blobs(seed=0):
    rng = np.random.default_rng(seed)
    centres = np.array([[0, 0], [8, 0], [0, 8]])
    return rng.normal(size=(450, 2)) + np.repeat(centres, 150, axis=0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["iris", "faithful", "eruptions"])
def test_parameters_are_those_of_scikit_learn(name, kind):
    X = dataset(name)
    covariance = np.atleast_2d(np.cov(X, rowvar=False))
    shared = {
        "n_components": 5,
        "max_iter": 80,
        "tol": 0,
        "weight_concentration_prior_type": kind,
        "mean_prior": X.mean(axis=0),
    }
    ours = BayesianGaussianMixture(**shared, init="quantiles", covariance_prior=covariance).fit(X)
    theirs = ScikitMixture(**shared, reg_covar=0, covariance_prior=covariance if X.shape[1] > 1 else None)
    theirs._initialize_parameters = lambda X, *_args, **_: theirs._initialize(X, start)
    order = np.argsort(X[:, 0], kind="stable")
    start = np.zeros((len(X), 5))
    start[order, np.minimum((np.arange(len(X)) + 0.5) * 5 // len(X), 4).astype(int)] = 1
    if name == "eruptions":  # equal values start together
        _, inverse, counts = np.unique(X, return_inverse=True, return_counts=True)
        middle = np.cumsum(counts) - counts / 2
        start = np.eye(5)[np.minimum(middle * 5 // len(X), 4).astype(int)][inverse.ravel()]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it did not converge
        theirs.fit(X)
    np.testing.assert_allclose(ours.weights_, theirs.weights_, atol=1e-6)
    np.testing.assert_allclose(ours.means_, theirs.means_, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(ours.covariances_, theirs.covariances_, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("model", ["VVV", "VVI"])
def test_superfluous_components_are_emptied(model, kind):
    fit = BayesianGaussianMixture(
        10, model=model, weight_concentration_prior_type=kind, weight_concentration_prior=1e-3, max_iter=3000
    ).fit(blobs())
    assert (fit.counts_ > 1).sum() == 3
    np.testing.assert_allclose(np.sort(fit.counts_)[-3:], 150, atol=5)
    assert fit.counts_.sum() == pytest.approx(450)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("model", ["VVV", "VVI", "EEE", "VII"])
def test_the_bound_never_falls(model, kind):
    fit = BayesianGaussianMixture(6, model=model, weight_concentration_prior_type=kind, tol=1e-9).fit(blobs())
    assert (np.diff(fit.history_) >= -1e-9 * 450).all()


def test_the_bound_of_one_component_is_the_log_evidence():
    """With one component the belief is the exact posterior, and the bound the density of the data."""
    x = np.random.default_rng(0).normal(2, 3, size=6)
    fit = BayesianGaussianMixture(
        1,
        weight_concentration_prior_type="dirichlet_distribution",
        mean_prior=[1.0],
        mean_precision_prior=2.0,
        degrees_of_freedom_prior=4.0,
        covariance_prior=[[5.0]],
    ).fit(x[:, None])
    evidence, precision, mean, freedom, scatter = 0.0, 2.0, 1.0, 4.0, 5.0
    for value in x:  # predictive densities, one observation after the other
        scale = np.sqrt(scatter * (precision + 1) / (precision * freedom))
        evidence += stats.t.logpdf(value, freedom, mean, scale)
        scatter += precision / (precision + 1) * (value - mean) ** 2
        mean = (precision * mean + value) / (precision + 1)
        precision, freedom = precision + 1, freedom + 1
    assert fit.history_[-1] == pytest.approx(evidence, rel=1e-9)
    assert fit.means_[0, 0] == pytest.approx(mean)


def test_the_bound_of_one_spherical_component_is_the_log_evidence():
    X = np.random.default_rng(0).normal(2, 3, size=(6, 2))
    fit = BayesianGaussianMixture(
        1,
        covariance_type="spherical",
        weight_concentration_prior_type="dirichlet_distribution",
        mean_prior=[1.0, 0],
        mean_precision_prior=2.0,
        degrees_of_freedom_prior=4.0,
        covariance_prior=5.0,
    ).fit(X)
    # One precision for two columns: twice the degrees of freedom, and the sum of both scales.
    evidence, precision, mean, freedom, scatter = 0.0, 2.0, np.array([1.0, 0]), 8.0, 10.0
    for x in X:  # predictive densities, one observation after the other
        scale = scatter * (precision + 1) / (precision * freedom)
        evidence += stats.multivariate_t.logpdf(x, mean, scale * np.eye(2), freedom)
        scatter += precision / (precision + 1) * np.square(x - mean).sum()
        mean = (precision * mean + x) / (precision + 1)
        precision, freedom = precision + 1, freedom + 2
    assert fit.history_[-1] == pytest.approx(evidence, rel=1e-9)
    np.testing.assert_allclose(fit.covariances_[0], scatter / freedom * np.eye(2))


def test_one_tied_component_is_a_full_one():
    X = blobs()
    tied, full = (BayesianGaussianMixture(1, covariance_type=kind).fit(X) for kind in ("tied", "full"))
    np.testing.assert_allclose(tied.history_, full.history_, rtol=1e-12)
    np.testing.assert_allclose(tied.covariances_, full.covariances_, rtol=1e-12)


@pytest.mark.parametrize(("kind", "prior"), [("tied", [[2.0, 0.5], [0.5, 1]]), ("spherical", 3.0)])
def test_the_estimates_of_shared_precisions_are_those_of_scikit_learn(kind, prior):
    """At the same responsibilities: its expectations in the E-step are others."""
    X = blobs()
    settings = {"covariance_type": kind, "covariance_prior": prior}
    ours = BayesianGaussianMixture(3, **settings, tol=0, max_iter=1000).fit(X)
    theirs = ScikitMixture(n_components=3, **settings, reg_covar=0)
    theirs._check_parameters(X)
    theirs._m_step(X, np.log(np.maximum(ours.predict_proba(X), 1e-300)))
    expected = theirs.covariances_[:, None, None] * np.eye(2) if kind == "spherical" else theirs.covariances_
    np.testing.assert_allclose(ours.covariances_, np.broadcast_to(expected, (3, 2, 2)), rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(
        ours.degrees_of_freedom_, np.broadcast_to(theirs.degrees_of_freedom_, 3), rtol=1e-6
    )
    np.testing.assert_allclose(ours.mean_precision_, theirs.mean_precision_, rtol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_a_histogram_gives_the_fit_of_the_sample(kind):
    X = np.round(dataset("eruptions"), 1)
    values, counts = np.unique(X, return_counts=True)
    sample = BayesianGaussianMixture(4, weight_concentration_prior_type=kind).fit(X)
    binned = BayesianGaussianMixture(4, weight_concentration_prior_type=kind).fit(
        values[:, None], sample_weight=counts
    )
    np.testing.assert_allclose(binned.means_, sample.means_, rtol=1e-9)
    np.testing.assert_allclose(binned.history_, sample.history_, rtol=1e-9)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model": "VEV"}, "VVV, VVI, EEE, VII"),
        ({"degrees_of_freedom_prior": 0.5}, "degrees_of_freedom_prior"),
        ({"mean_precision_prior": 0.0}, "positive"),
        ({"init": "hope"}, "no start"),
        ({"n_components": 0}, "n_components"),
        ({"weight_concentration_prior_type": "flat"}, "weight_concentration_prior_type"),
    ],
)
def test_unusable_settings_are_named(settings, message):
    with pytest.raises(MixtureError, match=message):
        BayesianGaussianMixture(**{"n_components": 2, **settings}).fit(blobs())


@pytest.mark.parametrize("model", ["full", "diag"])
@pytest.mark.parametrize("shape", [(4, 8), (8, 8), (60, 3), (60, 12)])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_data_on_a_plane_have_a_fit(model, shape, scale):
    X = np.random.default_rng(0).normal(size=shape) * scale
    X[:, -1] = X[:, 0] * 3
    with unwarned():
        fit = BayesianGaussianMixture(2, model=model).fit(X)
    assert np.linalg.eigvalsh(fit.covariances_).min() > 0
    assert np.isfinite(fit.score_samples(X)).all()
    np.testing.assert_allclose(fit.predict_proba(X).sum(axis=1), 1)


def test_the_prior_is_told_under_the_names_of_scikit_learn():
    X = np.random.default_rng(0).normal(size=(50, 2))
    fit = BayesianGaussianMixture(2).fit(X)
    theirs = ScikitMixture(n_components=2, reg_covar=0).fit(X)
    for name in ("weight_concentration_prior_", "mean_precision_prior_", "degrees_of_freedom_prior_"):
        assert getattr(fit, name) == getattr(theirs, name), name
    np.testing.assert_allclose(fit.mean_prior_, theirs.mean_prior_)
    np.testing.assert_allclose(fit.covariance_prior_ * 50 / 49, theirs.covariance_prior_)
    assert len(fit.weight_concentration_) == 2
    assert fit.mean_precision_.shape == fit.degrees_of_freedom_.shape == (2,)
    with pytest.raises(MixtureError, match="covariance_prior must be"):
        BayesianGaussianMixture(2, covariance_prior=np.ones((2, 2))).fit(X)
