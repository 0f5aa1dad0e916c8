"""Reading of scans, maps and masks from NIfTI files, with checks, in canonical orientation."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from nibabel.orientations import apply_orientation, inv_ornt_aff, io_orientation
from nibabel.spatialimages import SpatialImage
from scipy import ndimage

from mriseg.errors import ImageError, MaskError
from mriseg.images.constants import (
    MASK_LEVEL_PERCENTILE,
    MASK_RISE_VOXELS,
    MAX_GRID_SHIFT,
    MAX_INTENSITY,
    MAX_MASK_RINGING,
    MAX_UNIFORM,
    MIN_MASK_RISING,
    MIN_NEAR_MASK_MAXIMUM,
    MIN_RANGE,
    NEAR_MASK_MAXIMUM,
)
from mriseg.images.nifti import NiftiFile, format_shape, open_nifti
from mriseg.images.nifti_voxels import read_voxels
from mriseg.images.orientation import max_corner_distance, voxel_placement
from mriseg.images.sources import file_path, path_of
from mriseg.images.volume import Volume
from mriseg.images.voxels import bounding_box, contiguous
from mriseg.qc import QCWarning, look_closely, note

if TYPE_CHECKING:
    from numpy.typing import NDArray

# What stands for an image: a file, or one in memory.
ImageSource = str | Path | SpatialImage | Volume
IN_MEMORY = (SpatialImage, Volume)

# NIfTI intent codes of labels and of vectors, matrices and colours.
_LABEL_INTENTS = (1002, 1003)
_VECTOR_INTENTS = (1004, 1005, 1006, 1007, 1008, 1009, 1010, 2003, 2004)

_NEGATED = look_closely(
    "intensities-negated",
    "its intensities are negated; their sign was turned, and if "
    "that is wrong so are the tissues: see that the background is dark in the overlay",
)


def load_volume(
    path: ImageSource,
    volume: int | None = None,
    zooms: tuple[float, float, float] | None = None,
    max_memory: float | None = None,
    *,
    keep_header_text: bool = False,
) -> Volume:
    """Read a scan from NIfTI-1 or NIfTI-2 (single file or pair, compressed or not) or an image in memory.

    Parameters
    ----------
    path : str, Path, nibabel image or Volume
        A file that ends in .nii, .hdr or .img, or in one of them and .gz; one of FreeSurfer (.mgz, .mgh); or
        an image of nibabel, which is not changed.
    volume : int, optional
        Which volume of a series to read, from 0.
    zooms : tuple of float, optional
        Edges of a voxel in mm, along the axes of the file, where the header is wrong about them.
    max_memory : float, optional
        Limit on the memory of the segmentation, GB; the available memory if not given.
    keep_header_text : bool
        Keep the header's free text (description, auxiliary file, database name) in files written on the grid
        of this scan. It may name the patient.

    Returns
    -------
    Volume
        In canonical orientation; trailing axes of length one are dropped.

    Raises
    ------
    ImageError
        If the file is missing, unreadable, too large, not a single three-dimensional real image, a label
        image or a vector field, or holds no contrast.
    """
    file = open_image(path)
    _check_intent(file)
    array = read_voxels(file, volume, max_memory)
    placed = voxel_placement(file.header, array.shape, file.path, zooms, keep_text=keep_header_text)
    not_finite = _replace_not_finite(array, file.path)
    if _looks_like_labels(array):
        raise ImageError(f"{file.path}: is a label image (patches of one whole number each), not a scan; "
                         "give the scan that it was drawn on")  # fmt: skip
    negated = _restore_sign(array)
    warnings = [*placed.warnings, *([_NEGATED] if negated else [])]
    reading = {"Form": placed.form, "Units": placed.units, "Volume": volume, "ZoomsGiven": zooms}
    return _canonical(array, placed.affine, header=placed.header, path=file.path, sha256=file.sha256(),
                      not_finite=not_finite, reading=reading, warnings=tuple(warnings))  # fmt: skip


def as_volume(scan: ImageSource) -> Volume:
    """Return a volume as it is, and read any other scan, see `load_volume`."""
    return scan if isinstance(scan, Volume) else load_volume(scan)


def load_map(path: ImageSource) -> Volume:
    """Read an image that is not a scan: labels, probabilities or distances.

    Parameters
    ----------
    path : str, Path, nibabel image or Volume
        As for `load_volume`.

    Returns
    -------
    Volume

    Raises
    ------
    ImageError
        If the file is missing, unreadable, not three-dimensional and real, or the same everywhere.
    """
    file = open_image(path)
    array = read_voxels(file, is_map=True)
    placed = voxel_placement(file.header, array.shape, file.path, is_map=True)
    not_finite = _replace_not_finite(array, file.path)
    return _canonical(array, placed.affine, header=placed.header, path=file.path, sha256=file.sha256(),
                      not_finite=not_finite)  # fmt: skip


def labels_in(path: Path) -> int:
    """Return how many labels an image holds; 0 if it is none of labels.

    It is one where `load_volume` refuses it as such: its header says so, or most of it are regions of one
    whole number each.

    Raises
    ------
    ImageError
        If the file is missing or unreadable.
    """
    file = open_nifti(path)
    try:
        array = read_voxels(file, is_map=True)
    except ImageError:  # a series, say
        return 0
    declared = int(file.header["intent_code"]) in _LABEL_INTENTS
    return int(np.count_nonzero(np.unique(array))) if declared or _looks_like_labels(array) else 0


class LoadedMask(NamedTuple):
    """A mask, bool of shape (X, Y, Z) in canonical orientation, and what is odd about its file."""

    mask: NDArray[np.bool_]
    warnings: tuple[QCWarning, ...]


def load_mask(
    path: ImageSource, volume: Volume, *, of: str = "the brain", may_be_empty: bool = False
) -> LoadedMask:
    """Read a mask drawn on the grid of a scan, whose axes may be stored in another order.

    Of a mask with a single value other than 0, and of a label map, every voxel other than 0 belongs to it.
    Soft masks, with values between 0 and their maximum, and masks that were resampled by splines are cut at
    half of the maximum.

    Parameters
    ----------
    path : str, Path, nibabel image or Volume
        The mask, as for `load_volume`.
    volume : Volume
        The scan whose grid the mask must have.
    of : str
        Structure that the mask marks, for messages.
    may_be_empty : bool
        Accept an empty mask.

    Returns
    -------
    LoadedMask

    Raises
    ------
    ImageError
        If the file cannot be read.
    MaskError
        If its grid is not the scan's, its values are no mask, or the mask is empty or fills the whole volume.
    """
    file = open_image(path)
    if volume.sha256 and file_digest(path) == volume.sha256:
        raise MaskError(f"{file.path}: is the scan itself, not a mask of {of}; give the file of the mask")
    path, array = file.path, read_voxels(file)
    affine = voxel_placement(file.header, array.shape, path, volume.reading.get("ZoomsGiven")).affine
    # From the axes of the file to those of the scan, which may be stored in another order.
    turn = io_orientation(np.linalg.inv(volume.canonical_affine) @ affine)
    array, affine = apply_orientation(array, turn), affine @ inv_ornt_aff(turn, array.shape)
    if array.shape != volume.data.shape:
        shapes = f"{format_shape(array.shape)} against {format_shape(volume.data.shape)}"
        raise MaskError(f"{path}: the mask is not on the grid of {volume.path.name} ({shapes} voxels); "
                        "resample it to the scan first")  # fmt: skip
    distance = max_corner_distance(affine, volume.canonical_affine, array.shape)
    if distance > MAX_GRID_SHIFT * volume.zooms.min():
        raise MaskError(f"{path}: the mask lies up to {distance:.2g} mm beside the grid of "
                        f"{volume.path.name}; resample it to the scan first")  # fmt: skip
    inside, warnings = _binarised(np.nan_to_num(array), path, of)
    mask = np.ascontiguousarray(inside)
    if not mask.any() and not may_be_empty:
        raise MaskError(f"{path}: the mask is empty; give one that marks {of} with 1")
    if mask.all():
        raise MaskError(f"{path}: the mask fills the whole volume; give one that marks only {of}")
    return LoadedMask(mask, warnings)


def _binarised(
    array: NDArray[np.float32], path: Path, of: str
) -> tuple[NDArray[np.bool_], tuple[QCWarning, ...]]:
    """Return where a mask is, by the rules of `load_mask`."""
    low, high = float(array.min()), float(array.max())
    filled = array[array != 0]
    if not filled.size or (filled == filled[0]).all():
        return array != 0, ()
    if low < -MAX_MASK_RINGING * high:
        raise MaskError(
            f"{path}: the mask holds negative values ({low:g} to {high:g}); give one that marks {of} with 1 "
            "and all else with 0"
        )
    whole = bool((filled == np.rint(filled)).all())
    # The level of the inside: splines overshoot it at edges, and leave traces far from the mask.
    marked = filled[filled >= high / 4]
    level = float(np.percentile(marked, MASK_LEVEL_PERCENTILE))
    dominant = np.mean(marked >= NEAR_MASK_MAXIMUM * level) >= MIN_NEAR_MASK_MAXIMUM
    if dominant and not (whole and _borders_are_steps(array, level)):
        values = f"{low:.3g} to {high:.3g}"
        text = f"the mask {path.name} is not binary ({values}); it was cut at half of its maximum"
        return array >= level / 2, (note("mask-soft", text),)
    if whole:
        text = f"the mask {path.name} is a label map; all of its labels were taken as {of}"
        return array != 0, (note("mask-labels", text),)
    raise MaskError(
        f"{path}: the mask holds many values ({low:g} to {high:g}), few of them near the highest; give one "
        f"that marks {of} with 1 and all else with 0"
    )


def _borders_are_steps(array: NDArray[np.float32], level: float) -> bool:
    """Decide whether a mask of whole numbers is a label map.

    In a soft mask the values between 0 and the level rise from one to the other within a few voxels; labels
    lie in patches, beside any other.
    """
    box = bounding_box(array != 0)
    values = np.pad(array[box], 1)
    between = (values > 0) & (values < NEAR_MASK_MAXIMUM * level)
    width = 2 * MASK_RISE_VOXELS + 1
    low = np.asarray(ndimage.minimum_filter(values, width))
    high = np.asarray(ndimage.maximum_filter(values, width))
    rising = (low < values) & (values < high)
    return bool(np.count_nonzero(rising & between) < MIN_MASK_RISING * max(int(np.count_nonzero(between)), 1))


def open_image(source: ImageSource) -> NiftiFile:
    """Read the header of an image, see `mriseg.images.nifti.open_nifti`."""
    if isinstance(source, Volume):
        image = source.image_of(source.to_scan_grid(source.data))
        return replace(open_nifti(image), path=source.path)
    return open_nifti(source if isinstance(source, SpatialImage) else file_path(source))


def image_path(source: ImageSource) -> Path:
    """Return the file of an image; a name for one that is in memory only."""
    if isinstance(source, (Volume, SpatialImage)):
        return source.path if isinstance(source, Volume) else path_of(source)
    return file_path(source)


def file_digest(source: ImageSource) -> str:
    """Return the SHA-256 digest of an image, of header and image file together for a pair.

    That of an image in memory is of the NIfTI file that it would make.

    Raises
    ------
    ImageError
        If the file is missing or no NIfTI image.
    """
    return open_image(source).sha256()


def _canonical(array: NDArray[np.float32], affine: NDArray[np.float64], **described: Any) -> Volume:
    """Create a volume from an array in the axes of its file."""
    orientation = io_orientation(affine)
    data = contiguous(apply_orientation(array, orientation))
    return Volume(data, affine @ inv_ornt_aff(orientation, array.shape), **described)


def _check_intent(file: NiftiFile) -> None:
    """Raise ImageError if the header declares labels or vectors."""
    intent = int(file.header["intent_code"])
    if intent in _VECTOR_INTENTS:
        raise ImageError(f"{file.path}: holds vectors, as its header says, not intensities; give a scan")
    if intent in _LABEL_INTENTS:
        raise ImageError(f"{file.path}: is a label image, as its header says, not a scan; "
                         "give the scan that it was drawn on")  # fmt: skip


def _replace_not_finite(array: NDArray[np.float32], path: Path) -> int:
    """Replace values that are not finite by the background, in place, and return their number."""
    lowest, highest, not_finite = float(array.min()), float(array.max()), 0
    if not (lowest >= -MAX_INTENSITY and highest <= MAX_INTENSITY):
        finite = np.abs(array) <= MAX_INTENSITY
        not_finite = int(array.size - np.count_nonzero(finite))
        lowest = float(array.min(where=finite, initial=np.inf))
        highest = float(array.max(where=finite, initial=-np.inf))
        array[~finite] = lowest
    if not highest - lowest > MIN_RANGE:
        same = f"the value {lowest:g} in every voxel"
        if highest > lowest:
            same = f"values from {lowest:g} to {highest:g}, which are too small to compute with"
        what = "no signal that is finite and below 1e15" if not_finite else same
        raise ImageError(f"{path}: holds {what}; there is nothing to segment")
    return not_finite


def _looks_like_labels(array: NDArray[np.float32]) -> bool:
    """Decide whether an image consists of uniform regions of whole numbers, on any background."""
    sample = array[::3, ::3, ::3]
    if (sample != np.rint(sample)).any() or min(array.shape) < 3:
        return False
    numbers, counts = np.unique(sample, return_counts=True)
    middle = array[1:-1, 1:-1, 1:-1]
    uniform = middle != numbers[counts.argmax()]
    foreground = np.count_nonzero(uniform)
    for axis, start in ((axis, start) for axis in range(3) for start in (0, 2)):
        shifted = [slice(1, -1)] * 3
        shifted[axis] = slice(start, start + middle.shape[axis])
        uniform &= middle == array[tuple(shifted)]
    return bool(np.count_nonzero(uniform) > MAX_UNIFORM * foreground)


def _restore_sign(array: NDArray[np.float32]) -> bool:
    """Negate, in place, a scan without positive values whose background is the brightest."""
    lowest, highest = float(array.min()), float(array.max())
    negated = highest <= 0 and float(np.median(array[::3, ::3, ::3])) > (lowest + highest) / 2
    if negated:
        np.negative(array, out=array)
    return negated
