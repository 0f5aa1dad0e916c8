"""Discriminant analysis, against linear and quadratic discriminants and Bayes' theorem."""

import warnings

import numpy as np
import pytest
from mixture_reference import dataset
from scipy import stats
from sklearn.base import clone, is_classifier
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.utils.estimator_checks import check_estimator

from mriseg.errors import MixtureError
from mriseg.mixture import GaussianDiscriminant, GaussianMixture, MixtureDiscriminant, NotFittedError

SPECIES = np.repeat(["setosa", "versicolor", "virginica"], 50)


def by_bayes(X, weights, means, covariances):
    """Equation (1), of Gaussians."""
    parts = zip(weights, means, covariances, strict=True)
    joint = np.array([w * stats.multivariate_normal.pdf(X, m, S) for w, m, S in parts])
    return (joint / joint.sum(axis=0)).T


def test_a_common_covariance_is_linear_discriminant_analysis():
    X = dataset("iris")
    ours = GaussianDiscriminant(["EEE"]).fit(X, SPECIES)
    theirs = LinearDiscriminantAnalysis(solver="lsqr").fit(X, SPECIES)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=1e-6, atol=1e-12)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))


def test_free_covariances_are_quadratic_discriminant_analysis():
    X = dataset("iris")
    groups = [X[name == SPECIES] for name in np.unique(SPECIES)]
    expected = by_bayes(
        X, [1 / 3] * 3, [g.mean(axis=0) for g in groups], [np.cov(g.T, ddof=0) for g in groups]
    )
    found = GaussianDiscriminant(["VVV"]).fit(X, SPECIES).predict_proba(X)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-12)


def test_a_class_far_tighter_than_the_others_keeps_its_covariance():
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(0, 1e-3, (50, 2)), rng.normal(5, 1, (50, 2))])
    fit = GaussianDiscriminant(["VVV"]).fit(X, np.repeat([0, 1], 50))
    np.testing.assert_allclose(fit.mixtures_[0].covariances_[0], np.cov(X[:50].T, ddof=0), rtol=1e-5)


def test_the_model_has_the_lowest_bic_which_is_that_of_the_joint_likelihood():
    X = dataset("iris")
    fit = GaussianDiscriminant().fit(X, SPECIES)
    assert len(fit.bic_) == 14
    assert fit.bic_[fit.model_] == min(fit.bic_.values())
    linear = LinearDiscriminantAnalysis(solver="lsqr").fit(X, SPECIES)
    joint = sum(
        stats.multivariate_normal.logpdf(X[name == SPECIES], mean, linear.covariance_).sum()
        + 50 * np.log(1 / 3)
        for name, mean in zip(linear.classes_, linear.means_, strict=True)
    )
    # Two weights, twelve means, ten covariances.
    assert fit.bic_["EEE"] == pytest.approx(-2 * joint + 24 * np.log(150))


def test_mixtures_tell_classes_that_no_gaussian_fits():
    rng = np.random.default_rng(1)
    centres = np.repeat(np.arange(5), 40)  # the classes take turns
    X, y = rng.normal(np.c_[4 * centres, 0 * centres], 0.5), np.array(["odd", "even"])[(centres + 1) % 2]
    mixtures = MixtureDiscriminant(range(1, 5), ["EII"], settings={"init": "kmeans", "n_init": 3}).fit(X, y)
    assert [len(mixture.weights_) for mixture in mixtures.mixtures_] == [3, 2]
    assert mixtures.score(X, y) > 0.98
    assert GaussianDiscriminant().fit(X, y).score(X, y) < 0.8


def test_mixtures_are_those_of_each_class_alone():
    X = dataset("faithful")
    y = X[:, 0] > 3
    fit = MixtureDiscriminant([2], ["VVI"]).fit(X, y)
    alone = GaussianMixture(2, model="VVI").fit(X[y])
    np.testing.assert_allclose(fit.mixtures_[1].score_samples(X), alone.score_samples(X), rtol=1e-4)


def test_priors_move_the_posterior_by_bayes_theorem():
    X = dataset("iris")
    even, uneven = (
        GaussianDiscriminant(["EEE"], priors=priors).fit(X, SPECIES).predict_proba(X)
        for priors in ([1 / 3] * 3, [0.2, 0.2, 0.6])
    )
    moved = even * [0.2, 0.2, 0.6]
    np.testing.assert_allclose(uneven, moved / moved.sum(axis=1, keepdims=True), rtol=1e-6)


@pytest.mark.parametrize("kind", [GaussianDiscriminant(["VEV"]), MixtureDiscriminant([1, 2], ["VVI"])])
def test_weights_count_as_repeated_rows(kind):
    X, weights = dataset("iris"), np.arange(150) % 3
    first = kind.fit(X, SPECIES, sample_weight=weights).predict_proba(X)
    second = clone(kind).fit(np.repeat(X, weights, axis=0), np.repeat(SPECIES, weights)).predict_proba(X)
    np.testing.assert_allclose(first, second, atol=1e-4)


def test_one_column_has_the_models_of_one_column():
    X = dataset("iris")[:, 2]
    assert set(GaussianDiscriminant().fit(X, SPECIES).bic_) == {"E", "V"}


@pytest.mark.parametrize("kind", [GaussianDiscriminant, MixtureDiscriminant])
def test_it_is_a_classifier_with_settings_by_name(kind):
    assert is_classifier(kind())
    assert clone(kind(priors=[0.5, 0.5])).priors == [0.5, 0.5]
    with pytest.raises(NotFittedError):
        kind().predict(dataset("iris"))


def test_all_checks_of_scikit_learn_pass_but_two_that_cannot():
    reasons = {
        "check_fit1d": "a vector is one column here: the values of one dimension",
        "check_supervised_y_2d": "classes in a matrix are refused, not reshaped with a warning",
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # among them that nothing is inherited from scikit-learn
        results = check_estimator(GaussianDiscriminant(["VVI"]), expected_failed_checks=reasons, on_skip=None)
    assert {result["check_name"] for result in results if result["status"] == "xfail"} == set(reasons)
    assert sum(result["status"] == "passed" for result in results) >= 45


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.zeros(150), "y has 1 class"),
        (np.arange(3), r"y has shape \(3,\)"),
        (None, "requires y to be passed"),
        (np.linspace(0, 1, 150), "Unknown label type: continuous"),
    ],
)
def test_classes_that_cannot_be_are_refused(y, message):
    with pytest.raises(MixtureError, match=message):
        GaussianDiscriminant().fit(dataset("iris"), y)


def test_priors_that_cannot_be_are_refused():
    with pytest.raises(MixtureError, match="3 numbers above 0"):
        GaussianDiscriminant(priors=[0.5, 0.5]).fit(dataset("iris"), SPECIES)


@pytest.mark.parametrize("wrong", [SPECIES[:, None], SPECIES[:-1]])
def test_a_score_is_of_one_class_for_each_row(wrong):
    X = dataset("iris")
    fitted = GaussianDiscriminant(["EEE"]).fit(X, SPECIES)
    with pytest.raises(MixtureError, match="y has shape"):
        fitted.score(X, wrong)


@pytest.mark.parametrize(
    "y",
    [
        np.array(["a", 1, "b"] * 50, dtype=object),
        np.array(["a", None, "b"] * 50, dtype=object),
        np.ma.masked_equal(np.arange(150) // 50, 1),
    ],
)
def test_classes_that_cannot_be_told_are_refused(y):
    with pytest.raises(MixtureError, match=r"y (must hold classes|has masked)"):
        GaussianDiscriminant(["EEE"]).fit(dataset("iris"), y)
