"""Variational posterior: expectations and divergences by numerical integration and sampling."""

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad

from mriseg.mixture.variational import VariationalPosterior


def posterior(concentration, *, stick_breaking=False, K=3, seed=0, diagonal=False):
    rng = np.random.default_rng(seed)
    roots = rng.normal(size=(K, 2, 5))
    scatter = roots @ np.swapaxes(roots, 1, 2)
    return VariationalPosterior(
        stick_breaking,
        np.asarray(concentration, dtype=float),
        rng.uniform(1, 5, K),
        rng.normal(size=(K, 2)),
        rng.uniform(3, 9, K),
        np.diagonal(scatter, axis1=1, axis2=2) if diagonal else scatter,
    )


STICKS = [[2.0, 3.0], [1.5, 0.5], [4.0, 1.0]]


def test_expected_weights_of_a_dirichlet():
    np.testing.assert_allclose(posterior([[1.0], [2.0], [5.0]]).weights, [1 / 8, 2 / 8, 5 / 8])


def test_expected_weights_of_a_broken_stick_are_products_of_the_remainders():
    shares = np.array([2 / 5, 1.5 / 2, 4 / 5])
    expected = shares * np.array([1, 3 / 5, 3 / 5 * 0.5 / 2])
    np.testing.assert_allclose(posterior(STICKS, stick_breaking=True).weights, expected / expected.sum())


def test_parameters_have_the_inverse_of_the_expected_precision():
    found = posterior([[1.0]] * 3)
    for k in range(3):
        wishart = stats.wishart(found.degrees_of_freedom[k], np.linalg.inv(found.scatter[k]))
        np.testing.assert_allclose(np.linalg.inv(found.parameters().covariances[k]), wishart.mean())


@pytest.mark.parametrize("stick_breaking", [False, True])
def test_offsets_turn_the_density_into_the_expected_log_density(stick_breaking):
    """Against means over draws from the posterior of weights, means and precisions."""
    found = posterior(STICKS if stick_breaking else [[2.0], [3.0], [4.0]], stick_breaking=stick_breaking)
    rng, n, x = np.random.default_rng(1), 40_000, np.array([0.3, -0.2])
    if stick_breaking:
        sticks = rng.beta(found.concentration[:, 0], found.concentration[:, 1], size=(n, 3))
        log_weights = np.log(sticks)
        log_weights[:, 1:] += np.cumsum(np.log1p(-sticks), axis=1)[:, :-1]
    else:
        log_weights = np.log(rng.dirichlet(found.concentration[:, 0], size=n))
    parameters = found.parameters()
    for k in range(3):
        scale = np.linalg.inv(found.scatter[k])
        precisions = stats.wishart(found.degrees_of_freedom[k], scale).rvs(n, random_state=2)
        factors = np.linalg.cholesky(np.linalg.inv(precisions) / found.mean_precision[k])
        deviations = x - found.means[k] - (factors @ rng.normal(size=(n, 2, 1)))[:, :, 0]
        squares = np.einsum("ni,nij,nj->n", deviations, precisions, deviations)
        log_densities = 0.5 * np.linalg.slogdet(precisions).logabsdet - np.log(2 * np.pi) - 0.5 * squares
        sampled = log_weights[:, k] + log_densities
        plain = np.log(parameters.weights[k]) + stats.multivariate_normal.logpdf(
            x, parameters.means[k], parameters.covariances[k]
        )
        error = sampled.std() / np.sqrt(n)
        assert plain + found.log_density_offsets()[k] == pytest.approx(sampled.mean(), abs=5 * error)


@pytest.mark.parametrize("diagonal", [False, True])
@pytest.mark.parametrize("stick_breaking", [False, True])
def test_the_divergence_from_itself_is_zero_and_from_others_positive(stick_breaking, diagonal):
    concentration = STICKS if stick_breaking else [[2.0], [3.0], [4.0]]
    settings = {"stick_breaking": stick_breaking, "diagonal": diagonal}
    first = posterior(concentration, **settings)
    other = posterior(np.array(concentration) * 2, seed=1, **settings)
    assert first.divergence(first) == pytest.approx(0, abs=1e-10)
    assert first.divergence(other) > 1
    assert other.divergence(first) > 1


def test_the_divergence_of_one_univariate_component_is_that_of_the_integrals():
    def normal_gamma(mean_precision, mean, freedom, scatter):
        return VariationalPosterior(
            False,
            np.ones((1, 1)),
            np.array([mean_precision]),
            np.array([[mean]]),
            np.array([freedom]),
            np.array([[[scatter]]]),
        )

    q, p = normal_gamma(3.0, 1.0, 6.0, 4.0), normal_gamma(1.0, 0.5, 3.0, 2.0)
    gamma_q, gamma_p = stats.gamma(3.0, scale=2 / 4.0), stats.gamma(1.5, scale=2 / 2.0)

    def integrand(precision):
        # The divergence of N(1, 1 / 3λ) from N(0.5, 1 / λ), and that of the precisions.
        normals = 0.5 * (1 / 3 - 1 - np.log(1 / 3) + precision * 0.25)
        return gamma_q.pdf(precision) * (gamma_q.logpdf(precision) - gamma_p.logpdf(precision) + normals)

    assert q.divergence(p) == pytest.approx(quad(integrand, 0, np.inf)[0], rel=1e-7)


def test_the_divergence_of_one_broken_stick_is_that_of_its_beta():
    first = posterior([[2.0, 3.0]], stick_breaking=True, K=1)
    prior = VariationalPosterior(
        first.stick_breaking,
        np.array([[1.0, 0.5]]),
        first.mean_precision,
        first.means,
        first.degrees_of_freedom,
        first.scatter,
    )
    a, b = stats.beta(2.0, 3.0), stats.beta(1.0, 0.5)
    expected = quad(lambda v: a.pdf(v) * (a.logpdf(v) - b.logpdf(v)), 0, 1)[0]
    assert first.divergence(prior) == pytest.approx(expected, rel=1e-7)


def test_a_diagonal_posterior_of_one_dimension_is_the_full_one():
    full = VariationalPosterior(
        stick_breaking=False,
        concentration=np.array([[2.0], [1.0]]),
        mean_precision=np.array([2.0, 3.0]),
        means=np.array([[0.0], [1.0]]),
        degrees_of_freedom=np.array([4.0, 5.0]),
        scatter=np.array([[[2.0]], [[7.0]]]),
    )
    diagonal = VariationalPosterior(
        full.stick_breaking,
        full.concentration,
        full.mean_precision,
        full.means,
        full.degrees_of_freedom,
        full.scatter[:, 0],
    )
    np.testing.assert_allclose(diagonal.log_density_offsets(), full.log_density_offsets())
    np.testing.assert_allclose(diagonal.log_determinants(), full.log_determinants())
    np.testing.assert_allclose(diagonal.log_gammas(), full.log_gammas())
