"""What of the file system this process may read."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def not_readable(path: object, reason: str | None = "Permission denied") -> str:
    """Say that a file or folder may not be read, and what to do."""
    return f"{path}: cannot be read ({reason}); ask for the right to read it"


def is_closed(path: Path) -> bool:
    """Return whether a path is a folder whose content this process may not read."""
    return path.is_dir() and not os.access(path, os.R_OK | os.X_OK)
