"""Groups of a cohort, such as the site, within which outliers are judged: columns of ``participants.tsv``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mriseg._utils.tables import is_empty, read_delimited
from mriseg.errors import CohortError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from mriseg._utils.tables import Row

PARTICIPANTS = "participants.tsv"
KEY = "participant_id"
SUBJECT = "sub-"


@dataclass(frozen=True)
class Groups:
    """The groups of the participants of a cohort.

    Parameters
    ----------
    column : str
        The column that names them.
    source : str
        The files that they were read from, for messages.
    of_participant : mapping of str to str
        Group by participant without ``sub-``; participants whose group is unknown are left out.
    """

    column: str
    source: str
    of_participant: Mapping[str, str]

    def of(self, identifier: str, folder: str) -> str | None:
        """Return the group of a scan.

        Parameters
        ----------
        identifier : str
            Of the scan in the cohort. It comes before the participant, so that scans of one participant can
            be of several groups.
        folder : str
            Folder of its results, relative to the output folder, with slashes. The participant is what
            starts with ``sub-`` in it; where nothing does, the first folder, or first part of a name before
            _, that the table has.

        Returns
        -------
        str or None
            None where it is unknown.

        >>> sites = Groups("site", "participants.tsv", {"01": "A", "02": "B", "02_ses-2": "C"})
        >>> sites.of("sub-01_ses-2", "sub-01/ses-2/anat"), sites.of("sub-02_ses-2", "sub-02/ses-2/anat")
        ('A', 'C')
        >>> sites.of("patients/02/T1", "patients/02/T1"), sites.of("sub-03", "sub-03/01/anat")
        ('B', None)
        """
        keys = (key.removeprefix(SUBJECT) for key in (identifier, *_participants(folder)))
        return next((self.of_participant[key] for key in keys if key in self.of_participant), None)

    def check(self, scans: Iterable[tuple[str, str]]) -> None:
        """Raise CohortError if no scan, each given as arguments of `of`, has a group."""
        if not any(self.of(*scan) is not None for scan in scans):
            raise CohortError(
                f"{self.source}: has the {self.column} of none of the scans; check its column {KEY}"
            )


def _participants(folder: str) -> list[str]:
    """Return what may be the participant in the path of a scan, the likeliest first."""
    parts = folder.split("/")
    starts = [part.partition("_")[0] for part in parts]
    subjects = [start for start in starts if start.startswith(SUBJECT)]
    return subjects[:1] or [*parts, *starts]


def read_groups(tables: Sequence[Path], column: str) -> Groups:
    """Read the groups of participants.

    Parameters
    ----------
    tables : sequence of Path
        Files like BIDS' ``participants.tsv``, one a data set, with the columns ``participant_id`` and
        `column`. Empty cells and ``n/a`` are unknown.
    column : str

    Returns
    -------
    Groups

    Raises
    ------
    CohortError
        If a table cannot be read or lacks a column, or a participant has two groups.
    """
    found: dict[str, str] = {}
    for path in tables:
        for line, participant, group in _read_column(path, column):
            earlier = found.setdefault(participant.removeprefix(SUBJECT), group)
            if earlier != group:
                raise CohortError(
                    f"{path}: line {line}: {column} of {participant} is {group!r} and was {earlier!r} before"
                )
    return Groups(column, ", ".join(map(str, tables)), found)


def read_participants(path: Path, required: Iterable[str]) -> tuple[list[str], list[Row]]:
    """Read a table of participants; return its header and its rows.

    Raises
    ------
    CohortError
        If it cannot be read, or does not have each of the required columns once.
    """
    if not path.is_file():
        raise CohortError(f"{path}: there is no such table of participants; name one with --participants")
    try:
        header, rows = read_delimited(path)
    except ValueError as error:
        raise CohortError(f"{path}: cannot be read as a table of participants ({error})") from error
    for name in required:
        if header.count(name) != 1:
            fault = f"two columns are named {name!r}" if name in header else f"has no column {name!r}"
            raise CohortError(f"{path}: {fault}; its columns are {', '.join(header) or 'none'}")
    return header, rows


def _read_column(path: Path, column: str) -> Iterator[tuple[int, str, str]]:
    """Yield line, participant and group of each row that has both."""
    header, rows = read_participants(path, (KEY, column))
    for line, cells in rows:
        row = dict(zip(header, cells, strict=False))
        participant, group = row[KEY], row.get(column, "")
        if participant and not is_empty(group):
            yield line, participant, group
