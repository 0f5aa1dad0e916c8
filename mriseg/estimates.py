"""The estimates that the labels of a scan follow from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from mriseg.labels.tissues import GM, WM

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from mriseg.brain.mask import Brain
    from mriseg.channels.joining import Channel
    from mriseg.images.volume import Volume
    from mriseg.labels.tissues import Tissue
    from mriseg.model.base import Histogram, TissueModel
    from mriseg.model.bias_field import BiasField
    from mriseg.model.fitting import MixtureFit
    from mriseg.template.contrast import TissueLevels
    from mriseg.template.registration import Registration
    from mriseg.template.tissue_maps import TissuePrior


@dataclass(frozen=True, eq=False)
class Estimates:
    """The estimates of a scan other than the tissue maps.

    Parameters
    ----------
    volume : Volume
        The scan.
    brain : Brain
        The brain mask with the lesions, in canonical orientation.
    lesions : ndarray of bool, shape (X, Y, Z), or None
        In canonical orientation.
    contrast : str
        Of the scan: a key of `mriseg.labels.contrasts.CONTRASTS`, given or detected.
    levels : TissueLevels or None
        Intensities in the certain places of the template; None if its registration failed or the classes are
        no tissues.
    channels : tuple of Channel
        Further scans, as channels of the mixture.
    field : BiasField
        The bias field, by which the intensities were divided.
    fit : MixtureFit
        The mixture, by rising means of the scan, and the histogram of each channel.
    components : tuple of Tissue
        Tissue or class of each component of the mixture, in its order.
    prior : TissuePrior or None
        Tissue prior from the maps of the template; None if it was not computed.
    registration : Registration or None
        Of the template to the scan; None if it failed or the classes are no tissues.
    neighbour_strength : float
        Strength of the Markov random field, see `mriseg.model.markov_field`; 0 without.
    settings : dict
        The options, see `mriseg.options.SegmentOptions.recorded`.
    inputs : tuple of Path
        The files that were read, the scan first.
    """

    volume: Volume
    brain: Brain
    lesions: NDArray[np.bool_] | None
    contrast: str
    levels: TissueLevels | None
    channels: tuple[Channel, ...]
    field: BiasField
    fit: MixtureFit
    components: Sequence[Tissue]
    prior: TissuePrior | None
    registration: Registration | None
    neighbour_strength: float
    settings: dict[str, Any]
    inputs: tuple[Path, ...]

    @property
    def model(self) -> TissueModel:
        """The fitted mixture; after merging, if classes were merged."""
        return self.fit.model

    @property
    def by_place(self) -> bool:
        """Whether the tissues were named by where they lie in the template."""
        return self.fit.tissues is not None

    @property
    def white_against_grey(self) -> tuple[int, int, NDArray[np.float32]] | None:
        """Components of GM and WM, and the template's log odds of WM (N,); None where it does not fit."""
        if self.prior is None or not self.prior.fits:
            return None
        return self.components.index(GM), self.components.index(WM), self.prior.log_odds

    @property
    def histogram(self) -> Histogram:
        """Intensities of the scan that were fitted, bias-corrected, and how many voxels have each, (B,)."""
        return self.fit.histograms[0]

    @cached_property
    def tissue_mask(self) -> NDArray[np.bool_]:
        """The brain without lesions in canonical orientation, shape (X, Y, Z)."""
        return self.brain.mask if self.lesions is None else self.brain.mask & ~self.lesions

    @property
    def mask(self) -> NDArray[np.bool_]:
        """The brain mask on the grid of the scan's file, shape (X, Y, Z)."""
        return self.volume.to_scan_grid(self.brain.mask)

    @property
    def brain_mask_ml(self) -> float:
        """Volume of the brain mask, mL."""
        return float(np.count_nonzero(self.brain.mask)) * self.volume.voxel_ml
