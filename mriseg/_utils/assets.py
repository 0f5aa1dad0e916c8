"""The text files that the package brings along."""

from __future__ import annotations

from importlib.resources import files


def asset(name: str) -> str:
    """Read a text file of ``mriseg/assets``.

    >>> asset("report.css").count("{") == asset("report.css").count("}") > 0
    True
    """
    return (files("mriseg") / "assets" / name).read_text(encoding="utf-8")
