"""One table of a cohort that was done in parts, as a Parquet file with numbers as numbers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mriseg._utils.atomic_write import atomic_write
from mriseg.cohort.summary import tissues_of
from mriseg.cohort.table import columns, describe
from mriseg.errors import CohortError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mriseg.cohort.summary import Summary

PARQUET = ".parquet"
_PART = "part"


def check_table(path: Path) -> None:
    """Raise CohortError unless a file of this name can be written as Parquet."""
    if path.suffix != PARQUET:
        raise CohortError(f"{path}: is no name of a Parquet file; let it end in {PARQUET}")
    try:
        import pyarrow as pa  # noqa: F401
    except ImportError as error:
        raise CohortError(f"{path}: Parquet needs pyarrow: pip install pyarrow") from error


def write_merged_table(path: Path, parts: Mapping[str, Summary], group_by: str = "") -> int:
    """Write the rows of several ``cohort.tsv`` as one Parquet file, with the part as the first column.

    Parameters
    ----------
    path : Path
        Replaced if it exists.
    parts : mapping of str to Summary
        By the name of the part.
    group_by : str
        What outliers are judged within, such as "site"; "" for the whole part.

    Returns
    -------
    int
        The number of rows.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    import pyarrow as pa
    from pyarrow import parquet

    rows = [{_PART: name} | cells for name, summary in parts.items() for cells in summary.rows()]
    done = [scan.record for summary in parts.values() for scan in summary.checked]
    names = columns(tissues_of(done), grouped=bool(group_by))
    about = {_PART: {"Description": "Folder of the part of the cohort"}} | describe(names, group_by)
    schema = pa.schema([_field(name, facts) for name, facts in about.items()])
    table = pa.Table.from_pylist([_without_empty(cells) for cells in rows], schema)
    with atomic_write(path.parent, [path.name], overwrite=True) as scratch:
        parquet.write_table(table, scratch / path.name)
    return len(rows)


def _field(name: str, about: Mapping[str, Any]) -> Any:
    """Return the type of a column, and what it is as its metadata."""
    import pyarrow as pa

    kind = pa.float64() if "Units" in about else pa.string()  # every number has a unit, and no text
    texts = {key: text if isinstance(text, str) else json.dumps(text) for key, text in about.items()}
    return pa.field(name, kind, metadata=texts)


def _without_empty(cells: dict[str, Any]) -> dict[str, Any]:
    """Return cells without empty texts, which are null; file names that are no valid text are escaped."""
    return {
        name: value.encode(errors="backslashreplace").decode() if isinstance(value, str) else value
        for name, value in cells.items()
        if value != ""
    }
