"""Components of the mixture with place: pure tissues, and pairs of them in fixed fractions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mriseg.labels.tissues import CSF, GM, WM
from mriseg.model.constants import FRACTION_LEVELS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.floating]

# Kinds of tissue: CSF, cortical GM, deep GM, WM; deep GM is reported as GM.
TISSUES = (CSF, GM, WM)
KINDS = 4
_TISSUE_OF_KIND = np.array([0, 1, 1, 2])
KIND_OF_TISSUE = np.array([0, 1, 3])
PAIRS = ((0, 1), (1, 3))
_FRACTIONS = (np.arange(FRACTION_LEVELS) + 0.5) / FRACTION_LEVELS


def _pair_content(first: int, second: int) -> Floats:
    eye = np.eye(KINDS)
    return np.asarray(np.outer(1 - _FRACTIONS, eye[first]) + np.outer(_FRACTIONS, eye[second]))


# Components in rows, kinds of tissue in columns: the fraction of each in the voxel.
CONTENT = np.vstack([np.eye(KINDS), *(_pair_content(*pair) for pair in PAIRS)])
GROUP = np.append(np.arange(KINDS), np.repeat(KINDS + np.arange(len(PAIRS)), FRACTION_LEVELS))
GROUP_SIZES = np.bincount(GROUP)
FIRST_OF_GROUP = np.cumsum(GROUP_SIZES) - GROUP_SIZES
# Fraction of each tissue in a component, and whether the components of a group contain it.
TISSUE_CONTENT = CONTENT @ np.eye(3)[_TISSUE_OF_KIND]
GROUP_TISSUES = TISSUE_CONTENT[FIRST_OF_GROUP] > 0
