"""Computation of a cohort prior from the results of a cohort."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mriseg._utils.atomic_write import atomic_write
from mriseg.cohort.constants import MAX_PRIOR_VOXELS, MIN_PRIOR_SCANS, PRIOR_STRENGTH
from mriseg.cohort.record import collect
from mriseg.errors import CohortError
from mriseg.model.cohort_prior import CohortPrior
from mriseg.results.sidecar import sidecar_or_none

if TYPE_CHECKING:
    from pathlib import Path

    from mriseg.cohort.record import Record

_NORMAL_MAD = 1.4826


def make_prior(results: Path, file: Path, *, overwrite: bool = False) -> CohortPrior:
    """Pool the histograms of a cohort and write its prior.

    Parameters
    ----------
    results : Path
        The output folder of `mriseg batch` or `mriseg bids`.
    file : Path
        File to write.
    overwrite : bool
        Replace the file.

    Returns
    -------
    CohortPrior

    Raises
    ------
    CohortError
        If there are too few scans, or they are of several contrasts.
    OutputError
        If the file exists and may not be replaced, or cannot be written.
    """
    records = [record for record in collect(results) if record.histogram]
    if len(records) < MIN_PRIOR_SCANS:
        raise CohortError(
            f"{results}: has {len(records)} scans of three tissues with a record in logs; "
            f"{MIN_PRIOR_SCANS} are needed"
        )
    contrasts = {_contrast(record, results) for record in records}
    if len(contrasts) > 1:
        raise CohortError(f"{results}: has scans of several contrasts ({', '.join(sorted(contrasts))})")
    shares = np.mean([record.histogram for record in records], axis=0)
    prior = CohortPrior(contrasts.pop(), len(records), worth(records), shares)
    with atomic_write(file.parent, [file.name], overwrite=overwrite) as scratch:
        prior.write(scratch / file.name)
    return prior


def worth(records: list[Record]) -> float:
    """Return the weight of a cohort prior, voxels: inverse to the variance of the ratio of GM to WM."""
    grey, white, noise = (
        np.array([record.figures[name] for record in records], dtype=np.float64)
        for name in ("GM_mean", "WM_mean", "GM_sd")
    )
    ratios = grey / white
    apart = _NORMAL_MAD * float(np.median(np.abs(ratios - np.median(ratios))))
    noise_share = float(np.median(noise / white))
    return min(MAX_PRIOR_VOXELS, PRIOR_STRENGTH * (noise_share / max(apart, 1e-6)) ** 2)


def _contrast(record: Record, results: Path) -> str:
    sidecar = sidecar_or_none(record.sidecar(results)) or {}
    return str(sidecar.get("Contrast", {}).get("Used"))
