"""Outputs that appear whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mriseg.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def refuse_existing(folder: Path, names: Sequence[str]) -> None:
    """Raise OutputError if any of the named files is already in a folder."""
    existing = [name for name in names if (folder / name).exists()]
    if existing:
        more = f" and {len(existing) - 1} more" if len(existing) > 1 else ""
        raise OutputError(f"{folder / existing[0]}{more}: exists already; give --overwrite to replace")


@contextmanager
def staged(folder: Path, names: Sequence[str], *, overwrite: bool) -> Iterator[Path]:
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
    try:
        made = [parent for parent in (folder, *folder.parents) if not parent.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=".mriseg-", dir=folder))
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written ({error.strerror}); choose another folder") from error
    try:
        yield scratch
        (folder / names[-1]).unlink(missing_ok=True)
        for name in names:
            (scratch / name).replace(folder / name)
    except OSError as error:
        raise OutputError(
            f"{folder}: writing failed ({error.strerror or error}); nothing is complete there"
        ) from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        for parent in made:
            if parent.is_dir() and not any(parent.iterdir()):
                parent.rmdir()
