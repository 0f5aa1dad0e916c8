"""The method, in one sentence.

Load the volume; find the brain; fit the mixture, started from a hierarchical clustering; name the tissues.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mriseg.brain import BrainMask, brain_mask, mask_doubts
from mriseg.errors import MixtureError
from mriseg.histogram import intensity_histogram
from mriseg.images import Volume, load_mask, load_volume
from mriseg.mixture import GaussianMixture
from mriseg.outputs import Segmentation, TissueVolume
from mriseg.stripped import stripped_mask
from mriseg.tissue import (
    MOST_CLASSES,
    RISING_MEANS,
    Tissue,
    name_components,
    out_of_order_share,
    plausibility,
    rising_tissues,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

_log = logging.getLogger(__name__)

# The mixture is run to convergence: where the log-likelihood is still rising, results depend on the start.
_TOLERANCE = 1e-6
_MAX_ITERATIONS = 1000


def segment(
    scan: str | Path | Volume,
    *,
    mask: str | Path | None = None,
    stripped: bool = False,
    contrast: str = "t1",
    classes: int = 3,
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
    _check_arguments(mask, stripped, contrast, classes)
    _log.info("reading the scan")
    volume = scan if isinstance(scan, Volume) else load_volume(scan)
    _log.info("finding the brain")
    brain = _find_brain(volume, mask, stripped, contrast)
    _log.info("fitting the mixture")
    intensities = volume.data[brain.mask]
    histogram = intensity_histogram(intensities)
    try:
        model = _fit(*histogram, classes)
    except MixtureError as error:
        raise MixtureError(f"{volume.path}: its intensities make no {classes} classes ({error})") from error
    _log.info("naming the tissues")
    tissues = name_components(model.means_[:, 0], contrast)
    responsibilities = model.predict_proba(intensities[:, None])
    settings = {
        "Mask": Path(mask).name if mask else None,
        "Stripped": stripped,
        "Contrast": contrast,
        "Classes": classes,
        "NamingRule": "rising mean: " + ", ".join(t.abbreviation for t in rising_tissues(contrast, classes)),
    }
    return _assemble(volume, brain, histogram, model, tissues, responsibilities, settings)


def _check_arguments(mask: str | Path | None, stripped: bool, contrast: str, classes: int) -> None:
    if mask is not None and stripped:
        raise ValueError("give a mask or say that the scan is stripped, not both")
    if contrast not in RISING_MEANS:
        raise ValueError(f"contrast is {contrast!r}; it must be one of {', '.join(RISING_MEANS)}")
    if not 2 <= classes <= MOST_CLASSES:
        raise ValueError(f"classes is {classes}; it must be from 2 to {MOST_CLASSES}")


def _find_brain(volume: Volume, mask: str | Path | None, stripped: bool, contrast: str) -> BrainMask:
    if mask is None and not stripped:
        return brain_mask(volume, contrast)
    found = load_mask(mask, volume) if mask is not None else stripped_mask(volume)
    method = "given" if mask is not None else "stripped scan"
    return BrainMask(found, method, warnings=mask_doubts(found, volume))


def _fit(values: NDArray[np.floating], counts: NDArray[np.floating], classes: int) -> GaussianMixture:
    return GaussianMixture(
        classes, model="V", init="hierarchical", tol=_TOLERANCE, max_iter=_MAX_ITERATIONS
    ).fit(values[:, None], sample_weight=counts)


def _assemble(
    volume: Volume,
    brain: BrainMask,
    histogram: tuple[NDArray[np.floating], NDArray[np.floating]],
    model: GaussianMixture,
    components: tuple[Tissue, ...],
    responsibilities: NDArray[np.float32],
    settings: dict[str, Any],
) -> Segmentation:
    """Put labels and responsibilities back on the scan's grid, measure them and say what is doubtful."""
    means, sds = model.means_[:, 0], np.sqrt(model.covariances_[:, 0, 0])
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
    out_of_order = out_of_order_share(counts, model.predict(values[:, None]))
    warnings = [*brain.warnings, *plausibility(components, shares, means, sds, out_of_order)]
    if not model.converged_:
        warnings.append(f"the mixture has not converged in {model.n_iter_} iterations")
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
        settings=settings,
        warnings=warnings,
    )


def _on_scan_grid(values: NDArray[Any], mask: NDArray[np.bool_], volume: Volume) -> NDArray[Any]:
    array = np.zeros(mask.shape, dtype=values.dtype)
    array[mask] = values
    return volume.to_scan_grid(array)
