"""Parallel work on threads: numpy, scipy and zlib release the global interpreter lock.

The partition does not depend on the number of threads, so that results are the same bytes.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_T = TypeVar("_T")

# Threads at the most; more are limited by the bandwidth of the memory.
_MAX_THREADS = 4


def thread_count() -> int:
    """Return the number of threads: OMP_NUM_THREADS, or the cores of this process; four at the most."""
    requested = os.environ.get("OMP_NUM_THREADS", "")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(int(requested) if requested.isdigit() else cores, _MAX_THREADS))


def run_in_parallel(tasks: Iterable[Callable[[], object]]) -> None:
    """Run independent tasks on threads; the exception of the first that fails is raised.

    Parameters
    ----------
    tasks : iterable of callable
        The longest first.
    """
    with ThreadPoolExecutor(thread_count()) as pool:
        try:
            for future in [pool.submit(task) for task in tasks]:
                future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)  # the rest would fail likewise, as on a full disk
            raise


def beside(task: Callable[[], _T]) -> Callable[[], _T]:
    """Start a task on a thread of its own, if there may be more than one.

    Parameters
    ----------
    task : callable
        Writes to nothing that the caller reads or writes.

    Returns
    -------
    callable
        Waits for the task; returns or raises what it does.
    """
    if thread_count() == 1:
        return task
    pool = ThreadPoolExecutor(1)
    future = pool.submit(task)
    pool.shutdown(wait=False)
    return future.result


def parallel_chunks(work: Callable[[slice], object], length: int, size: int) -> None:
    """Process a range in consecutive chunks on threads.

    Parameters
    ----------
    work : callable
        Takes the slice of a chunk; writes to nothing that another chunk reads or writes.
    length : int
        Of the range.
    size : int
        Of a chunk; the last may be smaller.
    """
    with ThreadPoolExecutor(thread_count()) as pool:
        for _ in pool.map(work, [slice(i, min(i + size, length)) for i in range(0, length, size)]):
            pass
