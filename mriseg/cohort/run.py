"""A cohort run: submits jobs to workers, retries lost ones and collects records."""

from __future__ import annotations

import shutil
from collections import Counter, deque
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import suppress
from dataclasses import dataclass, replace
from statistics import median
from typing import TYPE_CHECKING, Protocol

from mriseg._utils.atomic_write import remove_stale
from mriseg._utils.text import counted
from mriseg.cohort.record import FAILED, LOGS, Record, log_file, read_record, record_file
from mriseg.cohort.resources import available_cores, available_mb
from mriseg.cohort.scan_qc import describe_suspicious
from mriseg.cohort.summary import summarise
from mriseg.cohort.table import TableWriter, columns, row
from mriseg.errors import CohortError, OutputError
from mriseg.file_names import COHORT_TABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from mriseg.cohort.groups import Groups
    from mriseg.cohort.job import Job
    from mriseg.cohort.scan_qc import ScanQC


# What the results of a whole head of 1 mm take.
_LEAST_ROOM_MB = 50


class Workers(Protocol):
    """Interface of local and cluster workers."""

    def submit(self, job: Job) -> Future[Record]:
        """Hand out a job."""

    def has_room(self, job: Job, handed_out: Collection[Job]) -> bool:
        """Return whether another job can be submitted now."""

    def reason(self, error: BaseException) -> str:
        """Describe in one line why a worker did not finish a job."""


@dataclass(frozen=True)
class Machine:
    """Resource limits and retries of a local run.

    Parameters
    ----------
    jobs : int, optional
        Scans at a time; otherwise as many as there are cores and memory for.
    memory_mb : float, optional
        What all workers may take together; otherwise what is free.
    timeout : float, optional
        Time limit of one scan, seconds.
    retries : int
        See `run_jobs`.
    """

    jobs: int | None = None
    memory_mb: float | None = None
    timeout: float | None = None
    retries: int = 1

    def planned_mb(self) -> float:
        """Return what all workers may take together."""
        return self.memory_mb or available_mb()

    def workers(self, jobs: Sequence[Job]) -> int:
        """Return the number of workers for a plan."""
        usual = median(job.planned_mb for job in jobs)
        return self.jobs or max(1, min(available_cores(), len(jobs), int(self.planned_mb() / usual)))


@dataclass(frozen=True)
class Outcome:
    """The outcome of a run.

    Parameters
    ----------
    records : list of Record
        Of the scans of this run.
    checked : list of ScanQC
        All segmented scans of the output folder.
    """

    records: list[Record]
    checked: list[ScanQC]

    @property
    def failed(self) -> list[Record]:
        """The scans of this run that failed."""
        return [record for record in self.records if record.status == FAILED]

    @property
    def exit_code(self) -> int:
        """Return 0 if all went well, 3 if a scan failed."""
        return 3 if self.failed else 0

    def __str__(self) -> str:
        fresh = sum(record.fresh and record.status != FAILED for record in self.records)
        earlier = len(self.records) - fresh - len(self.failed)
        parts = [f"{counted(fresh, 'scan')} segmented"]
        parts += [f"{earlier} done before"] if earlier else []
        parts += [f"{len(self.failed)} failed"] if self.failed else []
        return f"{', '.join(parts)}; {describe_suspicious(self.checked)}."


def check_output(jobs: Sequence[Job], output: Path, *, resume: bool, overwrite: bool) -> None:
    """Check for earlier results in the output folder, and prepare it.

    Parameters
    ----------
    jobs : sequence of Job
    output : Path
    resume : bool
        Earlier results may stay.
    overwrite : bool
        Delete the sidecars of earlier results of these scans.

    Raises
    ------
    OutputError
        If there are results and neither option was given, or the folder cannot be written.
    """
    there = [job for job in jobs if job.sidecar(output).exists()]
    if there and not (resume or overwrite):
        raise OutputError(
            f"{output}: has results of {len(there)} of these {counted(len(jobs), 'scan')} already, such as "
            f"{there[0].identifier}; give --resume to go on, or --overwrite to do them again"
        )
    try:
        output.mkdir(parents=True, exist_ok=True)
        remove_stale(output / LOGS)
        if overwrite:
            for job in there:
                job.sidecar(output).unlink()
    except OSError as error:
        raise OutputError(f"{output}: cannot be written ({error.strerror}); choose another folder") from error


def run_cohort(
    jobs: Sequence[Job],
    output: Path,
    start: Callable[[], AbstractContextManager[Workers]],
    tell: Callable[[Record], None],
    *,
    retries: int,
    groups: Groups | None = None,
    numbers: Sequence[Groups] = (),
    tables: Sequence[Path] = (),
) -> Outcome:
    """Run all jobs, write the table as they finish, and summarise.

    Parameters
    ----------
    jobs : sequence of Job
        Checked by `check_output`.
    output : Path
    start : callable
        Returns the context manager of the workers.
    tell : callable
        Called with each record as it comes.
    retries : int
        See `run_jobs`.
    groups, numbers, tables
        See `mriseg.cohort.summary.summarise`.

    Returns
    -------
    Outcome
    """
    records = []
    with start() as workers, TableWriter(output / COHORT_TABLE, columns(_tissues(jobs))) as table:
        for record in run_jobs(jobs, output, workers, retries=retries):
            records.append(record)
            table.write(row(record))
            tell(record)
    return Outcome(records, summarise(output, records, groups, numbers, tables).checked)


def _tissues(jobs: Sequence[Job]) -> set[str]:
    return {tissue.abbreviation for job in jobs for tissue in job.options.tissues}


def run_jobs(jobs: Sequence[Job], output: Path, workers: Workers, *, retries: int) -> Iterator[Record]:
    """Do all jobs, each exactly once, and yield their records as they come.

    Parameters
    ----------
    jobs : sequence of Job
    output : Path
        The output folder of the cohort.
    workers : Workers
    retries : int
        How often a job is tried again whose worker died, took too long, or found no memory or disk. It waits
        until all others are done and then runs alone. A bad scan is never tried again.

    Yields
    ------
    Record

    Raises
    ------
    CohortError
        If the scheduler of a cluster is gone.
    OutputError
        If there is no room for the results of another scan.
    """
    waiting, tries = deque(jobs), Counter[str]()
    handed_out: dict[Future[Record], Job] = {}
    while waiting or handed_out:
        while waiting and _fits(waiting[0], handed_out.values(), workers, tries):
            job = waiting.popleft()
            _check_room(output)
            handed_out[workers.submit(job)] = job
        for future in wait(handed_out, return_when=FIRST_COMPLETED).done:
            job = handed_out.pop(future)
            if future.cancelled():
                raise CohortError(f"{output}: the scheduler of the cluster is gone; go on with --resume")
            error = future.exception()
            if error is None:
                yield future.result()
            elif tries[job.identifier] < retries:
                tries[job.identifier] += 1
                waiting.append(job)
                _append_to_log(job, output, f"{workers.reason(error)}; it is tried again at the end")
            else:
                yield _given_up(job, output, workers.reason(error))


def _check_room(output: Path) -> None:
    """Raise OutputError if the disk is all but full: scans would be segmented, and none could be stored."""
    with suppress(OSError):  # not there yet, or of a file system that does not say
        free_mb = shutil.disk_usage(output).free / 1e6
        if free_mb < _LEAST_ROOM_MB:
            raise OutputError(
                f"{output}: there are {free_mb:.0f} MB of room, and results of a scan may take "
                f"{_LEAST_ROOM_MB} MB; make room and go on with --resume"
            )


def _fits(job: Job, handed_out: Collection[Job], workers: Workers, tries: Counter[str]) -> bool:
    alone = bool(tries) and any(tries[other.identifier] for other in (job, *handed_out))
    return not handed_out or (not alone and workers.has_room(job, handed_out))


def _append_to_log(job: Job, output: Path, text: str) -> None:
    """Append a line to the log of a scan on behalf of a dead worker."""
    with suppress(OSError):
        path = log_file(output, job.identifier)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8", errors="backslashreplace") as log:
            log.write(f"{text}\n")


def _given_up(job: Job, output: Path, reason: str) -> Record:
    _append_to_log(job, output, reason)
    earlier = read_record(record_file(output, job.identifier)) or job.record()
    record = replace(job.record().failed(job.in_short(reason, output)), histogram=earlier.histogram)
    with suppress(OutputError):  # a full disk is no reason to stop
        record.write(output)
    return record
