"""Tables of text: delimited files in, tab-separated files out."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path
    from typing import TextIO


class Row(NamedTuple):
    """A row of a file: the line that it ends on, from 1, and its cells."""

    line: int
    cells: list[str]


def is_empty(cell: str) -> bool:
    """Return whether a cell holds nothing, or what BIDS writes for nothing.

    >>> is_empty(""), is_empty("N/A"), is_empty("0")
    (True, True, False)
    """
    return cell.lower() in ("", "n/a")


def read_delimited(path: Path, delimiters: str = "\t,;") -> tuple[list[str], list[Row]]:
    """Read a table with a header; the delimiter that the header has most of separates the cells.

    Parameters
    ----------
    path : Path
        A text file in UTF-8, with or without a byte-order mark.
    delimiters : str
        To choose from; the first where the header has none.

    Returns
    -------
    header : list of str
    rows : list of Row
        Empty lines are left out, and white space around cells is dropped.

    Raises
    ------
    ValueError
        If the file cannot be read as a table, a quote is not closed at the end of its cell, or a row has more
        cells than the header.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            return parse_delimited(file.read(), delimiters)
    except OSError as error:
        raise ValueError(error.strerror or str(error)) from error
    except UnicodeDecodeError as error:
        raise ValueError(str(error)) from error


def parse_delimited(text: str, delimiters: str = "\t,;") -> tuple[list[str], list[Row]]:
    """Read a table from its text, see `read_delimited`."""
    lines = io.StringIO(text, newline="")
    start = next((line for line in lines if line.strip()), "")
    lines.seek(0)
    # Strict, since a quote that nothing closes would otherwise take all further rows into its cell.
    reader = csv.reader(lines, delimiter=max(delimiters, key=start.count), strict=True)
    rows: list[Row] = []
    try:
        rows.extend(Row(reader.line_num, [cell.strip() for cell in row]) for row in reader if row)
    except csv.Error as error:
        after = rows[-1].line if rows else 0
        raise ValueError(f"after line {after}: {error}; a double quote in a cell must be doubled") from error
    if not rows:
        return [], []
    header = rows[0].cells
    for line, cells in rows[1:]:
        if any(cells[len(header) :]):
            raise ValueError(f"line {line}: {len(cells)} cells, and the header has {len(header)}")
    return header, rows[1:]


def write_rows(file: TextIO, rows: Iterable[Sequence[Any]], delimiter: str = "\t") -> None:
    """Write rows of cells, tabs or another delimiter between them, to an open file."""
    csv.writer(file, delimiter=delimiter, lineterminator="\n").writerows(rows)


def as_text(rows: Iterable[Sequence[Any]]) -> str:
    r"""Return rows as the text of a tab-separated file.

    >>> as_text([("index", "name"), (1, "Gray Matter")])
    'index\tname\n1\tGray Matter\n'
    """
    text = io.StringIO()
    write_rows(text, rows)
    return text.getvalue()


def write_table(path: Path, rows: Iterable[Sequence[Any]]) -> None:
    """Write rows as a tab-separated file in UTF-8."""
    path.write_text(as_text(rows), encoding="utf-8", newline="")
