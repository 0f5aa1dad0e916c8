"""EM for the mixture of three tissues and their partial volumes in any number of channels.

Notation, with all quantities per channel: component j contains tissue t in the fraction f_jt, zero for
tissues that it does not contain, and Σ_t f_jt = 1. A part of tissue t in a voxel of component j is normal
with mean f_jt μ_t and variance f_jt v_t, independently of the other part, so that the voxel's intensity y is
normal with

    m_j = Σ_t f_jt μ_t,   V_j = Σ_t f_jt v_t                                                       (1)

The E-step gives the responsibilities r_nj of the components, times the counts of the cells n of the
histogram. Given the voxel, the part is normal with

    mean      f_jt μ_t + g_jt (y_n − m_j),   g_jt = f_jt v_t / V_j                                 (2)
    variance  f_jt v_t (1 − g_jt)                                                                  (3)

The M-step maximises the expected log-density of all parts. With n_j = Σ_n r_nj, and s_t the change of μ_t,

    s_t = Σ_j g_jt Σ_n r_nj (y_n − m_j) / Σ_j f_jt n_j                                             (4)
    v_t = Σ_j Σ_n r_nj [(g_jt (y_n − m_j) − f_jt s_t)² + f_jt v_t (1 − g_jt)] / f_jt / N_t         (5)
    N_t = Σ_j n_j over the components that contain t                                               (6)

with the sums over the components that contain tissue t, the values of the E-step on the right, and s_t = 0
where the means are held. Where all tissues share one variance, as in the first channel, it is

    v = Σ_t N_t v_t / Σ_t N_t                                                                      (7)

and the weights w of the groups of components have a Dirichlet prior that counts as the fraction a of all N
voxels with expected weights p:

    w ∝ Σ_j n_j over the components of the group + a N p                                           (8)

(1) is the model of [1]_; (2) and (3) are the conditional moments of a normal vector given the sum of its
elements.

References
----------
.. [1] Van Leemput K, Maes F, Vandermeulen D, Suetens P (2003). A unifying framework for partial volume
   segmentation of brain MR images. IEEE Trans Med Imaging 22:105-119.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from mriseg.errors import MixtureError
from mriseg.mixture import GaussianMixture, unwarned
from mriseg.mixture.em import Step, run_em
from mriseg.model.constants import (
    CHANNEL_START_VOXELS,
    CHANNEL_VARIANCE_FLOOR,
    MAX_ITERATIONS,
    PRIOR_SHARE,
    PRIOR_WEIGHTS,
    START_PURE,
    START_STEPS,
    TOLERANCE,
)
from mriseg.model.histogram import intensity_histogram
from mriseg.model.multichannel import MultichannelMixture, columns_of
from mriseg.model.partial_volume import GROUP
from mriseg.model.partial_volume_em import fit_partial_volume, objective_rounding

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.floating]


def fit_multichannel(
    voxels: NDArray[np.float32],
    cells: Floats,
    counts: Floats,
    middle: int,
    start: MultichannelMixture | None = None,
    *,
    white: int = 2,
    hold_means: bool = False,
) -> MultichannelMixture:
    """Fit the mixture to a joint histogram by EM.

    Parameters
    ----------
    voxels : ndarray of float32, shape (N, D)
        Intensities in the brain.
    cells, counts : ndarray of float64, shapes (B, D) and (B,)
        Their joint histogram, see `mriseg.model.histogram.joint_histogram`.
    middle : int
        Rank of grey matter by rising mean of the first channel.
    start : MultichannelMixture, optional
        Initial model; by default the better of two starts.
    white : int
        Rank of white matter.
    hold_means : bool
        Fix the means at those of the start.

    Returns
    -------
    MultichannelMixture

    Raises
    ------
    MixtureError
        If the intensities do not make three classes.
    """
    outlier_range = np.ptp(cells, axis=0)
    starts = (
        [replace(start, outlier_range=outlier_range)]
        if start
        else _starts(voxels, outlier_range, middle, white)
    )
    total = float(counts.sum())
    floor = CHANNEL_VARIANCE_FLOOR * np.atleast_2d(np.cov(cells.T, aweights=counts)).diagonal()

    def converged(history: list[float], _before: object, _after: object) -> bool:
        return history[-1] - history[-2] < TOLERANCE * total

    def step(model: MultichannelMixture) -> Step[MultichannelMixture]:
        return _e_step(model, cells, counts, floor, hold_means=hold_means)

    # Where a start lies below the floor, the first iteration would lower the objective.
    starts = [replace(model, variances=np.maximum(model.variances, floor)) for model in starts]
    results = [run_em(step, start_model, converged, MAX_ITERATIONS) for start_model in starts]
    # If the order of the means changed, `middle` is no longer grey matter: reject the run.
    ordered = [end for end in results if (np.diff(end.state.means) > 0).all()]
    if not ordered:
        raise MixtureError("the means of its tissues do not keep their order; look at the channels")
    best = max(ordered, key=lambda end: end.history[-1])
    return replace(best.state, history=tuple(best.history), converged=best.converged)


def _starts(
    voxels: NDArray[np.float32], outlier_range: Floats, middle: int, white: int
) -> list[MultichannelMixture]:
    """Return two starts: from a hierarchical clustering of all channels, and from the first channel alone."""
    some = voxels[:: 1 + len(voxels) // CHANNEL_START_VOXELS].astype(np.float64)
    model = "V" if some.shape[1] == 1 else "VVI"
    with unwarned():
        plain = GaussianMixture(3, model=model, init="hierarchical", max_iter=START_STEPS).fit(some)
    first = fit_partial_volume(*intensity_histogram(voxels[:, 0]), white=white)
    return [
        _start_from_responsibilities(shares, some, outlier_range, middle)
        for shares in (plain.predict_proba(some), first.responsibilities(some[:, 0]))
    ]


def _start_from_responsibilities(
    shares: Floats, points: Floats, outlier_range: Floats, middle: int
) -> MultichannelMixture:
    """Return a start with the moments of voxels (N, D) weighted by responsibilities (N, 3)."""
    sizes = shares.sum(axis=0)
    centres = shares.T @ points / sizes[:, None]
    variances = shares.T @ points**2 / sizes[:, None] - centres**2
    order = np.argsort(centres[:, 0], kind="stable")
    centres, variances = centres[order], variances[order] + CHANNEL_VARIANCE_FLOOR * points.var(axis=0)
    variances[:, 0] = (sizes[order] @ variances[:, 0]) / sizes.sum()
    pure = np.empty(3)
    pure[columns_of(middle)] = START_PURE * sizes[order] / sizes.sum()
    weights = np.append(pure, np.full(2, (1 - START_PURE) / 2))
    return MultichannelMixture(centres, variances, weights, middle, outlier_range)


def _e_step(
    model: MultichannelMixture, cells: Floats, counts: Floats, floor: Floats, *, hold_means: bool
) -> Step[MultichannelMixture]:
    """Run the E-step; return the objective and the M-step as an `mriseg.mixture.em.Step`."""
    joint = model.weighted_densities(cells)
    density = joint.sum(axis=1) + model.outlier_density
    total = float(counts.sum())
    log_density = np.log(density)
    objective = float(counts @ log_density) + float(
        PRIOR_SHARE * total * np.array(PRIOR_WEIGHTS) @ np.log(model.weights)
    )

    def next_state() -> MultichannelMixture:
        resp = joint * (counts / density)[:, None]
        return _m_step(model, resp, cells, floor, total, hold_means=hold_means)

    return Step(objective, objective_rounding(log_density, counts), next_state)


def _m_step(
    model: MultichannelMixture, resp: Floats, cells: Floats, floor: Floats, total: float, *, hold_means: bool
) -> MultichannelMixture:
    """Run the M-step, equations (2) to (8) of the module docstring."""
    sizes = resp.sum(axis=0)  # n_j
    # m_j and V_j of (1); sums over the voxels of y − m_j, and of its square, each times the responsibilities
    expected, variances = model.content @ model.centres, model.content @ model.variances
    residuals = resp.T @ cells - expected * sizes[:, None]
    squares = resp.T @ cells**2 - 2 * expected * (resp.T @ cells) + expected**2 * sizes[:, None]
    centres, updated, part_sizes = model.centres.copy(), model.variances.copy(), np.zeros(3)
    for tissue in range(3):
        holds = model.content[:, tissue] > 0
        share, size = model.content[holds, tissue][:, None], sizes[holds, None]
        # g_jt of (2): the part deviates from its mean by this fraction of the voxel's deviation
        gain = share * model.variances[tissue] / variances[holds]
        # s_t of (4)
        shift = (gain * residuals[holds]).sum(axis=0) / max(float((share * size).sum()), 1e-300)
        shift = np.zeros_like(shift) if hold_means else shift
        # (5), with the square expanded so that only sums over the voxels are needed
        scatter = gain**2 * squares[holds] - 2 * share * shift * gain * residuals[holds]
        scatter += (share * shift) ** 2 * size
        # The variance (3) of the part given the voxel
        unseen = size * share * model.variances[tissue] * (1 - gain)
        part_sizes[tissue] = float(size.sum())  # (6)
        updated[tissue] = ((scatter + unseen) / share).sum(axis=0) / max(part_sizes[tissue], 1e-300)
        centres[tissue] += shift
    updated[:, 0] = part_sizes @ updated[:, 0] / part_sizes.sum()  # (7)
    weights = np.bincount(GROUP, weights=sizes) + PRIOR_SHARE * total * np.array(PRIOR_WEIGHTS)  # (8)
    return replace(
        model, centres=centres, variances=np.maximum(updated, floor), weights=weights / weights.sum()
    )
