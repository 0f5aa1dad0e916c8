"""The method, in one sentence.

Load the volume; find the brain; estimate the bias field; fit the mixture; ask the template where tissues
usually lie; regularise in space; name the tissues.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from mriseg.assembly import Fitted, assemble
from mriseg.bias import BiasField, estimate_bias_field, no_field
from mriseg.brain import BrainMask, brain_mask, mask_doubts
from mriseg.errors import MixtureError
from mriseg.grid import bounding_box
from mriseg.histogram import intensity_histogram, tabulated
from mriseg.images import Volume, load_mask, load_volume
from mriseg.partial_volume import PartialVolumeMixture, fit_partial_volume
from mriseg.plain import PlainMixture, fit_plain
from mriseg.pooled import PooledPrior, fit_with_prior, read_prior
from mriseg.priors import tissue_prior, weigh
from mriseg.settings import check_options, recorded_settings
from mriseg.spatial import neighbour_strength, regularise
from mriseg.stripped import stripped_mask, with_signal
from mriseg.threads import in_parts
from mriseg.tissue import RISING_MEANS, WM, name_components

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from mriseg.outputs import Segmentation

_log = logging.getLogger(__name__)

# What lies below is air: the intensity to which the bias field does not add.
_AIR_PERCENT = 1.0
_PLANES = 4  # at a time while the scan is corrected, so that they stay near the processor


def segment(
    scan: str | Path | Volume,
    *,
    mask: str | Path | None = None,
    stripped: bool = False,
    contrast: str = "t1",
    classes: int = 3,
    bias: bool = True,
    spatial: bool = True,
    priors: bool = True,
    cohort_prior: str | Path | None = None,
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
    priors : bool
        Let the template say where grey and white matter usually lie; three classes only.
    cohort_prior : str or Path, optional
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
    check_options(mask=mask, stripped=stripped, contrast=contrast, classes=classes, cohort_prior=cohort_prior)
    pooled = read_prior(cohort_prior, contrast) if cohort_prior is not None else None
    _log.info("reading the scan")
    volume = scan if isinstance(scan, Volume) else load_volume(scan)
    _log.info("finding the brain")
    brain = _find_brain(volume, mask, stripped, contrast)
    _log.info("estimating the bias field")
    try:
        air = _air(volume.data)
        signal = with_signal(brain.mask, volume)
        field = _field(volume, air, signal, contrast) if bias else no_field()
        corrected = _corrected(volume.data, air, field)
        _log.info("fitting the mixture")
        histogram = intensity_histogram(_inside(corrected, signal))
        model = _fit(histogram, classes, pooled)
    except MixtureError as error:
        raise MixtureError(f"{volume.path}: its intensities make no {classes} classes ({error})") from error
    posteriors = tabulated(model.responsibilities, histogram[0], _inside(corrected, brain.mask))
    prior, strength = None, 0.0
    if priors and classes == 3:
        _log.info("asking the template")
        prior = tissue_prior(volume, brain.mask, brain.scan_to_mni)
        posteriors = weigh(posteriors, prior, _white(contrast))
    if spatial:
        _log.info("regularising in space")
        strength = neighbour_strength(model.means, model.sds)
        posteriors = regularise(posteriors, brain.mask, volume.zooms, strength)
    _log.info("naming the tissues")
    tissues = name_components(model.means, contrast)
    settings = recorded_settings(
        mask=mask,
        stripped=stripped,
        contrast=contrast,
        classes=classes,
        bias=bias,
        spatial=spatial,
        priors=priors,
        cohort_prior=cohort_prior,
    )
    return assemble(
        Fitted(
            volume=volume,
            brain=brain,
            field=field,
            corrected=corrected if bias else None,
            histogram=histogram,
            model=model,
            prior=prior,
            neighbour_strength=strength,
            components=tissues,
            posteriors=posteriors,
            settings=settings,
        )
    )


def _fit(
    histogram: tuple[NDArray[np.floating], NDArray[np.floating]], classes: int, pooled: PooledPrior | None
) -> PartialVolumeMixture | PlainMixture:
    if classes != 3:
        return fit_plain(*histogram, classes)
    return fit_with_prior(*histogram, pooled) if pooled else fit_partial_volume(*histogram)


def _find_brain(volume: Volume, mask: str | Path | None, stripped: bool, contrast: str) -> BrainMask:
    if mask is None and not stripped:
        return brain_mask(volume, contrast)
    found = load_mask(mask, volume) if mask is not None else stripped_mask(volume)
    method = "given" if mask is not None else "stripped scan"
    return BrainMask(found, method, warnings=mask_doubts(found, volume))


def _air(data: NDArray[np.float32]) -> np.float32:
    """Return the intensity of air, from every third voxel each way."""
    return np.float32(np.percentile(data[::3, ::3, ::3], _AIR_PERCENT))


def _inside(data: NDArray[np.float32], mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    box = bounding_box(mask)
    return data[box][mask[box]]


def _field(volume: Volume, air: np.float32, mask: NDArray[np.bool_], contrast: str) -> BiasField:
    return estimate_bias_field(volume.data, mask, volume.zooms, _white(contrast), float(air))


def _white(contrast: str) -> int:
    """Return the rank of white matter among the tissues by rising mean."""
    return RISING_MEANS[contrast].index(WM)


def _corrected(data: NDArray[np.float32], air: np.float32, field: BiasField) -> NDArray[np.float32]:
    if not field.order:
        return data
    corrected = np.empty_like(data)

    def correct(part: slice) -> None:
        planes = data[part] - air
        planes /= field.on_grid(data.shape, part)
        corrected[part] = planes + air

    in_parts(correct, len(data), _PLANES)
    return corrected
