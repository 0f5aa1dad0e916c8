"""What variational inference believes of a mixture: the distributions of its parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mriseg.mixture.parameters import Parameters, outer

if TYPE_CHECKING:
    from mriseg.mixture.parameters import FloatArray


@dataclass(frozen=True, eq=False)
class VariationalPosterior:
    """Normal-Wishart distribution of every component, and the distribution of the weights.

    Attributes
    ----------
    process : bool
        Whether the weights come from a Dirichlet process, by breaking sticks, or from a finite Dirichlet.
    concentration : array (K, 1) or (K, 2)
        Parameters of the Dirichlet, or of the Beta of each stick.
    mean_precision : array (K,)
        Observations that the mean is worth.
    means : array (K, D)
        Expected means.
    freedom : array (K,)
        Degrees of freedom of the Wishart.
    scatter : array (K, D, D), or (K, D)
        Inverse scale of the Wishart; for diagonal models, of a Wishart for each dimension.
    """

    process: bool
    concentration: FloatArray
    mean_precision: FloatArray
    means: FloatArray
    freedom: FloatArray
    scatter: FloatArray

    @property
    def diagonal(self) -> bool:
        """Whether the dimensions are independent."""
        return self.scatter.ndim == self.means.ndim

    @property
    def weights(self) -> FloatArray:
        """Expected mixing proportions (K,)."""
        if self.process:
            share = self.concentration[:, 0] / self.concentration.sum(axis=1)
            left = np.concatenate([[1.0], np.cumprod(1 - share)[:-1]])
            weights = share * left
        else:
            weights = self.concentration[:, 0]
        return np.asarray(weights / weights.sum())

    def parameters(self) -> Parameters:
        """Return the mixture that stands for the belief, its covariances being scatter / freedom."""
        shape = (-1, *[1] * (self.scatter.ndim - 1))
        return Parameters(self.weights, self.means, self.scatter / self.freedom.reshape(shape))

    def shifts(self) -> FloatArray:
        """Return what the expected log-density has beyond that of `parameters`, (K,)."""
        dimensions = self.means.shape[1]
        expected = self._expected_log_precision() - dimensions * np.log(self.freedom)
        log_weights = self._expected_log_weights() - np.log(self.weights)
        return np.asarray(log_weights + 0.5 * (expected - dimensions / self.mean_precision))

    def divergence(self, prior: VariationalPosterior) -> float:
        """Kullback-Leibler divergence from a prior of the same kind."""
        return (
            self._weight_divergence(prior) + self._normal_divergence(prior) + self._wishart_divergence(prior)
        )

    def _expected_log_weights(self) -> FloatArray:
        from scipy.special import digamma

        total = digamma(self.concentration.sum(axis=1 if self.process else 0))
        logs = digamma(self.concentration) - (total[:, None] if self.process else total)
        if not self.process:
            return np.asarray(logs[:, 0])
        return np.asarray(logs[:, 0] + np.concatenate([[0.0], np.cumsum(logs[:, 1])[:-1]]))

    def _expected_log_precision(self) -> FloatArray:
        """Return E log|Λ| + log|scatter|, (K,)."""
        from scipy.special import digamma

        dimensions = self.means.shape[1]
        lost = np.zeros(dimensions) if self.diagonal else np.arange(dimensions)
        logs = digamma((self.freedom[:, None] - lost) / 2).sum(axis=1)
        return np.asarray(logs + dimensions * np.log(2))

    def _weight_divergence(self, prior: VariationalPosterior) -> float:
        from scipy.special import digamma, gammaln

        mine, theirs = self.concentration, prior.concentration
        if not self.process:
            mine, theirs = mine.T, theirs.T
        total = mine.sum(axis=1)
        norms = gammaln(total) - gammaln(theirs.sum(axis=1)) - (gammaln(mine) - gammaln(theirs)).sum(axis=1)
        pulls = ((mine - theirs) * (digamma(mine) - digamma(total)[:, None])).sum(axis=1)
        return float((norms + pulls).sum())

    def _normal_divergence(self, prior: VariationalPosterior) -> float:
        ratio = prior.mean_precision / self.mean_precision
        away = self.means - prior.means
        distance = self.freedom * self._through_inverse(away**2 if self.diagonal else outer(away))
        spread = self.means.shape[1] * (ratio - 1 - np.log(ratio))
        return float(0.5 * (spread + prior.mean_precision * distance).sum())

    def _wishart_divergence(self, prior: VariationalPosterior) -> float:
        dimensions = self.means.shape[1]
        mine, theirs = self.log_determinants(), prior.log_determinants()
        norms = 0.5 * (self.freedom * mine - prior.freedom * theirs) - (
            self.log_gammas() - prior.log_gammas()
        )
        norms -= 0.5 * dimensions * np.log(2) * (self.freedom - prior.freedom)
        pulls = 0.5 * (self.freedom - prior.freedom) * (self._expected_log_precision() - mine)
        traces = 0.5 * self.freedom * (self._through_inverse(prior.scatter) - dimensions)
        return float((norms + pulls + traces).sum())

    def _through_inverse(self, matrices: FloatArray) -> FloatArray:
        """Return tr(scatter⁻¹ M), (K,)."""
        if self.diagonal:
            return np.asarray((matrices / self.scatter).sum(axis=1))
        return np.asarray(np.trace(np.linalg.solve(self.scatter, matrices), axis1=1, axis2=2))

    def log_determinants(self) -> FloatArray:
        """Return log|scatter|, (K,)."""
        if self.diagonal:
            return np.asarray(np.log(self.scatter).sum(axis=1))
        return np.asarray(np.linalg.slogdet(self.scatter).logabsdet)

    def log_gammas(self) -> FloatArray:
        """Return the logarithm of the multivariate gamma function at half the freedom, (K,)."""
        from scipy.special import gammaln, multigammaln

        dimensions = self.means.shape[1]
        if self.diagonal:
            return np.asarray(dimensions * gammaln(self.freedom / 2))
        return np.array([multigammaln(freedom / 2, dimensions) for freedom in self.freedom])
