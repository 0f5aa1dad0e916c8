"""Agreement with R's mclust 6 and with scikit-learn, from the same starts."""

import warnings

import numpy as np
import pytest
from mixture_reference import columns, dataset, partition, rows
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture as ScikitMixture

from mriseg.mixture import DegenerateError, GaussianMixture, unwarned
from mriseg.mixture.agglomeration import agglomerate
from mriseg.mixture.covariance import covariance_model
from mriseg.mixture.hierarchical import merge_neighbours
from mriseg.mixture.kmeans import kmeans_labels
from mriseg.mixture.starts import scaled_principal_axes

# mclust ends where its log-likelihood changes by 1e-10; EM creeps, so these fits must end alike.
TIGHT = {"tol": 1e-10, "max_iter": 5000}


def fits(table, name, models):
    return [row for row in rows(table) if row["dataset"] == name and row["model"] in models]


def fitted(row, **settings):
    name, n_components = row["dataset"], int(row["n_components"])
    start = partition(name, n_components)
    mixture = GaussianMixture(n_components, model=row["model"], init=start, **TIGHT, **settings)
    with unwarned():  # where EM creeps on, the comparison judges
        return mixture.fit(dataset(name))


ALL_BUT_VVE = [
    "E",
    "V",
    "EII",
    "VII",
    "EEI",
    "VEI",
    "EVI",
    "VVI",
    "EEE",
    "VEE",
    "EVE",
    "EEV",
    "VEV",
    "EVV",
    "VVV",
]


@pytest.mark.parametrize("name", ["faithful", "iris", "eruptions", "ibsr01"])
def test_log_likelihood_and_bic_are_those_of_mclust(name):
    X = dataset(name)
    expected = fits("mclust_fits.csv", name, ALL_BUT_VVE)
    assert len(expected) >= 10
    for row in expected:
        fit = fitted(row)
        assert fit.score(X) * len(X) == pytest.approx(float(row["log_likelihood"]), rel=1e-4), row
        assert -fit.bic(X) == pytest.approx(float(row["bic"]), rel=1e-4), row


@pytest.mark.parametrize("name", ["faithful", "iris"])
def test_common_axes_are_no_worse_than_those_of_mclust(name):
    """With VVE mclust stops at worse axes than ours, so that EM ends elsewhere: compare one M-step."""
    X = dataset(name)
    for row in (row for row in rows("mclust_common_axes.csv") if row["dataset"] == name):
        labels = partition(name, int(row["n_components"]))
        parts = [X[labels == k] for k in range(labels.max() + 1)]
        counts = np.array([len(part) for part in parts], dtype=float)
        scatter = np.array([np.cov(part, rowvar=False, bias=True) * len(part) for part in parts])
        covariances = covariance_model(row["model"], X.shape[1]).estimate(counts, scatter)
        deviance = counts @ np.linalg.slogdet(covariances).logabsdet
        assert deviance <= float(row["deviance"]) + 1e-5 * abs(float(row["deviance"])), row


@pytest.mark.parametrize("name", ["faithful", "iris", "eruptions", "ibsr01"])
def test_map_fit_is_that_of_mclust_with_its_default_prior(name):
    """mclust 6.0.0 drops the prior's scale in EII, and its EM and M-step disagree in EEI: not compared."""
    X = dataset(name)
    for row in fits("mclust_priors.csv", name, ["E", "V", "VII", "VVI", "EEE", "VVV"]):
        fit = fitted(row, prior="default")
        assert fit.score(X) * len(X) == pytest.approx(float(row["log_likelihood"]), rel=1e-4), row


@pytest.mark.parametrize("model", ["E", "V", "EII", "VII", "VVV"])
def test_merge_tree_is_that_of_mclust(model):
    points = columns("hc_points.csv")
    tree = agglomerate(points[:, :1] if len(model) == 1 else points, model)
    for n_clusters in range(2, 9):
        expected = [row[f"{model}_{n_clusters}"] for row in rows("hc_partitions.csv")]
        assert adjusted_rand_score(expected, tree.labels(n_clusters)) == 1


def test_the_default_start_is_the_tree_of_mclust():
    """``hc(use = "SVD")`` on iris; repeated rows, as in faithful, make ties, which each breaks its way."""
    X = dataset("iris")
    tree = agglomerate(scaled_principal_axes(X, np.ones(len(X))), "VVV")
    for n_clusters in range(2, 6):
        assert adjusted_rand_score(partition("iris", n_clusters), tree.labels(n_clusters)) == 1


def test_neighbours_make_the_tree_of_mclust_for_equal_variances():
    values = columns("hc_points.csv")[:, 0]
    order = np.argsort(values)
    tree = merge_neighbours(values[order], np.ones(len(values)), "E")
    for n_clusters in range(2, 9):
        expected = np.array([row[f"E_{n_clusters}"] for row in rows("hc_partitions.csv")])[order]
        assert adjusted_rand_score(expected, tree.labels(n_clusters)) == 1


def test_iris_species_are_found():
    species = [row["Species"] for row in rows("iris.csv")]
    labels = GaussianMixture(3, model="VVV").fit(dataset("iris")).predict(dataset("iris"))
    assert adjusted_rand_score(species, labels) >= 0.90


def test_k_means_finds_fewer_of_the_species():
    X = dataset("iris")
    species = [row["Species"] for row in rows("iris.csv")]
    runs = [kmeans_labels(X, np.ones(len(X)), 3, np.random.default_rng(seed)) for seed in range(10)]
    labels = min(
        runs, key=lambda run: sum(X[run == k].var(axis=0).sum() * (run == k).sum() for k in range(3))
    )
    assert adjusted_rand_score(species, labels) == pytest.approx(0.73, abs=0.01)


@pytest.mark.parametrize("model", ["spherical", "diag", "tied", "full"])
@pytest.mark.parametrize("name", ["iris", "faithful"])
def test_parameters_are_those_of_scikit_learn(model, name):
    X = dataset(name)
    K, D = 3, X.shape[1]
    means = X[np.linspace(0, len(X) - 1, K).astype(int)]
    precision = np.linalg.inv(np.cov(X, rowvar=False))
    start = {
        "spherical": np.full(K, np.trace(precision) / D),
        "diag": np.tile(np.diag(precision), (K, 1)),
        "tied": precision,
        "full": np.tile(precision, (K, 1, 1)),
    }[model]
    theirs = ScikitMixture(
        K, covariance_type=model, reg_covar=0, tol=0, max_iter=60,
        weights_init=np.full(K, 1 / K), means_init=means, precisions_init=start,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it did not converge in 60 iterations
        theirs.fit(X)
    covariances = {
        "spherical": lambda p: np.array([np.eye(D) / value for value in p]),
        "diag": lambda p: np.array([np.diag(1 / value) for value in p]),
        "tied": lambda p: np.tile(np.linalg.inv(p), (K, 1, 1)),
        "full": np.linalg.inv,
    }[model](start)
    begin = GaussianMixture.from_parameters(np.full(K, 1 / K), means, covariances).parameters_
    ours = GaussianMixture(K, model=model, init=begin, tol=0, max_iter=60).fit(X)
    np.testing.assert_allclose(ours.weights_, theirs.weights_, rtol=1e-6)
    np.testing.assert_allclose(ours.means_, theirs.means_, rtol=1e-6)
    kept = {
        "spherical": lambda S: S[:, 0, 0],
        "diag": lambda S: np.diagonal(S, axis1=1, axis2=2),
        "tied": lambda S: S[0],
        "full": lambda S: S,
    }[model](ours.covariances_)
    np.testing.assert_allclose(kept, theirs.covariances_, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(ours.score_samples(X), theirs.score_samples(X), rtol=1e-6)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-6)
    assert ours.bic(X) == pytest.approx(theirs.bic(X), rel=1e-8)
    assert ours.aic(X) == pytest.approx(theirs.aic(X), rel=1e-8)


def test_a_lost_rank_is_said_under_models_that_a_floor_would_contradict():
    X = dataset("iris")[:60].copy()
    X[:20] = X[0]
    with pytest.raises(DegenerateError, match="lost rank"):
        GaussianMixture(3, model="EVV", init=np.repeat([0, 1, 2], 20)).fit(X)
