"""EM on blocks of data that do not fit in memory together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mriseg.mixture.expectation import Observations, coefficients

if TYPE_CHECKING:
    from mriseg.mixture.maximisation import MStep
    from mriseg.mixture.parameters import FloatArray, Parameters, Standardization

# A block's share in the statistics is (2 + blocks before it) to the minus this: 1/2 forgets a bad start
# fastest, 1 averages noise away best.
DECAY = 0.6


@dataclass(eq=False)
class StepwiseEM:
    """Stepwise EM: an E-step on each block, whose statistics are mixed into those of all blocks before it.

    Cappé and Moulines, J. R. Statist. Soc. B 71, 2009.

    Attributes
    ----------
    estimation : Estimation
        The fit of the first block: model, and what is known beforehand.
    frame : Frame
        The units of the first block, which stay.
    parameters : Parameters
        The mixture, in the frame.
    totals : array (K, P)
        Statistics of one observation.
    observed : float
        Sum of the weights of all blocks.
    blocks : int
        Blocks seen.
    """

    m_step: MStep
    standardization: Standardization
    parameters: Parameters
    totals: FloatArray
    observed: float
    blocks: int = 1

    @classmethod
    def begin(cls, m_step: MStep, standardization: Standardization, parameters: Parameters) -> StepwiseEM:
        """Begin with a mixture fitted to a first block."""
        data = m_step.observations
        totals = data.expect(coefficients(parameters))[1] / data.total
        return cls(m_step, standardization, parameters, totals, data.total)

    def update(self, X: FloatArray, sample_weight: FloatArray) -> float:
        """Take one more block, rows (N, D) and weights (N,); return its log-likelihood in the frame."""
        data = Observations.prepare(
            self.standardization.enter(X),
            sample_weight,
            diagonal=self.m_step.model.diagonal,
            n_components=len(self.totals),
        )
        log_likelihood, totals = data.expect(coefficients(self.parameters))
        step = (2 + self.blocks) ** -DECAY
        self.totals = (1 - step) * self.totals + step * totals / data.total
        self.observed += data.total
        self.blocks += 1
        moments = self.m_step.moments(self.totals * self.observed)
        self.parameters = self.m_step.maximise(moments, self.parameters.covariances)
        return log_likelihood
