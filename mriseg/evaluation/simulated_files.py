"""Writing of a simulated scan and its ground truth, with names of BIDS derivatives."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mriseg._utils.atomic_write import atomic_write
from mriseg.errors import ImageError
from mriseg.evaluation.phantom import TISSUES, folded_ball, simulate
from mriseg.file_names import FIELD, LABELS, posterior_ending, result_name, stem_of_labels
from mriseg.images.reading import load_map
from mriseg.images.volume import new_volume, whole_numbers
from mriseg.images.writing import save_array

if TYPE_CHECKING:
    from mriseg.evaluation.phantom import Phantom


def simulate_files(
    labels: Path | None,
    folder: Path | None = None,
    *,
    suffix: str = "T1w",
    overwrite: bool = False,
    **settings: Any,
) -> list[Path]:
    """Simulate a scan and write it with its ground truth.

    Parameters
    ----------
    labels : Path or None
        A label map; `folded_ball` if not given.
    folder : Path, optional
        Destination; a folder named after the scan in the current directory if not given.
    suffix : str
        BIDS suffix of the scan.
    overwrite : bool
        Replace files of these names.
    **settings
        See `mriseg.evaluation.phantom.simulate`.

    Returns
    -------
    list of Path
        The scan, its labels, the fractions of CSF, GM and WM, and the bias field.

    Raises
    ------
    ImageError
        If the label map cannot be read, is none, or holds none of the tissues.
    OutputError
        If a file exists and may not be replaced, or the folder cannot be written.
    """
    if labels is None:
        numbers, affine = folded_ball()
        name = "phantom"
    else:
        volume = load_map(labels)
        numbers, affine = whole_numbers(volume).astype(np.int32), volume.canonical_affine
        name = f"{stem_of_labels(labels)}_sim"
    try:
        phantom = simulate(numbers, affine, **settings)
    except ValueError as error:
        raise ImageError(f"{labels or name}: {error}") from error
    return _save(phantom, folder or Path(f"{name}_mriseg"), name, suffix, overwrite=overwrite)


def _save(phantom: Phantom, folder: Path, name: str, suffix: str, *, overwrite: bool) -> list[Path]:
    """Write all arrays of a phantom; return their files."""
    arrays: dict[str, tuple[Any, str]] = {
        f"{suffix}.nii.gz": (phantom.data, "none"),
        LABELS: (phantom.labels, "label"),
        **{posterior_ending(t.abbreviation): (phantom.fractions[t.index], "estimate") for t in TISSUES},
        FIELD: (phantom.field, "none"),
    }
    names = [result_name(name, ending) for ending in arrays]
    scan = new_volume(phantom.data, phantom.affine, folder / names[0])
    with atomic_write(folder, names, overwrite=overwrite) as scratch:
        for file, (array, intent) in zip(names, arrays.values(), strict=True):
            save_array(array, scan, scratch / file, intent=intent)
    return [folder / file for file in names]
