"""``mriseg batch``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mriseg.cli.arguments import (
    OUTPUT,
    Classes,
    CohortPrior,
    Contrast,
    Covariance,
    FailOnVerdict,
    Lesions,
    Merge,
    NoBias,
    NoPriors,
    NoReport,
    NoSpatial,
    Overwrite,
    Quiet,
    Stripped,
    TissueContrast,
    WarmStart,
    WhiteLesions,
    parse_classes,
    segment_options,
)
from mriseg.cli.cohort_arguments import (
    Cluster,
    ClusterOptions,
    CohortMemory,
    DryRun,
    Jobs,
    Part,
    Resume,
    Retries,
    Timeout,
    part_of,
)
from mriseg.cli.groups import GroupBy, Participants, chosen_groups, chosen_numbers


def batch(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT",
            show_default=False,
            help="Scans, folders of scans, patterns in quotes, lists (.csv, .tsv, .txt), or BIDS data sets.",
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            metavar="DIR",
            show_default=False,
            help="Folder for all results.",
            rich_help_panel=OUTPUT,
        ),
    ],
    stripped: Stripped = False,
    contrast: TissueContrast = Contrast.AUTO,
    classes: Classes = "3",
    merge: Merge = False,
    covariance: Covariance = None,
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
    jobs: Jobs = None,
    memory: CohortMemory = None,
    timeout: Timeout = None,
    retries: Retries = 1,
    cluster: Cluster = None,
    cluster_options: ClusterOptions = None,
    resume: Resume = False,
    overwrite: Overwrite = False,
    part: Part = None,
    dry_run: DryRun = False,
    quiet: Quiet = False,
) -> None:
    """Segment many scans, several at a time.

    Each scan's files go to a folder of its own below DIR. What one scan does wrong stops no other: it is in
    failures.tsv with its reason, and the exit code is 3; it is 4 if none did and --fail-on names the verdict
    of one. In the end cohort.tsv holds a row for every scan and cohort_report.html shows them, the gravest
    verdict first.

    A list has a column scan and, if wanted, identifier (the folder of the results), channels (several with
    | between), mask, lesion_mask, lesions, contrast, classes, merge, covariance, stripped, bias, spatial,
    priors, warm_start, cohort_prior, fix_means for single scans; one that ends in .txt has but a path a line.

    For example: mriseg batch study/ -o results

    After a power cut: mriseg batch study/ -o results --resume
    """
    from mriseg._utils.object_storage import refuse_urls
    from mriseg.cli.cohort import check_usage, print_plan, run_plan
    from mriseg.cli.terminal import say
    from mriseg.cohort.dataset import check_apart
    from mriseg.cohort.plan import data_sets, plan
    from mriseg.cohort.run import Machine

    machine = Machine(jobs, memory and 1000 * memory, timeout, retries)
    check_usage(machine, cluster, cluster_options, both=resume and overwrite)
    options = segment_options(
        stripped=stripped,
        contrast=contrast.value,
        classes=parse_classes(classes),
        merge=merge,
        covariance=covariance,
        lesions=lesions.value,
        no_bias=no_bias,
        no_spatial=no_spatial,
        no_priors=no_priors,
        warm_start=warm_start and warm_start.absolute(),
        cohort_prior=cohort_prior and cohort_prior.absolute(),
    )
    refuse_urls([*map(Path, inputs), output], "mriseg batch")
    of_bids = data_sets(inputs)
    for dataset in of_bids:
        check_apart(dataset, output)
    scans = part_of(plan(inputs, options, report=not no_report), part)
    if not scans:
        say(f"{output}: part {part} has no scan")
        return
    groups = chosen_groups(group_by, participants, of_bids, scans)
    numbers = chosen_numbers(participants, of_bids, output)
    if dry_run:
        print_plan(scans, output, machine, cluster, resume=resume)
    else:
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
