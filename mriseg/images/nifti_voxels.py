"""Reading of the voxels of a NIfTI file, after memory and size of the file are checked against the header."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import numpy as np

from mriseg._utils.memory import segmentation_bytes, usable_memory
from mriseg.errors import ImageError
from mriseg.images.nifti import CHUNK_BYTES, GZIP_MAGIC, convert_errors, decompressed, format_shape, opened

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mriseg.images.nifti import NiftiFile

# Bytes that one byte of a deflate stream expands to at the most.
_MAX_INFLATED = 1032
_GB = 1e9


def read_voxels(
    file: NiftiFile, volume: int | None = None, max_memory: float | None = None, *, is_map: bool = False
) -> NDArray[Any]:
    """Read the voxels of a three-dimensional image, or one volume of a series, as float32.

    Parameters
    ----------
    file : NiftiFile
    volume : int, optional
        Which volume of a series, from 0.
    max_memory : float, optional
        Limit on the memory of the segmentation, GB; the available memory if not given.
    is_map : bool
        Whether it is no scan, and messages name no options that commands have for scans alone.

    Returns
    -------
    ndarray of float32, shape (X, Y, Z)
        Scaled by slope and intercept, in the axes of the file; values that are not finite are kept.

    Raises
    ------
    ImageError
        If the voxels are not real numbers in three dimensions, exceed the memory, or are incomplete.
    """
    _check_real(file)
    shape, index = _select_volume(file, volume, is_map=is_map)
    size = math.prod(shape) * file.dtype.itemsize
    _check_memory(file, math.prod(shape), max_memory)
    _check_size(file)
    stored = np.ndarray(shape, file.dtype, _read_block(file, index * size, size), order="F")
    return _scaled(file, stored)


def _check_real(file: NiftiFile) -> None:
    """Raise ImageError unless voxels are real numbers."""
    kind = file.dtype
    if kind.kind not in "iuf" or kind.itemsize == 0:
        what = "complex" if kind.kind == "c" else "colour" if kind.fields else str(kind)
        raise ImageError(f"{file.path}: holds {what} values, not intensities; give a real-valued image")


def _select_volume(file: NiftiFile, volume: int | None, *, is_map: bool) -> tuple[tuple[int, ...], int]:
    """Return the shape of the volume to read, and its index in the series."""
    path, shape = file.path, file.shape
    if len(shape) < 3 or min(shape[:3]) < 2:
        raise ImageError(f"{path}: holds {format_shape(shape)} voxels; give a three-dimensional scan")
    if len(shape) > 4:
        raise ImageError(
            f"{path}: holds {format_shape(shape)} values, more than a series; extract one volume first"
        )
    count = shape[3] if len(shape) == 4 else 1
    if count > 1 and volume is None:
        options = f"choose one with --volume 0 to --volume {count - 1} (in Python load_volume(..., volume=0))"
        advice = "extract one to a file of its own"
        if not is_map:
            advice = f"{options}, or extract it to a file of its own if it is a channel or a mask"
        raise ImageError(
            f"{path}: holds {format_shape(shape)} values, a series of {count} volumes and not one "
            f"{'map' if is_map else 'scan'}; {advice}"
        )
    index = volume or 0
    if not 0 <= index < count:
        raise ImageError(f"{path}: has no volume {index}; it holds {count}, and the first is volume 0")
    return shape[:3], index


def _check_memory(file: NiftiFile, voxels: int, max_memory: float | None) -> None:
    """Raise ImageError if the segmentation would exceed the memory, GB."""
    need = segmentation_bytes(voxels) / _GB
    limit = usable_memory() / _GB if max_memory is None else max_memory
    if need > limit:
        raise ImageError(
            f"{file.path}: holds {format_shape(file.shape)} voxels of {file.dtype.name}, which take about "
            f"{_format_gb(need)} GB of memory, and {_format_gb(limit)} GB may be used; crop or resample it, "
            "or give --max-memory"
        )


def _check_size(file: NiftiFile) -> None:
    """Raise ImageError if the file is smaller than its header requires, before memory is allocated."""
    with convert_errors(file.path), opened(file.image_file) as stream:
        compressed = stream.read(2) == GZIP_MAGIC
        size = stream.seek(0, 2)
    available, required = size * (_MAX_INFLATED if compressed else 1), file.offset + file.stored_bytes
    if available < required:
        raise ImageError(
            f"{file.path}: the file is damaged, or its header is: {required:,} bytes are promised and "
            f"{'at most ' if compressed else ''}{available:,} are there; copy or export it again"
        )


def _read_block(file: NiftiFile, skip: int, size: int) -> bytearray:
    """Read a range of the voxels' bytes, and the rest of the file to verify its checksum."""
    block = bytearray(size)
    with convert_errors(file.path), decompressed(file.image_file) as stream:
        _skip_bytes(file, stream, file.offset + skip)
        view = memoryview(block)
        while view.nbytes:
            count = cast("Any", stream).readinto(view[:CHUNK_BYTES])
            if not count:
                raise _truncation_error(file)
            view = view[count:]
        _skip_bytes(file, stream, file.stored_bytes - skip - size)
        # Reading past the last voxel makes gzip verify its checksum; further content is ignored.
        stream.read(CHUNK_BYTES)
    return block


def _skip_bytes(file: NiftiFile, stream: BinaryIO, count: int) -> None:
    """Read and discard a number of bytes."""
    while count:
        chunk = stream.read(min(count, CHUNK_BYTES))
        if not chunk:
            raise _truncation_error(file)
        count -= len(chunk)


def _truncation_error(file: NiftiFile) -> ImageError:
    """Return the error of a file that ends before its last voxel."""
    return ImageError(
        f"{file.path}: ends before its last voxel; the file is damaged, copy or export it again"
    )


def _scaled(file: NiftiFile, stored: NDArray[Any]) -> NDArray[np.float32]:
    """Apply slope and intercept, plane by plane in double precision."""
    slope, intercept = _scaling(file)
    array = np.empty(stored.shape, np.float32, order="F")
    with np.errstate(over="ignore", invalid="ignore"):  # overflow becomes infinite and is counted
        for plane in range(stored.shape[2]):
            values = stored[:, :, plane]
            if (slope, intercept) != (1.0, 0.0):
                values = values * np.float64(slope) + np.float64(intercept)
            array[:, :, plane] = values
    return array


def _scaling(file: NiftiFile) -> tuple[float, float]:
    """Return slope and intercept of the header; 1 and 0 without scaling."""
    slope, intercept = float(file.header["scl_slope"]), float(file.header["scl_inter"])
    if slope == 0 or not math.isfinite(slope):  # means no scaling, by the NIfTI standard
        return 1.0, 0.0
    if not math.isfinite(intercept):
        raise ImageError(f"{file.path}: its header scales the voxels by {slope:g} and adds {intercept:g}; "
                         "repair scl_inter")  # fmt: skip
    return slope, intercept


def _format_gb(gigabytes: float) -> str:
    """Format a number of gigabytes."""
    return f"{gigabytes:,.0f}" if gigabytes >= 10 else f"{gigabytes:.2g}"
