"""The pooled histogram of a cohort: a start and a prior for the mixture of one scan.

The histograms of many scans, each in units of its own WM mean, are averaged. Rescaled to a new scan, they are
added to its histogram with the weight of a number of voxels that depends on the variation between the
scans (`mriseg.cohort.prior.worth`): small for a whole brain, large for a small piece.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from mriseg.errors import PriorError
from mriseg.model.constants import MAX_SAVED_PRIOR_VOXELS, POOLED_BINS, POOLED_RANGE
from mriseg.model.histogram import best_scale
from mriseg.model.partial_volume_em import fit_partial_volume

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from mriseg.model.base import Histogram
    from mriseg.model.partial_volume import PartialVolumeMixture

    Floats = NDArray[np.floating]

# Intensities in units of the WM mean.
_EDGES = np.linspace(*POOLED_RANGE, POOLED_BINS + 1)
_MIDDLES = (_EDGES[1:] + _EDGES[:-1]) / 2


@dataclass(frozen=True, eq=False)
class CohortPrior:
    """The pooled histogram of a cohort.

    Parameters
    ----------
    contrast : str
        Of all its scans.
    scans : int
        How many there were.
    voxels : float
        Weight in the fit of another scan, voxels.
    shares : ndarray of float64, shape (750,)
        Share of voxels in each bin; the bins are equal, from -0.2 to 2.8 times the WM mean.
    path : Path or None
        Where it was read from, for messages.
    """

    contrast: str
    scans: int
    voxels: float
    shares: Floats
    path: Path | None = None

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        content = {
            "Description": "Pooled intensities of a cohort, in units of the WM mean",
            "Contrast": self.contrast,
            "Scans": self.scans,
            "Voxels": round(self.voxels, 3),
            "Shares": np.round(self.shares, 9).tolist(),
        }
        path.write_text(json.dumps(content) + "\n", encoding="utf-8")


def read_cohort_prior(path: Path) -> CohortPrior:
    """Read a cohort prior written by `CohortPrior.write`.

    Raises
    ------
    PriorError
        If the file cannot be read or is no such prior.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        shares = np.asarray(content["Shares"], dtype=np.float64)
        prior = CohortPrior(
            str(content["Contrast"]), int(content["Scans"]), float(content["Voxels"]), shares, path
        )
        sound = shares.shape == _MIDDLES.shape and np.isfinite(shares).all() and (shares >= 0).all()
        plausible = prior.scans >= 1 and 0 <= prior.voxels <= MAX_SAVED_PRIOR_VOXELS
        if not sound or not shares.any() or not plausible:
            raise ValueError("its figures make no sense")
    except OSError as error:
        raise PriorError(f"{path}: cannot be read ({error.strerror}); check its name") from error
    except (ValueError, KeyError, TypeError, RecursionError, ArithmeticError) as error:
        raise PriorError(f"{path}: is no prior of mriseg cohort-prior ({error}); make it anew") from error
    return prior


def normalised_shares(values: Floats, counts: Floats, white: float) -> Floats:
    """Return a histogram in the bins of `CohortPrior`.

    Parameters
    ----------
    values, counts : ndarray of float64, shape (B,)
        Intensities and how many voxels have each.
    white : float
        Mean intensity of WM.

    Returns
    -------
    ndarray of float64, shape (750,)
        Shares of voxels; they sum to 1 but for what lies outside.
    """
    found, _ = np.histogram(values / white, _EDGES, weights=counts)
    return np.asarray(found / counts.sum())


def fit_with_cohort_prior(values: Floats, counts: Floats, prior: CohortPrior) -> PartialVolumeMixture:
    """Fit the partial-volume mixture to a histogram plus the weighted histogram of a cohort.

    Parameters
    ----------
    values, counts : ndarray of float64, shape (B,)
        Intensities, rising, and how many voxels have each.
    prior : CohortPrior

    Returns
    -------
    PartialVolumeMixture

    Raises
    ------
    MixtureError
        If the histogram does not hold three different intensities.
    """
    start, (of_cohort, voxels) = scaled_to(prior, values, counts)
    together = np.concatenate([values, of_cohort])
    order = np.argsort(together, kind="stable")
    return fit_partial_volume(together[order], np.concatenate([counts, voxels])[order], start)


def scaled_to(prior: CohortPrior, values: Floats, counts: Floats) -> tuple[PartialVolumeMixture, Histogram]:
    """Scale a cohort to a scan, given by a histogram (B,), by maximum likelihood.

    Returns
    -------
    mixture : PartialVolumeMixture
        Of the cohort.
    voxels : pair of ndarrays of float64, shape (C,)
        Intensities of the cohort, and how many voxels each counts for.
    """
    known = prior.shares > 0
    of_cohort, shares = _MIDDLES[known], prior.shares[known] / prior.shares.sum()
    cohort = fit_partial_volume(of_cohort, shares * 1e6)
    start, scale = _scaled(cohort, values, counts)
    return start, (of_cohort * scale, shares * prior.voxels)


def _scaled(
    cohort: PartialVolumeMixture, values: Floats, counts: Floats
) -> tuple[PartialVolumeMixture, float]:
    """Rescale the mixture of the cohort to a scan by maximum likelihood; return it and the scale."""
    outlier_range = float(np.ptp(values))

    def scaled(factor: float) -> PartialVolumeMixture:
        return replace(
            cohort, means=cohort.means * factor, sd=cohort.sd * factor, outlier_range=outlier_range
        )

    best = best_scale(
        lambda factor: scaled(factor).log_likelihood(values, counts), float(cohort.means[2]), values, counts
    )
    return scaled(best), best
