"""The noise component, against sums over observations and its own definition."""

from functools import cache

import numpy as np
import pytest
from mixture_reference import dataset
from scipy import stats

from mriseg.errors import MixtureError
from mriseg.mixture import GaussianMixture, NoiseMixture, NotFittedError, VarianceFloorWarning

PLANTED = np.arange(332) >= 272


def data():
    """Faithful, and 60 points that fill its range."""
    X = dataset("faithful")
    return np.concatenate([X, np.random.default_rng(0).uniform(X.min(axis=0), X.max(axis=0), (60, 2))])


@cache
def fit(model="VVV", **settings):
    return NoiseMixture(GaussianMixture(2, model=model, **settings), noise=PLANTED).fit(data())


@pytest.mark.parametrize("model", ["EII", "VVI", "EEE", "VVV"])
def test_one_more_iteration_by_hand_changes_nothing(model):
    """At convergence the parameters are those of the responsibilities, and the weights their means."""
    X, mixture = data(), fit(model, tol=1e-13, max_iter=5000)
    r = mixture.predict_proba(X)
    np.testing.assert_allclose(r[:, 2].mean(), mixture.noise_weight_, atol=1e-6)
    np.testing.assert_allclose(r[:, :2].mean(axis=0), mixture.weights_, atol=1e-6)
    np.testing.assert_allclose(r[:, :2].T @ X / r[:, :2].sum(axis=0)[:, None], mixture.means_, atol=1e-4)


def test_free_parameters_are_those_of_the_gaussians_the_weight_and_the_volume():
    assert fit("VVV").n_parameters_ == GaussianMixture(2).fit(data()).n_parameters_ + 2


def test_density_is_that_of_the_gaussians_and_a_constant():
    mixture = fit()
    gaussians = zip(mixture.weights_, mixture.means_, mixture.covariances_, strict=True)
    density = sum(w * stats.multivariate_normal.pdf(data(), m, S) for w, m, S in gaussians)
    noise = mixture.noise_weight_ / np.exp(mixture.box_.log_volume)
    np.testing.assert_allclose(np.exp(mixture.score_samples(data())), density + noise, rtol=1e-9)
    np.testing.assert_allclose(mixture.predict_proba(data())[:, 2], noise / (density + noise), rtol=1e-9)
    assert len(data()) * mixture.score(data()) == pytest.approx(mixture.history_[-1])


def test_the_likelihood_never_falls_and_weights_sum_to_one():
    mixture = fit()
    assert mixture.converged_
    assert (np.diff(mixture.history_) > -1e-9).all()
    assert mixture.weights_.sum() + mixture.noise_weight_ == pytest.approx(1)


def test_noise_is_found_without_a_guess():
    rng = np.random.default_rng(1)
    X = np.concatenate(
        [rng.normal(0, 1, (300, 2)), rng.normal(12, 1, (300, 2)), rng.uniform(-40, 60, (150, 2))]
    )
    mixture = NoiseMixture(GaussianMixture(2)).fit(X)
    np.testing.assert_allclose(np.sort(mixture.means_[:, 0]), [0, 12], atol=0.3)
    assert (mixture.predict(X) == 2)[600:].mean() > 0.9
    assert (mixture.predict(X) == 2)[:600].mean() < 0.05
    assert np.sqrt(np.diagonal(mixture.covariances_, axis1=1, axis2=2)).max() < 1.3


def test_weights_count_as_repeated_rows():
    weights = np.arange(332) % 3 + 1
    X, settings = data(), GaussianMixture(2, init="kmeans", tol=1e-12)
    first = NoiseMixture(settings, noise=PLANTED).fit(X, sample_weight=weights)
    rows = np.repeat(np.arange(332), weights)
    second = NoiseMixture(settings, noise=PLANTED[rows]).fit(X[rows])
    assert first.history_[-1] == pytest.approx(second.history_[-1], rel=1e-7)


def test_one_column_has_a_distribution_function_that_matches_its_density():
    rng = np.random.default_rng(2)
    X = np.concatenate([rng.normal(5, 0.3, 200), rng.uniform(0, 20, 60)])
    mixture = NoiseMixture(GaussianMixture(1, model="V"), noise=np.arange(260) >= 200).fit(X)
    grid = np.linspace(X.min(), X.max(), 4001)
    np.testing.assert_allclose(mixture.pdf(grid), np.exp(mixture.score_samples(grid)), rtol=1e-9)
    rise = np.trapezoid(mixture.pdf(grid), grid)
    assert np.diff(mixture.cdf(grid[[0, -1]]))[0] == pytest.approx(rise, abs=1e-5)
    assert mixture.cdf(100.0) == pytest.approx(1)


def test_samples_are_of_the_mixture_and_noise_lies_in_the_box():
    mixture = fit()
    X, labels = mixture.sample(20_000)
    shares = np.bincount(labels) / len(labels)
    np.testing.assert_allclose(shares, [*mixture.weights_, mixture.noise_weight_], atol=0.01)
    coordinates = mixture.box_.coordinates(X[labels == 2])
    assert coordinates.min() > -1e-9
    assert coordinates.max() < 1 + 1e-9


def test_settings_stay_and_units_do_not_matter():
    settings = GaussianMixture(2, tol=1e-10)
    metres = NoiseMixture(settings, noise=PLANTED).fit(data() * [1e-3, 1e3] + [0, 1e5])
    plain = NoiseMixture(settings, noise=PLANTED).fit(data())
    assert not hasattr(settings, "means_")
    assert metres.history_[-1] == pytest.approx(plain.history_[-1], abs=1e-4)


@pytest.mark.parametrize("noise", [np.ones(332, bool), [True]])
def test_a_guess_that_cannot_be_is_refused(noise):
    with pytest.raises(MixtureError, match="noise must mark some"):
        NoiseMixture(GaussianMixture(2), noise=noise).fit(data())


def test_a_guess_of_none_is_a_start_as_well():
    none = NoiseMixture(GaussianMixture(2, tol=1e-12), noise=np.zeros(332, bool)).fit(data())
    assert none.noise_weight_ == pytest.approx(fit(tol=1e-12).noise_weight_, abs=1e-3)


def test_it_has_no_parameters_before_the_fit_and_its_settings_by_name():
    mixture = NoiseMixture(GaussianMixture(2))
    assert mixture.get_params()["noise"] is None
    with pytest.raises(NotFittedError):
        mixture.predict(data())


@pytest.mark.parametrize("model", ["VVV", "EEE", "VVI"])
def test_a_start_on_the_floor_is_on_that_of_all_rows(model):
    """The floor follows the variance of the data, which is larger with the rows that are noise."""
    corners = [[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0], [1, 1, 1]]
    X = np.repeat(corners, [60, 3, 2, 4, 31], axis=0)
    with pytest.warns(VarianceFloorWarning):
        mixture = NoiseMixture(GaussianMixture(2, model=model)).fit(X)
    assert np.bincount(mixture.predict(X)).tolist() == [60, 31, 9]


def test_settings_of_the_gaussians_are_set_by_name():
    mixture = NoiseMixture(GaussianMixture(2))
    assert mixture.get_params()["gaussians__n_components"] == 2
    assert "gaussians__n_components" not in mixture.get_params(deep=False)
    assert mixture.set_params(gaussians__n_components=3).gaussians.n_components == 3
    for name in ("gaussians__none", "noise__n_components", "none__n_components"):
        with pytest.raises(MixtureError, match="has no setting"):
            mixture.set_params(**{name: 1})
