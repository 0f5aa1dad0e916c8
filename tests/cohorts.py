"""Cohorts of small balls of tissue, quickly segmented, and jobs that end their worker."""

from __future__ import annotations

import hashlib
import os
import signal
import time
from pathlib import Path

import nibabel as nib
import numpy as np

from mriseg.cohort.job import Job

MEANS = np.array([0.0, 70.0, 100.0, 30.0])  # T1-like, by label


def small_ball(path, seed=0):
    """Write a stripped ball of WM in GM in CSF, 24 x 28 x 20 voxels of 6 mm."""
    grid = np.moveaxis(np.indices((24, 28, 20)), 0, -1) * 6.0
    radius = np.linalg.norm(grid - np.array([70.0, 82.0, 60.0]), axis=-1)
    labels = np.select([radius < 40, radius < 52, radius < 58], [2, 1, 3], 0)
    noise = np.random.default_rng(seed).normal(0, 6, labels.shape)
    data = np.where(labels > 0, np.maximum(np.rint(MEANS[labels] + noise), 1), 0).astype(np.int16)
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.Nifti1Image(data, np.diag([6.0, 6.0, 6.0, 1.0])).to_filename(path)
    return path


def balls(folder, count):
    """Write several of them."""
    return [small_ball(folder / f"s{seed}.nii.gz", seed) for seed in range(count)]


def results(output):
    """The digest of every result, and of the table less time and memory; not of logs and records."""
    files = sorted(path for path in output.rglob("*") if path.is_file() and "logs" not in path.parts)
    found = {}
    for path in files:
        content = path.read_bytes()
        if path.name == "cohort.tsv":
            content = b"\n".join(b"\t".join(line.split(b"\t")[:-2]) for line in content.splitlines())
        found[path.relative_to(output).as_posix()] = hashlib.sha256(content).hexdigest()
    return found


class Killed(Job):
    """A job whose worker is killed, as the system does where memory runs out."""

    def sidecar(self, _output):
        os.kill(os.getpid(), signal.SIGKILL)


class Endless(Job):
    """A job that never ends."""

    def sidecar(self, _output):
        time.sleep(600)


class KilledOnce(Job):
    """A job whose worker is killed the first time."""

    def sidecar(self, output):
        mark = Path(f"{self.scan}.tried")
        if not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().sidecar(output)


class Marked(Job):
    """A job that leaves a file with the number of its worker's process."""

    def sidecar(self, output):
        Path(f"{self.scan}.{os.getpid()}").touch()
        return super().sidecar(output)
