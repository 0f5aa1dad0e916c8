"""Base classes of the estimators: settings by name, densities, responsibilities, samples."""

from __future__ import annotations

import inspect
import sys
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np

from mriseg.errors import MixtureError
from mriseg.mixture import univariate
from mriseg.mixture.constants import BLOCK_ELEMENTS, MIN_BLOCK_SIZE
from mriseg.mixture.expectation import log_joint_coefficients, quadratic_features, softmax_in_place
from mriseg.mixture.parameters import Parameters, Standardization
from mriseg.mixture.validation import check_data, check_sample_weight

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from numpy.typing import ArrayLike, NDArray

    from mriseg.mixture.parameters import FloatArray


class Estimator:
    """Settings by name, the protocol of scikit-learn's ``clone`` and pipelines."""

    @classmethod
    def _names(cls) -> list[str]:
        return [name for name in inspect.signature(cls.__init__).parameters if name != "self"]

    def get_params(self, deep: bool = True) -> dict[str, Any]:  # noqa: ARG002
        """Return the settings by name.

        Parameters
        ----------
        deep : bool
            Ignored; part of scikit-learn's protocol.

        Returns
        -------
        dict
        """
        return {name: getattr(self, name) for name in self._names()}

    def set_params(self, **settings: Any) -> Self:
        """Change settings by name.

        Parameters
        ----------
        **settings
            New values.

        Returns
        -------
        Estimator
            Itself.

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
        """Return scikit-learn's tags; only scikit-learn calls this, so it has been imported."""
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


class Mixture(Estimator, ABC):
    """Gaussian mixture with parameters, in the units of the data.

    Attributes
    ----------
    parameters_ : Parameters
        Weights, means and covariances.
    """

    parameters_: Parameters

    @abstractmethod
    def fit(self, X: ArrayLike, y: None = None, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the mixture.

        Parameters
        ----------
        X : array-like, shape (N, D)
            Observations.
        y : None
            Ignored; part of scikit-learn's protocol.
        sample_weight : array-like, shape (N,), optional
            Number of times each row was observed.

        Returns
        -------
        Mixture
            Itself.
        """

    @property
    def weights_(self) -> FloatArray:
        """Mixing proportions, shape (K,)."""
        return self._fitted().weights

    @property
    def means_(self) -> FloatArray:
        """Component means, shape (K, D)."""
        return self._fitted().means

    @property
    def covariances_(self) -> FloatArray:
        """Covariance matrices, shape (K, D, D), whatever the model."""
        return self._fitted().matrices

    def score_samples(self, X: ArrayLike) -> FloatArray:
        """Return the log-density of each row.

        Parameters
        ----------
        X : array-like, shape (N, D)
            Data.

        Returns
        -------
        ndarray of float64, shape (N,)

        Raises
        ------
        MixtureError
            If the data are unusable or the mixture is not fitted; so for all methods that take data.
        """
        X = self._checked(X)
        log_density = np.empty(len(X))

        def store(rows: slice, log_joint: FloatArray) -> None:
            log_density[rows] = softmax_in_place(log_joint)

        self._blockwise(X, store)
        return log_density - Standardization.from_parameters(self._fitted()).log_jacobian

    def score(self, X: ArrayLike, y: None = None, sample_weight: ArrayLike | None = None) -> float:  # noqa: ARG002
        """Return the mean log-density.

        Parameters
        ----------
        X : array-like, shape (N, D)
            Data.
        y : None
            Ignored; part of scikit-learn's protocol.
        sample_weight : array-like, shape (N,), optional
            Number of times each row was observed.

        Returns
        -------
        float
        """
        weights = check_sample_weight(sample_weight, len(np.asarray(X)))
        return float(np.average(self.score_samples(X), weights=weights))

    def predict_proba(self, X: ArrayLike) -> FloatArray:
        """Return the responsibilities: the posterior probability of each component given each row.

        Parameters
        ----------
        X : array-like, shape (N, D)
            Data.

        Returns
        -------
        ndarray of float32 for float32 data, else of float64, shape (N, K)
            Rows sum to one.
        """
        X = self._checked(X)
        responsibilities = np.empty((len(X), len(self.weights_)), dtype=X.dtype)

        def store(rows: slice, log_joint: FloatArray) -> None:
            softmax_in_place(log_joint)
            responsibilities[rows] = log_joint.T

        self._blockwise(X, store)
        return responsibilities

    def predict(self, X: ArrayLike) -> NDArray[np.intp]:
        """Return the most probable component of each row.

        Parameters
        ----------
        X : array-like, shape (N, D)
            Data.

        Returns
        -------
        ndarray of int, shape (N,)
        """
        X = self._checked(X)
        labels = np.empty(len(X), dtype=np.intp)

        def store(rows: slice, log_joint: FloatArray) -> None:
            labels[rows] = log_joint.argmax(axis=0)

        self._blockwise(X, store)
        return labels

    def fit_predict(
        self, X: ArrayLike, y: None = None, sample_weight: ArrayLike | None = None
    ) -> NDArray[np.intp]:
        """Fit the mixture, and return the most probable component of each row.

        Parameters
        ----------
        X : array-like, shape (N, D)
            Data.
        y : None
            Ignored; part of scikit-learn's protocol.
        sample_weight : array-like, shape (N,), optional
            Number of times each row was observed.

        Returns
        -------
        ndarray of int, shape (N,)
        """
        return self.fit(X, y, sample_weight).predict(X)

    def sample(
        self, n_samples: int = 1, random_state: int | np.random.Generator | None = 0
    ) -> tuple[FloatArray, NDArray[np.intp]]:
        """Return random points from the mixture.

        Parameters
        ----------
        n_samples : int
            Number of points.
        random_state : int, Generator or None
            Seed; None seeds from the operating system.

        Returns
        -------
        X : ndarray of float64, shape (n_samples, D)
            The points.
        labels : ndarray of int, shape (n_samples,)
            The component of each.
        """
        generator = np.random.default_rng(random_state)
        weights, means = self.weights_, self.means_
        labels = generator.choice(len(weights), size=n_samples, p=weights / weights.sum())
        factors = np.linalg.cholesky(self.covariances_)
        deviates = generator.standard_normal((n_samples, means.shape[1]))
        points = np.empty_like(deviates)
        for component in np.unique(labels):
            rows = labels == component
            # x = μ + L z has covariance L Lᵀ.
            points[rows] = means[component] + deviates[rows] @ factors[component].T
        return points, labels

    def pdf(self, x: ArrayLike) -> FloatArray:
        """Return the probability density of a mixture of one dimension.

        Parameters
        ----------
        x : array-like, any shape
            Where to evaluate.

        Returns
        -------
        ndarray of float64
            In the shape of x.

        Raises
        ------
        MixtureError
            If the mixture has several dimensions.
        """
        return univariate.pdf(self._fitted(), np.asarray(x, dtype=float))

    def cdf(self, x: ArrayLike) -> FloatArray:
        """Return the cumulative distribution function of a mixture of one dimension.

        Parameters
        ----------
        x : array-like, any shape
            Where to evaluate.

        Returns
        -------
        ndarray of float64
            In the shape of x.

        Raises
        ------
        MixtureError
            If the mixture has several dimensions.
        """
        return univariate.cdf(self._fitted(), np.asarray(x, dtype=float))

    def _fitted(self) -> Parameters:
        """Return the parameters; raise `MixtureError` before the fit."""
        try:
            return self.parameters_
        except AttributeError:
            raise MixtureError(f"this {type(self).__name__} is not fitted yet: call fit first") from None

    def _checked(self, X: ArrayLike) -> FloatArray:
        """Return data as `check_data` does, checked for the number of columns."""
        data = check_data(X)
        dimensions = self.means_.shape[1]
        if data.shape[1] != dimensions:
            raise MixtureError(f"data have {data.shape[1]} columns; this mixture has {dimensions} dimensions")
        return data

    def _coefficients(self, standardization: Standardization) -> tuple[FloatArray, bool]:
        """Return the coefficients (K, P) of the log-density for standardized data, and whether diagonal."""
        parameters = standardization.transform_parameters(self._fitted())
        return log_joint_coefficients(parameters), parameters.diagonal

    def _blockwise(self, X: FloatArray, use: Callable[[slice, FloatArray], None]) -> None:
        """Call ``use`` with the rows and log(weight × density), shape (K, B), of every block.

        The data are standardized by the mixture itself, so that the log-density keeps its digits far from
        zero.
        """
        standardization = Standardization.from_parameters(self._fitted())
        coefficients, diagonal = self._coefficients(standardization)
        coefficients = coefficients.astype(X.dtype)
        block_size = max(MIN_BLOCK_SIZE, BLOCK_ELEMENTS // len(coefficients))
        for start in range(0, len(X), block_size):
            rows = slice(start, start + block_size)
            points = standardization.transform(X[rows])
            use(rows, coefficients @ quadratic_features(points, diagonal=diagonal))
