"""The method, in one sentence.

Load the volume; find the brain; estimate the bias field; fit the mixture; regularise in space; name the
tissues.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mriseg.bias import BiasField, estimate_bias_field, no_field
from mriseg.brain import BrainMask, brain_mask, mask_doubts
from mriseg.doubts import GraveDoubt
from mriseg.errors import CohortError, MixtureError
from mriseg.histogram import intensity_histogram
from mriseg.images import Volume, file_digest, load_mask, load_volume
from mriseg.outputs import Segmentation
from mriseg.partial_volume import PartialVolumeMixture, fit_partial_volume
from mriseg.plain import PlainMixture, fit_plain
from mriseg.pooled import PooledPrior, fit_with_prior, prior_digest, read_prior
from mriseg.spatial import regularise
from mriseg.stripped import stripped_mask
from mriseg.tissue import (
    MOST_CLASSES,
    RISING_MEANS,
    WM,
    Tissue,
    name_components,
    out_of_order_share,
    place_doubts,
    plausibility,
    rising_tissues,
)
from mriseg.volumes import TissueVolume

if TYPE_CHECKING:
    from numpy.typing import NDArray

_log = logging.getLogger(__name__)

# Log odds that a tissue gains where all neighbours are of it.
_NEIGHBOURS = 2.0
# What lies below is air: the intensity to which the bias field does not add.
_AIR_PERCENT = 1.0


def segment(
    scan: str | Path | Volume,
    *,
    mask: str | Path | None = None,
    stripped: bool = False,
    contrast: str = "t1",
    classes: int = 3,
    bias: bool = True,
    spatial: bool = True,
    prior: str | Path | None = None,
) -> Segmentation:
    """Segment the brain of a scan into tissues.

    Parameters
    ----------
    scan : str, Path or Volume
        A NIfTI file of a whole head or of a stripped brain, or what `mriseg.load_volume` made of it.
    mask : str or Path, optional
        A brain mask on the grid of the scan; found by `mriseg.brain_mask` if not given.
    stripped : bool
        Take everything but the background as brain, without asking whether the scan looks stripped.
    contrast : {"t1", "t2", "pd"}
        Decides which of three classes is CSF, GM and WM.
    classes : int
        From 2 to 10; three are named as tissues, others are numbered by rising mean.
    bias : bool
        Estimate the bias field and correct the scan for it.
    spatial : bool
        Let neighbouring voxels speak for one another.
    prior : str or Path, optional
        What `mriseg cohort-prior` made of scans like this one; steadies the fit where there are few voxels.

    Returns
    -------
    Segmentation

    Raises
    ------
    ImageError, MaskError
        If the scan or the mask cannot be used.
    MixtureError
        If the intensities in the mask cannot be told apart.
    ValueError
        If an argument is out of its range, or both `mask` and `stripped` are given.

    Examples
    --------
    >>> result = segment("sub-01_T1w.nii.gz")  # doctest: +SKIP
    >>> result.volumes["GM"].ml  # doctest: +SKIP
    612.4
    >>> result.save("derivatives/sub-01")  # doctest: +SKIP
    """
    check_options(mask=mask, stripped=stripped, contrast=contrast, classes=classes, prior=prior)
    known = _read_prior(prior, contrast)
    _log.info("reading the scan")
    volume = scan if isinstance(scan, Volume) else load_volume(scan)
    _log.info("finding the brain")
    brain = _find_brain(volume, mask, stripped, contrast)
    _log.info("estimating the bias field")
    try:
        air = _air(volume.data)
        field = _field(volume, air, brain.mask, contrast) if bias else no_field()
        corrected = _corrected(volume.data, air, field)
        _log.info("fitting the mixture")
        histogram = intensity_histogram(corrected[brain.mask])
        model = _fit(histogram, classes, known)
    except MixtureError as error:
        raise MixtureError(f"{volume.path}: its intensities make no {classes} classes ({error})") from error
    posteriors = _tabulated(model, histogram[0], corrected[brain.mask])
    if spatial:
        _log.info("regularising in space")
        posteriors = regularise(posteriors, brain.mask, volume.zooms, _NEIGHBOURS)
    _log.info("naming the tissues")
    tissues = name_components(model.means, contrast)
    settings = recorded_settings(
        mask=mask,
        stripped=stripped,
        contrast=contrast,
        classes=classes,
        bias=bias,
        spatial=spatial,
        prior=prior,
    )
    corrected_scan = volume.to_scan_grid(corrected) if bias else None
    return _assemble(volume, brain, field, corrected_scan, histogram, model, tissues, posteriors, settings)


def check_options(
    *,
    mask: str | Path | None = None,
    stripped: bool = False,
    contrast: str = "t1",
    classes: int = 3,
    prior: str | Path | None = None,
    **_others: bool,
) -> None:
    """Raise ValueError if `segment` would, with these keyword arguments."""
    if mask is not None and stripped:
        raise ValueError("give a mask or say that the scan is stripped, not both")
    if contrast not in RISING_MEANS:
        raise ValueError(f"contrast is {contrast!r}; it must be one of {', '.join(RISING_MEANS)}")
    if not 2 <= classes <= MOST_CLASSES:
        raise ValueError(f"classes is {classes}; it must be from 2 to {MOST_CLASSES}")
    if prior is not None and classes != 3:
        raise ValueError("a prior is for three tissues; leave classes at 3")


def recorded_settings(
    *,
    mask: str | Path | None = None,
    stripped: bool = False,
    contrast: str = "t1",
    classes: int = 3,
    bias: bool = True,
    spatial: bool = True,
    prior: str | Path | None = None,
) -> dict[str, Any]:
    """Return what the sidecar says under Settings for these keyword arguments of `segment`.

    Two runs on the same scan with the same version and the same recorded settings write the same bytes.
    """
    return {
        "Mask": Path(mask).name if mask else None,
        "MaskSHA256": file_digest(mask) if mask else None,
        "Prior": Path(prior).name if prior else None,
        "PriorSHA256": prior_digest(prior) if prior else None,
        "Stripped": stripped,
        "Contrast": contrast,
        "Classes": classes,
        "Bias": bias,
        "Spatial": spatial,
        "NeighbourStrength": _NEIGHBOURS if spatial else 0.0,
        "NamingRule": "rising mean: " + ", ".join(t.abbreviation for t in rising_tissues(contrast, classes)),
    }


def _read_prior(path: str | Path | None, contrast: str) -> PooledPrior | None:
    if path is None:
        return None
    prior = read_prior(path)
    if prior.contrast != contrast:
        raise CohortError(f"{path}: is of {prior.contrast} scans and this one is {contrast}; make another")
    return prior


def _fit(
    histogram: tuple[NDArray[np.floating], NDArray[np.floating]], classes: int, prior: PooledPrior | None
) -> PartialVolumeMixture | PlainMixture:
    if classes != 3:
        return fit_plain(*histogram, classes)
    return fit_with_prior(*histogram, prior) if prior else fit_partial_volume(*histogram)


def _find_brain(volume: Volume, mask: str | Path | None, stripped: bool, contrast: str) -> BrainMask:
    if mask is None and not stripped:
        return brain_mask(volume, contrast)
    found = load_mask(mask, volume) if mask is not None else stripped_mask(volume)
    method = "given" if mask is not None else "stripped scan"
    return BrainMask(found, method, warnings=mask_doubts(found, volume))


def _air(data: NDArray[np.float32]) -> np.float32:
    """Return the intensity of air, from every third voxel each way."""
    return np.float32(np.percentile(data[::3, ::3, ::3], _AIR_PERCENT))


def _field(volume: Volume, air: np.float32, mask: NDArray[np.bool_], contrast: str) -> BiasField:
    white = RISING_MEANS[contrast].index(WM)
    return estimate_bias_field(volume.data - air, mask, volume.zooms, white)


def _corrected(data: NDArray[np.float32], air: np.float32, field: BiasField) -> NDArray[np.float32]:
    if not field.order:
        return data
    return (data - air) / field.on_grid(data.shape) + air


def _tabulated(
    model: PartialVolumeMixture | PlainMixture, values: NDArray[np.floating], intensities: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Look up the responsibilities of a million voxels between those of a thousand intensities."""
    columns = [np.interp(intensities, values, column) for column in model.responsibilities(values).T]
    return np.stack(columns, axis=1).astype(np.float32)


def _assemble(
    volume: Volume,
    brain: BrainMask,
    field: BiasField,
    corrected: NDArray[np.float32] | None,
    histogram: tuple[NDArray[np.floating], NDArray[np.floating]],
    model: PartialVolumeMixture | PlainMixture,
    components: tuple[Tissue, ...],
    responsibilities: NDArray[np.float32],
    settings: dict[str, Any],
) -> Segmentation:
    """Put labels and responsibilities back on the scan's grid, measure them and say what is doubtful."""
    means, sds = model.means, model.sds
    labels = np.array([tissue.index for tissue in components], dtype=np.uint8)[
        responsibilities.argmax(axis=1)
    ]
    ml = responsibilities.sum(axis=0, dtype=np.float64) * volume.voxel_ml
    shares = ml / ml.sum()
    volumes = {
        tissue.abbreviation: TissueVolume(
            ml=float(ml[k]),
            label_ml=float(np.count_nonzero(labels == tissue.index)) * volume.voxel_ml,
            fraction=float(shares[k]),
            mean=float(means[k]),
            sd=float(sds[k]),
        )
        for k, tissue in enumerate(components)
    }
    order = sorted(range(len(components)), key=lambda k: components[k].index)
    names = [components[k].abbreviation for k in order]
    values, counts = histogram
    out_of_order = out_of_order_share(counts, model.responsibilities(values).argmax(axis=1))
    warnings = [
        *volume.warnings,
        *brain.warnings,
        *plausibility(components, shares, means, sds, out_of_order),
    ]
    if len(components) == len(RISING_MEANS[settings["Contrast"]]):
        canonical = np.zeros(brain.mask.shape, dtype=np.uint8)
        canonical[brain.mask] = labels
        warnings += place_doubts(canonical, volume.zooms)
    if fit_plain(values, counts, 1).bic(values, counts) <= model.bic(values, counts):
        single = "the classes are not separated: one Gaussian describes the intensities as well"
        warnings.append(GraveDoubt(single))
    if not model.converged:
        warnings.append(f"the mixture has not converged in {model.n_iter} iterations")
    if volume.not_finite:
        warnings.append(
            f"{volume.not_finite} voxels of the scan are not finite; they were taken as background"
        )
    return Segmentation(
        volume=volume,
        brain=brain,
        labels=_on_scan_grid(labels, brain.mask, volume),
        posteriors={
            components[k].abbreviation: _on_scan_grid(responsibilities[:, k], brain.mask, volume)
            for k in order
        },
        tissues=tuple(components[k] for k in order),
        volumes={name: volumes[name] for name in names},
        histogram=histogram,
        model=model,
        field=field,
        corrected=corrected,
        settings=settings,
        warnings=warnings,
    )


def _on_scan_grid(values: NDArray[Any], mask: NDArray[np.bool_], volume: Volume) -> NDArray[Any]:
    # Laid out as the file will be, which writes faster.
    array = np.zeros(volume.header.get_data_shape(), dtype=values.dtype, order="F")
    volume.to_canonical(array)[mask] = values
    return array
