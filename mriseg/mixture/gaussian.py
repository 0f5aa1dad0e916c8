"""Gaussian mixture estimated by maximum likelihood or MAP, on observations or histograms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from mriseg.errors import MixtureError
from mriseg.mixture import conditional
from mriseg.mixture.constants import FLOOR_TOLERANCE, VARIANCE_FLOOR
from mriseg.mixture.covariance import covariance_model
from mriseg.mixture.criteria import MixtureWithCriteria
from mriseg.mixture.em import convergence_test
from mriseg.mixture.fitting import (
    best_run,
    initial_states,
    prepare_m_step,
    select_rows,
    state_from_means,
)
from mriseg.mixture.fixed import Fixed
from mriseg.mixture.maximisation import MStep, min_variance
from mriseg.mixture.online import StepwiseEM
from mriseg.mixture.parameters import Parameters, Standardization
from mriseg.mixture.priors import Prior, default_prior
from mriseg.mixture.validation import check_data, check_sample_weight, check_settings, check_shape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Self

    from numpy.typing import ArrayLike, NDArray

    from mriseg.mixture.em import Criterion
    from mriseg.mixture.fitting import Start
    from mriseg.mixture.parameters import FloatArray


class GaussianMixture(MixtureWithCriteria):
    """Gaussian mixture fitted by the EM algorithm (Dempster et al. 1977, J R Statist Soc B 39:1-38).

    Parameters
    ----------
    n_components : int
        K, the number of components.
    model : str
        Covariance model: "E" or "V" in one dimension; one of the fourteen of
        `mriseg.mixture.covariance.MODELS` in several ("VVV" leaves all free), or scikit-learn's "spherical",
        "diag", "tied", "full".
    init : str, array-like or Parameters
        The start: "hierarchical", or the name of one of its criteria ("E", "V" in one dimension, without
        random numbers; "EII", "VII", "EEE", "VVV" in several, on a random subsample of 1,000 observations at
        most), "kmeans" (on 100 observations for each component at most), "quantiles" (of the first column),
        "random" (responsibilities); labels, shape (N,), or responsibilities, shape (N, K); or `Parameters`,
        such as those of a fitted mixture.
    means_init : array-like, shape (K, D), optional
        Initial means, every observation assigned to the nearest; replaces ``init``.
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
    random_state : int, numpy.random.Generator or None
        Seed of subsamples and random starts; None seeds from the operating system.

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
        Components with a variance at the floor (`mriseg.mixture.constants.VARIANCE_FLOOR`, a fraction of the
        variance of the data) along some axis: they describe a point or a plane, not a cluster.

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
    _online: StepwiseEM | None = None

    def __init__(
        self,
        n_components: int = 1,
        *,
        model: str = "VVV",
        init: str | ArrayLike | Parameters = "hierarchical",
        means_init: ArrayLike | None = None,
        n_init: int = 1,
        convergence: Criterion = "likelihood",
        tol: float = 1e-6,
        max_iter: int = 1000,
        prior: Prior | Literal["default"] | None = None,
        fixed: Fixed | None = None,
        random_state: int | np.random.Generator | None = 0,
    ) -> None:
        self.n_components = n_components
        self.model = model
        self.init = init
        self.means_init = means_init
        self.n_init = n_init
        self.convergence = convergence
        self.tol = tol
        self.max_iter = max_iter
        self.prior = prior
        self.fixed = fixed
        self.random_state = random_state

    @classmethod
    def from_parameters(cls, weights: ArrayLike, means: ArrayLike, covariances: ArrayLike) -> GaussianMixture:
        """Return a mixture with known parameters.

        Parameters
        ----------
        weights : array-like, shape (K,)
            Mixing proportions.
        means : array-like, shape (K, D); in one dimension also (K,)
            Means.
        covariances : array-like, shape (K, D, D); in one dimension also (K,)
            Covariance matrices, or variances.

        Returns
        -------
        GaussianMixture

        Raises
        ------
        MixtureError
            If the shapes do not fit, the weights are no proportions, or a covariance is not positive
            definite.
        """
        weights, means = np.asarray(weights, dtype=float), np.asarray(means, dtype=float)
        means = means.reshape(len(weights), -1)
        covariances = np.asarray(covariances, dtype=float)
        if means.shape[1] == 1:
            covariances = covariances.reshape(-1, 1, 1)
        if covariances.shape != (*means.shape, means.shape[1]):
            raise MixtureError(f"covariances {covariances.shape} do not fit means {means.shape}")
        if weights.min() < 0 or abs(weights.sum() - 1) > 1e-9:
            raise MixtureError("weights must not be negative and sum to 1")
        if not np.linalg.eigvalsh(covariances).min() > 0:
            raise MixtureError("covariances must be positive definite")
        return cls._from(Parameters(weights, means, covariances))

    @classmethod
    def _from(cls, parameters: Parameters) -> GaussianMixture:
        """Return a mixture with these parameters."""
        mixture = cls(len(parameters.weights))
        mixture.parameters_ = parameters
        return mixture

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
        else:
            weights = np.ones(len(data)) if weights is None else weights
            self._online.update(self._checked(data), weights.astype(data.dtype))
            self._publish(self._online.parameters, self._online.standardization)
        return self

    def marginal(self, dimensions: Sequence[int]) -> GaussianMixture:
        """Return the marginal mixture of some dimensions, see `mriseg.mixture.conditional.marginal`.

        Parameters
        ----------
        dimensions : sequence of int, length G
            The dimensions to keep, in the order wanted.

        Returns
        -------
        GaussianMixture
        """
        return self._from(conditional.marginal(self._fitted(), dimensions))

    def condition(self, dimensions: Sequence[int], values: ArrayLike) -> GaussianMixture:
        """Return the conditional mixture of the other dimensions, see `mriseg.mixture.conditional.condition`.

        Parameters
        ----------
        dimensions : sequence of int, length G
            The given dimensions.
        values : array-like, shape (G,)
            Their values.

        Returns
        -------
        GaussianMixture
        """
        return self._from(conditional.condition(self._fitted(), dimensions, np.asarray(values, dtype=float)))

    def regress(self, dimensions: Sequence[int], X: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Return conditional means and covariances, see `mriseg.mixture.conditional.regress`.

        Parameters
        ----------
        dimensions : sequence of int, length G
            The given dimensions.
        X : array-like, shape (N, G)
            Their values.

        Returns
        -------
        mean : ndarray of float64, shape (N, D − G)
        covariance : ndarray of float64, shape (N, D − G, D − G)
        """
        return conditional.regress(self._fitted(), dimensions, np.asarray(X, dtype=float))

    @property
    def n_parameters_(self) -> int:
        """Number of free parameters; fixed ones do not count."""
        n_components, dimensions = self.means_.shape
        fixed = Fixed() if self.fixed is None else self.fixed
        return fixed.n_parameters(covariance_model(self.model, dimensions), n_components, dimensions)

    def _fit(self, data: FloatArray, weights: FloatArray | None) -> tuple[MStep, Standardization, Parameters]:
        """Fit checked data; return M-step, standardization, and the mixture for standardized data."""
        self._check_settings()
        init = self.init if isinstance(self.init, str | Parameters) else np.asarray(self.init)
        X, weights, start = select_rows(data, weights, init, self.n_components)
        self._online = None
        m_step, standardization = self._m_step(X, weights)
        total = m_step.observations.total
        converged = convergence_test(self.convergence, self.tol, total)
        best = best_run(m_step, self._starts(m_step, standardization, start), converged, self.max_iter)
        parameters = best.state
        if X.shape[1] == 1 and isinstance(start, str) and self.means_init is None and self.fixed is None:
            parameters = parameters.ordered(np.argsort(parameters.means[:, 0], kind="stable"))
        self.converged_, self.n_iter_ = best.converged, len(best.history) - 1
        self.history_ = np.array(best.history) - total * standardization.log_jacobian
        self._publish(parameters, standardization)
        return m_step, standardization, parameters

    def _m_step(self, X: FloatArray, weights: FloatArray) -> tuple[MStep, Standardization]:
        """Return the M-step for standardized data, and the standardization."""
        model = covariance_model(self.model, X.shape[1])
        standardization = Standardization.from_data(X, weights, per_column=model.scale_free)
        prior = self.prior
        if isinstance(prior, str):
            prior = default_prior(X, self.n_components, model, weights)
        m_step = prepare_m_step(X, weights, model, standardization, self.n_components, prior, self.fixed)
        return m_step, standardization

    def _check_settings(self) -> None:
        """Check the settings that do not depend on the data."""
        check_settings(self.n_components, self.n_init, self.tol, self.max_iter)
        if isinstance(self.prior, str) and self.prior != "default":
            raise MixtureError(f"prior must be a Prior or 'default', not {self.prior!r}")

    def _starts(
        self, m_step: MStep, standardization: Standardization, start: Start
    ) -> Iterator[Callable[[], Parameters]]:
        """Return the starts, see `initial_states`, after standardizing what is in the units of the data."""
        if self.means_init is not None:
            means = check_shape(
                "means_init", self.means_init, (self.n_components, len(standardization.scale))
            )
            means = (means - standardization.centre) / standardization.scale
            return iter([lambda: state_from_means(m_step, means)])
        if isinstance(start, Parameters):
            start = standardization.transform_parameters(start)
        return initial_states(m_step, start, self.n_components, self.n_init, self.random_state)

    def _publish(self, parameters: Parameters, standardization: Standardization) -> None:
        """Set the parameters in the units of the data."""
        self.at_floor_ = min_variance(parameters.covariances) <= VARIANCE_FLOOR * (1 + FLOOR_TOLERANCE)
        self.parameters_ = standardization.inverse_transform_parameters(parameters)
