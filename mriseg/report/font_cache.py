"""A place for the font cache of matplotlib, which cannot be imported without one."""

from __future__ import annotations

import os
from pathlib import Path


def ensure_font_cache(folder: Path) -> None:
    """Have matplotlib cache its fonts in a folder if its own, below the home folder, cannot be written.

    Without this, matplotlib warns or raises OSError where there is no home folder, as in containers with
    read-only images. It must be called before matplotlib is imported; ``MPLCONFIGDIR`` is respected.

    Parameters
    ----------
    folder : Path
        May be removed after the drawing.
    """
    if "MPLCONFIGDIR" in os.environ:
        return
    try:
        home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        settings = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
        for own in (home / "matplotlib", settings / "matplotlib"):
            own.mkdir(parents=True, exist_ok=True)
            if not os.access(own, os.W_OK):
                raise PermissionError(str(own))
    except (OSError, RuntimeError):
        os.environ["MPLCONFIGDIR"] = str(folder)
