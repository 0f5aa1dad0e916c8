"""Names and header text that mean harm, and free text that is private."""

from __future__ import annotations

import csv
import json
import os
import pty
import subprocess
import sys

import nibabel as nib
import pytest

from mriseg._utils.text import cell, printable

NASTY = "=cmd|'\x1b[2J\x07\n\u202e\udcff[red]<img src=x onerror=alert(1)>"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sub-01 Müller 東京", "sub-01 Müller 東京"),
        ("a\tb\r\n\x00\x7f\x9b", r"a\tb\r\n\x00\x7f\x9b"),
        ("\u202egnp.exe\u200b\ufeff", r"\u202egnp.exe\u200b\ufeff"),
        ("\udcff", r"\udcff"),
    ],
)
def test_printable(text, expected):
    assert printable(text) == expected


@pytest.mark.parametrize("sign", ["=", "+", "-", "@"])
def test_no_cell_is_a_formula(sign):
    assert cell(f"{sign}1+1") == f"'{sign}1+1"
    assert cell(f"a{sign}1") == f"a{sign}1"


@pytest.fixture
def mriseg(tmp_path):
    """Run the command line in a process of its own, from the test's folder."""

    def run(*arguments, **environment):
        return subprocess.run(
            [sys.executable, "-m", "mriseg", *map(os.fsencode, arguments)],
            cwd=tmp_path,
            env={**os.environ, **environment},
            capture_output=True,
            check=False,
        )

    return run


def test_a_name_that_means_harm_does_none(mriseg, ball, tmp_path):
    scan = ball.rename(tmp_path / f"{NASTY}_T1w.nii.gz")
    done = mriseg("segment", scan, "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert printable(done.stdout.decode()).replace(r"\n", "\n") == done.stdout.decode()
    (table,) = (tmp_path / "out").glob("*_volumes.tsv")
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file, delimiter="\t"))
    assert len(rows) == 2
    assert rows[1][0] == "'" + printable(NASTY)
    (sidecar,) = (tmp_path / "out").glob("*_dseg.json")
    facts = json.loads(sidecar.read_text(encoding="utf-8"))
    assert facts["Sources"] == [printable(scan.name)]
    assert sorted(facts["Files"]) == sorted(printable(path.name) for path in (tmp_path / "out").iterdir())
    scan.write_bytes(b"damaged")
    for arguments in (("segment", scan, "--overwrite"), ("brain", scan), ("evaluate", scan, scan)):
        done = mriseg(*arguments)
        assert done.returncode == 1
        (line,) = done.stderr.decode().splitlines()
        assert printable(line) == line


def test_a_locale_without_unicode_is_no_reason_to_fail(mriseg, ball, tmp_path):
    scan = ball.rename(tmp_path / "Müller_T1w.nii.gz")
    done = mriseg(
        "segment", scan, LC_ALL="C", PYTHONCOERCECLOCALE="0", PYTHONUTF8="0", PYTHONIOENCODING="ascii"
    )
    assert done.returncode == 0, done.stderr
    assert b"ller_mriseg" in done.stdout
    assert done.stdout.isascii()


def test_brackets_in_a_name_are_no_markup_on_a_terminal(ball, tmp_path):
    scan = ball.rename(tmp_path / "[red][bold]_T1w.nii.gz")
    shown, terminal = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "mriseg", "segment", scan],
        cwd=tmp_path,
        env={**os.environ, "TERM": "xterm"},
        stdout=subprocess.PIPE,
        stderr=terminal,
        check=False,
    )
    os.close(terminal)
    assert done.returncode == 0
    assert b"[red][bold]" in os.read(shown, 1 << 16)
    os.close(shown)


def test_header_text_is_copied_only_on_request(run, ball, tmp_path):
    image = nib.load(ball)
    for field in ("descrip", "aux_file", "db_name", "intent_name"):
        image.header[field] = b"Jane Doe 1970"
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"Jane Doe 1970"))
    image.to_filename(tmp_path / "named.nii.gz")
    for options, kept in (((), False), (("--keep-header-text",), True)):
        folder = tmp_path / f"out{kept}"
        assert run("segment", "named.nii.gz", "-o", folder, *options).returncode == 0
        mask = tmp_path / f"mask{kept}.nii.gz"
        assert run("brain", "named.nii.gz", "-o", mask, *options).returncode == 0
        for path in (*folder.iterdir(), mask):
            if path.name.endswith(".nii.gz"):
                header = nib.load(path).header
                texts = {str(header[field].astype(str)) for field in ("descrip", "aux_file", "db_name")}
                assert texts == ({"Jane Doe 1970"} if kept else {""})
                assert b"Jane Doe" not in bytes(header["intent_name"])
                assert len(header.extensions) == 0
            else:
                assert b"Jane Doe" not in path.read_bytes()
