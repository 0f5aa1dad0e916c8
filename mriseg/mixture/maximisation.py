"""The M-step of a Gaussian mixture: maximum likelihood or maximum a posteriori, with any parameter fixed.

Given the moments of the components (counts nₖ, means x̄ₖ, scatter matrices Wₖ), the maximum likelihood
estimates are (Bishop 2006, section 9.2.2)

    πₖ = nₖ / n                                                                                    (1)
    μₖ = x̄ₖ                                                                                        (2)

and the covariances those of the model (`mriseg.mixture.covariance`) for the scatter matrices about the means
μₖ. A conjugate prior changes (1), (2) and the scatter matrices, see `mriseg.mixture.priors`; fixed parameters
replace the estimates, see `mriseg.mixture.fixed`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mriseg.mixture.constants import MIN_INITIAL_VARIANCE, ROUNDING_FACTOR
from mriseg.mixture.em import Step
from mriseg.mixture.expectation import Observations, log_joint_coefficients
from mriseg.mixture.floor import min_variance
from mriseg.mixture.moments import Moments
from mriseg.mixture.parameters import Parameters, broadcast_components

if TYPE_CHECKING:
    from mriseg.mixture.covariance import CovarianceModel
    from mriseg.mixture.fixed import FixedTerms
    from mriseg.mixture.parameters import FloatArray
    from mriseg.mixture.priors import PriorTerms


@dataclass(frozen=True, eq=False)
class MStep:
    """M-step of one fit, on standardized observations.

    Attributes
    ----------
    model : CovarianceModel
        The covariance model.
    observations : Observations
        Standardized observations.
    prior : PriorTerms, optional
        Conjugate prior.
    fixed : FixedTerms, optional
        Fixed parameters.
    floor : float or ndarray, shape (D,)
        Smallest variance of each column, see `mriseg.mixture.floor`.
    """

    model: CovarianceModel
    observations: Observations
    prior: PriorTerms | None = None
    fixed: FixedTerms | None = None
    floor: FloatArray | float = 0.0

    def from_partition(self, statistics: FloatArray) -> Parameters:
        """Return the initial parameters given the sufficient statistics of a partition.

        Parameters
        ----------
        statistics : ndarray, shape (K, P)
            Sufficient statistics of the partition.

        Returns
        -------
        parameters : Parameters

        Raises
        ------
        DegenerateError
            If a component is empty, or the covariances lose rank.
        """
        return self.from_moments(self.moments(statistics))

    def from_moments(self, moments: Moments) -> Parameters:
        """Return the initial parameters given the moments of the components.

        Components too small to have a covariance of their own start with the pooled covariance, because EM
        may never leave the floor at which they would start.

        Parameters
        ----------
        moments : Moments
            Of the components.

        Returns
        -------
        parameters : Parameters

        Raises
        ------
        DegenerateError
            If the covariances lose rank.
        """
        counts = broadcast_components(moments.counts, moments.scatter.ndim)
        pooled = moments.scatter.sum(axis=0, keepdims=True) / counts.sum()
        degenerate = min_variance(moments.scatter / counts) < MIN_INITIAL_VARIANCE * min_variance(pooled)
        scatter = np.where(
            broadcast_components(degenerate, moments.scatter.ndim), pooled * counts, moments.scatter
        )
        return self.maximise(Moments(moments.counts, moments.means, scatter))

    def from_parameters(self, parameters: Parameters) -> Parameters:
        """Return initial parameters from those of another mixture, projected on the covariance model.

        Parameters
        ----------
        parameters : Parameters
            Of a mixture for standardized data; returned unchanged (but for rounding) if they obey the model.

        Returns
        -------
        parameters : Parameters

        Raises
        ------
        DegenerateError
            If the covariances lose rank.
        """
        matrices = parameters.matrices
        covariances = np.diagonal(matrices, axis1=1, axis2=2) if self.model.diagonal else matrices
        moments = Moments.from_parameters(Parameters(parameters.weights, parameters.means, covariances))
        return self.maximise(moments, use_prior=False)

    def step(self, parameters: Parameters) -> Step[Parameters]:
        """Run the E-step, and return the objective and the M-step for `run_em`.

        Parameters
        ----------
        parameters : Parameters
            The present state.

        Returns
        -------
        Step
            Its objective is the log-likelihood, plus the log-density of the prior if there is one.
        """
        coefficients = log_joint_coefficients(parameters)
        log_likelihood, statistics = self.observations.e_step(coefficients)
        log_prior = 0.0 if self.prior is None else self.prior.log_density(parameters)

        def next_state() -> Parameters:
            return self.maximise(self.moments(statistics), parameters.covariances)

        rounding = rounding_bound(self.observations, coefficients)
        return Step(log_likelihood + log_prior, rounding, next_state)

    def maximise(
        self, moments: Moments, previous: FloatArray | None = None, *, use_prior: bool = True
    ) -> Parameters:
        """Return the M-step estimate of all parameters.

        Parameters
        ----------
        moments : Moments
            Of the components.
        previous : ndarray, shape (K, D, D) or (K, D), optional
            Covariances of the previous iteration.
        use_prior : bool
            Whether to include the prior.

        Returns
        -------
        parameters : Parameters

        Raises
        ------
        DegenerateError
            If a covariance loses rank under a model that does not admit a floor.
        """
        prior = self.prior if use_prior else None
        weights, means = moments.counts / moments.counts.sum(), moments.means  # (1), (2)
        if prior is not None:
            weights, means = prior.estimate_weights_and_means(moments)
        if self.fixed is not None:
            weights, means = self.fixed.replace_weights_and_means(weights, means)
        counts, scatter = moments.counts, moments.scatter_about(means)
        if prior is not None:
            counts, scatter = prior.augment(counts, scatter, means)
        if self.fixed is not None:
            covariances = self.fixed.estimate_covariances(self.model, counts, scatter, previous, self.floor)
        else:
            covariances = self.model.estimate(counts, scatter, previous, self.floor)
        return Parameters(weights, means, covariances)

    def moments(self, statistics: FloatArray) -> Moments:
        """Return the moments of sufficient statistics.

        Parameters
        ----------
        statistics : ndarray, shape (K, P)
            Sufficient statistics of an E-step.

        Returns
        -------
        Moments

        Raises
        ------
        DegenerateError
            If a component is empty.
        """
        return Moments.from_statistics(statistics, self.observations.dimensions, diagonal=self.model.diagonal)


def rounding_bound(observations: Observations, coefficients: FloatArray) -> float:
    """Return a bound on the rounding error of the log-likelihood.

    Parameters
    ----------
    observations : Observations
        Standardized observations, of order one.
    coefficients : ndarray, shape (K, P)
        Of the log-density.

    Returns
    -------
    float
        Proportional to machine epsilon, the observations and the largest coefficient.
    """
    epsilon = float(np.finfo(observations.X.dtype).eps)
    magnitude = 1 + float(np.abs(coefficients[:, 1:]).max())
    return ROUNDING_FACTOR * epsilon * observations.total * magnitude
