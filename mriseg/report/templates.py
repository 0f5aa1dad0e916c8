"""Jinja environment of the HTML templates, with escaping of all content."""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from mriseg._utils.text import printable
from mriseg.labels.tissues import name_in_text

if TYPE_CHECKING:
    from PIL import Image


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
    templates.filters["in_text"] = name_in_text
    return templates


def data_uri(content: bytes, kind: str) -> Markup:
    """Encode a file as a data URI of a media type `kind`; base64 needs no escaping."""
    return Markup(f"data:{kind};base64,{b64encode(content).decode('ascii')}")  # noqa: S704


def image_uri(picture: Image.Image, kind: str, **options: Any) -> Markup:
    """Encode a picture as a data URI of an image format of Pillow, with options of its writer."""
    buffer = BytesIO()
    picture.save(buffer, kind, **options)
    return data_uri(buffer.getvalue(), f"image/{kind}")


def _printable(value: Any) -> Any:
    """Escape control and bidirectional characters of text that is not marked as safe."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value
