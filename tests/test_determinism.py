"""The same scan gives the same bytes, wherever and however it runs."""

from __future__ import annotations

import os
import subprocess
import sys

import nibabel as nib
import numpy as np
import pytest
from real_scans import scan_of, truth_of

# In the second, glibc fills new memory with 0x7f: a huge number to what reads an array before it is written.
SETTINGS = [
    {"LC_ALL": "C", "TZ": "UTC", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "1"},
    {"LC_ALL": "C.UTF-8", "TZ": "Asia/Kathmandu", "OPENBLAS_NUM_THREADS": "2", "OMP_NUM_THREADS": "2",
     "PYTHONHASHSEED": "2", "MALLOC_PERTURB_": "128"},
]  # fmt: skip


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("name", ["ball", pytest.param("elder05", marks=pytest.mark.slow)])
def test_threads_memory_folders_locales_time_zones_and_processes_change_nothing(request, tmp_path, name):
    if name == "ball":
        scan = request.getfixturevalue("ball")
    else:
        scan = scan_of(request.getfixturevalue("scans"), name)
    written = []
    for number, environment in enumerate(SETTINGS):
        place = tmp_path / f"place{number}"
        place.mkdir()
        given = os.path.relpath(scan, place) if number else scan
        command = [sys.executable, "-m", "mriseg", "segment", given, "-q"]
        subprocess.run(command, cwd=place, env={**os.environ, **environment}, check=True)
        (folder,) = place.iterdir()
        written.append(files(folder))
    assert written[0].keys() == written[1].keys()
    differ = [name for name in written[0] if written[0][name] != written[1][name]]
    assert differ == []
    for name, data in written[0].items():
        if name.endswith(".gz"):
            assert data[3] == 0, name  # no name, no comment
            assert data[4:8] == bytes(4), name  # no time


PROGRAM = """
import sys, mriseg
scan, mask = sys.argv[1:]
mriseg.segment(scan).save("own", report=False)
mriseg.segment(scan, mask=mask).save("given", report=False)
"""


@pytest.fixture(params=["ball", pytest.param("elder05", marks=pytest.mark.slow)])
def scan_and_mask(request, tmp_path):
    if request.param != "ball":
        folder = request.getfixturevalue("scans")
        return scan_of(folder, request.param), truth_of(folder, request.param, "desc-brain_mask")
    labels, affine = request.getfixturevalue("ball_labels"), request.getfixturevalue("ball_affine")
    nib.Nifti1Image((labels > 1).astype(np.uint8), affine).to_filename(tmp_path / "mask.nii.gz")
    return request.getfixturevalue("ball"), tmp_path / "mask.nii.gz"


def test_threads_change_nothing_from_python(scan_and_mask, tmp_path):
    for threads in ("1", "2"):
        counts = {"OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads}
        (tmp_path / threads).mkdir()
        command = [sys.executable, "-c", PROGRAM, *scan_and_mask]
        subprocess.run(command, cwd=tmp_path / threads, env={**os.environ, **counts}, check=True)
    for mask in ("own", "given"):
        one, two = (files(tmp_path / threads / mask) for threads in ("1", "2"))
        assert one.keys() == two.keys()
        assert [name for name in one if one[name] != two[name]] == []
    own, given = (next((tmp_path / "1" / mask).glob("*_dseg.nii.gz")) for mask in ("own", "given"))
    assert own.read_bytes() != given.read_bytes()  # two masks, and not one twice
