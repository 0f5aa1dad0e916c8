"""Images that are no NIfTI files: nibabel's in memory, and FreeSurfer's on disk, as bytes of NIfTI files."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np

from mriseg.errors import ImageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Name of an image in memory that was not read from a file.
UNNAMED = Path("image.nii")


def path_of(image: nib.spatialimages.SpatialImage) -> Path:
    """Return the file that an image was read from, or a name for one that is in memory only."""
    return Path(image.get_filename() or UNNAMED)


def file_path(source: object) -> Path:
    """Return the path of a file.

    Raises
    ------
    ImageError
        If the source is neither text nor a path.
    """
    if isinstance(source, (str, os.PathLike)):
        return Path(source)
    hint = (
        "; an array has no voxel size: nibabel.Nifti1Image(array, affine)" if hasattr(source, "shape") else ""
    )
    kind = type(source).__name__
    raise ImageError(f"{kind}: is no image; give a file, an image of nibabel or a Volume of mriseg{hint}")


def _seen(image: nib.spatialimages.SpatialImage) -> NDArray[Any]:
    """Return the values of an image: those that `get_fdata` returned if they were changed in place."""
    data = np.asanyarray(image.dataobj)
    # By its public name nibabel hands the cache out to those only who know its type.
    cached: NDArray[Any] | None = getattr(image, "_fdata_cache", None)
    changed = cached is not None and not np.array_equal(cached, data.astype(cached.dtype), equal_nan=True)
    return data if cached is None or not changed else cached


def nifti_bytes(image: nib.spatialimages.SpatialImage, name: Path) -> bytes:
    """Return the content of the NIfTI file of an image, with its values unscaled.

    Parameters
    ----------
    image : nibabel.spatialimages.SpatialImage
    name : Path
        Of the image, for messages.

    Returns
    -------
    bytes
        A NIfTI-1 file, or NIfTI-2 if the image is one; forms, codes and units are kept.

    Raises
    ------
    ImageError
        If left and right are not known, or the values cannot be read.
    """
    nifti = isinstance(image, nib.Nifti1Pair)
    if isinstance(image, nib.AnalyzeImage) and not nifti:
        raise ImageError(f"{name}: is an Analyze image, so left and right are not known; convert it to NIfTI")
    try:
        data = _storable(_seen(image))
    except (OSError, EOFError, ValueError) as error:
        raise ImageError(f"{name}: cannot be read ({' '.join(str(error).split())}); copy it again") from error
    kind: Any = nib.Nifti2Image if isinstance(image, nib.Nifti2Pair) else nib.Nifti1Image
    header: Any = image.header.copy() if nifti else nib.Nifti1Header()
    header.set_data_dtype(data.dtype)
    if not nifti:
        header.set_xyzt_units("mm")
    content: bytes = kind(data, image.affine, header).to_bytes()
    return content


def freesurfer_bytes(path: Path) -> bytes:
    """Return the content of the NIfTI file of an image in FreeSurfer's format.

    Parameters
    ----------
    path : Path
        Ends in .mgz or .mgh.

    Raises
    ------
    ImageError
        If the file cannot be read.
    """
    try:
        content = path.read_bytes()
        plain = gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content
        image = nib.MGHImage.from_bytes(plain)
    except Exception as error:  # the reader raises errors of many kinds
        reason = " ".join(str(error).split())
        message = f"{path}: cannot be read as an image of FreeSurfer ({reason}); copy it again"
        raise ImageError(message) from error
    return nifti_bytes(image, path)


def _storable(data: NDArray[Any]) -> NDArray[Any]:
    """Return data in a type that NIfTI files hold and every reader knows."""
    if data.dtype == bool:
        return data.astype(np.uint8)
    wide = data.dtype.kind in "iuf" and data.dtype.itemsize >= 8
    return data.astype(np.float64) if wide else data
