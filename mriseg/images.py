"""Volumes: read a scan, check it, turn it to canonical orientation, and write arrays back on its grid."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
from nibabel.orientations import apply_orientation, inv_ornt_aff, io_orientation, ornt_transform
from nibabel.spatialimages import HeaderDataError

from mriseg.errors import ImageError, MaskError

if TYPE_CHECKING:
    from numpy.typing import NDArray

EXTENSIONS = (".nii.gz", ".nii", ".hdr", ".img")

# All that places voxels in space in a NIfTI header, and nothing else: free text may hold patient names.
_GEOMETRY = ("qform_code", "sform_code", "quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y",
             "qoffset_z", "srow_x", "srow_y", "srow_z")  # fmt: skip

_MM_PER_UNIT = {"unknown": 1.0, "mm": 1.0, "meter": 1000.0, "micron": 0.001}

_UNREADABLE = (OSError, EOFError, ValueError, zlib.error, HeaderDataError, nib.filebasedimages.ImageFileError)


@dataclass(frozen=True, eq=False)
class Volume:
    """A three-dimensional scan in canonical orientation (axes to the right, anterior, superior).

    Parameters
    ----------
    data : ndarray of float32, shape (X, Y, Z)
        Intensities; voxels that are not finite in the file hold the background value.
    affine : ndarray of float64, shape (4, 4)
        Voxel indices of `data` to world coordinates in mm.
    header : nibabel.Nifti1Header or nibabel.Nifti2Header
        The geometry of the file (shape, forms, codes, units), in the file's own orientation.
    path : Path
        Where the scan was read from.
    sha256 : str
        Digest of the file (of header and image file for a pair).
    not_finite : int
        Number of voxels that are NaN or infinite in the file.
    """

    data: NDArray[np.float32]
    affine: NDArray[np.float64]
    header: nib.Nifti1Header
    path: Path
    sha256: str
    not_finite: int = 0

    @property
    def zooms(self) -> NDArray[np.float64]:
        """Voxel size along the canonical axes, mm."""
        zooms: NDArray[np.float64] = np.linalg.norm(self.affine[:3, :3], axis=0)
        return zooms

    @property
    def voxel_ml(self) -> float:
        """Volume of one voxel, mL."""
        return abs(float(np.linalg.det(self.affine[:3, :3]))) / 1000

    def to_scan_grid(self, array: NDArray[Any]) -> NDArray[Any]:
        """Turn an array (X, Y, Z) from canonical orientation to the axes of the file."""
        file_axes = ornt_transform(io_orientation(np.eye(4)), io_orientation(self.header.get_best_affine()))
        turned: NDArray[Any] = apply_orientation(array, file_axes)
        return turned

    def to_canonical(self, array: NDArray[Any]) -> NDArray[Any]:
        """Turn an array from the axes of the file to canonical orientation (X, Y, Z)."""
        turned: NDArray[Any] = apply_orientation(array, io_orientation(self.header.get_best_affine()))
        return turned


def stem(path: Path) -> str:
    """Return the file name of a scan without its extension and without the suffix of its contrast.

    >>> stem(Path("sub-01/anat/sub-01_T1w.nii.gz"))
    'sub-01'
    """
    name = path.name
    for extension in EXTENSIONS:
        if name.lower().endswith(extension):
            name = name[: -len(extension)]
            break
    for suffix in ("_T1w", "_T2w", "_PDw", "_FLAIR"):
        name = name.removesuffix(suffix) or name
    return name


def load_volume(path: str | Path) -> Volume:
    """Read a scan from NIfTI-1, NIfTI-2 (single file or pair, compressed or not).

    Parameters
    ----------
    path : str or Path
        A file that ends in .nii, .nii.gz, .hdr or .img.

    Returns
    -------
    Volume
        In canonical orientation; trailing axes of length one are dropped.

    Raises
    ------
    ImageError
        If the file is missing, unreadable, not a single three-dimensional real image, or holds no contrast.
    """
    path = Path(path)
    image = _open(path)
    native, not_finite = _intensities(image, path)
    header = _geometry(image, native.shape)
    affine = _affine_mm(header, path)
    orientation = io_orientation(affine)
    return Volume(
        data=np.ascontiguousarray(apply_orientation(native, orientation)),
        affine=affine @ inv_ornt_aff(orientation, native.shape),
        header=header,
        path=path,
        sha256=_sha256(image),
        not_finite=not_finite,
    )


def image_intent(path: Path) -> str:
    """Return the NIfTI intent of an image, such as "label", "estimate" or "none".

    Raises
    ------
    ImageError
        If the file is missing or unreadable.
    """
    return str(_open(path).header.get_intent()[0])


def new_volume(data: NDArray[np.float32], affine: NDArray[np.floating], path: Path) -> Volume:
    """Make a volume that was not read from a file, with a plain header in mm.

    Parameters
    ----------
    data : ndarray of float32, shape (X, Y, Z)
        In canonical orientation.
    affine : ndarray of float64, shape (4, 4)
        Voxel indices to mm.
    path : Path
        Where it is going to be written.

    Returns
    -------
    Volume
    """
    header = nib.Nifti1Header()
    header.set_data_shape(data.shape)
    header.set_qform(affine, 1)
    header.set_sform(affine, 1)
    header.set_xyzt_units("mm")
    return Volume(data, affine.astype(np.float64), header, path, sha256="")


def load_mask(path: str | Path, volume: Volume) -> NDArray[np.bool_]:
    """Read a brain mask drawn on the grid of a scan; every voxel other than 0 belongs to it.

    Parameters
    ----------
    path : str or Path
        The mask's file.
    volume : Volume
        The scan that the mask must fit.

    Returns
    -------
    ndarray of bool, shape (X, Y, Z)
        In canonical orientation, as ``volume.data``.

    Raises
    ------
    ImageError
        If the file cannot be read.
    MaskError
        If its grid is not the scan's, or the mask is empty or fills the whole volume.
    """
    path = Path(path)
    image = _open(path)
    array = _array(image, path)
    scan = volume.header
    if array.shape != scan.get_data_shape():
        shapes = f"{_by(array.shape)} against {_by(scan.get_data_shape())}"
        raise MaskError(f"{path}: the mask is not on the grid of {volume.path.name} ({shapes} voxels); "
                        "resample it to the scan first")  # fmt: skip
    corners = np.array([[x, y, z, 1] for x in (0, 1) for y in (0, 1) for z in (0, 1)]).T
    corners[:3] *= np.reshape(array.shape, (3, 1))
    apart = (image.affine - scan.get_best_affine()) @ corners
    if np.abs(apart[:3]).max() > 0.1 * min(scan.get_zooms()[:3]):
        raise MaskError(f"{path}: the mask lies up to {np.abs(apart[:3]).max():.2g} mm beside the grid of "
                        f"{volume.path.name}; resample it to the scan first")  # fmt: skip
    mask = volume.to_canonical(np.nan_to_num(array) != 0)
    if not mask.any():
        raise MaskError(f"{path}: the mask is empty; give one that marks the brain with 1")
    if mask.all():
        raise MaskError(f"{path}: the mask fills the whole volume; give one that marks only the brain")
    return mask


def file_digest(path: str | Path) -> str:
    """Return the SHA-256 digest of an image, of header and image file together for a pair.

    Raises
    ------
    ImageError
        If the file is missing or no NIfTI image.
    """
    return _sha256(_open(Path(path)))


def save_array(array: NDArray[Any], volume: Volume, path: Path, *, intent: str = "none") -> None:
    """Write an array on the grid of a scan: same shape, forms, codes and units; no intensity scaling.

    Parameters
    ----------
    array : ndarray, shape of the file (not canonical)
        Written with its own dtype.
    volume : Volume
        The scan whose geometry the file takes.
    path : Path
        A name that ends in .nii.gz.
    intent : str
        NIfTI intent, for example "label" (1002) or "estimate" (1001).
    """
    header = volume.header.copy()
    header.set_data_dtype(array.dtype)
    header.set_intent(intent)
    kind: Any = nib.Nifti2Image if isinstance(header, nib.Nifti2Header) else nib.Nifti1Image
    kind(array, header.get_best_affine(), header=header).to_filename(path)


def _open(path: Path) -> nib.Nifti1Pair:
    if not path.exists():
        raise ImageError(f"{path}: no such file; check the name")
    if not path.is_file():
        raise ImageError(f"{path}: is not a file; give one NIfTI image")
    if not path.name.lower().endswith(EXTENSIONS):
        raise ImageError(
            f"{path}: is not named as a NIfTI image; give a file that ends in {', '.join(EXTENSIONS)}"
        )
    try:
        image = nib.load(path)
    except _UNREADABLE as error:
        raise ImageError(
            f"{path}: cannot be read as a NIfTI image ({_one_line(error)}); export it again"
        ) from error
    if not isinstance(image, nib.Nifti1Pair):
        raise ImageError(f"{path}: is an {type(image).__name__}, not NIfTI, so left and right are not known; "
                         "convert it to NIfTI")  # fmt: skip
    return image


def _array(image: nib.Nifti1Pair, path: Path) -> NDArray[np.float32]:
    """Read the voxels as float32, three-dimensional, in the file's orientation."""
    dtype = image.get_data_dtype()
    if dtype.kind not in "iuf":
        raise ImageError(f"{path}: holds {_kind_of(dtype)} values, not intensities; give a real-valued image")
    shape = image.shape
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    if len(shape) > 3:
        raise ImageError(
            f"{path}: holds {_by(shape)} values, a series and not one scan; extract one volume first"
        )
    if len(shape) < 3 or min(shape) < 2:
        raise ImageError(f"{path}: holds {_by(shape)} voxels; give a three-dimensional scan")
    try:
        array: NDArray[np.float32] = image.get_fdata(dtype=np.float32, caching="unchanged").reshape(shape)
    except _UNREADABLE as error:
        raise ImageError(f"{path}: its voxels cannot be read ({_one_line(error)}); the file is damaged, "
                         "copy or export it again") from error  # fmt: skip
    return array


def _intensities(image: nib.Nifti1Pair, path: Path) -> tuple[NDArray[np.float32], int]:
    """Read the voxels of a scan, fill those that are not finite, and count them."""
    array = _array(image, path)
    lowest, highest, not_finite = float(array.min()), float(array.max()), 0
    if not np.isfinite([lowest, highest]).all():
        finite = np.isfinite(array)
        not_finite = int(array.size - np.count_nonzero(finite))
        lowest = float(array.min(where=finite, initial=np.inf))
        highest = float(array.max(where=finite, initial=-np.inf))
        array[~finite] = min(lowest, 0.0)
    if not lowest < highest:
        what = "no finite value" if not_finite == array.size else f"the value {lowest:g} in every voxel"
        raise ImageError(f"{path}: holds {what}; there is nothing to segment")
    return array, not_finite


def _geometry(image: nib.Nifti1Pair, shape: tuple[int, ...]) -> nib.Nifti1Header:
    """Make a header with the geometry of an image and nothing else of it."""
    source = image.header
    header = nib.Nifti2Header() if isinstance(source, nib.Nifti2Header) else nib.Nifti1Header()
    header.set_data_shape(shape)
    for field in _GEOMETRY:
        header[field] = source[field]
    header["pixdim"][:4] = source["pixdim"][:4]
    header["xyzt_units"] = source["xyzt_units"]
    return header


def _affine_mm(header: nib.Nifti1Header, path: Path) -> NDArray[np.float64]:
    affine = np.array(header.get_best_affine(), dtype=np.float64)
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-9:
        zooms = " x ".join(f"{z:g}" for z in header.get_zooms()[:3])
        raise ImageError(
            f"{path}: its header does not place the voxels in space (zooms {zooms}); repair the header"
        )
    unit = _MM_PER_UNIT.get(header.get_xyzt_units()[0], 1.0)
    return np.asarray(np.diag([unit, unit, unit, 1.0]) @ affine)


def _sha256(image: nib.Nifti1Pair) -> str:
    digest = hashlib.sha256()
    for name in sorted({holder.filename for holder in image.file_map.values() if holder.filename}):
        digest.update(Path(name).read_bytes())
    return digest.hexdigest()


def _kind_of(dtype: np.dtype[Any]) -> str:
    return "complex" if dtype.kind == "c" else "colour" if dtype.fields else str(dtype)


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(str(n) for n in shape)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
