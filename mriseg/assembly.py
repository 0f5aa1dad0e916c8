"""Put together what a segmentation found: labels and posteriors on the scan's grid, volumes, doubts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mriseg.doubts import GraveDoubt
from mriseg.grid import bounding_box
from mriseg.outputs import Segmentation
from mriseg.plain import fit_plain
from mriseg.tissue import Tissue, out_of_order_share, place_doubts, plausibility
from mriseg.volumes import TissueVolume

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mriseg.bias import BiasField
    from mriseg.brain import BrainMask
    from mriseg.images import Volume
    from mriseg.partial_volume import PartialVolumeMixture
    from mriseg.plain import PlainMixture
    from mriseg.priors import TissuePrior

    Floats = NDArray[np.floating]

# Share of a brain mask that may be as dark as the background of a stripped scan.
_MOST_SILENT = 0.01


@dataclass(frozen=True, eq=False)
class Fitted:
    """What was found out about a scan.

    Parameters
    ----------
    volume : Volume
    brain : BrainMask
        N voxels.
    field : BiasField
    corrected : ndarray of float32, shape (X, Y, Z), or None
        The scan without the field, in canonical orientation.
    histogram : tuple of two ndarrays of float64, shape (B,)
        Intensities that were fitted, and how many voxels have each.
    model : PartialVolumeMixture or PlainMixture
    prior : TissuePrior or None
    neighbour_strength : float
    components : sequence of Tissue, length K
        What each component of the model is.
    posteriors : ndarray of float32, shape (N, K)
    settings : dict
    """

    volume: Volume
    brain: BrainMask
    field: BiasField
    corrected: NDArray[np.float32] | None
    histogram: tuple[Floats, Floats]
    model: PartialVolumeMixture | PlainMixture
    prior: TissuePrior | None
    neighbour_strength: float
    components: Sequence[Tissue]
    posteriors: NDArray[np.float32]
    settings: dict[str, Any]


def assemble(fitted: Fitted) -> Segmentation:
    """Put labels and posteriors back on the scan's grid, measure them and say what is doubtful."""
    volume, brain, components = fitted.volume, fitted.brain, fitted.components
    numbers = np.array([tissue.index for tissue in components], dtype=np.uint8)
    labels = numbers[fitted.posteriors.argmax(axis=1)]
    volumes = _volumes(fitted, labels)
    order = sorted(range(len(components)), key=lambda k: components[k].index)
    return Segmentation(
        volume=volume,
        brain=brain,
        labels=_on_scan_grid(labels, brain.mask, volume),
        posteriors={
            components[k].abbreviation: _on_scan_grid(fitted.posteriors[:, k], brain.mask, volume)
            for k in order
        },
        tissues=tuple(components[k] for k in order),
        volumes={components[k].abbreviation: volumes[k] for k in order},
        histogram=fitted.histogram,
        model=fitted.model,
        field=fitted.field,
        prior=fitted.prior,
        neighbour_strength=fitted.neighbour_strength,
        corrected=None if fitted.corrected is None else volume.to_scan_grid(fitted.corrected),
        settings=fitted.settings,
        warnings=_doubts(fitted, numbers, [found.fraction for found in volumes]),
    )


def _volumes(fitted: Fitted, labels: NDArray[np.uint8]) -> list[TissueVolume]:
    """Measure each component's tissue."""
    return [
        _tissue_volume(
            fitted.posteriors[:, k],
            labels == tissue.index,
            fitted.volume.voxel_ml,
            fitted.model.means[k],
            fitted.model.sds[k],
        )
        for k, tissue in enumerate(fitted.components)
    ]


def _doubts(fitted: Fitted, numbers: NDArray[np.uint8], shares: Sequence[float]) -> list[str]:
    """List what is doubtful about scan, mask, fit and tissues."""
    volume, brain, (values, counts) = fitted.volume, fitted.brain, fitted.histogram
    ranks = fitted.model.responsibilities(values).argmax(axis=1)
    doubts = [
        *volume.warnings,
        *brain.warnings,
        *_signal_doubts(counts, len(fitted.posteriors)),
        *_model_doubts(fitted.model, values, counts, ranks, fitted.components, shares),
    ]
    if all(tissue.mapping for tissue in fitted.components):  # other classes may lie anywhere
        data = volume.data if fitted.corrected is None else fitted.corrected
        doubts += _place_doubts(data, values, numbers[ranks], volume.zooms, brain.mask)
    if volume.not_finite:
        doubts.append(f"{volume.not_finite} voxels of the scan are not finite; they were taken as background")
    return doubts


def _tissue_volume(
    posterior: NDArray[np.float32], labelled: NDArray[np.bool_], voxel_ml: float, mean: float, sd: float
) -> TissueVolume:
    voxels = float(posterior.sum(dtype=np.float64))
    return TissueVolume(
        ml=voxels * voxel_ml,
        label_ml=float(np.count_nonzero(labelled)) * voxel_ml,
        fraction=voxels / len(posterior),
        mean=float(mean),
        sd=float(sd),
    )


def _signal_doubts(counts: Floats, voxels: int) -> list[str]:
    """Ask how much of the brain mask the fit has not seen, because a stripped scan holds nothing there."""
    silent = 1 - float(counts.sum()) / voxels
    if silent <= _MOST_SILENT:
        return []
    return [f"{silent:.1%} of the brain mask has no signal; it takes no part in the fit"]


def _place_doubts(
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
    return list(place_doubts(canonical, zooms))


def _model_doubts(
    model: PartialVolumeMixture | PlainMixture,
    values: Floats,
    counts: Floats,
    ranks: NDArray[np.intp],
    components: Sequence[Tissue],
    shares: Sequence[float],
) -> list[str]:
    """Ask whether the mixture is plausible, separated and converged."""
    out_of_order = out_of_order_share(counts, ranks)
    doubts = list(plausibility(components, np.array(shares), model.means, model.sds, out_of_order))
    if fit_plain(values, counts, 1).bic(values, counts) <= model.bic(values, counts):
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
