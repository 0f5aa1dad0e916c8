"""Atomic writing of several files: all of them appear, or none, also when processes fail or run at once."""

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

# Names of scratch folders hold process id and host, so that those of dead processes can be recognised.
_SCRATCH = re.compile(r"\.mriseg-(?P<process>\d+)@(?P<host>.*)-[^-]*")


def refuse_existing(folder: Path, names: Sequence[str]) -> None:
    """Raise OutputError if any of the named files exists in a folder."""
    existing = [name for name in names if (folder / name).exists()]
    if existing:
        raise OutputError(existing_message(folder / existing[0], len(existing)))


def existing_message(first: object, count: int) -> str:
    """Say that files exist, the first of them by name, and what to do."""
    more = f" and {count - 1} more" if count > 1 else ""
    return f"{first}{more}: exists already; replace with --overwrite (in Python overwrite=True)"


def refuse_replacing(
    folder: Path, names: Sequence[str], *, overwrite: bool, inputs: Iterable[Path] = ()
) -> None:
    """Raise OutputError if a named file was read and would be replaced, or exists and may not be replaced."""
    read = [path for path in inputs if path.exists()]
    for target in (folder / name for name in names):
        if target.exists() and any(target.samefile(path) for path in read):
            raise OutputError(f"{target}: is a file that is read here and would be replaced; write elsewhere")
    if not overwrite:
        refuse_existing(folder, names)


def remove_stale(folder: Path) -> list[Path]:
    """Remove the scratch folders of killed processes from a folder.

    Parameters
    ----------
    folder : Path
        Folder of results; need not exist.

    Returns
    -------
    list of Path
        Scratch folders that were removed: those of this host whose process has ended. Those of other hosts
        and of running processes stay.
    """
    stale = [path for path in folder.glob(".mriseg-*") if _is_stale(path)]
    for path in stale:
        shutil.rmtree(path, ignore_errors=True)
    return stale


@contextmanager
def atomic_write(
    folder: Path,
    names: Sequence[str],
    *,
    overwrite: bool,
    obsolete: Iterable[str] = (),
    inputs: Iterable[Path] = (),
    tidy: bool = True,
) -> Iterator[Path]:
    """Yield a scratch folder, then move its files to their final names, the last name last.

    Parameters
    ----------
    folder : Path
        Destination; created if it does not exist.
    names : sequence of str
        The files that the caller writes to the scratch folder. The last one marks the others as complete: it
        is removed before the first of them is replaced, and moved after all of them.
    overwrite : bool
        Replace existing files of these names.
    obsolete : iterable of str
        Glob patterns of files of earlier runs in `folder`; those not among `names` are removed.
    inputs : iterable of Path
        Files that the results were made from; none of them is replaced.
    tidy : bool
        Call `remove_stale` before, which reads the whole folder.

    Yields
    ------
    Path
        The scratch folder, inside `folder`, so that files are moved by renaming.

    Raises
    ------
    OutputError
        If a file exists and may not be replaced, or the folder cannot be written.
    """
    refuse_replacing(folder, names, overwrite=overwrite, inputs=inputs)
    created = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    try:
        with _scratch(folder, tidy=tidy) as scratch:
            yield scratch
            with _folder_lock(folder):
                if not overwrite:  # another process may have written them since
                    refuse_existing(folder, names)
                _replace_files(scratch, folder, names, obsolete)
    except OSError as error:
        raise OutputError(
            f"{folder}: cannot be written ({error.strerror or error}); nothing is complete there, "
            "make room or choose another folder"
        ) from error
    finally:
        for parent in created:
            with suppress(OSError):  # not empty
                parent.rmdir()


@contextmanager
def _scratch(folder: Path, *, tidy: bool) -> Iterator[Path]:
    """Create a scratch folder of this process, and remove it at the end."""
    folder.mkdir(parents=True, exist_ok=True)
    if tidy:
        remove_stale(folder)
    scratch = Path(tempfile.mkdtemp(prefix=f".mriseg-{os.getpid()}@{platform.node()}-", dir=folder))
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _is_stale(path: Path) -> bool:
    """Return whether a scratch folder is of this host and its process has ended."""
    match = _SCRATCH.fullmatch(path.name)
    if match is None or match["host"] != platform.node() or not path.is_dir():
        return False
    try:
        # A process younger than the folder has reused the id of the one that created it.
        process = psutil.Process(int(match["process"]))
        started: float = process.create_time()
        return process.status() == psutil.STATUS_ZOMBIE or started > path.stat().st_ctime + 1
    except psutil.NoSuchProcess:
        return True
    except (OSError, psutil.Error):
        return False


@contextmanager
def _folder_lock(folder: Path) -> Iterator[None]:
    """Lock a folder against other processes, where the operating system and file system support it."""
    try:
        import fcntl

        handle = os.open(folder, os.O_RDONLY)
    except ImportError:  # not a POSIX system
        yield
        return
    try:
        with suppress(OSError):  # some network file systems do not lock folders
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _replace_files(scratch: Path, folder: Path, names: Sequence[str], obsolete: Iterable[str]) -> None:
    """Remove the marker and obsolete files, then move the new files, the marker last.

    The new ones are on the disk before, so that none is short where the marker is, even after a power cut.
    """
    for name in names:
        with (scratch / name).open("rb+") as file:
            os.fsync(file.fileno())
    (folder / names[-1]).unlink(missing_ok=True)
    for pattern in obsolete:
        for path in folder.glob(pattern):
            if path.name not in names:
                path.unlink(missing_ok=True)
    for name in names:
        (scratch / name).replace(folder / name)
