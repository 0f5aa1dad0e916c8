"""Image quality figures of a scan and its segmentation, comparable with those of MRIQC where it has them.

Docs/verdict.md has the table of the figures with their definitions.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from mriseg.images.voxels import voxels_of
from mriseg.labels.tissues import GM, WM
from mriseg.quality.agreement import LEARNED, predicted_agreement
from mriseg.quality.air_figures import (
    artefacts,
    efc,
    fber,
    ghost,
    qi1,
    qi2,
    robust_sd,
    slope,
    smears,
    snr_dietrich,
    thinned,
    wm2max,
)
from mriseg.quality.constants import (
    FIELD_SAMPLING_MM,
    MIN_AIR_NOISE,
    RESIDUAL_LAG_MM,
)
from mriseg.quality.figures import FIGURES
from mriseg.quality.histogram_fit import fit_error
from mriseg.quality.label_figures import (
    asymmetry,
    deep_grey,
    deep_white,
    edge_sharpness,
    largest_region,
    out_of_place,
    right_half,
    speckle,
)
from mriseg.quality.misplaced import misplaced_figures, misplaced_in
from mriseg.quality.tissue_figures import (
    autocorrelations,
    cjv,
    clipped_shares,
    cnr,
    fwhm,
    inu,
    jaggedness,
    rpve,
    snr,
)
from mriseg.quality.usual import usual_ranges
from mriseg.quality.view import TISSUES, ScanView

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from mriseg.estimates import Estimates
    from mriseg.quality.tissue_figures import TissueLevel
    from mriseg.quality.usual import Range

    Floats = NDArray[np.floating]

_AXES = "xyz"


@dataclass(frozen=True)
class ImageQuality:
    """The image quality figures of a scan.

    Parameters
    ----------
    values : mapping of str to float
        By the names of `mriseg.quality.figures.FIGURES`, in their order; nan where a figure cannot be
        computed.
    usual : mapping of str to tuple of float
        Lowest and highest usual value; empty where none are known, as of other contrasts than T1.
    """

    values: Mapping[str, float]
    usual: Mapping[str, Range] = field(default_factory=dict)

    def __getitem__(self, name: str) -> float:
        return self.values[name]

    def recorded(self) -> dict[str, dict[str, Any]]:
        """Return the figures as an object of the sidecar, with units and usual ranges; null where none is."""
        return {
            # Rounded: further digits depend on the number of threads.
            "Values": {
                name: float(f"{value:.5g}") if np.isfinite(value) else None
                for name, value in self.values.items()
            },
            "Units": {name: FIGURES[name].unit for name in self.values},
            "Usual": {name: list(self.usual[name]) for name in self.values if name in self.usual},
        }


def image_quality(
    found: Estimates,
    scan: NDArray[np.float32],
    labels: NDArray[np.uint8],
    posteriors: NDArray[np.float32],
    atypicality: NDArray[np.float32],
) -> ImageQuality:
    """Compute the image quality figures of a scan.

    Parameters
    ----------
    found : Estimates
    scan : ndarray of float32, shape (X, Y, Z)
        The scan without its bias field, in canonical orientation.
    labels : ndarray of uint8, shape (N,)
        Of the voxels of the brain without lesions.
    posteriors : ndarray of float32, shape (N, K)
        Of the components of the mixture.
    atypicality : ndarray of float32, shape (N,)

    Returns
    -------
    ImageQuality
    """
    view = ScanView(found, scan, labels, posteriors, atypicality)
    figures = _scan_figures(view) | _air_figures(view) | _region_figures(view)
    if view.has_tissues:
        figures |= _level_figures(view) | _smoothness_figures(view) | _ghost_figures(view)
        figures |= _label_figures(view)
        if found.contrast == LEARNED:
            figures |= predicted_agreement(figures)
    usual = usual_ranges() if found.contrast == LEARNED and view.has_tissues else {}
    return ImageQuality({name: float(figures.get(name, np.nan)) for name in FIGURES}, usual)


def _scan_figures(view: ScanView) -> dict[str, float]:
    """Compute the figures of the brain as a whole and of its fit."""
    found = view.found
    floor, ceiling = clipped_shares(view.stored)
    similarity = found.brain.similarity
    part = slice(None, None, voxels_of(FIELD_SAMPLING_MM, view.zooms)[0])
    factors = found.field.on_grid(found.volume.data.shape, part)[found.tissue_mask[part]]
    jagged = jaggedness(view.signal, view.typical, view.zooms, view.steps)
    return {
        **_by_axis("jaggedness", jagged),
        "clipped_floor": floor,
        "clipped_ceiling": ceiling,
        "histogram_rms": fit_error(*found.histogram, found.model.marginal(0)),
        "similarity": np.nan if similarity is None else similarity,
        "explained": np.nan if found.prior is None else found.prior.explained,
        "efc": efc(thinned(view.sampled.ravel()), found.volume.data.size),
        **inu(factors),
    }


def _air_figures(view: ScanView) -> dict[str, float]:
    """Compute the figures of head and air."""
    around, signal = view.surroundings, view.sampled
    head, air = view.sampled_masks
    figures = {"fber": fber(thinned(signal[head]), thinned(signal[~head]))}
    artefact = artefacts(signal, air)
    noise = thinned(signal[air & ~artefact])
    if view.has_tissues:
        figures |= _noise_figures(view.levels, noise)
    if not (len(noise) and noise.std() > MIN_AIR_NOISE):
        return figures
    figures["qi_1"] = qi1(air, artefact)
    for axis, name in enumerate(_AXES):
        figures[f"ghost_{name}"] = ghost(around.signal, around.head, around.air, axis)
    # Some reconstructions brighten the noise of air with the head, where a coil is near; others do not.
    both = (around.signal, view.corrected_blocks)
    excess = np.minimum(*(smears(blocks, around.head, around.air) for blocks in both))
    # A head moves along one axis of its k-space; what brightens the air around it on all sides is no motion.
    return figures | _by_axis("smear", excess - excess.mean())


def _noise_figures(levels: Mapping[str, TissueLevel], noise: Floats) -> dict[str, float]:
    """Compute the figures of the tissues by the noise of air."""
    noise_sd = robust_sd(noise)
    by_air = {f"snrd_{name}": snr_dietrich(levels[name].median, noise_sd) for name in TISSUES}
    return {
        **by_air,
        "snrd_total": float(np.mean(list(by_air.values()))),
        "cnr": cnr(levels["wm"], levels["gm"], noise_sd),
        "qi_2": qi2(noise, levels["wm"].median) if noise_sd > MIN_AIR_NOISE else np.nan,
    }


def _level_figures(view: ScanView) -> dict[str, float]:
    """Compute the figures of the intensities of the tissues."""
    levels = view.levels
    by_tissue = {f"snr_{name}": snr(levels[name]) for name in TISSUES}
    some = view.posteriors[:: int(np.prod(view.steps))]
    shares = {name: some[:, view.found.components.index(tissue)] for name, tissue in TISSUES.items()}
    return {
        **by_tissue,
        "snr_total": float(np.mean(list(by_tissue.values()))),
        "cjv": cjv(levels["wm"], levels["gm"]),
        "wm2max": wm2max(levels["wm"].median, thinned(view.sampled[view.sampled_masks[0]])),
        **{f"rpve_{name}": rpve(share) for name, share in shares.items()},
    }


def _smoothness_figures(view: ScanView) -> dict[str, float]:
    """Compute the figures of smoothness: of noise, at a distance, and at edges."""
    near, distant = (
        autocorrelations(view.signal, view.sure, view.means, lags, view.steps)
        for lags in ((1, 1, 1), voxels_of(RESIDUAL_LAG_MM, view.zooms).tolist())
    )
    widths = fwhm(near, view.zooms)
    contrast = view.levels["wm"].median - view.levels["gm"].median
    return {
        **_by_axis("fwhm", widths),
        "fwhm_avg": float(np.mean(widths)),
        **_by_axis("correlation", distant),
        "edge_sharpness": edge_sharpness(view.signal, view.label_map, contrast, view.zooms, view.steps),
    }


def _ghost_figures(view: ScanView) -> dict[str, float]:
    """Compute how much of what the tissues do not explain is a ghost of the head half a scan away."""
    contrast = view.levels["wm"].median - view.levels["gm"].median
    residuals, brain = view.residuals()
    figures = {}
    for axis, name in enumerate(_AXES):
        around = view.surroundings.signal
        ghost_signal = np.roll(around, around.shape[axis] // 2, axis)[brain]
        if contrast and len(residuals):
            spread = float(ghost_signal.std(dtype=np.float64))
            figures[f"ghost_in_brain_{name}"] = slope(ghost_signal, residuals) * spread / contrast
    return figures


def _label_figures(view: ScanView) -> dict[str, float]:
    """Compute the figures of the labels."""
    found, labels = view.found, view.label_map
    grey, white = GM.index, WM.index
    figures = {
        "speckle_gm": speckle(labels, grey, white, view.steps),
        "speckle_wm": speckle(labels, white, grey, view.steps),
    }
    if found.prior is not None and found.prior.fits:
        log_odds = found.prior.log_odds
        figures["gm_in_deep_wm"] = out_of_place(view.labels, grey, deep_white(log_odds))
        figures["wm_in_deep_gm"] = out_of_place(view.labels, white, deep_grey(log_odds))
    if found.registration is not None and found.prior is not None and found.prior.fits:
        figures |= misplaced_figures(misplaced_in(view, found.registration))
    return figures | _asymmetries(view)


def _asymmetries(view: ScanView) -> dict[str, float]:
    """Compute the difference of the halves of the brain."""
    found, index = view.found, tuple(slice(None, None, step) for step in view.steps)
    sampled_to_mni = None
    if found.brain.scan_to_mni is not None:
        sampled = np.diag([*view.steps, 1.0])
        sampled[:3, 3] = [part.start for part in view.box]
        sampled_to_mni = found.brain.scan_to_mni @ found.volume.canonical_affine @ sampled
    labels, right = view.label_map[index], right_half(view.mask[index], sampled_to_mni)
    figures = {}
    for name, tissue in TISSUES.items():
        of_right, of_left = (
            int(np.count_nonzero((labels == tissue.index) & half)) for half in (right, ~right)
        )
        figures[f"asymmetry_{name}"] = asymmetry(of_right, of_left)
    return figures


def _region_figures(view: ScanView) -> dict[str, float]:
    """Compute volume and place of the regions of high atypicality."""
    blocks, affine = view.atypical_blocks
    ml = abs(float(np.linalg.det(affine[:3, :3]))) / 1000
    figures = {"atypical_ml": np.count_nonzero(blocks) * ml, "atypical_region_ml": 0.0}
    region = largest_region(blocks)
    if region is None:
        return figures
    zooms = np.linalg.norm(affine[:3, :3], axis=0)
    middle = (np.array(view.mask.shape) - 1) / 2 * view.zooms
    offset = np.array(region.centre) * zooms + (zooms - view.zooms) / 2 - middle
    figures["atypical_region_ml"] = region.voxels * ml
    return figures | _by_axis("atypical_region", offset)


def _by_axis(figure: str, values: Iterable[float]) -> dict[str, float]:
    """Return a figure of each axis by its name."""
    return {f"{figure}_{name}": float(value) for name, value in zip(_AXES, values, strict=True)}
