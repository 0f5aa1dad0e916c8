from __future__ import annotations

import json
import os

import pytest
from sidecars import minimal_sidecar

from mriseg.cohort.record import (
    Record,
    collect,
    figures,
    identifier_of,
    log_file,
    read_json,
    read_record,
    record_file,
)
from mriseg.qc import QCWarning, do_not_trust, look_closely
from mriseg.results.sidecar import SCHEMA_VERSION


@pytest.fixture
def sidecar():
    """What of a sidecar a table shows."""
    grey = {"Label": 1, "ml": 700.0, "label_ml": 710.0, "fraction": 0.47, "mean": 70.0, "sd": 5.0}
    warnings = [look_closely("share", "dark"), do_not_trust("size", "small")]
    return {**minimal_sidecar("a.nii.gz", {"GM": grey}), "Warnings": warnings}


def test_a_record_comes_back_from_its_file(tmp_path):
    record = Record("a/b", "b.nii.gz", "a", seconds=1.5, peak_mb=200.0, histogram=(0.25, 0.75))
    record.failed("cannot be\n  read").write(tmp_path)
    again = read_record(record_file(tmp_path, "a/b"))
    assert again == Record(
        "a/b", "b.nii.gz", "a", "failed", "cannot be read", 1.5, 200.0, fresh=False, histogram=(0.25, 0.75)
    )
    assert record_file(tmp_path, "a/b").with_suffix(".log") == log_file(tmp_path, "a/b")
    assert record.sidecar(tmp_path) == tmp_path / "a" / "b_dseg.json"


def test_writing_a_record_does_not_read_the_folder_of_all_records(tmp_path, monkeypatch):
    """It has as many files as the cohort has scans, and every scan would wait for that."""
    listed, scandir = [], os.scandir
    monkeypatch.setattr(os, "scandir", lambda path=".": listed.append(str(path)) or scandir(path))
    Record("a", "a.nii.gz", "a").write(tmp_path)
    assert read_record(record_file(tmp_path, "a"))
    assert str(tmp_path / "logs") not in listed


def test_a_record_of_a_file_whose_name_is_no_text_comes_back(tmp_path):
    record = Record("bad\udcff", "bad\udcff.nii.gz", "bad\udcff", fresh=False)
    record.write(tmp_path)
    assert read_record(record_file(tmp_path, record.identifier)) == record


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        "{",
        '{"Identifier": 5}',
        "{}",
        '{"Identifier": "a", "Status": "lost"}',
        '{"Identifier": "a", "Status": "done", "Histogram": null}',
        '{"Identifier": "a", "Status": "done", "Seconds": "long"}',
    ],
)
def test_another_file_is_no_record(tmp_path, text):
    (tmp_path / "x.json").write_text(text)
    assert read_record(tmp_path / "x.json") is None
    assert read_record(tmp_path / "gone.json") is None
    assert read_json(tmp_path / "gone.json") is None


@pytest.mark.parametrize(
    ("folder", "name", "identifier"),
    [
        ("sub-01/anat", "sub-01", "sub-01"),
        ("sub-01/ses-2/anat", "sub-01_ses-2_run-1", "sub-01_ses-2_run-1"),
        ("sub-01/anat", "sub-011", "sub-01/anat"),  # of another subject
        ("sub-01/ses-2", "sub-01_ses-2", "sub-01/ses-2"),
        ("visit1/T1", "T1", "visit1/T1"),
    ],
)
def test_a_scan_is_named_by_its_files_in_a_data_set_and_by_its_folder_elsewhere(folder, name, identifier):
    assert identifier_of(folder, name) == identifier


def test_figures_are_those_of_the_sidecar(sidecar):
    assert figures(sidecar) == {
        "brain_mask_ml": 1500.0, "GM_ml": 700.0, "GM_label_ml": 710.0, "GM_fraction": 0.47, "GM_mean": 70.0,
        "GM_sd": 5.0, "bias_lowest": 0.9, "bias_highest": 1.1, "similarity": None,
    }  # fmt: skip


def test_a_failure_has_no_figures_and_what_is_done_has_no_reason(sidecar):
    record = Record("a", "a.nii.gz", "a")
    done = record.failed("oh").done(sidecar)
    assert (done.status, done.reason, done.figures) == ("done", "", figures(sidecar))
    assert done.warnings == tuple(sidecar["Warnings"])
    assert done.verdict == "do not trust"
    assert [warning.code for warning in done.reasons] == ["size", "share"]
    failed = done.failed("oh")
    assert (failed.verdict, failed.reasons) == (None, [])
    assert (failed.status, failed.reason, failed.figures) == ("failed", "oh", {})


def test_results_are_found_without_a_record_and_half_written_ones_are_none(tmp_path, sidecar):
    for folder in ("visit/a", "visit/.mriseg-1@host-x"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "a_dseg.json").write_text(json.dumps(sidecar, default=QCWarning.recorded))
    (tmp_path / "other_dseg.json").write_text("{}")  # of another program
    (record,) = collect(tmp_path)
    assert (record.identifier, record.scan, record.folder) == ("visit/a", "a.nii.gz", "visit/a")
    assert not record.fresh


def test_results_behind_a_link_are_found(tmp_path, sidecar):
    (tmp_path / "part-0" / "a").mkdir(parents=True)
    text = json.dumps(sidecar, default=QCWarning.recorded)
    (tmp_path / "part-0" / "a" / "a_dseg.json").write_text(text)
    (tmp_path / "all").mkdir()
    (tmp_path / "all" / "part-0").symlink_to(tmp_path / "part-0")
    assert [record.identifier for record in collect(tmp_path / "all")] == ["part-0/a"]


@pytest.mark.parametrize(
    "damage",
    [
        {"SchemaVersion": None},
        {"SchemaVersion": SCHEMA_VERSION + 1},
        {"BrainMask": None},
        {"Classes": []},
        {"Classes": {"GM": {}}},
        {"Classes": {"GM": {"ml": "<b>x</b>", "label_ml": 1, "fraction": 1, "mean": 1, "sd": 1, "Label": 1}}},
        {"BiasField": None},
        {"Sources": []},
        {"Files": 5},
        {"Contrast": {}},
        {"Mixture": None},
    ],
    ids=repr,
)
def test_results_that_cannot_be_used_failed_and_stop_no_other(tmp_path, sidecar, damage):
    maker = {"GeneratedBy": [{"Name": "mriseg", "Version": "0"}]}
    for folder, content in (("a", sidecar), ("b", sidecar | maker | damage)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x_dseg.json").write_text(json.dumps(content, default=QCWarning.recorded))
    sound, broken = collect(tmp_path)
    assert (sound.identifier, sound.status) == ("a", "done")
    assert (broken.identifier, broken.status, broken.figures) == ("b", "failed", {})
    assert broken.reason.startswith("its results cannot be used (it")
    Record("b", "x.nii.gz", "b").write(tmp_path)
    assert list(collect(tmp_path))[1].status == "failed"


def test_results_that_are_gone_failed(tmp_path):
    Record("a", "a.nii.gz", "a").write(tmp_path)
    (record,) = collect(tmp_path)
    assert (record.status, record.reason) == ("failed", "its results are gone; segment it again")


def test_two_results_in_one_folder_are_two_scans(tmp_path, sidecar):
    (tmp_path / "sub-01_mriseg").mkdir()
    for name in ("sub-01", "sub-01_space-T2w"):
        content = sidecar | {"Sources": [f"{name}.nii.gz"]}
        file = tmp_path / "sub-01_mriseg" / f"{name}_dseg.json"
        file.write_text(json.dumps(content, default=QCWarning.recorded))
    found = list(collect(tmp_path))
    assert [record.identifier for record in found] == [
        "sub-01_mriseg/sub-01",
        "sub-01_mriseg/sub-01_space-T2w",
    ]
    Record("sub-01_mriseg", "sub-01.nii.gz", "sub-01_mriseg").write(tmp_path)
    found = list(collect(tmp_path))
    assert [record.identifier for record in found] == ["sub-01_mriseg", "sub-01_mriseg/sub-01_space-T2w"]


def test_results_of_another_scan_do_not_hide_a_failure(tmp_path, sidecar):
    (tmp_path / "s").mkdir()
    content = sidecar | {"Sources": ["T2w.nii.gz"]}
    (tmp_path / "s" / "T2w_dseg.json").write_text(json.dumps(content, default=QCWarning.recorded))
    for record in (Record("s", "T1w.nii.gz", "s").failed("oh"), Record("s", "T1w.nii.gz", "s")):
        record.write(tmp_path)
        found = [(one.identifier, one.status) for one in collect(tmp_path)]
        assert found == [("s", "failed"), ("s/T2w", "done")]
