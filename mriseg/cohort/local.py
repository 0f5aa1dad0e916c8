"""Local worker processes; each runs many scans, and one that dies does not affect the others.

pebble ends a single worker at a time-out and survives the death of any; the process pools of the
standard library and of loky break when one worker dies.
"""

from __future__ import annotations

import os
import signal
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TookTooLong
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import TYPE_CHECKING

from pebble import ProcessExpired, ProcessPool

from mriseg._utils.atomic_write import remove_stale
from mriseg.cohort.job import run_job
from mriseg.cohort.record import LOGS
from mriseg.errors import CohortError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from multiprocessing.context import BaseContext
    from pathlib import Path

    from mriseg.cohort.job import Job
    from mriseg.cohort.record import Record

# One thread a worker, against oversubscription of the cores by linear algebra.
_ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
# Jobs submitted per worker: one running, one queued.
_HANDED_OUT = 2
# Scans until a worker is replaced by a new one: its heap, in pieces after scans of several sizes, grew by a
# twelfth over 200 small ones. Starting a worker takes less than a hundredth of so many scans.
_SCANS_OF_A_WORKER = 100


@dataclass
class LocalWorkers:
    """Worker processes on this machine.

    Parameters
    ----------
    pool : pebble.ProcessPool
    output : Path
        The output folder of the cohort.
    count : int
        Number of workers.
    memory_mb : float
        Memory of all workers together, MB.
    timeout : float or None
        Time limit of one scan, seconds.
    folders : set of Path
        Output folders of the scans that were submitted.
    """

    pool: ProcessPool
    output: Path
    count: int
    memory_mb: float
    timeout: float | None
    folders: set[Path] = field(default_factory=set)

    def submit(self, job: Job) -> Future[Record]:
        """Submit a job; fail it at once if it alone exceeds the memory limit."""
        need = job.planned_mb
        if need > self.memory_mb:
            refused: Future[Record] = Future()
            refused.set_exception(MemoryError(_too_large(need, self.memory_mb)))
            return refused
        self.folders.add(self.output / job.folder)
        future: Future[Record] = self.pool.schedule(run_job, (job, self.output), timeout=self.timeout)
        return future

    def has_room(self, job: Job, handed_out: Collection[Job]) -> bool:
        """Return whether the jobs that need most memory fit the limit together, one a worker."""
        if len(handed_out) >= _HANDED_OUT * self.count:
            return False
        needs = sorted(other.planned_mb for other in (job, *handed_out))
        return sum(needs[-self.count :]) <= self.memory_mb

    def reason(self, error: BaseException) -> str:
        """Describe in one line why a worker did not finish a job."""
        if isinstance(error, TookTooLong):
            return f"took longer than {self.timeout:g} s; give more by --timeout"
        if isinstance(error, MemoryError):
            return str(error) or "ran out of memory; give fewer --jobs"
        if isinstance(error, ProcessExpired):
            return f"its worker died ({_cause(error.exitcode)})"
        return f"{type(error).__name__}: {error}"


def _too_large(need_mb: float, memory_mb: float) -> str:
    return (
        f"would take about {need_mb / 1000:.1f} GB of memory where {memory_mb / 1000:.1f} GB may be taken; "
        "allow more by --memory or use a larger machine"
    )


def _cause(exit_code: int | None) -> str:
    if exit_code is None or exit_code >= 0:
        return f"exit code {exit_code}"
    name = signal.Signals(-exit_code).name
    if name == "SIGKILL":
        return f"{name}: the system kills what takes too much memory; give fewer --jobs"
    return f"{name}; the log of the scan says where"


def _context() -> BaseContext:
    """Return how workers are started, after a trial of what they share: pebble would fail only later."""
    context = get_context("spawn")  # not forked: no lock or thread is shared with this process
    try:
        context.RLock()
    except OSError as error:
        raise CohortError(
            f"no worker can be started, as /dev/shm cannot be written ({error.strerror}); make it writable, "
            "or run mriseg segment scan by scan"
        ) from error
    return context


@contextmanager
def local_workers(
    output: Path, count: int, memory_mb: float, timeout: float | None = None
) -> Iterator[LocalWorkers]:
    """Start workers on this machine, and end them with the context, at once if it ends by an error.

    Parameters
    ----------
    output, count, memory_mb, timeout
        See `LocalWorkers`.

    Yields
    ------
    LocalWorkers

    Raises
    ------
    CohortError
        If the system has no semaphores, which the workers share.
    """
    context = _context()
    known = {name: os.environ.get(name) for name in _ONE_THREAD}
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))
    pool = ProcessPool(max_workers=count, max_tasks=_SCANS_OF_A_WORKER, context=context)
    workers = LocalWorkers(pool, output, count, memory_mb, timeout)
    try:
        yield workers
        pool.close()
    finally:
        pool.stop()
        pool.join()
        # Workers that were stopped at work have left their scratch folders.
        for folder in (output / LOGS, *workers.folders):
            remove_stale(folder)
        for name, value in known.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
