"""The options ``--group-by`` and ``--participants``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from mriseg.cli.arguments import INPUT, OUTPUT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mriseg.cohort.groups import Groups
    from mriseg.cohort.job import Job
    from mriseg.cohort.scan_qc import ScanQC

GroupBy = Annotated[
    str | None,
    typer.Option(
        "--group-by",
        metavar="COLUMN",
        show_default=False,
        help="Judge outliers within this column of participants.tsv, such as site, not in the whole cohort.",
        rich_help_panel=OUTPUT,
    ),
]
Participants = Annotated[
    Path | None,
    typer.Option(
        "--participants",
        metavar="FILE",
        show_default=False,
        help="Table for --group-by and for the axes of the page, instead of the participants.tsv of a BIDS "
        "data set.",
        rich_help_panel=INPUT,
    ),
]


def chosen_groups(
    column: str | None, table: Path | None, data_sets: Sequence[Path], jobs: Sequence[Job] = ()
) -> Groups | None:
    """Return the groups of --group-by, None without it.

    Parameters
    ----------
    column, table
        Values of --group-by and --participants.
    data_sets : sequence of Path
        BIDS data sets whose tables are read if there is no --participants.
    jobs : sequence of Job
        At least one of them must have a group, if there are any.

    Raises
    ------
    typer.BadParameter
        If there is no table to read, or no column of it was named.
    """
    from mriseg.cohort.groups import PARTICIPANTS, read_groups

    if column is None:
        return None
    tables = [table] if table else [folder / PARTICIPANTS for folder in data_sets]
    if not tables:
        raise typer.BadParameter("--group-by needs --participants, unless the input is a BIDS data set")
    groups = read_groups(tables, column)
    if jobs:
        groups.check((job.identifier, job.folder) for job in jobs)
    return groups


class Numbers(NamedTuple):
    """Numbers of the participants, the axes of the page that are not measured.

    Parameters
    ----------
    tables : sequence of Path
        The tables that they are from.
    columns : sequence of Groups
        See `mriseg.cohort.participants.read_numbers`.
    asked : bool
        Whether the user named a table, now or when the page was written before.
    """

    tables: Sequence[Path]
    columns: Sequence[Groups]
    asked: bool

    def warn_if_unknown(self, checked: Iterable[ScanQC]) -> None:
        """Say if the tables that the user named have no number of any of the scans."""
        from mriseg.cli.terminal import warn
        from mriseg.cohort.participants import numbers_of

        scans = [(scan.record.identifier, scan.record.folder) for scan in checked]
        known = any(value is not None for column in self.columns for value in numbers_of(column, scans))
        if self.asked and scans and not known:
            text = (
                "holds no number of any of the scans, so that the page has no axis of participants; it needs "
                "a column participant_id and others with one number a participant"
            )
            for table in self.tables:
                warn(table, [text])


def warn_of_cohort(output: Path, checked: Sequence[ScanQC], groups: Groups | None, numbers: Numbers) -> None:
    """Print what is odd about the tables of the participants and about the label maps of a cohort."""
    from mriseg.cli.terminal import warn_of_changed_labels

    if groups is None:  # else the table is for them, and may hold no numbers
        numbers.warn_if_unknown(checked)
    warn_of_changed_labels(output, (scan.record for scan in checked))


def chosen_numbers(table: Path | None, data_sets: Sequence[Path], output: Path) -> Numbers:
    """Return the numeric columns of the participants.

    Parameters
    ----------
    table
        Value of --participants.
    data_sets : sequence of Path
        BIDS data sets whose tables are read if there is no --participants; none has to have one, and one that
        cannot be read is left out, as nobody asked for it.
    output : Path
        Output folder of the cohort, whose page was written with the tables of before: they are read again
        where there is neither, and a line says if they cannot be.

    Raises
    ------
    CohortError
        If the table of --participants cannot be read.
    """
    from mriseg.cli.terminal import warn
    from mriseg.cohort.groups import PARTICIPANTS
    from mriseg.cohort.participants import read_numbers, remembered_tables
    from mriseg.errors import CohortError

    if table:
        return Numbers([table], read_numbers([table]), asked=True)
    tables = [path for folder in data_sets if (path := folder / PARTICIPANTS).is_file()]
    remembered = [] if data_sets else remembered_tables(output)
    try:
        return Numbers(tables or remembered, read_numbers(tables or remembered), asked=bool(remembered))
    except CohortError as error:
        for path in remembered:
            warn(path, [f"the page was written with it before and now is without ({error})"])
        return Numbers(remembered, [], asked=False)
