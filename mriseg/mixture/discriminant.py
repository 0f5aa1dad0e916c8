"""Discriminant analysis by Gaussian mixtures: classes that are known for the data, and predicted for others.

Classes are predicted by the density f_c and the prior probability τ_c of each, see
`mriseg.mixture.classifier`. In eigenvalue decomposition discriminant analysis (EDDA, [1]_) each class is one
Gaussian, and one of the covariance models of `mriseg.mixture.covariance` ties them: EEE is linear
discriminant analysis, VVV is quadratic. The estimate is the M-step of a mixture whose partition is known; the
model is that of the lowest

    BIC = −2 Σₙ wₙ log(τ_c f_c(xₙ)) + p log n,   c the class of n                                   (1)

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

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mriseg.errors import MixtureError
from mriseg.mixture.classifier import Discriminant
from mriseg.mixture.covariance import MODELS
from mriseg.mixture.floor import at_floor
from mriseg.mixture.gaussian import GaussianMixture
from mriseg.mixture.parameters import DegenerateError
from mriseg.mixture.selection import select_model

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import ArrayLike

    from mriseg.mixture.parameters import FloatArray, IntArray
    from mriseg.mixture.priors import Prior


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
        BIC of each model that could be fitted, (1) of the module docstring; the lower the better.
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
        fitted = standardization.inverse_transform_parameters(parameters)
        gaussians = [
            GaussianMixture.from_parameters([1.0], mean, covariance[None])
            for mean, covariance in zip(fitted.means, fitted.matrices, strict=True)
        ]
        return bool(at_floor(parameters.covariances, m_step.floor).any()), gaussians

    def _bic(
        self,
        name: str,
        gaussians: list[GaussianMixture],
        data: FloatArray,
        classes: IntArray,
        weights: FloatArray,
    ) -> float:
        """Return (1) of the module docstring."""
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
