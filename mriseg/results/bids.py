"""Derivative data sets of the Brain Imaging Data Structure (BIDS)."""

from __future__ import annotations

import json
from pathlib import Path

from mriseg import __version__
from mriseg.errors import OutputError
from mriseg.file_names import NOT_IN_BIDS

DESCRIPTION = "dataset_description.json"
GENERATED_BY = [{"Name": "mriseg", "Version": __version__}]
_BIDS_VERSION = "1.10.0"
_IGNORE = ".bidsignore"


def derivatives_folder(folder: str | Path) -> Path | None:
    """Return the root of the derivative data set that contains a folder, by path names alone.

    A data set is a folder directly below one called ``derivatives``, as BIDS lays them out; or that one
    itself, where participants lie directly in it.

    Parameters
    ----------
    folder : str or Path
        It need not exist.

    Returns
    -------
    Path or None
        None outside any derivatives.

    >>> derivatives_folder("/study/derivatives/mriseg/sub-01/anat").as_posix()
    '/study/derivatives/mriseg'
    >>> derivatives_folder("/study/derivatives/sub-01").as_posix()
    '/study/derivatives'
    """
    inner = None
    path = Path(folder).absolute()
    for here in (path, *path.parents):
        if here.name == "derivatives":
            return here if inner is None or inner.name.startswith("sub-") else inner
        inner = here
    return None


def write_dataset_description(folder: Path) -> Path:
    """Write the description of a derivatives data set, and ``.bidsignore`` for files without a BIDS name.

    Existing files are not changed.

    Parameters
    ----------
    folder : Path
        The root of a derivatives data set; made if it is not there.

    Returns
    -------
    Path
        The file ``dataset_description.json``.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    file = folder / DESCRIPTION
    content = {
        "Name": "Brain tissue segmentations by mriseg",
        "BIDSVersion": _BIDS_VERSION,
        "DatasetType": "derivative",
        "GeneratedBy": GENERATED_BY,
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write_new(file, json.dumps(content, indent=2))
        _write_new(folder / _IGNORE, "\n".join(NOT_IN_BIDS))
    except OSError as error:
        raise OutputError(f"{file}: cannot be written ({error.strerror}); choose another folder") from error
    return file


def _write_new(file: Path, text: str) -> None:
    if not file.exists():
        file.write_text(text + "\n", encoding="utf-8")
