from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import nibabel as nib
import numpy as np
import pytest

from mriseg.cli.segment import _summary


def test_with_nothing_but_the_file_name(ball, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "mriseg", "segment", ball],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "sub-ball_mriseg" / "sub-ball_dseg.nii.gz").exists()
    assert "GM" in done.stdout
    assert "14 files in sub-ball_mriseg" in done.stdout
    said = tuple(f"mriseg: {kind}: sub-ball_T1w.nii.gz: " for kind in ("warning", "note"))
    assert all(line.startswith(said) for line in done.stderr.splitlines())


@pytest.mark.slow
def test_every_option_changes_something(run, ball, ball_labels, ball_affine, tmp_path):
    mask = tmp_path / "mask.nii"
    nib.Nifti1Image((ball_labels > 1).astype(np.uint8), ball_affine).to_filename(mask)
    plain = run("segment", ball)
    labels = {}
    for name, options in {
        "plain": (), "mask": ("--mask", mask), "t2": ("--contrast", "t2"), "pd": ("--contrast", "pd"),
        "four": ("--classes", "4"), "stripped": ("--stripped",),
    }.items():  # fmt: skip
        pages = () if name == "plain" else ("--no-report",)
        done = run("segment", ball, "-o", tmp_path / name, *options, *pages)
        assert done.returncode == 0, done.stderr
        labels[name] = nib.load(tmp_path / name / "sub-ball_dseg.nii.gz").get_fdata()
        sidecar = (tmp_path / name / "sub-ball_dseg.json").read_text()
        assert ('"Stripped": true' in sidecar) == (name == "stripped")
    for name in ("mask", "t2", "four"):
        assert (labels[name] != labels["plain"]).any(), name
    assert (labels["pd"] != labels["plain"]).any()
    folder = tmp_path / "pictures"
    drawn = ("--overlay-style", "fill", "--luts", "slicer, itksnap")
    done = run("segment", ball, "-o", folder, *drawn, "--no-report")
    assert done.returncode == 0, done.stderr
    assert "verdict     look closely" in done.stdout  # a ball is no brain that the template fits
    added = {file.name for file in folder.iterdir()} ^ {file.name for file in (tmp_path / "plain").iterdir()}
    tables = {"sub-ball_dseg_lut-slicer.ctbl", "sub-ball_dseg_lut-itksnap.txt"}
    assert added == {*tables, "sub-ball_report.html"}
    pictures = [(tmp_path / name / "sub-ball_overlay.png").read_bytes() for name in ("plain", "pictures")]
    assert pictures[0] != pictures[1]
    quiet = run("segment", ball, "--overwrite", "--no-report", "-q")
    assert (quiet.returncode, quiet.stdout) == (0, "")
    verbose = run("segment", ball, "--overwrite", "--no-report", "-v")
    steps = re.findall(r"^mriseg: (.+) \((\d+) ms\)$", verbose.stderr, re.MULTILINE)
    assert [name for name, _ in steps][:2] == ["reading the scan", "finding the brain"]
    assert steps[-1][0] == "writing the results"
    assert "finding the brain" not in plain.stderr


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (Path.exists, "no such file"),
        (Path.mkdir, "is a folder"),
        (lambda path: path.write_text("text"), "is not compressed"),
        (lambda path: nib.Nifti1Image(np.zeros((9, 9, 9)), np.eye(4)).to_filename(path), "the value 0"),
        (lambda path: nib.Nifti1Image(np.ones((9, 9, 9, 3)), np.eye(4)).to_filename(path), "a series"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line_exit_one_and_nothing_written(run, tmp_path, make, says):
    scan = tmp_path / "scan.nii.gz"
    make(scan)
    before = sorted(tmp_path.iterdir())
    done = run("segment", scan)
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"mriseg: error: {scan}")
    assert says in line
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("fail_on", "code"), [((), 0), (("look-closely",), 4), (("do-not-trust",), 0)], ids=str
)
def test_the_verdict_is_the_exit_code_only_if_asked(run, ball, tmp_path, fail_on, code):
    """A ball is no brain that the template fits: look closely."""
    done = run(
        "segment", ball, "--no-report", *(word for verdict in fail_on for word in ("--fail-on", verdict))
    )
    assert done.returncode == code
    assert "verdict     look closely" in done.stdout
    assert (tmp_path / "sub-ball_mriseg" / "sub-ball_dseg.json").exists()


def test_existing_output_is_refused_before_any_work(run, ball, tmp_path):
    folder = tmp_path / "sub-ball_mriseg"
    folder.mkdir()
    (folder / "sub-ball_dseg.json").write_text("mine")
    done = run("segment", ball)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "--overwrite" in line
    assert [path.name for path in folder.iterdir()] == ["sub-ball_dseg.json"]
    assert run("segment", ball, "--overwrite").returncode == 0


@pytest.mark.parametrize(
    "wrong",
    [
        (),
        ("a.nii", "b.nii"),
        ("a.nii", "--contrast", "t9"),
        ("a.nii", "--classes", "1"),
        ("a.nii", "--nonsense"),
        ("a.nii", "--mask", "m.nii", "--stripped"),
        ("a.nii", "-v", "-q"),
        ("a.nii", "--luts", "word"),
        ("a.nii", "--overlay-style", "glitter"),
        ("a.nii", "--fail-on", "trust"),
    ],
)
def test_wrong_usage_is_exit_two(run, wrong):
    done = run("segment", *wrong)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "Value error" not in done.stderr  # the word of a library, not of a program for people


@pytest.mark.parametrize("command", ["segment", "batch", "bids"])
def test_help_has_groups_and_flags_take_no_value(run, monkeypatch, command):
    monkeypatch.setenv("COLUMNS", "110")
    text = run(command, "--help").stdout
    groups = [text.index(f"─ {group} ─") for group in ("Input", "Model", "Output", "Running")]
    assert len(set(groups)) == 4
    flags = [line for line in text.splitlines() if "<bool>" in line and "--help" not in line]
    assert not flags


def test_help_and_version(run):
    assert "mriseg segment sub-01_T1w.nii.gz" in run("segment", "--help").stdout
    assert run("--version").stdout.startswith("mriseg 0.")


@pytest.mark.parametrize("option", ["--mask", "--lesion-mask", "--channel"])
def test_no_file_that_was_named_is_replaced(run, ball, ball_labels, ball_affine, tmp_path, option):
    out = tmp_path / "out"
    out.mkdir()
    ending = {"--channel": "desc-preproc_T1w.nii.gz"}.get(option, "desc-brain_mask.nii.gz")
    named = out / f"sub-ball_{ending}"
    inside = ball_labels > 0 if option == "--mask" else ball_labels == 9
    if option == "--channel":
        image = nib.load(ball)
        nib.Nifti1Image(image.get_fdata()[::-1] ** 2, image.affine).to_filename(named)
    else:
        inside[40:44, 40:44, 40:44] = True
        nib.Nifti1Image(inside.astype(np.uint8), ball_affine).to_filename(named)
    before = named.read_bytes()
    done = run("segment", ball, option, named, "-o", out, "--overwrite", "--no-report")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"mriseg: error: {named}: is a file that is read here")
    assert named.read_bytes() == before
    assert list(out.iterdir()) == [named]


@pytest.mark.parametrize(("codes", "says"), [([], "detected"), (["contrast-unknown"], "assumed")])
def test_a_contrast_that_could_not_be_told_is_not_called_detected(codes, says):
    result = SimpleNamespace(
        brain_mask_ml=1.0,
        brain=SimpleNamespace(method="given"),
        tissues=(),
        volumes={},
        settings={"Contrast": "auto"},
        contrast="t1",
        warnings=[SimpleNamespace(code=code) for code in codes],
    )
    assert _summary(result)[-1] == f"contrast    t1, {says}"
