"""Text that comes from outside, made safe to print and to put into tables."""

from __future__ import annotations

# How a run ends that a signal stopped.
STOPPED = "stopped by {}; nothing is half-written"

_FORMULA = ("=", "+", "-", "@")


def printable(text: str) -> str:
    r"""Write out whatever would move a terminal's cursor, hide, or not encode.

    Parameters
    ----------
    text : str
        Such as a file name, which may hold any character and even bytes that are no text.

    Returns
    -------
    str
        The same with control characters, invisible ones and lone surrogates as escapes.

    >>> printable("sub-01\x1b[2J_T1w.nii\n")
    'sub-01\\x1b[2J_T1w.nii\\n'
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def cell(text: str) -> str:
    """Write text for a table that a spreadsheet may open: printable, and never a formula.

    >>> cell("=cmd|' /C calc'!A0"), cell("sub-01")
    ("'=cmd|' /C calc'!A0", 'sub-01')
    """
    safe = printable(text)
    return f"'{safe}" if safe.startswith(_FORMULA) else safe
