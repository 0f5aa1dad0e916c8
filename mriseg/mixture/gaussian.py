"""GaussianMixture: maximum likelihood by EM, on observations, weights or histograms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from mriseg.errors import MixtureError
from mriseg.mixture import conditional
from mriseg.mixture.covariance import FLOOR, covariance_model
from mriseg.mixture.em import EMResult, convergence_test, run_em
from mriseg.mixture.estimator import Mixture, check_settings, checked_data, checked_weights, distinct
from mriseg.mixture.expectation import Observations
from mriseg.mixture.maximisation import MStep, min_variance
from mriseg.mixture.online import StepwiseEM
from mriseg.mixture.parameters import DegenerateError, Parameters, Standardization, shaped
from mriseg.mixture.priors import Fixed, FixedTerms, Prior, PriorTerms, default_prior
from mriseg.mixture.starts import RANDOM, check_partition, nearest, starting_totals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Self

    from numpy.typing import ArrayLike, NDArray

    from mriseg.mixture.em import Criterion
    from mriseg.mixture.parameters import FloatArray


class GaussianMixture(Mixture):
    """Gaussian mixture, fitted by the EM algorithm.

    Parameters
    ----------
    n_components : int
        K, the number of components.
    model : str
        Covariance model: "E" or "V" in one dimension; one of the fourteen of
        `mriseg.mixture.covariance.MODELS` in several ("VVV" leaves all free), or scikit-learn's "spherical",
        "diag", "tied", "full".
    init : str, array or Parameters
        The start: "hierarchical", or the name of one of its criteria ("E", "V" in one dimension, without
        random numbers; "EII", "VII", "EEE", "VVV" in several, on 1,000 points drawn where there are more),
        "kmeans" (on 100 points for each component), "quantiles" (of the first column), "random"
        (responsibilities); labels (N,) or responsibilities (N, K); or `Parameters`, such as those of a
        fitted mixture.
    means_init : array (K, D), optional
        Start with these means, every observation going to the nearest; replaces ``init``.
    n_init : int
        Restarts of a start that draws random numbers; the best fit is kept.
    convergence : {"likelihood", "parameters", "aitken"}
        The criterion, see `mriseg.mixture.em.convergence_test`.
    tol : float
        Its tolerance.
    max_iter : int
        Iterations at most.
    prior : Prior or "default", optional
        Conjugate prior: the fit is the mode of the posterior. "default" is mclust's, `default_prior`.
    fixed : Fixed, optional
        Parameters to hold.
    random_state : int, numpy.random.Generator or None
        Seed of subsamples and random starts; None draws afresh each time.

    Attributes
    ----------
    weights_ : array (K,)
        Mixing proportions.
    means_ : array (K, D)
        Means. In one dimension a fit from a named start has its components in ascending order of mean; any
        other keeps the order of its start.
    covariances_ : array (K, D, D)
        Covariance matrices, whatever the model.
    converged_ : bool
        Whether the criterion was met.
    n_iter_ : int
        Iterations done.
    history_ : array (n_iter_ + 1,)
        Log-likelihood of all observations, at the start and after each iteration; with a prior, log-posterior
        less a constant. It never falls.
    at_floor_ : array (K,) of bool
        Components whose covariance rests on the floor (`mriseg.mixture.covariance.FLOOR`, a fraction of the
        variance of the data): they describe a point or a plane, not a cluster.

    Notes
    -----
    Time and memory: an iteration takes O(N K D) operations for diagonal models and O(N K D²) for others, as
    matrix products over blocks. Beyond the data nothing is kept that grows with N times K.
    In one dimension equal values are counted first, so N is the number of distinct values.
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
        """Make a mixture from known numbers: weights (K,), means (K, D) and covariances (K, D, D).

        In one dimension means (K,) and variances (K,) will do.

        Raises
        ------
        MixtureError
            If the shapes do not fit, or the weights are no proportions.
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
        return cls._of(Parameters(weights, means, covariances))

    @classmethod
    def _of(cls, parameters: Parameters) -> GaussianMixture:
        """Wrap parameters."""
        mixture = cls(len(parameters.weights))
        mixture.parameters_ = parameters
        return mixture

    def fit(self, X: ArrayLike, y: None = None, sample_weight: ArrayLike | None = None) -> Self:  # noqa: ARG002
        """Fit the mixture.

        Parameters
        ----------
        X : array (N, D)
            Observations, or the centres of bins. float32 data of several dimensions are worked on in float32.
        y : None
            Ignored, as scikit-learn has it.
        sample_weight : array (N,), optional
            How often each row was observed: the counts of a histogram, or any weights.

        Returns
        -------
        GaussianMixture
            Itself.

        Raises
        ------
        MixtureError
            If the data or a setting is unusable.
        DegenerateError
            If every start ends with an empty component or a covariance that lost rank.
        """
        data, weights = checked_data(X), checked_weights(sample_weight, len(np.asarray(X)))
        self._fit_block(*self._rows(data, weights))
        return self

    def partial_fit(self, X: ArrayLike, y: None = None, sample_weight: ArrayLike | None = None) -> Self:  # noqa: ARG002
        """Take one block of data that do not fit in memory together.

        The first block is fitted to convergence; each further one moves the mixture by one step of stepwise
        EM (`mriseg.mixture.online`). Blocks should be alike: shuffle the data before they are cut.
        ``history_``, ``converged_`` and ``n_iter_`` stay those of the first block. `fit` begins anew.

        Parameters
        ----------
        X : array (N, D)
            The block.
        y : None
            Ignored.
        sample_weight : array (N,), optional
            How often each row was observed.

        Returns
        -------
        GaussianMixture
            Itself.

        Raises
        ------
        MixtureError
            As `fit`.
        """
        data = checked_data(X)
        weights = checked_weights(sample_weight, len(data))
        if self._online is None:
            m_step, standardization, parameters = self._fit_block(*self._rows(data, weights))
            self._online = StepwiseEM.begin(m_step, standardization, parameters)
        else:
            weights = np.ones(len(data)) if weights is None else weights
            self._online.update(self._checked(data), weights.astype(data.dtype))
            self._publish(self._online.parameters, self._online.standardization)
        return self

    def bic(self, X: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Bayesian information criterion, −2 log-likelihood + parameters × log N: the lower the better.

        N is the sum of the weights. mclust reports the same with the opposite sign.
        """
        total = self._total(X, sample_weight)
        return float(
            -2 * total * self.score(X, sample_weight=sample_weight) + self.n_parameters_ * np.log(total)
        )

    def aic(self, X: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Akaike information criterion, −2 log-likelihood + 2 × parameters: the lower the better."""
        total = self._total(X, sample_weight)
        return float(-2 * total * self.score(X, sample_weight=sample_weight) + 2 * self.n_parameters_)

    def icl(self, X: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Integrated completed likelihood, BIC plus a penalty for overlap: the lower the better.

        The penalty is −2 times the log-probability of the most probable component of each observation
        (Biernacki, Celeux and Govaert, IEEE Trans. PAMI 22, 2000).
        """
        weights = 1.0 if sample_weight is None else np.asarray(sample_weight, dtype=float)
        certainty = np.log(self.predict_proba(X).max(axis=1))
        return self.bic(X, sample_weight) - 2 * float((weights * certainty).sum())

    def marginal(self, dimensions: Sequence[int]) -> GaussianMixture:
        """Return the mixture of some dimensions, in the order given; see `mriseg.mixture.conditional`."""
        return self._of(conditional.marginal(self._fitted(), dimensions))

    def condition(self, dimensions: Sequence[int], values: ArrayLike) -> GaussianMixture:
        """Return the mixture of the other dimensions given the values (G,) of some."""
        return self._of(conditional.condition(self._fitted(), dimensions, np.asarray(values, dtype=float)))

    def regress(self, dimensions: Sequence[int], X: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Return mean (N, F) and covariance (N, F, F) of the other dimensions given rows (N, G) of some."""
        return conditional.regress(self._fitted(), dimensions, np.asarray(X, dtype=float))

    @property
    def n_parameters_(self) -> int:
        """Number of free parameters; held ones do not count."""
        n_components, dimensions = self.means_.shape
        fixed = Fixed() if self.fixed is None else self.fixed
        return fixed.n_parameters(covariance_model(self.model, dimensions), n_components, dimensions)

    def _fit_block(
        self, X: FloatArray, weights: FloatArray, start: FloatArray | Parameters | str
    ) -> tuple[MStep, Standardization, Parameters]:
        """Fit rows that are checked; return the estimation, its frame, and the mixture in that frame."""
        self._online = None
        model = covariance_model(self.model, X.shape[1])
        standardization = Standardization.of(X, weights, per_column=model.scale_free)
        prior = self.prior
        if isinstance(prior, str):
            prior = default_prior(X, self.n_components, model, weights)
        points = standardization.enter(X)
        m_step = MStep(
            model,
            Observations.prepare(points, weights, diagonal=model.diagonal, n_components=self.n_components),
            None if prior is None else PriorTerms.of(prior, model, standardization, self.n_components),
            None
            if self.fixed is None
            else FixedTerms.of(self.fixed, model, standardization, self.n_components),
        )
        best = self._best(m_step, self._starts(m_step, standardization, start))
        parameters = best.state
        if X.shape[1] == 1 and isinstance(start, str) and self.means_init is None and self.fixed is None:
            parameters = parameters.ordered(np.argsort(parameters.means[:, 0], kind="stable"))
        self.converged_, self.n_iter_ = best.converged, len(best.history) - 1
        self.history_ = np.array(best.history) - m_step.observations.total * standardization.log_volume
        self._publish(parameters, standardization)
        return m_step, standardization, parameters

    def _rows(
        self, X: FloatArray, weights: FloatArray | None
    ) -> tuple[FloatArray, FloatArray, FloatArray | Parameters | str]:
        """Check the settings against the data; drop rows of weight zero, and count equal values in 1-D."""
        check_settings(self.n_components, self.n_init, self.tol, self.max_iter)
        if isinstance(self.prior, str) and self.prior != "default":
            raise MixtureError(f"prior must be a Prior or 'default', not {self.prior!r}")
        start = self.init if isinstance(self.init, str | Parameters) else np.asarray(self.init)
        if isinstance(start, np.ndarray):
            check_partition(start, len(X), self.n_components)
        if X.shape[1] == 1 and not isinstance(start, np.ndarray):
            return *distinct(X[:, 0], weights), start
        if weights is None:
            return X, np.ones(len(X), dtype=X.dtype), start
        rows = weights > 0
        return X[rows], weights[rows].astype(X.dtype), start[rows] if isinstance(start, np.ndarray) else start

    def _starts(
        self, m_step: MStep, standardization: Standardization, start: FloatArray | Parameters | str
    ) -> Iterator[Callable[[], Parameters]]:
        """Yield the starts, each to be computed when its turn comes."""
        data = m_step.observations
        if self.means_init is not None:
            given = shaped("means_init", self.means_init, (self.n_components, len(standardization.scale)))
            means = (given - standardization.centre) / standardization.scale
            yield lambda: m_step.begin(data.assigned(nearest(data.X, means)[0], len(means)), means)
        elif isinstance(start, Parameters):
            yield lambda: m_step.adopt(standardization.enter_parameters(start))
        elif isinstance(start, np.ndarray):
            yield lambda: m_step.begin(data.assigned(start, self.n_components))
        else:
            generator = np.random.default_rng(self.random_state)
            for _ in range(self.n_init if start in RANDOM else 1):
                yield lambda: m_step.begin(
                    starting_totals(start, data, self.n_components, m_step.model, generator)
                )

    def _best(self, m_step: MStep, starts: Iterator[Callable[[], Parameters]]) -> EMResult[Parameters]:
        """Climb from every start; return the highest end, or the first failure if all degenerate."""
        converged = convergence_test(self.convergence, self.tol, m_step.observations.total)
        results, failures = [], []
        for start in starts:
            try:
                results.append(run_em(m_step.step, start(), converged, self.max_iter))
            except DegenerateError as error:
                failures.append(error)
        if not results:
            raise failures[0]
        return max(results, key=lambda end: end.history[-1])

    def _publish(self, parameters: Parameters, standardization: Standardization) -> None:
        """Set the parameters in the units of the data."""
        self.at_floor_ = min_variance(parameters.covariances) <= FLOOR * (1 + 1e-9)
        self.parameters_ = standardization.leave_parameters(parameters)

    @staticmethod
    def _total(X: ArrayLike, sample_weight: ArrayLike | None) -> float:
        """Return the number of observations: the rows, or the sum of their weights."""
        return float(len(np.asarray(X)) if sample_weight is None else np.sum(sample_weight))
