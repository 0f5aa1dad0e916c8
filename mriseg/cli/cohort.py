"""What ``mriseg batch`` and ``mriseg bids`` have in common: the plan on paper, the run on a terminal."""

from __future__ import annotations

import math
import time
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from mriseg.cli.arguments import FailOn
    from mriseg.cli.groups import Numbers
    from mriseg.cohort.groups import Groups
    from mriseg.cohort.job import Job
    from mriseg.cohort.record import Record
    from mriseg.cohort.run import Machine, Workers


def check_usage(machine: Machine, cluster: str | None, options: Path | None, *, both: bool) -> None:
    """Raise a usage error for options that exclude each other; `both` is resuming and overwriting."""
    if both:
        raise typer.BadParameter("--resume and --overwrite exclude each other")
    if cluster and (machine.jobs or machine.memory_mb or machine.timeout):
        raise typer.BadParameter("--jobs, --memory and --timeout are for this machine, not for a --cluster")
    if options and not cluster:
        raise typer.BadParameter("--cluster-options needs --cluster")
    if cluster and ":" not in cluster:
        from mriseg.cohort.cluster import BATCH_SYSTEMS

        if cluster not in BATCH_SYSTEMS:
            known = ", ".join(BATCH_SYSTEMS)
            raise typer.BadParameter(
                f"--cluster {cluster}: is none of {known}, and no address (tcp://host:8786)"
            )


def print_plan(
    jobs: Sequence[Job], output: Path, machine: Machine, cluster: str | None, *, resume: bool
) -> None:
    """Print what a run would do, one scan a line, as a table."""
    from mriseg._utils.text import printable
    from mriseg.cohort.job import is_done

    typer.echo("identifier\tscan\tresults\toptions\tstate")
    planned, to_do = machine.planned_mb(), 0
    limit = math.inf if cluster else planned
    for job in jobs:
        state = "to do" if job.planned_mb <= limit else "too large"
        state = "done" if resume and is_done(job, output) else state
        to_do += state == "to do"
        options = " ".join(f"{name}={_as_cell(value)}" for name, value in job.options.given.items())
        cells = (job.identifier, job.scan, f"{job.folder}/", options or "n/a", state)
        typer.echo("\t".join(printable(str(cell)) for cell in cells))
    most = max(job.planned_mb for job in jobs)
    typer.echo(
        f"{to_do} of {len(jobs)} scans to do, {machine.workers(jobs)} at a time; "
        f"the largest takes about {most:.0f} MB of the {planned:.0f} MB that may be taken",
        err=True,
    )


def _as_cell(value: object) -> str:
    """Return the value of an option as a list has it."""
    return "|".join(map(str, value)) if isinstance(value, tuple) else str(value)


def run_plan(
    jobs: Sequence[Job],
    output: Path,
    machine: Machine,
    cluster: str | None,
    options: Path | None,
    *,
    resume: bool,
    overwrite: bool,
    quiet: bool,
    fail_on: FailOn | None = None,
    groups: Groups | None = None,
    numbers: Numbers,
) -> None:
    """Do the jobs of a plan, show how it goes, and exit with 3 if scans failed, 4 on a verdict."""
    from mriseg.cli.groups import warn_of_cohort
    from mriseg.cli.terminal import code_of_verdicts, say
    from mriseg.cohort.cluster import cluster_workers
    from mriseg.cohort.local import local_workers
    from mriseg.cohort.run import check_output, run_cohort
    from mriseg.cohort.scan_qc import describe_groups
    from mriseg.file_names import COHORT_FAILURES, COHORT_PAGE

    check_output(jobs, output, resume=resume, overwrite=overwrite)
    folder, start = output.absolute(), time.perf_counter()
    workers: Callable[[], AbstractContextManager[Workers]]
    if cluster:  # the scheduler itself tries again
        retries, workers = 0, partial(cluster_workers, cluster, folder, options, retries=machine.retries)
    else:
        count, memory = machine.workers(jobs), machine.planned_mb()
        retries, workers = machine.retries, partial(local_workers, folder, count, memory, machine.timeout)
    with _progress_callback(len(jobs), quiet=quiet) as tell:
        outcome = run_cohort(
            jobs,
            output,
            workers,
            tell,
            retries=retries,
            groups=groups,
            numbers=numbers.columns,
            tables=numbers.tables,
        )
    warn_of_cohort(output, outcome.checked, groups, numbers)
    if not quiet:
        reasons = f"; reasons in {output / COHORT_FAILURES}" if outcome.failed else ""
        say(f"{outcome} {time.perf_counter() - start:.0f} s.", f"See {output / COHORT_PAGE}{reasons}")
        if groups:
            say(describe_groups(outcome.checked, groups.column))
    verdicts = (record.verdict for record in outcome.records if record.verdict)
    raise typer.Exit(outcome.exit_code or code_of_verdicts(verdicts, fail_on))


@contextmanager
def _progress_callback(count: int, *, quiet: bool) -> Iterator[Callable[[Record], None]]:
    """Lend a function that shows each record: a bar for a person, lines for a file."""
    console = Console(stderr=True)
    if quiet:
        yield lambda _record: None
        return
    if not console.is_terminal:
        width, so_far = len(str(count)), iter(range(1, count + 1))
        yield lambda record: typer.echo(f"[{next(so_far):>{width}}/{count}] {_line(record)}", err=True)
        return
    rate = TextColumn("{task.fields[rate]}")
    with Progress(BarColumn(), MofNCompleteColumn(), rate, TimeRemainingColumn(), console=console) as bar:
        task = bar.add_task("scans", total=count, rate="")
        start, fresh = time.perf_counter(), iter(range(1, count + 1))

        def tell(record: Record) -> None:
            if not record.is_done or (record.fresh and record.reasons):
                bar.console.print(_line(record), markup=False, highlight=False)
            if record.fresh:
                per_minute = 60 * next(fresh) / (time.perf_counter() - start)
                bar.update(task, rate=f"{per_minute:.1f} scans/min")
            bar.advance(task)

        yield tell


def _line(record: Record) -> str:
    from mriseg._utils.text import printable

    if not record.is_done:
        return f"{printable(record.identifier)}: failed: {printable(record.reason)}"
    seconds = f"{record.seconds:.1f} s" if record.fresh and record.seconds is not None else "before"
    done = f"{printable(record.identifier)}: done {'in ' if record.fresh else ''}{seconds}: {record.verdict}"
    if not record.reasons:
        return done
    first, *others = record.reasons
    more = f" (and {len(others)} more)" if others else ""
    return f"{done}: {printable(first.text)}{more}"
