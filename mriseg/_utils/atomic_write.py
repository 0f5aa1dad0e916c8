"""Outputs that appear whole or not at all, whatever else runs, fails or dies meanwhile."""

from __future__ import annotations

import os
import platform
import re
import shutil
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from mriseg.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

# Scratch folders name the process that writes there, so that those of the dead can be told and cleared.
_SCRATCH = re.compile(r"\.mriseg-(?P<process>\d+)@(?P<host>.*)-[^-]*")


def refuse_existing(folder: Path, names: Sequence[str]) -> None:
    """Raise OutputError if any of the named files is already in a folder."""
    existing = [name for name in names if (folder / name).exists()]
    if existing:
        more = f" and {len(existing) - 1} more" if len(existing) > 1 else ""
        raise OutputError(f"{folder / existing[0]}{more}: exists already; give --overwrite to replace")


def remove_stale(folder: Path) -> list[Path]:
    """Clear a folder of what killed runs left there, and of nothing else.

    Parameters
    ----------
    folder : Path
        Where results are written; need not exist.

    Returns
    -------
    list of Path
        Scratch folders that were removed: those whose process, on this very host, is gone. Those of other
        hosts, and of runs at work, stay.
    """
    stale = [path for path in folder.glob(".mriseg-*") if _is_stale(path)]
    for path in stale:
        shutil.rmtree(path, ignore_errors=True)
    return stale


@contextmanager
def atomic_write(
    folder: Path, names: Sequence[str], *, overwrite: bool, obsolete: Iterable[str] = ()
) -> Iterator[Path]:
    """Lend a scratch folder, then move what was written there to its final names, the last name last.

    Parameters
    ----------
    folder : Path
        Where the files go; made if it is not there.
    names : sequence of str
        The files that the caller writes into the scratch folder. The last one marks the others as
        complete: it is removed before the first of them is replaced, and moved when all are in place.
    overwrite : bool
        Replace files of these names.
    obsolete : iterable of str
        Patterns of files in `folder` that earlier runs left; those not among `names` are removed.

    Yields
    ------
    Path
        The scratch folder, inside `folder` so that moving is renaming.

    Raises
    ------
    OutputError
        If a file exists and may not be replaced, or the folder cannot be written.
    """
    if not overwrite:
        refuse_existing(folder, names)
    made = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    try:
        with _scratch(folder) as scratch:
            yield scratch
            with _alone(folder):
                if not overwrite:  # another run may have finished meanwhile
                    refuse_existing(folder, names)
                _move(scratch, folder, names, obsolete)
    except OSError as error:
        raise OutputError(
            f"{folder}: cannot be written ({error.strerror or error}); nothing is complete there, "
            "make room or choose another folder"
        ) from error
    finally:
        for parent in made:
            with suppress(OSError):  # not empty, or another run's by now
                parent.rmdir()


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    remove_stale(folder)
    scratch = Path(tempfile.mkdtemp(prefix=f".mriseg-{os.getpid()}@{platform.node()}-", dir=folder))
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _is_stale(path: Path) -> bool:
    named = _SCRATCH.fullmatch(path.name)
    if named is None or named["host"] != platform.node() or not path.is_dir():
        return False
    try:
        # A process younger than the folder only has the number of the one that made it.
        process = psutil.Process(int(named["process"]))
        started: float = process.create_time()
        return process.status() == psutil.STATUS_ZOMBIE or started > path.stat().st_ctime + 1
    except psutil.NoSuchProcess:
        return True
    except (OSError, psutil.Error):
        return False


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other runs from moving their files into a folder at the same time, where the system can."""
    try:
        import fcntl

        handle = os.open(folder, os.O_RDONLY)
    except ImportError:  # not a POSIX system
        yield
        return
    try:
        with suppress(OSError):  # some network file systems lock no folders
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _move(scratch: Path, folder: Path, names: Sequence[str], obsolete: Iterable[str]) -> None:
    (folder / names[-1]).unlink(missing_ok=True)
    for pattern in obsolete:
        for path in folder.glob(pattern):
            if path.name not in names:
                path.unlink(missing_ok=True)
    for name in names:
        (scratch / name).replace(folder / name)
