"""Small things about voxel grids that several rooms need."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from numpy.typing import NDArray


def bounding_box(mask: NDArray[np.bool_]) -> tuple[slice, ...]:
    """Return the smallest box that holds a mask that is not empty, a slice for each axis.

    >>> bounding_box(np.array([[False, True, True], [False, True, False]]))
    (slice(0, 2, None), slice(1, 3, None))
    """
    sides = []
    for axis in range(mask.ndim):
        filled = np.flatnonzero(mask.any(axis=tuple(a for a in range(mask.ndim) if a != axis)))
        sides.append(slice(int(filled[0]), int(filled[-1]) + 1))
    return tuple(sides)


def largest_part(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Keep the largest of the parts of a mask that hang together by faces; the mask must not be empty.

    >>> largest_part(np.array([True, False, True, True]))
    array([False, False,  True,  True])
    """
    labels, _ = ndimage.label(mask)
    largest: NDArray[np.bool_] = labels == 1 + np.argmax(np.bincount(labels.ravel())[1:])
    return largest
