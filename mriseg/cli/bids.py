"""``mriseg bids``: the command line that BIDS-Apps share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from mriseg.cli.arguments import (
    INPUT,
    CohortPrior,
    FailOnVerdict,
    Lesions,
    NoBias,
    NoPriors,
    NoReport,
    NoSpatial,
    Overwrite,
    Quiet,
    WarmStart,
    WhiteLesions,
    segment_options,
)
from mriseg.cli.cohort_arguments import (
    Cluster,
    ClusterOptions,
    CohortMemory,
    DryRun,
    MemoryInMb,
    Processors,
    Resume,
    Retries,
    Timeout,
)
from mriseg.cli.groups import GroupBy, Participants, chosen_groups, chosen_numbers
from mriseg.cli.terminal import Version

_LABELS = ("--participant-label", "--participant_label", "--session-label", "--session_label")


class BidsApp(TyperCommand):
    """A command whose label options take several values, as BIDS-Apps do: ``--participant-label 01 02``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Repeat the option before each of its values."""
        repeated: list[str] = []
        option = ""
        for word in args:
            option = word if word in _LABELS else "" if word.startswith("-") else option
            repeated += [] if word in _LABELS else [option, word] if option else [word]
        return super().parse_args(ctx, repeated)


def _suffixes(text: str | None) -> tuple[str, ...]:
    """Parse BIDS suffixes with commas between them, such as "T2w,FLAIR"; each counts once.

    Raises
    ------
    typer.BadParameter
        If one is none of a further contrast.
    """
    from mriseg.labels.contrasts import SUFFIXES

    suffixes = tuple(dict.fromkeys(suffix.strip() for suffix in text.split(","))) if text else ()
    known = [suffix for suffix in SUFFIXES if suffix != "T1w"]
    wrong = next((suffix for suffix in suffixes if suffix not in known), None)
    if wrong is not None:
        raise typer.BadParameter(f"--channels takes {', '.join(known)} with commas between, not {wrong!r}")
    return suffixes


class Level(StrEnum):
    """What to do."""

    PARTICIPANT = "participant"
    GROUP = "group"


def bids(
    dataset: Annotated[
        Path, typer.Argument(metavar="BIDS_DIR", show_default=False, help="Raw BIDS data set.")
    ],
    output: Annotated[
        Path, typer.Argument(metavar="OUT_DIR", show_default=False, help="Folder for the derivatives.")
    ],
    level: Annotated[
        Level,
        typer.Argument(show_default=False, help="participant: segment the scans; group: sum them up."),
    ],
    participant_label: Annotated[
        list[str] | None,
        typer.Option(
            "--participant-label",
            "--participant_label",
            metavar="LABEL...",
            show_default=False,
            help="Only these participants.",
            rich_help_panel=INPUT,
        ),
    ] = None,
    session_label: Annotated[
        list[str] | None,
        typer.Option(
            "--session-label",
            "--session_label",
            metavar="LABEL...",
            show_default=False,
            help="Only these sessions.",
            rich_help_panel=INPUT,
        ),
    ] = None,
    skip_bids_validation: Annotated[
        bool,
        typer.Option(
            "--skip-bids-validation",
            "--skip_bids_validation",
            help="Do not ask whether BIDS_DIR is a valid data set.",
            rich_help_panel=INPUT,
            metavar="",
        ),
    ] = False,
    channels: Annotated[
        str | None,
        typer.Option(
            metavar="SUFFIX,…",
            show_default=False,
            help="Other scans of the session as channels beside the T1, by BIDS suffix: T2w,FLAIR; the first "
            "by name of each, where there is one.",
            rich_help_panel=INPUT,
        ),
    ] = None,
    lesions: WhiteLesions = Lesions.WM,
    no_bias: NoBias = False,
    no_spatial: NoSpatial = False,
    no_priors: NoPriors = False,
    warm_start: WarmStart = None,
    cohort_prior: CohortPrior = None,
    no_report: NoReport = False,
    fail_on: FailOnVerdict = None,
    group_by: GroupBy = None,
    participants: Participants = None,
    jobs: Processors = None,
    memory: CohortMemory = None,
    mem_mb: MemoryInMb = None,
    timeout: Timeout = None,
    retries: Retries = 1,
    cluster: Cluster = None,
    cluster_options: ClusterOptions = None,
    resume: Resume = False,
    overwrite: Overwrite = False,
    dry_run: DryRun = False,
    quiet: Quiet = False,
    version: Version = False,  # noqa: ARG001 - its callback prints it
) -> None:
    """Segment a BIDS data set: the command line that BIDS-Apps share.

    At the level participant all T1-weighted scans are segmented into derivatives laid out as the data set is;
    at the level group the table and the page of the cohort are written. See mriseg batch for the rest.

    For example: mriseg bids study study/derivatives/mriseg participant --participant-label 01 02

    With T2 and FLAIR where a session has them: mriseg bids study out participant --channels T2w,FLAIR

    Then: mriseg bids study study/derivatives/mriseg group
    """
    from mriseg.cli.cohort import check_usage, print_plan, run_plan
    from mriseg.cli.summarise import summarise_results
    from mriseg.cli.terminal import warn
    from mriseg.cohort.dataset import check_apart, check_dataset, dataset_jobs
    from mriseg.cohort.plan import refuse_duplicates
    from mriseg.cohort.run import Machine
    from mriseg.results.bids import write_dataset_description

    if memory is not None and mem_mb is not None:
        raise typer.BadParameter("give --memory or --mem-mb, not both")
    machine = Machine(jobs, mem_mb or (memory and 1000 * memory), timeout, retries)
    check_usage(machine, cluster, cluster_options, both=resume and overwrite)
    if level is Level.GROUP:
        groups = chosen_groups(group_by, participants, [dataset])
        summarise_results(output, groups, chosen_numbers(participants, [dataset], output))
        return
    check_apart(dataset, output)
    faults = [] if skip_bids_validation else check_dataset(dataset)
    if faults:
        warn(dataset, [f"the BIDS validator names {', '.join(faults)}"])
    options = segment_options(
        lesions=lesions.value,
        no_bias=no_bias,
        no_spatial=no_spatial,
        no_priors=no_priors,
        warm_start=warm_start and warm_start.absolute(),
        cohort_prior=cohort_prior and cohort_prior.absolute(),
    )
    scans = dataset_jobs(
        dataset,
        options,
        participants=participant_label or (),
        sessions=session_label or (),
        channels=_suffixes(channels),
        report=not no_report,
    )
    refuse_duplicates(scans)
    groups = chosen_groups(group_by, participants, [dataset], scans)
    numbers = chosen_numbers(participants, [dataset], output)
    if dry_run:
        print_plan(scans, output, machine, cluster, resume=resume)
        return
    write_dataset_description(output)
    run_plan(
        scans,
        output,
        machine,
        cluster,
        cluster_options,
        resume=resume,
        overwrite=overwrite,
        quiet=quiet,
        fail_on=fail_on,
        groups=groups,
        numbers=numbers,
    )
