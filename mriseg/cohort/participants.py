"""Numbers of the participants of a cohort, such as their age: numeric columns of ``participants.tsv``."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mriseg._utils.tables import is_empty
from mriseg.cohort.groups import KEY, SUBJECT, Groups, read_participants
from mriseg.file_names import COHORT_SIDECAR

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

# Column of cohort.tsv, and what its description calls the tables that tell of its participants.
_REMEMBERED_IN, _REMEMBERED = "identifier", "ParticipantsTables"


def remembered_tables(output: Path) -> list[Path]:
    """Return the tables of participants that the page of a cohort was last written with.

    Parameters
    ----------
    output : Path
        The output folder of the cohort, whose ``cohort.json`` names them.
    """
    try:
        described = json.loads((output / COHORT_SIDECAR).read_text(encoding="utf-8"))
        return [output / str(name) for name in described[_REMEMBERED_IN][_REMEMBERED]]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return []


def remember(described: dict[str, Any], tables: Sequence[Path], output: Path) -> None:
    """Name tables of participants in the content of ``cohort.json``, relative to the output folder."""
    if tables:
        described[_REMEMBERED_IN][_REMEMBERED] = [
            Path(os.path.relpath(table.absolute(), output.absolute())).as_posix() for table in tables
        ]


def read_numbers(tables: Sequence[Path]) -> list[Groups]:
    """Read the numeric columns of tables of participants.

    Parameters
    ----------
    tables : sequence of Path
        Files like BIDS' ``participants.tsv``, one a data set.

    Returns
    -------
    list of Groups
        One a column with a number for at least half of the participants that have a cell there; named as
        the JSON file beside the table says (``LongName`` and ``Units``). A participant with two numbers has
        none.

    Raises
    ------
    CohortError
        If a table cannot be read, or has no column ``participant_id``.
    """
    source = ", ".join(map(str, tables))
    cells: dict[str, dict[str, set[str]]] = {}
    described: dict[str, Any] = {}
    for path in tables:
        described |= _described(path)
        for participant, column, text in _cells(path):
            cells.setdefault(column, {}).setdefault(participant, set()).add(text)
    return [
        Groups(_in_words(column, described), source, single)
        for column, found in cells.items()
        if (single := _single_numbers(found)) and len(single) >= len(found) / 2
    ]


def numbers_of(column: Groups, scans: Iterable[tuple[str, str]]) -> list[float | None]:
    """Return the number of each scan, each given as arguments of `Groups.of`; None where it is unknown."""
    return [None if (text := column.of(*scan)) is None else _number(text) for scan in scans]


def _single_numbers(found: Mapping[str, set[str]]) -> dict[str, str]:
    """Return the text of the participants that have one number in a column."""
    single = {}
    for participant, texts in found.items():
        numbers = {_number(text) for text in texts}
        if len(numbers) == 1 and None not in numbers:
            single[participant] = min(texts)
    return single


def _cells(path: Path) -> Iterable[tuple[str, str, str]]:
    """Yield participant, column and text of each cell that is not empty."""
    header, rows = read_participants(path, (KEY,))
    place = header.index(KEY)
    for _, row in rows:
        participant = row[place].removeprefix(SUBJECT) if len(row) > place else ""
        for column, text in zip(header, row, strict=False):
            if participant and column != KEY and not is_empty(text):
                yield participant, column, text


def _described(path: Path) -> dict[str, Any]:
    """Return what the JSON file beside a table says of its columns; nothing if there is none."""
    try:
        content = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _in_words(column: str, described: Mapping[str, Any]) -> str:
    """Return the name of a column with its unit.

    >>> _in_words("age", {"age": {"LongName": "Age at the scan", "Units": "years"}}), _in_words("iq", {})
    ('Age at the scan, years', 'iq')
    """
    about = described.get(column)
    texts = [about.get(key) for key in ("LongName", "Units")] if isinstance(about, dict) else [None, None]
    name, unit = (text if isinstance(text, str) else "" for text in texts)
    return f"{name or column}{', ' * bool(unit)}{unit}"


def _number(text: str) -> float | None:
    """Return the number of a cell, that of an age which BIDS caps included; None if it is none.

    >>> [_number(text) for text in ("71", "1e2", "89+", "nan", "forty")]
    [71.0, 100.0, 89.0, None, None]
    """
    try:
        number = float(text.removesuffix("+"))
    except ValueError:
        return None
    return number if math.isfinite(number) else None
