"""Measure a cohort run: time against the CPU time of single scans, memory against the plan, failures.

    python scripts/benchmark_cohort.py run DATA_DIR [--scans 200] [--jobs N]
    python scripts/benchmark_cohort.py small DATA_DIR [--scans 200] [--zooms 4] [--jobs 1]
    python scripts/benchmark_cohort.py scheduler [--scans 500] [--workers 2]
    python scripts/benchmark_cohort.py summary [--rows 2000] [-o DIR]

`run` makes a cohort of links to the quick scans in DATA_DIR/bids and ten hostile files of DATA_DIR/hostile,
runs `mriseg batch` on it, and prints its wall time and its CPU time beside what single runs of
`mriseg segment` take in CPU seconds (each different scan measured once) over the cores; the peak memory of
all workers together beside what was planned; and the reason of every failure. Wall times mean something
only where nothing else runs.

`small` runs a cohort of the quick scans resampled to large voxels, in which what is not segmentation shows:
scans a second, the share of the cores that the workers took, CPU seconds of the process that hands the scans
out, and whether the peak memory of a scan grows with the number of scans that its worker has done.

`scheduler` hands out files that are no images, which take a worker milliseconds: in this process, by local
workers, and by a Dask scheduler with workers of one thread on this machine. What they take more is overhead.

`summary` writes the sidecars of a simulated cohort and times `mriseg summarise`.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING

import nibabel as nib
import numpy as np
import psutil
from nibabel.processing import resample_to_output

from mriseg.cohort.cluster import cluster_workers
from mriseg.cohort.job import Job, run_job
from mriseg.cohort.local import local_workers
from mriseg.cohort.resources import available_cores, scan_mb
from mriseg.cohort.run import run_jobs
from mriseg.qc import look_closely
from mriseg.results.sidecar import SCHEMA_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mriseg.cohort.run import Workers

QUICK = ("elder01", "elder02", "elder03", "elder04", "elder05", "elder06", "xa30", "pumi")
HOSTILE = (
    "made_all_zero", "made_constant", "made_truncated", "made_not_gz", "made_bad_magic", "made_complex",
    "made_rgb24", "made_single_slice", "made_4d_two_vols", "made_empty", "made_sform_singular",
)  # fmt: skip
HOSTILE_COUNT = 10


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    what = parser.add_subparsers(required=True)
    run = what.add_parser("run")
    run.add_argument("data", type=Path)
    run.add_argument("--scans", type=int, default=200)
    run.add_argument("--jobs", type=int, default=available_cores())
    run.set_defaults(measure=lambda arguments: measure_run(arguments.data, arguments.scans, arguments.jobs))
    small = what.add_parser("small")
    small.add_argument("data", type=Path)
    small.add_argument("--scans", type=int, default=200)
    small.add_argument("--zooms", type=float, default=4.0)
    small.add_argument("--jobs", type=int, default=1)
    small.set_defaults(measure=lambda given: measure_small(given.data, given.scans, given.zooms, given.jobs))
    scheduler = what.add_parser("scheduler")
    scheduler.add_argument("--scans", type=int, default=500)
    scheduler.add_argument("--workers", type=int, default=2)
    scheduler.set_defaults(measure=lambda given: measure_scheduler(given.scans, given.workers))
    summary = what.add_parser("summary")
    summary.add_argument("--rows", type=int, default=2000)
    summary.add_argument("-o", "--output", type=Path)
    summary.set_defaults(measure=lambda arguments: measure_summary(arguments.rows, arguments.output))
    arguments = parser.parse_args()
    arguments.measure(arguments)


def measure_run(data: Path, count: int, jobs: int) -> None:
    """Run a cohort and print what it took."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        sources = make_cohort(data, root / "scans", count)
        cpu = {scan: single_cpu(scan, root / "single") for scan in dict.fromkeys(sources)}
        fair = sum(cpu[scan] for scan in sources) / jobs
        command = [sys.executable, "-m", "mriseg", "batch", "scans", "-o", "out", "-j", str(jobs)]
        process = subprocess.Popen(
            command, cwd=root, stderr=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
        )
        used = watch(process)
        assert process.stdout is not None  # noqa: S101
        print(process.stdout.read().strip())
        planned = sum(sorted(map(scan_mb, sources))[-jobs:])
        print(f"exit code {used.code}; {len(list((root / 'out').rglob('*_dseg.json')))} sidecars")
        wall, spent = used.wall, used.cpu / jobs
        print(
            f"wall {wall:.0f} s; CPU of single scans over {jobs} cores {fair:.0f} s: {wall / fair - 1:+.1%}"
        )
        print(f"CPU of the run over {jobs} cores {spent:.0f} s: {spent / fair - 1:+.1%}")
        print(f"workers' peak {used.peak_mb:.0f} MB together; planned {planned:.0f} MB")
        with (root / "out" / "failures.tsv").open(newline="") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                print(f"  {row['identifier']}: {row['reason'].replace(str(root), '')}")


def make_cohort(data: Path, scans: Path, count: int) -> list[Path]:
    """Link the scans of a cohort into a folder; return what they link to."""
    files = [data / "bids" / f"sub-{name}" / "anat" / f"sub-{name}_T1w.nii.gz" for name in QUICK]
    hostile = sorted(path for name in HOSTILE for path in islice((data / "hostile").glob(f"{name}.nii*"), 1))[
        :HOSTILE_COUNT
    ]
    sources = [*islice(cycle(files), count - len(hostile)), *hostile]
    # The hostile ones lie scattered among the others.
    places = np.random.default_rng(0).permutation(count)
    scans.mkdir()
    for place, source in zip(places, sources, strict=True):
        (scans / f"{place:04}{''.join(source.suffixes)}").symlink_to(source.resolve())
    return sources


def single_cpu(scan: Path, output: Path) -> float:
    """Return the CPU seconds of `mriseg segment` on one scan."""
    command = [sys.executable, "-m", "mriseg", "segment", "-q", "--overwrite", str(scan), "-o", str(output)]
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, env=environment)
    _, _, usage = os.wait4(process.pid, 0)
    return usage.ru_utime + usage.ru_stime


@dataclass(frozen=True)
class Used:
    """What a run used: wall and CPU seconds, those of its workers, and their peak memory together (MB)."""

    code: int
    wall: float
    cpu: float
    workers_cpu: float
    peak_mb: float


def watch(process: subprocess.Popen[str]) -> Used:
    """Wait for a process that has just been started, and return what it and its workers used."""
    peak, ended, cpu, start = 0.0, threading.Event(), dict[int, float](), time.monotonic()

    def look() -> None:
        nonlocal peak
        parent = psutil.Process(process.pid)
        while not ended.wait(0.1):
            total = 0.0
            for child in parent.children(recursive=True):
                try:
                    total += child.memory_info().rss / 1e6
                    cpu[child.pid] = sum(child.cpu_times()[:2])
                except psutil.Error:
                    continue
            peak = max(peak, total)

    watcher = threading.Thread(target=look)
    watcher.start()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - start
    ended.set()
    watcher.join()
    code, spent = os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime
    return Used(code, wall, spent, sum(cpu.values()), peak)


def measure_small(data: Path, scans: int, zooms: float, jobs: int) -> None:
    """Run a cohort of small scans and print its rate, its shares of the cores and how its memory grows."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        sources = make_small(data, root / "small", zooms)
        (root / "scans").mkdir()
        for number, source in enumerate(islice(cycle(sources), scans)):
            (root / "scans" / f"{number:04}.nii.gz").symlink_to(source)
        command = [sys.executable, "-m", "mriseg", "batch", "scans", "-o", "out", "-q", "-j", str(jobs)]
        used = watch(subprocess.Popen(command, cwd=root, text=True))
        records = [json.loads(file.read_text()) for file in sorted((root / "out" / "logs").glob("*.json"))]
        size = sum(file.stat().st_size for file in (root / "out").rglob("*") if file.is_file()) / 1e6
    print(f"exit code {used.code}; {len(records)} scans of {zooms:g} mm, {jobs} at a time")
    print(f"wall {used.wall:.0f} s: {len(records) / used.wall:.2f} scans/s")
    print(
        f"CPU {used.cpu:.0f} s, {used.cpu / len(records):.2f} s a scan; workers {used.workers_cpu:.0f} s, "
        f"{used.workers_cpu / jobs / used.wall:.1%} of {jobs} cores x wall; "
        f"the rest {1000 * (used.cpu - used.workers_cpu) / len(records):.0f} ms a scan"
    )
    print(f"workers' peak {used.peak_mb:.0f} MB together; results {size / len(records):.2f} MB a scan")
    # Rounds of the same scans: what differs between them is not the scans.
    peaks = np.array([record["PeakMB"] for record in records])
    rounds = peaks[: len(peaks) // len(sources) * len(sources)].reshape(-1, len(sources)).mean(axis=1)
    slope = np.polyfit(np.arange(1, len(rounds)), rounds[1:], 1)[0] / len(sources)
    print(f"mean peak of each round of {len(sources)} scans, MB: {' '.join(f'{mb:.1f}' for mb in rounds)}")
    print(f"growth after the first round: {1000 * slope:+.1f} KB a scan")


def make_small(data: Path, folder: Path, zooms: float) -> list[Path]:
    """Write the quick scans with larger voxels; return their files."""
    folder.mkdir()
    files = []
    for name in QUICK:
        scan = nib.load(data / "bids" / f"sub-{name}" / "anat" / f"sub-{name}_T1w.nii.gz")
        small = resample_to_output(nib.as_closest_canonical(scan), zooms, order=1)
        files.append(folder / f"{name}.nii.gz")
        nib.Nifti1Image(small.get_fdata().astype(np.float32), small.affine).to_filename(files[-1])
    return files


def measure_scheduler(count: int, workers: int) -> None:
    """Print what handing a scan out takes."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        root = Path(folder)
        jobs = [Job(root / f"{number}.nii", str(number)) for number in range(count)]
        for job in jobs:
            job.scan.write_text("no image")
        start = Spent.now()
        for job in jobs:
            run_job(job, root / "here")
        alone = Spent.now().since(start)
        print(f"{count} scans, a scan: in this process {alone.a_scan(count)}")
        by_pool = stack.enter_context(local_workers(root / "local", workers, 1e6))
        report_handing_out("local workers", jobs, root / "local", by_pool, alone)
        address = stack.enter_context(dask_scheduler(root, workers))
        by_dask = stack.enter_context(cluster_workers(address, root / "dask", retries=0))
        report_handing_out("Dask", jobs, root / "dask", by_dask, alone)


@dataclass(frozen=True)
class Spent:
    """Wall time, and CPU time of this process and its children, seconds."""

    wall: float
    cpu: float

    @classmethod
    def now(cls) -> Spent:
        """Return what has been spent so far."""
        here = psutil.Process()
        ended = sum(here.cpu_times()[2:4])  # children of this process that were replaced
        cpu = sum(sum(process.cpu_times()[:2]) for process in (here, *here.children(recursive=True)))
        return cls(time.monotonic(), cpu + ended)

    def since(self, start: Spent) -> Spent:
        """Return what has been spent since."""
        return Spent(self.wall - start.wall, self.cpu - start.cpu)

    def a_scan(self, count: int) -> str:
        """Describe a share."""
        return f"{1000 * self.cpu / count:.1f} ms CPU, {1000 * self.wall / count:.1f} ms wall"


def report_handing_out(name: str, jobs: list[Job], output: Path, workers: Workers, alone: Spent) -> None:
    """Run all jobs and print what they took beyond themselves."""
    deque(run_jobs(jobs[:20], output, workers, retries=0), maxlen=0)  # imports, connections
    start = Spent.now()
    deque(run_jobs(jobs, output, workers, retries=0), maxlen=0)
    spent = Spent.now().since(start)
    print(f"{name}: {spent.a_scan(len(jobs))}; more CPU {1000 * (spent.cpu - alone.cpu) / len(jobs):.1f} ms")


@contextmanager
def dask_scheduler(folder: Path, workers: int) -> Iterator[str]:
    """Start a scheduler and workers of one thread; yield the address."""
    dask = [sys.executable, "-m", "dask"]
    here = ["--host", "127.0.0.1", "--no-dashboard"]
    with ExitStack() as stack:

        def start(*words: str) -> subprocess.Popen[str]:
            pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
            process = subprocess.Popen([*dask, *words, *here], cwd=folder, **pipes)
            stack.enter_context(process)
            stack.callback(process.terminate)
            return process

        scheduler = start("scheduler", "--port", "0")
        address = next(found[0] for line in scheduler.stderr if (found := re.search(r"tcp://[\d.:]+", line)))
        for _ in range(workers):
            worker = start("worker", address, "--nthreads", "1", "--no-nanny")
            next(line for line in worker.stderr if "Starting established connection" in line)
        yield address


def measure_summary(rows: int, output: Path | None) -> None:
    """Time `mriseg summarise` on a simulated cohort."""
    with tempfile.TemporaryDirectory() as folder:
        root = output or Path(folder)
        simulate_results(root, rows)
        start = time.monotonic()
        subprocess.run([sys.executable, "-m", "mriseg", "summarise", str(root)], check=True)
        size = (root / "cohort_report.html").stat().st_size / 1e6
        print(f"{rows} rows in {time.monotonic() - start:.1f} s; the page has {size:.1f} MB")


def simulate_results(root: Path, rows: int) -> None:
    """Write sidecars and records as a run does; every hundredth scan is out of line."""
    generator = np.random.default_rng(0)
    for k in range(rows):
        name, scan = f"sub-{k:04}", f"sub-{k:04}_T1w.nii.gz"
        odd = k % 100 == 0
        shares = [0.2, 0.45, 0.35] + generator.normal(0, 0.01, 3) + odd * np.array([-0.1, 0.2, -0.1])
        mask = float(generator.normal(1500, 120))
        means = np.array([30.0, 70.0, 100.0]) * generator.normal(1, 0.03, 3)
        parts = zip(
            ("CSF", "GM", "WM"), (mask * shares).tolist(), shares.tolist(), means.tolist(), strict=True
        )
        sidecar = {
            "Sources": [scan],
            "BrainMask": {"VolumeML": mask, "TemplateSimilarity": float(generator.normal(0.7, 0.03))},
            "Classes": {
                tissue: {"Label": label, "ml": ml, "label_ml": ml, "fraction": share, "mean": mean, "sd": 5.0}
                for label, (tissue, ml, share, mean) in zip((3, 1, 2), parts, strict=True)
            },
            "BiasField": {"Lowest": 0.9, "Highest": float(generator.normal(1.1, 0.02))},
            "Contrast": {"Used": "t1"},
            "Mixture": {},
            "Files": [f"{name}_dseg.json"],
            "SchemaVersion": SCHEMA_VERSION,
            "Warnings": [look_closely("tissue-share", "GM is 65% of the brain mask").recorded()]
            if odd
            else [],
        }
        folder = root / name / "anat"
        folder.mkdir(parents=True)
        (folder / f"{name}_dseg.json").write_text(json.dumps(sidecar))
        record = {"Identifier": name, "Scan": scan, "Folder": f"{name}/anat", "Status": "done"}
        record |= {"Seconds": 5.0, "PeakMB": 200.0, "Histogram": []}
        (root / "logs").mkdir(exist_ok=True)
        (root / "logs" / f"{name}.json").write_text(json.dumps(record))


if __name__ == "__main__":
    main()
