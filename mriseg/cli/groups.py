"""The options ``--group-by`` and ``--participants``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mriseg.cli.arguments import INPUT, OUTPUT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mriseg.cohort.groups import Groups
    from mriseg.cohort.job import Job

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


def chosen_numbers(table: Path | None, data_sets: Sequence[Path]) -> list[Groups]:
    """Return the numeric columns of the participants, the axes of the page that are not measured.

    Parameters
    ----------
    table
        Value of --participants.
    data_sets : sequence of Path
        BIDS data sets whose tables are read if there is no --participants; none has to have one, and one that
        cannot be read is left out, as nobody asked for it.

    Raises
    ------
    CohortError
        If the table of --participants cannot be read.
    """
    from mriseg.cohort.groups import PARTICIPANTS
    from mriseg.cohort.participants import read_numbers
    from mriseg.errors import CohortError

    if table:
        return read_numbers([table])
    try:
        return read_numbers([path for folder in data_sets if (path := folder / PARTICIPANTS).is_file()])
    except CohortError:
        return []
