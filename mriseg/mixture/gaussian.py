"""GaussianMixture: maximum likelihood by EM, on observations, weights or histograms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from mriseg.errors import MixtureError
from mriseg.mixture.covariance import FLOOR, covariance_model
from mriseg.mixture.em import Climb, climb, stops
from mriseg.mixture.estimator import Mixture, checked_data, checked_weights
from mriseg.mixture.expectation import Observations
from mriseg.mixture.maximisation import Estimation, least_variance
from mriseg.mixture.parameters import DegenerateError, Frame, Parameters
from mriseg.mixture.priors import Fixed, FixedTerms, Prior, PriorTerms, default_prior
from mriseg.mixture.starts import RANDOM, nearest, starting_partition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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
        The start: "hierarchical" (no random numbers in one dimension), "kmeans", "quantiles" (of the first
        column), "random" (responsibilities); labels (N,) or responsibilities (N, K); or `Parameters`, such as
        those of a fitted mixture.
    means_init : array (K, D), optional
        Start with these means, every observation going to the nearest; replaces ``init``.
    n_init : int
        Restarts of a start that draws random numbers; the best fit is kept.
    convergence : {"likelihood", "parameters", "aitken"}
        The criterion, see `mriseg.mixture.em.stops`.
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
    matrix products over blocks that fit the cache. Beyond the data nothing is kept that grows with N times K.
    In one dimension equal values are counted first, so N is the number of distinct values.
    """

    converged_: bool
    n_iter_: int
    history_: FloatArray
    at_floor_: NDArray[np.bool_]

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
        """
        weights, means = np.asarray(weights, dtype=float), np.asarray(means, dtype=float)
        means = means.reshape(len(weights), -1)
        covariances = np.asarray(covariances, dtype=float)
        if covariances.ndim < 3:
            covariances = covariances.reshape(len(weights), 1, 1)
        mixture = cls(len(weights))
        mixture.parameters_ = Parameters(weights, means, covariances)
        return mixture

    def fit(self, X: ArrayLike, y: None = None, sample_weight: ArrayLike | None = None) -> GaussianMixture:  # noqa: ARG002
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
        X, weights, start = self._rows(checked_data(X), checked_weights(sample_weight, len(np.asarray(X))))
        model = covariance_model(self.model, X.shape[1])
        frame = Frame.of(X, weights, per_column=model.scale_free)
        prior = self.prior
        if isinstance(prior, str):
            prior = default_prior(X, self.n_components, model, weights)
        points = frame.enter(X)
        estimation = Estimation(
            model,
            Observations.prepare(points, weights, diagonal=model.diagonal, n_components=self.n_components),
            None if prior is None else PriorTerms.of(prior, model, frame, self.n_components),
            None if self.fixed is None else FixedTerms.of(self.fixed, model, frame, self.n_components),
        )
        best = self._best(estimation, self._starts(estimation, frame, start))
        self._keep(best, estimation, frame)
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

    @property
    def n_parameters_(self) -> int:
        """Number of free parameters; held ones do not count."""
        n_components, dimensions = self.means_.shape
        fixed = Fixed() if self.fixed is None else self.fixed
        return fixed.n_parameters(covariance_model(self.model, dimensions), n_components, dimensions)

    def _rows(
        self, X: FloatArray, weights: FloatArray | None
    ) -> tuple[FloatArray, FloatArray, FloatArray | Parameters | str]:
        """Check the settings against the data; drop rows of weight zero, and count equal values in 1-D."""
        if not (isinstance(self.n_components, int | np.integer) and self.n_components >= 1):
            raise MixtureError(
                f"n_components must be a whole number of at least 1, not {self.n_components!r}"
            )
        if isinstance(self.prior, str) and self.prior != "default":
            raise MixtureError(f"prior must be a Prior or 'default', not {self.prior!r}")
        if self.n_init < 1 or self.max_iter < 0 or not self.tol >= 0:
            raise MixtureError("n_init must be at least 1, max_iter and tol not negative")
        start = self.init if isinstance(self.init, str | Parameters) else np.asarray(self.init)
        if isinstance(start, np.ndarray) and len(start) != len(X):
            raise MixtureError(f"init has {len(start)} rows; the data have {len(X)}")
        if X.shape[1] == 1 and not isinstance(start, np.ndarray):
            return *distinct(X[:, 0], weights), start
        if weights is None:
            return X, np.ones(len(X), dtype=X.dtype), start
        rows = weights > 0
        return X[rows], weights[rows].astype(X.dtype), start[rows] if isinstance(start, np.ndarray) else start

    def _starts(
        self, estimation: Estimation, frame: Frame, start: FloatArray | Parameters | str
    ) -> Iterator[Callable[[], Parameters]]:
        """Yield the starts, each to be computed when its turn comes."""
        data = estimation.observations
        if self.means_init is not None:
            means = (
                np.asarray(self.means_init, dtype=float).reshape(self.n_components, -1) - frame.centre
            ) / frame.scale
            yield lambda: estimation.begin(data.assigned(nearest(data.X, means)[0], len(means)), means)
        elif isinstance(start, Parameters):
            yield lambda: estimation.adopt(frame.enter_parameters(start))
        elif isinstance(start, np.ndarray):
            yield lambda: estimation.begin(data.assigned(start, self.n_components))
        else:
            generator = np.random.default_rng(self.random_state)
            for _ in range(self.n_init if start in RANDOM else 1):
                yield lambda: self._named_start(start, estimation, generator)

    def _named_start(self, name: str, estimation: Estimation, generator: np.random.Generator) -> Parameters:
        """Compute a start from a partition of the observations, or of a subsample."""
        data = estimation.observations
        points, weights, partition = starting_partition(
            name, data.X, data.sample_weight, self.n_components, estimation.model, generator
        )
        if points is not data.X:
            data = Observations.prepare(
                points, weights, diagonal=data.diagonal, n_components=self.n_components
            )
        return estimation.begin(data.assigned(partition, self.n_components))

    def _best(self, estimation: Estimation, starts: Iterator[Callable[[], Parameters]]) -> Climb[Parameters]:
        """Climb from every start; return the highest end, or the first failure if all degenerate."""
        converged = stops(self.convergence, self.tol, estimation.observations.total)
        climbs, failures = [], []
        for start in starts:
            try:
                climbs.append(climb(estimation.step, start(), converged, self.max_iter))
            except DegenerateError as error:
                failures.append(error)
        if not climbs:
            raise failures[0]
        return max(climbs, key=lambda end: end.history[-1])

    def _keep(self, best: Climb[Parameters], estimation: Estimation, frame: Frame) -> None:
        """Set the fitted attributes."""
        parameters = best.state
        if (
            len(frame.scale) == 1
            and isinstance(self.init, str)
            and self.means_init is None
            and self.fixed is None
        ):
            parameters = parameters.ordered(np.argsort(parameters.means[:, 0], kind="stable"))
        self.at_floor_ = least_variance(parameters.covariances) <= FLOOR * (1 + 1e-9)
        self.parameters_ = frame.leave_parameters(parameters)
        self.converged_, self.n_iter_ = best.converged, len(best.history) - 1
        self.history_ = np.array(best.history) - estimation.observations.total * frame.log_volume

    @staticmethod
    def _total(X: ArrayLike, sample_weight: ArrayLike | None) -> float:
        """Return the number of observations: the rows, or the sum of their weights."""
        return float(len(np.asarray(X)) if sample_weight is None else np.sum(sample_weight))


def distinct(values: FloatArray, sample_weight: FloatArray | None) -> tuple[FloatArray, FloatArray]:
    """Count equal values: return them ascending, (M, 1), and how often each was observed, (M,)."""
    whole = values.max() - values.min() < len(values) and np.array_equal(values, np.rint(values))
    if whole:
        low = values.min()
        counts = np.bincount((values - low).astype(np.intp), weights=sample_weight).astype(float)
        found = np.flatnonzero(counts)
        return (found + float(low))[:, None], counts[found]
    if sample_weight is None:
        unique, counts = np.unique(values, return_counts=True)
    else:
        unique, inverse = np.unique(values, return_inverse=True)
        counts = np.bincount(inverse, weights=sample_weight)
    return unique[counts > 0, None].astype(float), counts[counts > 0].astype(float)
