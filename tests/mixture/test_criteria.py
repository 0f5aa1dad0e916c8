"""Information criteria from their definitions."""

import numpy as np
import pytest

from mriseg.mixture import GaussianMixture

RNG = np.random.default_rng(0)
X = np.concatenate([RNG.normal(size=(60, 1)), RNG.normal(size=(30, 1)) + 3])
WEIGHTS = np.random.default_rng(1).integers(1, 5, len(X)).astype(float)


def fit():
    return GaussianMixture(2, model="V", init="quantiles").fit(X)


@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_bic_and_aic_are_penalised_log_likelihoods(weights):
    total = len(X) if weights is None else weights.sum()
    log_likelihood = float((np.ones(len(X)) if weights is None else weights) @ fit().score_samples(X))
    assert fit().n_parameters_ == 5
    assert fit().bic(X, weights) == pytest.approx(-2 * log_likelihood + 5 * np.log(total))
    assert fit().aic(X, weights) == pytest.approx(-2 * log_likelihood + 2 * 5)


@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_icl_adds_the_uncertainty_of_the_labels(weights):
    counts = np.ones(len(X)) if weights is None else weights
    penalty = -2 * counts @ np.log(fit().predict_proba(X).max(axis=1))
    assert penalty > 1
    assert fit().icl(X, weights) == pytest.approx(fit().bic(X, weights) + penalty)


def test_one_component_has_no_uncertainty():
    one = GaussianMixture(1).fit(X)
    assert one.icl(X) == one.bic(X)
