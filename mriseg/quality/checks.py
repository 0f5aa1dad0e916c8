"""What makes a segmentation doubtful."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from mriseg.labels.contrasts import CONTRASTS
from mriseg.labels.tissues import CSF, GM, WM, Tissue
from mriseg.model.separation import separations
from mriseg.qc import GraveDoubt
from mriseg.template.constants import MIN_WM_DIFFERENCE
from mriseg.template.contrast import TissueLevels, contrast_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


# Wide bounds of the share of each tissue in the brain mask, from young children to atrophy; and in infants.
_PLAUSIBLE_SHARE = {"CSF": (0.03, 0.45), "GM": (0.25, 0.65), "WM": (0.18, 0.60)}
_INFANT_SHARE = {"CSF": (0.03, 0.45), "GM": (0.20, 0.70), "WM": (0.15, 0.65)}
_FAR_OUTSIDE = 0.1
_EMPTY_SHARE = 0.005
_SEPARATED_SDS = 1.0
_MAX_OUT_OF_ORDER = 0.01
# Mean depth of WM over that of GM: 1.2 to 1.8 in heads of all ages, below 1 where tissues changed places.
_MIN_DEPTH_OF_WM = 1.0
_COARSE_MM = 3.0


def plausibility_warnings(
    tissues: Sequence[Tissue],
    shares: NDArray[np.floating],
    centres: NDArray[np.floating],
    covariances: NDArray[np.floating],
    out_of_order: float,
    contrast: str = "t1",
) -> list[str]:
    """List what makes a segmentation doubtful, in plain words.

    Parameters
    ----------
    tissues : sequence of Tissue, length K
    shares : ndarray, shape (K,)
        Share of each class in the brain mask, from the responsibilities.
    centres : ndarray, shape (K, D)
        Means of the components in all channels.
    covariances : ndarray, shape (K, D, D)
    out_of_order : float
        Share of voxels whose label contradicts the order of intensities, see `out_of_order_share`.
    contrast : str
        Decides what is usual: infants differ.

    Returns
    -------
    list of str
        Empty if nothing is in doubt.
    """
    flags: list[str] = []
    usual = _INFANT_SHARE if CONTRASTS[contrast].infant else _PLAUSIBLE_SHARE
    for tissue, share in zip(tissues, shares, strict=True):
        low, high = usual.get(tissue.abbreviation, (0.0, 1.0))
        if share < _EMPTY_SHARE:
            empty = f"{tissue.abbreviation} is all but empty ({share:.1%} of the brain mask)"
            flags.append(GraveDoubt(empty))
        elif not low <= share <= high:
            unusual = (
                f"{tissue.abbreviation} is {share:.0%} of the brain mask; {low:.0%} to {high:.0%} is usual"
            )
            far = not low - _FAR_OUTSIDE <= share <= high + _FAR_OUTSIDE
            causes = "check that --contrast is that of the scan, and the brain mask"
            flags.append(GraveDoubt(f"{unusual}; {causes}") if far else unusual)
    means, sds = centres[:, 0], np.sqrt(covariances[:, 0, 0])
    apart = separations(centres, covariances)
    for i, j in itertools.pairwise(np.argsort(means, kind="stable")):
        if apart[i, j] < _SEPARATED_SDS:
            mingled = (
                f"{tissues[i].abbreviation} and {tissues[j].abbreviation} are not separated "
                f"(means {means[i]:.4g} and {means[j]:.4g}, sds {sds[i]:.3g} and {sds[j]:.3g})"
            )
            flags.append(GraveDoubt(mingled))
    if out_of_order > _MAX_OUT_OF_ORDER:
        flags.append(
            f"{out_of_order:.1%} of the brain mask has a label that contradicts the order of intensities"
        )
    return flags


def place_warnings(labels: NDArray[np.uint8], zooms: NDArray[np.floating]) -> list[str]:
    """List what is doubtful about where tissues lie, whatever their intensities.

    White matter lies deeper in a brain than the cortex around it. Where it does not, the tissues have changed
    places: the scan has another contrast than was said, or the mask holds something else than a brain.

    Parameters
    ----------
    labels : ndarray of uint8, shape (X, Y, Z)
        Of the three tissues; 0 outside the brain mask.
    zooms : ndarray, shape (3,)
        Voxel size, mm.

    Returns
    -------
    list of str
        Empty if nothing is in doubt, or a tissue has no voxels.
    """
    steps = np.maximum(1, np.round(_COARSE_MM / zooms)).astype(int)
    coarse = np.pad(labels[tuple(slice(None, None, step) for step in steps)], 1)
    depth = ndimage.distance_transform_edt(coarse > 0, sampling=zooms * steps)
    grey, white = coarse == GM.index, coarse == WM.index
    if not (grey.any() and white.any()):
        return []
    of_grey, of_white = float(depth[grey].mean()), float(depth[white].mean())
    if of_white >= _MIN_DEPTH_OF_WM * of_grey:
        return []
    turned = f"WM lies no deeper in the brain than GM (on average {of_white:.0f} mm against {of_grey:.0f} mm)"
    return [GraveDoubt(f"{turned}; check that --contrast is that of the scan")]


def out_of_order_share(counts: NDArray[np.floating], ranks: NDArray[np.intp]) -> float:
    """Measure how far labels fail to rise with intensity.

    A component with a large variance claims the far tails on both sides, also the one beyond its neighbour.

    Parameters
    ----------
    counts : ndarray, shape (B,)
        Voxels of each intensity, by rising intensity.
    ranks : ndarray of int, shape (B,)
        Rank, by mean, of the most probable component of each intensity.

    Returns
    -------
    float
        The smallest share of voxels whose labels would have to change for labels to rise with intensity.

    >>> out_of_order_share(np.array([1.0, 8.0, 1.0]), np.array([1, 0, 1]))
    0.1
    """
    kept = np.zeros(int(ranks.max()) + 1)  # voxels in the best rising sequence that ends with each rank
    for rank, count in zip(ranks, counts, strict=True):
        kept[rank] = kept[: rank + 1].max() + count
    return float((counts.sum() - kept.max()) / counts.sum())


def contrast_warnings(contrast: str, levels: TissueLevels | None) -> list[str]:
    """List what speaks against the contrast that a scan is said to have.

    Parameters
    ----------
    contrast : str
        A key of `mriseg.labels.contrasts.CONTRASTS`.
    levels : TissueLevels or None
        None if nothing is known.

    Returns
    -------
    list of str
        Empty if nothing does.
    """
    seen = None if levels is None else contrast_of(levels)
    if levels is None or seen is None or CONTRASTS[seen].rising == CONTRASTS[contrast].rising:
        return []
    both_dark = {CONTRASTS[seen].rising[0], CONTRASTS[contrast].rising[0]} == {CSF}
    if both_dark and abs(levels.wm - levels.gm) < MIN_WM_DIFFERENCE:
        return []
    told = f"the scan does not look like {CONTRASTS[contrast].name}: {_words(seen)}"
    return [GraveDoubt(f"{told}; tissues are named wrongly unless --contrast is right")]


def _words(seen: str) -> str:
    """Say what was seen."""
    if CONTRASTS[seen].rising[2] is CSF:
        return "its ventricles are brighter than the brain, as in T2 or proton density"
    if CONTRASTS[seen].rising[2] is WM:
        return "its ventricles are dark and WM is brighter than GM, as in T1"
    return "its ventricles are dark and GM is brighter than WM, as in FLAIR or in T1 of infants"
