"""``mriseg summarise``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mriseg._utils.text import counted
from mriseg.cli.groups import GroupBy, Participants, chosen_groups, chosen_numbers, warn_of_cohort

if TYPE_CHECKING:
    from mriseg.cli.groups import Numbers
    from mriseg.cohort.groups import Groups
    from mriseg.cohort.summary import Summary


def summarise(
    folders: Annotated[
        list[Path],
        typer.Argument(
            metavar="DIR",
            show_default=False,
            help="Output folders of mriseg batch or mriseg bids, each a cohort of its own.",
        ),
    ],
    group_by: GroupBy = None,
    participants: Participants = None,
    table: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.parquet",
            show_default=False,
            help="Also write the tables of all folders as one Parquet file.",
        ),
    ] = None,
) -> None:
    """Write the table and the page of a cohort again, from the results that are there.

    cohort.tsv has a row for every scan; cohort_report.html shows how its figures are distributed, and all
    overlays, those with the gravest verdict first, then those farthest out of line. Out of line is what lies
    more than 3.5 robust standard deviations (from the median absolute deviation) from the cohort's median,
    with --group-by from the median of its group.

    For example: mriseg summarise results

    With age to plot volumes against: mriseg summarise results --participants study/participants.tsv

    Several scanners: mriseg summarise results --group-by site --participants study/participants.tsv

    A cohort in parts: mriseg summarise results/part-1 results/part-2 --table study.parquet

    A part without results stops no other; the exit code is 3 then.
    """
    from mriseg.cli.terminal import complain, say
    from mriseg.cohort.merged_table import check_table, write_merged_table
    from mriseg.errors import CohortError

    if table:
        check_table(table)
    groups = chosen_groups(group_by, participants, [])
    parts = {}
    for folder in folders:
        numbers = chosen_numbers(participants, [], folder)
        try:
            parts[str(folder)] = summarise_results(folder, groups, numbers)
        except CohortError as error:
            complain(f"error: {error}")
    if table and parts:
        rows = write_merged_table(table, parts, groups.column if groups else "")
        say(f"{counted(rows, 'row')} in {table}")
    if len(parts) < len(set(folders)):
        raise typer.Exit(3 if parts else 1)


def summarise_results(folder: Path, groups: Groups | None, numbers: Numbers) -> Summary:
    """Write the table and the page of a cohort, and say what is in them."""
    from mriseg.cli.terminal import say
    from mriseg.cohort.scan_qc import describe_groups, describe_suspicious
    from mriseg.cohort.summary import summarise as summarise_folder
    from mriseg.file_names import COHORT_PAGE, COHORT_TABLE

    summary = summarise_folder(folder, groups=groups, numbers=numbers.columns, tables=numbers.tables)
    checked, failed = summary
    warn_of_cohort(folder, checked, groups, numbers)
    parts = [f"{len(checked)} segmented", *([f"{len(failed)} failed"] if failed else [])]
    found = f"{', '.join(parts)}; {describe_suspicious(checked)}"
    say(f"{found}: {folder / COHORT_TABLE}, {folder / COHORT_PAGE}")
    if groups:
        say(describe_groups(checked, groups.column))
    return summary
