"""Gaussian mixture estimated by maximum likelihood or MAP, on observations or histograms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from mriseg.errors import MixtureError
from mriseg.mixture.covariance import covariance_model
from mriseg.mixture.derived import MixtureOfParameters
from mriseg.mixture.diagnostics import report_fit
from mriseg.mixture.em import convergence_test
from mriseg.mixture.fitting import (
    best_run,
    initial_states,
    prepare_m_step,
    select_rows,
)
from mriseg.mixture.fixed import Fixed
from mriseg.mixture.floor import at_floor
from mriseg.mixture.initial import InitialValues
from mriseg.mixture.online import StepwiseEM
from mriseg.mixture.parameters import Parameters, Standardization
from mriseg.mixture.priors import Prior, default_prior
from mriseg.mixture.validation import check_data, check_sample_weight, check_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Self

    from numpy.typing import ArrayLike, NDArray

    from mriseg.mixture.em import Criterion
    from mriseg.mixture.fitting import Start
    from mriseg.mixture.maximisation import MStep
    from mriseg.mixture.parameters import FloatArray


class GaussianMixture(MixtureOfParameters):
    """Gaussian mixture fitted by the EM algorithm (Dempster et al. 1977, J R Statist Soc B 39:1-38).

    Parameters
    ----------
    n_components : int
        K, the number of components.
    model : str
        Covariance model: "E" or "V" in one dimension; one of the fourteen of
        `mriseg.mixture.covariance.MODELS` in several ("VVV" leaves all free), or scikit-learn's "spherical",
        "diag", "tied", "full".
    covariance_type : str, optional
        What scikit-learn calls ``model``, which it replaces.
    init : str, array-like or Parameters
        The start: "hierarchical", or the name of one of its criteria ("E", "V" in one dimension, without
        random numbers; "EII", "VII", "EEE", "VVV" in several, on a random subsample of 1,000 observations at
        most), "kmeans" (on 100 observations for each component at most), "k-means++" (its seeds alone),
        "random_from_data" (random observations as seeds), "quantiles" (of the first column), "random"
        (responsibilities); labels, shape (N,), or responsibilities, shape (N, K); or `Parameters`, such as
        those of a fitted mixture. More than 500 components in several dimensions start from "kmeans" instead
        of "hierarchical".
    init_params : str, optional
        The name of a start, as scikit-learn calls ``init``, which it replaces.
    means_init : array-like, shape (K, D), optional
        Initial means, every observation assigned to the nearest; replaces ``init``.
    weights_init : array-like, shape (K,), optional
        Initial weights; replace those of the start.
    precisions_init : array-like, optional
        Inverses of the initial covariances, shape (K, D, D), or (K,), (K, D), (D, D) for spherical, diagonal,
        common ones; replace those of the start.
    warm_start : bool
        Whether a further `fit` starts at the present parameters.
    n_init : int
        Number of runs from a start that draws random numbers; the best fit is kept.
    convergence : {"likelihood", "parameters", "aitken"}
        Convergence criterion, see `mriseg.mixture.em.convergence_test`.
    tol : float
        Its tolerance.
    max_iter : int
        Maximum number of iterations.
    prior : Prior or "default", optional
        Conjugate prior: the fit is the mode of the posterior. "default" is mclust's, `default_prior`.
    fixed : Fixed, optional
        Fixed parameters.
    reg_covar : float, optional
        Smallest variance along any axis, in squared units of the data; by default at the level of rounding, a
        fraction of their variance. See `mriseg.mixture.floor`; 0 raises `DegenerateError` where a covariance
        loses rank.
    random_state : int, numpy.random.Generator or None
        Seed of subsamples and random starts; None seeds from the operating system.
    verbose : int
        Whether to print a line about the fit.

    Attributes
    ----------
    weights_ : ndarray of float64, shape (K,)
        Mixing proportions.
    means_ : ndarray of float64, shape (K, D)
        Means. In one dimension a fit from a named start has its components in ascending order of mean; any
        other keeps the order of its start.
    covariances_ : ndarray of float64, shape (K, D, D)
        Covariance matrices, whatever the model.
    converged_ : bool
        Whether the criterion was met.
    n_iter_ : int
        Number of iterations.
    history_ : ndarray of float64, shape (n_iter_ + 1,)
        Log-likelihood of all observations, at the start and after each iteration; with a prior, log-posterior
        less a constant. It never decreases.
    at_floor_ : ndarray of bool, shape (K,)
        Components with a variance at the floor (``reg_covar``) along some axis: they describe a point or a
        plane, not a cluster.
    lower_bound_ : float
        Last entry of ``history_`` for each observation.
    precisions_, precisions_cholesky_ : ndarray of float64, shape (K, D, D)
        Inverses of the covariances, and their upper triangular factors.
    n_features_in_, feature_names_in_
        Number of columns, and their names if the data were a frame.

    Notes
    -----
    An iteration takes O(N K D) operations for diagonal models and O(N K D²) for others, as matrix products
    over blocks. Beyond the data no array grows with N times K. In one dimension equal values are counted
    first, so N is the number of distinct values.
    """

    converged_: bool
    n_iter_: int
    history_: FloatArray
    at_floor_: NDArray[np.bool_]
    lower_bound_: float
    _online: StepwiseEM | None = None

    def __init__(
        self,
        n_components: int = 1,
        *,
        model: str = "VVV",
        covariance_type: str | None = None,
        init: str | ArrayLike | Parameters = "hierarchical",
        init_params: str | None = None,
        weights_init: ArrayLike | None = None,
        means_init: ArrayLike | None = None,
        precisions_init: ArrayLike | None = None,
        n_init: int = 1,
        convergence: Criterion = "likelihood",
        tol: float = 1e-6,
        max_iter: int = 1000,
        reg_covar: float | None = None,
        prior: Prior | Literal["default"] | None = None,
        fixed: Fixed | None = None,
        warm_start: bool = False,
        random_state: int | np.random.Generator | None = 0,
        verbose: int = 0,
    ) -> None:
        self.n_components = n_components
        self.model = model
        self.covariance_type = covariance_type
        self.init = init
        self.init_params = init_params
        self.weights_init = weights_init
        self.means_init = means_init
        self.precisions_init = precisions_init
        self.n_init = n_init
        self.convergence = convergence
        self.tol = tol
        self.max_iter = max_iter
        self.reg_covar = reg_covar
        self.prior = prior
        self.fixed = fixed
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: ArrayLike, y: None = None, sample_weight: ArrayLike | None = None) -> Self:  # noqa: ARG002
        """Fit the mixture.

        Parameters
        ----------
        X : array-like, shape (N, D)
            Observations, or the centres of bins. float32 data of several columns are processed in float32.
        y : None
            Ignored; part of scikit-learn's protocol.
        sample_weight : array-like, shape (N,), optional
            Number of times each row was observed: the counts of a histogram, or any weights.

        Returns
        -------
        GaussianMixture
            Itself.

        Raises
        ------
        MixtureError
            If the data or a setting is unusable.
        DegenerateError
            If every run ends with an empty component or a covariance that has lost rank.
        """
        data = check_data(X)
        self._fit(data, check_sample_weight(sample_weight, len(data)))
        self._remember_columns(X, data)
        report_fit(self)
        return self

    def partial_fit(self, X: ArrayLike, y: None = None, sample_weight: ArrayLike | None = None) -> Self:  # noqa: ARG002
        """Update the mixture with one block of data that do not fit in memory at once.

        The first block is fitted to convergence; each further one is one step of stepwise EM
        (`mriseg.mixture.online`). Blocks should have the same distribution: shuffle the data before
        splitting. ``history_``, ``converged_`` and ``n_iter_`` stay those of the first block. `fit` starts
        again.

        Parameters
        ----------
        X : array-like, shape (N, D)
            The block.
        y : None
            Ignored; part of scikit-learn's protocol.
        sample_weight : array-like, shape (N,), optional
            Number of times each row was observed.

        Returns
        -------
        GaussianMixture
            Itself.

        Raises
        ------
        MixtureError
            As `fit`.
        """
        data = check_data(X)
        weights = check_sample_weight(sample_weight, len(data))
        if self._online is None:
            self._online = StepwiseEM.from_first_block(*self._fit(data, weights))
            self._remember_columns(X, data)
            report_fit(self)
        else:
            weights = np.ones(len(data)) if weights is None else weights
            self._online.update(self._checked(X), weights.astype(data.dtype))
            self._publish(self._online.parameters, self._online.m_step, self._online.standardization)
        return self

    @property
    def n_parameters_(self) -> int:
        """Number of free parameters; fixed ones do not count."""
        return self.count_parameters(*self.means_.shape)

    def count_parameters(self, n_components: int, dimensions: int) -> int:
        """Return the number of free parameters that these settings have.

        Parameters
        ----------
        n_components : int
            K.
        dimensions : int
            D.

        Returns
        -------
        int
        """
        fixed = Fixed() if self.fixed is None else self.fixed
        return fixed.n_parameters(covariance_model(self._model_name, dimensions), n_components, dimensions)

    @property
    def _model_name(self) -> str:
        """Name of the covariance model, whichever of the two settings holds it."""
        return self.model if self.covariance_type is None else self.covariance_type

    def _fit(self, data: FloatArray, weights: FloatArray | None) -> tuple[MStep, Standardization, Parameters]:
        """Fit checked data; return M-step, standardization, and the mixture for standardized data."""
        self._check_settings()
        X, weights, start = select_rows(data, weights, self._start(data.shape[1]), self.n_components)
        self._online = None
        m_step, standardization = self.prepare(X, weights)
        total = m_step.observations.total
        converged = convergence_test(self.convergence, self.tol, total)
        best = best_run(m_step, self._starts(m_step, standardization, start), converged, self.max_iter)
        parameters = best.state
        if X.shape[1] == 1 and isinstance(start, str) and self.fixed is None and self.means_init is None:
            parameters = parameters.ordered(np.argsort(parameters.means[:, 0], kind="stable"))
        self.converged_, self.n_iter_ = best.converged, len(best.history) - 1
        self.history_ = np.array(best.history) - total * standardization.log_jacobian
        self.lower_bound_ = float(self.history_[-1] / total)
        self._publish(parameters, m_step, standardization)
        return m_step, standardization, parameters

    def _start(self, dimensions: int) -> Start:
        """Return the start: the present parameters, or what the settings name."""
        shape = self.n_components, dimensions
        if self.warm_start and self.__sklearn_is_fitted__() and self.means_.shape == shape:
            return self.parameters_
        init = self.init if self.init_params is None else self.init_params
        return init if isinstance(init, str | Parameters) else np.asarray(init)

    def prepare(self, X: FloatArray, weights: FloatArray) -> tuple[MStep, Standardization]:
        """Return what a fit with these settings runs on.

        Parameters
        ----------
        X : ndarray, shape (N, D)
            Checked data.
        weights : ndarray, shape (N,)
            Number of times each row was observed.

        Returns
        -------
        m_step : MStep
            The M-step for standardized data.
        standardization : Standardization
            Of the data.
        """
        model = covariance_model(self._model_name, X.shape[1])
        standardization = Standardization.from_data(X, weights, per_column=model.scale_free)
        prior = self.prior
        if isinstance(prior, str):
            prior = default_prior(X, self.n_components, model, weights)
        m_step = prepare_m_step(
            X, weights, model, standardization, self.n_components, prior, self.fixed, self.reg_covar
        )
        return m_step, standardization

    def _check_settings(self) -> None:
        """Check the settings that do not depend on the data."""
        check_settings(self.n_components, self.n_init, self.tol, self.max_iter)
        if not (isinstance(self.prior, Prior | None) or str(self.prior) == "default"):
            raise MixtureError(f"prior must be a Prior or 'default', not {self.prior!r}")
        if not isinstance(self.fixed, Fixed | None):
            raise MixtureError(f"fixed must be a Fixed, not {self.fixed!r}")

    def _starts(
        self, m_step: MStep, standardization: Standardization, start: Start
    ) -> Iterator[Callable[[], Parameters]]:
        """Yield the starts, see `initial_states`, after standardizing what is in the units of the data."""
        if isinstance(start, Parameters):
            start = standardization.transform_parameters(start)
        states = initial_states(m_step, start, self.n_components, self.n_init, self.random_state)
        if self.warm_start and isinstance(start, Parameters):
            return states
        values = self.weights_init, self.means_init, self.precisions_init
        given = InitialValues.standardized(values, m_step.model, standardization, self.n_components)
        return given.starts(m_step, states)

    def _publish(self, parameters: Parameters, m_step: MStep, standardization: Standardization) -> None:
        """Set the parameters in the units of the data."""
        self.at_floor_ = at_floor(parameters.covariances, m_step.floor)
        self.parameters_ = standardization.inverse_transform_parameters(parameters)
