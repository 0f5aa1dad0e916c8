"""Gaussian mixture estimated by variational Bayes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from mriseg.errors import MixtureError
from mriseg.mixture.covariance import covariance_model
from mriseg.mixture.diagnostics import report_fit
from mriseg.mixture.em import EMResult, convergence_test, run_em
from mriseg.mixture.estimator import Mixture
from mriseg.mixture.expectation import Observations
from mriseg.mixture.floor import above_floor, at_floor, variance_floor
from mriseg.mixture.log_joint import LogJoint
from mriseg.mixture.parameters import Standardization, outer
from mriseg.mixture.starts import RANDOM_METHODS, starting_statistics
from mriseg.mixture.validation import (
    check_data,
    check_sample_weight,
    check_settings,
    check_shape,
    count_unique,
    random_generator,
)
from mriseg.mixture.variational import VariationalPosterior
from mriseg.mixture.variational_em import BAYESIAN_MODELS, VariationalStep, n_copies, pooled

if TYPE_CHECKING:
    from typing import Self

    from numpy.typing import ArrayLike, NDArray

    from mriseg.mixture.covariance import CovarianceModel
    from mriseg.mixture.parameters import FloatArray


class BayesianGaussianMixture(Mixture):
    """Gaussian mixture fitted by variational Bayes, with scikit-learn's names.

    It empties the components that the data do not support. Equations and sources are in the docstrings of
    `mriseg.mixture.variational_em` and `mriseg.mixture.variational`.

    Parameters
    ----------
    n_components : int
        K, the maximum number of components; those that the data do not support end with almost no weight.
    model : {"VVV", "VVI", "EEE", "VII", "full", "diag", "tied", "spherical"}
        Covariance model: all free, diagonal, one for all components, or spherical. In one dimension "V".
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
    covariance_prior : array-like, shape (D, D), (D,) or (), optional
        Inverse scale B₀ of that Wishart, its diagonal, or the variance along all axes; the mean precision of
        the Wishart is the inverse of ``covariance_prior`` over the degrees of freedom. By default the
        covariance of the data.
    covariance_type, init, init_params, n_init, tol, max_iter, reg_covar, random_state, verbose
        As in `GaussianMixture`; ``init`` is the name of a start.
    warm_start : bool
        Whether a further `fit` starts at the present posterior.

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
    converged_, n_iter_, lower_bound_, at_floor_, precisions_, precisions_cholesky_, n_features_in_
        As in `GaussianMixture`; with ``feature_names_in_``.
    weight_concentration_ : ndarray of float64, shape (K,), or tuple of two
        Parameters of the Dirichlet, or of the Betas of the sticks.
    mean_precision_, degrees_of_freedom_ : ndarray of float64, shape (K,)
        βₖ and νₖ of the posterior.
    weight_concentration_prior_, mean_precision_prior_, degrees_of_freedom_prior_ : float
        Those of the prior, as set or by default.
    mean_prior_, covariance_prior_ : ndarray of float64, shapes (D,) and (D, D)
        Those of the prior.
    history_ : ndarray of float64, shape (n_iter_ + 1,)
        Lower bound of the log-evidence, constants included: it never decreases, and models can be compared by
        it.
    """

    converged_: bool
    n_iter_: int
    history_: FloatArray
    counts_: FloatArray
    at_floor_: NDArray[np.bool_]
    lower_bound_: float
    weight_concentration_: FloatArray | tuple[FloatArray, FloatArray]
    mean_precision_: FloatArray
    degrees_of_freedom_: FloatArray
    weight_concentration_prior_: float
    mean_precision_prior_: float
    degrees_of_freedom_prior_: float
    mean_prior_: FloatArray
    covariance_prior_: FloatArray

    def __init__(
        self,
        n_components: int = 1,
        *,
        model: str = "VVV",
        covariance_type: str | None = None,
        weight_concentration_prior_type: Literal[
            "dirichlet_process", "dirichlet_distribution"
        ] = "dirichlet_process",
        weight_concentration_prior: float | None = None,
        mean_precision_prior: float = 1.0,
        mean_prior: ArrayLike | None = None,
        degrees_of_freedom_prior: float | None = None,
        covariance_prior: ArrayLike | None = None,
        init: str = "kmeans",
        init_params: str | None = None,
        n_init: int = 1,
        tol: float = 1e-6,
        max_iter: int = 1000,
        reg_covar: float | None = None,
        warm_start: bool = False,
        random_state: int | np.random.Generator | None = 0,
        verbose: int = 0,
    ) -> None:
        self.n_components = n_components
        self.model = model
        self.covariance_type = covariance_type
        self.weight_concentration_prior_type = weight_concentration_prior_type
        self.weight_concentration_prior = weight_concentration_prior
        self.mean_precision_prior = mean_precision_prior
        self.mean_prior = mean_prior
        self.degrees_of_freedom_prior = degrees_of_freedom_prior
        self.covariance_prior = covariance_prior
        self.init = init
        self.init_params = init_params
        self.n_init = n_init
        self.tol = tol
        self.max_iter = max_iter
        self.reg_covar = reg_covar
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

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
        self._remember_columns(X, data)
        if data.shape[1] == 1:
            data, weights = count_unique(data[:, 0], weights)
        weights = np.ones(len(data), dtype=data.dtype) if weights is None else weights.astype(data.dtype)
        check_settings(self.n_components, self.n_init, self.tol, self.max_iter)
        model = self._covariance_model(data.shape[1])
        standardization = Standardization.from_data(data, weights, per_column=model.scale_free)
        observations = Observations.prepare(
            standardization.transform(data), weights, diagonal=model.diagonal, n_components=self.n_components
        )
        floor = variance_floor(self.reg_covar, standardization, data.dtype)
        prior = self._prior(data, weights, standardization, floor, model)
        variational_step = VariationalStep(observations, prior, floor, model)
        self._publish(
            self._best_run(variational_step, model, standardization), variational_step, standardization
        )
        report_fit(self)
        return self

    def _covariance_model(self, dimensions: int) -> CovarianceModel:
        """Return the covariance model, or raise `MixtureError` for one that has no posterior here."""
        name = self.model if self.covariance_type is None else self.covariance_type
        model = covariance_model(name, dimensions)
        if model.name not in BAYESIAN_MODELS:
            raise MixtureError(f"variational Bayes knows the models {', '.join(BAYESIAN_MODELS)}, not {name}")
        return model

    def _best_run(
        self, variational_step: VariationalStep, model: CovarianceModel, standardization: Standardization
    ) -> EMResult[VariationalPosterior]:
        """Run variational EM from every start, and return the run with the highest lower bound."""
        observations = variational_step.observations
        converged = convergence_test("likelihood", self.tol, observations.total)
        present = self.__dict__.get("_posterior") if self.warm_start else None
        if present is not None and present.scatter.shape == variational_step.prior.scatter.shape:
            initial = present.standardized(standardization)
            return run_em(variational_step.step, initial, converged, self.max_iter)
        generator = random_generator(self.random_state)
        method = self.init if self.init_params is None else self.init_params
        runs = []
        for _ in range(self.n_init if method in RANDOM_METHODS else 1):
            statistics = starting_statistics(method, observations, self.n_components, model, generator)
            initial = variational_step.maximise(statistics)
            runs.append(run_em(variational_step.step, initial, converged, self.max_iter))
        return max(runs, key=lambda run: run.history[-1])

    def _prior(
        self,
        X: FloatArray,
        weights: FloatArray,
        standardization: Standardization,
        floor: FloatArray,
        model: CovarianceModel,
    ) -> VariationalPosterior:
        """Return the prior for standardized data, and set its attributes in the units of the data."""
        K, D = self.n_components, X.shape[1]
        concentration = self.weight_concentration_prior
        self.weight_concentration_prior_ = 1 / K if concentration is None else concentration
        self.mean_precision_prior_ = self.mean_precision_prior
        freedom = self.degrees_of_freedom_prior
        self.degrees_of_freedom_prior_ = float(D if freedom is None else freedom)
        positive = min(self.weight_concentration_prior_, self.mean_precision_prior_) > 0
        if not (positive and self.degrees_of_freedom_prior_ > D - 1):
            raise MixtureError("priors must be positive, and degrees_of_freedom_prior more than D - 1")
        self.mean_prior_ = self._prior_mean(standardization)
        self.covariance_prior_ = self._prior_covariance(X, weights)
        kind = self.weight_concentration_prior_type
        if kind not in {"dirichlet_process", "dirichlet_distribution"}:
            raise MixtureError(f"no weight_concentration_prior_type {kind!r}")
        stick_breaking = kind == "dirichlet_process"
        sticks = [1.0, self.weight_concentration_prior_]
        scatter: FloatArray = self.covariance_prior_[None] / outer(standardization.scale)
        # The covariance of data on a plane is singular: a prior needs a width across it.
        scatter = np.diagonal(scatter, axis1=1, axis2=2) if model.diagonal else scatter
        scatter = above_floor(pooled(model, scatter), floor)
        return VariationalPosterior(
            stick_breaking,
            np.tile(sticks if stick_breaking else sticks[1:], (K, 1)),
            np.full(K, self.mean_precision_prior_),
            np.tile((self.mean_prior_ - standardization.centre) / standardization.scale, (K, 1)),
            np.full(K, self.degrees_of_freedom_prior_),
            np.repeat(scatter, K, axis=0),
            n_copies(model, K, D),
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
        given = np.asarray(self.covariance_prior, dtype=float)
        if given.shape in {(), X.shape[1:]}:
            given = given * np.eye(X.shape[1])
        given = check_shape("covariance_prior", given, (X.shape[1], X.shape[1]))
        if not np.allclose(given, given.T) or not np.linalg.eigvalsh(given).min() > 0:
            raise MixtureError("covariance_prior must be symmetric and positive definite")
        return given

    def _publish(
        self,
        best: EMResult[VariationalPosterior],
        variational_step: VariationalStep,
        standardization: Standardization,
    ) -> None:
        """Set the fitted attributes, in the units of the data."""
        posterior, total = best.state, variational_step.observations.total
        parameters = posterior.parameters()
        self.at_floor_ = at_floor(parameters.covariances, variational_step.floor)
        self.parameters_ = standardization.inverse_transform_parameters(parameters)
        self._posterior = posterior.destandardized(standardization)
        self.counts_ = posterior.mean_precision - variational_step.prior.mean_precision
        self.mean_precision_, self.degrees_of_freedom_ = (
            posterior.mean_precision,
            posterior.degrees_of_freedom,
        )
        sticks = posterior.concentration
        self.weight_concentration_ = (sticks[:, 0], sticks[:, 1]) if sticks.shape[1] > 1 else sticks[:, 0]
        self.converged_, self.n_iter_ = best.converged, len(best.history) - 1
        self.history_ = np.array(best.history) - total * standardization.log_jacobian
        self.lower_bound_ = float(self.history_[-1] / total)

    def _log_joint(self) -> LogJoint:
        return LogJoint(self._fitted(), self._posterior.log_density_offsets())
