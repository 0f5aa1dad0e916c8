"""Small things about voxel grids that several rooms need."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

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
