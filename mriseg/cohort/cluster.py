"""Workers on a cluster through Dask: an existing scheduler, or a new one with workers of a batch system.

Scans and results are on a shared file system; Dask transfers only jobs and records.
"""

from __future__ import annotations

import tomllib
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mriseg import __version__
from mriseg.cohort.job import run_job
from mriseg.errors import CohortError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from concurrent.futures import Executor, Future
    from pathlib import Path

    from mriseg.cohort.job import Job
    from mriseg.cohort.record import Record

_CONNECT_SECONDS = 5
# More than the workers of any cluster, and few enough to poll.
_MAX_HANDED_OUT = 2000
_SILENT = dict.fromkeys(("distributed", "distributed.client", "tornado.application"), "critical")
# Classes of dask-jobqueue by batch system.
BATCH_SYSTEMS = {"slurm": "SLURMCluster", "pbs": "PBSCluster", "sge": "SGECluster", "lsf": "LSFCluster"}


@dataclass
class ClusterWorkers:
    """The workers of a Dask scheduler.

    Parameters
    ----------
    executor : concurrent.futures.Executor
        Of the Dask client.
    output : Path
        The output folder of the cohort, on the shared file system.
    """

    executor: Executor
    output: Path

    def submit(self, job: Job) -> Future[Record]:
        """Submit a job; the scheduler retries it if its worker dies."""
        return self.executor.submit(run_on_worker, job, self.output, __version__)

    def has_room(self, _job: Job, handed_out: Collection[Job]) -> bool:
        """Return whether another job may be queued at the scheduler."""
        return len(handed_out) < _MAX_HANDED_OUT

    def reason(self, error: BaseException) -> str:
        """Describe in one line why a worker did not finish a job."""
        if type(error).__name__ == "KilledWorker":
            return "every worker that took it died, most likely for want of memory; see the workers' logs"
        return f"{type(error).__name__}: {error}"


def run_on_worker(job: Job, output: Path, expected: str) -> Record:
    """Run a job on a worker of the same version of mriseg.

    Raises
    ------
    RuntimeError
        If it has another.
    """
    if expected != __version__:
        raise RuntimeError(f"the worker has mriseg {__version__}, the run was started by {expected}")
    return run_job(job, output)


@contextmanager
def cluster_workers(
    cluster: str, output: Path, options: Path | None = None, *, retries: int = 1
) -> Iterator[ClusterWorkers]:
    """Connect to a scheduler, or start one with workers of a batch system.

    Parameters
    ----------
    cluster : str
        Address of a Dask scheduler, ``tcp://host:8786``, or one of `BATCH_SYSTEMS`.
    output : Path
        The output folder of the cohort.
    options : Path, optional
        For a batch system: a TOML file with ``workers`` (the number of jobs to submit) and the keyword
        arguments of the class of dask-jobqueue, such as ``cores``, ``memory``, ``walltime``, ``queue``.
    retries : int
        Retries of a scan whose worker died or lacked memory or disk. For dead workers an
        existing scheduler applies its own limit, ``distributed.scheduler.allowed-failures``.

    Yields
    ------
    ClusterWorkers

    Raises
    ------
    CohortError
        If Dask is not installed, the scheduler does not answer, or the options are wrong.
    """
    try:
        import dask

        with dask.config.set(logging=_SILENT):  # read at import; errors are reported by us
            from distributed import Client
    except ImportError as error:
        raise CohortError("--cluster needs Dask: pip install dask-jobqueue distributed") from error
    with ExitStack() as stack:
        stack.enter_context(dask.config.set({"distributed.scheduler.allowed-failures": retries}))
        if cluster in BATCH_SYSTEMS:
            target: Any = stack.enter_context(_batch_system(cluster, options))
        else:
            target = cluster
        try:
            client = stack.enter_context(Client(target, timeout=_CONNECT_SECONDS, set_as_default=False))
        except (OSError, ValueError) as error:
            raise CohortError(
                f"{cluster}: no Dask scheduler answers; check the address, or start one by: dask scheduler"
            ) from error
        executor = client.get_executor(pure=False, retries=retries)
        yield ClusterWorkers(executor, output)


@contextmanager
def _batch_system(name: str, options: Path | None) -> Iterator[Any]:
    """Start a scheduler here and submit its workers; both end with the context."""
    import dask
    import dask_jobqueue

    settings = read_options(options)
    workers = settings.pop("workers", 1)
    needed = ("cores", "memory")
    if not all(settings.get(key) or dask.config.get(f"jobqueue.{name}.{key}", None) for key in needed):
        raise CohortError(f"{options or name}: say cores and memory, in a file for --cluster-options")
    try:
        with ExitStack() as stack:
            cluster = stack.enter_context(getattr(dask_jobqueue, BATCH_SYSTEMS[name])(**settings))
            _try_a_job(cluster)
            cluster.scale(jobs=workers)
            started = stack.pop_all()
    except (OSError, RuntimeError, TypeError, ValueError) as error:
        answer = " ".join(str(error).rpartition("stderr:")[2].split())
        raise CohortError(f"{options or name}: {name} gives no workers ({answer})") from error
    with started:
        yield cluster


def _try_a_job(cluster: Any) -> None:
    """Submit one job and cancel it: `scale` would wait for ever on a system that refuses jobs."""
    (kind,) = cluster.new_worker_spec().values()
    job = kind["cls"](cluster.scheduler_address, name="try", **kind["options"])
    cluster.sync(job.start)
    cluster.sync(job.close)


def read_options(path: Path | None) -> dict[str, Any]:
    """Read the options of a batch system from a TOML file; none without a file."""
    if path is None:
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CohortError(f"{path}: cannot be read as TOML ({error})") from error
