"""What can be asked of a segmentation: checked before it begins, recorded with its results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mriseg.images import file_digest
from mriseg.pooled import prior_digest
from mriseg.tissue import MOST_CLASSES, RISING_MEANS, rising_tissues


def check_options(
    *,
    mask: str | Path | None = None,
    stripped: bool = False,
    contrast: str = "t1",
    classes: int = 3,
    cohort_prior: str | Path | None = None,
    **_others: bool,
) -> None:
    """Raise ValueError if `segment` would, with these keyword arguments."""
    if mask is not None and stripped:
        raise ValueError("give a mask or say that the scan is stripped, not both")
    if contrast not in RISING_MEANS:
        raise ValueError(f"contrast is {contrast!r}; it must be one of {', '.join(RISING_MEANS)}")
    if not 2 <= classes <= MOST_CLASSES:
        raise ValueError(f"classes is {classes}; it must be from 2 to {MOST_CLASSES}")
    if cohort_prior is not None and classes != 3:
        raise ValueError("the prior of a cohort is for three classes")


def recorded_settings(
    *,
    mask: str | Path | None = None,
    stripped: bool = False,
    contrast: str = "t1",
    classes: int = 3,
    bias: bool = True,
    spatial: bool = True,
    priors: bool = True,
    cohort_prior: str | Path | None = None,
) -> dict[str, Any]:
    """Return what the sidecar says under Settings for these keyword arguments of `segment`.

    Two runs on the same scan with the same version and the same recorded settings write the same bytes.
    """
    return {
        "Mask": Path(mask).name if mask else None,
        "MaskSHA256": file_digest(mask) if mask else None,
        "Stripped": stripped,
        "Contrast": contrast,
        "Classes": classes,
        "Bias": bias,
        "Spatial": spatial,
        "Priors": priors,
        "CohortPrior": Path(cohort_prior).name if cohort_prior else None,
        "CohortPriorSHA256": prior_digest(cohort_prior) if cohort_prior else None,
        "NamingRule": "rising mean: " + ", ".join(t.abbreviation for t in rising_tissues(contrast, classes)),
    }
