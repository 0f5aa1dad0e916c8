"""What every fitted mixture can do: densities, responsibilities, samples."""

from __future__ import annotations

import inspect
import sys
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np

from mriseg.errors import MixtureError
from mriseg.mixture import univariate
from mriseg.mixture.expectation import BLOCK, coefficients, features, normalise
from mriseg.mixture.parameters import Parameters, Standardization

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from numpy.typing import ArrayLike, NDArray

    from mriseg.mixture.parameters import FloatArray


# Weights below this fraction of the largest cannot change a sum of doubles, but can overflow a quotient: they
# count as zero.
NEGLIGIBLE = 1e-30


class Estimator:
    """Parameters by name, as scikit-learn's ``clone`` and pipelines ask for them."""

    @classmethod
    def _names(cls) -> list[str]:
        return [name for name in inspect.signature(cls.__init__).parameters if name != "self"]

    def get_params(self, deep: bool = True) -> dict[str, Any]:  # noqa: ARG002
        """Return the settings by name; ``deep`` is there for scikit-learn."""
        return {name: getattr(self, name) for name in self._names()}

    def set_params(self, **settings: Any) -> Self:
        """Change settings by name; return the estimator.

        Raises
        ------
        MixtureError
            If there is no such setting.
        """
        unknown = settings.keys() - set(self._names())
        if unknown:
            raise MixtureError(f"{type(self).__name__} has no setting {min(unknown)!r}")
        for name, value in settings.items():
            setattr(self, name, value)
        return self

    def __sklearn_tags__(self) -> object:
        """Describe the estimator to scikit-learn, which has been imported if it asks."""
        utilities = sys.modules["sklearn.utils"]
        return utilities.Tags(
            estimator_type="density_estimator", target_tags=utilities.TargetTags(required=False)
        )

    def __repr__(self) -> str:
        signature = inspect.signature(type(self).__init__).parameters
        changed = [
            f"{name}={getattr(self, name)!r}"
            for name in self._names()
            if getattr(self, name) is not signature[name].default
        ]
        return f"{type(self).__name__}({', '.join(changed)})"


def checked_data(X: ArrayLike) -> FloatArray:
    """Return data as floats (N, D); float32 stays float32.

    Raises
    ------
    MixtureError
        If it is no matrix of finite numbers with at least one row and one column.
    """
    data = np.asarray(X)
    if data.ndim != 2 or 0 in data.shape:
        raise MixtureError(
            f"data must be a matrix of observations by columns, (N, D); this has shape {data.shape}"
        )
    if data.dtype.kind not in "fiub":
        raise MixtureError(f"data must be numbers; these are {data.dtype}")
    data = data if data.dtype == np.float32 else data.astype(float, copy=False)
    if not np.isfinite(data).all():
        raise MixtureError("data hold NaN or infinite values: leave those rows out")
    return data


def checked_weights(sample_weight: ArrayLike | None, n: int) -> FloatArray | None:
    """Return weights (N,), or None.

    Raises
    ------
    MixtureError
        If they do not fit the data, are negative or not finite, or are all zero.
    """
    if sample_weight is None:
        return None
    weights = np.asarray(sample_weight, dtype=float)
    if weights.shape != (n,):
        raise MixtureError(f"sample_weight has shape {weights.shape}; {n} observations need ({n},)")
    if not np.isfinite(weights).all() or weights.min() < 0 or not 0 < weights.sum() < np.inf:
        raise MixtureError("sample_weight must be finite and not negative, with a positive sum")
    return np.where(weights < NEGLIGIBLE * weights.max(), 0.0, weights)


def distinct(values: FloatArray, sample_weight: FloatArray | None) -> tuple[FloatArray, FloatArray]:
    """Count equal values (N,): return them ascending, (M, 1), and how often each was observed, (M,)."""
    whole = values.max() < len(values) + values.min() and np.array_equal(values, np.rint(values))
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


def check_settings(n_components: int, n_init: int, tol: float, max_iter: int) -> None:
    """Refuse settings that no fit can use.

    Raises
    ------
    MixtureError
        Naming the setting.
    """
    if not (isinstance(n_components, int | np.integer) and n_components >= 1):
        raise MixtureError(f"n_components must be a whole number of at least 1, not {n_components!r}")
    if n_init < 1 or max_iter < 0 or not tol >= 0:
        raise MixtureError("n_init must be at least 1, max_iter and tol not negative")


class Mixture(Estimator, ABC):
    """A mixture that has its parameters: what can be asked of it.

    Attributes
    ----------
    parameters_ : Parameters
        Weights, means and covariances.
    """

    parameters_: Parameters

    @abstractmethod
    def fit(self, X: ArrayLike, y: None = None, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the mixture to rows X (N, D), observed ``sample_weight`` (N,) times."""

    @property
    def weights_(self) -> FloatArray:
        """Mixing proportions (K,)."""
        return self._fitted().weights

    @property
    def means_(self) -> FloatArray:
        """Means (K, D)."""
        return self._fitted().means

    @property
    def covariances_(self) -> FloatArray:
        """Covariance matrices (K, D, D), whatever the model."""
        return self._fitted().matrices

    def score_samples(self, X: ArrayLike) -> FloatArray:
        """Return the log-density (N,) of each row of X (N, D)."""
        X = self._checked(X)
        log_density = np.empty(len(X))
        self._blockwise(X, lambda rows, joint: log_density.__setitem__(rows, normalise(joint)))
        return log_density - Standardization.spanned_by(self._fitted()).log_volume

    def score(self, X: ArrayLike, y: None = None, sample_weight: ArrayLike | None = None) -> float:  # noqa: ARG002
        """Return the mean log-density of the rows of X (N, D), weighted by ``sample_weight`` (N,)."""
        weights = checked_weights(sample_weight, len(np.asarray(X)))
        return float(np.average(self.score_samples(X), weights=weights))

    def predict_proba(self, X: ArrayLike) -> FloatArray:
        """Return the responsibilities (N, K): the probability of each component given each row of X."""
        X = self._checked(X)
        responsibilities = np.empty((len(X), len(self.weights_)), dtype=X.dtype)

        def fill(rows: slice, joint: FloatArray) -> None:
            normalise(joint)
            responsibilities[rows] = joint.T

        self._blockwise(X, fill)
        return responsibilities

    def predict(self, X: ArrayLike) -> NDArray[np.intp]:
        """Return the most probable component (N,) of each row of X (N, D)."""
        X = self._checked(X)
        labels = np.empty(len(X), dtype=np.intp)
        self._blockwise(X, lambda rows, joint: labels.__setitem__(rows, joint.argmax(axis=0)))
        return labels

    def fit_predict(
        self, X: ArrayLike, y: None = None, sample_weight: ArrayLike | None = None
    ) -> NDArray[np.intp]:
        """Fit the mixture, and return the most probable component (N,) of each row of X (N, D)."""
        return self.fit(X, y, sample_weight).predict(X)

    def sample(
        self, n_samples: int = 1, random_state: int | np.random.Generator | None = 0
    ) -> tuple[FloatArray, NDArray[np.intp]]:
        """Draw from the mixture: first a component, then a point of it.

        Parameters
        ----------
        n_samples : int
            How many points.
        random_state : int, Generator or None
            Seed; None draws afresh each time.

        Returns
        -------
        X : array (n_samples, D)
            The points.
        labels : array (n_samples,)
            The component of each.
        """
        generator = np.random.default_rng(random_state)
        weights, means = self.weights_, self.means_
        labels = generator.choice(len(weights), size=n_samples, p=weights / weights.sum())
        factors = np.linalg.cholesky(self.covariances_)
        deviates = generator.standard_normal((n_samples, means.shape[1]))
        points = np.empty_like(deviates)
        for component in np.unique(labels):
            mine = labels == component
            points[mine] = means[component] + deviates[mine] @ factors[component].T
        return points, labels

    def pdf(self, x: ArrayLike) -> FloatArray:
        """Return the density at x, of any shape, of a mixture of one dimension."""
        return univariate.pdf(self._fitted(), np.asarray(x, dtype=float))

    def cdf(self, x: ArrayLike) -> FloatArray:
        """Return the probability of a value of at most x, of any shape, in one dimension."""
        return univariate.cdf(self._fitted(), np.asarray(x, dtype=float))

    def _fitted(self) -> Parameters:
        """Return the parameters; refuse before there are any."""
        try:
            return self.parameters_
        except AttributeError:
            raise MixtureError(f"this {type(self).__name__} is not fitted yet: call fit first") from None

    def _checked(self, X: ArrayLike) -> FloatArray:
        """Check data against the number of columns of the mixture."""
        data = checked_data(X)
        dimensions = self.means_.shape[1]
        if data.shape[1] != dimensions:
            raise MixtureError(f"data have {data.shape[1]} columns; this mixture has {dimensions} dimensions")
        return data

    def _coefficients(self, standardization: Standardization) -> tuple[FloatArray, bool]:
        """Return the E-step's coefficients in a frame, and whether they are those of the squares alone."""
        parameters = self._fitted()
        return coefficients(standardization.enter_parameters(parameters)), parameters.diagonal

    def _blockwise(self, X: FloatArray, use: Callable[[slice, FloatArray], None]) -> None:
        """Hand log(weight × density), (K, B), to ``use`` block by block, in the mixture's own frame."""
        standardization = Standardization.spanned_by(self._fitted())
        slopes, diagonal = self._coefficients(standardization)
        slopes = slopes.astype(X.dtype)
        width = max(256, BLOCK // len(slopes))
        for start in range(0, len(X), width):
            rows = slice(start, start + width)
            use(rows, slopes @ features(standardization.enter(X[rows]), diagonal=diagonal))
