from __future__ import annotations

import http.client
import os
import shutil
import signal
import subprocess
import sys
from urllib.parse import urlsplit

import nibabel as nib
import numpy as np
import pytest


def test_the_command_exports_one_page_and_replaces_none_unasked(ball_folder, tmp_path, run):
    page = tmp_path / "page.html"
    done = run("view", ball_folder, "--export", page)
    assert (done.returncode, done.stderr) == (0, "")
    assert page.read_text(encoding="utf-8").count("<script") == 4
    again = run("view", ball_folder, "--export", page)
    assert again.returncode == 1
    assert "--overwrite" in again.stderr
    assert run("view", ball_folder, "--export", page, "--overwrite").returncode == 0


def test_the_exported_page_ends_as_a_page_does(ball_folder, tmp_path, run):
    scan = tmp_path / "scan_T1w.nii.gz"
    scan.write_bytes(b"a scan")
    done = run("view", ball_folder, "--export", scan, "--overwrite")
    assert done.returncode == 2
    assert "ends in .html" in done.stderr
    assert scan.read_bytes() == b"a scan"


def test_a_folder_without_its_sidecar_is_shown_with_a_warning(ball_folder, tmp_path, run):
    shutil.copytree(ball_folder, tmp_path / "results")
    (tmp_path / "results/sub-ball_dseg.json").unlink()
    done = run("view", tmp_path / "results", "--export", tmp_path / "page.html")
    assert done.returncode == 0
    (line,) = done.stderr.splitlines()
    assert line.startswith("mriseg: warning: sub-ball_dseg.nii.gz: no sidecar beside it")
    (tmp_path / "results/sub-ball_desc-preproc_T1w.nii.gz").unlink()
    done = run("view", tmp_path / "results", "--export", tmp_path / "page.html", "--overwrite")
    assert "results: holds no scan" in done.stderr
    alone = run("view", tmp_path / "results/sub-ball_dseg.nii.gz", "--export", tmp_path / "labels.html")
    assert (alone.returncode, alone.stderr) == (0, "")


def test_labels_that_were_saved_over_are_shown_with_a_warning(ball_folder, tmp_path, run):
    path = shutil.copytree(ball_folder, tmp_path / "results") / "sub-ball_dseg.nii.gz"
    image = nib.load(path)
    labels = np.asarray(image.dataobj).copy()
    labels[24, 28, 20] = 3
    nib.Nifti1Image(labels, image.affine).to_filename(path)
    for number, shown in enumerate((path.parent, path)):
        done = run("view", shown, "--export", tmp_path / f"{number}.html")
        assert done.returncode == 0
        (line,) = done.stderr.splitlines()
        assert line.startswith("mriseg: warning: sub-ball_dseg.nii.gz: the label map was saved over")


@pytest.mark.parametrize("name", ["nowhere", "empty", "text.nii.gz"])
def test_what_cannot_be_shown_is_one_line(tmp_path, run, name):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.nii.gz").write_text("text")
    done = run("view", tmp_path / name, "--no-browser")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"mriseg: error: {tmp_path / name}")


def test_the_command_serves_until_it_is_interrupted(ball_folder):
    command = [sys.executable, "-m", "mriseg", "view", ball_folder, "--no-browser"]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as process:
        address = urlsplit(process.stdout.readline().split()[0])
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=10)
        connection.request("GET", address.path)
        page = connection.getresponse().read().decode()
        connection.close()
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=20)
    assert "sub-ball" in page
    assert process.returncode == 0
    assert stderr == ""
