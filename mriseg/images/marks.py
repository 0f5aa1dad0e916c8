"""The mark in the header of a label image: a text, and what tells whether the labels were changed since."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import nibabel as nib
    from numpy.typing import NDArray

# Fields of the header: the text, and the numbers of voxels with the labels 1, 2 and 3.
_TEXT, _COUNTS = "intent_name", ("intent_p1", "intent_p2", "intent_p3")


def write_mark(header: nib.Nifti1Header, labels: NDArray[Any], mark: str) -> None:
    """Write a mark into the header of a label image.

    Programs that change the labels often keep the header: the numbers of voxels tell it.

    Parameters
    ----------
    header : nibabel.Nifti1Header or nibabel.Nifti2Header
        Changed in place.
    labels : ndarray
        The voxels of the image.
    mark : str
        At most 15 ASCII characters.
    """
    header[_TEXT] = mark.encode("ascii")
    for field, count in zip(_COUNTS, _counts(labels), strict=True):
        header[field] = count


def read_mark(header: nib.Nifti1Header) -> str:
    """Return the mark in a header; empty if there is none."""
    return str(header[_TEXT].item().decode("ascii", "replace"))


def is_of_labels(header: nib.Nifti1Header, labels: NDArray[Any]) -> bool:
    """Return whether the mark in a header was written for these labels, by their numbers of voxels."""
    return bool(all(float(header[field]) == n for field, n in zip(_COUNTS, _counts(labels), strict=True)))


def _counts(labels: NDArray[Any]) -> list[float]:
    """Return the numbers of voxels with the labels 1, 2 and 3, as the header of NIfTI-1 holds them."""
    return [float(np.float32(np.count_nonzero(labels == label))) for label in (1, 2, 3)]
