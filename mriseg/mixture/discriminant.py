"""Discriminant analysis by Gaussian mixtures: classes that are known for the data, and predicted for others.

With the density f_c of each class c and its prior probability τ_c,

    P(c | x) = τ_c f_c(x) / Σⱼ τⱼ fⱼ(x)                                                            (1)

In eigenvalue decomposition discriminant analysis (EDDA, [1]_) each class is one Gaussian, and one of the
covariance models of `mriseg.mixture.covariance` ties them: EEE is linear discriminant analysis, VVV is
quadratic. The estimate is the M-step of a mixture whose partition is known; the model is that of the lowest

    BIC = −2 Σₙ wₙ log(τ_c f_c(xₙ)) + p log n,   c the class of n                                   (2)

In mixture discriminant analysis ([2]_; [3]_, section 4) each class is a mixture, whose model and number of
components are selected by BIC within the class.

References
----------
.. [1] Bensmail H, Celeux G (1996). Regularized Gaussian discriminant analysis through eigenvalue
   decomposition. J Am Stat Assoc 91:1743-1748.
.. [2] Hastie T, Tibshirani R (1996). Discriminant analysis by Gaussian mixtures. J R Statist Soc B
   58:155-176.
.. [3] Fraley C, Raftery AE (2002). Model-based clustering, discriminant analysis, and density estimation. J
   Am Stat Assoc 97:611-631.
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mriseg.errors import MixtureError
from mriseg.mixture.covariance import MODELS
from mriseg.mixture.diagnostics import not_fitted_error
from mriseg.mixture.expectation import softmax_in_place
from mriseg.mixture.floor import at_floor
from mriseg.mixture.gaussian import GaussianMixture
from mriseg.mixture.parameters import DegenerateError
from mriseg.mixture.selection import select_model
from mriseg.mixture.settings import Estimator
from mriseg.mixture.validation import check_data, check_sample_weight

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Self

    from numpy.typing import ArrayLike, NDArray

    from mriseg.mixture.parameters import FloatArray, IntArray
    from mriseg.mixture.priors import Prior


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
        weights = check_sample_weight(sample_weight, len(data))
        weights = np.ones(len(data)) if weights is None else weights
        observed = weights > 0
        self.classes_, classes = np.unique(labels[observed], return_inverse=True)
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
        right = self.predict(X) == np.asarray(y)
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


class GaussianDiscriminant(Discriminant):
    """One Gaussian for each class, under a common covariance model (EDDA); see `mriseg.mixture.discriminant`.

    Parameters
    ----------
    models : iterable of str, optional
        Covariance models, of which the one of the lowest BIC is kept; by default all, "E" and "V" in one
        dimension. ("EEE",) is linear discriminant analysis, ("VVV",) quadratic.
    priors : array-like, shape (C,), optional
        Prior probabilities of the classes, ascending; by default their shares.
    prior : Prior or "default", optional
        Conjugate prior of means and covariances, see `GaussianMixture`.
    reg_covar : float, optional
        Smallest variance, see `GaussianMixture`.

    Attributes
    ----------
    model_ : str
        The covariance model.
    bic_ : dict of str to float
        BIC of each model that could be fitted, (2) of the module docstring; the lower the better.
    classes_, priors_, mixtures_, n_features_in_, feature_names_in_
        See `Discriminant`.
    """

    model_: str
    bic_: dict[str, float]

    def __init__(
        self,
        models: Iterable[str] | None = None,
        *,
        priors: ArrayLike | None = None,
        prior: Prior | Literal["default"] | None = None,
        reg_covar: float | None = None,
    ) -> None:
        self.models = models
        self.priors = priors
        self.prior = prior
        self.reg_covar = reg_covar

    def _densities(self, data: FloatArray, classes: IntArray, weights: FloatArray) -> list[GaussianMixture]:
        """Return the Gaussians of the classes under the best model, and set the BIC of all."""
        fits: dict[str, tuple[bool, list[GaussianMixture]]] = {}
        self.bic_, failures = {}, []
        for name in _model_names(self.models, data.shape[1]):
            try:
                fits[name] = self._under(name, data, classes, weights)
            except DegenerateError as error:
                failures.append(error)
                continue
            self.bic_[name] = self._bic(name, fits[name][1], data, classes, weights)
        if not fits:
            raise failures[0] if failures else MixtureError("no model was asked for")
        # A likelihood that rests on the variance floor says nothing; such a model is the last choice.
        self.model_ = min(fits, key=lambda name: (fits[name][0], self.bic_[name]))
        return fits[self.model_][1]

    def _under(
        self, name: str, data: FloatArray, classes: IntArray, weights: FloatArray
    ) -> tuple[bool, list[GaussianMixture]]:
        """Return whether a Gaussian rests on the variance floor, and the Gaussians, under a model."""
        m_step, standardization = self._settings(name).prepare(data, weights.astype(data.dtype))
        statistics = m_step.observations.partition_statistics(classes, len(self.classes_))
        parameters = m_step.maximise(m_step.moments(statistics))
        floor = np.broadcast_to(m_step.floor, standardization.scale.shape)
        fitted = standardization.inverse_transform_parameters(parameters)
        gaussians = [
            GaussianMixture.from_parameters([1.0], mean, covariance[None])
            for mean, covariance in zip(fitted.means, fitted.matrices, strict=True)
        ]
        return bool(at_floor(parameters.covariances, floor).any()), gaussians

    def _bic(
        self,
        name: str,
        gaussians: list[GaussianMixture],
        data: FloatArray,
        classes: IntArray,
        weights: FloatArray,
    ) -> float:
        """Return (2) of the module docstring."""
        log_likelihood = sum(
            weights[classes == c] @ (np.log(self.priors_[c]) + gaussian.score_samples(data[classes == c]))
            for c, gaussian in enumerate(gaussians)
        )
        n_parameters = self._settings(name).count_parameters(len(gaussians), data.shape[1])
        return float(-2 * log_likelihood + n_parameters * np.log(weights.sum()))

    def _settings(self, name: str) -> GaussianMixture:
        """Return the settings of the Gaussians."""
        return GaussianMixture(len(self.classes_), model=name, prior=self.prior, reg_covar=self.reg_covar)


class MixtureDiscriminant(Discriminant):
    """A mixture for each class, of its own model and size (MclustDA); see `mriseg.mixture.discriminant`.

    Parameters
    ----------
    components : iterable of int
        Numbers of components to choose from.
    models : iterable of str, optional
        Covariance models to choose from; by default all.
    priors : array-like, shape (C,), optional
        Prior probabilities of the classes, ascending; by default their shares.
    settings : dict, optional
        Further settings of `GaussianMixture`.

    Attributes
    ----------
    classes_, priors_, mixtures_, n_features_in_, feature_names_in_
        See `Discriminant`.
    """

    def __init__(
        self,
        components: Iterable[int] = range(1, 6),
        models: Iterable[str] | None = None,
        *,
        priors: ArrayLike | None = None,
        settings: dict[str, Any] | None = None,
    ) -> None:
        self.components = components
        self.models = models
        self.priors = priors
        self.settings = settings

    def _densities(self, data: FloatArray, classes: IntArray, weights: FloatArray) -> list[GaussianMixture]:
        """Return the mixture of lowest BIC of each class."""
        components, models = list(self.components), _model_names(self.models, data.shape[1])
        return [
            select_model(
                data[classes == c],
                components,
                models,
                sample_weight=weights[classes == c],
                **(self.settings or {}),
            ).best
            for c in range(len(self.classes_))
        ]


def _model_names(models: Iterable[str] | None, dimensions: int) -> list[str]:
    """Return the given names, or those of all models."""
    if models is not None:
        return list(models)
    return ["E", "V"] if dimensions == 1 else [model.name for model in MODELS]


def _check_labels(y: ArrayLike | None, n: int) -> NDArray[Any]:
    """Return classes as an array of shape (N,)."""
    if y is None:
        raise MixtureError("a discriminant requires y to be passed, but the target y is None")
    labels = np.asarray(y)
    if labels.shape != (n,):
        raise MixtureError(f"y has shape {labels.shape}; {n} observations need ({n},)")
    if labels.dtype.kind == "f" and not np.array_equal(labels, np.round(labels)):
        raise MixtureError("Unknown label type: continuous, or missing; y must hold the classes")
    return labels
