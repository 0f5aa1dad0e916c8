"""Lesions that are given: part of the brain, but of none of its tissues."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mriseg.errors import MaskError
from mriseg.images.reading import image_path, load_mask

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mriseg.brain.mask import Brain
    from mriseg.images.reading import ImageSource
    from mriseg.images.volume import Volume


def split_lesions(
    brain: Brain, volume: Volume, lesion_mask: ImageSource | None
) -> tuple[Brain, NDArray[np.bool_], NDArray[np.bool_] | None]:
    """Add lesions to a brain mask, and take them from the tissue to be labelled.

    Parameters
    ----------
    brain : Brain
    volume : Volume
        The scan.
    lesion_mask : str, Path, nibabel image or Volume, optional
        The lesions on the grid of the scan.

    Returns
    -------
    brain : Brain
        With the lesions.
    tissue : ndarray of bool, shape (X, Y, Z)
        Its mask without them.
    lesions : ndarray of bool, shape (X, Y, Z), or None

    Raises
    ------
    MaskError
        If the file cannot be used, or leaves nothing of the brain.
    """
    if lesion_mask is None:
        return brain, brain.mask, None
    lesions, mask_notes = load_mask(lesion_mask, volume, of="lesions", may_be_empty=True)
    tissue = brain.mask & ~lesions
    if not tissue.any():
        raise MaskError(f"{image_path(lesion_mask)}: leaves nothing of the brain in {volume.path.name}")
    brain = replace(brain, mask=brain.mask | lesions, warnings=(*brain.warnings, *mask_notes))
    return brain, tissue, lesions
