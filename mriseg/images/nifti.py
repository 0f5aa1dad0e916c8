"""NIfTI files: believed only after their header and their size have been held against each other."""

from __future__ import annotations

import gzip
import hashlib
import math
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import nibabel as nib
import numpy as np
from nibabel.spatialimages import HeaderDataError

from mriseg._utils.memory import segmentation_bytes, usable_memory
from mriseg.errors import ImageError
from mriseg.file_names import NIFTI_EXTENSIONS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

_HEADER_BYTES = {1: 348, 2: 540}
_MAGIC = {b"n+1\0": (1, True), b"ni1\0": (1, False), b"n+2\0": (2, True), b"ni2\0": (2, False)}
_GZIP = b"\x1f\x8b"
_MAX_INFLATED = 1032  # what one byte of a deflate stream can become at most
_CHUNK = 1 << 20
_GB = 1e9


@dataclass(frozen=True)
class NiftiFile:
    """A NIfTI image on disk, whose header has been read and whose voxels have not.

    Parameters
    ----------
    path : Path
        As it was given.
    header_file, image_file : Path
        The same file, or the halves of a pair.
    header : nibabel.Nifti1Header or nibabel.Nifti2Header
        As stored, unchecked but for what says where the voxels are.
    shape : tuple of int
        Without trailing axes of length one.
    offset : int
        Where the voxels begin in the image file, once inflated.
    """

    path: Path
    header_file: Path
    image_file: Path
    header: nib.Nifti1Header
    shape: tuple[int, ...]
    offset: int

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the voxels as stored."""
        return cast("np.dtype[Any]", self.header.get_data_dtype())

    @property
    def stored_bytes(self) -> int:
        """How much the header promises, in all volumes."""
        return math.prod(self.shape) * self.dtype.itemsize

    def sha256(self) -> str:
        """Return the digest of the file; of a pair, of the header file and then the image file."""
        digest = hashlib.sha256()
        for file in dict.fromkeys((self.header_file, self.image_file)):
            with _reading(self.path), file.open("rb") as stream:
                while chunk := stream.read(_CHUNK):
                    digest.update(chunk)
        return digest.hexdigest()


def open_nifti(path: Path) -> NiftiFile:
    """Read the header of a NIfTI-1 or NIfTI-2 image: a single file or a pair, compressed or not.

    Parameters
    ----------
    path : Path
        Either half of a pair will do.

    Returns
    -------
    NiftiFile

    Raises
    ------
    ImageError
        If there is no such file, or it does not begin like one.
    """
    _check_name(path)
    header_file, image_file = _files(path)
    with _reading(path), _inflated(header_file) as stream:
        start = stream.read(_HEADER_BYTES[2])
    if not start:
        raise ImageError(f"{path}: is empty; copy or export it again")
    magic = start[4:8] if start[4:8] in (b"n+2\0", b"ni2\0") else start[344:348]
    if magic not in _MAGIC:
        raise ImageError(f"{path}: {_not_nifti(path, start)}")
    kind, single = _MAGIC[magic]
    if single != (header_file == image_file):
        what = "a single file" if single else "half of a pair (.hdr and .img)"
        raise ImageError(f"{path}: its header says that it is {what}; name it so, or export it again")
    header = _parse(path, start, kind)
    shape, offset = _shape(path, header), float(header["vox_offset"])
    least = _HEADER_BYTES[kind] if single else 0
    if not (least <= offset < 1 << 62 and offset == int(offset)):
        raise ImageError(f"{path}: its header puts the voxels at byte {offset:g}; export it again")
    return NiftiFile(path, header_file, image_file, header, shape, int(offset))


def read_voxels(file: NiftiFile, volume: int | None = None, max_memory: float | None = None) -> NDArray[Any]:
    """Read the voxels of a three-dimensional image, or one volume of a series, as float32.

    Parameters
    ----------
    file : NiftiFile
    volume : int, optional
        Which volume of a series, from 0.
    max_memory : float, optional
        GB that the whole work may take; what the system has left if not given.

    Returns
    -------
    ndarray of float32, shape (X, Y, Z)
        Scaled as the header says, in the axes of the file; what is not finite is left so.

    Raises
    ------
    ImageError
        If the voxels are not real numbers in three dimensions, would take too much memory, or are not all
        there.
    """
    _check_real(file)
    shape, index = _chosen(file, volume)
    size = math.prod(shape) * file.dtype.itemsize
    _check_memory(file, math.prod(shape), max_memory)
    _check_size(file)
    stored = np.ndarray(shape, file.dtype, _read_block(file, index * size, size), order="F")
    return _scaled(file, stored)


def _check_name(path: Path) -> None:
    try:
        exists, is_file = path.exists(), path.is_file()
    except (OSError, ValueError) as error:  # such as a name that is too long, or that holds a zero byte
        raise ImageError(f"{path}: is no file name ({_one_line(error)}); check it") from error
    if not exists:
        raise ImageError(f"{path}: no such file; check the name")
    if not is_file:
        raise ImageError(f"{path}: is not a file; give one NIfTI image")
    if not path.name.lower().endswith(NIFTI_EXTENSIONS):
        raise ImageError(
            f"{path}: is not named as a NIfTI image; give a file that ends in {', '.join(NIFTI_EXTENSIONS)}"
        )


def _files(path: Path) -> tuple[Path, Path]:
    """Find the files that hold the header and the voxels."""
    name = path.name.lower().removesuffix(".gz")
    if name.endswith(".nii"):
        return path, path
    base = path.name[: len(name) - len(".hdr")]
    endings = (".hdr", ".img") if path.name[len(base) :].islower() else (".HDR", ".IMG")
    found = []
    for ending in endings:
        same = path if name.endswith(ending.lower()) else None
        candidates = [same] if same else [path.with_name(base + ending + gz) for gz in ("", ".gz", ".GZ")]
        existing = [candidate for candidate in candidates if candidate.is_file()]
        if not existing:
            raise ImageError(f"{path}: {base}{ending}, its other half, is not beside it; copy both files")
        found.append(existing[0])
    return found[0], found[1]


def _not_nifti(path: Path, start: bytes) -> str:
    size = start[:4]
    analyze = _HEADER_BYTES[1] in (int.from_bytes(size, "little"), int.from_bytes(size, "big"))
    if analyze and not path.name.lower().removesuffix(".gz").endswith(".nii"):
        return "is an Analyze image, not NIfTI, so left and right are not known; convert it to NIfTI"
    return "cannot be read as a NIfTI image (it does not begin as one); export it again"


def _parse(path: Path, start: bytes, kind: int) -> nib.Nifti1Header:
    block = start[: _HEADER_BYTES[kind]]
    header_class: Any = nib.Nifti2Header if kind == 2 else nib.Nifti1Header
    try:
        header: nib.Nifti1Header = header_class(block, check=False)
        header.get_data_dtype()
    except (HeaderDataError, nib.wrapstruct.WrapStructError, KeyError, ValueError) as error:
        raise ImageError(
            f"{path}: cannot be read as a NIfTI image ({_one_line(error)}); export it again"
        ) from error
    return header


def _shape(path: Path, header: nib.Nifti1Header) -> tuple[int, ...]:
    count = int(header["dim"][0])
    shape = tuple(int(n) for n in header["dim"][1 : count + 1])
    if not 1 <= count <= 7 or min(shape) < 1:
        raise ImageError(f"{path}: its header gives no size in voxels ({_by(shape)}); export it again")
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    return shape


def _check_real(file: NiftiFile) -> None:
    kind = file.dtype
    if kind.kind not in "iuf" or kind.itemsize == 0:
        what = "complex" if kind.kind == "c" else "colour" if kind.fields else str(kind)
        raise ImageError(f"{file.path}: holds {what} values, not intensities; give a real-valued image")


def _chosen(file: NiftiFile, volume: int | None) -> tuple[tuple[int, ...], int]:
    """Return the shape of the volume to read, and how many come before it."""
    path, shape = file.path, file.shape
    if len(shape) < 3 or min(shape[:3]) < 2:
        raise ImageError(f"{path}: holds {_by(shape)} voxels; give a three-dimensional scan")
    if len(shape) > 4:
        raise ImageError(f"{path}: holds {_by(shape)} values, more than a series; extract one volume first")
    count = shape[3] if len(shape) == 4 else 1
    if count > 1 and volume is None:
        raise ImageError(
            f"{path}: holds {_by(shape)} values, a series of {count} volumes and not one scan; "
            f"choose one with --volume 0 to --volume {count - 1}"
        )
    index = volume or 0
    if not 0 <= index < count:
        raise ImageError(f"{path}: has no volume {index}; it holds {count}, and the first is volume 0")
    return shape[:3], index


def _check_memory(file: NiftiFile, voxels: int, max_memory: float | None) -> None:
    need = segmentation_bytes(voxels) / _GB
    limit = usable_memory() / _GB if max_memory is None else max_memory
    if need > limit:
        raise ImageError(
            f"{file.path}: holds {_by(file.shape)} voxels of {file.dtype.name}, which take about "
            f"{_figure(need)} GB of memory, and {_figure(limit)} GB may be used; crop or resample it, "
            "or give --max-memory"
        )


def _check_size(file: NiftiFile) -> None:
    """Refuse a file that cannot hold what its header promises, before room is made for it."""
    with _reading(file.path), file.image_file.open("rb") as stream:
        compressed = stream.read(2) == _GZIP
        size = stream.seek(0, 2)
    held, promised = size * (_MAX_INFLATED if compressed else 1), file.offset + file.stored_bytes
    if held < promised:
        raise ImageError(
            f"{file.path}: the file is damaged, or its header is: {promised:,} bytes are promised and "
            f"{'at most ' if compressed else ''}{held:,} are there; copy or export it again"
        )


def _read_block(file: NiftiFile, skip: int, size: int) -> bytearray:
    """Read some bytes of the voxels, and on to the end of the promise, where a checksum may stand."""
    block = bytearray(size)
    with _reading(file.path), _inflated(file.image_file) as stream:
        _discard(file, stream, file.offset + skip)
        view = memoryview(block)
        while view.nbytes:
            count = cast("Any", stream).readinto(view[:_CHUNK])
            if not count:
                raise _damaged(file)
            view = view[count:]
        _discard(file, stream, file.stored_bytes - skip - size)
        # Reading past the last voxel makes gzip compare its checksum. What else may follow is not looked at.
        stream.read(_CHUNK)
    return block


def _discard(file: NiftiFile, stream: BinaryIO, count: int) -> None:
    while count:
        chunk = stream.read(min(count, _CHUNK))
        if not chunk:
            raise _damaged(file)
        count -= len(chunk)


def _damaged(file: NiftiFile) -> ImageError:
    return ImageError(
        f"{file.path}: ends before its last voxel; the file is damaged, copy or export it again"
    )


def _scaled(file: NiftiFile, stored: NDArray[Any]) -> NDArray[np.float32]:
    """Apply slope and intercept, plane by plane in double precision."""
    slope, intercept = _slope(file)
    array = np.empty(stored.shape, np.float32, order="F")
    with np.errstate(over="ignore", invalid="ignore"):  # what does not fit becomes infinite and is counted
        for plane in range(stored.shape[2]):
            values = stored[:, :, plane]
            if (slope, intercept) != (1.0, 0.0):
                values = values * np.float64(slope) + np.float64(intercept)
            array[:, :, plane] = values
    return array


def _slope(file: NiftiFile) -> tuple[float, float]:
    slope, intercept = float(file.header["scl_slope"]), float(file.header["scl_inter"])
    if slope == 0 or not math.isfinite(slope):  # the standard's way to say that there is no scaling
        return 1.0, 0.0
    if not math.isfinite(intercept):
        raise ImageError(f"{file.path}: its header scales the voxels by {slope:g} and adds {intercept:g}; "
                         "repair scl_inter")  # fmt: skip
    return slope, intercept


@contextmanager
def _inflated(file: Path) -> Iterator[BinaryIO]:
    """Open a file, through gzip if it is compressed, whatever it is called."""
    with file.open("rb") as stream:
        compressed = stream.read(2) == _GZIP
        at_least = stream.seek(0, 2)
        stream.seek(0)
        if not compressed and at_least and file.name.lower().endswith(".gz"):
            raise ImageError(
                f"{file}: is not compressed although its name ends in .gz; rename or copy it again"
            )
        yield cast("BinaryIO", gzip.GzipFile(fileobj=stream)) if compressed else stream


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Say in one line what the system, or gzip, has against a file."""
    try:
        yield
    except (OSError, EOFError, zlib.error) as error:
        ours = getattr(error, "errno", None) is None  # gzip's complaints carry no number, the system's do
        advice = "the file is damaged, copy or export it again" if ours else "check that you may read it"
        raise ImageError(f"{path}: cannot be read ({_one_line(error)}); {advice}") from error
    except MemoryError as error:
        raise ImageError(f"{path}: does not fit into memory; crop or resample it") from error


def _figure(gigabytes: float) -> str:
    return f"{gigabytes:,.0f}" if gigabytes >= 10 else f"{gigabytes:.2g}"


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(str(n) for n in shape)


def _one_line(error: BaseException) -> str:
    reason = getattr(error, "strerror", None) or str(error)
    return " ".join(str(reason).split()) or type(error).__name__
