"""Jobs for the T1-weighted scans of a raw BIDS data set.

Uses ancpbids: 4 MB without dependencies; pybids takes 370 MB and bids2table 180 MB.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mriseg._utils.access import not_readable
from mriseg.cohort.job import Job
from mriseg.errors import CohortError
from mriseg.file_names import is_derived
from mriseg.results.bids import DESCRIPTION

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from mriseg.options import SegmentOptions

    _Scan = tuple[Path, Mapping[str, Any]]

_SCANS = [".nii", ".nii.gz"]
_T1 = "T1w"
_SUBJECT = "sub-"


def dataset_jobs(
    dataset: Path,
    options: SegmentOptions,
    *,
    participants: Collection[str] = (),
    sessions: Collection[str] = (),
    channels: Collection[str] = (),
    report: bool = True,
) -> list[Job]:
    """Return a job for each T1-weighted scan, with the folder of its subject and session.

    Parameters
    ----------
    dataset : Path
        The root of the data set.
    options : SegmentOptions
    participants, sessions : collection of str
        Labels to keep, with or without ``sub-`` and ``ses-``; all if empty.
    channels : collection of str
        BIDS suffixes, such as ``T2w``. The first scan by name of each in the session joins as a channel; a
        session without is segmented without.
    report : bool
        Whether to write the HTML report of each scan.

    Returns
    -------
    list of Job
        By name.

    Raises
    ------
    CohortError
        If the folder or a label does not exist, or there is no scan, or none with the suffix of a channel.
    """
    _check_folder(dataset)
    root = dataset.absolute()
    found = _scans(root, [_T1, *channels])
    scans = found[_T1]
    for key, wanted in (("sub", participants), ("ses", sessions)):
        labels = {label.removeprefix(f"{key}-") for label in wanted}
        missing = labels - {entities.get(key) for _, entities in scans}
        if missing:
            raise CohortError(f"{dataset}: no T1-weighted scan of {key}-{min(missing)}; check the label")
        scans = [(file, entities) for file, entities in scans if not labels or entities.get(key) in labels]
    if not scans:
        raise CohortError(
            f"{dataset}: no T1-weighted scan (sub-*/[ses-*/]anat/*_T1w.nii.gz) in this data set"
        )
    others = [_first_of_sessions(dataset, suffix, found[suffix]) for suffix in channels]
    return [
        Job(
            file,
            file.parent.relative_to(root).as_posix(),
            replace(
                options,
                channels=tuple(first[place] for first in others if (place := _session(entities)) in first),
            ),
            report,
        )
        for file, entities in scans
    ]


def _session(entities: Mapping[str, Any]) -> tuple[str | None, str | None]:
    return entities.get("sub"), entities.get("ses")


def _first_of_sessions(
    dataset: Path, suffix: str, scans: list[_Scan]
) -> dict[tuple[str | None, str | None], Path]:
    """Return the first scan of each subject and session, of scans sorted by name."""
    if not scans:
        raise CohortError(f"{dataset}: no scan ends in _{suffix}, the suffix of a channel; check --channels")
    return {_session(entities): file for file, entities in reversed(scans)}


def _check_folder(dataset: Path) -> None:
    if not dataset.is_dir():
        raise CohortError(f"{dataset}: there is no such folder; check its name")


def _scans(root: Path, suffixes: Collection[str]) -> dict[str, list[_Scan]]:
    """Return the raw scans of subjects by BIDS suffix, sorted by name, each with its entities."""
    try:
        from ancpbids.pybids_compat import BIDSLayout  # slow to import, and for data sets only
    except ImportError as error:  # it is not among the packages of conda
        raise CohortError(
            f"{root}: a BIDS data set is read by ancpbids, which is not installed; pip install ancpbids"
        ) from error

    try:
        layout = BIDSLayout(str(root))
    except PermissionError as error:
        raise CohortError(not_readable(error.filename, error.strerror)) from error
    return {suffix: _raw_scans(root, layout.get(suffix=suffix, extension=_SCANS)) for suffix in suffixes}


def _raw_scans(root: Path, found: Iterable[Any]) -> list[_Scan]:
    files = [(Path(artifact.get_absolute_path()), artifact.entities) for artifact in found]
    # The raw scans of subjects, not derivatives or source data inside the data set.
    return sorted(
        (
            (file, entities)
            for file, entities in files
            if file.relative_to(root).parts[0].startswith(_SUBJECT) and not is_derived(file)
        ),
        key=lambda pair: pair[0],
    )


def check_apart(dataset: Path, output: Path) -> None:
    """Raise CohortError if results would be written among the raw scans of a data set."""
    raw, results = dataset.resolve(), output.resolve()
    within = results.relative_to(raw).parts if results.is_relative_to(raw) else None
    if within is not None and (not within or within[0].startswith(_SUBJECT)):
        apart = dataset / "derivatives" / "mriseg"
        raise CohortError(f"{output}: lies among the raw scans; write to {apart}")


def check_dataset(dataset: Path) -> list[str]:
    """Validate a folder as a BIDS data set.

    Parameters
    ----------
    dataset : Path

    Returns
    -------
    list of str
        Error codes of the BIDS validator (``bids-validator-deno``), empty if it is not installed; data
        sets with errors can hold good scans.

    Raises
    ------
    CohortError
        If there is no such folder, or ``dataset_description.json`` lacks Name or BIDSVersion.
    """
    _check_folder(dataset)
    file = dataset / DESCRIPTION
    try:
        described = {"Name", "BIDSVersion"} <= set(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        described = False
    if not described:
        fault = "must say Name and BIDSVersion" if file.is_file() else "is not there"
        raise CohortError(f"{file}: {fault}; write it, or give --skip-bids-validation")
    validator = shutil.which("bids-validator-deno")
    if validator is None:
        return []
    done = subprocess.run(  # noqa: S603 - the validator that is installed, on the folder that was named
        [validator, "--format", "json", "--ignoreWarnings", str(dataset)],
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        issues = json.loads(done.stdout)["issues"]["issues"]
    except (ValueError, KeyError):
        return []
    return sorted({issue["code"] for issue in issues if issue.get("severity") == "error"})
