"""The one table of tissues (names, BIDS numbers, colours); which component is which; what is plausible."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from mriseg.doubts import GraveDoubt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True)
class Tissue:
    """One row of the label table.

    Parameters
    ----------
    index : int
        Label in the segmentation.
    name : str
    abbreviation : str
        As in file names.
    color : str
        Hexadecimal, for look-up tables and pictures.
    mapping : int or None
        Label in the BIDS standard table, None for a class without a tissue's name.
    """

    index: int
    name: str
    abbreviation: str
    color: str
    mapping: int | None


# Colours after Okabe & Ito, told apart in every common form of colour blindness.
GM = Tissue(1, "Gray Matter", "GM", "#e69f00", 1)
WM = Tissue(2, "White Matter", "WM", "#009e73", 2)
CSF = Tissue(3, "Cerebrospinal Fluid", "CSF", "#56b4e9", 3)
LESION = Tissue(7, "Lesion", "L", "#cc79a7", 7)
BACKGROUND = Tissue(0, "Background", "BG", "#000000", 0)

# Rising mean intensity. In proton density CSF is brightest because its long T2 outweighs its long T1; FLAIR
# takes the signal of CSF away. White matter without myelin, up to half a year, is darker than GM in T1.
RISING_MEANS = {
    "t1": (CSF, GM, WM),
    "t2": (WM, GM, CSF),
    "pd": (WM, GM, CSF),
    "flair": (CSF, WM, GM),
    "t1-infant": (CSF, WM, GM),
}

# What is asked for instead of a contrast, or of a number of classes, to have it chosen.
AUTO = "auto"

# BIDS suffix of each contrast.
SUFFIXES = {"t1": "T1w", "t2": "T2w", "pd": "PDw", "flair": "FLAIR", "t1-infant": "T1w"}

_CLASS_COLORS = (
    "#0072b2",
    "#56b4e9",
    "#009e73",
    "#f0e442",
    "#e69f00",
    "#d55e00",
    "#cc79a7",
    "#999999",
    "#7f3c8d",
    "#b3de69",
)

MOST_CLASSES = len(_CLASS_COLORS)

# Wide bounds of the share of each tissue in the brain mask, from young children to atrophy; and in infants.
_PLAUSIBLE_SHARE = {"CSF": (0.03, 0.45), "GM": (0.25, 0.65), "WM": (0.18, 0.60)}
_INFANT_SHARE = {"CSF": (0.03, 0.45), "GM": (0.20, 0.70), "WM": (0.15, 0.65)}
_FAR_OUTSIDE = 0.1
_EMPTY_SHARE = 0.005
_SEPARATED_SDS = 1.0
_MOST_OUT_OF_ORDER = 0.01
# Mean depth of WM over that of GM: 1.2 to 1.8 in heads of all ages, below 1 where tissues changed places.
_LEAST_DEPTH_OF_WM = 1.0
_COARSE_MM = 3.0


def rising_tissues(contrast: str, classes: int) -> tuple[Tissue, ...]:
    """List the classes of a segmentation by rising mean intensity.

    Parameters
    ----------
    contrast : str
        One of `RISING_MEANS`.
    classes : int
        From 2 to `MOST_CLASSES`.

    Returns
    -------
    tuple of Tissue
        Three classes are CSF, GM and WM in the order of the contrast; any other number are classes from 1.

    >>> [tissue.abbreviation for tissue in rising_tissues("t2", 3)]
    ['WM', 'GM', 'CSF']
    """
    rising = RISING_MEANS[contrast]
    if classes == len(rising):
        return rising
    return tuple(Tissue(i, f"Class {i}", f"class{i}", class_color(i), None) for i in range(1, classes + 1))


def class_color(number: int) -> str:
    """Return the colour of a class that is no tissue, from 1; hexadecimal, again from the first after ten."""
    return _CLASS_COLORS[(number - 1) % len(_CLASS_COLORS)]


def name_components(means: NDArray[np.floating], contrast: str) -> tuple[Tissue, ...]:
    """Name the components of a mixture by the order of their means.

    Parameters
    ----------
    means : ndarray of float64, shape (K,)
        Mean intensity of each component.
    contrast : str
        One of `RISING_MEANS`.

    Returns
    -------
    tuple of Tissue, length K
        What each component is.
    """
    rising = rising_tissues(contrast, len(means))
    ranks = np.argsort(np.argsort(means, kind="stable"), kind="stable")
    return tuple(rising[rank] for rank in ranks)


def separations(centres: NDArray[np.floating], covariances: NDArray[np.floating]) -> NDArray[np.floating]:
    """Measure how far classes lie apart, in standard deviations.

    Parameters
    ----------
    centres : ndarray of float64, shape (K, D)
        Means in all channels.
    covariances : ndarray of float64, shape (K, D, D)

    Returns
    -------
    ndarray of float64, shape (K, K)
        Mahalanobis distances by the mean covariance of the two classes.
    """
    away = centres[:, None] - centres[None]
    between = (covariances[:, None] + covariances[None]) / 2
    solved = np.linalg.solve(between, away[..., None])[..., 0]
    return np.asarray(np.sqrt(np.maximum((away * solved).sum(axis=-1), 0)))


def plausibility(
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
    usual = _INFANT_SHARE if contrast == "t1-infant" else _PLAUSIBLE_SHARE
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
    if out_of_order > _MOST_OUT_OF_ORDER:
        flags.append(
            f"{out_of_order:.1%} of the brain mask has a label that contradicts the order of intensities"
        )
    return flags


def place_doubts(labels: NDArray[np.uint8], zooms: NDArray[np.floating]) -> list[str]:
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
    if of_white >= _LEAST_DEPTH_OF_WM * of_grey:
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
