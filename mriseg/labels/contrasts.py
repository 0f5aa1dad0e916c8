"""What a contrast implies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mriseg.labels.tissues import CSF, GM, WM, Tissue, class_color

if TYPE_CHECKING:
    from numpy.typing import NDArray


# Rising mean intensity. In proton density CSF is brightest because its long T2 outweighs its long T1; FLAIR
# takes the signal of CSF away. White matter without myelin, up to half a year, is darker than GM in T1.
RISING_MEANS = {
    "t1": (CSF, GM, WM),
    "t2": (WM, GM, CSF),
    "pd": (WM, GM, CSF),
    "flair": (CSF, WM, GM),
    "t1-infant": (CSF, WM, GM),
}


# BIDS suffix of each contrast.
SUFFIXES = {"t1": "T1w", "t2": "T2w", "pd": "PDw", "flair": "FLAIR", "t1-infant": "T1w"}


def rising_tissues(contrast: str, classes: int) -> tuple[Tissue, ...]:
    """List the classes of a segmentation by rising mean intensity.

    Parameters
    ----------
    contrast : str
        One of `RISING_MEANS`.
    classes : int
        From 2 to `MAX_CLASSES`.

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
