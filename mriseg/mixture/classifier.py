"""Classification by the density of each class: what discriminants have in common.

With the density f_c of each class c and its prior probability τ_c,

    P(c | x) = τ_c f_c(x) / Σⱼ τⱼ fⱼ(x)                                                            (1)
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np

from mriseg.errors import MixtureError
from mriseg.mixture.diagnostics import not_fitted_error
from mriseg.mixture.expectation import softmax_in_place
from mriseg.mixture.settings import Estimator
from mriseg.mixture.validation import check_data, check_sample_weight, row_weights

if TYPE_CHECKING:
    from typing import Self

    from numpy.typing import ArrayLike, NDArray

    from mriseg.mixture.gaussian import GaussianMixture
    from mriseg.mixture.parameters import FloatArray, IntArray


class Discriminant(Estimator, ABC):
    """Classifier by the density of each class, (1) of the module docstring.

    Attributes
    ----------
    classes_ : ndarray, shape (C,)
        The classes, ascending.
    priors_ : ndarray of float64, shape (C,)
        Their prior probabilities τ.
    mixtures_ : list of GaussianMixture, length C
        Their densities.
    n_features_in_, feature_names_in_
        Number of columns, and their names if the data were a frame.
    """

    priors: ArrayLike | None
    classes_: NDArray[Any]
    priors_: FloatArray
    mixtures_: list[GaussianMixture]

    @abstractmethod
    def _densities(self, data: FloatArray, classes: IntArray, weights: FloatArray) -> list[GaussianMixture]:
        """Return the mixture of each class, given data, their classes 0 to C − 1, and weights above zero."""

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the density of each class.

        Parameters
        ----------
        X : array-like, shape (N, D)
            Observations.
        y : array-like, shape (N,)
            The class of each: numbers or strings.
        sample_weight : array-like, shape (N,), optional
            Number of times each row was observed.

        Returns
        -------
        Discriminant
            Itself.

        Raises
        ------
        MixtureError
            If the data, the classes or a setting is unusable, or no model can be fitted.
        """
        data = check_data(X)
        labels = _check_labels(y, len(data))
        weights = row_weights(sample_weight, len(data))
        observed = weights > 0
        self.classes_, classes = _distinct(labels[observed])
        if len(self.classes_) < 2:
            raise MixtureError("y has 1 class; a discriminant needs two or more")
        data, weights = data[observed], weights[observed]
        self.priors_ = self._prior_probabilities(np.bincount(classes, weights).astype(float))
        self.mixtures_ = self._densities(data, classes, weights)
        self._remember_columns(X, data)
        return self

    def predict_proba(self, X: ArrayLike) -> FloatArray:
        """Return the posterior probability of each class given each row.

        Parameters
        ----------
        X : array-like, shape (N, D)
            Data.

        Returns
        -------
        ndarray of float64, shape (N, C)
            Rows sum to one; columns in the order of ``classes_``.

        Raises
        ------
        MixtureError
            If the data are unusable or the discriminant is not fitted; so for all methods that take data.
        """
        log_joint = self._log_joint(X)
        softmax_in_place(log_joint)
        return log_joint.T

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the most probable class of each row.

        Parameters
        ----------
        X : array-like, shape (N, D)
            Data.

        Returns
        -------
        ndarray, shape (N,)
            In the dtype of the classes.
        """
        best = self._log_joint(X).argmax(axis=0)
        return np.asarray(self.classes_[best])

    def score(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Return the share of rows whose class is predicted.

        Parameters
        ----------
        X : array-like, shape (N, D)
            Data.
        y : array-like, shape (N,)
            Their classes.
        sample_weight : array-like, shape (N,), optional
            Number of times each row was observed.

        Returns
        -------
        float
            0 to 1.
        """
        predicted = self.predict(X)
        right = predicted == _check_labels(y, len(predicted))
        return float(np.average(right, weights=check_sample_weight(sample_weight, len(right))))

    def _log_joint(self, X: ArrayLike) -> FloatArray:
        """Return log(τ_c f_c(x)), shape (C, N)."""
        if not self.__sklearn_is_fitted__():
            raise not_fitted_error(type(self).__name__)
        data = self._checked_columns(X, self.n_features_in_)
        log_densities = np.array([mixture.score_samples(data) for mixture in self.mixtures_])
        return np.asarray(log_densities + np.log(self.priors_)[:, None])

    def _prior_probabilities(self, counts: FloatArray) -> FloatArray:
        """Return the prior probabilities that are set, or the shares of the classes."""
        if self.priors is None:
            return np.asarray(counts / counts.sum())
        priors = np.asarray(self.priors, dtype=float)
        if priors.shape != counts.shape or not priors.min() > 0 or not np.isclose(priors.sum(), 1):
            raise MixtureError(f"priors must be {len(counts)} numbers above 0 that sum to 1")
        return np.asarray(priors / priors.sum())

    def __sklearn_is_fitted__(self) -> bool:
        """Tell scikit-learn whether there are densities."""
        return "mixtures_" in self.__dict__

    def __sklearn_tags__(self) -> object:
        """Return scikit-learn's tags; only scikit-learn calls this, so it has been imported."""
        utilities = sys.modules["sklearn.utils"]
        return utilities.Tags(
            estimator_type="classifier",
            classifier_tags=utilities.ClassifierTags(),
            target_tags=utilities.TargetTags(required=True),
        )


def _check_labels(y: ArrayLike | None, n: int) -> NDArray[Any]:
    """Return classes as an array of shape (N,)."""
    if y is None:
        raise MixtureError("a discriminant requires y to be passed, but the target y is None")
    if np.ma.is_masked(y):
        raise MixtureError("y has masked values: leave those rows out")
    labels = np.asarray(y)
    if labels.shape != (n,):
        raise MixtureError(f"y has shape {labels.shape}; {n} observations need ({n},)")
    if labels.dtype.kind == "f" and not np.array_equal(labels, np.round(labels)):
        raise MixtureError("Unknown label type: continuous, or missing; y must hold the classes")
    return labels


def _distinct(labels: NDArray[Any]) -> tuple[NDArray[Any], IntArray]:
    """Return the classes, ascending, and the number of the class of each label."""
    try:
        classes, numbers = np.unique(labels, return_inverse=True)
    except TypeError as error:  # numbers among strings, or None
        raise MixtureError(f"y must hold classes of one kind, and none missing ({error})") from None
    return classes, numbers
