"""What all fitted mixtures offer: scikit-learn's protocol, densities, responsibilities, samples."""

import numpy as np
import pytest
from scipy import stats
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mriseg.errors import MixtureError
from mriseg.mixture import GaussianMixture, estimator


def clouds(seed=0, n=80):
    """Three overlapping clouds of unlike shape."""
    rng = np.random.default_rng(seed)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    spread = np.linspace(0.5, 2, 3)
    return np.concatenate(
        [
            rng.normal(size=(n, 3)) * spread,
            rng.normal(size=(2 * n, 3)) * spread[::-1] @ turn + 3,
            rng.normal(size=(n, 3)) * 0.6 - 2,
        ]
    )


def mixture():
    rng = np.random.default_rng(0)
    roots = rng.normal(size=(3, 3, 3))
    return GaussianMixture.from_parameters(
        [0.2, 0.5, 0.3], rng.normal(size=(3, 3)) * 3, roots @ np.swapaxes(roots, 1, 2) + 0.1 * np.eye(3)
    )


def densities(mixture, X):
    triples = zip(mixture.weights_, mixture.means_, mixture.covariances_, strict=True)
    return np.array([w * stats.multivariate_normal.pdf(X, m, S) for w, m, S in triples]).T


def density(mixture, X):
    return densities(mixture, X).sum(axis=-1)


def test_works_as_an_estimator_of_scikit_learn():
    X = clouds()
    pipeline = make_pipeline(StandardScaler(), GaussianMixture(3, model="VVI"))
    labels = pipeline.fit(X).predict(X)
    assert set(labels) == {0, 1, 2}
    copy = clone(pipeline[-1])
    assert copy.get_params() == pipeline[-1].get_params()
    assert not hasattr(copy, "parameters_")
    assert copy.set_params(n_components=2).fit(X).weights_.shape == (2,)
    with pytest.raises(MixtureError, match="no setting 'covariance_kind'"):
        copy.set_params(covariance_kind="full")
    search = GridSearchCV(
        GaussianMixture(init="kmeans"), {"n_components": [1, 3]}, cv=KFold(3, shuffle=True, random_state=0)
    ).fit(X)
    assert search.best_params_ == {"n_components": 3}


def test_repr_shows_what_was_set():
    assert repr(GaussianMixture(3, model="VVI")) == "GaussianMixture(n_components=3, model='VVI')"


def test_before_and_beside_the_fit():
    with pytest.raises(MixtureError, match="not fitted"):
        GaussianMixture(1).predict(np.ones((2, 2)))
    with pytest.raises(MixtureError, match="3 columns"):
        GaussianMixture(1).fit(clouds()[:, :2]).predict(clouds())


def test_score_samples_is_the_log_density():
    X = np.random.default_rng(1).normal(size=(40, 3)) * 4
    np.testing.assert_allclose(mixture().score_samples(X), np.log(density(mixture(), X)), rtol=1e-9)


def test_far_away_the_log_density_stays_finite():
    assert np.isfinite(mixture().score_samples([[1e6, -1e6, 1e6]])).all()
    assert mixture().predict_proba([[1e6, -1e6, 1e6]]).sum() == pytest.approx(1)


def test_samples_have_the_moments_of_the_mixture_and_come_from_their_component():
    drawn, labels = mixture().sample(200_000, random_state=5)
    true = mixture()
    mean = true.weights_ @ true.means_
    np.testing.assert_allclose(drawn.mean(axis=0), mean, atol=0.05)
    np.testing.assert_allclose(np.bincount(labels) / len(labels), true.weights_, atol=0.01)
    np.testing.assert_allclose(np.cov(drawn[labels == 1].T), true.covariances_[1], atol=0.1)
    again, _ = mixture().sample(200_000, random_state=5)
    np.testing.assert_array_equal(drawn, again)


def test_responsibilities_are_shares_of_the_density_and_labels_their_maximum():
    X = np.random.default_rng(1).normal(size=(40, 3)) * 4
    expected = densities(mixture(), X) / density(mixture(), X)[:, None]
    np.testing.assert_allclose(mixture().predict_proba(X), expected, rtol=1e-8, atol=1e-12)
    np.testing.assert_array_equal(mixture().predict(X), expected.argmax(axis=1))


def test_the_score_is_the_weighted_mean_of_the_log_density():
    X = np.random.default_rng(1).normal(size=(40, 3))
    weights = np.arange(40.0)
    expected = weights @ np.log(density(mixture(), X)) / weights.sum()
    assert mixture().score(X, sample_weight=weights) == pytest.approx(expected)


def test_blocks_do_not_change_the_results(monkeypatch):
    X = np.random.default_rng(1).normal(size=(700, 3)) * 4
    whole = mixture().predict_proba(X), mixture().score_samples(X), mixture().predict(X)
    monkeypatch.setattr(estimator, "BLOCK_ELEMENTS", 1)
    monkeypatch.setattr(estimator, "MIN_BLOCK_SIZE", 100)
    np.testing.assert_allclose(mixture().predict_proba(X), whole[0], rtol=1e-12)
    np.testing.assert_allclose(mixture().score_samples(X), whole[1], rtol=1e-12)
    np.testing.assert_array_equal(mixture().predict(X), whole[2])
