"""NIfTI files: names, pairs of files, headers and compressed streams."""

from __future__ import annotations

import gzip
import hashlib
import math
import zlib
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import nibabel as nib
from nibabel.spatialimages import HeaderDataError, SpatialImage

from mriseg._utils.access import is_closed, not_readable
from mriseg._utils.object_storage import url_of
from mriseg.errors import ImageError
from mriseg.file_names import FREESURFER_EXTENSIONS, IMAGE_EXTENSIONS
from mriseg.images.sources import freesurfer_bytes, nifti_bytes, path_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np


# Size of the header by version of NIfTI, bytes.
_HEADER_BYTES = {1: 348, 2: 540}
# Magic strings: version, and whether header and voxels are in a single file.
_MAGIC = {b"n+1\0": (1, True), b"ni1\0": (1, False), b"n+2\0": (2, True), b"ni2\0": (2, False)}
GZIP_MAGIC = b"\x1f\x8b"
# How the files begin, or what the links hold, that stand for images that were not downloaded.
_LFS = b"version https://git-lfs"
_ANNEX = b"annex/objects/"
_PLACEHOLDER_BYTES = 1024
# Bytes read at a time.
CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class NiftiFile:
    """A NIfTI image on disk with its parsed header; see `mriseg.images.nifti_voxels.read_voxels`.

    Parameters
    ----------
    path : Path
        As given.
    header_file, image_file : Path or bytes
        The same file, or the halves of a pair; or its content, if the image is in memory or of another
        format.
    header : nibabel.Nifti1Header or nibabel.Nifti2Header
        As stored; only the position of the voxels in the file is validated.
    shape : tuple of int
        Without trailing axes of length one.
    offset : int
        Position of the voxels in the uncompressed image file, bytes.
    converted_from : Path, optional
        The file of another format.
    """

    path: Path
    header_file: Path | bytes
    image_file: Path | bytes
    header: nib.Nifti1Header
    shape: tuple[int, ...]
    offset: int
    converted_from: Path | None = None

    @property
    def dtype(self) -> np.dtype[Any]:
        """Data type of the voxels as stored."""
        return cast("np.dtype[Any]", self.header.get_data_dtype())

    @property
    def stored_bytes(self) -> int:
        """Size of all volumes according to the header, bytes."""
        return math.prod(self.shape) * self.dtype.itemsize

    def sha256(self) -> str:
        """Return the digest of the file; of a pair, of the header file and then the image file."""
        digest = hashlib.sha256()
        files = (self.header_file, self.image_file) if self.converted_from is None else (self.converted_from,)
        for file in dict.fromkeys(files):
            with convert_errors(self.path), opened(file) as stream:
                while chunk := stream.read(CHUNK_BYTES):
                    digest.update(chunk)
        return digest.hexdigest()


def open_nifti(source: Path | SpatialImage) -> NiftiFile:
    """Read the header of a NIfTI-1 or NIfTI-2 image: a single file or a pair, compressed or not.

    Parameters
    ----------
    source : Path or nibabel image
        A single file, either half of a pair, a file of FreeSurfer (.mgz, .mgh), or an image in memory.

    Returns
    -------
    NiftiFile

    Raises
    ------
    ImageError
        If the file is missing, or has no NIfTI header.
    """
    if isinstance(source, SpatialImage):
        path = path_of(source)
        content = nifti_bytes(source, path)
        return _opened(path, content, content)
    _check_name(source)
    if source.name.lower().endswith(FREESURFER_EXTENSIONS):
        content = freesurfer_bytes(source)
        return replace(_opened(source, content, content), converted_from=source)
    return _opened(source, *_files(source))


def _opened(path: Path, header_file: Path | bytes, image_file: Path | bytes) -> NiftiFile:
    """Parse the header of a file, a pair, or the content of a file."""
    with convert_errors(path), decompressed(header_file) as stream:
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
    min_offset = _HEADER_BYTES[kind] if single else 0
    if not (min_offset <= offset < 1 << 62 and offset == int(offset)):
        raise ImageError(f"{path}: its header puts the voxels at byte {offset:g}; export it again")
    return NiftiFile(path, header_file, image_file, header, shape, int(offset))


def _absent(path: Path) -> str:
    """Say why there is no file at a path."""
    if path.is_symlink():
        return f"{path}: {_linked(path)}"
    if url := url_of(path):
        return f"{url}: is a URL, which only the command mriseg segment takes; fetch the file before"
    return f"{path}: no such file; check the name"


def _check_name(path: Path) -> None:
    """Raise ImageError unless a path names an existing file with the extension of an image."""
    try:
        exists, is_file = path.exists(), path.is_file()
    except PermissionError as error:
        raise ImageError(not_readable(path, error.strerror)) from error
    except (OSError, ValueError) as error:  # such as a name that is too long, or that holds a zero byte
        raise ImageError(f"{path}: is no file name ({_one_line(error)}); check it") from error
    if not exists:
        raise ImageError(_absent(path))
    if is_closed(path):
        raise ImageError(not_readable(path))
    if not is_file:
        raise ImageError(
            f"{path}: is a folder; give one NIfTI image (mriseg batch takes folders, dcm2niix converts DICOM)"
        )
    if not path.name.lower().endswith(IMAGE_EXTENSIONS):
        known = ", ".join(IMAGE_EXTENSIONS)
        advice = "convert DICOM and other formats to NIfTI by dcm2niix or mri_convert"
        raise ImageError(
            f"{path}: is not named as a NIfTI image; give a file that ends in {known}, or {advice}"
        )


def _files(path: Path) -> tuple[Path, Path]:
    """Return the files of the header and of the voxels."""
    name = path.name.lower().removesuffix(".gz")
    if name.endswith(".nii"):
        return path, path
    base = path.name[: len(name) - len(".hdr")]
    endings = (".hdr", ".img") if path.name[len(base) :].islower() else (".HDR", ".IMG")
    files = []
    for ending in endings:
        same = path if name.endswith(ending.lower()) else None
        candidates = [same] if same else [path.with_name(base + ending + gz) for gz in ("", ".gz", ".GZ")]
        existing = [candidate for candidate in candidates if candidate.is_file()]
        if not existing:
            raise ImageError(f"{path}: {base}{ending}, its other half, is not beside it; copy both files")
        files.append(existing[0])
    return files[0], files[1]


def _linked(path: Path) -> str:
    """Explain a link to a file that is not there."""
    target = str(path.readlink())
    if _ANNEX.decode() in target:
        return f"is not downloaded (a link of git-annex); run: datalad get {path.name}"
    return f"is a link to {target}, which is not there; copy the file itself"


def _placeholder(start: bytes) -> str | None:
    """Explain a small text file that stands for an image, from its first bytes; None if it is none."""
    text = start.lstrip()
    if text.startswith(_LFS):
        return "is not downloaded (a pointer of Git LFS); run: git lfs pull"
    if text.startswith(b"/") and _ANNEX in text:
        return "is not downloaded (a pointer of git-annex); run: datalad get, or git annex get"
    if text[:64].lower().startswith((b"<!doctype", b"<html", b"<?xml")):
        return "is a web page, not an image; download the file itself"
    return None


def _not_nifti(path: Path, start: bytes) -> str:
    """Explain why the start of a file is not that of a NIfTI image."""
    if placeholder := _placeholder(start):
        return placeholder
    size = start[:4]
    analyze = _HEADER_BYTES[1] in (int.from_bytes(size, "little"), int.from_bytes(size, "big"))
    if analyze and not path.name.lower().removesuffix(".gz").endswith(".nii"):
        return "is an Analyze image, not NIfTI, so left and right are not known; convert its source to NIfTI"
    return "cannot be read as a NIfTI image (it does not begin as one); export it anew, DICOM by dcm2niix"


def _parse(path: Path, start: bytes, kind: int) -> nib.Nifti1Header:
    """Parse the bytes of a header of a NIfTI version."""
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
    """Return the shape in a header, without trailing axes of length one."""
    count = int(header["dim"][0])
    shape = tuple(int(n) for n in header["dim"][1 : count + 1])
    if not 1 <= count <= 7 or min(shape) < 1:
        raise ImageError(
            f"{path}: its header gives no size in voxels ({format_shape(shape)}); export it again"
        )
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    return shape


def opened(file: Path | bytes) -> BinaryIO:
    """Open a file, or the content of one, for reading."""
    return BytesIO(file) if isinstance(file, bytes) else file.open("rb")


@contextmanager
def decompressed(file: Path | bytes) -> Iterator[BinaryIO]:
    """Open a file, decompressed if its content is gzip, by whatever name."""
    with opened(file) as stream:
        start = stream.read(_PLACEHOLDER_BYTES)
        compressed = start.startswith(GZIP_MAGIC)
        size = stream.seek(0, 2)
        stream.seek(0)
        if isinstance(file, Path) and not compressed and size and file.name.lower().endswith(".gz"):
            named = "is not compressed although its name ends in .gz; rename or copy it again"
            raise ImageError(f"{file}: {_placeholder(start) or named}")
        yield cast("BinaryIO", gzip.GzipFile(fileobj=stream)) if compressed else stream


@contextmanager
def convert_errors(path: Path) -> Iterator[None]:
    """Convert errors of the operating system and of gzip to ImageError with a message of one line."""
    try:
        yield
    except (OSError, EOFError, zlib.error) as error:
        damaged = getattr(error, "errno", None) is None  # errors of gzip have no errno
        advice = "the file is damaged, copy or export it again" if damaged else "check that you may read it"
        raise ImageError(f"{path}: cannot be read ({_one_line(error)}); {advice}") from error
    except MemoryError as error:
        raise ImageError(f"{path}: does not fit into memory; crop or resample it") from error


def format_shape(shape: tuple[int, ...]) -> str:
    """Format a shape for messages.

    >>> format_shape((256, 256, 128))
    '256 x 256 x 128'
    """
    return " x ".join(str(n) for n in shape)


def _one_line(error: BaseException) -> str:
    """Format an error as one line."""
    reason = getattr(error, "strerror", None) or str(error)
    return " ".join(str(reason).split()) or type(error).__name__
