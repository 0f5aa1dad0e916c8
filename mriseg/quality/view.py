"""A scan and its segmentation, cut to the brain and sampled as the image quality figures need it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from mriseg.images.voxels import bounding_box, coarsen, voxels_of
from mriseg.labels.tissues import CSF, GM, WM
from mriseg.model.bias_field import air_intensity
from mriseg.quality.air_figures import air_mask, head_mask, thinned
from mriseg.quality.constants import (
    BLOCKS_MM,
    BRAIN_SAMPLING_MM,
    FULL_BLOCK,
    HIGH_ATYPICALITY,
    MIN_LESION_ML,
    REGION_BLOCKS_MM,
    SCAN_SAMPLING_MM,
    SURE,
)
from mriseg.quality.tissue_figures import interior, neighbours, tissue_level
from mriseg.template.starts import head_threshold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mriseg.estimates import Estimates
    from mriseg.quality.tissue_figures import TissueLevel

    Floats = NDArray[np.floating]
    Mask = NDArray[np.bool_]

TISSUES = {"csf": CSF, "gm": GM, "wm": WM}


@dataclass(frozen=True, eq=False)
class Surroundings:
    """Head and air in blocks of voxels.

    Parameters
    ----------
    signal : ndarray of float32, shape (U, V, W)
        Above air, in units of the signal of the brain.
    head, air : ndarray of bool, shape (U, V, W)
    """

    signal: NDArray[np.float32]
    head: Mask
    air: Mask


@dataclass(frozen=True, eq=False)
class ScanView:
    """A scan and its segmentation, in canonical orientation.

    Parameters
    ----------
    found : Estimates
    scan : ndarray of float32, shape (X, Y, Z)
        The scan without its bias field.
    labels : ndarray of uint8, shape (N,)
        Of the voxels of the brain without lesions.
    posteriors : ndarray of float32, shape (N, K)
        Of the components of the mixture.
    atypicality : ndarray of float32, shape (N,)
    """

    found: Estimates
    scan: NDArray[np.float32]
    labels: NDArray[np.uint8]
    posteriors: NDArray[np.float32]
    atypicality: NDArray[np.float32]

    @cached_property
    def has_tissues(self) -> bool:
        """Whether the classes are CSF, GM and WM."""
        return all(tissue in self.found.components for tissue in TISSUES.values())

    @cached_property
    def zooms(self) -> Floats:
        """Voxel size, mm."""
        return self.found.volume.zooms

    @cached_property
    def steps(self) -> tuple[int, ...]:
        """Every so-manieth voxel of the brain is sampled along each axis."""
        return self._voxels(BRAIN_SAMPLING_MM)

    @cached_property
    def scan_steps(self) -> tuple[int, ...]:
        """Every so-manieth voxel of the scan is sampled along each axis."""
        return self._voxels(SCAN_SAMPLING_MM)

    @cached_property
    def mask(self) -> Mask:
        """The brain without lesions in its bounding box."""
        return self.found.tissue_mask[self.box]

    @cached_property
    def box(self) -> tuple[slice, ...]:
        """The bounding box of the brain."""
        return bounding_box(self.found.tissue_mask)

    @cached_property
    def stored(self) -> NDArray[np.float32]:
        """Intensities of the brain as stored, with the bias field, shape (N,)."""
        return np.asarray(self.found.volume.data[self.box][self.mask])

    @cached_property
    def air_level(self) -> float:
        """The intensity of air."""
        return float(air_intensity(self.found.volume.data, thinned(self.stored)))

    @cached_property
    def unit(self) -> float:
        """Median of the brain above air; negative in an inverted scan."""
        return float(np.median(thinned(self.scan[self.box][self.mask]))) - self.air_level or 1.0

    def above_air(self, intensities: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return intensities above air in units of the signal of the brain."""
        above = intensities - np.float32(self.air_level)
        above /= np.float32(self.unit)
        return above

    @cached_property
    def signal(self) -> NDArray[np.float32]:
        """The scan above air in the bounding box of the brain."""
        return self.above_air(self.scan[self.box])

    @cached_property
    def sampled(self) -> NDArray[np.float32]:
        """The whole scan above air, sampled."""
        return self.above_air(self.scan[tuple(slice(None, None, step) for step in self.scan_steps)])

    def in_box(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return values (N,) in the bounding box of the brain, 0 around it."""
        array = np.zeros(self.mask.shape, dtype=values.dtype)
        array[self.mask] = values
        return array

    @cached_property
    def label_map(self) -> NDArray[np.uint8]:
        """The labels in the bounding box of the brain."""
        return self.in_box(self.labels)

    @cached_property
    def atypical_blocks(self) -> tuple[Mask, Floats]:
        """Blocks of the bounding box unlike any tissue, shape (U, V, W), and the affine of the blocks."""
        atypical = self.in_box((self.atypicality > HIGH_ATYPICALITY).astype(np.float32))
        shares, affine = coarsen(atypical, self.found.volume.canonical_affine, REGION_BLOCKS_MM)
        return shares > 1 / 2, affine

    @cached_property
    def typical(self) -> Mask:
        """The brain outside large regions of such blocks and what touches them, in its bounding box.

        Small ones are not left out: motion and noise make many.
        """
        atypical, affine = self.atypical_blocks
        regions, _ = ndimage.label(atypical)
        ml = np.bincount(regions.ravel()) * abs(float(np.linalg.det(affine[:3, :3]))) / 1000
        large = ml > MIN_LESION_ML
        large[0] = False
        blocks = ndimage.binary_dilation(large[regions])
        if not blocks.any():
            return self.mask
        sizes = self._voxels(REGION_BLOCKS_MM)
        return np.asarray(self.mask & ~_at_voxels(blocks, self.mask.shape, (1, 1, 1), sizes))

    @cached_property
    def sure(self) -> NDArray[np.uint8]:
        """Labels of the voxels that are almost of one tissue, 0 elsewhere and in lesions, likewise."""
        highest = np.maximum.reduce([*self.posteriors.T])
        sure = self.in_box(np.where(highest > SURE, self.labels, np.uint8(0)))
        sure[~self.typical] = 0
        return sure

    @cached_property
    def levels(self) -> dict[str, TissueLevel]:
        """Intensities of the tissues in their interior, by name."""
        inner = interior(self.sure, self.zooms, self.steps)
        values = neighbours(self.signal, self.steps, (0, 0, 0))
        return {name: tissue_level(values[inner == tissue.index]) for name, tissue in TISSUES.items()}

    @cached_property
    def means(self) -> NDArray[np.float32]:
        """Median of the tissue of each label, of 0 to 3."""
        means = np.zeros(1 + len(TISSUES), dtype=np.float32)
        for name, tissue in TISSUES.items():
            means[tissue.index] = self.levels[name].median
        return means

    @cached_property
    def blocks(self) -> tuple[int, ...]:
        """Voxels of a block along each axis."""
        return self._voxels(BLOCKS_MM)

    @cached_property
    def surroundings(self) -> Surroundings:
        """Head and air in blocks of voxels, with the bias field: its values in air are extrapolated."""
        volume = self.found.volume
        signal = self.above_air(coarsen(volume.data, volume.canonical_affine, BLOCKS_MM)[0])
        brain = self.found.brain.mask[tuple(slice(None, None, step) for step in self.blocks)]
        head = head_mask(signal, brain, head_threshold(signal))
        return Surroundings(signal, head, air_mask(head, brain, self.zooms * self.blocks))

    @cached_property
    def corrected_blocks(self) -> NDArray[np.float32]:
        """The signal of `surroundings` without the bias field."""
        return self.above_air(coarsen(self.scan, self.found.volume.canonical_affine, BLOCKS_MM)[0])

    def residuals(self) -> tuple[NDArray[np.float32], Mask]:
        """Return the signal less that of the tissues in each voxel, in the blocks of `surroundings`.

        Returns
        -------
        residuals : ndarray of float32, shape (M,)
            Of the blocks in the brain, but for regions unlike any tissue.
        brain : ndarray of bool, shape (U, V, W)
            Which these are.
        """
        means = self.means[[tissue.index for tissue in self.found.components]]
        # The box of the brain, begun with a whole block.
        first = [side.start // block for side, block in zip(self.box, self.blocks, strict=True)]
        margins = [(side.start % block, 0) for side, block in zip(self.box, self.blocks, strict=True)]
        values = self.signal[self.mask]
        values -= self.posteriors @ means
        of_voxels = np.pad(self.in_box(values), margins)
        within = np.pad(self.typical, margins)
        residuals, share = (
            coarsen(array, self.found.volume.canonical_affine, BLOCKS_MM)[0] for array in (of_voxels, within)
        )
        brain = np.zeros(self.surroundings.signal.shape, dtype=bool)
        brain[tuple(slice(k, k + n) for k, n in zip(first, share.shape, strict=True))] = share > FULL_BLOCK
        return residuals[share > FULL_BLOCK], brain

    @cached_property
    def sampled_masks(self) -> tuple[Mask, Mask]:
        """Head and air at the voxels of `sampled`."""
        kinds = self.surroundings.head + 2 * self.surroundings.air.astype(np.uint8)
        sampled = _at_voxels(kinds, self.scan.shape, self.scan_steps, self.blocks)
        return sampled == 1, sampled == 2

    def _voxels(self, length_mm: float) -> tuple[int, ...]:
        """Return a length in whole voxels along each axis."""
        return tuple(voxels_of(length_mm, self.zooms).tolist())


def _at_voxels(
    blocks: NDArray[Any], shape: Sequence[int], steps: Sequence[int], sizes: Sequence[int]
) -> NDArray[Any]:
    """Return the values of blocks of voxels at every so-manieth voxel of an array of a shape."""
    index = (np.arange(0, n, step) // size for n, step, size in zip(shape, steps, sizes, strict=True))
    return np.asarray(blocks[np.ix_(*index)])
