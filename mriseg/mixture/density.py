"""Empirical densities of one variable, and the goodness of fit of a mixture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mriseg.errors import MixtureError
from mriseg.mixture.constants import MAX_BINS, MAX_PARETO_VALUES, MIN_BINS, PARETO_QUANTILE
from mriseg.mixture.univariate import cdf, pdf, quantiles
from mriseg.mixture.validation import check_sample_weight, count_unique

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from mriseg.mixture.estimator import Mixture
    from mriseg.mixture.parameters import FloatArray

# Interquartile range of the standard normal distribution, 2 Φ⁻¹(0.75).
_NORMAL_IQR = 1.3489795003921634


def pareto_density(
    x: ArrayLike, n_points: int = 200, sample_weight: ArrayLike | None = None
) -> tuple[FloatArray, FloatArray]:
    """Return the Pareto density estimate: the normalised count of values within the Pareto radius.

    A sphere that holds about 20 % of the data yields the most information for its size [1]_. The radius is
    the 18th percentile of the distances between values; above 1,024 values it shrinks in proportion to
    N^(−1/5).

    Parameters
    ----------
    x : array-like, shape (N,)
        Values.
    n_points : int
        Number of points of evaluation, evenly spaced over the range of the values.
    sample_weight : array-like, shape (N,), optional
        Number of times each was observed.

    Returns
    -------
    points, density : ndarray of float64, shape (n_points,)
        The density integrates to one over the points (trapezoidal rule).

    Raises
    ------
    MixtureError
        If fewer than two values differ.

    References
    ----------
    .. [1] Ultsch A (2005). Pareto density estimation: a density estimation for knowledge discovery. In:
       Innovations in Classification, Data Science, and Information Systems, 91-100. Springer.
    """
    values, weights = _sorted_values(x, sample_weight)
    radius = _pareto_radius(values, weights)
    points = np.linspace(values[0], values[-1], n_points)
    cumulative = np.concatenate([[0.0], np.cumsum(weights)])
    within = (
        cumulative[np.searchsorted(values, points + radius, "right")]
        - cumulative[np.searchsorted(values, points - radius, "left")]
    )
    area = (within[1:] + within[:-1]) / 2 @ np.diff(points)
    return points, np.asarray(within / area)


def histogram_density(
    x: ArrayLike, bins: int | None = None, sample_weight: ArrayLike | None = None
) -> tuple[FloatArray, FloatArray]:
    """Return the histogram density estimate.

    Parameters
    ----------
    x : array-like, shape (N,)
        Values.
    bins : int, optional
        Number of bins; by default that of the rule of Freedman and Diaconis [1]_, a width of
        2 × interquartile range × N^(−1/3), limited to between 10 and 1,000.
    sample_weight : array-like, shape (N,), optional
        Number of times each was observed.

    Returns
    -------
    centres, density : ndarray of float64, shape (bins,)
        Bin centres, and fraction of the weight over bin width.

    Raises
    ------
    MixtureError
        If fewer than two values differ.

    References
    ----------
    .. [1] Freedman D, Diaconis P (1981). On the histogram as a density estimator: L2 theory.
       Z. Wahrscheinlichkeitstheorie verw. Gebiete 57:453-476.
    """
    values, weights = _sorted_values(x, sample_weight)
    if bins is None:
        low, high = _weighted_quantiles(values, weights, np.array([0.25, 0.75]))
        width = 2 * (high - low) / weights.sum() ** (1 / 3)
        value_range = values[-1] - values[0]
        bins = int(np.clip(np.ceil(value_range / width) if width > 0 else MIN_BINS, MIN_BINS, MAX_BINS))
    density, edges = np.histogram(values, bins, weights=weights, density=True)
    return (edges[:-1] + edges[1:]) / 2, density


@dataclass(frozen=True)
class GoodnessOfFit:
    """Goodness-of-fit statistics of a univariate mixture.

    Attributes
    ----------
    rms : float
        Root mean square difference between the density of the mixture and the Pareto density estimate,
        divided by that of one robust Gaussian: 0 is a perfect fit, 1 no better than a single Gaussian (Ultsch
        et al. 2015, Int J Mol Sci 16:25897-25911).
    ks_statistic, ks_p_value : float
        Kolmogorov-Smirnov statistic and p-value. The p-value is too large where the parameters were fitted to
        the same values.
    chi2_statistic, chi2_p_value : float
        Pearson's chi-square over bins of equal probability under the mixture, and its p-value.
    chi2_degrees_of_freedom : int
        Number of bins, less one, less the number of free parameters.
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
    """Return goodness-of-fit statistics of a univariate mixture.

    Parameters
    ----------
    mixture : GaussianMixture or BayesianGaussianMixture
        Fitted, of one dimension.
    x : array-like, shape (N,)
        Values.
    n_parameters : int
        Number of free parameters fitted to these values; 0 for a mixture known in advance.
    bins : int
        Number of bins of the chi-square test; at least two more than free parameters.
    sample_weight : array-like, shape (N,), optional
        Number of times each was observed.

    Returns
    -------
    GoodnessOfFit

    Raises
    ------
    MixtureError
        If the mixture has several dimensions, or there are too few bins.
    """
    from scipy.stats import chi2, kstwo

    values, weights = _sorted_values(x, sample_weight)
    total = float(weights.sum())
    degrees_of_freedom = bins - 1 - n_parameters
    if degrees_of_freedom < 1:
        raise MixtureError(f"{n_parameters} parameters need more than {bins} bins: take {n_parameters + 2}")
    model_cdf = cdf(mixture.parameters_, values)
    ks_statistic = _ks_statistic(model_cdf, weights)
    chi2_statistic = _chi2_statistic(model_cdf, weights, bins)
    return GoodnessOfFit(
        rms=_relative_rms(mixture, values, weights),
        ks_statistic=ks_statistic,
        ks_p_value=float(kstwo.sf(ks_statistic, max(1, round(total)))),
        chi2_statistic=chi2_statistic,
        chi2_p_value=float(chi2.sf(chi2_statistic, degrees_of_freedom)),
        chi2_degrees_of_freedom=degrees_of_freedom,
    )


def quantile_pairs(
    mixture: Mixture, x: ArrayLike, n_points: int = 100, sample_weight: ArrayLike | None = None
) -> tuple[FloatArray, FloatArray]:
    """Return the coordinates of a Q-Q plot: quantiles of mixture and data at the same probabilities.

    Parameters
    ----------
    mixture : GaussianMixture or BayesianGaussianMixture
        Fitted, of one dimension.
    x : array-like, shape (N,)
        Values.
    n_points : int
        Number of probabilities, (i + ½) / n_points for i = 0, …, n_points − 1.
    sample_weight : array-like, shape (N,), optional
        Number of times each was observed.

    Returns
    -------
    model, data : ndarray of float64, shape (n_points,)
        Equal where the fit is perfect.

    Raises
    ------
    MixtureError
        If the mixture has several dimensions, or fewer than two values differ.
    """
    values, weights = _sorted_values(x, sample_weight)
    probabilities = (np.arange(n_points) + 0.5) / n_points
    return quantiles(mixture.parameters_, probabilities), _weighted_quantiles(values, weights, probabilities)


def robust_gaussian(x: ArrayLike, sample_weight: ArrayLike | None = None) -> tuple[float, float]:
    """Return robust estimates of mean and standard deviation.

    Parameters
    ----------
    x : array-like, shape (N,)
        Values.
    sample_weight : array-like, shape (N,), optional
        Number of times each was observed.

    Returns
    -------
    mean : float
        Mean of the central 80 % of the values.
    sd : float
        The smaller of the sample standard deviation and that of the Gaussian with the same interquartile
        range.

    Raises
    ------
    MixtureError
        If fewer than two values differ.
    """
    values, weights = _sorted_values(x, sample_weight)
    low, first, third, high = _weighted_quantiles(values, weights, np.array([0.1, 0.25, 0.75, 0.9]))
    central = (values >= low) & (values <= high)
    sample_sd = float(np.sqrt(np.cov(values, aweights=weights, bias=True)))
    robust_sd = float(third - first) / _NORMAL_IQR
    mean = float(np.average(values[central], weights=weights[central]))
    return mean, min(sample_sd, robust_sd) if robust_sd > 0 else sample_sd


def _ks_statistic(model_cdf: FloatArray, weights: FloatArray) -> float:
    """Return the largest distance between a continuous and an empirical distribution function."""
    # The empirical function is a step at each value: compare its upper and its lower end with the model.
    upper = np.cumsum(weights) / float(weights.sum())
    lower_distance = (model_cdf - upper + weights / float(weights.sum())).max()
    return float(max((upper - model_cdf).max(), lower_distance))


def _chi2_statistic(model_cdf: FloatArray, weights: FloatArray, bins: int) -> float:
    """Return Pearson's statistic over bins of equal probability: all expected counts are total / bins."""
    expected = float(weights.sum()) / bins
    indices = np.minimum((model_cdf * bins).astype(int), bins - 1)
    observed = np.bincount(indices, weights=weights, minlength=bins)
    return float(((observed - expected) ** 2).sum() / expected)


def _relative_rms(mixture: Mixture, values: FloatArray, weights: FloatArray) -> float:
    """Return the RMS error of the mixture's density relative to that of a robust Gaussian."""
    points, density = pareto_density(values, sample_weight=weights)
    mean, sd = robust_gaussian(values, weights)
    gaussian = np.exp(-0.5 * ((points - mean) / sd) ** 2) / (sd * np.sqrt(2 * np.pi))
    errors = [np.square(model - density).sum() for model in (pdf(mixture.parameters_, points), gaussian)]
    return float(np.sqrt(errors[0] / errors[1]))


def _sorted_values(x: ArrayLike, sample_weight: ArrayLike | None) -> tuple[FloatArray, FloatArray]:
    """Return the distinct values in ascending order and their weights, each of shape (M,)."""
    values = np.asarray(x, dtype=float).ravel()
    if len(values) < 2 or not np.isfinite(values).all() or values.min() == values.max():
        raise MixtureError("a density needs at least two finite values that differ")
    unique, counts = count_unique(values, check_sample_weight(sample_weight, len(values)))
    return unique[:, 0], counts


def _weighted_quantiles(values: FloatArray, weights: FloatArray, probabilities: FloatArray) -> FloatArray:
    """Return quantiles by linear interpolation between values placed at the middle of their weight."""
    positions = (np.cumsum(weights) - weights / 2) / weights.sum()
    return np.interp(probabilities, positions, values)


def _pareto_radius(values: FloatArray, weights: FloatArray) -> float:
    """Return the Pareto radius (Ultsch 2005): a quantile of the pairwise distances."""
    total = float(weights.sum())
    count = int(min(MAX_PARETO_VALUES, max(len(values), total)))
    ranks = (np.arange(count) + 0.5) / count
    positions = np.minimum(np.searchsorted(np.cumsum(weights) / total, ranks), len(values) - 1)
    sample = values[positions]
    distances = (sample[:, None] - sample)[np.tril_indices(count, -1)]
    radius = float(np.quantile(distances, PARETO_QUANTILE))
    if radius <= 0:  # most pairs are equal values
        radius = float(np.diff(np.unique(values)).min())
    # Correction for large samples of AdaptGauss; 4 / 1024^(1/5) = 1, so the radius is continuous in N.
    return radius * (4 / total**0.2 if total > MAX_PARETO_VALUES else 1.0)
