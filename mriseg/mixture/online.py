"""Stepwise EM for data that do not fit in memory at once.

After the E-step on a block, its sufficient statistics per observation, s̄, are mixed into the running ones,

    s ← (1 − γₜ) s + γₜ s̄(block; θ)                                                                (1)
    γₜ = (t + 2)^(−α),  ½ < α ≤ 1                                                                  (2)

with t the number of blocks before it, and the M-step gives θ from s. (1) is the online EM of [1]_ with blocks
in place of single observations; (2) is the step size of [2]_.

References
----------
.. [1] Cappé O, Moulines E (2009). On-line expectation-maximization algorithm for latent data models. J R
   Statist Soc B 71:593-613.
.. [2] Liang P, Klein D (2009). Online EM for unsupervised models. Proc NAACL HLT 2009, 611-619.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mriseg.mixture.constants import STEP_SIZE_EXPONENT, STEP_SIZE_OFFSET
from mriseg.mixture.expectation import Observations, log_joint_coefficients

if TYPE_CHECKING:
    from mriseg.mixture.maximisation import MStep
    from mriseg.mixture.parameters import FloatArray, Parameters, Standardization


@dataclass(eq=False)
class StepwiseEM:
    """State of stepwise EM.

    Attributes
    ----------
    m_step : MStep
        The M-step of the first block: covariance model, prior and fixed parameters.
    standardization : Standardization
        That of the first block, which stays.
    parameters : Parameters
        The mixture for standardized data.
    statistics : ndarray of float64, shape (K, P)
        Running sufficient statistics of one observation, s of (1).
    total : float
        Sum of the weights of all blocks.
    blocks : int
        Number of blocks seen.
    """

    m_step: MStep
    standardization: Standardization
    parameters: Parameters
    statistics: FloatArray
    total: float
    blocks: int = 1

    @classmethod
    def from_first_block(
        cls, m_step: MStep, standardization: Standardization, parameters: Parameters
    ) -> StepwiseEM:
        """Return the state after a mixture was fitted to the first block.

        Parameters
        ----------
        m_step : MStep
            The M-step of that fit, with its observations.
        standardization : Standardization
            Of those observations.
        parameters : Parameters
            The fitted mixture for standardized data.

        Returns
        -------
        StepwiseEM
        """
        observations = m_step.observations
        _, statistics = observations.e_step(log_joint_coefficients(parameters))
        total = observations.total
        return cls(m_step, standardization, parameters, statistics / total, total)

    def update(self, X: FloatArray, sample_weight: FloatArray) -> float:
        """Run one step of stepwise EM on a further block, in place.

        Parameters
        ----------
        X : ndarray, shape (N, D)
            The block, in the units of the data.
        sample_weight : ndarray, shape (N,)
            Number of times each row was observed.

        Returns
        -------
        float
            Log-likelihood of the standardized block before the step.

        Raises
        ------
        DegenerateError
            If a component becomes empty, or a covariance loses rank.
        """
        observations = Observations.prepare(
            self.standardization.transform(X),
            sample_weight,
            diagonal=self.m_step.model.diagonal,
            n_components=len(self.statistics),
        )
        log_likelihood, statistics = observations.e_step(log_joint_coefficients(self.parameters))
        step_size = (STEP_SIZE_OFFSET + self.blocks) ** -STEP_SIZE_EXPONENT  # (2)
        block_mean = step_size * statistics / observations.total
        self.statistics = (1 - step_size) * self.statistics + block_mean  # (1)
        self.total += observations.total
        self.blocks += 1
        moments = self.m_step.moments(self.statistics * self.total)
        self.parameters = self.m_step.maximise(moments, self.parameters.covariances)
        return log_likelihood
