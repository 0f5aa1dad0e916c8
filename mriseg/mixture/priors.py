"""Conjugate prior of a Gaussian mixture, and its M-step: the mode of the posterior (MAP).

The prior [1]_ of each component is normal-inverse-Wishart, that of the weights a symmetric Dirichlet:

    μ | Σ ~ N(μ₀, Σ / κ)                                                                           (1)
    Σ ~ inverse Wishart(ν, Λ),  density ∝ |Σ|^(−(ν + D + 1) / 2) exp(−½ tr Σ⁻¹ Λ)                  (2)
    π ~ Dirichlet(c, …, c)                                                                         (3)

With the counts nₖ, means x̄ₖ and scatter matrices Wₖ of an E-step, the mode of the posterior is at

    πₖ ∝ nₖ + c − 1                                                                                (4)
    μₖ = x̄ₖ + κ / (nₖ + κ) (μ₀ − x̄ₖ)                                                               (5)

and at the covariances that minimise minus twice the log-posterior,

    (nₖ + ν + D + 1 + [κ > 0]) log|Σₖ| + tr Σₖ⁻¹ (Wₖ + Λ + κ (μₖ − μ₀)(μₖ − μ₀)ᵀ)                  (6)

with Wₖ about μₖ. (6) is the deviance that every covariance model minimises (`mriseg.mixture.covariance`),
with additional counts and an additional scatter matrix. Models with diagonal covariances take, for each
variance, an inverse gamma with shape ν / 2 and scale s / 2, density ∝ v^(−ν/2 − 1) exp(−s / 2v), so that

    additional counts ν + 2, additional sums of squares s          in place of ν + D + 1 and Λ     (7)
    additional counts (ν + 2) / D, sums of squares s / D           for spherical models            (8)

where (8) spreads the terms of the one variance over the D axes of log|Σ| and of the trace.

References
----------
.. [1] Fraley C, Raftery AE (2007). Bayesian regularization for normal mixture estimation and model-based
   clustering. J Classif 24:155-181.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mriseg.errors import MixtureError
from mriseg.mixture.constants import DEFAULT_SHRINKAGE
from mriseg.mixture.parameters import outer
from mriseg.mixture.validation import check_shape

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from mriseg.mixture.covariance import CovarianceModel
    from mriseg.mixture.moments import Moments
    from mriseg.mixture.parameters import FloatArray, Parameters, Standardization


@dataclass(frozen=True, eq=False)
class Prior:
    """Conjugate prior of a Gaussian mixture: normal-inverse-Wishart components, Dirichlet weights.

    Equations (1) to (3) of `mriseg.mixture.priors`, after Fraley and Raftery (2007), mclust's
    ``priorControl``. Where the model shares one covariance between the components, the prior of the
    covariance counts once.

    Attributes
    ----------
    mean : array-like, shape (D,)
        Prior mean μ₀ of the component means.
    shrinkage : float
        Number of observations κ that the prior mean counts for; 0 leaves the means free.
    scale : array-like, shape (D, D), or float
        Scale matrix Λ of the inverse Wishart; a float s stands for s times the identity. Diagonal and
        spherical models take an inverse gamma with shape ``degrees_of_freedom / 2`` and scale s / 2 for each
        of their variances, s being the diagonal element, or for spherical models the mean of the diagonal.
    degrees_of_freedom : float
        Degrees of freedom ν of the inverse Wishart; more than D − 1.
    concentration : float
        Parameter c of the symmetric Dirichlet of the weights, at least 1: it adds ``concentration − 1``
        observations to each component.

    Raises
    ------
    MixtureError
        If a number is out of its range.
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
    """Return the weak default prior of mclust.

    Parameters
    ----------
    X : ndarray, shape (N, D)
        The data.
    n_components : int
        K.
    model : CovarianceModel
        Models with diagonal covariances take the mean variance for all dimensions, the others the full
        covariance matrix.
    sample_weight : ndarray, shape (N,), optional
        Number of times each row was observed.

    Returns
    -------
    Prior
        μ₀ the mean of the data, κ = 0.01, ν = D + 2, and Λ the covariance of the data over K^(2/D), so that K
        components of that size fill the volume of the data (Fraley and Raftery 2007).
    """
    dimensions = X.shape[1]
    total = len(X) if sample_weight is None else float(sample_weight.sum())
    covariance = np.atleast_2d(np.cov(X, rowvar=False, aweights=sample_weight, bias=True))
    covariance *= total / max(total - 1, 1)  # unbiased, as in mclust
    if model.diagonal:
        covariance = np.trace(covariance) / dimensions * np.eye(dimensions)
    scale = covariance / n_components ** (2 / dimensions)
    mean = np.average(X, axis=0, weights=sample_weight)
    return Prior(mean, DEFAULT_SHRINKAGE, scale, dimensions + 2)


@dataclass(frozen=True, eq=False)
class PriorTerms:
    """Additional counts and scatter of a prior, for standardized data.

    Attributes
    ----------
    mean : ndarray of float64, shape (D,)
        Prior mean μ₀.
    shrinkage : float
        κ.
    scale : ndarray of float64, shape (D, D), or (D,) for diagonal models
        Additional scatter matrix of (6), (7) or (8), but for the term of the mean.
    additional_counts : float
        Additional counts of (6), (7) or (8).
    concentration : float
        c.
    """

    mean: FloatArray
    shrinkage: float
    scale: FloatArray
    additional_counts: float
    concentration: float

    @classmethod
    def from_prior(
        cls, prior: Prior, model: CovarianceModel, standardization: Standardization, n_components: int
    ) -> PriorTerms:
        """Return the terms of a prior under a covariance model.

        Parameters
        ----------
        prior : Prior
            In the units of the data.
        model : CovarianceModel
            The model.
        standardization : Standardization
            Of the data.
        n_components : int
            K.

        Returns
        -------
        PriorTerms

        Raises
        ------
        MixtureError
            If mean or scale do not fit the data, or the scale is no covariance.
        """
        dimensions = len(standardization.scale)
        mean = check_shape("mean of the prior", prior.mean, (dimensions,))
        mean = (mean - standardization.centre) / standardization.scale
        scale = np.asarray(prior.scale, dtype=float)
        scale = scale * np.eye(dimensions) if scale.ndim == 0 else scale
        matrix = check_shape("scale of the prior", scale, (dimensions, dimensions))
        if not np.allclose(matrix, matrix.T) or np.linalg.eigvalsh(matrix).min() < 0:
            raise MixtureError("scale of the prior must be symmetric and positive")
        matrix = matrix / outer(standardization.scale)
        nu = prior.degrees_of_freedom
        if model.spherical:  # (8) with s the mean of the diagonal
            scale, counts = np.full(dimensions, np.trace(matrix) / dimensions**2), (nu + 2) / dimensions
        elif model.diagonal:  # (7)
            scale, counts = np.diagonal(matrix), nu + 2
        else:  # (6)
            scale, counts = matrix, nu + dimensions + 1
        # The M-step adds the terms to each component: a common covariance must get them once in total.
        copies = n_components if model.common else 1
        of_mean = 1.0 if prior.shrinkage > 0 else 0.0
        return cls(mean, prior.shrinkage, scale / copies, counts / copies + of_mean, prior.concentration)

    def estimate_weights_and_means(self, moments: Moments) -> tuple[FloatArray, FloatArray]:
        """Return the MAP estimates of weights (4) and means (5).

        Parameters
        ----------
        moments : Moments
            Of the components.

        Returns
        -------
        weights : ndarray of float64, shape (K,)
        means : ndarray of float64, shape (K, D)
        """
        counts = moments.counts + (self.concentration - 1)
        fraction = self.shrinkage / (moments.counts[:, None] + self.shrinkage)
        return counts / counts.sum(), moments.means + fraction * (self.mean - moments.means)

    def augment(
        self, counts: FloatArray, scatter: FloatArray, means: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return counts and scatter with the terms (6) to (8) of the prior added.

        Parameters
        ----------
        counts : ndarray, shape (K,)
            Observations of each component.
        scatter : ndarray, shape (K, D, D) or (K, D)
            Sums of squares (and products) about the means.
        means : ndarray, shape (K, D)
            The means.

        Returns
        -------
        counts, scatter : ndarray of float64
            In the shapes given.
        """
        return counts + self.additional_counts, scatter + self._scatter(means)

    def log_density(self, parameters: Parameters) -> float:
        """Return the log-density of the prior, less a constant.

        Parameters
        ----------
        parameters : Parameters
            Where to evaluate, for standardized data.

        Returns
        -------
        float
        """
        covariances, scatter = parameters.covariances, self._scatter(parameters.means)
        if parameters.diagonal:
            log_determinants = np.log(covariances).sum()
            traces = (scatter / covariances).sum()
        else:
            log_determinants = np.linalg.slogdet(covariances).logabsdet.sum()
            traces = np.trace(np.linalg.solve(covariances, scatter), axis1=1, axis2=2).sum()
        # A flat Dirichlet is left out, since a weight of zero would make 0 × −∞.
        log_weights = (
            0.0 if self.concentration == 1 else (self.concentration - 1) * np.log(parameters.weights).sum()
        )
        return float(log_weights - 0.5 * (self.additional_counts * log_determinants + traces))

    def _scatter(self, means: FloatArray) -> FloatArray:
        """Return Λ + κ (μₖ − μ₀)(μₖ − μ₀)ᵀ of (6), or its diagonal."""
        offsets = means - self.mean
        return self.scale + self.shrinkage * (offsets**2 if self.scale.ndim == 1 else outer(offsets))
