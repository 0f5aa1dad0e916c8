"""The files of a segmentation under the names that FSL FAST gives to its own."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np

from mriseg.file_names import LABELS, posterior_ending, result_name
from mriseg.images.reading import load_map
from mriseg.images.volume import whole_numbers
from mriseg.images.writing import save_array
from mriseg.labels.orders import FAST, ORDERS

if TYPE_CHECKING:
    from pathlib import Path

# CSF, GM and WM: FAST counts its files from 0, and its labels from 1.
CLASSES = tuple(enumerate(ORDERS[FAST]))


def fast_map(base: Path, kind: str) -> Path:
    """Return a file of FAST.

    Parameters
    ----------
    base : Path
        Start of the names of all its files.
    kind : str
        "seg" and "pveseg" are labels; see `fast_files` for the others.

    >>> from pathlib import Path
    >>> fast_map(Path("out/sub-01_T1w"), "pveseg").as_posix()
    'out/sub-01_T1w_pveseg.nii.gz'
    """
    return base.with_name(f"{base.name}_{kind}.nii.gz")


def fast_files(base: Path, kind: str) -> list[Path]:
    """Return the files in which FAST keeps something of CSF, GM and WM, in this order.

    Parameters
    ----------
    base : Path
        Start of the names of all its files.
    kind : {"seg", "pve", "prob"}

    >>> from pathlib import Path
    >>> [path.name for path in fast_files(Path("sub-01_T1w"), "pve")][:2]
    ['sub-01_T1w_pve_0.nii.gz', 'sub-01_T1w_pve_1.nii.gz']
    """
    return [fast_map(base, f"{kind}_{number}") for number, _ in CLASSES]


def save_fast_files(
    folder: Path, name: str, base: Path, *, segments: bool = False, probabilities: bool = False
) -> None:
    """Write the files of FAST from those of a segmentation into three tissues.

    Parameters
    ----------
    folder : Path
        Where `mriseg segment --label-order fast` wrote its results.
    name : str
        STEM of the results.
    base : Path
        Start of the names of FAST's files; existing ones are replaced.
    segments : bool
        Write a binary image of each tissue, as FAST does for ``-g``.
    probabilities : bool
        Write the probabilities of each tissue, as FAST does for ``-p``.

    Raises
    ------
    ImageError
        If the labels cannot be read.
    """
    volume = load_map(folder / result_name(name, LABELS))
    labels = volume.to_scan_grid(whole_numbers(volume).astype(np.uint8))
    # Without what our headers say of the order: programs renumber what FAST writes and keep its header.
    for kind in ("seg", "pveseg"):
        save_array(labels, volume, fast_map(base, kind))
    for number, tissue in CLASSES:
        posterior = folder / result_name(name, posterior_ending(tissue.abbreviation))
        for kind in ("pve", "prob") if probabilities else ("pve",):
            shutil.copyfile(posterior, fast_map(base, f"{kind}_{number}"))
        if segments:
            save_array((labels == number + 1).astype(np.uint8), volume, fast_map(base, f"seg_{number}"))
