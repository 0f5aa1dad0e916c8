from __future__ import annotations

import csv
import json

import nibabel as nib
import numpy as np
import pytest
from cohorts import balls, small_ball

from mriseg.options import OPTION_NAMES


def test_help_names_every_column_of_a_list(run):
    text = run("batch", "--help").stdout
    columns = text.partition("A list has a column")[2].partition("For example")[0]
    words = set(columns.replace(",", " ").split())
    assert [name for name in ("scan", "identifier", *OPTION_NAMES) if name not in words] == []


def test_a_dry_run_prints_the_plan_and_writes_nothing(run, tmp_path):
    balls(tmp_path / "scans", 2)
    done = run("batch", "scans", "-o", "out", "--dry-run", "--no-bias", "--contrast", "t2", "--jobs", "1")
    assert done.returncode == 0
    header, first, second = done.stdout.splitlines()
    assert header.split("\t") == ["identifier", "scan", "results", "options", "state"]
    assert first.startswith(f"s0\t{tmp_path}/scans/s0.nii.gz\ts0/\t")
    assert "contrast=t2" in first
    assert "bias=False" in first
    assert second.endswith("\tto do")
    assert "2 of 2 scans to do, 1 at a time" in done.stderr
    little = run("batch", "scans", "-o", "out", "--dry-run", "--memory", "0.1")
    assert [line.rpartition("\t")[2] for line in little.stdout.splitlines()[1:]] == ["too large", "too large"]
    assert "0 of 2 scans to do" in little.stderr
    assert not (tmp_path / "out").exists()


def test_parts_are_all_scans_each_once(run, tmp_path):
    (tmp_path / "scans.txt").write_text("".join(f"s{number}.nii\n" for number in range(7)))
    plan = ("batch", "scans.txt", "-o", "out", "--dry-run", "--jobs", "1")

    def part(of):
        return [line.split("\t")[0] for line in run(*plan, "--part", of).stdout.splitlines()[1:]]

    assert part("1/3") == ["s1", "s4"]
    assert part("0/3") == part("3/3") == ["s0", "s3", "s6"]
    assert sorted(part("0/3") + part("1/3") + part("2/3")) == [f"s{number}" for number in range(7)]
    nothing = run(*plan, "--part", "8/10")
    assert (nothing.returncode, nothing.stdout) == (0, "out: part 8/10 has no scan\n")
    for wrong in ("3", "1/0", "x/2", "-1/2"):
        assert run(*plan, f"--part={wrong}").returncode == 2


def test_a_batch_ends_with_a_sentence_a_table_and_its_exit_code(run, tmp_path):
    balls(tmp_path / "scans", 1)
    (tmp_path / "scans" / "bad\x1b[2J.nii").write_text("no image")
    done = run("batch", "scans", "-o", "out", "--no-report", "--jobs", "1", "--no-bias", "--retries", "0")
    assert done.returncode == 3
    assert done.stdout.startswith("1 scan segmented, 1 failed; 1 to look at (1 do not trust). ")
    assert "out/cohort_report.html; reasons in out/failures.tsv" in done.stdout
    assert "\x1b" not in done.stderr + done.stdout
    assert "failed: " in done.stderr
    assert " s: do not trust: " in done.stderr
    assert json.loads((tmp_path / "out/s0/s0_dseg.json").read_text())["Settings"]["Bias"] is False
    assert run("batch", "scans", "-o", "out", "--no-report", "--no-bias").returncode == 1
    plan = run("batch", "scans", "-o", "out", "--no-report", "--no-bias", "--resume", "--dry-run")
    assert [line.split("\t")[-1] for line in plan.stdout.splitlines()[1:]] == ["to do", "done"]
    (tmp_path / "out" / "cohort.tsv").unlink()
    assert run("summarise", "out").stdout.startswith("1 segmented, 1 failed; 1 to look at (1 do not trust): ")
    assert (tmp_path / "out" / "cohort.tsv").exists()


def test_the_verdict_of_a_scan_is_the_exit_code_if_asked(run, tmp_path):
    """Small balls are no brains. What was done before counts, what failed comes first."""
    balls(tmp_path / "scans", 1)
    options = ("batch", "scans", "-o", "out", "--no-report", "--no-bias", "--jobs", "1", "--retries", "0")
    assert run(*options, "--fail-on", "look-closely").returncode == 4
    assert (tmp_path / "out" / "s0" / "s0_dseg.json").exists()
    assert run(*options, "--resume", "--fail-on", "look-closely").returncode == 4
    assert run(*options, "--resume").returncode == 0
    (tmp_path / "scans" / "bad.nii").write_text("no image")
    assert run(*options, "--resume", "--fail-on", "look-closely").returncode == 3


def test_labels_that_were_saved_over_are_told_and_left(run, tmp_path):
    """Scans are edited by mriseg update, in place, and not at all."""
    balls(tmp_path / "scans", 3)
    batch = ("batch", "scans", "-o", "out", "--no-report", "--no-bias", "--jobs", "1")
    assert "saved over" not in run(*batch).stderr
    for name in ("s0", "s1"):
        path = tmp_path / "out" / name / f"{name}_dseg.nii.gz"
        image = nib.load(path)
        labels = np.asarray(image.dataobj).copy()
        labels[:10][labels[:10] == 1] = 2
        nib.Nifti1Image(labels, image.affine).to_filename(path)
    update = ("update", "out/s0", "--labels", "out/s0/s0_dseg.nii.gz", "--scan", "scans/s0.nii.gz")
    assert run(*update).stderr == ""
    saved, page = path.read_bytes(), tmp_path / "out" / "cohort_report.html"
    for command in (("summarise", "out"), (*batch, "--resume"), (*batch, "--resume", "--quiet")):
        done = run(*command)
        assert done.returncode == 0
        (line,) = (line for line in done.stderr.splitlines() if line.startswith("mriseg: warning: "))
        assert line.startswith("mriseg: warning: out/s1/s1_dseg.nii.gz: the label map was saved over")
        assert "mriseg update" in line
        assert path.read_bytes() == saved
        with (tmp_path / "out" / "cohort.tsv").open(newline="") as file:
            rows = {row["identifier"]: row for row in csv.DictReader(file, delimiter="\t")}
        assert {name: row["edited"] for name, row in rows.items()} == {
            "s0": "updated", "s1": "in place", "s2": "no"
        }  # fmt: skip
        assert ["labels-changed-in-place" in row["reason_codes"] for row in rows.values()] == [0, 1, 0]
        cards = page.read_text(encoding="utf-8").split("<article")[1:]
        marks = {
            name: [mark in card for mark in (">edited by hand<", ">labels saved over<")]
            for name in rows
            for card in cards
            if f'id="scan:{name}"' in card
        }
        assert marks == {"s0": [True, False], "s1": [False, True], "s2": [False, False]}


def test_a_scan_whose_name_means_harm_is_done_once(run, tmp_path):
    small_ball(tmp_path / "scans" / "x\udcff\x1b[2J.nii.gz")
    options = ("batch", "scans", "-o", "out", "--no-report", "--no-bias", "--jobs", "1")
    assert run(*options).returncode == 0
    plan = run(*options, "--resume", "--dry-run")
    assert [line.split("\t")[-1] for line in plan.stdout.splitlines()[1:]] == ["done"]


def test_a_list_joins_channels_and_lesions(run, tmp_path):
    (scan,) = balls(tmp_path, 1)
    channel = small_ball(tmp_path / "s0_FLAIR.nii.gz", 7)
    image = nib.load(scan)
    lesions = np.zeros(image.shape, np.uint8)
    lesions[11:13, 13:15, 10] = 1
    nib.Nifti1Image(lesions, image.affine).to_filename(tmp_path / "les.nii.gz")
    (tmp_path / "list.tsv").write_text(
        "scan\tidentifier\tchannels\tlesion_mask\n"
        "s0.nii.gz\tplain\t\t\n"
        f"s0.nii.gz\tmore\t{channel.name}\tles.nii.gz\n"
    )
    done = run("batch", "list.tsv", "-o", "out", "--no-report", "--no-bias", "--jobs", "1")
    assert done.returncode == 0, done.stderr
    more, plain = (
        json.loads((tmp_path / "out" / name / "s0_dseg.json").read_text()) for name in ("more", "plain")
    )
    assert more["Sources"] == ["s0.nii.gz", "s0_FLAIR.nii.gz"]
    assert plain["Sources"] == ["s0.nii.gz"]
    assert more["Classes"]["L"]["label_ml"] == pytest.approx(4 * 0.216)
    assert "L" not in plain["Classes"]
    with (tmp_path / "out" / "cohort.tsv").open(newline="") as file:
        rows = {row["identifier"]: row for row in csv.DictReader(file, delimiter="\t")}
    assert float(rows["more"]["L_ml"]) == pytest.approx(4 * 0.216, abs=1e-3)
    assert rows["plain"]["L_ml"] == "n/a"


@pytest.mark.parametrize(
    ("sbatch", "options", "says"),
    [
        (None, 'cores = 1\nmemory = "1GB"\n', "slurm gives no workers"),
        ("echo no such partition >&2; exit 1", 'cores = 1\nmemory = "1GB"\n', "(no such partition)"),
        (None, "workers = 3\n", "say cores and memory"),
    ],
)
def test_a_batch_system_that_gives_no_workers_is_one_line(run, tmp_path, monkeypatch, sbatch, options, says):
    pytest.importorskip("dask_jobqueue")
    balls(tmp_path / "scans", 1)
    (tmp_path / "slurm.toml").write_text(options)
    program = tmp_path / "bin" / "sbatch"
    program.parent.mkdir()
    if sbatch:
        program.write_text(f"#!/bin/sh\n{sbatch}\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/bin")
    done = run("batch", "scans", "-o", "out", "--cluster", "slurm", "--cluster-options", "slurm.toml")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("mriseg: error: slurm.toml: ")
    assert says in line
