"""Whether the label map of a result is the one that its sidecar describes, and what was edited by hand.

An editor may save over the label map: volumes, posteriors and pictures are then those of other labels.
Digests in the sidecar tell it: that of the file, and, as programs store the same labels differently, that of
the voxels.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mriseg.errors import ImageError
from mriseg.file_names import LABELS, SIDECAR, result_name, stem_of_result
from mriseg.images.reading import load_map
from mriseg.images.volume import whole_numbers
from mriseg.qc import QCWarning, look_closely
from mriseg.results.sidecar import SidecarError, read_sidecar

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from mriseg.images.volume import Volume

# Field of the sidecar.
DIGESTS = "LabelsSHA256"

# "updated": the whole result follows the edited labels; "in place": the label map alone was changed.
Editing = Literal["no", "updated", "in place"]

_IN_PLACE = look_closely(
    "labels-changed-in-place",
    "the label map was saved over after the results were written: volumes, posteriors and pictures are those "
    "of the labels before; give it to mriseg update --labels, or segment the scan again",
)


def label_file(sidecar: Path) -> Path:
    """Return the label map of a result, given its sidecar."""
    return sidecar.with_name(result_name(stem_of_result(sidecar, SIDECAR) or sidecar.stem, LABELS))


def digests(file: Path, labels: NDArray[np.uint8]) -> dict[str, str]:
    """Return what tells a label map later from a changed one.

    Parameters
    ----------
    file : Path
    labels : ndarray of uint8, shape (X, Y, Z)
        Its voxels as they are numbered in the file, in canonical orientation.

    Returns
    -------
    dict of str to str
        SHA-256 of the file and of the voxels.
    """
    return {"File": _digest(file.read_bytes()), "Voxels": digest_of_voxels(labels)}


def digest_of_voxels(labels: NDArray[np.uint8]) -> str:
    """Return the SHA-256 digest of labels, the last axis changing fastest."""
    return _digest(np.ascontiguousarray(labels).data)


def is_as_written(sidecar: Path, facts: Mapping[str, Any]) -> bool:
    """Return whether the label map of a result is the one that its sidecar describes.

    Parameters
    ----------
    sidecar : Path
    facts : mapping
        Its content. One of a version that wrote no digests is compared by the volumes of its labels.

    Returns
    -------
    bool
        True where there is no label map at all: nothing was saved over it.
    """
    file, known = label_file(sidecar), facts.get(DIGESTS)
    if not file.is_file():
        return True
    if isinstance(known, dict) and known.get("File") == _digest(file.read_bytes()):
        return True
    try:
        volume = load_map(file)
        labels = whole_numbers(volume)
    except ImageError:
        return False
    if isinstance(known, dict):
        fit = labels.min() >= 0 and labels.max() <= np.iinfo(np.uint8).max
        return bool(fit) and known.get("Voxels") == digest_of_voxels(labels.astype(np.uint8))
    return _have_volumes(labels, volume, facts)


def editing_of(sidecar: Path, facts: Mapping[str, Any]) -> Editing:
    """Return whether and how the labels of a result were edited.

    Parameters
    ----------
    sidecar : Path
    facts : mapping
        Its content.
    """
    if not is_as_written(sidecar, facts):
        return "in place"
    return "updated" if facts.get("Edited", {}).get("Voxels") else "no"


def editing_warnings(editing: Editing) -> list[QCWarning]:
    """Return the warning that a label map was changed in its place, if it was."""
    return [_IN_PLACE] if editing == "in place" else []


def warnings_beside(file: Path) -> list[QCWarning]:
    """Return the same of a label map that may be that of a result: none where no sidecar describes it."""
    name = stem_of_result(file, LABELS)
    sidecar = file.with_name(result_name(name or "", SIDECAR))
    try:
        return editing_warnings(editing_of(sidecar, read_sidecar(sidecar))) if name else []
    except SidecarError:
        return []


def _have_volumes(labels: NDArray[np.float32], volume: Volume, facts: Mapping[str, Any]) -> bool:
    """Return whether labels have the volumes of a sidecar, to half a voxel."""
    return all(
        abs(np.count_nonzero(labels == of["Label"]) * volume.voxel_ml - of["label_ml"]) <= volume.voxel_ml / 2
        for of in facts["Classes"].values()
    )


def _digest(content: bytes | memoryview) -> str:
    return hashlib.sha256(content).hexdigest()
