"""What is said of a fit that should not be believed, and of a mixture without one."""

import pickle
import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.exceptions import NotFittedError as ScikitNotFitted
from sklearn.utils.validation import check_is_fitted

from mriseg.errors import MixtureError
from mriseg.mixture import (
    BayesianGaussianMixture,
    GaussianMixture,
    MixtureWarning,
    NotConvergedWarning,
    NotFittedError,
    select_model,
    unwarned,
)
from mriseg.mixture.diagnostics import not_fitted_error

X = np.random.default_rng(0).normal(size=(200, 2))
BOTH = [GaussianMixture, BayesianGaussianMixture]


@pytest.mark.parametrize("kind", BOTH)
def test_a_fit_that_did_not_converge_says_so_as_scikit_learn_does(kind):
    with pytest.warns(NotConvergedWarning, match="in 2 iterations") as caught:
        kind(3, max_iter=2).fit(X)
    assert issubclass(caught[0].category, ConvergenceWarning)
    assert caught[0].filename == __file__


@pytest.mark.parametrize("settings", [{"max_iter": 0}, {"max_iter": 2, "tol": 0}, {}])
@pytest.mark.parametrize("kind", BOTH)
def test_nothing_is_said_where_iterations_were_counted_or_enough(kind, settings):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        kind(2, **settings).fit(X)
    assert said == []


def test_a_block_can_be_silent():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with unwarned():
            GaussianMixture(3, max_iter=2).fit(X)
        with pytest.raises(MixtureWarning):
            GaussianMixture(3, max_iter=2).fit(X)


def test_a_selection_speaks_of_the_best_fit_alone():
    with pytest.warns(NotConvergedWarning) as caught:
        select_model(X, [2, 3], ["VVV", "EEE"], max_iter=2, tol=1e-12, init="random")
    assert len(caught) == 1


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("error", [NotFittedError, MixtureError, ScikitNotFitted, ValueError, AttributeError])
def test_before_the_fit_an_error_of_every_kind_that_users_catch(kind, error):
    for method in ("predict", "predict_proba", "score_samples", "score"):
        with pytest.raises(error, match="not fitted yet"):
            getattr(kind(2), method)(X)
    with pytest.raises(error, match="not fitted yet"):
        kind(2).sample()
    assert not hasattr(kind(2), "means_")
    with pytest.raises(ScikitNotFitted):
        check_is_fitted(kind(2))
    check_is_fitted(kind(2).fit(X))


def test_the_error_travels_between_processes():
    error = pickle.loads(pickle.dumps(not_fitted_error("GaussianMixture")))  # noqa: S301
    assert isinstance(error, NotFittedError)
    assert "GaussianMixture is not fitted" in str(error)


def test_a_line_about_the_fit_if_asked_for(capsys):
    GaussianMixture(2, verbose=1).fit(X)
    assert capsys.readouterr().out.startswith("EM converged after")
    GaussianMixture(2).fit(X)
    assert capsys.readouterr().out == ""
