"""Variational posterior of a Gaussian mixture: normal-Wishart components, weights of two kinds.

The factors of the posterior of component k are (Bishop 2006, section 10.2)

    q(μₖ, Λₖ) = N(μₖ; mₖ, (βₖ Λₖ)⁻¹) Wishart(Λₖ; Bₖ⁻¹, νₖ)                       Bishop eq. 10.59  (1)

with Λₖ the precision matrix and Bₖ the inverse scale matrix, Bishop's Wₖ⁻¹. For diagonal models each
dimension has a Wishart of dimension one. Where c precisions are one (those of K components of a tied model,
of D dimensions of a spherical one), its density is the product of c equal ones, a Wishart with c νₖ degrees
of freedom and the inverse scale c Bₖ. With d the dimension of a Wishart (D, or 1), a component has D / (c d)
of them. The weights have a Dirichlet with parameters αₖ, or are made by breaking a stick truncated at K
pieces [2]_,

    πₖ = Vₖ Π (1 − Vⱼ) over j < k,   q(Vₖ) = Beta(aₖ, bₖ)                                          (2)

The expectations needed by the E-step are

    E log|Λₖ| = D / d Σᵢ ψ((c νₖ + 1 − i) / 2) + D log(2 / c) − log|Bₖ|,  i = 1 … d,    eq. 10.65  (3)
    E log πₖ = ψ(αₖ) − ψ(Σⱼ αⱼ)                                                  Bishop eq. 10.66  (4)
    E log πₖ = E log Vₖ + Σⱼ E log(1 − Vⱼ) over j < k                                               (5)
    E[(x − μₖ)ᵀ Λₖ (x − μₖ)] = D / βₖ + νₖ (x − mₖ)ᵀ Bₖ⁻¹ (x − mₖ)               Bishop eq. 10.64  (6)

with ψ the digamma function, E log Vₖ = ψ(aₖ) − ψ(aₖ + bₖ) and E log(1 − Vₖ) = ψ(bₖ) − ψ(aₖ + bₖ). The lower
bound of the log-evidence (Bishop section 10.2.2) is

    Σₙ log Σₖ exp E log(πₖ N(xₙ; μₖ, Λₖ⁻¹)) − KL(q ‖ p)                                            (7)

right after an E-step, KL being the Kullback-Leibler divergence of the posterior of all parameters from the
prior: the sum of those of the weights, of the means given the precisions, and of the precisions.

References
----------
.. [1] Bishop CM (2006). Pattern Recognition and Machine Learning. Springer.
.. [2] Blei DM, Jordan MI (2006). Variational inference for Dirichlet process mixtures. Bayesian Analysis
   1:121-143.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from mriseg.mixture.parameters import Parameters, broadcast_components, outer

if TYPE_CHECKING:
    from mriseg.mixture.parameters import FloatArray, Standardization


@dataclass(frozen=True, eq=False)
class VariationalPosterior:
    """Variational posterior of the parameters of a Gaussian mixture; the conjugate prior has the same form.

    Attributes
    ----------
    stick_breaking : bool
        Whether the weights have a truncated stick-breaking distribution (Dirichlet process), else a
        Dirichlet.
    concentration : ndarray of float64, shape (K, 1) or (K, 2)
        Parameters αₖ of the Dirichlet, or (aₖ, bₖ) of the Beta of each stick.
    mean_precision : ndarray of float64, shape (K,)
        βₖ, the number of observations that the mean counts for.
    means : ndarray of float64, shape (K, D)
        mₖ.
    degrees_of_freedom : ndarray of float64, shape (K,)
        νₖ.
    scatter : ndarray of float64, shape (K, D, D), or (K, D) for diagonal models
        Bₖ, the inverse scale of the Wishart.
    copies : int
        c, the number of precisions that are one: K for tied models, D for spherical ones.
    """

    stick_breaking: bool
    concentration: FloatArray
    mean_precision: FloatArray
    means: FloatArray
    degrees_of_freedom: FloatArray
    scatter: FloatArray
    copies: int = 1

    @property
    def diagonal(self) -> bool:
        """Whether the covariances are diagonal."""
        return self.scatter.ndim == self.means.ndim

    @property
    def weights(self) -> FloatArray:
        """Expected mixing proportions, shape (K,), normalised where the stick is truncated."""
        if self.stick_breaking:
            sticks = self.concentration[:, 0] / self.concentration.sum(axis=1)
            remainders = np.concatenate([[1.0], np.cumprod(1 - sticks)[:-1]])
            weights = sticks * remainders
        else:
            weights = self.concentration[:, 0]
        return np.asarray(weights / weights.sum())

    def standardized(self, standardization: Standardization) -> VariationalPosterior:
        """Return the same posterior for standardized data.

        Parameters
        ----------
        standardization : Standardization
            Of the data.

        Returns
        -------
        VariationalPosterior
        """
        moved = standardization.transform_parameters(Parameters(self.weights, self.means, self.scatter))
        return replace(self, means=moved.means, scatter=moved.covariances)

    def destandardized(self, standardization: Standardization) -> VariationalPosterior:
        """Return the same posterior in the units of the data.

        Parameters
        ----------
        standardization : Standardization
            Of the data.

        Returns
        -------
        VariationalPosterior
        """
        moved = standardization.inverse_transform_parameters(
            Parameters(self.weights, self.means, self.scatter)
        )
        return replace(self, means=moved.means, scatter=moved.covariances)

    def parameters(self) -> Parameters:
        """Return the mixture with expected weights, means and precisions, (E Λₖ)⁻¹ = Bₖ / νₖ.

        Returns
        -------
        parameters : Parameters
        """
        freedom = broadcast_components(self.degrees_of_freedom, self.scatter.ndim)
        return Parameters(self.weights, self.means, self.scatter / freedom)

    def log_density_offsets(self) -> FloatArray:
        """Return the expected log-density of each component less that of `parameters`.

        By (3) to (6) the difference does not depend on x, so the E-step is that of a Gaussian mixture with
        offsets (Bishop 2006, eq. 10.67).

        Returns
        -------
        ndarray of float64, shape (K,)
        """
        dimensions = self.means.shape[1]
        log_precision = self._expected_log_precision() - dimensions * np.log(self.degrees_of_freedom)
        log_weights = self._expected_log_weights() - np.log(self.weights)
        return np.asarray(log_weights + 0.5 * (log_precision - dimensions / self.mean_precision))

    def divergence(self, prior: VariationalPosterior) -> float:
        """Return the Kullback-Leibler divergence of the posterior from the prior, KL(q ‖ p) of (7).

        Parameters
        ----------
        prior : VariationalPosterior
            Of the same form.

        Returns
        -------
        float
        """
        return (
            self._weight_divergence(prior) + self._normal_divergence(prior) + self._wishart_divergence(prior)
        )

    def log_determinants(self) -> FloatArray:
        """Return log|Bₖ|.

        Returns
        -------
        ndarray of float64, shape (K,)
        """
        if self.diagonal:
            return np.asarray(np.log(self.scatter).sum(axis=1))
        return np.asarray(np.linalg.slogdet(self.scatter).logabsdet)

    @property
    def wishart_dimension(self) -> int:
        """Dimension d of each Wishart."""
        return 1 if self.diagonal else self.means.shape[1]

    def log_gammas(self) -> FloatArray:
        """Return the logarithm of the multivariate gamma function of dimension d at c νₖ / 2.

        Returns
        -------
        ndarray of float64, shape (K,)
        """
        from scipy.special import multigammaln

        halves = self.copies * self.degrees_of_freedom / 2
        return np.array([multigammaln(half, self.wishart_dimension) for half in halves])

    def _expected_log_weights(self) -> FloatArray:
        """Return E log πₖ, (4) or (5), shape (K,)."""
        from scipy.special import digamma

        total = digamma(self.concentration.sum(axis=1 if self.stick_breaking else 0))
        logs = digamma(self.concentration) - (total[:, None] if self.stick_breaking else total)
        if not self.stick_breaking:
            return np.asarray(logs[:, 0])  # (4)
        return np.asarray(logs[:, 0] + np.concatenate([[0.0], np.cumsum(logs[:, 1])[:-1]]))  # (5)

    def _expected_log_precision(self) -> FloatArray:
        """Return E log|Λₖ| + log|Bₖ| of (3), shape (K,)."""
        from scipy.special import digamma

        dimensions, size = self.means.shape[1], self.wishart_dimension
        freedom = self.copies * self.degrees_of_freedom
        digammas = digamma((freedom[:, None] - np.arange(size)) / 2).sum(axis=1)
        return np.asarray(dimensions / size * digammas + dimensions * np.log(2 / self.copies))

    def _weight_divergence(self, prior: VariationalPosterior) -> float:
        """Return the divergence of the Dirichlet, or the sum of those of the Betas.

        KL(Dir(a) ‖ Dir(b)) = log Γ(Σa) − log Γ(Σb) − Σ (log Γ(a) − log Γ(b)) + Σ (a − b)(ψ(a) − ψ(Σa)).
        """
        from scipy.special import digamma, gammaln

        a, b = self.concentration, prior.concentration
        if not self.stick_breaking:
            a, b = a.T, b.T
        total = a.sum(axis=1)
        norms = gammaln(total) - gammaln(b.sum(axis=1)) - (gammaln(a) - gammaln(b)).sum(axis=1)
        slopes = ((a - b) * (digamma(a) - digamma(total)[:, None])).sum(axis=1)
        return float((norms + slopes).sum())

    def _normal_divergence(self, prior: VariationalPosterior) -> float:
        """Return the expected divergence of the normals of the means, over the precisions.

        ½ [D (ρ − 1 − log ρ) + β₀ νₖ (mₖ − m₀)ᵀ Bₖ⁻¹ (mₖ − m₀)] with ρ = β₀ / βₖ, summed over the components.
        """
        ratios = prior.mean_precision / self.mean_precision
        offsets = self.means - prior.means
        distances = self.degrees_of_freedom * self._trace_of_quotient(
            offsets**2 if self.diagonal else outer(offsets)
        )
        variance_terms = self.means.shape[1] * (ratios - 1 - np.log(ratios))
        return float(0.5 * (variance_terms + prior.mean_precision * distances).sum())

    def _wishart_divergence(self, prior: VariationalPosterior) -> float:
        """Return the divergence of the Wisharts of the precisions.

        The log-density of a Wishart is ½ ν log|B| − ½ ν D log 2 − log Γ_D(ν / 2) + ½ (ν − D − 1) log|Λ| − ½
        tr(B Λ); the divergence is the expectation of the difference of two of them, with (3) and E Λ = ν B⁻¹.
        """
        dimensions, size = self.means.shape[1], self.wishart_dimension
        nu, prior_nu = self.copies * self.degrees_of_freedom, self.copies * prior.degrees_of_freedom
        share = size / dimensions  # of one Wishart in the determinants and traces of a component
        log_det, prior_log_det = self.log_determinants(), prior.log_determinants()
        norms = 0.5 * share * (nu * log_det - prior_nu * prior_log_det)
        norms -= self.log_gammas() - prior.log_gammas()
        norms -= 0.5 * size * np.log(2 / self.copies) * (nu - prior_nu)
        slopes = 0.5 * share * (nu - prior_nu) * (self._expected_log_precision() - log_det)
        traces = 0.5 * nu * (share * self._trace_of_quotient(prior.scatter) - size)
        return float((norms + slopes + traces).sum() / (share * self.copies))

    def _trace_of_quotient(self, matrices: FloatArray) -> FloatArray:
        """Return tr(Bₖ⁻¹ Mₖ), shape (K,)."""
        if self.diagonal:
            return np.asarray((matrices / self.scatter).sum(axis=1))
        return np.asarray(np.trace(np.linalg.solve(self.scatter, matrices), axis1=1, axis2=2))
