"""The volume: an array in canonical orientation with the geometry of its file."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
from nibabel.orientations import apply_orientation, io_orientation, ornt_transform

from mriseg.errors import ImageError
from mriseg.images.constants import MAX_GRID_SHIFT
from mriseg.images.orientation import max_corner_distance
from mriseg.images.voxels import voxels_of

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from mriseg.qc import QCWarning

NiftiImage = nib.Nifti1Image  # or its subclass Nifti2Image

# Intensity: deviation from a whole number that scale factors in headers cause by rounding.
_ROUNDING = 0.01


@dataclass(frozen=True, eq=False, repr=False)
class Volume:
    """A three-dimensional scan in canonical orientation (axes to the right, anterior, superior).

    Parameters
    ----------
    data : ndarray of float32, shape (X, Y, Z)
        Intensities; voxels that are not finite in the file (or beyond 1e15) hold the background value.
    canonical_affine : ndarray of float64, shape (4, 4)
        Voxel indices of `data` to world coordinates in mm. Arrays on the grid of the file, such as those of
        results, have another order of the axes: `image_of` places them.
    header : nibabel.Nifti1Header or nibabel.Nifti2Header
        The geometry of the file (shape, forms, codes, units), in the file's own orientation.
    path : Path
        File of the scan.
    sha256 : str
        Digest of the file (of header and image file for a pair).
    not_finite : int
        Number of voxels that are NaN, infinite or beyond 1e15 in the file.
    reading : dict
        Interpretation of the file: the form that gave the affine, the units, the index in a series, the voxel
        sizes given in place of the header's.
    warnings : tuple of QCWarning
        Warnings about the file, for the user.
    """

    data: NDArray[np.float32]
    canonical_affine: NDArray[np.float64]
    header: nib.Nifti1Header
    path: Path
    sha256: str
    not_finite: int = 0
    reading: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[QCWarning, ...] = ()

    @property
    def zooms(self) -> NDArray[np.float64]:
        """Voxel size along the canonical axes, mm."""
        zooms: NDArray[np.float64] = np.linalg.norm(self.canonical_affine[:3, :3], axis=0)
        return zooms

    @property
    def voxel_ml(self) -> float:
        """Volume of one voxel, mL."""
        return abs(float(np.linalg.det(self.canonical_affine[:3, :3]))) / 1000

    def __repr__(self) -> str:
        size, zooms = (" x ".join(f"{x:.4g}" for x in of) for of in (self.data.shape, self.zooms))
        return f"<Volume of {self.path.name}: {size} voxels of {zooms} mm>"

    def to_scan_grid(self, array: NDArray[Any]) -> NDArray[Any]:
        """Reorient an array (X, Y, Z) from canonical orientation to the axes of the file."""
        file_axes = ornt_transform(io_orientation(np.eye(4)), io_orientation(self.header.get_best_affine()))
        reoriented: NDArray[Any] = apply_orientation(array, file_axes)
        return reoriented

    def to_canonical(self, array: NDArray[Any]) -> NDArray[Any]:
        """Reorient an array from the axes of the file to canonical orientation (X, Y, Z)."""
        file_axes = io_orientation(self.header.get_best_affine())
        reoriented: NDArray[Any] = apply_orientation(array, file_axes)
        return reoriented

    def image_of(self, array: NDArray[Any], intent: str = "none") -> NiftiImage:
        """Return an array as an image on the grid of the scan's file: same shape, forms, codes and units.

        Parameters
        ----------
        array : ndarray, shape of the file (not canonical)
            Kept in its own dtype, unscaled.
        intent : str
            NIfTI intent, for example "label" (1002) or "estimate" (1001).

        Returns
        -------
        nibabel.Nifti1Image
            A Nifti2Image if the scan is one.
        """
        header = self.header.copy()
        header.set_data_dtype(array.dtype)
        header.set_intent(intent)
        kind: Any = nib.Nifti2Image if isinstance(header, nib.Nifti2Header) else nib.Nifti1Image
        image: NiftiImage = kind(array, header.get_best_affine(), header=header)
        image.update_header()
        return image

    def subsampled(self, spacing: float) -> tuple[Volume, tuple[slice, ...]]:
        """Subsample the volume to about a spacing in mm.

        Parameters
        ----------
        spacing : float
            In mm.

        Returns
        -------
        volume : Volume
            Every so-manieth voxel along each axis.
        steps : tuple of slice
            Index that subsamples other arrays (X, Y, Z) in the same way.
        """
        steps = voxels_of(spacing, self.zooms)
        index = tuple(slice(None, None, step) for step in steps)
        affine = self.canonical_affine @ np.diag([*steps, 1.0])
        return replace(self, data=self.data[index], canonical_affine=affine), index


def whole_numbers(volume: Volume) -> NDArray[np.float32]:
    """Return the whole numbers that a label map holds.

    Parameters
    ----------
    volume : Volume
        A label map.

    Returns
    -------
    ndarray of float32, shape (X, Y, Z)

    Raises
    ------
    ImageError
        If a value is no whole number but for rounding by scale factors in the header.
    """
    whole: NDArray[np.float32] = np.rint(volume.data)
    if np.abs(whole - volume.data).max() > _ROUNDING:
        raise ImageError(f"{volume.path}: holds values that are no whole numbers; give a label map")
    return whole


def same_grid(first: Volume, second: Volume) -> bool:
    """Return whether two volumes have the same grid, to a tenth of a voxel at every corner."""
    if first.data.shape != second.data.shape:
        return False
    distance = max_corner_distance(first.canonical_affine, second.canonical_affine, first.data.shape)
    return bool(distance <= MAX_GRID_SHIFT * first.zooms.min())


def new_volume(data: NDArray[np.float32], affine: NDArray[np.floating], path: Path) -> Volume:
    """Create a volume that was not read from a file, with a minimal header in mm.

    Parameters
    ----------
    data : ndarray of float32, shape (X, Y, Z)
        In canonical orientation.
    affine : ndarray of float64, shape (4, 4)
        Voxel indices to mm.
    path : Path
        Where it will be written.

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
