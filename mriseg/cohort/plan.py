"""The plan of a cohort: scans, their options and their output folders."""

from __future__ import annotations

import glob
import os.path
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mriseg._utils.access import is_closed, not_readable, paths_below
from mriseg._utils.object_storage import refuse_urls
from mriseg._utils.tables import Row, is_empty, read_delimited
from mriseg.cohort.job import Job
from mriseg.cohort.record import LOGS
from mriseg.errors import CohortError, OutputError
from mriseg.file_names import (
    COHORT_FAILURES,
    COHORT_PAGE,
    COHORT_SIDECAR,
    COHORT_TABLE,
    IMAGE_EXTENSIONS,
    NIFTI_EXTENSIONS,
    is_derived,
    stem,
)
from mriseg.options import OPTION_NAMES, SegmentOptions
from mriseg.results.bids import DESCRIPTION

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_TABLES = (".csv", ".tsv")
_PATHS = ".txt"
# Names in the output folder that are no scan's.
_RESERVED = (COHORT_TABLE, COHORT_SIDECAR, COHORT_PAGE, COHORT_FAILURES, LOGS, DESCRIPTION)
# Bytes of an identifier between slashes: file systems take 255, and files of the log have endings.
_MAX_NAME = 200


def plan(inputs: Sequence[str], options: SegmentOptions | None = None, *, report: bool = True) -> list[Job]:
    """Return the jobs of a cohort.

    Parameters
    ----------
    inputs : sequence of str
        Any of: scans; folders, searched recursively, links too, whose sub-folders are kept in the output;
        patterns such as ``study/*/T1.nii``, whose folders from the first wildcard on are kept in the output;
        lists (CSV or TSV, see `read_list`; TXT, see `read_paths`); BIDS data sets (folders with a
        ``dataset_description.json``).
    options : SegmentOptions, optional
        Defaults for all scans; lists can override them.
    report : bool
        Whether to write the HTML report of each scan.

    Returns
    -------
    list of Job
        In the order of the inputs; within each, by name.

    Raises
    ------
    CohortError
        If an input holds no scan, a list is wrong, or two scans would write the same files.
    """
    jobs = [
        replace(job, report=report)
        for entry in inputs
        for job in _jobs_of(entry, options or SegmentOptions())
    ]
    refuse_duplicates(jobs)
    return jobs


def refuse_duplicates(jobs: Sequence[Job]) -> None:
    """Raise CohortError if two scans would write the same files."""
    names = Counter(job.identifier.casefold() for job in jobs)
    # Case-insensitive file systems.
    places = Counter(_place(job) for job in jobs)
    for job in jobs:
        if places[_place(job)] > 1:
            same = " and ".join(str(other.scan) for other in jobs if _place(other) == _place(job))
            raise CohortError(
                f"{same}: would all write to {job.folder}; name their folder or a pattern, or give a list "
                "with a column identifier"
            )
        if names[job.identifier.casefold()] > 1:
            raise CohortError(f"{job.identifier}: is the identifier of several scans; name each differently")


def _place(job: Job) -> str:
    return f"{job.folder}/{stem(job.scan)}".casefold()


def data_sets(inputs: Sequence[str]) -> list[Path]:
    """Return the inputs of a plan that are BIDS data sets."""
    for path in map(Path, inputs):
        if is_closed(path):
            raise CohortError(not_readable(path))
    return [path for path in map(Path, inputs) if path.is_dir() and (path / DESCRIPTION).exists()]


def _jobs_of(entry: str, options: SegmentOptions) -> list[Job]:
    path = Path(entry)
    if data_sets([entry]):
        from mriseg.cohort.dataset import dataset_jobs

        return dataset_jobs(path, options)
    if path.suffix.lower() in _TABLES:
        return read_list(path, options)
    if path.suffix.lower() == _PATHS:
        return read_paths(path, options)
    if path.name.lower().endswith(IMAGE_EXTENSIONS) and not (glob.has_magic(entry) and not path.exists()):
        return [Job(path.absolute(), stem(path), options)]
    base, files = _search(entry)
    # A folder that may not be read fails by itself, as a scan does: what it holds is not left out silently.
    found = [file for file in sorted(set(files)) if _is_scan(file, base) or is_closed(file)]
    if not found:
        known = ", ".join(IMAGE_EXTENSIONS)
        raise CohortError(
            f"{entry}: no scan there; give scans ({known}), folders and patterns of NIfTI files, or lists "
            "(.csv, .tsv, .txt)"
        )
    return [
        Job(file.absolute(), (file.parent.relative_to(base) / stem(file)).as_posix(), options)
        for file in found
    ]


def _search(entry: str) -> tuple[Path, Iterator[Path]]:
    """Return the base folder of a folder or pattern, and its matching files."""
    path = Path(entry)
    if not glob.has_magic(entry) or path.exists():
        return path, paths_below(path, hidden=False)
    parts = path.parts
    fixed = next(k for k, part in enumerate(parts) if glob.has_magic(part))
    base = Path(*parts[:fixed])
    return base, _matching(base, parts[fixed:])


def _matching(base: Path, parts: Sequence[str]) -> Iterator[Path]:
    """Yield what below a folder matches the parts of a pattern; ** enters folders behind links, too."""
    if not parts:
        yield base
    elif base.is_dir():
        first, *others = parts
        found = (base, *paths_below(base, hidden=False)) if first == "**" else base.glob(first)
        for path in found:
            yield from _matching(path, others)


def _is_scan(file: Path, base: Path) -> bool:
    name = file.name.lower()
    return (
        name.endswith(NIFTI_EXTENSIONS)
        and (file.is_file() or file.is_symlink())  # a link to nothing is a scan that was not downloaded
        and not is_derived(file)
        and not (name.endswith(".img") and file.with_suffix(".hdr").exists())
        and not any(part.startswith(".") for part in file.relative_to(base).parts)
    )


def read_list(path: Path, options: SegmentOptions) -> list[Job]:
    """Read a list of scans: a table with a header, separated by tabs, commas or semicolons.

    The column ``scan`` is needed. Others are ``identifier`` (the folder of the results, below the output
    folder; else the scan's name) and the keyword arguments of `mriseg.segment`, such as ``mask``,
    ``contrast`` or ``bias``; several ``channels`` have | between them. Empty cells and ``n/a`` keep the
    option of the command line. Paths are relative to the folder of the list.

    Parameters
    ----------
    path : Path
    options : SegmentOptions
        Of all scans.

    Returns
    -------
    list of Job

    Raises
    ------
    CohortError
        If the list cannot be read or a cell is wrong.
    """
    header, rows = _read_rows(path)
    twice = [name for name in header if name and header.count(name) > 1]
    if twice:
        raise CohortError(f"{path}: two columns are named {twice[0]!r}; remove one")
    known = ["scan", "identifier", *OPTION_NAMES]
    unknown = [name for name in header if name not in known]
    if "scan" not in header or unknown:
        wrong = f"unknown column {unknown[0]!r}" if "scan" in header else "no column 'scan'"
        raise CohortError(f"{path}: {wrong}; columns are {', '.join(known)}")
    return [_job_of_row(path, row.line, dict(zip(header, row.cells, strict=False)), options) for row in rows]


def _read_rows(path: Path) -> tuple[list[str], list[Row]]:
    try:
        header, rows = read_delimited(path)
    except ValueError as error:
        raise CohortError(f"{path}: cannot be read as a list of scans ({error})") from error
    filled = [row for row in rows if any(row.cells)]
    if not filled:
        raise CohortError(f"{path}: a list needs a header and at least one row")
    return header, filled


def _job_of_row(path: Path, line: int, row: dict[str, str], options: SegmentOptions) -> Job:
    cells = {name: cell for name, cell in row.items() if not is_empty(cell)}
    here = path.absolute().parent
    try:
        if "scan" not in cells:
            raise ValueError("no scan")
        refuse_urls(list(map(Path, cells.values())), "mriseg batch")
        scan = here / cells.pop("scan")
        folder = _checked_identifier(cells.pop("identifier", stem(scan)))
        return Job(scan, folder, options.with_cells(cells, here))
    except (ValueError, OutputError) as error:
        raise CohortError(f"{path}: line {line}: {error}") from error


def read_paths(path: Path, options: SegmentOptions) -> list[Job]:
    """Read a list of scans without header: a path a line, relative to the folder of the list.

    Results go to the folders that the paths name, without what leads out of the output folder. A scan that
    is wrong fails by itself; empty lines, and lines that are there before, change nothing.

    Parameters
    ----------
    path : Path
    options : SegmentOptions
        Of all scans.

    Returns
    -------
    list of Job

    Raises
    ------
    CohortError
        If the list cannot be read, or names no scan.
    OutputError
        If a line is a URL.
    """
    try:
        text = path.read_text(encoding="utf-8-sig", errors="surrogateescape")
    except OSError as error:
        raise CohortError(f"{path}: cannot be read as a list of scans ({error.strerror})") from error
    lines = dict.fromkeys(line.strip() for line in text.split("\n"))
    scans = [Path(line) for line in lines if line]
    if not scans:
        raise CohortError(f"{path}: names no scan; give a path a line")
    refuse_urls(scans, "mriseg batch")
    here = path.absolute().parent
    return [Job(here / scan, _folder_of(scan), options) for scan in scans]


def _folder_of(scan: Path) -> str:
    path = Path(os.path.normpath(scan))
    folders = [part for part in path.parent.parts if part not in (path.anchor, "..")]
    return "/".join([*folders, stem(path)])


def _checked_identifier(identifier: str) -> str:
    """Return the identifier, or raise ValueError unless it is a relative folder below the output folder."""
    parts = identifier.split("/")
    if not identifier.isprintable() or any(
        not part or part.startswith(".") or set(part) & set('\\:*?"<>|') for part in parts
    ):
        raise ValueError(f"identifier {identifier!r} names no folder within the output folder")
    if parts[0].casefold() in _RESERVED:
        raise ValueError(f"identifier {identifier!r} is the name of a file or folder of the cohort")
    if max(len(part.encode()) for part in parts) > _MAX_NAME:
        raise ValueError(f"identifier {identifier!r} is too long for the name of a folder")
    return identifier
