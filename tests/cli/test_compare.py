from __future__ import annotations

import csv
import io
import json

import nibabel as nib
import numpy as np
import pytest

FILES = ["a_vs_b_comparison.json", "a_vs_b_comparison.tsv", "a_vs_b_differences.png"]


@pytest.fixture
def maps(tmp_path):
    """Two label maps; in the second, 2 x 8 x 8 voxels of 1 mL turned from GM to WM."""
    labels = np.zeros((16, 16, 16), dtype=np.uint8)
    labels[2:14, 2:14, 2:14] = 1
    labels[4:8, 4:12, 4:12] = 2
    labels[2:14, 2:14, 12:14] = 3
    other = labels.copy()
    other[8:10, 4:12, 4:12] = 2
    for name, array in (("a", labels), ("b", other)):
        nib.save(nib.Nifti1Image(array, np.diag([10.0, 10.0, 10.0, 1.0])), tmp_path / f"{name}.nii.gz")
    return tmp_path / "a.nii.gz", tmp_path / "b.nii.gz"


def test_the_table(run, maps, tmp_path):
    done = run("compare", *maps)
    assert done.returncode == 0
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "A: a",
        "B: b",
        "tissue          Dice           A           B               change",
        "CSF            1.000    288.0 mL    288.0 mL     +0.0 mL    +0.0%",
        "GM             0.943   1184.0 mL   1056.0 mL   -128.0 mL   -10.8%",
        "WM             0.800    256.0 mL    384.0 mL   +128.0 mL   +50.0%",
        "volumes from labels; the labels of 128.0 mL differ",
        "3 files in a_vs_b_comparison",
    ]
    assert sorted(path.name for path in (tmp_path / "a_vs_b_comparison").iterdir()) == FILES


def test_the_formats_and_the_files_say_the_same(run, maps, tmp_path):
    tsv = run("compare", *maps, "-o", "out", "-f", "tsv").stdout
    assert tsv == (tmp_path / "out" / FILES[1]).read_text()
    rows = {row["tissue"]: row for row in csv.DictReader(io.StringIO(tsv), delimiter="\t")}
    assert rows["WM"] == {
        "tissue": "WM", "dice": "0.8000", "a_ml": "256.0000", "b_ml": "384.0000", "change_ml": "128.0000",
        "change_percent": "50.0000", "volumes_from": "labels", "b_resampled": "no",
    }  # fmt: skip
    text = run("compare", *maps, "-o", "out", "-f", "json", "--overwrite").stdout
    assert text == (tmp_path / "out" / FILES[0]).read_text()
    facts = json.loads(text)
    assert facts["tissues"]["WM"]["change_percent"] == pytest.approx(50)
    assert (facts["a"]["file"], facts["brain_mask"]) == ("a.nii.gz", None)
    assert facts["differ_ml"] == pytest.approx(128)


def test_folders_have_a_brain_mask_and_posteriors(run, ball_folder):
    done = run("compare", ball_folder, ball_folder, "-f", "tsv")
    rows = {row["tissue"]: row for row in csv.DictReader(io.StringIO(done.stdout), delimiter="\t")}
    assert list(rows) == ["CSF", "GM", "WM", "brain_mask"]
    assert rows["GM"]["volumes_from"] == "posteriors"
    assert (rows["brain_mask"]["dice"], rows["brain_mask"]["change_ml"]) == ("1.0000", "0.0000")
    assert "brain mask" in run("compare", ball_folder, ball_folder, "-o", "more").stdout


def test_what_is_missing_and_what_was_resampled_is_said(run, maps):
    image = nib.load(maps[1])
    affine = image.affine.copy()
    affine[0, 3] = 4
    nib.save(nib.Nifti1Image(np.asarray(image.dataobj), affine), maps[1])
    done = run("compare", *maps, "--map-b", "1=GM,2=WM")
    lines = done.stdout.splitlines()
    assert lines[3].split() == ["CSF", "n/a", "288.0", "mL", "n/a", "n/a", "n/a"]
    assert "B was resampled to the grid of A: nearest label" in lines
    assert "\tn/a\t" in run("compare", *maps, "--map-b", "1=GM,2=WM", "--overwrite", "-f", "tsv").stdout


def test_nothing_is_overwritten_unless_asked(run, maps, tmp_path):
    folder = tmp_path / "out"
    run("compare", *maps, "-o", folder)
    (folder / FILES[1]).write_text("mine")
    done = run("compare", *maps, "-o", folder)
    assert done.returncode == 1
    assert "exists already; replace with --overwrite" in done.stderr
    assert done.stdout == ""
    assert (folder / FILES[1]).read_text() == "mine"
    assert run("compare", *maps, "-o", folder, "--overwrite").returncode == 0
    assert (folder / FILES[1]).read_text() != "mine"
    assert sorted(path.name for path in folder.iterdir()) == FILES


def test_the_same_input_gives_the_same_bytes(run, maps, tmp_path):
    for folder in ("one", "two"):
        run("compare", *maps, "-o", folder)
    for name in FILES:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_bad_input_is_one_line(run, maps, tmp_path):
    image = nib.load(maps[1])
    affine = image.affine.copy()
    affine[:3, 3] = 1000
    nib.save(nib.Nifti1Image(np.asarray(image.dataobj), affine), tmp_path / "far.nii.gz")
    (tmp_path / "empty").mkdir()
    for name, said in (
        ("far.nii.gz", "no tissue where"),
        ("empty", "no STEM_dseg.json"),
        ("none", "no such file"),
    ):
        done = run("compare", maps[0], tmp_path / name, "-o", "out")
        assert done.returncode == 1
        assert said in done.stderr
        assert done.stderr.startswith("mriseg: error: ")
        assert done.stderr.count("\n") == 1
        assert name in done.stderr
    assert not (tmp_path / "out").exists()


def test_wrong_usage(run, maps, ball_folder):
    assert run("compare", maps[0]).returncode == 2
    assert run("compare", *maps, "--map-a", "1:GM").returncode == 2
    done = run("compare", ball_folder, maps[0], "--map-a", "1=GM")
    assert done.returncode == 2
    assert "--map-a" in done.stderr


def test_help_has_an_example(run):
    assert "For example: mriseg compare" in run("compare", "--help").stdout
