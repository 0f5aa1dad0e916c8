from __future__ import annotations

import os
import re
import signal
import subprocess
import sys

import pytest
from cohorts import balls, results

from mriseg.cohort.cluster import read_options, run_on_worker
from mriseg.cohort.job import Job
from mriseg.errors import CohortError

distributed = pytest.importorskip("distributed")


@pytest.fixture
def dask(tmp_path, monkeypatch):
    """Start Dask processes on this machine, and end them with the test."""
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    started = []

    def start(*arguments):
        process = subprocess.Popen(
            [sys.executable, "-m", "dask", *arguments],
            cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stderr.close()


def scheduler_address(process):
    for line in process.stderr:
        if found := re.search(r"tcp://127\.0\.0\.1:\d+", line):
            return found[0]
    raise AssertionError("the scheduler did not start")


def batch(folder, *options, **keywords):
    command = [sys.executable, "-m", "mriseg", "batch", "scans", "--no-report", "--no-priors", *options]
    return subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **keywords
    )


@pytest.mark.slow
def test_a_worker_killed_in_mid_run_costs_no_scan(dask, tmp_path):
    balls(tmp_path / "scans", 6)
    scheduler = dask("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
    address = scheduler_address(scheduler)
    workers = [
        dask("worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", "127.0.0.1")
        for _ in range(2)
    ]
    run = batch(tmp_path, "-o", "cluster", "--cluster", address)
    said = run.stderr.readline()  # the first scan is done, others are half-way
    os.kill(workers[0].pid, signal.SIGKILL)
    said += run.stderr.read()
    sentence, _ = run.communicate(timeout=100)
    assert run.returncode == 0, said
    assert sorted(re.findall(r"s\d(?=: done)", said)) == [f"s{k}" for k in range(6)]
    assert "failed" not in sentence
    assert len((tmp_path / "cluster" / "cohort.tsv").read_text().splitlines()) == 7
    # Done again on this machine: nothing is left to do, and the bytes are those of any other run.
    local = batch(tmp_path, "-o", "local", "-j", "2", "-q")
    local.communicate(timeout=100)
    assert results(tmp_path / "cluster") == results(tmp_path / "local")


@pytest.mark.slow
def test_a_scheduler_that_is_not_there_is_one_line(tmp_path):
    balls(tmp_path / "scans", 1)
    run = batch(tmp_path, "-o", "out", "--cluster", "tcp://127.0.0.1:1")
    _, errors = run.communicate(timeout=60)
    assert run.returncode == 1
    (line,) = errors.splitlines()
    assert "tcp://127.0.0.1:1: no Dask scheduler answers" in line
    assert not (tmp_path / "out" / "cohort.tsv").exists()


def test_a_worker_of_another_version_does_nothing(tmp_path):
    with pytest.raises(RuntimeError, match="the run was started by 99"):
        run_on_worker(Job(tmp_path / "a.nii", "a"), tmp_path, "99")
    assert not list(tmp_path.iterdir())


def test_options_of_the_batch_system_are_toml(tmp_path):
    file = tmp_path / "slurm.toml"
    file.write_text('workers = 20\ncores = 1\nmemory = "4GB"\n')
    assert read_options(file) == {"workers": 20, "cores": 1, "memory": "4GB"}
    assert read_options(None) == {}
    file.write_text("workers: 20")
    with pytest.raises(CohortError, match="cannot be read as TOML"):
        read_options(file)
