"""``mriseg summarise``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def summarise(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", show_default=False, help="Output folder of mriseg batch or mriseg bids."
        ),
    ],
) -> None:
    """Write the table and the page of a cohort again, from the results that are there.

    cohort.tsv has a row for every scan; cohort_report.html shows how its figures are distributed, and all
    overlays, the most suspicious first. Suspicious is what the segmentation warned of, and what lies more
    than 3.5 robust standard deviations (from the median absolute deviation) from the cohort's median.

    For example: mriseg summarise results
    """
    from mriseg.cli.terminal import say
    from mriseg.cohort.summary import summarise as summarise_folder
    from mriseg.file_names import COHORT_PAGE, COHORT_TABLE

    checked, failed = summarise_folder(folder)
    suspicious = sum(scan.suspicious for scan in checked)
    parts = [f"{len(checked)} segmented", *([f"{len(failed)} failed"] if failed else [])]
    say(f"{', '.join(parts)}; {suspicious} to look at: {folder / COHORT_TABLE}, {folder / COHORT_PAGE}")
