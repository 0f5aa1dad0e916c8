"""Variational Bayes for Gaussian mixtures, which empties the components that the data do not support.

With the sufficient statistics (Nₖ, sₖ, Qₖ) of an E-step, Σₙ rₖₙ (1, x, x xᵀ), and the prior's parameters with
index 0, the variational M-step is (Bishop 2006 [1]_, section 10.2; [2]_)

    βₖ = β₀ + Nₖ                                                        Bishop eq. 10.60           (1)
    mₖ = (β₀ m₀ + sₖ) / βₖ                                              Bishop eq. 10.61           (2)
    Bₖ = B₀ + Qₖ + β₀ m₀ m₀ᵀ − βₖ mₖ mₖᵀ                                Bishop eq. 10.62           (3)
    νₖ = ν₀ + Nₖ                                                        Bishop eq. 10.63           (4)
    αₖ = α₀ + Nₖ                          for Dirichlet weights,        Bishop eq. 10.58           (5)
    aₖ = 1 + Nₖ,  bₖ = α₀ + Σ Nⱼ over j > k     for stick-breaking weights [3]_, section 3         (6)

where (3) is Bishop's form with the squares expanded, and Bₖ his Wₖ⁻¹. The E-step is that of a Gaussian
mixture whose log-densities have an offset for each component (`VariationalPosterior.log_density_offsets`), so
it runs through the same matrix products.

References
----------
.. [1] Bishop CM (2006). Pattern Recognition and Machine Learning. Springer.
.. [2] Attias H (2000). A variational Bayesian framework for graphical models. Advances in Neural Information
   Processing Systems 12:209-215.
.. [3] Blei DM, Jordan MI (2006). Variational inference for Dirichlet process mixtures. Bayesian Analysis
   1:121-143.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from mriseg.errors import MixtureError
from mriseg.mixture.covariance import covariance_model
from mriseg.mixture.em import EMResult, Step, convergence_test, run_em
from mriseg.mixture.estimator import Mixture
from mriseg.mixture.expectation import Observations, log_joint_coefficients
from mriseg.mixture.maximisation import rounding_bound
from mriseg.mixture.moments import second_moments
from mriseg.mixture.parameters import Parameters, Standardization, outer
from mriseg.mixture.starts import RANDOM_METHODS, starting_statistics
from mriseg.mixture.validation import (
    check_data,
    check_sample_weight,
    check_settings,
    check_shape,
    count_unique,
)
from mriseg.mixture.variational import VariationalPosterior

if TYPE_CHECKING:
    from typing import Self

    from numpy.typing import ArrayLike

    from mriseg.mixture.covariance import CovarianceModel
    from mriseg.mixture.parameters import FloatArray


@dataclass(frozen=True, eq=False)
class VariationalStep:
    """Variational E-step and M-step of one fit, on standardized observations.

    Attributes
    ----------
    observations : Observations
        Standardized observations.
    prior : VariationalPosterior
        Prior of the parameters for standardized data.
    """

    observations: Observations
    prior: VariationalPosterior

    def step(self, posterior: VariationalPosterior) -> Step[VariationalPosterior]:
        """Run the E-step, and return the objective and the M-step for `run_em`.

        Parameters
        ----------
        posterior : VariationalPosterior
            The present state.

        Returns
        -------
        Step
            Its objective is the lower bound of the log-evidence, eq. (7) of `mriseg.mixture.variational`.
        """
        coefficients = offset_coefficients(posterior.parameters(), posterior.log_density_offsets())
        log_density, statistics = self.observations.e_step(coefficients)
        lower_bound = log_density - posterior.divergence(self.prior)
        rounding = rounding_bound(self.observations, coefficients)
        return Step(lower_bound, rounding, lambda: self.maximise(statistics))

    def maximise(self, statistics: FloatArray) -> VariationalPosterior:
        """Return the posterior given the sufficient statistics of an E-step: (1) to (6).

        Parameters
        ----------
        statistics : ndarray, shape (K, P)
            Sufficient statistics.

        Returns
        -------
        VariationalPosterior
        """
        prior = self.prior
        dimensions = prior.means.shape[1]
        counts, sums = statistics[:, 0], statistics[:, 1 : dimensions + 1]
        mean_precision = prior.mean_precision + counts  # (1)
        means = (prior.mean_precision[:, None] * prior.means + sums) / mean_precision[:, None]  # (2)
        squares = second_moments(statistics, dimensions, diagonal=prior.diagonal)
        of_prior = _weighted_squares(prior.mean_precision, prior.means, diagonal=prior.diagonal)
        of_posterior = _weighted_squares(mean_precision, means, diagonal=prior.diagonal)
        return VariationalPosterior(
            prior.stick_breaking,
            self._concentration(counts),
            mean_precision,
            means,
            prior.degrees_of_freedom + counts,  # (4)
            prior.scatter + squares + of_prior - of_posterior,  # (3)
        )

    def _concentration(self, counts: FloatArray) -> FloatArray:
        """Return the parameters of the Dirichlet (5), or of the Betas of the sticks (6)."""
        concentration = self.prior.concentration + counts[:, None]
        if self.prior.stick_breaking:
            later_counts = np.concatenate([np.cumsum(counts[::-1])[::-1][1:], [0.0]])
            concentration[:, 1] = self.prior.concentration[:, 1] + later_counts
        return concentration


def offset_coefficients(parameters: Parameters, offsets: FloatArray) -> FloatArray:
    """Return the coefficients of the log-density of a mixture, with an offset for each component.

    Parameters
    ----------
    parameters : Parameters
        The mixture.
    offsets : ndarray, shape (K,)
        Added to the log-densities of the components.

    Returns
    -------
    ndarray of float64, shape (K, P)
    """
    coefficients = log_joint_coefficients(parameters)
    coefficients[:, 0] += offsets
    return coefficients


def _weighted_squares(mean_precision: FloatArray, means: FloatArray, *, diagonal: bool) -> FloatArray:
    """Return βₖ mₖ mₖᵀ of (3), shape (K, D, D), or its diagonal, shape (K, D)."""
    if diagonal:
        return np.asarray(mean_precision[:, None] * means**2)
    return np.asarray(mean_precision[:, None, None] * outer(means))


class BayesianGaussianMixture(Mixture):
    """Gaussian mixture fitted by variational Bayes, with scikit-learn's names.

    Equations and sources are in the docstring of `mriseg.mixture.bayesian`.

    Parameters
    ----------
    n_components : int
        K, the maximum number of components; those that the data do not support end with almost no weight.
    model : {"VVV", "VVI", "full", "diag"}
        Covariance model: all free, or diagonal. In one dimension "V".
    weight_concentration_prior_type : {"dirichlet_process", "dirichlet_distribution"}
        Stick-breaking Dirichlet process truncated at K, or a finite Dirichlet.
    weight_concentration_prior : float, optional
        Its concentration α₀, by default 1 / K: the smaller, the fewer components.
    mean_precision_prior : float
        Number of observations β₀ that the prior mean counts for.
    mean_prior : array-like, shape (D,), optional
        Prior mean m₀; by default that of the data.
    degrees_of_freedom_prior : float, optional
        Degrees of freedom ν₀ of the Wishart of the precisions, more than D − 1; by default D.
    covariance_prior : array-like, shape (D, D), optional
        Inverse scale B₀ of that Wishart, whose mean precision is the inverse of ``covariance_prior`` over the
        degrees of freedom; by default the covariance of the data.
    init, n_init, tol, max_iter, random_state
        As in `GaussianMixture`; ``init`` is the name of a start.

    Attributes
    ----------
    weights_ : ndarray of float64, shape (K,)
        Expected mixing proportions.
    means_ : ndarray of float64, shape (K, D)
        Expected means.
    covariances_ : ndarray of float64, shape (K, D, D)
        Inverses of the expected precisions.
    counts_ : ndarray of float64, shape (K,)
        Expected number of observations of each component.
    converged_, n_iter_
        As in `GaussianMixture`.
    history_ : ndarray of float64, shape (n_iter_ + 1,)
        Lower bound of the log-evidence, constants included: it never decreases, and models can be compared by
        it.
    """

    converged_: bool
    n_iter_: int
    history_: FloatArray
    counts_: FloatArray

    def __init__(
        self,
        n_components: int = 1,
        *,
        model: str = "VVV",
        weight_concentration_prior_type: Literal[
            "dirichlet_process", "dirichlet_distribution"
        ] = "dirichlet_process",
        weight_concentration_prior: float | None = None,
        mean_precision_prior: float = 1.0,
        mean_prior: ArrayLike | None = None,
        degrees_of_freedom_prior: float | None = None,
        covariance_prior: ArrayLike | None = None,
        init: str = "kmeans",
        n_init: int = 1,
        tol: float = 1e-6,
        max_iter: int = 1000,
        random_state: int | np.random.Generator | None = 0,
    ) -> None:
        self.n_components = n_components
        self.model = model
        self.weight_concentration_prior_type = weight_concentration_prior_type
        self.weight_concentration_prior = weight_concentration_prior
        self.mean_precision_prior = mean_precision_prior
        self.mean_prior = mean_prior
        self.degrees_of_freedom_prior = degrees_of_freedom_prior
        self.covariance_prior = covariance_prior
        self.init = init
        self.n_init = n_init
        self.tol = tol
        self.max_iter = max_iter
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: None = None, sample_weight: ArrayLike | None = None) -> Self:  # noqa: ARG002
        """Fit the mixture.

        Parameters
        ----------
        X : array-like, shape (N, D)
            Observations, or the centres of bins.
        y : None
            Ignored; part of scikit-learn's protocol.
        sample_weight : array-like, shape (N,), optional
            Number of times each row was observed.

        Returns
        -------
        BayesianGaussianMixture
            Itself.

        Raises
        ------
        MixtureError
            If the data or a setting is unusable.
        """
        data = check_data(X)
        weights = check_sample_weight(sample_weight, len(data))
        if data.shape[1] == 1:
            data, weights = count_unique(data[:, 0], weights)
        weights = np.ones(len(data), dtype=data.dtype) if weights is None else weights.astype(data.dtype)
        check_settings(self.n_components, self.n_init, self.tol, self.max_iter)
        model = covariance_model(self.model, data.shape[1])
        if model.name not in {"VVV", "VVI"}:
            raise MixtureError(f"variational Bayes knows the models VVV and VVI, not {self.model}")
        standardization = Standardization.from_data(data, weights, per_column=True)
        observations = Observations.prepare(
            standardization.transform(data), weights, diagonal=model.diagonal, n_components=self.n_components
        )
        prior = self._prior(data, weights, standardization, diagonal=model.diagonal)
        variational_step = VariationalStep(observations, prior)
        self._publish(self._best_run(variational_step, model), variational_step, standardization)
        return self

    def _best_run(
        self, variational_step: VariationalStep, model: CovarianceModel
    ) -> EMResult[VariationalPosterior]:
        """Run variational EM from every start, and return the run with the highest lower bound."""
        observations = variational_step.observations
        generator = np.random.default_rng(self.random_state)
        converged = convergence_test("likelihood", self.tol, observations.total)
        runs = []
        for _ in range(self.n_init if self.init in RANDOM_METHODS else 1):
            statistics = starting_statistics(self.init, observations, self.n_components, model, generator)
            initial = variational_step.maximise(statistics)
            runs.append(run_em(variational_step.step, initial, converged, self.max_iter))
        return max(runs, key=lambda run: run.history[-1])

    def _prior(
        self, X: FloatArray, weights: FloatArray, standardization: Standardization, *, diagonal: bool
    ) -> VariationalPosterior:
        """Return the prior for standardized data."""
        K, D = self.n_components, X.shape[1]
        concentration = self.weight_concentration_prior
        concentration = 1 / K if concentration is None else concentration
        freedom = float(D if self.degrees_of_freedom_prior is None else self.degrees_of_freedom_prior)
        if min(concentration, self.mean_precision_prior) <= 0 or freedom <= D - 1:
            raise MixtureError("priors must be positive, and degrees_of_freedom_prior more than D - 1")
        mean = self._prior_mean(standardization)
        scatter = self._prior_covariance(X, weights) / outer(standardization.scale)
        kind = self.weight_concentration_prior_type
        if kind not in {"dirichlet_process", "dirichlet_distribution"}:
            raise MixtureError(f"no weight_concentration_prior_type {kind!r}")
        stick_breaking = kind == "dirichlet_process"
        return VariationalPosterior(
            stick_breaking,
            np.tile([1.0, concentration] if stick_breaking else [concentration], (K, 1)),
            np.full(K, self.mean_precision_prior),
            np.tile((mean - standardization.centre) / standardization.scale, (K, 1)),
            np.full(K, freedom),
            np.tile(np.diagonal(scatter), (K, 1)) if diagonal else np.tile(scatter, (K, 1, 1)),
        )

    def _prior_mean(self, standardization: Standardization) -> FloatArray:
        """Return m₀ in the units of the data, shape (D,)."""
        if self.mean_prior is None:
            return standardization.centre
        return check_shape("mean_prior", self.mean_prior, standardization.centre.shape)

    def _prior_covariance(self, X: FloatArray, weights: FloatArray) -> FloatArray:
        """Return B₀ in the units of the data, shape (D, D)."""
        if self.covariance_prior is None:
            return np.atleast_2d(np.cov(X, rowvar=False, aweights=weights, bias=True))
        return check_shape("covariance_prior", self.covariance_prior, (X.shape[1], X.shape[1]))

    def _publish(
        self,
        best: EMResult[VariationalPosterior],
        variational_step: VariationalStep,
        standardization: Standardization,
    ) -> None:
        """Set the fitted attributes, in the units of the data."""
        posterior, total = best.state, variational_step.observations.total
        self.parameters_ = standardization.inverse_transform_parameters(posterior.parameters())
        self._log_density_offsets = posterior.log_density_offsets()
        self.counts_ = posterior.mean_precision - variational_step.prior.mean_precision
        self.converged_, self.n_iter_ = best.converged, len(best.history) - 1
        self.history_ = np.array(best.history) - total * standardization.log_jacobian

    def _coefficients(self, standardization: Standardization) -> tuple[FloatArray, bool]:
        parameters = standardization.transform_parameters(self._fitted())
        return offset_coefficients(parameters, self._log_density_offsets), parameters.diagonal
