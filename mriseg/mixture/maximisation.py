"""The M-step of a Gaussian mixture: maximum likelihood, maximum a posteriori, with any parameter held."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mriseg.mixture.em import Step
from mriseg.mixture.expectation import Moments, Observations, coefficients
from mriseg.mixture.parameters import Parameters

if TYPE_CHECKING:
    from mriseg.mixture.covariance import CovarianceModel
    from mriseg.mixture.parameters import FloatArray
    from mriseg.mixture.priors import FixedTerms, PriorTerms

# A component that starts with less than this fraction of the pooled variance starts with the pooled one.
THIN = 1e-3


@dataclass(frozen=True, eq=False)
class MStep:
    """One fit: the model, the observations and what is known beforehand, in the frame of the estimation."""

    model: CovarianceModel
    observations: Observations
    prior: PriorTerms | None = None
    fixed: FixedTerms | None = None

    def begin(self, totals: FloatArray, means: FloatArray | None = None) -> Parameters:
        """Return the parameters that totals (K, P) of a partition lead to, or with given means (K, D).

        Components too small to have a covariance of their own begin with that of all components together: EM
        might never leave the floor that they would rest on.
        """
        moments = self.moments(totals)
        shape = (-1, *[1] * (moments.scatter.ndim - 1))
        counts = moments.counts.reshape(shape)
        pooled = moments.scatter.sum(axis=0, keepdims=True) / counts.sum()
        thin = min_variance(moments.scatter / counts) < THIN * min_variance(pooled)
        scatter = np.where(thin.reshape(shape), pooled * counts, moments.scatter)
        return self.maximise(Moments(moments.counts, moments.means if means is None else means, scatter))

    def adopt(self, parameters: Parameters) -> Parameters:
        """Return given parameters as the model allows them: unchanged if they obey it."""
        matrices = parameters.matrices
        covariances = np.diagonal(matrices, axis1=1, axis2=2) if self.model.diagonal else matrices
        return self.maximise(
            Moments.implied(Parameters(parameters.weights, parameters.means, covariances)), bare=True
        )

    def step(self, parameters: Parameters) -> Step[Parameters]:
        """Run the E-step; the M-step waits until it is asked for."""
        slopes = coefficients(parameters)
        log_likelihood, totals = self.observations.expect(slopes)
        prior = 0.0 if self.prior is None else self.prior.log_density(parameters)
        precision = float(np.finfo(self.observations.X.dtype).eps)
        rounding = 16 * precision * self.observations.total * (1 + float(np.abs(slopes[:, 1:]).max()))

        def following() -> Parameters:
            return self.maximise(self.moments(totals), parameters.covariances)

        return Step(log_likelihood + prior, rounding, following)

    def maximise(
        self, moments: Moments, previous: FloatArray | None = None, *, bare: bool = False
    ) -> Parameters:
        """Run the M-step; ``bare`` leaves the prior out."""
        prior = None if bare else self.prior
        weights, means = moments.counts / moments.counts.sum(), moments.means
        if prior is not None:
            weights, means = prior.locate(moments)
        if self.fixed is not None:
            weights, means = self.fixed.place(weights, means)
        counts, scatter = moments.counts, moments.scatter_about(means)
        if prior is not None:
            counts, scatter = prior.widen(counts, scatter, means)
        if self.fixed is not None:
            return Parameters(weights, means, self.fixed.estimate(self.model, counts, scatter, previous))
        return Parameters(weights, means, self.model.estimate(counts, scatter, previous))

    def moments(self, totals: FloatArray) -> Moments:
        """Unpack the totals of an E-step."""
        return Moments.of(totals, self.observations.X.shape[1], diagonal=self.model.diagonal)


def min_variance(covariances: FloatArray) -> FloatArray:
    """Return the smallest variance (K,) of covariances (K, D, D), or of variances (K, D)."""
    variances = np.linalg.eigvalsh(covariances) if covariances.ndim > 2 else covariances
    return np.asarray(variances.min(axis=1))
