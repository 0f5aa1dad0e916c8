from __future__ import annotations

import csv
import json

import pytest
from cohorts import small_ball
from sidecars import minimal_sidecar


@pytest.fixture
def study(tmp_path):
    """A raw data set of two participants, and derivatives with a result of each."""
    for name in ("sub-01", "sub-02"):
        small_ball(tmp_path / "raw" / name / "anat" / f"{name}_T1w.nii.gz")
        (tmp_path / "out" / name / "anat").mkdir(parents=True)
        content = json.dumps(minimal_sidecar(f"{name}_T1w.nii.gz", {"GM": {"Label": 1}}))
        (tmp_path / "out" / name / "anat" / f"{name}_dseg.json").write_text(content)
    (tmp_path / "raw" / "dataset_description.json").write_text('{"Name": "Made", "BIDSVersion": "1.8.0"}')
    (tmp_path / "raw" / "participants.tsv").write_text(
        "participant_id\tsite\tage\nsub-01\tA\t71\nsub-02\tn/a\t30\n"
    )
    return tmp_path


@pytest.mark.parametrize(
    "command",
    [
        ("bids", "raw", "out", "group", "--group-by", "site"),
        ("summarise", "out", "--group-by", "site", "--participants", "raw/participants.tsv"),
    ],
)
def test_a_summary_within_groups_says_what_is_compared(run, study, command):
    done = run(*command)
    assert done.returncode == 0, done.stderr
    sentence = done.stdout.splitlines()[-1]
    assert sentence.startswith("Outliers are judged within no group of site. Not compared: ")
    with (study / "out" / "cohort.tsv").open(newline="") as file:
        assert [row["group"] for row in csv.DictReader(file, delimiter="\t")] == ["A", "n/a"]


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (("bids", "raw", "out", "group", "--group-by", "scanner"), "has no column 'scanner'"),
        (("bids", "raw", "new", "participant", "--group-by", "scanner"), "has no column 'scanner'"),
        (("batch", "raw", "-o", "new", "--group-by", "scanner"), "has no column 'scanner'"),
        (("batch", "raw/sub-02", "-o", "new", "--group-by", "site", "--participants", "x"), "no such table"),
        (
            ("bids", "raw", "new", "participant", "--participant-label", "02", "--group-by", "site"),
            "raw/participants.tsv: has the site of none of the scans",
        ),
    ],
)
def test_groups_that_are_not_known_are_one_line_before_anything_runs(run, study, command, says):
    done = run(*command)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("mriseg: error: ")
    assert says in line
    assert not (study / "new").exists()


def test_a_batch_of_no_data_set_needs_a_table(run, study):
    done = run("batch", "raw/sub-01", "-o", "new", "--group-by", "site", "--dry-run")
    assert done.returncode == 2
    assert "--participants" in done.stderr
    assert run("batch", "raw", "-o", "new", "--group-by", "site", "--dry-run").returncode == 0
    assert not (study / "new").exists()


AGE = '<option value="0">age</option>'


@pytest.mark.parametrize(
    "command",
    [("bids", "raw", "out", "group"), ("summarise", "out", "--participants", "raw/participants.tsv")],
)
def test_numbers_of_participants_are_axes_of_the_page(run, study, command):
    assert run("summarise", "out").returncode == 0
    assert AGE not in (study / "out" / "cohort_report.html").read_text()
    done = run(*command)
    assert done.returncode == 0, done.stderr
    assert AGE in (study / "out" / "cohort_report.html").read_text()


def test_a_table_that_nobody_asked_for_stops_nothing(run, study):
    (study / "raw" / "participants.tsv").write_text("id\tage\n01\t71\n")
    assert run("bids", "raw", "out", "group").returncode == 0
    assert AGE not in (study / "out" / "cohort_report.html").read_text()
    done = run("bids", "raw", "out", "group", "--participants", "raw/participants.tsv")
    assert (done.returncode, done.stdout) == (1, "")
    assert "has no column 'participant_id'" in done.stderr


def _has_age(study):
    return AGE in (study / "out" / "cohort_report.html").read_text()


@pytest.mark.parametrize("first", [
    ("bids", "raw", "out", "group"), ("summarise", "out", "--participants", "raw/participants.tsv")
])  # fmt: skip
def test_a_summary_remembers_the_table_wherever_all_is_moved_to(run, study, first):
    assert run(*first).returncode == 0
    (study / "moved").mkdir()
    for name in ("raw", "out"):
        (study / name).rename(study / "moved" / name)
    before = (study / "moved/out/cohort.json").read_bytes()
    done = run("summarise", "moved/out")
    assert (done.returncode, done.stderr) == (0, "")
    assert _has_age(study / "moved")
    assert (study / "moved/out/cohort.json").read_bytes() == before


def test_a_remembered_table_that_is_gone_is_told_and_not_forgotten(run, study):
    table = study / "raw" / "participants.tsv"
    assert run("bids", "raw", "out", "group").returncode == 0
    table.rename(study / "away.tsv")
    done = run("summarise", "out")
    assert done.returncode == 0
    (line,) = done.stderr.splitlines()
    assert line.startswith("mriseg: warning: participants.tsv: the page was written with it before")
    assert not _has_age(study)
    (study / "away.tsv").rename(table)
    assert run("summarise", "out").stderr == ""
    assert _has_age(study)


@pytest.mark.parametrize("content", [
    "participant_id\tage\nsub-zz\t71\n",
    "participant_id\tage\n",
    "participant_id\tage\nsub-01\t71\nsub-01\t72\nsub-02\t30\nsub-02\t31\n",
    "participant_id\tsex\nsub-01\tF\nsub-02\tM\n",
])  # fmt: skip
def test_a_table_without_a_number_of_any_scan_is_told(run, study, content):
    (study / "other.tsv").write_text(content)
    for command in (("summarise", "out", "--participants", "other.tsv"), ("summarise", "out")):
        done = run(*command)
        assert done.returncode == 0
        (line,) = done.stderr.splitlines()
        assert line.startswith("mriseg: warning: other.tsv: holds no number of any of the scans")
    (study / "raw" / "participants.tsv").write_text(content)
    assert run("bids", "raw", "out", "group").stderr == ""  # nobody asked for it
    if "sex" in content:
        grouped = run("summarise", "out", "--group-by", "sex", "--participants", "other.tsv")
        assert (grouped.returncode, grouped.stderr) == (0, "")
