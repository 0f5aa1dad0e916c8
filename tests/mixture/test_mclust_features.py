"""Features beyond the fit, against figures of mclust 6.0.0 (scripts/reference/mclust_features.R)."""

import numpy as np
import pytest
from mixture_features import mixture, table
from mixture_reference import columns, dataset

from mriseg.mixture import (
    GaussianDiscriminant,
    GaussianMixture,
    MixtureDiscriminant,
    NoiseMixture,
    bootstrap_parameters,
    combine_components,
    differing_directions,
)

SPECIES = np.repeat([0, 1, 2], 50)
KINDS = {"nonparametric": "bs", "weighted": "wlbs", "parametric": "pb"}


@pytest.mark.parametrize("model", ["EII", "VVI", "EEE", "VVV"])
def test_noise_has_the_same_likelihood_bic_and_weights(model):
    X = columns("noisy.csv")
    planted = np.arange(332) >= 272
    start = (X[~planted, 0] >= 3).astype(int)
    gaussians = GaussianMixture(2, model=model, init=start, tol=1e-12, max_iter=5000)
    fit = NoiseMixture(gaussians, noise=planted).fit(X)
    log_likelihood, bic = table()["noise_fit", model]
    assert fit.history_[-1] == pytest.approx(log_likelihood, abs=1e-6)
    assert fit.bic(X) == pytest.approx(-bic, abs=1e-6)
    weights = [*fit.weights_, fit.noise_weight_]
    np.testing.assert_allclose(weights, table()["noise_weights", model], atol=1e-5)
    assert np.exp(fit.box_.log_volume) == pytest.approx(table()["volume", "noise"][0])


@pytest.mark.parametrize("model", ["EII", "VVI", "EEE", "VVV"])
def test_one_gaussian_a_class_gives_the_same_posterior(model):
    posterior = GaussianDiscriminant([model]).fit(dataset("iris"), SPECIES).predict_proba(dataset("iris"))
    expected = table()["edda_posterior", model]
    np.testing.assert_allclose(posterior[[50, 70, 83, 106, 133], 1], expected, atol=1e-10)


def test_the_same_model_is_chosen_and_mixtures_err_as_often():
    X = dataset("iris")
    assert GaussianDiscriminant().fit(X, SPECIES).model_ == "VEV"
    wrong = MixtureDiscriminant([2], ["EEE"]).fit(X, SPECIES).predict(X) != SPECIES
    assert wrong.sum() == table()["mclustda_errors", "EEE"][0]


@pytest.mark.parametrize("name", ["faithful", "iris"])
def test_components_are_combined_to_the_same_clusters(name):
    X = dataset(name)
    combined = combine_components(mixture(name), X)
    np.testing.assert_array_equal(combined.predict(X, 2), table()["labels_2", name] - 1)
    assert combined.elbow == table()["n_clusters", name][0]
    # mclust takes the responsibilities one iteration earlier.
    np.testing.assert_allclose(combined.entropies, table()["entropies", name], rtol=5e-3, atol=1e-3)


@pytest.mark.parametrize("name", ["faithful", "iris"])
def test_directions_and_eigenvalues_are_the_same(name):
    found = differing_directions(mixture(name), dataset(name))
    np.testing.assert_allclose(found.eigenvalues, table()["eigenvalues_0.5", name], rtol=1e-6)
    theirs = table()["directions_0.5", name].reshape(found.basis.shape)  # one a row
    cosines = np.einsum("gd,dg->g", theirs, found.basis) / np.linalg.norm(found.basis, axis=0)
    np.testing.assert_allclose(np.abs(cosines) / np.linalg.norm(theirs, axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_standard_errors_agree_within_those_of_their_random_numbers(kind):
    """200 replicates here and 1,999 there differ by 5 % (one deviation)."""
    X = dataset("faithful")
    fit = GaussianMixture(2, init=mixture("bootstrap").parameters_).fit(X)
    errors = bootstrap_parameters(fit, X, kind=kind, n_bootstrap=200).standard_errors()
    for name in ("weights", "means", "covariances"):
        theirs = table()[f"{name}_se", KINDS[kind]]
        np.testing.assert_allclose(getattr(errors, name).ravel(), theirs, rtol=0.2)
