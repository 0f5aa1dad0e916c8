"""BayesianGaussianMixture: variational inference, which empties the components that the data do not need.

Attias, NIPS 12, 2000; Bishop 2006, section 10.2; for the Dirichlet process Blei and Jordan, Bayesian
Analysis 1, 2006. Given the posterior of the parameters, the E-step is that of a Gaussian mixture whose
log-densities are shifted by a constant for each component; so it runs through the same matrix products.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from mriseg.errors import MixtureError
from mriseg.mixture.covariance import covariance_model
from mriseg.mixture.em import EMResult, Step, convergence_test, run_em
from mriseg.mixture.estimator import Mixture, check_settings, checked_data, checked_weights, distinct
from mriseg.mixture.expectation import Observations, coefficients, second_moments
from mriseg.mixture.parameters import Parameters, Standardization, outer, shaped
from mriseg.mixture.starts import RANDOM, starting_totals
from mriseg.mixture.variational import VariationalPosterior

if TYPE_CHECKING:
    from typing import Self

    from numpy.typing import ArrayLike

    from mriseg.mixture.parameters import FloatArray


@dataclass(frozen=True, eq=False)
class Inference:
    """One variational fit: the observations and the prior, both in the frame of the estimation."""

    observations: Observations
    prior: VariationalPosterior

    def step(self, posterior: VariationalPosterior) -> Step[VariationalPosterior]:
        """Run the E-step; the objective is the lower bound of the log-evidence."""
        slopes = slopes_of(posterior.parameters(), posterior.shifts())
        log_density, totals = self.observations.expect(slopes)
        precision = float(np.finfo(self.observations.X.dtype).eps)
        rounding = 16 * precision * self.observations.total * (1 + float(np.abs(slopes[:, 1:]).max()))
        return Step(log_density - posterior.divergence(self.prior), rounding, lambda: self.updated(totals))

    def updated(self, totals: FloatArray) -> VariationalPosterior:
        """Return the posterior given the totals (K, P) of an E-step."""
        prior = self.prior
        dimensions = prior.means.shape[1]
        counts, sums = totals[:, 0], totals[:, 1 : dimensions + 1]
        mean_precision = prior.mean_precision + counts
        means = (prior.mean_precision[:, None] * prior.means + sums) / mean_precision[:, None]
        squares = second_moments(totals, dimensions, diagonal=prior.diagonal)
        if prior.diagonal:
            before, after = prior.mean_precision[:, None] * prior.means**2, mean_precision[:, None] * means**2
        else:
            before = prior.mean_precision[:, None, None] * outer(prior.means)
            after = mean_precision[:, None, None] * outer(means)
        concentration = prior.concentration + counts[:, None]
        if prior.process:
            later = np.concatenate([np.cumsum(counts[::-1])[::-1][1:], [0.0]])
            concentration[:, 1] = prior.concentration[:, 1] + later
        scatter = prior.scatter + squares + before - after
        return VariationalPosterior(
            prior.process, concentration, mean_precision, means, prior.freedom + counts, scatter
        )


def slopes_of(parameters: Parameters, shifts: FloatArray) -> FloatArray:
    """Return the E-step's coefficients (K, P) of a mixture, with its log-densities shifted by (K,)."""
    slopes = coefficients(parameters)
    slopes[:, 0] += shifts
    return slopes


class BayesianGaussianMixture(Mixture):
    """Gaussian mixture fitted by variational Bayes.

    Names are scikit-learn's.

    Parameters
    ----------
    n_components : int
        K, the largest number of components; those that the data do not need end with next to no weight.
    model : {"VVV", "VVI", "full", "diag"}
        Covariance model: all free, or diagonal. In one dimension "V".
    weight_concentration_prior_type : {"dirichlet_process", "dirichlet_distribution"}
        Stick-breaking Dirichlet process truncated at K, or a finite Dirichlet.
    weight_concentration_prior : float, optional
        Its concentration, 1 / K if not given: the smaller, the fewer components.
    mean_precision_prior : float
        Observations that the expected mean is worth.
    mean_prior : array (D,), optional
        The expected mean; that of the data if not given.
    degrees_of_freedom_prior : float, optional
        Of the Wishart of the precisions, more than D − 1; D if not given.
    covariance_prior : array (D, D), optional
        Inverse scale of that Wishart, so that covariances are expected about this divided by the degrees of
        freedom; the covariance of the data if not given.
    init, n_init, tol, max_iter, random_state
        As in `GaussianMixture`; ``init`` is the name of a start.

    Attributes
    ----------
    weights_ : array (K,)
        Expected mixing proportions.
    means_ : array (K, D)
        Expected means.
    covariances_ : array (K, D, D)
        Covariances that stand for the belief: inverse of the expected precisions.
    counts_ : array (K,)
        Observations that belong to each component.
    converged_, n_iter_
        As in `GaussianMixture`.
    history_ : array (n_iter_ + 1,)
        Lower bound of the log-evidence, constants included: it never falls, and fits may be compared by it.
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
        """Fit the mixture to rows X (N, D), observed ``sample_weight`` (N,) times.

        Raises
        ------
        MixtureError
            If the data or a setting is unusable.
        """
        data = checked_data(X)
        weights = checked_weights(sample_weight, len(data))
        if data.shape[1] == 1:
            data, weights = distinct(data[:, 0], weights)
        weights = np.ones(len(data), dtype=data.dtype) if weights is None else weights.astype(data.dtype)
        check_settings(self.n_components, self.n_init, self.tol, self.max_iter)
        model = covariance_model(self.model, data.shape[1])
        if model.name not in {"VVV", "VVI"}:
            raise MixtureError(f"variational Bayes knows the models VVV and VVI, not {self.model}")
        standardization = Standardization.of(data, weights, per_column=True)
        prior = self._prior(data, weights, standardization, diagonal=model.diagonal)
        observations = Observations.prepare(
            standardization.enter(data), weights, diagonal=model.diagonal, n_components=self.n_components
        )
        inference = Inference(observations, prior)
        generator = np.random.default_rng(self.random_state)
        converged = convergence_test("likelihood", self.tol, observations.total)
        results = []
        for _ in range(self.n_init if self.init in RANDOM else 1):
            totals = starting_totals(self.init, observations, self.n_components, model, generator)
            results.append(run_em(inference.step, inference.updated(totals), converged, self.max_iter))
        self._keep(max(results, key=lambda end: end.history[-1]), inference, standardization)
        return self

    def _prior(
        self, X: FloatArray, weights: FloatArray, standardization: Standardization, *, diagonal: bool
    ) -> VariationalPosterior:
        """Return the prior belief in the frame."""
        K, D = self.n_components, X.shape[1]
        concentration = self.weight_concentration_prior
        concentration = 1 / K if concentration is None else concentration
        freedom = float(D if self.degrees_of_freedom_prior is None else self.degrees_of_freedom_prior)
        if min(concentration, self.mean_precision_prior) <= 0 or freedom <= D - 1:
            raise MixtureError("priors must be positive, and degrees_of_freedom_prior more than D - 1")
        mean = (
            standardization.centre if self.mean_prior is None else shaped("mean_prior", self.mean_prior, (D,))
        )
        if self.covariance_prior is None:
            covariance = np.atleast_2d(np.cov(X, rowvar=False, aweights=weights, bias=True))
        else:
            covariance = shaped("covariance_prior", self.covariance_prior, (D, D))
        scatter = covariance / outer(standardization.scale)
        kind = self.weight_concentration_prior_type
        if kind not in {"dirichlet_process", "dirichlet_distribution"}:
            raise MixtureError(f"no weight_concentration_prior_type {kind!r}")
        process = kind == "dirichlet_process"
        return VariationalPosterior(
            process,
            np.tile([1.0, concentration] if process else [concentration], (K, 1)),
            np.full(K, self.mean_precision_prior),
            np.tile((mean - standardization.centre) / standardization.scale, (K, 1)),
            np.full(K, freedom),
            np.tile(np.diagonal(scatter), (K, 1)) if diagonal else np.tile(scatter, (K, 1, 1)),
        )

    def _keep(
        self, best: EMResult[VariationalPosterior], inference: Inference, standardization: Standardization
    ) -> None:
        """Set the fitted attributes."""
        posterior = best.state
        self.parameters_ = standardization.leave_parameters(posterior.parameters())
        self._shifts = posterior.shifts()
        self.counts_ = posterior.mean_precision - inference.prior.mean_precision
        self.converged_, self.n_iter_ = best.converged, len(best.history) - 1
        self.history_ = np.array(best.history) - inference.observations.total * standardization.log_volume

    def _coefficients(self, standardization: Standardization) -> tuple[FloatArray, bool]:
        parameters = self._fitted()
        return slopes_of(standardization.enter_parameters(parameters), self._shifts), parameters.diagonal
