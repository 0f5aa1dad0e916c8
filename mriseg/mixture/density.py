"""Empirical densities of one variable, and how well a mixture fits them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mriseg.errors import MixtureError
from mriseg.mixture.estimator import checked_weights, distinct
from mriseg.mixture.univariate import cdf, pdf, quantiles

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from mriseg.mixture.estimator import Mixture
    from mriseg.mixture.parameters import FloatArray

# The Pareto radius is a quantile of the distances between this many values at most, evenly spaced in rank.
RADIUS_VALUES = 1024
RADIUS_QUANTILE = 0.18


def pareto_density(
    x: ArrayLike, n_points: int = 200, sample_weight: ArrayLike | None = None
) -> tuple[FloatArray, FloatArray]:
    """Estimate a density by counting neighbours within the Pareto radius.

    Ultsch, in: Innovations in Classification, Data Science, and Information Systems, 2005: a sphere that
    holds about 20 % of the data yields the most information for its size. The radius is the 18th percentile
    of the distances between values, smaller for more than 1,024 of them in proportion to N to the −1/5.

    Parameters
    ----------
    x : array (N,)
        Values.
    n_points : int
        Where to estimate: so many points, evenly spaced over the range of the values.
    sample_weight : array (N,), optional
        How often each was observed.

    Returns
    -------
    points, density : arrays (n_points,)
        The density integrates to one over the points.

    Raises
    ------
    MixtureError
        If fewer than two values differ.
    """
    values, weights = _sorted(x, sample_weight)
    radius = _pareto_radius(values, weights)
    points = np.linspace(values[0], values[-1], n_points)
    below = np.concatenate([[0.0], np.cumsum(weights)])
    inside = (
        below[np.searchsorted(values, points + radius, "right")]
        - below[np.searchsorted(values, points - radius, "left")]
    )
    return points, np.asarray(inside / ((inside[1:] + inside[:-1]) / 2 @ np.diff(points)))


def histogram_density(
    x: ArrayLike, bins: int | None = None, sample_weight: ArrayLike | None = None
) -> tuple[FloatArray, FloatArray]:
    """Estimate a density by a histogram.

    Parameters
    ----------
    x : array (N,)
        Values.
    bins : int, optional
        Number of bins; if not given, as wide as 2 × interquartile range × N to the −1/3 (Freedman and
        Diaconis, Z. Wahrscheinlichkeitstheorie 57, 1981), between 10 and 1,000 of them.
    sample_weight : array (N,), optional
        How often each was observed.

    Returns
    -------
    centres, density : arrays (bins,)
        Middles of the bins, and share of the weight over width.

    Raises
    ------
    MixtureError
        If fewer than two values differ.
    """
    values, weights = _sorted(x, sample_weight)
    if bins is None:
        low, high = _weighted_quantiles(values, weights, np.array([0.25, 0.75]))
        width = 2 * (high - low) / weights.sum() ** (1 / 3)
        span = values[-1] - values[0]
        bins = int(np.clip(np.ceil(span / width) if width > 0 else 10, 10, 1000))
    density, edges = np.histogram(values, bins, weights=weights, density=True)
    return (edges[:-1] + edges[1:]) / 2, density


@dataclass(frozen=True)
class GoodnessOfFit:
    """How far a mixture is from the data.

    Attributes
    ----------
    rms : float
        Root mean square difference between the mixture's density and the Pareto density, divided by that of
        one robust Gaussian: 1 is no better than a single Gaussian, 0 is perfect (AdaptGauss; Ultsch et al.,
        Int. J. Mol. Sci. 16, 2015).
    ks_statistic, ks_p_value : float
        Kolmogorov-Smirnov: the largest difference between the distribution functions, and how often samples
        of the mixture differ as much. The parameters having been fitted, the p-value is too large.
    chi2_statistic, chi2_p_value : float
        Pearson's chi-square over bins of equal probability under the mixture, and its p-value with as many
        degrees of freedom as bins less one less the free parameters.
    chi2_degrees_of_freedom : int
        Those degrees of freedom.
    """

    rms: float
    ks_statistic: float
    ks_p_value: float
    chi2_statistic: float
    chi2_p_value: float
    chi2_degrees_of_freedom: int


def goodness_of_fit(
    mixture: Mixture, x: ArrayLike, n_parameters: int, bins: int = 50, sample_weight: ArrayLike | None = None
) -> GoodnessOfFit:
    """Judge a mixture of one variable by the data.

    Parameters
    ----------
    mixture : GaussianMixture or BayesianGaussianMixture
        Fitted, of one dimension.
    x : array (N,)
        Values.
    n_parameters : int
        Free parameters that were fitted to these values; 0 for a mixture known beforehand.
    bins : int
        Bins of the chi-square; at least two more than free parameters.
    sample_weight : array (N,), optional
        How often each was observed.

    Returns
    -------
    GoodnessOfFit

    Raises
    ------
    MixtureError
        If the mixture has several dimensions, or there are too few bins.
    """
    from scipy.stats import chi2, kstwo

    values, weights = _sorted(x, sample_weight)
    total = float(weights.sum())
    freedom = bins - 1 - n_parameters
    if freedom < 1:
        raise MixtureError(f"{n_parameters} parameters need more than {bins} bins: take {n_parameters + 2}")
    model = cdf(mixture.parameters_, values)
    above = np.cumsum(weights) / total
    distance = float(max((above - model).max(), (model - above + weights / total).max()))
    observed = np.bincount(np.minimum((model * bins).astype(int), bins - 1), weights=weights, minlength=bins)
    statistic = float(((observed - total / bins) ** 2).sum() / (total / bins))
    return GoodnessOfFit(
        _relative_rms(mixture, values, weights),
        distance,
        float(kstwo.sf(distance, max(1, round(total)))),
        statistic,
        float(chi2.sf(statistic, freedom)),
        freedom,
    )


def quantile_pairs(
    mixture: Mixture, x: ArrayLike, n_points: int = 100, sample_weight: ArrayLike | None = None
) -> tuple[FloatArray, FloatArray]:
    """Return the data of a Q-Q plot: quantiles of the mixture, and of the values, at the same probabilities.

    Parameters
    ----------
    mixture : GaussianMixture or BayesianGaussianMixture
        Fitted, of one dimension.
    x : array (N,)
        Values.
    n_points : int
        Probabilities ½/n, 1½/n, … 1 − ½/n.
    sample_weight : array (N,), optional
        How often each was observed.

    Returns
    -------
    model, data : arrays (n_points,)
        On the diagonal where the fit is good.

    Raises
    ------
    MixtureError
        If the mixture has several dimensions.
    """
    values, weights = _sorted(x, sample_weight)
    probabilities = (np.arange(n_points) + 0.5) / n_points
    return quantiles(mixture.parameters_, probabilities), _weighted_quantiles(values, weights, probabilities)


def robust_gaussian(x: ArrayLike, sample_weight: ArrayLike | None = None) -> tuple[float, float]:
    """Return mean and standard deviation that outliers do not move.

    The mean is of the middle 80 % of the values; the standard deviation the smaller of the plain one and
    that of the Gaussian with the same interquartile range.
    """
    values, weights = _sorted(x, sample_weight)
    low, first, third, high = _weighted_quantiles(values, weights, np.array([0.1, 0.25, 0.75, 0.9]))
    middle = (values >= low) & (values <= high)
    plain = float(np.sqrt(np.cov(values, aweights=weights, bias=True)))
    robust = float(third - first) / 1.3489795003921634
    return float(np.average(values[middle], weights=weights[middle])), min(
        plain, robust
    ) if robust > 0 else plain


def _relative_rms(mixture: Mixture, values: FloatArray, weights: FloatArray) -> float:
    points, density = pareto_density(values, sample_weight=weights)
    mean, deviation = robust_gaussian(values, weights)
    gaussian = np.exp(-0.5 * ((points - mean) / deviation) ** 2) / (deviation * np.sqrt(2 * np.pi))
    errors = [np.square(fitted - density).sum() for fitted in (pdf(mixture.parameters_, points), gaussian)]
    return float(np.sqrt(errors[0] / errors[1]))


def _sorted(x: ArrayLike, sample_weight: ArrayLike | None) -> tuple[FloatArray, FloatArray]:
    """Return the distinct values (N,) in ascending order, with their weights."""
    values = np.asarray(x, dtype=float).ravel()
    if len(values) < 2 or not np.isfinite(values).all() or values.min() == values.max():
        raise MixtureError("a density needs at least two finite values that differ")
    unique, counts = distinct(values, checked_weights(sample_weight, len(values)))
    return unique[:, 0], counts


def _weighted_quantiles(values: FloatArray, weights: FloatArray, probabilities: FloatArray) -> FloatArray:
    """Interpolate between values (N,) that stand at the middle of their weight."""
    middle = (np.cumsum(weights) - weights / 2) / weights.sum()
    return np.interp(probabilities, middle, values)


def _pareto_radius(values: FloatArray, weights: FloatArray) -> float:
    """Return the radius within which `pareto_density` counts."""
    total = float(weights.sum())
    count = int(min(RADIUS_VALUES, max(len(values), total)))
    ranks = (np.arange(count) + 0.5) / count
    positions = np.minimum(np.searchsorted(np.cumsum(weights) / total, ranks), len(values) - 1)
    sample = values[positions]
    distances = (sample[:, None] - sample)[np.tril_indices(count, -1)]
    radius = float(np.quantile(distances, RADIUS_QUANTILE))
    if radius <= 0:
        radius = float(np.diff(np.unique(values)).min())
    return radius * (4 / total**0.2 if total > RADIUS_VALUES else 1.0)
