"""The table of MR contrasts: everything that the weighting of a scan implies, in one place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mriseg.labels.tissues import CSF, GM, WM, Tissue, class_color

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Contrast:
    """One row of the table of contrasts.

    Parameters
    ----------
    key : str
        Value of ``--contrast`` and of the `contrast` arguments.
    rising : tuple of Tissue
        The three tissues by rising mean intensity.
    suffix : str
        BIDS suffix.
    name : str
        Noun, for warnings.
    adjective : str
        For the methods paragraph of the report.
    bright_brain : bool
        Brain tissue is brighter than CSF and skull, so that the edge of the brain can be detected.
    like_template : bool
        The intensities resemble those of the T1-weighted template head up to scale.
    infant : bool
        The head is an infant's: smaller, and with other shares of the tissues.
    phantom_intensities : mapping of int to float
        Intensity of each tissue in simulated scans, by label; arbitrary units.
    """

    key: str
    rising: tuple[Tissue, Tissue, Tissue]
    suffix: str
    name: str
    adjective: str
    bright_brain: bool
    like_template: bool
    infant: bool
    phantom_intensities: Mapping[int, float]


# Order of intensities: in proton density CSF is brightest because its long T2 outweighs its long T1; FLAIR
# suppresses the signal of CSF; unmyelinated white matter, up to half a year, is darker than GM in T1.
# Phantom intensities are plausible at 1.5 to 3 T, not measured.
CONTRASTS: Mapping[str, Contrast] = {
    contrast.key: contrast
    for contrast in (
        Contrast(
            key="t1",
            rising=(CSF, GM, WM),
            suffix="T1w",
            name="T1",
            adjective="T1-weighted",
            bright_brain=True,
            like_template=True,
            infant=False,
            phantom_intensities={CSF.index: 45.0, GM.index: 105.0, WM.index: 150.0},
        ),
        Contrast(
            key="t2",
            rising=(WM, GM, CSF),
            suffix="T2w",
            name="T2",
            adjective="T2-weighted",
            bright_brain=False,
            like_template=False,
            infant=False,
            phantom_intensities={CSF.index: 200.0, GM.index: 80.0, WM.index: 60.0},
        ),
        Contrast(
            key="pd",
            rising=(WM, GM, CSF),
            suffix="PDw",
            name="proton density",
            adjective="proton-density-weighted",
            bright_brain=False,
            like_template=False,
            infant=False,
            phantom_intensities={CSF.index: 115.0, GM.index: 100.0, WM.index: 75.0},
        ),
        Contrast(
            key="flair",
            rising=(CSF, WM, GM),
            suffix="FLAIR",
            name="FLAIR",
            adjective="FLAIR",
            bright_brain=True,
            like_template=False,
            infant=False,
            phantom_intensities={CSF.index: 15.0, GM.index: 90.0, WM.index: 70.0},
        ),
        Contrast(
            key="t1-infant",
            rising=(CSF, WM, GM),
            suffix="T1w",
            name="T1 of an infant",
            adjective="T1-weighted",
            bright_brain=True,
            like_template=True,
            infant=True,
            phantom_intensities={CSF.index: 25.0, GM.index: 90.0, WM.index: 70.0},
        ),
        Contrast(
            key="t2-infant",
            rising=(GM, WM, CSF),
            suffix="T2w",
            name="T2 of an infant",
            adjective="T2-weighted",
            bright_brain=False,
            like_template=False,
            infant=True,
            phantom_intensities={CSF.index: 200.0, GM.index: 70.0, WM.index: 95.0},
        ),
    )
}

# Each BIDS suffix once, in the order of the table.
SUFFIXES = tuple(dict.fromkeys(contrast.suffix for contrast in CONTRASTS.values()))


def rising_tissues(contrast: str, classes: int) -> tuple[Tissue, ...]:
    """List the classes of a segmentation by rising mean intensity.

    Parameters
    ----------
    contrast : str
        A key of `CONTRASTS`.
    classes : int
        From 2 to `MAX_CLASSES`.

    Returns
    -------
    tuple of Tissue
        Three classes are CSF, GM and WM in the order of the contrast; other numbers are generic classes from
        1.

    >>> [tissue.abbreviation for tissue in rising_tissues("t2", 3)]
    ['WM', 'GM', 'CSF']
    """
    rising = CONTRASTS[contrast].rising
    if classes == len(rising):
        return rising
    numbered = ((i, f"class{i}") for i in range(1, classes + 1))
    return tuple(Tissue(i, name, name, class_color(i), None) for i, name in numbered)


def contrast_of_order(rising: Sequence[Tissue], likely: str) -> str:
    """Return the contrast whose tissues have an order of intensities.

    Parameters
    ----------
    rising : sequence of Tissue
        CSF, GM and WM by rising mean intensity.
    likely : str
        A key of `CONTRASTS`: kept if it has that order, or if none has; otherwise one of the same age is
        preferred.

    Returns
    -------
    str
        A key of `CONTRASTS`.

    >>> contrast_of_order((CSF, WM, GM), "t1"), contrast_of_order((WM, GM, CSF), "pd")
    ('flair', 'pd')
    """
    having = [key for key, contrast in CONTRASTS.items() if contrast.rising == tuple(rising)]
    if likely in having or not having:
        return likely
    return next((key for key in having if CONTRASTS[key].infant == CONTRASTS[likely].infant), having[0])


def name_components(means: NDArray[np.floating], contrast: str) -> tuple[Tissue, ...]:
    """Name the components of a mixture by the order of their means.

    Parameters
    ----------
    means : ndarray of float64, shape (K,)
        Mean intensity of each component.
    contrast : str
        A key of `CONTRASTS`.

    Returns
    -------
    tuple of Tissue, length K
        Tissue of each component.
    """
    rising = rising_tissues(contrast, len(means))
    ranks = np.argsort(np.argsort(means, kind="stable"), kind="stable")
    return tuple(rising[rank] for rank in ranks)
