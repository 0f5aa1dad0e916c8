"""What is known before the data: conjugate priors, and parameters that are held."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mriseg.errors import MixtureError
from mriseg.mixture.parameters import Parameters, outer, shaped

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from mriseg.mixture.covariance import CovarianceModel
    from mriseg.mixture.expectation import Moments
    from mriseg.mixture.parameters import FloatArray, Standardization


@dataclass(frozen=True, eq=False)
class Prior:
    """Conjugate prior of every component: normal-inverse-Wishart, and Dirichlet for the weights.

    The estimates become those of Fraley and Raftery, J. Classif. 24, 2007 (mclust's ``priorControl``). Where
    the model shares one covariance between the components, the prior of the covariance counts once.

    Attributes
    ----------
    mean : array (D,)
        Where the means are expected.
    shrinkage : float
        How many observations that expectation is worth; 0 leaves the means free.
    scale : array (D, D), or float
        Scale of the inverse Wishart of the covariances; a float s stands for s times the identity. Diagonal
        and spherical models take an inverse gamma with shape (degrees_of_freedom)/2 and scale s/2 for each of
        their variances, s being the diagonal element, or for spherical models the mean of the diagonal.
    degrees_of_freedom : float
        Degrees of freedom of that distribution; more than D − 1.
    concentration : float
        Parameter of the symmetric Dirichlet of the weights, at least 1: each component is taken to have
        ``concentration − 1`` observations more than it has.
    """

    mean: ArrayLike
    shrinkage: float
    scale: ArrayLike
    degrees_of_freedom: float
    concentration: float = 1.0

    def __post_init__(self) -> None:
        if self.shrinkage < 0 or self.concentration < 1 or self.degrees_of_freedom <= 0:
            raise MixtureError("a prior needs shrinkage ≥ 0, degrees_of_freedom > 0 and concentration ≥ 1")


def default_prior(
    X: FloatArray, n_components: int, model: CovarianceModel, sample_weight: FloatArray | None = None
) -> Prior:
    """Return the weak prior that mclust takes by default.

    Mean of the data with the worth of 0.01 observations, D + 2 degrees of freedom, and the covariance of the
    data divided so that K components of that size fill the volume (Fraley and Raftery, J. Classif. 24, 2007).

    Parameters
    ----------
    X : array (N, D)
        The data.
    n_components : int
        K.
    model : CovarianceModel
        Models with diagonal covariances take the mean variance for all dimensions, the others the full
        matrix.
    sample_weight : array (N,), optional
        How often each row was observed.
    """
    dimensions = X.shape[1]
    total = len(X) if sample_weight is None else float(sample_weight.sum())
    covariance = np.atleast_2d(np.cov(X, rowvar=False, aweights=sample_weight, bias=True))
    covariance *= total / max(total - 1, 1)
    if model.diagonal:
        covariance = np.trace(covariance) / dimensions * np.eye(dimensions)
    scale = covariance / n_components ** (2 / dimensions)
    return Prior(np.average(X, axis=0, weights=sample_weight), 0.01, scale, dimensions + 2)


@dataclass(frozen=True, eq=False)
class PriorTerms:
    """A prior as the M-step uses it, in the frame of the estimation.

    With the means held, minus twice the log-posterior of a component's covariance is
    (n + extra) log|Σ| + tr Σ⁻¹(W + spread + shrinkage (μ − centre)(μ − centre)ᵀ), the form that every
    covariance model maximises already.
    """

    centre: FloatArray
    shrinkage: float
    spread: FloatArray
    extra: float
    concentration: float

    @classmethod
    def of(
        cls, prior: Prior, model: CovarianceModel, standardization: Standardization, n_components: int
    ) -> PriorTerms:
        """Translate a prior for a model with K components."""
        dimensions = len(standardization.scale)
        centre = (
            shaped("mean of the prior", prior.mean, (dimensions,)) - standardization.centre
        ) / standardization.scale
        scale = np.asarray(prior.scale, dtype=float)
        scale = scale * np.eye(dimensions) if scale.ndim == 0 else scale
        matrix = shaped("scale of the prior", scale, (dimensions, dimensions)) / outer(standardization.scale)
        freedom = prior.degrees_of_freedom
        if model.spherical:
            spread, power = np.full(dimensions, np.trace(matrix) / dimensions**2), (freedom + 2) / dimensions
        elif model.diagonal:
            spread, power = np.diagonal(matrix), freedom + 2
        else:
            spread, power = matrix, freedom + dimensions + 1
        copies = n_components if model.common else 1
        normal = 1.0 if prior.shrinkage > 0 else 0.0
        return cls(centre, prior.shrinkage, spread / copies, power / copies + normal, prior.concentration)

    def locate(self, moments: Moments) -> tuple[FloatArray, FloatArray]:
        """Return the weights (K,) and means (K, D) that are most probable."""
        counts = moments.counts + (self.concentration - 1)
        pull = self.shrinkage / (moments.counts[:, None] + self.shrinkage)
        return counts / counts.sum(), moments.means + pull * (self.centre - moments.means)

    def widen(
        self, counts: FloatArray, scatter: FloatArray, means: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Add what the prior is worth to counts (K,) and sums of squares about the means."""
        return counts + self.extra, scatter + self._spread_about(means)

    def log_density(self, parameters: Parameters) -> float:
        """Logarithm of the density of the prior at a mixture, less a constant."""
        covariances, spread = parameters.covariances, self._spread_about(parameters.means)
        if parameters.diagonal:
            log_determinants = np.log(covariances).sum()
            traces = (spread / covariances).sum()
        else:
            log_determinants = np.linalg.slogdet(covariances).logabsdet.sum()
            traces = np.trace(np.linalg.solve(covariances, spread), axis1=1, axis2=2).sum()
        weights = (
            0.0 if self.concentration == 1 else (self.concentration - 1) * np.log(parameters.weights).sum()
        )
        return float(weights - 0.5 * (self.extra * log_determinants + traces))

    def _spread_about(self, means: FloatArray) -> FloatArray:
        away = means - self.centre
        return self.spread + self.shrinkage * (away**2 if self.spread.ndim == 1 else outer(away))


@dataclass(frozen=True, eq=False)
class Fixed:
    """Parameters that the fit must leave as they are; NaN marks those that it may choose.

    Attributes
    ----------
    weights : array (K,), optional
        Held weights; the free ones share what is left, in proportion to their observations.
    means : array (K, D), optional
        A mean is held in all its dimensions or in none.
    covariances : array (K, D, D), optional
        A covariance is held whole or not at all. In one dimension, shape (K,) will do. The model's rule binds
        the free ones alone.
    """

    weights: ArrayLike | None = None
    means: ArrayLike | None = None
    covariances: ArrayLike | None = None

    def n_parameters(self, model: CovarianceModel, n_components: int, dimensions: int) -> int:
        """Count the parameters that stay free."""
        weights = _filled("weights", self.weights, (n_components,))
        means = _filled("means", self.means, (n_components, dimensions))
        matrices = _filled("covariances", self.covariances, (n_components, dimensions, dimensions))
        free = int(np.isnan(matrices).any(axis=(1, 2)).sum())
        covariances = model.n_parameters(free, dimensions) if free else 0
        return max(int(np.isnan(weights).sum()) - 1, 0) + int(np.isnan(means).sum()) + covariances


@dataclass(frozen=True, eq=False)
class FixedTerms:
    """Held parameters as the M-step uses them, in the frame of the estimation; NaN where free."""

    weights: FloatArray
    means: FloatArray
    covariances: FloatArray

    @classmethod
    def of(
        cls, fixed: Fixed, model: CovarianceModel, standardization: Standardization, n_components: int
    ) -> FixedTerms:
        """Translate held parameters for a model with K components.

        Raises
        ------
        MixtureError
            If the shapes do not fit, the weights leave nothing to share, a mean or a covariance is held in
            part, or a held covariance is not diagonal where the model is.
        """
        dimensions = len(standardization.scale)
        weights = _filled("weights", fixed.weights, (n_components,))
        means = _filled("means", fixed.means, (n_components, dimensions))
        matrices = _filled("covariances", fixed.covariances, (n_components, dimensions, dimensions))
        _check_held(weights, means, matrices)
        inside = standardization.enter_parameters(Parameters(weights, means, matrices))
        if not model.diagonal:
            return cls(weights, inside.means, inside.covariances)
        if np.abs(np.nan_to_num(matrices * (1 - np.eye(dimensions)))).any():
            raise MixtureError(f"model {model.name} cannot hold a covariance that is not diagonal")
        return cls(weights, inside.means, np.diagonal(inside.covariances, axis1=1, axis2=2))

    def place(self, weights: FloatArray, means: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Put held weights (K,) and means (K, D) in the place of estimated ones."""
        free = np.isnan(self.weights)
        if not free.all():
            left = 1 - np.nansum(self.weights)
            weights = np.where(
                free, weights * (left / weights[free].sum() if free.any() else 0), self.weights
            )
        return weights, np.where(np.isnan(self.means), means, self.means)

    def estimate(
        self, model: CovarianceModel, counts: FloatArray, scatter: FloatArray, previous: FloatArray | None
    ) -> FloatArray:
        """Estimate the covariances that are free, and put the held ones beside them."""
        free = np.isnan(self.covariances.reshape(len(counts), -1)).any(axis=1)
        covariances = self.covariances.copy()
        if free.any():
            before = None if previous is None else previous[free]
            covariances[free] = model.estimate(counts[free], scatter[free], before)
        return covariances


def _filled(name: str, values: ArrayLike | None, shape: tuple[int, ...]) -> FloatArray:
    """Return held values in their full shape, NaN where there are none."""
    if values is None:
        return np.full(shape, np.nan)
    return shaped(f"fixed {name}", values, shape)


def _check_held(weights: FloatArray, means: FloatArray, matrices: FloatArray) -> None:
    """Refuse held values that no mixture can have."""
    held = np.nansum(weights)
    all_held = not np.isnan(weights).any()
    if np.nanmin(weights, initial=0) < 0 or held > 1 + 1e-9 or (all_held and held < 1 - 1e-9):
        raise MixtureError(
            "held weights must not be negative, nor exceed 1 in sum, and make 1 if all are held"
        )
    for name, values in (("mean", means), ("covariance", matrices.reshape(len(weights), -1))):
        part = np.isnan(values).any(axis=1) & ~np.isnan(values).all(axis=1)
        if part.any():
            raise MixtureError(
                f"the {name} of component {int(part.argmax())} is held in part: hold all of it or none"
            )
    for matrix in matrices[~np.isnan(matrices).any(axis=(1, 2))]:
        if not np.allclose(matrix, matrix.T) or np.linalg.eigvalsh(matrix).min() <= 0:
            raise MixtureError("a held covariance must be symmetric and positive definite")
