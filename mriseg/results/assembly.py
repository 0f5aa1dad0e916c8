"""Put together what a segmentation found: labels and posteriors on the scan's grid, volumes, doubts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from mriseg.images.voxels import bounding_box
from mriseg.labels.tissues import LESION, Tissue
from mriseg.model.multichannel import MultichannelMixture
from mriseg.qc import GraveDoubt
from mriseg.quality.checks import contrast_warnings, out_of_order_share, place_warnings, plausibility_warnings
from mriseg.results.segmentation import Segmentation
from mriseg.results.volumes import TissueVolume

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mriseg.brain.mask import BrainMask
    from mriseg.channels.joining import Channel
    from mriseg.images.volume import Volume
    from mriseg.model.bias_field import BiasField
    from mriseg.model.fitting import Fit
    from mriseg.template.contrast import TissueLevels
    from mriseg.template.tissue_maps import TissuePrior

    Floats = NDArray[np.floating]

# Share of a brain mask that may be as dark as the background of a stripped scan.
_MAX_SILENT = 0.01


@dataclass(frozen=True, eq=False)
class Fitted:
    """What was found out about a scan.

    Parameters
    ----------
    volume : Volume
    brain : BrainMask
        With the lesions.
    lesions : ndarray of bool, shape (X, Y, Z), or None
        In canonical orientation; the brain without them holds N voxels.
    signal : int
        How many of these the scan has a signal in.
    contrast : str
        Of the scan, as it was said to be or as it was seen.
    levels : TissueLevels or None
        How bright the scan is where the template is sure of a tissue.
    field : BiasField
    corrected : ndarray of float32, shape (X, Y, Z), or None
        The scan without the field, in canonical orientation.
    channels : tuple of Channel
        Further scans that joined the mixture.
    fit : Fit
        The mixture of K components.
    prior : TissuePrior or None
    neighbour_strength : float
    components : sequence of Tissue, length K
        What each component of the mixture is.
    posteriors : ndarray of float32, shape (N, K)
    atypicality : ndarray of float32, shape (N,)
    settings : dict
    """

    volume: Volume
    brain: BrainMask
    lesions: NDArray[np.bool_] | None
    signal: int
    contrast: str
    levels: TissueLevels | None
    field: BiasField
    corrected: NDArray[np.float32] | None
    channels: tuple[Channel, ...]
    fit: Fit
    prior: TissuePrior | None
    neighbour_strength: float
    components: Sequence[Tissue]
    posteriors: NDArray[np.float32]
    atypicality: NDArray[np.float32]
    settings: dict[str, Any]

    @cached_property
    def tissue(self) -> NDArray[np.bool_]:
        """The brain without lesions, shape (X, Y, Z)."""
        return self.brain.mask if self.lesions is None else self.brain.mask & ~self.lesions

    @property
    def data(self) -> NDArray[np.float32]:
        """The scan that was fitted, in canonical orientation."""
        return self.volume.data if self.corrected is None else self.corrected


def assemble(fitted: Fitted) -> Segmentation:
    """Put labels and posteriors back on the scan's grid, measure them and say what is doubtful."""
    volume, components = fitted.volume, fitted.components
    numbers = np.array([component.index for component in components], dtype=np.uint8)
    labels = numbers[fitted.posteriors.argmax(axis=1)]
    order = sorted(range(len(components)), key=lambda k: components[k].index)
    volumes = _volumes(fitted, labels)
    shares = [volumes[component.abbreviation].fraction for component in components]
    ordered = [components[k] for k in order]
    doubts = _warnings(fitted, numbers, shares)  # before the maps take memory
    label_map = _on_scan_grid(labels, fitted.tissue, volume)
    if fitted.lesions is not None and fitted.lesions.any():
        ordered.append(LESION)
        volumes[LESION.abbreviation] = _lesion_volume(fitted, fitted.lesions)
        volume.to_canonical(label_map)[fitted.lesions] = LESION.index
    return Segmentation(
        volume=volume,
        brain=fitted.brain,
        labels=label_map,
        posteriors={
            components[k].abbreviation: _on_scan_grid(fitted.posteriors[:, k], fitted.tissue, volume)
            for k in order
        },
        tissues=tuple(ordered),
        volumes={component.abbreviation: volumes[component.abbreviation] for component in ordered},
        contrast=fitted.contrast,
        levels=fitted.levels,
        channels=fitted.channels,
        fit=fitted.fit,
        field=fitted.field,
        prior=fitted.prior,
        neighbour_strength=fitted.neighbour_strength,
        corrected=None if fitted.corrected is None else volume.to_scan_grid(fitted.corrected),
        atypicality=_on_scan_grid(fitted.atypicality, fitted.tissue, volume),
        settings=fitted.settings,
        warnings=doubts,
    )


def _volumes(fitted: Fitted, labels: NDArray[np.uint8]) -> dict[str, TissueVolume]:
    """Measure each component's tissue, as a share of the brain with its lesions."""
    voxel_ml, brain = fitted.volume.voxel_ml, np.count_nonzero(fitted.brain.mask)
    model, found = fitted.fit.model, {}
    for k, tissue in enumerate(fitted.components):
        voxels = float(fitted.posteriors[:, k].sum(dtype=np.float64))
        found[tissue.abbreviation] = TissueVolume(
            ml=voxels * voxel_ml,
            label_ml=float(np.count_nonzero(labels == tissue.index)) * voxel_ml,
            fraction=voxels / brain,
            mean=float(model.means[k]),
            sd=float(model.sds[k]),
        )
    return found


def _lesion_volume(fitted: Fitted, lesions: NDArray[np.bool_]) -> TissueVolume:
    intensities = fitted.data[lesions].astype(np.float64)
    ml = len(intensities) * fitted.volume.voxel_ml
    share = len(intensities) / np.count_nonzero(fitted.brain.mask)
    return TissueVolume(ml, ml, share, float(intensities.mean()), float(intensities.std()))


def _warnings(fitted: Fitted, numbers: NDArray[np.uint8], shares: Sequence[float]) -> list[str]:
    """List what is doubtful about scan, mask, fit and tissues."""
    volume, (values, _) = fitted.volume, fitted.fit.histograms[0]
    ranks = fitted.fit.model.marginal(0).responsibilities(values).argmax(axis=1)
    doubts = [
        *volume.warnings,
        *fitted.brain.warnings,
        *(warning for channel in fitted.channels for warning in channel.warnings),
        *_signal_warnings(fitted.signal, len(fitted.posteriors)),
        *_model_warnings(fitted, ranks, shares),
        *contrast_warnings(fitted.contrast, fitted.levels),
    ]
    if all(tissue.mapping for tissue in fitted.components):  # other classes may lie anywhere
        doubts += _place_warnings(fitted.data, values, numbers[ranks], volume.zooms, fitted.tissue)
    if volume.not_finite:
        doubts.append(f"{volume.not_finite} voxels of the scan are not finite; they were taken as background")
    return doubts


def _signal_warnings(signal: int, voxels: int) -> list[str]:
    """Ask how much of the brain mask the fit has not seen, because a stripped scan holds nothing there."""
    silent = 1 - signal / voxels
    if silent <= _MAX_SILENT:
        return []
    return [f"{silent:.1%} of the brain mask has no signal; it takes no part in the fit"]


def _place_warnings(
    data: NDArray[np.float32],
    values: Floats,
    labels: NDArray[np.uint8],
    zooms: Floats,
    mask: NDArray[np.bool_],
) -> list[str]:
    """Ask whether tissues, labelled by their values alone, lie where they can.

    A template would put them where they belong also in a scan of the wrong contrast.
    """
    nearest = np.searchsorted(values, data[mask]).clip(max=len(values) - 1)
    canonical = np.zeros(mask.shape, dtype=np.uint8)
    canonical[mask] = labels[nearest]
    return list(place_warnings(canonical, zooms))


def _model_warnings(fitted: Fitted, ranks: NDArray[np.intp], shares: Sequence[float]) -> list[str]:
    """Ask whether the mixture is plausible, separated and converged."""
    fit, model = fitted.fit, fitted.fit.model
    # Where GM is not the middle one, voxels that CSF and GM share lie among those of WM.
    ordered = len(fit.histograms) == 1 and not isinstance(model, MultichannelMixture)
    out_of_order = out_of_order_share(fit.histograms[0][1], ranks) if ordered else 0.0
    doubts = plausibility_warnings(fitted.components, np.array(shares), model.centres, model.covariances,
                          out_of_order, fitted.contrast)  # fmt: skip
    if fit.single_bic <= fit.bic:
        single = "the classes are not separated: one Gaussian describes the intensities as well"
        doubts.append(GraveDoubt(single))
    if not model.converged:
        doubts.append(f"the mixture has not converged in {model.n_iter} iterations")
    return doubts


def _on_scan_grid(values: NDArray[Any], mask: NDArray[np.bool_], volume: Volume) -> NDArray[Any]:
    # Laid out as the file will be, which writes faster.
    array = np.zeros(volume.header.get_data_shape(), dtype=values.dtype, order="F")
    box = bounding_box(mask)
    volume.to_canonical(array)[box][mask[box]] = values
    return array
