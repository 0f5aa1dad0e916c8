"""Options that the commands for cohorts share, each defined once."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mriseg.cli.arguments import RUNNING

if TYPE_CHECKING:
    from mriseg.cohort.job import Job


def _jobs(*names: str) -> Any:
    """Return the option of the number of scans at a time, by its names."""
    return typer.Option(
        *names,
        min=1,
        metavar="N",
        show_default=False,
        help="Scans at a time; without it, as many as there are cores and free memory for.",
        rich_help_panel=RUNNING,
    )


Jobs = Annotated[int | None, _jobs("-j", "--jobs")]
# As BIDS-Apps name it, too.
Processors = Annotated[int | None, _jobs("-j", "--jobs", "--n-cpus", "--n_cpus")]
CohortMemory = Annotated[
    float | None,
    typer.Option(
        "--memory",
        min=0.1,
        metavar="GB",
        show_default=False,
        help="Memory that all workers may take together; without it, nine tenths of what is free.",
        rich_help_panel=RUNNING,
    ),
]
MemoryInMb = Annotated[
    float | None,
    typer.Option(
        "--mem-mb",
        "--mem_mb",
        min=100,
        metavar="MB",
        show_default=False,
        help="The same as --memory, in MB.",
        rich_help_panel=RUNNING,
    ),
]
Timeout = Annotated[
    float | None,
    typer.Option(
        min=1,
        metavar="S",
        show_default=False,
        help="Give a scan up that takes longer than this many seconds.",
        rich_help_panel=RUNNING,
    ),
]
Retries = Annotated[
    int,
    typer.Option(
        min=0,
        metavar="N",
        help="Try a scan again whose worker died, took too long or found no memory.",
        rich_help_panel=RUNNING,
    ),
]
Resume = Annotated[
    bool,
    typer.Option(
        "--resume",
        help="Go on: leave what is done for the same input, settings and version, do all else.",
        rich_help_panel=RUNNING,
        metavar="",
    ),
]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="Print the plan and do nothing.",
        rich_help_panel=RUNNING,
        metavar="",
    ),
]
Part = Annotated[
    str | None,
    typer.Option(
        metavar="K/N",
        show_default=False,
        help="Do a part only, such as that of a task of an array job: every N-th scan from the K-th on.",
        rich_help_panel=RUNNING,
    ),
]
Cluster = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS|SYSTEM",
        show_default=False,
        help="Run on a Dask scheduler (tcp://host:8786), or on workers asked of slurm, pbs, sge or lsf.",
        rich_help_panel=RUNNING,
    ),
]
ClusterOptions = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        show_default=False,
        help="TOML file for the batch system: workers, and options of dask-jobqueue such as cores, memory.",
        rich_help_panel=RUNNING,
    ),
]


def part_of(scans: list[Job], part: str | None) -> list[Job]:
    """Return the scans of a part K/N, and all without one; K from 0 to N - 1 or from 1 to N.

    Raises
    ------
    BadParameter
        If it is no part.
    """
    if part is None:
        return scans
    match = re.fullmatch(r"(\d+)/([1-9]\d*)", part)
    if match is None:
        raise typer.BadParameter(f"--part {part}: is no part; say which of how many, such as 3/20")
    number, count = map(int, match.groups())
    return scans[number % count :: count]
