"""Base class of the mixtures: densities, responsibilities, samples."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import numpy as np

from mriseg.errors import MixtureError
from mriseg.mixture import univariate
from mriseg.mixture.diagnostics import not_fitted_error
from mriseg.mixture.expectation import softmax_in_place
from mriseg.mixture.log_joint import LogJoint
from mriseg.mixture.settings import Estimator
from mriseg.mixture.validation import check_sample_weight, random_generator

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from numpy.typing import ArrayLike, NDArray

    from mriseg.mixture.parameters import FloatArray, Parameters


class Mixture(Estimator, ABC):
    """Gaussian mixture with parameters, in the units of the data.

    Attributes
    ----------
    parameters_ : Parameters
        Weights, means and covariances.
    n_features_in_ : int
        Number of columns of the data that the mixture was fitted to.
    feature_names_in_ : ndarray of str, shape (D,)
        Their names, where the data are a frame whose columns are named by strings; frames that come later
        must have the same, in the same order.
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

    @property
    def precisions_(self) -> FloatArray:
        """Inverses of the covariance matrices, shape (K, D, D), whatever the model."""
        return np.asarray(np.linalg.inv(self.covariances_))

    @property
    def precisions_cholesky_(self) -> FloatArray:
        """Upper triangular matrices U with precision U Uᵀ, shape (K, D, D), whatever the model."""
        factors = np.linalg.cholesky(self.covariances_)
        return np.asarray(np.swapaxes(np.linalg.inv(factors), 1, 2))

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
        data = self._checked(X)
        log_density = np.empty(len(data))

        def store(rows: slice, log_joint: FloatArray) -> None:
            log_density[rows] = softmax_in_place(log_joint)

        log_joint = self._log_joint()
        self._blockwise(log_joint, data, store)
        return log_density - log_joint.standardization.log_jacobian

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
        log_density = self.score_samples(X)
        return float(np.average(log_density, weights=check_sample_weight(sample_weight, len(log_density))))

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
        data = self._checked(X)
        log_joint_of = self._log_joint()
        responsibilities = np.empty((len(data), log_joint_of.n_rows), dtype=data.dtype)

        def store(rows: slice, log_joint: FloatArray) -> None:
            softmax_in_place(log_joint)
            responsibilities[rows] = log_joint.T

        self._blockwise(log_joint_of, data, store)
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
        data = self._checked(X)
        labels = np.empty(len(data), dtype=np.intp)

        def store(rows: slice, log_joint: FloatArray) -> None:
            labels[rows] = log_joint.argmax(axis=0)

        self._blockwise(self._log_joint(), data, store)
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
            Number of points, at least 1.
        random_state : int, Generator or None
            Seed; None seeds from the operating system.

        Returns
        -------
        X : ndarray of float64, shape (n_samples, D)
            The points.
        labels : ndarray of int, shape (n_samples,)
            The component of each.

        Raises
        ------
        MixtureError
            If no point is asked for.
        """
        generator = random_generator(random_state)
        parameters = self._fitted()
        weights, means = parameters.weights, parameters.means
        if n_samples < 1:
            raise MixtureError(f"n_samples must be at least 1, not {n_samples!r}")
        labels = generator.choice(len(weights), size=n_samples, p=weights / weights.sum())
        factors = np.linalg.cholesky(parameters.matrices)
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
        """Return the parameters; raise `NotFittedError` before the fit."""
        try:
            return self.__dict__["parameters_"]  # type: ignore[no-any-return]
        except KeyError:
            raise not_fitted_error(type(self).__name__) from None

    def __sklearn_is_fitted__(self) -> bool:
        """Tell scikit-learn whether there are parameters."""
        return "parameters_" in self.__dict__

    def _checked(self, X: ArrayLike) -> FloatArray:
        """Return data as `check_data` does, checked for the number and the names of columns."""
        return self._checked_columns(X, self.means_.shape[1])

    def _log_joint(self) -> LogJoint:
        """Return the log-density of the components."""
        return LogJoint(self._fitted())

    @staticmethod
    def _blockwise(log_joint: LogJoint, X: FloatArray, use: Callable[[slice, FloatArray], None]) -> None:
        """Call ``use`` with the rows and log(weight × density), shape (K, B), of every block."""
        for start in range(0, len(X), log_joint.block_size):
            rows = slice(start, start + log_joint.block_size)
            use(rows, log_joint(X[rows]))
