"""Any number of classes, each a Gaussian of its own mean and variance: the mixture behind ``--classes``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from mriseg.mixture import GaussianMixture

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.floating]

# Run to convergence: where the log-likelihood is still rising, results depend on the start.
_TOLERANCE = 1e-6
_MAX_ITERATIONS = 1000


@dataclass(frozen=True, eq=False)
class PlainMixture:
    """A fitted Gaussian mixture, asked about intensities in the words of `PartialVolumeMixture`.

    Parameters
    ----------
    mixture : GaussianMixture
        Of one dimension, components by rising mean.
    """

    mixture: GaussianMixture
    name = "one Gaussian a class"
    settings: ClassVar[dict[str, object]] = {
        "Start": "hierarchical clustering",
        "Trace": "log-likelihood",
        "Criterion": "relative rise of the trace",
        "Tolerance": _TOLERANCE,
        "MaxIterations": _MAX_ITERATIONS,
    }

    @property
    def means(self) -> Floats:
        """Of the components, shape (K,)."""
        return self.mixture.means_[:, 0]

    @property
    def sds(self) -> Floats:
        """Standard deviation of each component, shape (K,)."""
        return np.asarray(np.sqrt(self.mixture.covariances_[:, 0, 0]))

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

    def density(self, intensities: Floats) -> Floats:
        """Return the density at intensities (B,), per unit of intensity."""
        return np.asarray(np.exp(self.mixture.score_samples(intensities[:, None])))

    def responsibilities(self, intensities: Floats) -> Floats:
        """Return the posterior probability of each component at intensities (B,), shape (B, K)."""
        return np.asarray(self.mixture.predict_proba(intensities[:, None]))

    def bic(self, intensities: Floats, counts: Floats) -> float:
        """Return the Bayesian information criterion of a histogram: the lower the better."""
        return self.mixture.bic(intensities[:, None], counts)


def fit_plain(values: Floats, counts: Floats, classes: int) -> PlainMixture:
    """Fit a mixture with free variances to a histogram, started from a hierarchical clustering.

    Parameters
    ----------
    values, counts : ndarray of float64, shape (B,)
        Intensities and how many voxels have each.
    classes : int

    Returns
    -------
    PlainMixture

    Raises
    ------
    MixtureError
        If there are fewer intensities than classes.
    """
    mixture = GaussianMixture(
        classes, model="V", init="hierarchical", tol=_TOLERANCE, max_iter=_MAX_ITERATIONS
    )
    return PlainMixture(mixture.fit(values[:, None], sample_weight=counts))
