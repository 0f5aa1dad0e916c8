"""The plan of a cohort: which scans, with which settings, and where the results of each go."""

from __future__ import annotations

import csv
import glob
import inspect
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mriseg.cohort.job import Job
from mriseg.errors import CohortError
from mriseg.images.names import stem
from mriseg.images.nifti import EXTENSIONS
from mriseg.options import check_options
from mriseg.pipeline import segment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_LISTS = (".csv", ".tsv")
_DESCRIPTION = "dataset_description.json"
# Masks, label maps and earlier results, as BIDS names them, lie beside scans and are none.
_NO_SCAN = re.compile(r"_(dseg|probseg|mask|desc-biascorr\w*|desc-atypicality_map)$")
_YES_NO = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
# What `segment` can be told about a scan, and of which kind it is.
_OPTIONS = {
    name: str(parameter.annotation)
    for name, parameter in inspect.signature(segment).parameters.items()
    if parameter.kind is parameter.KEYWORD_ONLY
}


def plan(inputs: Sequence[str], options: dict[str, Any] | None = None, *, report: bool = True) -> list[Job]:
    """Find the scans of a cohort and give each its place.

    Parameters
    ----------
    inputs : sequence of str
        Any of: scans; folders, searched through and through, whose sub-folders the results keep; patterns
        such as ``study/*/T1.nii``, whose folders from the first wildcard on the results keep; lists (CSV or
        TSV, see `read_list`); BIDS data sets (folders with a ``dataset_description.json``).
    options : dict, optional
        Keyword arguments of `mriseg.segment` for all scans; a list may say otherwise for its own.
    report : bool
        Whether each scan gets a page of its own.

    Returns
    -------
    list of Job
        In the order of the inputs; within each, by name.

    Raises
    ------
    CohortError
        If an input holds no scan, a list is wrong, or two scans would write the same files.
    """
    jobs = [replace(job, report=report) for entry in inputs for job in _jobs_of(entry, options or {})]
    refuse_duplicates(jobs)
    return jobs


def refuse_duplicates(jobs: Sequence[Job]) -> None:
    """Raise CohortError if two scans would write the same files."""
    # Some file systems do not tell capitals from small letters.
    places = Counter(_place(job) for job in jobs)
    for job in jobs:
        if places[_place(job)] > 1:
            same = " and ".join(str(other.scan) for other in jobs if _place(other) == _place(job))
            raise CohortError(
                f"{same}: would all write to {job.folder}; name their folder or a pattern, or give a list "
                "with a column identifier"
            )


def _place(job: Job) -> str:
    return f"{job.folder}/{stem(job.scan)}".casefold()


def _jobs_of(entry: str, options: dict[str, Any]) -> list[Job]:
    path = Path(entry)
    if path.is_dir() and (path / _DESCRIPTION).exists():
        from mriseg.cohort.dataset import dataset_jobs

        return dataset_jobs(path, options)
    if path.suffix.lower() in _LISTS:
        return read_list(path, options)
    if path.name.lower().endswith(EXTENSIONS) and not (glob.has_magic(entry) and not path.exists()):
        return [Job(path.absolute(), stem(path), options)]
    base, files = _search(entry)
    found = [file for file in sorted(files) if _is_scan(file, base)]
    if not found:
        raise CohortError(f"{entry}: no scan there; give scans ({', '.join(EXTENSIONS)}), folders, patterns "
                          "or lists (.csv, .tsv)")  # fmt: skip
    return [
        Job(file.absolute(), (file.parent.relative_to(base) / stem(file)).as_posix(), options)
        for file in found
    ]


def _search(entry: str) -> tuple[Path, Iterator[Path]]:
    """Return the folder that an input names, and the files that it means there."""
    path = Path(entry)
    if not glob.has_magic(entry) or path.exists():
        return path, path.rglob("*")
    parts = path.parts
    fixed = next(k for k, part in enumerate(parts) if glob.has_magic(part))
    base = Path(*parts[:fixed])
    return base, base.glob(str(Path(*parts[fixed:])))


def _is_scan(file: Path, base: Path) -> bool:
    name = file.name.lower()
    return (
        name.endswith(EXTENSIONS)
        and file.is_file()
        and not _NO_SCAN.search(stem(file))
        and not (name.endswith(".img") and file.with_suffix(".hdr").exists())
        and not any(part.startswith(".") for part in file.relative_to(base).parts)
    )


def read_list(path: Path, options: dict[str, Any]) -> list[Job]:
    """Read a list of scans: a table with a header, separated by tabs, commas or semicolons.

    The column ``scan`` is needed. Others are ``identifier`` (the folder of the results, below the output
    folder; else the scan's name) and the keyword arguments of `mriseg.segment`, such as ``mask``,
    ``contrast`` or ``bias``; several ``channels`` have | between them. Empty cells and ``n/a`` mean the
    setting of all. Paths are taken from the folder of the list.

    Parameters
    ----------
    path : Path
    options : dict
        Settings of all scans.

    Returns
    -------
    list of Job

    Raises
    ------
    CohortError
        If the list cannot be read or a cell is wrong.
    """
    header, rows = _read_rows(path)
    known = ["scan", "identifier", *_OPTIONS]
    unknown = [name for name in header if name not in known]
    if "scan" not in header or unknown:
        wrong = f"unknown column {unknown[0]!r}" if "scan" in header else "no column 'scan'"
        raise CohortError(f"{path}: {wrong}; columns are {', '.join(known)}")
    return [_job_of_row(path, line, dict(zip(header, row, strict=False)), options) for line, row in rows]


def _read_rows(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            start = file.readline()
            file.seek(0)
            reader = csv.reader(file, delimiter=max("\t,;", key=start.count))
            lines = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if any(row)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CohortError(f"{path}: cannot be read as a list of scans ({error})") from error
    if len(lines) < 2:
        raise CohortError(f"{path}: a list needs a header and at least one row")
    return lines[0][1], lines[1:]


def _job_of_row(path: Path, line: int, row: dict[str, str], options: dict[str, Any]) -> Job:
    cells = {name: cell for name, cell in row.items() if cell not in ("", "n/a")}
    here = path.absolute().parent
    try:
        if "scan" not in cells:
            raise ValueError("no scan")
        scan = here / cells.pop("scan")
        folder = _inside(cells.pop("identifier", stem(scan)))
        job = Job(scan, folder, options | {name: _option(name, cell, here) for name, cell in cells.items()})
        check_options(**job.options)
    except ValueError as error:
        raise CohortError(f"{path}: line {line}: {error}") from error
    return job


def _inside(identifier: str) -> str:
    """Return an identifier as a folder, if it stays within the output folder."""
    parts = identifier.split("/")
    if not identifier.isprintable() or any(
        not part or part.startswith(".") or set(part) & set('\\:*?"<>|') for part in parts
    ):
        raise ValueError(f"identifier {identifier!r} names no folder within the output folder")
    return identifier


def _option(name: str, cell: str, here: Path) -> Any:
    """Return the value of a keyword argument of `mriseg.segment` that a cell stands for."""
    kind = _OPTIONS[name]
    if kind == "bool":
        if cell.lower() not in _YES_NO:
            raise ValueError(f"{name} is {cell!r}; it must be yes or no")
        return _YES_NO[cell.lower()]
    if kind == "int | str":
        return int(cell) if cell.isdecimal() else cell
    if kind.startswith("Sequence"):
        return tuple(here / file.strip() for file in cell.split("|"))
    return here / cell if "Path" in kind else cell
