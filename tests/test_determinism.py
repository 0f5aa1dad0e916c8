"""The same scan gives the same bytes, wherever and however it runs."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SETTINGS = [
    {"LC_ALL": "C", "TZ": "UTC", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "1"},
    {"LC_ALL": "C.UTF-8", "TZ": "Asia/Kathmandu", "OPENBLAS_NUM_THREADS": "2", "OMP_NUM_THREADS": "2",
     "PYTHONHASHSEED": "2"},
]  # fmt: skip


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("name", ["ball", pytest.param("elder05", marks=pytest.mark.slow)])
def test_threads_folders_locales_time_zones_and_processes_change_nothing(request, tmp_path, name):
    if name == "ball":
        scan = request.getfixturevalue("ball")
    else:
        scan = request.getfixturevalue("scans") / "bids" / f"sub-{name}" / "anat" / f"sub-{name}_T1w.nii.gz"
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
