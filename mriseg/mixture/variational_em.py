"""Variational E-step and M-step of a Gaussian mixture.

With the sufficient statistics (Nₖ, sₖ, Qₖ) of an E-step, Σₙ rₖₙ (1, x, x xᵀ), and the prior's parameters with
index 0, the variational M-step is (Bishop 2006 [1]_, section 10.2; [2]_)

    βₖ = β₀ + Nₖ                                                        Bishop eq. 10.60           (1)
    mₖ = (β₀ m₀ + sₖ) / βₖ                                              Bishop eq. 10.61           (2)
    Bₖ = B₀ + Qₖ + β₀ m₀ m₀ᵀ − βₖ mₖ mₖᵀ                                Bishop eq. 10.62           (3)
    νₖ = ν₀ + Nₖ                                                        Bishop eq. 10.63           (4)
    αₖ = α₀ + Nₖ                          for Dirichlet weights,        Bishop eq. 10.58           (5)
    aₖ = 1 + Nₖ,  bₖ = α₀ + Σ Nⱼ over j > k     for stick-breaking weights [3]_, section 3         (6)

For tied models (3) and (4) are replaced by their means over the components, for spherical ones (3) by its
mean over the diagonal, as in scikit-learn. In (3) the form is Bishop's with the squares expanded, and Bₖ his
Wₖ⁻¹. The E-step is that of a Gaussian mixture whose log-densities have an offset for each component
(`VariationalPosterior.log_density_offsets`), so it runs through the same matrix products.

References
----------
.. [1] Bishop CM (2006). Pattern Recognition and Machine Learning. Springer.
.. [2] Attias H (2000). A variational Bayesian framework for graphical models. Advances in Neural Information
   Processing Systems 12:209-215.
.. [3] Blei DM, Jordan MI (2006). Variational inference for Dirichlet process mixtures. Bayesian Analysis
   1:121-143.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mriseg.mixture.em import Step
from mriseg.mixture.expectation import Observations, log_joint_coefficients
from mriseg.mixture.floor import above_floor
from mriseg.mixture.maximisation import rounding_bound
from mriseg.mixture.moments import second_moments
from mriseg.mixture.parameters import broadcast_components, outer
from mriseg.mixture.variational import VariationalPosterior

if TYPE_CHECKING:
    from mriseg.mixture.covariance import CovarianceModel
    from mriseg.mixture.parameters import FloatArray

# Names of the models that have a posterior of this form: full, diag, tied and spherical.
BAYESIAN_MODELS = ("VVV", "VVI", "EEE", "VII")


@dataclass(frozen=True, eq=False)
class VariationalStep:
    """Variational E-step and M-step of one fit, on standardized observations.

    Attributes
    ----------
    observations : Observations
        Standardized observations.
    prior : VariationalPosterior
        Prior of the parameters for standardized data.
    floor : ndarray, shape (D,)
        Smallest variances Bₖ / νₖ, see `mriseg.mixture.floor`.
    model : CovarianceModel
        The covariance model, one of `BAYESIAN_MODELS`.
    """

    observations: Observations
    prior: VariationalPosterior
    floor: FloatArray
    model: CovarianceModel

    def step(self, posterior: VariationalPosterior) -> Step[VariationalPosterior]:
        """Run the E-step, and return the objective and the M-step for `run_em`.

        Parameters
        ----------
        posterior : VariationalPosterior
            The present state.

        Returns
        -------
        Step
            Its objective is the lower bound of the log-evidence, eq. (7) of `mriseg.mixture.variational`.
        """
        coefficients = log_joint_coefficients(posterior.parameters(), posterior.log_density_offsets())
        log_density, statistics = self.observations.e_step(coefficients)
        lower_bound = log_density - posterior.divergence(self.prior)
        rounding = rounding_bound(self.observations, coefficients)
        return Step(lower_bound, rounding, lambda: self.maximise(statistics))

    def maximise(self, statistics: FloatArray) -> VariationalPosterior:
        """Return the posterior given the sufficient statistics of an E-step: (1) to (6).

        Parameters
        ----------
        statistics : ndarray, shape (K, P)
            Sufficient statistics.

        Returns
        -------
        VariationalPosterior
        """
        prior = self.prior
        dimensions = prior.means.shape[1]
        counts, sums = statistics[:, 0], statistics[:, 1 : dimensions + 1]
        mean_precision = prior.mean_precision + counts  # (1)
        means = (prior.mean_precision[:, None] * prior.means + sums) / mean_precision[:, None]  # (2)
        squares = second_moments(statistics, dimensions, diagonal=prior.diagonal)
        of_prior = _weighted_squares(prior.mean_precision, prior.means, diagonal=prior.diagonal)
        of_posterior = _weighted_squares(mean_precision, means, diagonal=prior.diagonal)
        freedom = prior.degrees_of_freedom + counts  # (4)
        scatter = pooled(self.model, prior.scatter + squares + of_prior - of_posterior)  # (3)
        if self.model.common:
            freedom = np.full_like(freedom, freedom.mean())
        divisor = broadcast_components(freedom, scatter.ndim)
        unfloored = scatter / divisor
        covariances = above_floor(unfloored, self.floor)
        return VariationalPosterior(
            prior.stick_breaking,
            self._concentration(counts),
            mean_precision,
            means,
            freedom,
            scatter if covariances is unfloored else covariances * divisor,
            prior.copies,
        )

    def _concentration(self, counts: FloatArray) -> FloatArray:
        """Return the parameters of the Dirichlet (5), or of the Betas of the sticks (6)."""
        concentration = self.prior.concentration + counts[:, None]
        if self.prior.stick_breaking:
            later_counts = np.concatenate([np.cumsum(counts[::-1])[::-1][1:], [0.0]])
            concentration[:, 1] = self.prior.concentration[:, 1] + later_counts
        return concentration


def pooled(model: CovarianceModel, scatter: FloatArray) -> FloatArray:
    """Return matrices averaged over what a model has in common.

    Parameters
    ----------
    model : CovarianceModel
        The covariance model.
    scatter : ndarray, shape (K, D, D) or (K, D)
        Matrices, or diagonals.

    Returns
    -------
    ndarray of float64 like ``scatter``
    """
    if model.common:
        return np.broadcast_to(scatter.mean(axis=0), scatter.shape)
    return np.broadcast_to(scatter.mean(axis=1, keepdims=True), scatter.shape) if model.spherical else scatter


def n_copies(model: CovarianceModel, n_components: int, dimensions: int) -> int:
    """Return how many precisions are one in a model, see `mriseg.mixture.variational`.

    Parameters
    ----------
    model : CovarianceModel
        The covariance model.
    n_components, dimensions : int
        K and D.

    Returns
    -------
    int
    """
    if model.common:
        return n_components
    return dimensions if model.spherical else 1


def _weighted_squares(mean_precision: FloatArray, means: FloatArray, *, diagonal: bool) -> FloatArray:
    """Return βₖ mₖ mₖᵀ of (3), shape (K, D, D), or its diagonal, shape (K, D)."""
    if diagonal:
        return np.asarray(mean_precision[:, None] * means**2)
    return np.asarray(mean_precision[:, None, None] * outer(means))
