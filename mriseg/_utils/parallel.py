"""Work for several cores: numpy and zlib let go of Python's lock, so threads do.

What is split is split the same way however many threads there are: the same bytes come out.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

# More threads than this wait for memory.
_MAX_THREADS = 4


def thread_count() -> int:
    """Return how many threads to work with: OMP_NUM_THREADS, or the cores of this process; four at most."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(int(asked) if asked.isdigit() else cores, _MAX_THREADS))


def run_in_parallel(tasks: Iterable[Callable[[], object]]) -> None:
    """Do tasks that do not depend on one another, each on a thread; what the first to fail raises is raised.

    Parameters
    ----------
    tasks : iterable of callable
        Those that take longest first.
    """
    with ThreadPoolExecutor(thread_count()) as pool:
        try:
            for done in [pool.submit(task) for task in tasks]:
                done.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)  # a full disk will not take the rest either
            raise


def parallel_chunks(work: Callable[[slice], object], length: int, size: int) -> None:
    """Work on consecutive parts of a range, several at a time.

    Parameters
    ----------
    work : callable
        Takes the slice of a part; touches nothing that belongs to another.
    length : int
        Of the range.
    size : int
        Of a part; the last may be smaller.
    """
    with ThreadPoolExecutor(thread_count()) as pool:
        for _ in pool.map(work, [slice(i, min(i + size, length)) for i in range(0, length, size)]):
            pass
