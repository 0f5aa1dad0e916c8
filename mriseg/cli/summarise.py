"""``mriseg summarise``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mriseg.cli.groups import GroupBy, Participants, chosen_groups, chosen_numbers

if TYPE_CHECKING:
    from mriseg.cli.groups import Numbers
    from mriseg.cohort.groups import Groups


def summarise(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", show_default=False, help="Output folder of mriseg batch or mriseg bids."
        ),
    ],
    group_by: GroupBy = None,
    participants: Participants = None,
) -> None:
    """Write the table and the page of a cohort again, from the results that are there.

    cohort.tsv has a row for every scan; cohort_report.html shows how its figures are distributed, and all
    overlays, those with the gravest verdict first, then those farthest out of line. Out of line is what lies
    more than 3.5 robust standard deviations (from the median absolute deviation) from the cohort's median,
    with --group-by from the median of its group.

    For example: mriseg summarise results

    With age to plot volumes against: mriseg summarise results --participants study/participants.tsv

    Several scanners: mriseg summarise results --group-by site --participants study/participants.tsv
    """
    groups = chosen_groups(group_by, participants, [])
    summarise_results(folder, groups, chosen_numbers(participants, [], folder))


def summarise_results(folder: Path, groups: Groups | None, numbers: Numbers) -> None:
    """Write the table and the page of a cohort, and say what is in them."""
    from mriseg.cli.terminal import say, warn_of_changed_labels
    from mriseg.cohort.scan_qc import describe_groups, describe_suspicious
    from mriseg.cohort.summary import summarise as summarise_folder
    from mriseg.file_names import COHORT_PAGE, COHORT_TABLE

    checked, failed = summarise_folder(folder, groups=groups, numbers=numbers.columns, tables=numbers.tables)
    if groups is None:  # else the table is for them, and may hold no numbers
        numbers.warn_if_unknown(checked)
    warn_of_changed_labels(folder, (scan.record for scan in checked))
    parts = [f"{len(checked)} segmented", *([f"{len(failed)} failed"] if failed else [])]
    found = f"{', '.join(parts)}; {describe_suspicious(checked)}"
    say(f"{found}: {folder / COHORT_TABLE}, {folder / COHORT_PAGE}")
    if groups:
        say(describe_groups(checked, groups.column))
