"""Text for terminals and tables: escaping of what is not trusted, and counts."""

from __future__ import annotations

import re

# Message of a run that was stopped by a signal.
STOPPED = "stopped by {}; nothing is half-written"

# First characters of a formula in spreadsheets.
_FORMULA = ("=", "+", "-", "@")

# User and password of a URL, also of one whose second slash is lost; not the container that URLs of Azure
# name before an @. And the query of one, which may hold a signature.
_USER = re.compile(r"(?<=\w\w)(?<!\babfs)(?<!\babfss)(?<!\baz)(:/+)[^/\s]*@")
_QUERY = re.compile(r"(https?:/[^\s?]*)\?[^\s:;,)]*")


def printable(text: str) -> str:
    r"""Escape control characters, invisible characters and lone surrogates.

    Parameters
    ----------
    text : str
        For example a file name, which may hold any character and even bytes that are not text.

    Returns
    -------
    str
        Printable text; other characters as Python escapes.

    >>> printable("sub-01\x1b[2J_T1w.nii\n")
    'sub-01\\x1b[2J_T1w.nii\\n'
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def without_secrets(text: str) -> str:
    """Return a text without users, passwords and signatures in the URLs in it.

    >>> without_secrets("https://me:secret@host/a.nii.gz?token=1: is not there")
    'https://host/a.nii.gz: is not there'
    >>> without_secrets("abfs://scans@account/a@b.nii.gz")
    'abfs://scans@account/a@b.nii.gz'
    """
    return _QUERY.sub(r"\1", _USER.sub(r"\1", text))


def counted(count: int, noun: str) -> str:
    """Return a count with its noun, in the plural where there is not one.

    >>> counted(1, "scan"), counted(0, "scan")
    ('1 scan', '0 scans')
    """
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def natural_key(text: str) -> list[str | int]:
    """Return a sort key by which numbers in texts count as numbers.

    >>> sorted(["site 10", "site 2", "site 1"], key=natural_key)
    ['site 1', 'site 2', 'site 10']
    """
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", text)]


def cell(text: str) -> str:
    """Escape text for a cell of a table: printable, and not a formula for spreadsheets.

    >>> cell("=cmd|' /C calc'!A0"), cell("sub-01")
    ("'=cmd|' /C calc'!A0", 'sub-01')
    """
    safe = printable(text)
    return f"'{safe}" if safe.startswith(_FORMULA) else safe
