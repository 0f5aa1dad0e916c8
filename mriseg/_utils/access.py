"""What of the file system this process may read, and what is in a folder."""

from __future__ import annotations

import os
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def not_readable(path: object, reason: str | None = "Permission denied") -> str:
    """Say that a file or folder may not be read, and what to do."""
    return f"{path}: cannot be read ({reason}); ask for the right to read it"


def is_closed(path: Path) -> bool:
    """Return whether a path is a folder whose content this process may not read."""
    return path.is_dir() and not os.access(path, os.R_OK | os.X_OK)


def paths_below(folder: Path, *, hidden: bool = True) -> Iterator[Path]:
    """Yield all files and folders below a folder, those behind links to folders, too.

    A folder that several paths lead to is entered once, so that links may run in circles: by the path without
    links if there is one.

    Parameters
    ----------
    folder : Path
    hidden : bool
        Whether to enter folders whose names begin with a dot.

    Yields
    ------
    Path
    """
    plain, links, entered = deque([folder]), deque[Path](), set[Path]()
    while plain or links:
        here = (plain or links).popleft()
        real = here.resolve()
        if real in entered:
            continue
        entered.add(real)
        if here != folder:
            yield here
        for path in _content(here):
            if not path.is_dir():
                yield path
            elif hidden or not path.name.startswith("."):
                (links if path.is_symlink() else plain).append(path)


def _content(folder: Path) -> list[Path]:
    """Return what is in a folder, by name; nothing if it is closed or not there."""
    try:
        return [] if is_closed(folder) else sorted(folder.iterdir())
    except OSError:
        return []
