from __future__ import annotations

from dataclasses import replace

from cohorts import small_ball

import mriseg
from mriseg.cohort.job import Job, is_done, run_job
from mriseg.cohort.record import FAILED, collect, log_file
from mriseg.options import SegmentOptions
from mriseg.pipeline import segment_scan
from mriseg.qc import look_closely, note


def job_of(scan, **options):
    return Job(scan, scan.name.split(".")[0], SegmentOptions(**options), report=False)


def test_done_is_this_input_these_settings_this_version_and_all_files(tmp_path, monkeypatch):
    scan = small_ball(tmp_path / "scan.nii.gz")
    mask = small_ball(tmp_path / "mask.nii.gz", seed=3)
    job, output = job_of(scan, mask=mask), tmp_path / "out"
    assert not is_done(job, output)
    assert run_job(job, output).fresh
    assert is_done(job, output)
    assert not run_job(job, output).fresh
    assert not is_done(job_of(scan, mask=mask, spatial=False), output)
    assert not is_done(Job(scan, "scan", SegmentOptions(mask=mask)), output)  # with a page
    (output / "scan" / "scan_overlay.png").rename(tmp_path / "away.png")
    assert not is_done(job, output)
    (tmp_path / "away.png").rename(output / "scan" / "scan_overlay.png")
    posteriors = output / "scan" / "scan_label-GM_probseg.nii.gz"
    content = posteriors.read_bytes()
    posteriors.write_bytes(b"")  # as after a power cut
    assert not is_done(job, output)
    posteriors.write_bytes(content)
    with monkeypatch.context() as patch:
        patch.setattr("mriseg.cohort.job.GENERATED_BY", [{"Name": "mriseg", "Version": "99"}])
        assert not is_done(job, output)
    before = mask.read_bytes()
    mask.write_bytes(small_ball(tmp_path / "other.nii.gz", seed=5).read_bytes())
    assert not is_done(job, output)
    mask.write_bytes(before)
    assert is_done(job, output)
    small_ball(scan, seed=9)
    assert not is_done(job, output)
    assert run_job(job, output).fresh


def test_the_log_tells_notes_from_warnings(tmp_path, monkeypatch):
    said = [note("mask-border", "a little is missing"), look_closely("tissue-share", "GM is 15%")]

    def segment_with(*args):
        return replace(segment_scan(*args), warnings=said)

    monkeypatch.setattr("mriseg.cohort.job.segment_scan", segment_with)
    job = job_of(small_ball(tmp_path / "scan.nii.gz"))
    run_job(job, tmp_path)
    log = log_file(tmp_path, job.identifier).read_text()
    assert "INFO note: a little is missing" in log
    assert "WARNING look closely: GM is 15%" in log


def test_results_stay_when_another_try_fails_and_count_as_failed_until_one_succeeds(tmp_path):
    scan = small_ball(tmp_path / "scan.nii.gz")
    job, output = job_of(scan), tmp_path / "out"
    assert run_job(job, output).status == "done"
    before = {file.name: file.read_bytes() for file in (output / "scan").iterdir()}
    away = scan.rename(tmp_path / "away")  # a disk that is not mounted
    for other in (job, job_of(scan, cohort_prior=tmp_path / "typo.json")):
        assert run_job(other, output).status == FAILED
        assert {file.name: file.read_bytes() for file in (output / "scan").iterdir()} == before
        (record,) = collect(output)
        assert record.status == FAILED
        assert "away" not in record.reason
    away.rename(scan)
    assert not run_job(job, output).fresh
    (record,) = collect(output)
    assert record.is_done
    assert record.histogram


def test_results_made_by_hand_after_a_failure_are_done(tmp_path):
    scan, output = small_ball(tmp_path / "scan.nii.gz"), tmp_path / "out"
    run_job(job_of(scan), output)
    assert run_job(job_of(scan, cohort_prior=tmp_path / "typo.json"), output).status == FAILED
    mriseg.segment(scan, spatial=False).save(output / "scan", overwrite=True)
    (record,) = collect(output)
    assert record.is_done


def test_a_bug_in_one_scan_is_recorded_with_its_trace(tmp_path, monkeypatch):
    def broken(*_, **__):
        raise ZeroDivisionError("oh")

    monkeypatch.setattr("mriseg.cohort.job.segment_scan", broken)
    record = run_job(job_of(small_ball(tmp_path / "scan.nii.gz")), tmp_path)
    assert record.reason.startswith("internal error, ZeroDivisionError: oh")
    assert "Traceback" in log_file(tmp_path, "scan").read_text()


def test_of_two_runs_at_once_the_later_says_so(tmp_path, monkeypatch):
    scan = small_ball(tmp_path / "scan.nii.gz")
    output = tmp_path / "out"
    first, second = job_of(scan), job_of(scan, bias=False)

    def meanwhile(source, options):
        monkeypatch.undo()
        assert run_job(first, output).status == "done"
        return segment_scan(source, options)

    monkeypatch.setattr("mriseg.cohort.job.segment_scan", meanwhile)
    record = run_job(second, output)
    assert record.status == FAILED
    assert "was written by another run meanwhile" in record.reason
    assert is_done(first, output)
    assert run_job(second, output).status == "done"


def test_reasons_of_failures_name_files_and_not_where_folders_are(tmp_path):
    """Also of inputs from elsewhere; the log has the whole path."""
    scan, text = small_ball(tmp_path / "study" / "scan.nii.gz"), tmp_path / "masks" / "mask.nii.gz"
    text.parent.mkdir()
    text.write_text("no image")
    for job, named in (
        (job_of(text), "mask.nii.gz: "),
        (job_of(tmp_path / "gone" / "gone.nii.gz"), "gone.nii.gz: "),
        (job_of(scan, mask=text), "mask.nii.gz: "),
        (job_of(scan, channels=(text,)), "mask.nii.gz: "),
        (job_of(scan, cohort_prior=text), "mask.nii.gz: "),
    ):
        record = run_job(job, tmp_path / "out")
        assert record.status == FAILED
        assert record.reason.startswith(named)
        assert str(tmp_path) not in record.reason
        assert str(tmp_path) in log_file(tmp_path / "out", job.identifier).read_text()
    assert "x in s/s_dseg.json" in job_of(scan).in_short(f"x in {tmp_path}/s/s_dseg.json", tmp_path)
