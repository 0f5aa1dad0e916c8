"""What can be asked of a segmentation: checked before it begins, recorded with its results."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mriseg.errors import MixtureError
from mriseg.images.reading import file_digest
from mriseg.labels.contrasts import CONTRASTS, rising_tissues
from mriseg.labels.tissues import AUTO, LESION, MAX_CLASSES
from mriseg.mixture.covariance import covariance_model
from mriseg.model.cohort_prior import prior_digest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mriseg.labels.tissues import Tissue


def check_options(
    *,
    channels: Sequence[str | Path] = (),
    mask: str | Path | None = None,
    stripped: bool = False,
    contrast: str = "t1",
    classes: int | str = 3,
    merge: bool = False,
    covariance: str | None = None,
    lesion_mask: str | Path | None = None,
    prior: str | Path | None = None,
    fix_means: bool = False,
    **_others: bool,
) -> None:
    """Raise ValueError if `segment` would, with these keyword arguments."""
    if mask is not None and stripped:
        raise ValueError("give a mask or say that the scan is stripped, not both")
    if contrast not in (*CONTRASTS, AUTO):
        raise ValueError(f"contrast is {contrast!r}; it must be one of {', '.join(CONTRASTS)}, {AUTO}")
    _check_classes(classes, merge=merge, lesions=lesion_mask is not None, known=prior is not None)
    if fix_means and prior is None:
        raise ValueError("means can be fixed at those of a saved fit only; give it as the prior")
    if covariance is not None:
        try:
            covariance_model(covariance, 1 + len(channels))
        except MixtureError as error:
            raise ValueError(str(error)) from error


def _check_classes(classes: int | str, *, merge: bool, lesions: bool, known: bool) -> None:
    """Raise ValueError if a number of classes is out of range or does not go with the rest."""
    if classes == AUTO:
        if known:
            raise ValueError("a saved fit has a number of classes: give that instead of auto")
        return
    if not isinstance(classes, int) or not 2 <= classes <= MAX_CLASSES:
        raise ValueError(f"classes is {classes!r}; it must be from 2 to {MAX_CLASSES}, or {AUTO}")
    if merge and classes <= 3:
        raise ValueError(f"{classes} classes cannot be merged to three tissues; ask for more, or for {AUTO}")
    if lesions and not merge and classes > max_classes(lesions=True):
        raise ValueError(f"lesions have the label {LESION.index}; ask for fewer classes than that, or merge")


def max_classes(*, lesions: bool) -> int:
    """Return the highest number of classes that leaves the label of lesions free, if there are any."""
    return LESION.index - 1 if lesions else MAX_CLASSES


def possible_tissues(
    *,
    classes: int | str = 3,
    merge: bool = False,
    lesion_mask: str | Path | None = None,
    **_others: Any,
) -> tuple[Tissue, ...]:
    """List all that the labels of a segmentation may be, with these keyword arguments of `segment`."""
    numbers = (
        [3] if merge else range(2, max_classes(lesions=False) + 1) if isinstance(classes, str) else [classes]
    )
    tissues = {tissue: None for number in numbers for tissue in rising_tissues("t1", number)}
    return (*tissues, *([] if lesion_mask is None else [LESION]))


def recorded_settings(
    *,
    channels: Sequence[str | Path] = (),
    mask: str | Path | None = None,
    stripped: bool = False,
    contrast: str = "t1",
    classes: int | str = 3,
    merge: bool = False,
    covariance: str | None = None,
    lesion_mask: str | Path | None = None,
    bias: bool = True,
    spatial: bool = True,
    priors: bool = True,
    prior: str | Path | None = None,
    fix_means: bool = False,
) -> dict[str, Any]:
    """Return what the sidecar says under Settings for these keyword arguments of `segment`.

    Two runs on the same scan with the same version and the same recorded settings write the same bytes.
    """
    return {
        "Channels": [Path(channel).name for channel in channels],
        "ChannelsSHA256": [file_digest(channel) for channel in channels],
        "Mask": Path(mask).name if mask else None,
        "MaskSHA256": file_digest(mask) if mask else None,
        "Stripped": stripped,
        "Contrast": contrast,
        "Classes": classes,
        "Merge": merge,
        "Covariance": covariance,
        "LesionMask": Path(lesion_mask).name if lesion_mask else None,
        "LesionMaskSHA256": file_digest(lesion_mask) if lesion_mask else None,
        "Bias": bias,
        "Spatial": spatial,
        "Priors": priors,
        "Prior": Path(prior).name if prior else None,
        "PriorSHA256": prior_digest(prior) if prior else None,
        "FixMeans": fix_means,
    }
