"""Tables of numbers from files: which columns are dimensions, which rows are whole, and what is left out."""

from __future__ import annotations

import gzip
import re
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from mriseg._utils.tables import Row, parse_delimited
from mriseg._utils.text import cell
from mriseg.errors import MixtureError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

# What spreadsheets, R, pandas and SQL write where there is no value.
MISSING = frozenset({"", ".", "-", "?", "na", "n/a", "nan", "none", "null", "<na>"})
DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")

# Names of a column that numbers the rows: of pandas, R and spreadsheets.
INDEX = re.compile(r"(unnamed: 0|index|row|(.*[_. -])?id)?", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class Table:
    """Columns of numbers from a file.

    Attributes
    ----------
    source : str
        The file, as it was named.
    name : str
        Its name without extensions, which results are named by.
    columns : list of str
        Names of the columns that are fitted.
    X : array (N, D)
        Their values, of the rows that are whole.
    sample_weight : array (N,) or None
        The column of weights, if one was named.
    kept : array of bool
        For each row of the file, whether it is whole.
    left_out : dict
        Reason for each column that was not asked for by name and is not fitted.
    """

    source: str
    name: str
    columns: list[str]
    X: NDArray[np.float64]
    sample_weight: NDArray[np.float64] | None
    kept: NDArray[np.bool_]
    left_out: dict[str, str]

    def notes(self) -> list[str]:
        """Return a line on the columns and one on the rows that are left out, if any are."""
        columns = ", ".join(f"{cell(name) or 'the first'} ({why})" for name, why in self.left_out.items())
        rows = int((~self.kept).sum())
        return [
            *([f"columns left out: {columns}"] if columns else []),
            *([f"rows left out for missing values: {rows} of {len(self.kept)}"] if rows else []),
        ]


def read_table(
    source: str,
    columns: Sequence[str] | None = None,
    weights: str | None = None,
    missing: Literal["error", "drop"] = "error",
) -> Table:
    """Read columns of numbers from a table with a header.

    Parameters
    ----------
    source : str
        CSV with comma, semicolon or tab between cells, which may be compressed (.gz); .parquet, which needs
        pyarrow; "-" reads text from standard input. Where semicolons or tabs separate cells, numbers may have
        a decimal comma.
    columns : sequence of str, optional
        Columns to fit; if not given, all that hold numbers that differ, but for an index.
    weights : str, optional
        The column of the number of observations of each row.
    missing : {"error", "drop"}
        What to do with rows in which a value is missing.

    Returns
    -------
    Table

    Raises
    ------
    MixtureError
        If the file cannot be read or has no header, a row is of another length, a column is not there or
        named twice, or a cell is no number.
    """
    header, rows = _read_cells(source)
    left_out: dict[str, str] = {}
    if columns is None:
        judged = {name: why for name, why in _judge_columns(header, rows) if name != weights}
        left_out = {name: why for name, why in judged.items() if why}
        columns = [name for name in header if name != weights and not judged[name]]
        if not columns:
            reasons = "; ".join(f"{cell(name)}: {why}" for name, why in left_out.items())
            raise MixtureError(f"{source}: no column holds numbers that differ ({reasons})")
    named = [*columns, *([weights] if weights else [])]
    _check_names(source, header, named)
    positions = [header.index(name) for name in named]
    numbers = np.array([[_number(source, row, header, at, missing) for at in positions] for row in rows])
    kept = ~np.isnan(numbers).any(axis=1)
    if not kept.any():
        raise MixtureError(f"{source}: a value is missing in every row")
    numbers = numbers[kept]
    sample_weight = numbers[:, -1] if weights else None
    name = "stdin" if source == "-" else Path(source).name.split(".")[0]
    return Table(source, name, list(columns), numbers[:, : len(columns)], sample_weight, kept, left_out)


def _judge_columns(header: list[str], rows: Sequence[Row]) -> list[tuple[str, str]]:
    """Return for each column its name and why it is no dimension, or nothing where it is one."""
    return [
        (name, _why_no_dimension(name, position, [row.cells[position] for row in rows]))
        for position, name in enumerate(header)
    ]


def _why_no_dimension(name: str, position: int, cells: list[str]) -> str:
    """Return why a column is no dimension, or an empty text."""
    filled = [text for text in cells if not _is_missing(text)]
    if not filled:
        return "empty"
    text = next((text for text in filled if _as_number(text) is None), None)
    if text is not None:
        return f"text, such as {cell(text)!r}"
    values = [_as_number(text) for text in filled]
    if position == 0 and INDEX.fullmatch(name) and values in _counts(len(cells)):
        return "an index"
    return "" if len(set(values)) > 1 else f"constant, {filled[0]}"


def _counts(n: int) -> list[list[float]]:
    """Return 0 to n − 1 and 1 to n, by which pandas and R count rows."""
    return [[float(i) for i in range(start, n + start)] for start in (0, 1)]


def _check_names(source: str, header: list[str], named: Sequence[str]) -> None:
    """Check that each name is given once and is that of one column."""
    missing = [name for name in named if name not in header]
    if missing:
        raise MixtureError(f"{source}: no column {missing[0]!r}; there are {', '.join(header)}")
    twice = [name for name in named if header.count(name) > 1]
    if twice:
        raise MixtureError(f"{source}: two columns are named {twice[0]!r}; name each differently")
    repeated = [name for name in named if named.count(name) > 1]
    if repeated:
        raise MixtureError(f"{source}: column {repeated[0]!r} is asked for twice; name it once")


def _read_cells(source: str) -> tuple[list[str], list[Row]]:
    """Return the header and the rows that are not empty, all of one length."""
    try:
        if source.endswith((".parquet", ".pq")):
            header, rows = _read_parquet(source)
        else:
            header, rows = parse_delimited(_read_text(source), ",;\t")
    except (OSError, EOFError, zlib.error, ValueError) as error:
        if isinstance(error, MixtureError):
            raise
        reason = getattr(error, "strerror", None) or error
        raise MixtureError(f"{source}: cannot be read as a table ({reason})") from error
    if not rows:
        raise MixtureError(f"{source}: a table needs a header and at least one row")
    if all(_as_number(name) is not None for name in header):
        raise MixtureError(
            f"{source}: has no header: its first line holds numbers alone; name the columns there"
        )
    for line, cells in rows:
        if len(cells) != len(header):
            raise MixtureError(f"{source}: line {line}: {len(cells)} cells, and the header has {len(header)}")
    return header, rows


def _read_text(source: str) -> str:
    """Return the text of a file, of a compressed one, or of standard input, without a byte-order mark."""
    if source == "-":
        content = sys.stdin.buffer.read()
    elif source.endswith(".gz"):
        content = gzip.decompress(Path(source).read_bytes())
    else:
        content = Path(source).read_bytes()
    return content.decode("utf-8-sig")


def _read_parquet(source: str) -> tuple[list[str], list[Row]]:
    """Return header and cells of a Parquet file; rows count from 2, as below a header."""
    try:
        from pyarrow import parquet
    except ImportError:
        raise MixtureError(
            f"{source}: Parquet needs pyarrow: pip install pyarrow, or save the table as CSV"
        ) from None
    table = parquet.read_table(source)
    columns = [["" if value is None else str(value) for value in column.to_pylist()] for column in table]
    rows = [Row(line, list(cells)) for line, cells in enumerate(zip(*columns, strict=True), start=2)]
    return list(table.column_names), rows


def _is_missing(text: str) -> bool:
    return text.lower() in MISSING


def _as_number(text: str) -> float | None:
    """Return a cell as a number, or None; True and False are 1 and 0, and a decimal comma is a point."""
    if DECIMAL_COMMA.fullmatch(text):
        text = text.replace(",", ".")
    try:
        return float({"true": "1", "false": "0"}.get(text.lower(), text))
    except ValueError:
        return None


def _number(source: str, row: Row, header: list[str], position: int, missing: str) -> float:
    """Return one cell as a number, NaN where it is missing and that is allowed."""
    text, place = row.cells[position], f"{source}: line {row.line}, column {header[position]!r}"
    if _is_missing(text):
        if missing == "drop":
            return float("nan")
        raise MixtureError(f"{place}: {text!r} is no number; --missing drop leaves such rows out")
    number = _as_number(text)
    if number is None or not np.isfinite(number):
        raise MixtureError(f"{place}: {text!r} is no number" + ("" if number is None else " but infinite"))
    return number
