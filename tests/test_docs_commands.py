"""The commands of README.md and docs/ run as they stand, in that order, in one folder with small scans."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from concurrent.futures import Future
from contextlib import nullcontext
from functools import lru_cache
from itertools import cycle
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from cohorts import small_ball

import mriseg
from mriseg.cohort.job import run_job
from mriseg.pipeline import segment_scan

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(?:sh|bash)\n(.*?)^```", re.MULTILINE | re.DOTALL)

# The only lines that are not run, by what is found in them, and why.
SKIPPED = {
    r"^pip install ": "installs the program",
    r"^python3 -m venv ": "installs the program, for half a minute of its own",
    r"^scripts/test$": "runs these tests",
    r"^python scripts/benchmark\.py ": "needs many scans and the environments of other programs, and hours",
    r"^python scripts/benchmark_cohort\.py ": "needs real scans or minutes",
    r"--cluster ": "needs a Dask scheduler or a batch system; tests/cohort/test_cluster.py has one",
    r"^sbatch ": "needs Slurm; scripts/try_slurm.sh starts one",
    r"s3://": "needs object storage; tests/_utils/test_object_storage.py has one in memory",
    r"--table ": "needs pyarrow and a cohort in parts; tests/cohort/test_merged_table.py has them",
    r"^(docker|apptainer|rattler-build) ": "other programs; their pages say what is tried",
    r"^bosh ": "another program; tests/test_boutiques.py calls it in the same way",
    r"^smriprep ": "another program, with FreeSurfer and ANTs; docs/fmriprep.md says what is tried",
}
# Seeds of the noise of small balls that take half as long as others: their registration ends early.
QUICK = (4, 5, 7, 9, 12)
# Commands that write a page for every scan.
PAGED = ("segment", "batch", "bids")


def commands():
    """Every line of every block, with the page that it stands in; lines that go on are one."""
    for page in PAGES:
        for block in BLOCK.findall(page.read_text(encoding="utf-8")):
            for line in block.replace("\\\n", " ").splitlines():
                if line.strip():
                    yield page.name, line.strip()


def reason_to_skip(line):
    return next((why for pattern, why in SKIPPED.items() if re.search(pattern, line)), None)


def write_scans(folder):
    """Write the files that the pages name: small balls of tissue, and what goes with them."""
    names = ("sub-01_T1w", "sub-01_T2w", "sub-01_FLAIR", "first_T1w", "second_T1w", "phantom2_T1w",
             "hemisphere", "inia19-t1-brain", "slab")  # fmt: skip
    for seed, name in zip(cycle(QUICK), names, strict=False):
        small_ball(folder / f"{name}.nii.gz", seed)
    ball = nib.load(folder / "sub-01_T1w.nii.gz")
    brain = np.asarray(ball.dataobj) > 0
    lesions = np.zeros_like(brain)
    lesions[10:13, 12:15, 9:11] = True
    for name, mask in (("brain", brain), ("lesions", lesions)):
        nib.Nifti1Image(mask.astype(np.uint8), ball.affine).to_filename(folder / f"{name}.nii.gz")
    result = mriseg.segment(folder / "sub-01_T1w.nii.gz")
    for visit in ("visit1_mriseg", "visit2_mriseg"):
        result.save(folder / visit, report=False)
    fast = np.array([0, 2, 3, 1], dtype=np.uint8)[result.labels]
    nib.Nifti1Image(fast, ball.affine).to_filename(folder / "fast_pveseg.nii.gz")
    write_data_sets(folder)
    shutil.copy(ROOT / "tests" / "reference" / "faithful.csv", folder)
    counts, edges = np.histogram(np.asarray(ball.dataobj)[brain], bins=40)
    rows = "".join(f"{edge},{count}\n" for edge, count in zip(edges, counts, strict=False))
    (folder / "histogram.csv").write_text(f"intensity,voxels\n{rows}")


def write_data_sets(folder):
    """Write a BIDS data set of two participants with T2w and FLAIR, and a folder of plain files."""
    for subject, seeds in (("01", QUICK[:3]), ("02", QUICK[1:4])):
        for seed, suffix in zip(seeds, ("T1w", "T2w", "FLAIR"), strict=True):
            small_ball(folder / f"study/sub-{subject}/anat/sub-{subject}_{suffix}.nii.gz", seed)
    (folder / "study/dataset_description.json").write_text('{"Name": "Made", "BIDSVersion": "1.8.0"}\n')
    (folder / "study/participants.tsv").write_text("participant_id\tsite\nsub-01\ta\nsub-02\tb\n")
    for seed, name in zip(QUICK, ("one", "two", "three"), strict=False):
        small_ball(folder / f"scans/{name}.nii.gz", seed)
    (folder / "scanners.tsv").write_text(
        "participant_id\tscanner\tage\none\tx\t30\ntwo\ty\t40\nthree\ty\t50\n"
    )


def as_quick(words):
    """Return the words of a command without the page of each scan, the dearest part of small ones."""
    return [*words, "--no-report"] if words[0] in PAGED and "group" not in words else words


class Here:
    """Workers of a cohort that are this process."""

    def __init__(self, output):
        self.output = output

    def submit(self, job):
        done = Future()
        done.set_result(run_job(job, self.output))
        return done

    def has_room(self, *_):
        return True


@pytest.fixture
def execute(run, monkeypatch):
    """Run a line: `mriseg` in this process, anything else by the shell.

    Commands of a page are alternatives, so that results may be there: what is refused for them goes on, or is
    done again, as the message says.
    """
    # Processes of their own, which tests/cohort/test_run.py tests, take longer to start than such scans.
    monkeypatch.setattr("mriseg.cohort.local.local_workers", lambda output, *_: nullcontext(Here(output)))
    # The pages segment the same cohort over and over.
    monkeypatch.setattr("mriseg.cohort.job.segment_scan", lru_cache(segment_scan))

    def run_line(line, folder):
        words = shlex.split(line, comments=True)
        if words[0] != "mriseg":
            return subprocess.run(["sh", "-c", line], cwd=folder, capture_output=True, text=True, check=False)
        done = run(*as_quick(words[1:]))
        again = next((option for option in ("--resume", "--overwrite") if option in done.stderr), None)
        return run(*as_quick(words[1:]), again) if done.returncode == 1 and again else done

    return run_line


def test_the_commands_of_the_pages_work(execute, tmp_path):
    """Each once, however often it stands there."""
    write_scans(tmp_path)
    known, failed = set(), []
    for page, line in commands():
        command = " ".join(shlex.split(line, comments=True))
        if reason_to_skip(line) or command in known:
            continue
        known.add(command)
        done = execute(line, tmp_path)
        if done.returncode:
            failed.append(f"{page}: {line}\n  exit code {done.returncode}: {done.stderr[-500:]}")
    assert len(known) > 30
    assert not failed, "\n".join(failed)


def test_what_is_skipped_is_there():
    lines = [line for _, line in commands()]
    assert [pattern for pattern in SKIPPED if not any(re.search(pattern, line) for line in lines)] == []
