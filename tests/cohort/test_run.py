from __future__ import annotations

import multiprocessing.synchronize
import os
import platform
import shutil
import signal
import subprocess
import sys
import time

import nibabel as nib
import numpy as np
import pytest
from cohorts import Endless, Killed, KilledOnce, Marked, balls, results, small_ball

from mriseg.cohort.job import Job
from mriseg.cohort.local import local_workers
from mriseg.cohort.plan import plan
from mriseg.cohort.record import FAILED, log_file, read_record, record_file
from mriseg.cohort.resources import available_cores, available_mb, scan_mb
from mriseg.cohort.run import Machine, check_output, run_cohort, run_jobs
from mriseg.errors import CohortError, OutputError
from mriseg.options import SegmentOptions


def job_of(scan, kind=Job, **options):
    return kind(scan, scan.name.split(".")[0], SegmentOptions(**options), report=False)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of good scans, bad ones, and ones that end their worker; two at a time."""
    folder, output = tmp_path_factory.mktemp("cohort"), tmp_path_factory.mktemp("output")
    good = balls(folder, 3)
    (folder / "text.nii.gz").write_text("no image")
    jobs = [
        job_of(good[0], Killed),
        job_of(folder / "text.nii.gz"),
        job_of(good[1], KilledOnce),
        job_of(folder / "gone.nii.gz"),
        job_of(good[2]),
    ]
    told = []
    outcome = run_cohort(jobs, output, lambda: local_workers(output, 2, 1000.0), told.append, retries=1)
    return jobs, output, outcome, told


@pytest.mark.slow
def test_one_scan_s_end_is_not_the_others(run):
    jobs, _, outcome, told = run
    assert told == outcome.records
    assert sorted(record.identifier for record in told) == sorted(job.identifier for job in jobs)
    reasons = {record.identifier: record.reason for record in outcome.failed}
    assert reasons.keys() == {"s0", "text", "gone"}
    assert "SIGKILL" in reasons["s0"]
    assert "is not compressed" in reasons["text"]
    assert "no such file" in reasons["gone"]
    assert outcome.exit_code == 3
    assert str(outcome) == "2 scans segmented, 3 failed; 2 to look at (2 do not trust)."


def test_without_shared_memory_it_is_said_in_one_line(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(multiprocessing.synchronize._multiprocessing, "SemLock", refuse)
    with (
        pytest.raises(CohortError, match=r"shm cannot be written \(Permission denied\).*mriseg segment"),
        local_workers(tmp_path, 1, 1000.0),
    ):
        pass


def test_a_scan_that_takes_too_long_is_given_up(tmp_path):
    jobs = [job_of(tmp_path / "endless.nii", Endless)]
    with local_workers(tmp_path, 1, 1000.0, timeout=1) as workers:
        (record,) = run_jobs(jobs, tmp_path, workers, retries=0)
    assert record.reason == "took longer than 1 s; give more by --timeout"


@pytest.mark.slow
def test_every_scan_has_its_log_and_its_record(run):
    jobs, output, _, _ = run
    assert "fitting the mixture" in log_file(output, "s2").read_text()
    assert "is not compressed" in log_file(output, "text").read_text()
    assert log_file(output, "s0").read_text().count("SIGKILL") == 2  # it was tried twice
    assert "tried again at the end" in log_file(output, "s1").read_text()
    for job in jobs:
        record = read_record(record_file(output, job.identifier))
        assert record.identifier == job.identifier
        assert (record.status == FAILED) == (job.identifier in {"s0", "text", "gone"})
    done = read_record(record_file(output, "s2"))
    assert done.seconds > 0
    assert done.peak_mb is None or 50 < done.peak_mb < scan_mb(jobs[-1].scan)


@pytest.mark.slow
def test_the_tables_hold_all(run):
    jobs, output, _, _ = run
    lines = (output / "cohort.tsv").read_text().splitlines()
    assert len(lines) == 1 + len(jobs)
    assert len((output / "failures.tsv").read_text().splitlines()) == 4
    assert (output / "cohort_report.html").exists()


def test_earlier_results_are_refused_kept_or_done_again(tmp_path):
    jobs = [job_of(tmp_path / "a.nii"), job_of(tmp_path / "b.nii")]
    mark = jobs[0].sidecar(tmp_path)
    mark.parent.mkdir()
    mark.touch()
    with pytest.raises(OutputError, match="results of 1 of these 2 scans already, such as a; give --resume"):
        check_output(jobs, tmp_path, resume=False, overwrite=False)
    check_output(jobs, tmp_path, resume=True, overwrite=False)
    assert mark.exists()
    check_output(jobs, tmp_path, resume=False, overwrite=True)
    assert not mark.exists()


def test_what_a_killed_run_left_beside_the_records_is_cleared_before_the_next(tmp_path):
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    left = tmp_path / "logs" / f".mriseg-{child.pid}@{platform.node()}-a1b2"
    left.mkdir(parents=True)
    check_output([job_of(tmp_path / "a.nii")], tmp_path, resume=True, overwrite=False)
    assert not left.exists()


@pytest.mark.slow
def test_kill_and_resume_gives_the_bytes_of_an_undisturbed_run(tmp_path):
    balls(tmp_path / "scans", 5)
    command = [sys.executable, "-m", "mriseg", "batch", "scans", "--no-report", "--no-priors", "-j", "2"]
    subprocess.run([*command, "-o", "whole"], cwd=tmp_path, check=True, capture_output=True)
    killed = subprocess.Popen(
        [*command, "-o", "killed"], cwd=tmp_path, start_new_session=True, stderr=subprocess.PIPE, text=True
    )
    assert "done" in killed.stderr.readline()  # the first is there, others are half-way
    time.sleep(0.3)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    killed.stderr.close()
    done = len(list((tmp_path / "killed").glob("*/*_dseg.json")))
    assert done >= 1
    resumed = subprocess.run(
        [*command, "-o", "killed", "--resume"], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    assert f"{done} done before" in resumed.stdout
    assert results(tmp_path / "killed") == results(tmp_path / "whole")
    assert not list((tmp_path / "killed").rglob(".mriseg-*"))


class Counted:
    """Workers that only count; each job ends when it is looked at."""

    def __init__(self, room, failing=None):
        self.room, self.failing, self.most = room, failing, 0

    def submit(self, job):
        from concurrent.futures import Future

        future = Future()
        if job.folder == self.failing:
            future.set_exception(OSError(f"no disk under {job.scan}"))
        else:
            future.set_result(job.identifier)
        return future

    def has_room(self, _job, handed_out):
        self.most = max(self.most, len(handed_out))
        return len(handed_out) < self.room

    def reason(self, error):
        return str(error)


@pytest.mark.parametrize("retries", [0, 2])
def test_only_what_failed_is_tried_again_and_as_often_as_asked(tmp_path, retries, monkeypatch):
    jobs = [Job(tmp_path / f"{k}.nii", f"{k}") for k in range(5)]
    workers = Counted(room=3, failing="1")
    handed_out = []
    submit = workers.submit
    monkeypatch.setattr(workers, "submit", lambda job: handed_out.append(job.folder) or submit(job))
    records = list(run_jobs(jobs, tmp_path, workers, retries=retries))
    assert len(records) == 5
    assert handed_out.count("1") == 1 + retries
    assert len(handed_out) == 5 + retries
    assert [record.reason for record in records if not isinstance(record, str)] == ["no disk under 1.nii"]


def test_a_scheduler_that_dies_ends_the_run_in_one_line(tmp_path, monkeypatch):
    from concurrent.futures import Future

    lost = Future()
    lost.cancel()
    lost.set_running_or_notify_cancel()
    workers = Counted(room=3)
    monkeypatch.setattr(workers, "submit", lambda _job: lost)
    with pytest.raises(CohortError, match="go on with --resume"):
        list(run_jobs([Job(tmp_path / "a.nii", "a")], tmp_path, workers, retries=1))


def test_a_full_disk_ends_a_run_before_scans_are_segmented_in_vain(tmp_path, monkeypatch):
    real, submitted = shutil.disk_usage(tmp_path), []
    rooms = iter([1e9, 1e9, 1e6])
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: real._replace(free=next(rooms)))
    workers = Counted(room=1)
    submit = workers.submit
    monkeypatch.setattr(workers, "submit", lambda job: submitted.append(job) or submit(job))
    with pytest.raises(OutputError, match=r"there are 1 MB of room, .* go on with --resume"):
        list(run_jobs([Job(tmp_path / f"{k}.nii", str(k)) for k in range(9)], tmp_path, workers, retries=0))
    assert len(submitted) == 2


def test_as_many_at_a_time_as_cores_and_memory_allow(tmp_path):
    jobs = plan([str(small_ball(tmp_path / f"{k}.nii.gz")) for k in range(9)])
    each = scan_mb(jobs[0].scan)
    assert Machine(jobs=5).workers(jobs) == 5
    assert Machine(memory_mb=1e9).workers(jobs) == min(9, available_cores())
    assert Machine(memory_mb=1.5 * each).workers(jobs) == 1
    assert 100 < available_mb() < 1e9
    with local_workers(tmp_path, 4, 2.5 * each) as workers:
        assert workers.has_room(jobs[0], jobs[1:2])
        assert not workers.has_room(jobs[0], jobs[1:3])
    with local_workers(tmp_path, 1, 0.5 * each) as workers:
        (record,) = run_jobs(jobs[:1], tmp_path, workers, retries=0)
    assert "GB of memory where" in record.reason


def test_channels_take_memory_and_a_series_does_not(tmp_path):
    """A series is no scan: it fails at once, wherever."""
    scan, channel, series = tmp_path / "scan.nii", tmp_path / "channel.nii", tmp_path / "series.nii"
    for file, shape in ((scan, (20, 20, 20)), (channel, (200, 200, 200)), (series, (40, 40, 40, 300))):
        nib.Nifti1Image(np.zeros(shape, np.uint8), np.eye(4)).to_filename(file)
    alone = Job(scan, "s").planned_mb
    with_channel = Job(scan, "s", SegmentOptions(channels=(channel,))).planned_mb
    assert with_channel - alone >= 11e-6 * 200**3  # what was measured
    assert Job(series, "s").planned_mb <= alone
    with local_workers(tmp_path, 1, (alone + with_channel) / 2) as workers:
        assert workers.submit(Job(scan, "s", SegmentOptions(channels=(channel,)))).exception()


@pytest.mark.slow
def test_a_run_that_is_stopped_leaves_no_scratch_folder(tmp_path):
    scan = small_ball(tmp_path / "s.nii.gz")
    job = Job(scan, "s")
    with pytest.raises(KeyboardInterrupt), local_workers(tmp_path / "out", 1, 1000.0) as workers:
        workers.submit(job)
        deadline = time.monotonic() + 60
        while not list((tmp_path / "out").rglob(".mriseg-*")) and time.monotonic() < deadline:
            time.sleep(0.01)
        raise KeyboardInterrupt
    assert not list((tmp_path / "out").rglob(".mriseg-*"))


@pytest.mark.slow
def test_a_worker_does_not_grow_with_the_scans_that_it_has_done(tmp_path):
    """One worker, the same scan over and over: after some scans the peak of resident memory stays."""
    ball = nib.load(small_ball(tmp_path / "ball.nii.gz", 4))
    # Large beside the heap, which moves by some MB whatever the size of a scan.
    data = np.pad(np.asarray(ball.dataobj), [(32, 32)] * 3)
    scan = tmp_path / "scan.nii.gz"
    nib.Nifti1Image(data, ball.affine).to_filename(scan)
    jobs = [Job(scan, f"{number:02}") for number in range(20)]
    with local_workers(tmp_path / "out", 1, 2000.0) as workers:
        records = list(run_jobs(jobs, tmp_path / "out", workers, retries=0))
    peaks = [record.peak_mb for record in records]
    if None in peaks:
        pytest.skip("peak memory is known on Linux only")
    warm, late = max(peaks[5:10]), max(peaks[15:])
    volume = 4 * data.size / 1e6  # of what one array that is kept would take
    # Between them lie ten scans: half an array kept of each would show.
    assert late - warm <= 5 * volume


def test_a_worker_is_replaced_after_many_scans(tmp_path, monkeypatch):
    monkeypatch.setattr("mriseg.cohort.local._SCANS_OF_A_WORKER", 2)
    jobs = [job_of(tmp_path / f"{number}.nii", Marked) for number in range(5)]
    with local_workers(tmp_path / "out", 1, 1000.0) as workers:
        records = list(run_jobs(jobs, tmp_path / "out", workers, retries=0))
    assert sorted(record.identifier for record in records) == list("01234")
    assert all("no such file" in record.reason for record in records)
    assert len({path.suffix for path in tmp_path.glob("*.nii.*")}) == 3
