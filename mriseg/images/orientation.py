"""Affine of a NIfTI header: from sform, qform or voxel sizes, in mm, with checks of their consistency."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import nibabel as nib
import numpy as np
from nibabel.spatialimages import HeaderDataError

from mriseg.errors import ImageError
from mriseg.images.constants import (
    MAX_COORDINATE,
    MAX_FORM_SHIFT,
    MAX_SHEAR,
    MIN_VOXEL_VOLUME_RATIO,
    PLAUSIBLE_ZOOMS_MM,
    ZOOM_TOLERANCE,
)
from mriseg.qc import QCWarning, look_closely

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Zooms = tuple[float, float, float]

# Fields of a NIfTI header that place voxels in space, beside the voxel sizes.
_FORMS = ("qform_code", "sform_code", "quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y",
          "qoffset_z", "srow_x", "srow_y", "srow_z")  # fmt: skip
# Free text, which may name the patient.
_TEXT = ("descrip", "aux_file", "db_name")

# NIfTI codes of units of length: name, and length in mm.
_UNITS = {0: ("unknown, taken as mm", 1.0), 1: ("m", 1000.0), 2: ("mm", 1.0), 3: ("µm", 0.001)}
# Bits of the field xyzt_units.
_SPACE_BITS = 0b111
_TIME_BITS = 0b111000
# Codes of forms that the NIfTI standard defines.
_KNOWN_CODES = range(6)
_SIZES_ALONE = "voxel sizes alone"
# What to do about wrong voxel sizes: of a scan, and of a map, which no command takes them for.
_GIVE_ZOOMS, _REPAIR = "give their size in mm with --zooms X Y Z", "repair the header"
_NO_FORM = (
    "neither its sform nor its qform places the voxels: voxel sizes alone were used, "
    "so left and right may be swapped, which leaves volumes as they are; check the sides"
)


@dataclass(frozen=True)
class Placement:
    """Placement of the voxels of a file in the world.

    Parameters
    ----------
    header : nibabel.Nifti1Header or nibabel.Nifti2Header
        The geometry of the file (shape, forms, codes, units), corrected where it violates the standard.
    affine : ndarray of float64, shape (4, 4)
        Voxel indices, in the axes of the file, to world coordinates in mm.
    form : str
        Source of the affine: "sform", "qform", or "voxel sizes alone".
    units : str
        Of the header's coordinates.
    warnings : tuple of QCWarning
        Warnings about inconsistencies, for the user.
    """

    header: nib.Nifti1Header
    affine: NDArray[np.float64]
    form: str
    units: str
    warnings: tuple[QCWarning, ...] = ()


def voxel_placement(
    stored: nib.Nifti1Header,
    shape: tuple[int, ...],
    path: Path,
    zooms: Zooms | None = None,
    *,
    keep_text: bool = False,
    is_map: bool = False,
) -> Placement:
    """Determine the placement of the voxels of a file.

    Parameters
    ----------
    stored : nibabel.Nifti1Header or nibabel.Nifti2Header
        As read, unchecked.
    shape : tuple of int
        Of the image, (X, Y, Z).
    path : Path
        For messages.
    zooms : tuple of float, optional
        Edges of a voxel in mm along the axes of the file, in place of those of the header.
    keep_text : bool
        Keep the header's free text.
    is_map : bool
        Whether it is no scan, whose voxel size a command takes as an option.

    Returns
    -------
    Placement

    Raises
    ------
    ImageError
        If the header gives no valid affine, or voxels of an implausible size.
    """
    header = _geometry_of(stored, shape, keep_text=keep_text)
    advice = _REPAIR if is_map else _GIVE_ZOOMS
    _check_sizes(header, path, zooms, advice)
    form = _form(header)
    sform, qform = _affine(header.get_sform), _affine(header.get_qform)
    affine = {"sform": sform, "qform": qform}[form] if form != _SIZES_ALONE else header.get_base_affine()
    _check_spans(affine, header, path)
    units, unit = _UNITS[int(header["xyzt_units"]) & _SPACE_BITS]
    affine = np.diag([unit, unit, unit, 1.0]) @ affine
    warnings = [*_warnings(header, form, sform, qform, shape)]
    if (stored["pixdim"][1:4] < 0).any():
        negative = (
            "its header gives negative voxel sizes, where they should be positive; their magnitudes were "
            "taken: left and right may be interchanged, volumes are not; check the sides"
        )
        warnings.append(look_closely("header-negative-zooms", negative))
    if int(header["qform_code"]) and not np.isfinite(qform).all():
        header["qform_code"] = 0
    if zooms is not None:
        affine = affine @ np.diag([*(np.array(zooms) / np.linalg.norm(affine[:3, :3], axis=0)), 1.0])
        _write(header, affine)
        units = "mm"
    _check_plausible(affine, path, advice)
    return Placement(header, affine, form, units, tuple(warnings))


def _geometry_of(stored: nib.Nifti1Header, shape: tuple[int, ...], *, keep_text: bool) -> nib.Nifti1Header:
    """Return a header with the geometry of another alone, corrected where it violates the standard."""
    header = nib.Nifti2Header() if isinstance(stored, nib.Nifti2Header) else nib.Nifti1Header()
    header.set_data_shape(shape)
    for name in (*_FORMS, *(_TEXT if keep_text else ())):
        if name in header.keys():  # noqa: SIM118 - a header is no dict; NIfTI-2 has no db_name
            header[name] = stored[name]
    for code in ("qform_code", "sform_code"):
        if int(header[code]) not in _KNOWN_CODES:
            header[code] = 0
    header["pixdim"][0] = -1 if stored["pixdim"][0] < 0 else 1
    header["pixdim"][1:4] = np.abs(stored["pixdim"][1:4])
    units = int(stored["xyzt_units"])
    header["xyzt_units"] = (units & _TIME_BITS) | (
        units & _SPACE_BITS if units & _SPACE_BITS in _UNITS else 0
    )
    return header


def _check_sizes(header: nib.Nifti1Header, path: Path, zooms: Zooms | None, advice: str) -> None:
    """Raise ImageError if a header has invalid voxel sizes; replace them by given ones."""
    sizes = header["pixdim"][1:4]
    if ((sizes > 0) & (sizes < MAX_COORDINATE)).all():
        return
    if zooms is None:
        raise ImageError(f"{path}: its header gives no voxel sizes ({_join(sizes)}); {advice}")
    header["pixdim"][1:4] = zooms


def _form(header: nib.Nifti1Header) -> str:
    """Return which form of a header gives the affine: sform before qform before voxel sizes."""
    if int(header["sform_code"]):
        return "sform"
    return "qform" if int(header["qform_code"]) else _SIZES_ALONE


def _affine(form: object) -> NDArray[np.float64]:
    """Compute a form; NaN where it is invalid."""
    try:
        with np.errstate(all="ignore"):
            return np.array(form(), dtype=np.float64)  # type: ignore[operator]
    except (HeaderDataError, ValueError):
        return np.full((4, 4), np.nan)


def _check_spans(affine: NDArray[np.float64], header: nib.Nifti1Header, path: Path) -> None:
    """Raise ImageError if the axes of an affine are not finite or linearly dependent."""
    with np.errstate(all="ignore"):
        edges = np.linalg.norm(affine[:3, :3], axis=0)
        near = (np.abs(affine) < MAX_COORDINATE).all() and edges.all()
        span = abs(np.linalg.det(affine[:3, :3] / edges)) if near else 0.0
    if not span > MIN_VOXEL_VOLUME_RATIO:
        raise ImageError(
            f"{path}: its header does not place the voxels in space (zooms {_join(header['pixdim'][1:4])}, "
            f"the {_form(header)} flat or not finite); repair the header"
        )


def _check_plausible(affine: NDArray[np.float64], path: Path, advice: str) -> None:
    """Raise ImageError if the edges of a voxel are implausible, mm."""
    edges = np.linalg.norm(affine[:3, :3], axis=0)
    if edges.min() < PLAUSIBLE_ZOOMS_MM[0] or edges.max() > PLAUSIBLE_ZOOMS_MM[1]:
        raise ImageError(f"{path}: its header makes voxels of {_join(edges)} mm; {advice}")


def _warnings(
    header: nib.Nifti1Header,
    form: str,
    sform: NDArray[np.float64],
    qform: NDArray[np.float64],
    shape: tuple[int, ...],
) -> list[QCWarning]:
    """Return warnings about inconsistent forms, with the one that was used."""
    if form == _SIZES_ALONE:
        return [look_closely("header-no-form", _NO_FORM)]
    used, sizes = (sform if form == "sform" else qform), header["pixdim"][1:4]
    warnings: list[QCWarning] = []
    edges = np.linalg.norm(used[:3, :3], axis=0)
    cosines = (used[:3, :3] / edges).T @ (used[:3, :3] / edges) - np.eye(3)
    if np.abs(cosines).max() > MAX_SHEAR:
        angle = np.degrees(np.arcsin(np.abs(cosines).max()))
        sheared = (
            f"its {form}, which was used, is sheared by {angle:.0f} degrees, where axes are usually "
            "perpendicular; shapes are distorted, and volumes off if it is wrong: see that the head is not "
            "skewed"
        )
        warnings.append(look_closely("header-sheared", sheared))
    comparable = form == "sform" and int(header["qform_code"]) > 0
    distance = max_corner_distance(sform, qform, shape) if comparable else 0.0
    if not distance <= MAX_FORM_SHIFT * edges.min():
        where = f"up to {distance:.3g} {_unit(header)} apart" if np.isfinite(distance) else "differently"
        differing = f"its sform and its qform place the voxels {where}; the sform was used"
        differing += "; sides and volumes are wrong if it is: check them, or repair the header"
        warnings.append(look_closely("header-forms-differ", differing))
    elif form == "sform" and not np.allclose(sizes, edges, rtol=ZOOM_TOLERANCE):
        differ = (
            f"its voxel sizes are {_join(sizes)} but its sform makes them {_join(edges)}; the sform "
            "was used, and volumes are off if it is wrong: check the size of the head, or give --zooms"
        )
        warnings.append(look_closely("header-zooms-differ", differ))
    return warnings


def max_corner_distance(
    first: NDArray[np.float64], second: NDArray[np.float64], shape: tuple[int, ...]
) -> float:
    """Return the largest distance of the corners of a volume under two affines, in their units."""
    corners = np.array([[x, y, z, 1] for x in (0, 1) for y in (0, 1) for z in (0, 1)], dtype=np.float64)
    corners[:, :3] *= shape
    return float(np.linalg.norm((corners @ (first - second).T)[:, :3], axis=1).max())


def _unit(header: nib.Nifti1Header) -> str:
    """Return the unit of length of a header."""
    return {1: "m", 3: "µm"}.get(int(header["xyzt_units"]) & _SPACE_BITS, "mm")


def _write(header: nib.Nifti1Header, affine: NDArray[np.float64]) -> None:
    """Write an affine in mm to a header."""
    header["pixdim"][1:4] = np.linalg.norm(affine[:3, :3], axis=0)
    header.set_qform(affine, int(header["qform_code"]))
    header.set_sform(affine, int(header["sform_code"]))
    header["xyzt_units"] = int(header["xyzt_units"]) & _TIME_BITS | 2


def _join(sizes: NDArray[np.floating]) -> str:
    """Format sizes for messages."""
    return " x ".join(f"{size:.4g}" for size in sizes)
