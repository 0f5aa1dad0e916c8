from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest
from cohorts import small_ball

from mriseg.cohort.dataset import dataset_jobs
from mriseg.options import SegmentOptions


@pytest.fixture
def dataset(tmp_path):
    """A raw data set: one subject with two sessions, one without any."""
    root = tmp_path / "raw"
    for k, scan in enumerate((
        "sub-01/ses-a/anat/sub-01_ses-a_T1w.nii.gz",
        "sub-01/ses-b/anat/sub-01_ses-b_T1w.nii.gz",
        "sub-02/anat/sub-02_T1w.nii.gz",
    )):  # fmt: skip
        small_ball(root / scan, k)
    described = {"Name": "Made", "BIDSVersion": "1.8.0", "Authors": ["Nobody"], "License": "CC0"}
    (root / "dataset_description.json").write_text(json.dumps(described))
    (root / "README").write_text("Balls of tissue, made for a test of reading and writing data sets.\n" * 4)
    return root


@pytest.mark.slow
def test_a_data_set_becomes_derivatives_that_the_validator_accepts(run, tmp_path, dataset):
    validator = shutil.which("bids-validator-deno", path=str(tmp_path.joinpath(sys.prefix, "bin")))
    done = run("bids", dataset, "out", "participant", "-q", "--memory", "8", "--timeout", "100")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out/sub-01/ses-b/anat/sub-01_ses-b_dseg.json").exists()
    assert (tmp_path / "out/sub-02/anat/sub-02_dseg.nii.gz").exists()
    group = run("bids", dataset, "out", "group")
    assert group.stdout.startswith("3 segmented")
    if validator is None:
        pytest.skip("bids-validator-deno is not installed; the derivatives were not validated")
    checked = subprocess.run(
        [validator, "--format", "json", "out"], cwd=tmp_path, capture_output=True, check=False
    )
    issues = json.loads(checked.stdout)["issues"]["issues"]
    assert [issue for issue in issues if issue["severity"] == "error"] == []


@pytest.mark.parametrize(
    ("options", "scans"),
    [
        ((), ["sub-01_ses-a", "sub-01_ses-b", "sub-02"]),
        (("--participant-label", "02"), ["sub-02"]),
        (("--participant_label", "01", "02"), ["sub-01_ses-a", "sub-01_ses-b", "sub-02"]),
        (("--participant-label", "sub-01", "--session_label", "b"), ["sub-01_ses-b"]),
        (("--session-label", "a", "ses-b", "--no-spatial"), ["sub-01_ses-a", "sub-01_ses-b"]),
    ],
)
def test_labels_choose_scans_in_both_spellings(run, dataset, options, scans):
    done = run("bids", dataset, "out", "participant", "--dry-run", *options)
    assert done.returncode == 0, done.stderr
    assert [line.split("\t")[0] for line in done.stdout.splitlines()[1:]] == scans
    assert ("spatial=False" in done.stdout) == ("--no-spatial" in options)


@pytest.mark.parametrize("skip", ["--skip-bids-validation", "--skip_bids_validation"])
def test_a_folder_that_is_no_data_set_is_refused_unless_told(run, dataset, skip):
    (dataset / "dataset_description.json").write_text("{}")
    done = run("bids", dataset, "out", "participant", "--dry-run")
    assert done.returncode == 1
    assert "must say Name and BIDSVersion" in done.stderr
    assert run("bids", dataset, "out", "participant", "--dry-run", skip).returncode == 0


@pytest.mark.parametrize("options", [(), ("--skip-bids-validation",)])
def test_a_folder_that_is_not_there_is_said_to_be_missing(run, options):
    done = run("bids", "nod", "out", "participant", "--dry-run", *options)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "mriseg: error: nod: there is no such folder; check its name\n"


@pytest.mark.parametrize("output", ["raw", "raw/sub-02", "raw/sub-02/anat/new"])
def test_results_are_not_written_among_the_raw_scans(run, dataset, tmp_path, output):
    before = sorted(dataset.rglob("*"))
    for line in (
        ("bids", dataset, tmp_path / output, "participant", "--skip-bids-validation"),
        ("batch", dataset, "-o", tmp_path / output),
    ):
        done = run(*line)
        assert done.returncode == 1
        (said,) = done.stderr.splitlines()
        assert "lies among the raw scans; write to" in said
    assert sorted(dataset.rglob("*")) == before


def test_options_of_bids_apps_are_known(run, dataset):
    plan = ("bids", dataset, "out", "participant", "--dry-run")
    assert run(*plan, "--n_cpus", "1", "--mem_mb", "4000").returncode == 0
    assert run("bids", "--version").stdout.startswith("mriseg ")
    assert run(*plan, "--memory", "4", "--mem-mb", "4000").returncode == 2


def test_a_label_that_is_not_there_is_refused(run, dataset):
    done = run("bids", dataset, "out", "participant", "--participant-label", "7")
    assert (done.returncode, done.stdout) == (1, "")
    assert "no T1-weighted scan of sub-7" in done.stderr


def test_other_contrasts_of_the_session_join_as_channels(run, dataset):
    first = dataset / "sub-01/ses-b/anat/sub-01_ses-b_T1w.nii.gz"
    for name in ("sub-01_ses-b_run-1_T2w", "sub-01_ses-b_run-2_T2w", "sub-01_ses-b_FLAIR"):
        shutil.copy(first, first.with_name(f"{name}.nii.gz"))
    shutil.copy(first, dataset / "sub-02/anat/sub-02_FLAIR.nii.gz")
    jobs = dataset_jobs(dataset, SegmentOptions(), channels=["FLAIR", "T2w"])
    assert [[path.name for path in job.options.channels] for job in jobs] == [
        [],
        ["sub-01_ses-b_FLAIR.nii.gz", "sub-01_ses-b_run-1_T2w.nii.gz"],
        ["sub-02_FLAIR.nii.gz"],
    ]
    plan = ("bids", dataset, "out", "participant", "--dry-run", "--channels")
    assert run(*plan, "T2w,FLAIR").stdout.count("FLAIR.nii.gz") == 2


def test_channels_that_are_none_are_refused(run, dataset):
    plan = ("bids", dataset, "out", "participant", "--dry-run", "--channels")
    missing = run(*plan, "PDw")
    assert (missing.returncode, "no scan ends in _PDw" in missing.stderr) == (1, True)
    assert run(*plan, "T2").returncode == 2


def test_identifiers_start_with_the_participant_as_the_recipe_for_participants_tsv_says(dataset):
    starts = [job.identifier.split("_")[0] for job in dataset_jobs(dataset, SegmentOptions())]
    assert starts == ["sub-01", "sub-01", "sub-02"]
