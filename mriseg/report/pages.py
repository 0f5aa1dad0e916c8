"""Templates of pages: whatever is put into them is escaped."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from mriseg._utils.text import printable


@cache
def environment() -> Environment:
    """Return the templates of ``mriseg/assets``.

    Returns
    -------
    jinja2.Environment
        Text is escaped for HTML, and whatever would hide or turn it around is written out.
    """
    templates = Environment(
        loader=PackageLoader("mriseg", "assets"),
        autoescape=True,
        finalize=_printable,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters["figures"] = "{:.6g}".format
    return templates


def _printable(value: Any) -> Any:
    """Escape what would hide or turn text around; what is marked as safe and what is no text stays."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value
