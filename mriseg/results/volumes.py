"""Volumes of the tissues, and their table."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from mriseg._utils.tables import write_table
from mriseg._utils.text import cell

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True)
class TissueVolume:
    """Volume and intensity of a tissue.

    Parameters
    ----------
    ml : float
        Sum of the responsibilities, mL.
    label_ml : float
        Volume of the voxels that carry the label, mL.
    fraction : float
        Share of the brain mask, from the responsibilities.
    mean, sd : float
        Of the components of the tissue, of lesions of their voxels; in the scan's intensity units.
    """

    ml: float
    label_ml: float
    fraction: float
    mean: float
    sd: float


VOLUME_FIGURES = tuple(figure.name for figure in fields(TissueVolume))


def save_volume_table(
    name: str, brain_mask_ml: float, volumes: Mapping[str, TissueVolume], path: Path
) -> None:
    """Write the volumes as a tab-separated table of one row.

    Parameters
    ----------
    name : str
        Of the scan.
    brain_mask_ml : float
        mL.
    volumes : mapping of str to TissueVolume
        By tissue abbreviation.
    path : Path
    """
    columns = {"name": cell(name), "brain_mask_ml": f"{brain_mask_ml:.3f}"}
    for abbreviation, volume in volumes.items():
        columns |= {
            f"{abbreviation}_ml": f"{volume.ml:.3f}",
            f"{abbreviation}_label_ml": f"{volume.label_ml:.3f}",
            f"{abbreviation}_fraction": f"{volume.fraction:.6f}",
            f"{abbreviation}_mean": f"{volume.mean:.6g}",
            f"{abbreviation}_sd": f"{volume.sd:.6g}",
        }
    write_table(path, [list(columns), list(columns.values())])
