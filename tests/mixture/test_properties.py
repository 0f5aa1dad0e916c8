"""What holds for every mixture, whatever the data: by property, and by data that Hypothesis makes up."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mriseg.errors import MixtureError
from mriseg.mixture import (
    DegenerateError,
    GaussianMixture,
    Parameters,
    Prior,
    VarianceFloorWarning,
    unwarned,
)
from mriseg.mixture.covariance import MODELS

NAMES = [model.name for model in MODELS]
STARTS = ["hierarchical", "kmeans", "quantiles", "random"]


def clouds(seed=0, n=80, dimensions=3):
    """Three overlapping clouds of unlike shape."""
    rng = np.random.default_rng(seed)
    turn = np.linalg.qr(rng.normal(size=(dimensions, dimensions)))[0]
    spread = np.linspace(0.5, 2, dimensions)
    return np.concatenate(
        [
            rng.normal(size=(n, dimensions)) * spread,
            rng.normal(size=(2 * n, dimensions)) * spread[::-1] @ turn + 3,
            rng.normal(size=(n, dimensions)) * 0.6 - 2,
        ]
    )


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("model", NAMES)
def test_likelihood_never_falls_and_responsibilities_sum_to_one(model, start):
    X = clouds()
    fit = GaussianMixture(3, model=model, init=start, tol=1e-8, max_iter=200).fit(X)
    assert (np.diff(fit.history_) >= -1e-9 * len(X)).all()
    assert fit.history_[-1] == pytest.approx(fit.score(X) * len(X), rel=1e-9)
    np.testing.assert_allclose(fit.predict_proba(X).sum(axis=1), 1, rtol=1e-12)
    assert fit.weights_.sum() == pytest.approx(1)


@pytest.mark.parametrize("model", NAMES)
def test_covariances_have_the_structure_of_their_model(model):
    covariances = GaussianMixture(3, model=model).fit(clouds()).covariances_
    volume, shape, orientation = model
    eigenvalues = np.linalg.eigvalsh(covariances)
    volumes = np.prod(eigenvalues, axis=1) ** (1 / 3)
    shapes = np.sort(eigenvalues / volumes[:, None], axis=1)
    equal = {"volume": np.allclose(volumes, volumes[0]), "shape": np.allclose(shapes, shapes[0])}
    assert equal["volume"] == (volume == "E")
    assert equal["shape"] == (shape in "EI")
    assert np.allclose(shapes, 1) == (shape == "I")
    products = covariances[:, None] @ covariances[None]
    commute = np.allclose(products, np.swapaxes(products, 0, 1), atol=1e-6 * np.abs(products).max())
    assert commute == (orientation in "EI")
    diagonal = covariances * np.eye(3)
    assert np.allclose(covariances, diagonal) == (orientation == "I")


@pytest.mark.parametrize("model", NAMES)
def test_order_of_rows_does_not_matter(model):
    X = clouds()
    shuffled = np.random.default_rng(1).permutation(len(X))
    labels = np.argmin(np.square(X[:, None] - np.array([0, 3, -2])[:, None]).sum(axis=2), axis=1)
    first = GaussianMixture(3, model=model, init=labels).fit(X)
    second = GaussianMixture(3, model=model, init=labels[shuffled]).fit(X[shuffled])
    np.testing.assert_allclose(second.means_, first.means_, rtol=1e-7)
    np.testing.assert_allclose(second.covariances_, first.covariances_, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("model", NAMES)
def test_scale_and_shift_carry_through(model):
    X = clouds()
    scale, shift = 1e-3, np.array([1e3, -5.0, 0.1])
    first = GaussianMixture(3, model=model).fit(X)
    second = GaussianMixture(3, model=model).fit(X * scale + shift)
    assert second.n_iter_ == first.n_iter_
    np.testing.assert_allclose(second.weights_, first.weights_, rtol=1e-6)
    np.testing.assert_allclose(second.means_, first.means_ * scale + shift, rtol=1e-6)
    np.testing.assert_allclose(second.covariances_, first.covariances_ * scale**2, rtol=1e-5, atol=1e-14)


@pytest.mark.parametrize("model", NAMES)
def test_weights_are_duplicates(model):
    X = clouds(n=40)
    counts = np.random.default_rng(2).integers(1, 5, len(X))
    labels = np.argmin(np.square(X[:, None] - np.array([0, 3, -2])[:, None]).sum(axis=2), axis=1)
    weighted = GaussianMixture(3, model=model, init=labels).fit(X, sample_weight=counts)
    repeated = GaussianMixture(3, model=model, init=np.repeat(labels, counts)).fit(
        np.repeat(X, counts, axis=0)
    )
    np.testing.assert_allclose(weighted.means_, repeated.means_, rtol=1e-7)
    np.testing.assert_allclose(weighted.covariances_, repeated.covariances_, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(weighted.history_, repeated.history_, rtol=1e-9)


def test_rows_of_weight_zero_do_not_count():
    X = clouds(n=40)
    counts = np.ones(len(X))
    counts[:40] = 0
    weighted = GaussianMixture(2, init="kmeans").fit(X, sample_weight=counts)
    without = GaussianMixture(2, init="kmeans").fit(X[40:])
    np.testing.assert_allclose(weighted.means_, without.means_)


@pytest.mark.parametrize("criterion", ["EII", "VII", "EEE", "VVV"])
def test_every_hierarchical_criterion_starts_a_fit(criterion):
    X = clouds()
    begun = GaussianMixture(3, init=criterion, max_iter=0).fit(X)
    fit = GaussianMixture(3, init=criterion).fit(X)
    assert fit.score(X) > begun.score(X) > GaussianMixture(1).fit(X).score(X)
    np.testing.assert_array_equal(fit.predict(X), GaussianMixture(3, init=criterion).fit_predict(X))


@pytest.mark.parametrize("start", STARTS)
def test_a_seed_fixes_the_fit_and_restarts_only_help(start):
    X = clouds()
    first, again = (GaussianMixture(4, init=start, random_state=3).fit(X) for _ in range(2))
    np.testing.assert_array_equal(first.means_, again.means_)
    best = GaussianMixture(4, init=start, random_state=3, n_init=4).fit(X)
    assert best.score(X) >= first.score(X)


def test_a_warm_start_goes_on_where_the_fit_stopped():
    X = clouds()
    cold = GaussianMixture(3, max_iter=5, tol=0).fit(X)
    warm = GaussianMixture(3, init=cold.parameters_, max_iter=5, tol=0).fit(X)
    whole = GaussianMixture(3, max_iter=10, tol=0).fit(X)
    assert warm.history_[0] == pytest.approx(cold.history_[-1], rel=1e-12)
    np.testing.assert_allclose(warm.means_, whole.means_, rtol=1e-8)


def test_a_warm_start_from_another_model_obeys_the_new_one():
    X = clouds()
    start = GaussianMixture(3, model="VVV").fit(X).parameters_
    fit = GaussianMixture(3, model="EII", init=start).fit(X)
    assert np.allclose(fit.covariances_, fit.covariances_[0, 0, 0] * np.eye(3))


def test_given_means_are_where_the_fit_begins():
    X = clouds()
    means = np.array([[0.0, 0, 0], [3, 3, 3], [-2, -2, -2]])
    np.testing.assert_allclose(GaussianMixture(3, means_init=means, max_iter=0).fit(X).means_, means)


@pytest.mark.parametrize("criterion", ["likelihood", "parameters", "aitken"])
def test_each_criterion_stops_near_the_same_optimum(criterion):
    X = clouds()
    limit = GaussianMixture(3, tol=1e-12, max_iter=5000).fit(X)
    fit = GaussianMixture(3, convergence=criterion, tol=1e-6, max_iter=5000).fit(X)
    assert fit.converged_
    assert fit.n_iter_ < limit.n_iter_
    assert fit.score(X) == pytest.approx(limit.score(X), abs=1e-3)


def test_aitken_stops_at_what_is_still_to_come():
    """With slow convergence of EM, Aitken's criterion stops later than the likelihood criterion."""
    X = np.random.default_rng(0).normal(size=(2000, 1)) * np.where(np.arange(2000) % 2, 1, 2)[:, None]
    plain = GaussianMixture(2, model="V", tol=1e-6, max_iter=20000).fit(X)
    aitken = GaussianMixture(2, model="V", tol=1e-6, max_iter=20000, convergence="aitken").fit(X)
    limit = GaussianMixture(2, model="V", tol=1e-13, max_iter=20000).fit(X)
    gap = limit.history_[-1] - aitken.history_[-1]
    assert plain.n_iter_ < aitken.n_iter_
    assert gap < limit.history_[-1] - plain.history_[-1]


@pytest.mark.parametrize(
    ("settings_", "message"),
    [
        ({"n_components": 0}, "n_components"),
        ({"n_components": 2.5}, "n_components"),
        ({"model": "VVX"}, "no covariance model 'VVX'"),
        ({"model": "V"}, "no covariance model 'V'"),
        ({"init": "hope"}, "no start 'hope'"),
        ({"init": "V"}, "no start 'V'"),
        ({"init": np.zeros(3, dtype=int)}, "init has shape"),
        ({"init": np.full(320, 2)}, "0 to 1"),
        ({"init": np.full((320, 2), 0.6)}, "sum to 1"),
        ({"means_init": np.zeros((3, 3))}, "means_init has shape"),
        ({"prior": Prior([0, 0], 1, 1.0, 5)}, "mean of the prior"),
        ({"convergence": "soon"}, "no convergence criterion 'soon'"),
        ({"tol": -1.0}, "tol"),
        ({"n_init": 0}, "n_init"),
        ({"prior": "weak"}, "prior"),
        ({"n_components": 1000}, "cannot make 1000"),
    ],
)
def test_unusable_settings_are_named(settings_, message):
    with pytest.raises(MixtureError, match=message):
        GaussianMixture(**{"n_components": 2, **settings_}).fit(clouds())


def test_a_component_on_a_point_rests_on_the_floor_and_says_so():
    X = np.concatenate([np.random.default_rng(0).normal(size=200), np.full(100, 4.0)])[:, None]
    labels = np.repeat([0, 1], [200, 100])
    with pytest.warns(VarianceFloorWarning, match="component 1 rests"):
        fit = GaussianMixture(2, model="V", init=labels).fit(X)
    assert fit.at_floor_.tolist() == [False, True]
    assert 0 < fit.covariances_[1, 0, 0] < 1e-12 * X.var()
    with pytest.warns(VarianceFloorWarning):
        fit = GaussianMixture(2, model="V", init=labels, reg_covar=1e-4).fit(X)
    assert fit.covariances_[1, 0, 0] == pytest.approx(1e-4)
    with pytest.raises(DegenerateError, match="lost rank"):
        GaussianMixture(2, model="V", init=labels, reg_covar=0).fit(X)


def test_float32_data_stay_float32_and_agree():
    X = clouds(n=400)
    double = GaussianMixture(3, init="kmeans").fit(X)
    single = GaussianMixture(3, init="kmeans").fit(X.astype(np.float32))
    assert single.predict_proba(X.astype(np.float32)).dtype == np.float32
    np.testing.assert_allclose(single.means_, double.means_, rtol=1e-3, atol=1e-3)


FINITE = st.floats(-1e6, 1e6, allow_subnormal=False)


@st.composite
def any_problem(draw):
    n, dimensions = draw(st.integers(1, 25)), draw(st.integers(1, 4))
    X = draw(arrays.arrays(float, (n, dimensions), elements=FINITE | st.sampled_from([0.0, 1.0, -1.0])))
    X = X * 10.0 ** draw(st.integers(-12, 12)) + draw(st.sampled_from([0.0, 1.0, 1e8]))
    weights = draw(st.none() | arrays.arrays(float, n, elements=st.floats(0, 1e6)))
    model = draw(st.sampled_from(["E", "V"] if dimensions == 1 else NAMES))
    start = draw(st.sampled_from(STARTS))
    return X, weights, model, start, draw(st.integers(1, 4))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(any_problem())
def test_any_data_lead_to_a_fit_or_a_typed_error(problem):
    X, weights, model, start, n_components = problem
    mixture = GaussianMixture(n_components, model=model, init=start, max_iter=100)
    try:
        with unwarned():
            mixture.fit(X, sample_weight=weights)
    except MixtureError as error:
        assert "\n" not in str(error)  # noqa: PT017
        assert "defect" not in str(error)  # noqa: PT017
        return
    assert isinstance(mixture.parameters_, Parameters)
    assert mixture.weights_.sum() == pytest.approx(1)
    for values in (mixture.weights_, mixture.means_, mixture.covariances_, mixture.history_):
        assert np.isfinite(values).all()
    np.testing.assert_allclose(mixture.predict_proba(X).sum(axis=1), 1)
    assert np.isfinite(mixture.score_samples(X)).all()
