"""Measure a cohort run: time against the CPU time of single scans, memory against the plan, failures.

    python scripts/benchmark_cohort.py run DATA_DIR [--scans 200] [--jobs N]
    python scripts/benchmark_cohort.py summary [--rows 2000] [-o DIR]

`run` makes a cohort of links to the quick scans in DATA_DIR/bids and ten hostile files of DATA_DIR/hostile,
runs `mriseg batch` on it, and prints its wall time and its CPU time beside what single runs of
`mriseg segment` take in CPU seconds (each different scan measured once) over the cores; the peak memory of
all workers together beside what was planned; and the reason of every failure. Wall times mean something
only where nothing else runs.

`summary` writes the sidecars of a simulated cohort and times `mriseg summarise`.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from itertools import cycle, islice
from pathlib import Path

import numpy as np
import psutil

from mriseg.cohort.resources import available_cores, scan_mb
from mriseg.qc import look_closely
from mriseg.results.sidecar import SCHEMA_VERSION

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
        start = time.monotonic()
        process = subprocess.Popen(
            command, cwd=root, stderr=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
        )
        peak, code, spent = watch(process)
        wall = time.monotonic() - start
        assert process.stdout is not None  # noqa: S101
        print(process.stdout.read().strip())
        planned = sum(sorted(map(scan_mb, sources))[-jobs:])
        print(f"exit code {code}; {len(list((root / 'out').rglob('*_dseg.json')))} sidecars")
        print(
            f"wall {wall:.0f} s; CPU of single scans over {jobs} cores {fair:.0f} s: {wall / fair - 1:+.1%}"
        )
        print(f"CPU of the run over {jobs} cores {spent / jobs:.0f} s: {spent / jobs / fair - 1:+.1%}")
        print(f"workers' peak {peak:.0f} MB together; planned {planned:.0f} MB")
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


def watch(process: subprocess.Popen[str]) -> tuple[float, int, float]:
    """Wait for a process; return its workers' peak memory together (MB), exit code and CPU seconds."""
    peak, ended = 0.0, threading.Event()

    def look() -> None:
        nonlocal peak
        parent = psutil.Process(process.pid)
        while not ended.wait(0.1):
            total = 0.0
            for child in parent.children(recursive=True):
                try:
                    total += child.memory_info().rss / 1e6
                except psutil.Error:
                    continue
            peak = max(peak, total)

    watcher = threading.Thread(target=look)
    watcher.start()
    _, status, usage = os.wait4(process.pid, 0)
    ended.set()
    watcher.join()
    return peak, os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime


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
        name = f"sub-{k:04}"
        odd = k % 100 == 0
        shares = [0.2, 0.45, 0.35] + generator.normal(0, 0.01, 3) + odd * np.array([-0.1, 0.2, -0.1])
        mask = float(generator.normal(1500, 120))
        means = np.array([30.0, 70.0, 100.0]) * generator.normal(1, 0.03, 3)
        parts = zip(
            ("CSF", "GM", "WM"), (mask * shares).tolist(), shares.tolist(), means.tolist(), strict=True
        )
        sidecar = {
            "Sources": [f"{name}_T1w.nii.gz"],
            "BrainMask": {"VolumeML": mask, "TemplateSimilarity": float(generator.normal(0.7, 0.03))},
            "Classes": {
                tissue: {"ml": ml, "label_ml": ml, "fraction": share, "mean": mean, "sd": 5.0}
                for tissue, ml, share, mean in parts
            },
            "BiasField": {"Lowest": 0.9, "Highest": float(generator.normal(1.1, 0.02))},
            "SchemaVersion": SCHEMA_VERSION,
            "Warnings": [look_closely("tissue-share", "GM is 65% of the brain mask").recorded()]
            if odd
            else [],
        }
        folder = root / name / "anat"
        folder.mkdir(parents=True)
        (folder / f"{name}_dseg.json").write_text(json.dumps(sidecar))
        record = {
            "Identifier": name,
            "Scan": f"{name}_T1w.nii.gz",
            "Folder": f"{name}/anat",
            "Status": "done",
        }
        record |= {"Seconds": 5.0, "PeakMB": 200.0}
        (root / "logs").mkdir(exist_ok=True)
        (root / "logs" / f"{name}.json").write_text(json.dumps(record))


if __name__ == "__main__":
    main()
