"""Assembly of a segmentation: maps on the grid of the scan, volumes, warnings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from mriseg.images.voxels import bounding_box
from mriseg.labels.tissues import GM, LESION
from mriseg.quality.checks import segmentation_warnings
from mriseg.quality.depth_checks import border_warnings, depth_warnings
from mriseg.quality.image_quality import image_quality
from mriseg.results.segmentation import Segmentation
from mriseg.results.volumes import TissueVolume

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mriseg.channels.intensities import Intensities
    from mriseg.estimates import Estimates
    from mriseg.images.volume import Volume


def assemble(
    found: Estimates,
    intensities: Intensities,
    posteriors: NDArray[np.float32],
    atypicality: NDArray[np.float32],
) -> Segmentation:
    """Map labels and posteriors to the grid of the scan, compute volumes and warnings.

    Parameters
    ----------
    found : Estimates
    intensities : Intensities
        Of the N voxels of the brain without lesions.
    posteriors : ndarray of float32, shape (N, K)
        Of the components of the mixture.
    atypicality : ndarray of float32, shape (N,)

    Returns
    -------
    Segmentation
    """
    volume, components, mask = found.volume, found.components, found.tissue_mask
    numbers = np.array([component.index for component in components], dtype=np.uint8)
    labels = numbers[_most_probable(posteriors)]
    order = sorted(range(len(components)), key=lambda k: components[k].index)
    volumes = _volumes(found, labels, posteriors)
    tissues = [components[k] for k in order]
    scan = intensities.images[0]
    shares = [volumes[component.abbreviation].fraction for component in components]
    # Before the maps are allocated, to limit peak memory.
    quality = image_quality(found, scan, labels, posteriors, atypicality)
    warnings = segmentation_warnings(found, quality, shares, int(np.count_nonzero(intensities.signal)))
    label_map = _on_scan_grid(labels, mask, volume)
    if found.lesions is not None and found.lesions.any():
        tissues.append(LESION)
        volumes[LESION.abbreviation] = _lesion_volume(found, found.lesions, scan)
        volume.to_canonical(label_map)[found.lesions] = LESION.index
    if GM in components:  # only of tissues is it known where they lie
        # With the lesions, whose border is none of the brain.
        warnings += depth_warnings(volume.to_canonical(label_map), volume.zooms)
        warnings += border_warnings(volume.to_canonical(label_map), volume.zooms, found.contrast)
    return Segmentation(
        **{name: getattr(found, name) for name in found.__dataclass_fields__},
        labels=label_map,
        posteriors=_Maps({components[k].abbreviation: posteriors[:, k] for k in order}, mask, volume),
        tissues=tuple(tissues),
        volumes={tissue.abbreviation: volumes[tissue.abbreviation] for tissue in tissues},
        corrected=volume.to_scan_grid(scan) if found.settings["Bias"] else None,
        atypicality=_on_scan_grid(atypicality, mask, volume),
        quality=quality,
        warnings=warnings,
    )


def _most_probable(posteriors: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the column (N,) of the highest posterior, the first of equal ones, column by column."""
    highest, most = posteriors[:, 0].copy(), np.zeros(len(posteriors), dtype=np.uint8)
    for k, column in enumerate(posteriors.T[1:], start=1):
        most[column > highest] = k
        np.maximum(highest, column, out=highest)
    return most


class _Maps(Mapping[str, Any]):
    """Maps by name on the grid of the scan, each laid out when it is asked for: most of it is background."""

    def __init__(
        self, values: dict[str, NDArray[np.float32]], mask: NDArray[np.bool_], volume: Volume
    ) -> None:
        self._values, self._mask, self._volume = values, mask, volume

    def __getitem__(self, name: str) -> NDArray[np.float32]:
        return _on_scan_grid(self._values[name], self._mask, self._volume)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def _volumes(
    found: Estimates, labels: NDArray[np.uint8], posteriors: NDArray[np.float32]
) -> dict[str, TissueVolume]:
    """Compute the volume of each tissue; fractions are of the brain mask with lesions."""
    voxel_ml, brain = found.volume.voxel_ml, np.count_nonzero(found.brain.mask)
    volumes = {}
    for k, tissue in enumerate(found.components):
        voxels = float(posteriors[:, k].sum(dtype=np.float64))
        volumes[tissue.abbreviation] = TissueVolume(
            ml=voxels * voxel_ml,
            label_ml=float(np.count_nonzero(labels == tissue.index)) * voxel_ml,
            fraction=voxels / brain,
            mean=float(found.model.means[k]),
            sd=float(found.model.sds[k]),
        )
    return volumes


def _lesion_volume(found: Estimates, lesions: NDArray[np.bool_], scan: NDArray[np.float32]) -> TissueVolume:
    intensities = scan[lesions].astype(np.float64)
    ml = len(intensities) * found.volume.voxel_ml
    share = len(intensities) / np.count_nonzero(found.brain.mask)
    return TissueVolume(ml, ml, share, float(intensities.mean()), float(intensities.std()))


def _on_scan_grid(values: NDArray[Any], mask: NDArray[np.bool_], volume: Volume) -> NDArray[Any]:
    # Fortran order, as in the file: writing is faster.
    array = np.zeros(volume.header.get_data_shape(), dtype=values.dtype, order="F")
    box = bounding_box(mask)
    volume.to_canonical(array)[box][mask[box]] = values
    return array
