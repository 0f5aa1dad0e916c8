"""Fit of the mixture of `mriseg.model.partial_volume` by EM to a histogram of intensities."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from mriseg.mixture import GaussianMixture, unwarned
from mriseg.mixture.em import Step, run_em
from mriseg.model.constants import (
    FURTHER_STARTS,
    MAX_ITERATIONS,
    MEAN_HOLD,
    OBJECTIVE_ROUNDING,
    OUTLIERS,
    PRIOR_SHARE,
    PRIOR_WEIGHTS,
    START_PURE,
    START_STEPS,
    TOLERANCE,
    USUAL_STARTS,
    VARIANCE_FLOOR,
)
from mriseg.model.partial_volume import GROUP, TISSUE_FRACTIONS, PartialVolumeMixture

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.floating]


def fit_partial_volume(
    values: Floats,
    counts: Floats,
    start: PartialVolumeMixture | None = None,
    *,
    white: int = 2,
    hold_means: bool = False,
    tolerance: float = TOLERANCE,
    max_iterations: int = MAX_ITERATIONS,
) -> PartialVolumeMixture:
    """Fit the mixture to a histogram by EM.

    Parameters
    ----------
    values, counts : ndarray of float64, shape (B,)
        Intensities, rising, and how many voxels have each.
    start : PartialVolumeMixture, optional
        Initial model; by default the best of several starts.
    white : int
        Rank of white matter by rising mean.
    hold_means : bool
        Fix the means at those of the start.
    tolerance : float
        Rise of the objective per voxel, nats, below which EM has converged.
    max_iterations : int
        Maximum number of EM iterations.

    Returns
    -------
    PartialVolumeMixture

    Raises
    ------
    MixtureError
        If the histogram does not hold three different intensities.
    """
    min_rise = tolerance * float(counts.sum())
    lowest_sd = float(np.sqrt(_variance_floor(values)))

    def fitted(start_model: PartialVolumeMixture) -> PartialVolumeMixture:
        # Where a start lies below the floor, the first iteration would lower the objective.
        start_model = replace(start_model, sd=max(start_model.sd, lowest_sd))
        step = partial(_e_step, values=values, counts=counts, hold_means=hold_means)
        end = run_em(
            step, start_model, lambda history, *_: history[-1] - history[-2] < min_rise, max_iterations
        )
        return replace(end.state, history=tuple(end.history), converged=end.converged)

    if start is not None:
        return fitted(start)
    models = [fitted(start_model) for start_model in _starts(values, counts, white)]
    if not any(model.separated for model in models):
        models += [fitted(start_model) for start_model in _further_starts(values, counts, white)]
    return max(models, key=lambda model: (model.separated, model.history[-1]))


def _variance_floor(values: Floats) -> float:
    """Return the lowest variance of the noise."""
    return VARIANCE_FLOOR * float(np.var(values))


def _starts(values: Floats, counts: Floats, white: int) -> list[PartialVolumeMixture]:
    """Return the starts: a Gaussian mixture of equal variances, and those of `USUAL_STARTS`."""
    plain = GaussianMixture(3, model="E", init="hierarchical", max_iter=START_STEPS)
    with unwarned():
        plain.fit(values[:, None], sample_weight=counts)
    outlier_range = float(np.ptp(values))
    weights = np.append(START_PURE * plain.weights_, np.full(2, (1 - START_PURE) / 2))
    sd = float(np.sqrt(plain.covariances_[0, 0, 0]))
    clustered = PartialVolumeMixture(plain.means_[:, 0], sd, weights, outlier_range)
    return [
        clustered,
        *(_quantile_start(ranks, weights, values, counts) for ranks, weights in USUAL_STARTS[white]),
    ]


def _further_starts(values: Floats, counts: Floats, white: int) -> list[PartialVolumeMixture]:
    return [_quantile_start(ranks, weights, values, counts) for ranks, weights in FURTHER_STARTS[white]]


def _quantile_start(
    ranks: tuple[float, ...], weights: tuple[float, ...], values: Floats, counts: Floats
) -> PartialVolumeMixture:
    """Return a start whose means are quantiles of the histogram at given ranks."""
    means = np.interp(ranks, np.cumsum(counts) / counts.sum(), values)
    return PartialVolumeMixture(means, float(np.ptp(means)) / 8, np.array(weights), float(np.ptp(values)))


def _e_step(
    model: PartialVolumeMixture, values: Floats, counts: Floats, *, hold_means: bool
) -> Step[PartialVolumeMixture]:
    """Run the E-step; return the objective and the M-step as an `mriseg.mixture.em.Step`."""
    joint = (1 - OUTLIERS) * model.weighted_densities(values)
    density = joint.sum(axis=1) + OUTLIERS / model.outlier_range
    log_density = np.log(density)
    objective = float(counts @ log_density) + model.log_prior(float(counts.sum()))

    def next_state() -> PartialVolumeMixture:
        return _m_step(model, joint * (counts / density)[:, None], values, counts, hold_means=hold_means)

    return Step(objective, objective_rounding(log_density, counts), next_state)


def objective_rounding(log_density: Floats, counts: Floats) -> float:
    """Return how far rounding may lower the objective of EM.

    Parameters
    ----------
    log_density, counts : ndarray of float64, shape (B,)
        Logarithm of the density at each intensity, and how many voxels have it. The terms cancel in units in
        which densities are near one, so that the objective itself is no bound.

    Returns
    -------
    float
    """
    return OBJECTIVE_ROUNDING * float(counts @ (1 + np.abs(log_density)))


def _m_step(
    model: PartialVolumeMixture, resp: Floats, values: Floats, counts: Floats, *, hold_means: bool
) -> PartialVolumeMixture:
    """Return the M-step: a linear regression of intensities on the tissue fractions of the components."""
    sizes, sums = resp.sum(axis=0), values @ resp
    # The mean of component j is a_j mu, with the fractions a_j in its row of A and the means mu of the pure
    # tissues: weighted least squares, (A' S A + h I) mu = A' s + h mu_old, where S holds the sizes of the
    # components on its diagonal and s their sums of intensities. The ridge h keeps the mean of a tissue
    # without voxels at its old value.
    ridge = MEAN_HOLD * float(counts.sum())
    normal = TISSUE_FRACTIONS.T @ (sizes[:, None] * TISSUE_FRACTIONS) + ridge * np.eye(3)
    right = TISSUE_FRACTIONS.T @ sums + ridge * model.means
    means = model.means if hold_means else np.linalg.solve(normal, right)
    centres = TISSUE_FRACTIONS @ means
    # The common variance: sum over j of sum_i r_ij (y_i - a_j mu)^2, over the sum of all r_ij.
    scatter = values**2 @ resp - 2 * centres * sums + centres**2 * sizes
    variance = max(float(scatter.sum() / max(sizes.sum(), ridge)), _variance_floor(values))
    # The mode of the Dirichlet posterior of the five mixing proportions.
    weights = np.bincount(GROUP, weights=sizes) + PRIOR_SHARE * counts.sum() * np.array(PRIOR_WEIGHTS)
    weights /= weights.sum()
    return PartialVolumeMixture(means, float(np.sqrt(variance)), weights, model.outlier_range)
