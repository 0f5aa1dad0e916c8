"""Full disks, read-only folders, signals and rivals: inputs untouched, results whole or absent.

`MRISEG_FAULT_MOMENTS=20 scripts/test -m "" tests/test_faults.py` tries more moments.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import nibabel as nib
import pytest
from sweeps import mostly

import mriseg
import mriseg.results.files
from mriseg.errors import OutputError

MOMENTS = int(os.environ.get("MRISEG_FAULT_MOMENTS", "3"))


def start(scan, out, *options):
    return subprocess.Popen(
        [sys.executable, "-m", "mriseg", "segment", scan, "-o", out, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(scan, out, *options):
    process = start(scan, out, *options)
    stdout, stderr = process.communicate()
    return process.returncode, stdout, stderr


def one_line(result, says):
    code, stdout, stderr = result
    assert (code, stdout) == (1, "")
    (line,) = stderr.splitlines()
    assert line.startswith("mriseg: error: ")
    assert says in line


def scratch(folder):
    return [path.name for path in folder.glob(".mriseg-*")]


def assert_whole(folder):
    """Assert that a folder holds one segmentation, all of it, and that its files agree."""
    (sidecar,) = folder.glob("*_dseg.json")
    names = json.loads(sidecar.read_text(encoding="utf-8"))["Classes"]
    stem = sidecar.name.removesuffix("_dseg.json")
    assert {path.name for path in folder.glob("*_probseg.nii.gz")} == {
        f"{stem}_label-{name}_probseg.nii.gz" for name in names
    }
    for path in folder.glob("*.nii.gz"):
        nib.load(path).get_fdata()  # reads to the end, checksum and all


@pytest.fixture
def mounted(tmp_path):
    """Mount a small or read-only file system; skip where that is not allowed."""
    places = []

    def mount(options):
        place = tmp_path / f"mounted{len(places)}"
        place.mkdir()
        tool = shutil.which("mount")
        command = [tool, "-t", "tmpfs", "-o", options, "tmpfs", place]
        if tool is None or subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("no leave to mount a file system here")
        places.append(place)
        return place

    yield mount
    for place in places:
        subprocess.run([shutil.which("umount"), place], check=True)


@pytest.mark.parametrize("size", mostly(["8k", "96k", "160k"], "96k"))
def test_a_full_disk(ball, mounted, size):
    place, before = mounted(f"size={size}"), ball.read_bytes()
    one_line(run(ball, place / "out"), f"{place / 'out'}: cannot be written (No space left on device)")
    assert list(place.iterdir()) == []
    assert ball.read_bytes() == before


def test_a_read_only_folder(ball, mounted):
    place = mounted("ro")
    one_line(run(ball, place / "out"), "cannot be written (Read-only file system)")
    assert list(place.iterdir()) == []


def test_a_folder_of_somebody_else(ball, tmp_path):
    folder = tmp_path / "theirs"
    folder.mkdir(mode=0o555)
    if os.access(folder, os.W_OK):
        pytest.skip("permissions do not bind this user")
    one_line(run(ball, folder / "out"), "cannot be written (Permission denied)")


def test_an_output_folder_that_is_removed_in_mid_run(ball, tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    folder, written = tmp_path / "out", []

    def save_then_remove(array, volume, path, **_):
        written.append(path)
        if len(written) == 3:
            shutil.rmtree(folder)
        nib.Nifti1Image(array, volume.canonical_affine).to_filename(path)

    monkeypatch.setattr(mriseg.results.files, "save_array", save_then_remove)
    with pytest.raises(OutputError, match="cannot be written"):
        mriseg.segment(ball).save(folder)
    assert len(written) >= 3
    assert not folder.exists()


@pytest.mark.parametrize("number", mostly([signal.SIGINT, signal.SIGTERM], signal.SIGTERM))
@pytest.mark.parametrize("step", ["reading the scan", "fitting the mixture"])
def test_asked_to_stop(ball, tmp_path, number, step):
    process = start(ball, tmp_path / "out", "-v")
    for line in process.stderr:
        if step in line:
            break
    process.send_signal(number)
    stdout, stderr = process.communicate()
    assert (process.returncode, stdout) == (128 + number, "")
    last = stderr.splitlines()[-1]
    assert last == f"mriseg: stopped by {number.name}; nothing is half-written"
    assert "Traceback" not in stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.parametrize("imported", ["typer", "mriseg.cli.arguments", "mriseg.cli", "numpy", "scipy"])
def test_asked_to_stop_while_it_is_loaded(ball, tmp_path, imported):
    command = [sys.executable, "-X", "importtime", "-m", "mriseg", "segment", ball, "-o", tmp_path / "out"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stderr:
            if line.split("|")[-1].strip() == imported:
                break
        process.send_signal(signal.SIGINT)
        said = [line for line in process.stderr if not line.startswith("import time:")]
    assert said == ["mriseg: stopped by SIGINT; nothing is half-written\n"]
    assert process.returncode == 130
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.parametrize("moment", range(MOMENTS))
def test_killed_at_a_random_moment(ball, tmp_path, moment):
    folder, before = tmp_path / "out", ball.read_bytes()
    process = start(ball, folder, "-v")
    for line in process.stderr:
        if "reading the scan" in line:
            break
    time.sleep(random.Random(moment).uniform(0, 1.2))  # noqa: S311
    process.kill()
    process.communicate()
    assert ball.read_bytes() == before
    if (folder / "sub-ball_dseg.json").exists():
        assert_whole(folder)
    for path in folder.glob("*.nii.gz"):
        nib.load(path).get_fdata()
    assert all(name.startswith(f".mriseg-{process.pid}@") for name in scratch(folder))
    code, _, stderr = run(ball, folder, "--overwrite")  # the next run clears up
    assert code == 0, stderr
    assert_whole(folder)
    assert scratch(folder) == []


@pytest.mark.slow
def test_two_runs_at_once_into_one_folder(ball, tmp_path):
    first, second = start(ball, tmp_path / "out"), start(ball, tmp_path / "out")
    ends = [process.communicate() for process in (first, second)]
    codes = sorted((first.returncode, second.returncode))
    assert codes == [0, 1], ends
    assert sum("exists already" in stderr for _, stderr in ends) == 1
    assert_whole(tmp_path / "out")
    assert scratch(tmp_path / "out") == []


@pytest.mark.slow
def test_two_runs_at_once_that_may_overwrite_do_not_mix(ball, tmp_path):
    for _ in range(max(1, MOMENTS // 3)):
        runs = [start(ball, tmp_path / "out", "--overwrite", "--classes", n) for n in ("3", "5")]
        for process in runs:
            _, stderr = process.communicate()
            assert process.returncode == 0, stderr
        assert_whole(tmp_path / "out")
