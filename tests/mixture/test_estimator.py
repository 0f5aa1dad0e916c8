"""What all fitted mixtures offer: scikit-learn's protocol, densities, responsibilities, samples."""

import warnings

import numpy as np
import pytest
from scipy import sparse, stats
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from mriseg.errors import MixtureError
from mriseg.mixture import BayesianGaussianMixture, GaussianMixture, blocks


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
    with pytest.raises(MixtureError, match="X has 3 features, but GaussianMixture is expecting 2"):
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
    with pytest.raises(MixtureError, match="n_samples must be at least 1"):
        mixture().sample(0)


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
    monkeypatch.setattr(blocks, "BLOCK_ELEMENTS", 1)
    monkeypatch.setattr(blocks, "MIN_BLOCK_SIZE", 100)
    np.testing.assert_allclose(mixture().predict_proba(X), whole[0], rtol=1e-12)
    np.testing.assert_allclose(mixture().score_samples(X), whole[1], rtol=1e-12)
    np.testing.assert_array_equal(mixture().predict(X), whole[2])


@pytest.mark.parametrize("kind", [GaussianMixture, BayesianGaussianMixture])
def test_all_checks_of_scikit_learn_pass_but_one_that_cannot(kind):
    reason = "a vector is one column here: the values of a mixture of one dimension"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what it checks does not always converge
        results = check_estimator(kind(), expected_failed_checks={"check_fit1d": reason}, on_skip=None)
    assert [result["check_name"] for result in results if result["status"] == "xfail"] == ["check_fit1d"]
    assert sum(result["status"] == "passed" for result in results) >= 40


class Frame:
    """As little of a data frame as the library looks at."""

    def __init__(self, columns, values):
        self.columns, self.values = columns, values
        self.shape = np.shape(values)

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype=dtype)

    def convert_dtypes(self):
        raise NotImplementedError

    def to_numpy(self, dtype, na_value):
        rows = [[na_value if value is None else value for value in row] for row in self.values]
        return np.array(rows, dtype=dtype)


def test_columns_are_counted_and_remembered_by_name():
    X = clouds()[:, :2]
    mixture = GaussianMixture(2, init="kmeans").fit(Frame(["a", "b"], X))
    assert mixture.n_features_in_ == 2
    assert mixture.feature_names_in_.tolist() == ["a", "b"]
    np.testing.assert_array_equal(mixture.predict(Frame(["a", "b"], X)), mixture.predict(X))
    with pytest.raises(
        MixtureError, match="names should match those that were passed during fit: b, a; at the fit a, b"
    ):
        mixture.predict(Frame(["b", "a"], X[:, ::-1]))
    assert not hasattr(mixture.fit(X), "feature_names_in_")
    assert GaussianMixture.from_parameters([1.0], [[0.0, 0.0]], [np.eye(2)]).n_features_in_ == 2


def test_frames_may_hold_booleans_and_nullable_numbers_but_no_missing_ones():
    values = np.array([[True, 1.5], [False, 2], [True, 4], [False, 8]], dtype=object)
    fit = GaussianMixture(1, model="VVI").fit(Frame(["a", "b"], values))
    np.testing.assert_allclose(fit.means_, [[0.5, 3.875]])
    values[1, 1] = None
    with pytest.raises(MixtureError, match="NaN"):
        GaussianMixture(1).fit(Frame(["a", "b"], values))


@pytest.mark.parametrize("kind", [GaussianMixture, BayesianGaussianMixture])
def test_a_vector_is_one_column_and_sparse_data_are_refused_plainly(kind):
    x = clouds()[:, 0]
    fit = kind(2).fit(x)
    np.testing.assert_array_equal(fit.means_, kind(2).fit(x[:, None]).means_)
    np.testing.assert_array_equal(fit.predict(x), fit.predict(x[:, None]))
    assert fit.score(x) == fit.score(x[:, None])
    with pytest.raises(ValueError, match="Reshape your data"):
        kind(2).fit(clouds()).predict(clouds()[0])
    with pytest.raises(TypeError, match="sparse data are not supported"):
        kind(2).fit(sparse.csr_array(clouds()))


@pytest.mark.parametrize("covariance_type", ["full", "tied", "diag", "spherical"])
def test_settings_and_attributes_have_the_names_of_scikit_learn(covariance_type):
    X = clouds()
    ours = GaussianMixture(3, covariance_type=covariance_type, init_params="kmeans").fit(X)
    same = GaussianMixture(3, model=covariance_type, init="kmeans").fit(X)
    np.testing.assert_array_equal(ours.means_, same.means_)
    assert ours.bic(X) == same.bic(X)
    assert ours.lower_bound_ == pytest.approx(ours.score(X))
    np.testing.assert_allclose(ours.precisions_ @ ours.covariances_, np.tile(np.eye(3), (3, 1, 1)), atol=1e-9)
