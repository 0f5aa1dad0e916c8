"""Mapping of the numbers of a label map to tissues: by the user, a table, its header, or as in BIDS."""

from __future__ import annotations

from operator import index
from typing import TYPE_CHECKING

from mriseg._utils.tables import read_delimited
from mriseg.errors import ImageError, OptionError
from mriseg.labels.orders import BIDS, marked_order, numbers_of_order
from mriseg.labels.tissues import CSF, GM, WM

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_BY_NAME = {name.lower(): t.index for t in (GM, WM, CSF) for name in (t.abbreviation, t.name)}
BIDS_NUMBERS = {tissue.index: tissue.index for tissue in (GM, WM, CSF)}


def parse_label_map(text: str) -> dict[int, int]:
    """Parse a mapping such as "1=CSF,2=GM,3=WM"; several numbers may map to one tissue.

    Returns
    -------
    dict of int to int
        Number in the file to 1 GM, 2 WM or 3 CSF.

    Raises
    ------
    ValueError
        If the text is malformed, or gives a number twice.

    >>> parse_label_map("1=CSF,2=GM,8=GM,3=WM")
    {1: 3, 2: 1, 8: 1, 3: 2}
    """
    numbers: dict[int, int] = {}
    for pair in text.split(","):
        number, equals, name = (part.strip() for part in pair.partition("="))
        if not equals or not number.isdigit() or name.lower() not in _BY_NAME:
            raise ValueError(f"{pair.strip()!r} is not of the form NUMBER=TISSUE with GM, WM or CSF")
        if int(number) in numbers:
            raise ValueError(f"number {int(number)} is given twice; it can be one tissue")
        numbers[int(number)] = _BY_NAME[name.lower()]
    return numbers


def as_numbers(given: Mapping[int, int | str]) -> dict[int, int]:
    """Check which number of a label map is which tissue, as a user of Python says it.

    Parameters
    ----------
    given : mapping of int to int or str
        Number in the file to 1 GM, 2 WM or 3 CSF, or to the name of the tissue.

    Raises
    ------
    OptionError
        If a tissue is none of these, or a key is no whole number.

    >>> as_numbers({1: "CSF", 2: 1, 3: "wm"})
    {1: 3, 2: 1, 3: 2}
    """
    try:
        numbers = {
            index(number): _BY_NAME[tissue.lower()] if isinstance(tissue, str) else BIDS_NUMBERS[tissue]
            for number, tissue in given.items()
        }
    except (AttributeError, KeyError, TypeError) as error:
        says = "give a number of the label map to 1 GM, 2 WM or 3 CSF, or to these names"
        raise OptionError(f"numbers are {given!r}; {says}") from error
    return numbers


def parse_intensities(text: str) -> dict[int, float]:
    """Parse the intensities of the three tissues, by label.

    Raises
    ------
    ValueError
        If the text is malformed, or a tissue is missing.

    >>> parse_intensities("CSF=45,GM=105,WM=150")
    {3: 45.0, 1: 105.0, 2: 150.0}
    """
    pairs = [pair.partition("=") for pair in text.split(",")]
    levels = {_BY_NAME.get(name.strip().lower(), 0): float(value) for name, _, value in pairs}
    if set(levels) != set(BIDS_NUMBERS):
        raise ValueError(f"{text!r} does not give an intensity to each of CSF, GM and WM")
    return levels


def read_label_rows(path: Path) -> list[dict[str, str]]:
    """Read the rows of a BIDS label table: a TSV with the columns index and name.

    Parameters
    ----------
    path : Path

    Returns
    -------
    list of dict of str to str
        Cells by column; ``index`` is a whole number.

    Raises
    ------
    ImageError
        If the file is no such table.
    """
    try:
        header, rows = read_delimited(path, "\t")
        if not {"index", "name"} <= set(header):
            raise ValueError("a column is missing")
        labels = [dict(zip(header, row.cells, strict=False)) for row in rows]
        for label in labels:
            int(label["index"])
    except (ValueError, KeyError) as error:
        raise ImageError(f"{path}: is no label table ({error}); it needs columns index and name") from error
    return labels


def read_label_table(path: Path) -> dict[int, int]:
    """Read which number is which tissue from a BIDS label table, by abbreviation or name.

    Returns
    -------
    dict of int to int
        Number in the file to 1 GM, 2 WM or 3 CSF; other rows are left out.

    Raises
    ------
    ImageError
        If the table names none of the tissues.
    """
    numbers = {
        int(row["index"]): _BY_NAME[name.lower()]
        for row in read_label_rows(path)
        for name in (row.get("abbreviation"), row.get("name"))
        if name and name.lower() in _BY_NAME
    }
    if not numbers:
        raise ImageError(f"{path}: names none of GM, WM and CSF; say which number is which with --map")
    return numbers


def table_beside(path: Path) -> Path:
    """Return the file of the label table of a label map, whether or not there is one."""
    return path.with_name(path.name.removesuffix(".gz").removesuffix(".nii") + ".tsv")


def label_numbers(path: Path, given: str | None, mark: str = "") -> dict[int, int]:
    """Return the mapping of the numbers of a label map to tissues.

    Parameters
    ----------
    path : Path
        The label map; a table of the same name that ends in .tsv is read if it exists.
    given : str or None
        Mapping by the user, see `parse_label_map`.
    mark : str
        What its header says of the order of the tissues, see `mriseg.labels.orders.order_mark`.

    Returns
    -------
    dict of int to int
        Number in the file to 1 GM, 2 WM or 3 CSF.

    Raises
    ------
    ValueError
        If the mapping by the user is malformed.
    ImageError
        If the table cannot be read, or contradicts the header.
    """
    if given is not None:
        return parse_label_map(given)
    order = marked_order(mark)
    table = table_beside(path)
    if not table.is_file():
        return numbers_of_order(order)
    numbers = read_label_table(table)
    if order != BIDS and numbers != numbers_of_order(order):
        raise ImageError(
            f"{path}: its header says {mark}, and {table.name} beside it says otherwise; one of them belongs "
            "to another image: say which number is which with --map"
        )
    return numbers
