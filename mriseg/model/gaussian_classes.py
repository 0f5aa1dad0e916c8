"""Gaussian mixture of any number of classes, for ``--classes`` and ``--covariance``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from mriseg.mixture import Fixed, GaussianMixture, select_model, unwarned
from mriseg.model.constants import (
    CHANNEL_START_VOXELS,
    CLASSES_MAX_ITERATIONS,
    CLASSES_TOLERANCE,
    START_STEPS,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from mriseg.mixture import Parameters

    Floats = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class GaussianClasses:
    """A fitted Gaussian mixture, with the interface of `mriseg.model.base.TissueModel`.

    Parameters
    ----------
    mixture : GaussianMixture
        Of D channels, components by rising mean of the first.
    """

    mixture: GaussianMixture
    identifier: ClassVar[str] = "gaussian-classes"
    description: ClassVar[str] = "one Gaussian a class"
    partial_volume: ClassVar[bool] = False
    n_groups: ClassVar[int] = 0
    monotonic: ClassVar[bool] = True
    settings: ClassVar[Mapping[str, object]] = {
        "Start": "hierarchical clustering",
        "Trace": "log-likelihood",
        "Criterion": "relative rise of the trace",
        "Tolerance": CLASSES_TOLERANCE,
        "MaxIterations": CLASSES_MAX_ITERATIONS,
    }

    @property
    def means(self) -> Floats:
        """Of the components in the first channel, shape (K,)."""
        return self.mixture.means_[:, 0]

    @property
    def sds(self) -> Floats:
        """Standard deviation of each component in the first channel, shape (K,)."""
        return np.asarray(np.sqrt(self.mixture.covariances_[:, 0, 0]))

    @property
    def centres(self) -> Floats:
        """Means of the components, shape (K, D)."""
        return self.mixture.means_

    @property
    def covariances(self) -> Floats:
        """Of the components, shape (K, D, D)."""
        return self.mixture.covariances_

    @property
    def weights(self) -> Floats:
        """Share of voxels of each component, shape (K,)."""
        return self.mixture.weights_

    @property
    def history(self) -> tuple[float, ...]:
        """Log-likelihood at the start and after each iteration; it never falls."""
        return tuple(self.mixture.history_.tolist())

    @property
    def converged(self) -> bool:
        """Whether the relative rise fell below the tolerance."""
        return self.mixture.converged_

    @property
    def n_iter(self) -> int:
        """Number of iterations done."""
        return self.mixture.n_iter_

    def marginal(self, channel: int) -> GaussianClasses:
        """Return the mixture of one channel."""
        return GaussianClasses(self.mixture.marginal([channel]))

    def density(self, intensities: Floats) -> Floats:
        """Return the density at intensities (B, D), or (B,) of one channel, per unit of intensity."""
        return np.asarray(np.exp(self.mixture.score_samples(_rows(intensities))))

    def responsibilities(self, intensities: Floats) -> Floats:
        """Return the posterior probability of each component at intensities (B, D) or (B,), shape (B, K)."""
        return np.asarray(self.mixture.predict_proba(_rows(intensities)))

    @property
    def tissues_in_component(self) -> NDArray[np.bool_]:
        """Identity, shape (K, K): each class is a tissue of its own."""
        return np.eye(len(self.means), dtype=np.bool_)

    def squared_distances(self, intensities: Floats) -> Floats:
        """Return the squared Mahalanobis distance (B, K) of intensities (B, D) or (B,) from each class."""
        rows = _rows(intensities)
        squares = np.empty((len(self.means), len(rows)), dtype=rows.dtype)
        for mean, covariance, square in zip(self.centres, self.covariances, squares, strict=True):
            whiten = np.linalg.inv(np.linalg.cholesky(covariance)).T.astype(rows.dtype)
            away = (rows - mean.astype(rows.dtype)) @ whiten
            square[:] = (away**2).sum(axis=1)
        return squares.T

    def rescaled(self, factors: Floats) -> GaussianClasses:
        """Return the mixture of the same intensities times a factor a channel, shape (D,)."""
        covariances = self.covariances * np.outer(factors, factors)
        return GaussianClasses(
            GaussianMixture.from_parameters(self.weights, self.centres * factors, covariances)
        )

    @classmethod
    def from_parameters(
        cls,
        centres: Floats,
        covariances: Floats,
        weights: Floats,
        tissues: Sequence[str],
        outlier_range: Floats,
    ) -> GaussianClasses:
        """Return the mixture with given parameters, see `mriseg.model.base.FittedModel.from_parameters`."""
        del tissues, outlier_range
        return cls(GaussianMixture.from_parameters(weights / weights.sum(), centres, covariances))

    def bic(self, intensities: Floats, counts: Floats) -> float:
        """Return the Bayesian information criterion of a histogram: the lower the better."""
        return self.mixture.bic(_rows(intensities), counts)


def fit_gaussian_classes(
    values: Floats,
    counts: Floats,
    classes: int,
    covariance: str | None = None,
    *,
    voxels: NDArray[np.float32] | None = None,
    start: Parameters | None = None,
    hold_means: bool = False,
) -> GaussianClasses:
    """Fit a mixture to a histogram, started from a hierarchical clustering.

    Parameters
    ----------
    values : ndarray of float64, shape (B,) or (B, D)
        Intensities.
    counts : ndarray of float64, shape (B,)
        Voxels of each.
    classes : int
    covariance : str, optional
        Covariance model, see `mriseg.mixture.covariance`; free variances and covariances if not given.
    voxels : ndarray of float32, shape (N, D), optional
        Intensities; with several channels the hierarchical clustering starts from a subset of them.
    start : Parameters, optional
        Initial parameters; by default from hierarchical clustering.
    hold_means : bool
        Fix the means at those of the start.

    Returns
    -------
    GaussianClasses

    Raises
    ------
    MixtureError
        If there are fewer intensities than classes.
    """
    rows = _rows(values)
    model = _covariance_model(covariance, rows.shape[1])
    if start is None and rows.shape[1] > 1 and voxels is not None:
        start = _hierarchical_start(voxels, classes, model)
    mixture = GaussianMixture(
        classes,
        model=model,
        init=("hierarchical" if classes > 1 else "quantiles") if start is None else start,
        tol=CLASSES_TOLERANCE,
        max_iter=CLASSES_MAX_ITERATIONS,
        fixed=Fixed(means=start.means) if hold_means and start is not None else None,
    )
    with unwarned():
        return GaussianClasses(mixture.fit(rows, sample_weight=counts))


def select_gaussian_classes(
    values: Floats, counts: Floats, classes: Sequence[int], covariance: str | None = None
) -> tuple[GaussianClasses, dict[int, float]]:
    """Fit mixtures of several numbers of classes to a histogram and choose by BIC.

    Parameters
    ----------
    values : ndarray of float64, shape (B,) or (B, D)
        Intensities.
    counts : ndarray of float64, shape (B,)
        Voxels of each.
    classes : sequence of int
        Numbers of classes to compare.
    covariance : str, optional
        As in `fit_gaussian_classes`.

    Returns
    -------
    mixture : GaussianClasses
        With the lowest BIC.
    bic : dict of int to float
        By number of classes, for those whose fits have no class on the variance floor; if all have, for
        those that could be fitted.

    Raises
    ------
    MixtureError
        If there are fewer intensities than classes.
    """
    rows = _rows(values)
    model = _covariance_model(covariance, rows.shape[1])
    with unwarned():
        found = select_model(
            rows,
            classes,
            [model],
            sample_weight=counts,
            tol=CLASSES_TOLERANCE,
            max_iter=CLASSES_MAX_ITERATIONS,
        )
    # The floor sets the likelihood of a class that rests on it: its BIC says nothing, and is not chosen by.
    sound = [row for row in found.table if row.sound] or [row for row in found.table if not row.problem]
    bic = {candidate.n_components: candidate.bic for candidate in sound}
    return GaussianClasses(found.best), bic


def _covariance_model(covariance: str | None, channels: int) -> str:
    """Return the covariance model, by default with free variances and covariances."""
    return covariance or ("V" if channels == 1 else "VVV")


def _hierarchical_start(voxels: NDArray[np.float32], classes: int, model: str) -> Parameters:
    """Return the start from a hierarchical clustering of a subset of voxels (N, D), by rising first mean."""
    some = voxels[:: 1 + len(voxels) // CHANNEL_START_VOXELS].astype(np.float64)
    with unwarned():
        clustering = GaussianMixture(classes, model=model, max_iter=START_STEPS).fit(some).parameters_
    return clustering.ordered(np.argsort(clustering.means[:, 0], kind="stable"))


def _rows(intensities: Floats) -> Floats:
    """Reshape intensities (B,) or (B, D) to (B, D)."""
    return intensities.reshape(len(intensities), -1)
