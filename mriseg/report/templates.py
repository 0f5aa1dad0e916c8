"""Jinja environment of the HTML templates, with escaping of all content."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from mriseg._utils.text import printable


@cache
def environment() -> Environment:
    """Return the environment of the templates in ``mriseg/assets``; cached.

    Returns
    -------
    jinja2.Environment
        Escapes HTML, and control, invisible and bidirectional characters.
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
    """Escape control and bidirectional characters of text that is not marked as safe."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value
