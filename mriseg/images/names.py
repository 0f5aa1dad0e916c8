"""Stem and BIDS suffix of the file names of scans."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - the doctests make some

from mriseg.images.nifti import EXTENSIONS
from mriseg.labels.contrasts import SUFFIXES


def stem(path: Path) -> str:
    """Return the file name of a scan without its extension and without the suffix of its contrast.

    >>> stem(Path("sub-01/anat/sub-01_T1w.nii.gz"))
    'sub-01'
    >>> stem(Path("...nii"))  # not to be the name of a folder
    'scan'
    """
    name = path.name
    for extension in EXTENSIONS:
        if name.lower().endswith(extension):
            name = name[: -len(extension)]
            break
    for suffix in SUFFIXES:
        name = name.removesuffix(f"_{suffix}") or name
    return name if name.strip(".") else "scan"


def bids_suffix(path: Path) -> str | None:
    """Return the BIDS suffix of the contrast that a scan's name ends in, or None.

    >>> bids_suffix(Path("sub-01_FLAIR.nii.gz"))
    'FLAIR'
    """
    ending = path.name.split(".", maxsplit=1)[0].rpartition("_")[2]
    return ending if ending in SUFFIXES else None
