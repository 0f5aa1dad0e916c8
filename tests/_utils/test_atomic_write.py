from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

from mriseg._utils.atomic_write import atomic_write, remove_stale
from mriseg.errors import OutputError

NAMES = ["labels", "table", "sidecar"]


def _write(scratch, text):
    for name in NAMES:
        (scratch / name).write_text(text)


def test_files_appear_under_their_names_and_nothing_else_does(tmp_path):
    folder = tmp_path / "a" / "b"
    with atomic_write(folder, NAMES, overwrite=False) as scratch:
        _write(scratch, "new")
        assert [path.name for path in folder.iterdir()] == [scratch.name]
    assert sorted(path.name for path in folder.iterdir()) == sorted(NAMES)


def test_files_are_on_the_disk_before_any_appears(tmp_path, monkeypatch):
    """After a power cut the last one may else be there beside empty ones."""
    synced = []

    def fsync(handle):
        assert not any((tmp_path / name).exists() for name in NAMES)
        synced.append(os.fstat(handle).st_ino)

    monkeypatch.setattr(os, "fsync", fsync)
    with atomic_write(tmp_path, NAMES, overwrite=False) as scratch:
        _write(scratch, "new")
    assert synced == [(tmp_path / name).stat().st_ino for name in NAMES]


def test_a_failure_leaves_no_trace(tmp_path):
    with pytest.raises(RuntimeError), atomic_write(tmp_path / "a" / "b", NAMES, overwrite=False) as scratch:
        (scratch / "labels").write_text("half")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_a_failure_leaves_what_was_there(tmp_path):
    with atomic_write(tmp_path, NAMES, overwrite=False) as scratch:
        _write(scratch, "old")
    with pytest.raises(RuntimeError), atomic_write(tmp_path, NAMES, overwrite=True) as scratch:
        _write(scratch, "new")
        raise RuntimeError
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == dict.fromkeys(NAMES, "old")


def test_without_leave_nothing_is_replaced(tmp_path):
    (tmp_path / "table").write_text("mine")
    with (
        pytest.raises(OutputError, match="table: exists already"),
        atomic_write(tmp_path, NAMES, overwrite=False),
    ):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["table"]


def test_the_mark_of_completeness_goes_before_the_first_file_is_replaced(tmp_path):
    with atomic_write(tmp_path, NAMES, overwrite=False) as scratch:
        _write(scratch, "old")
    with pytest.raises(OutputError), atomic_write(tmp_path, NAMES, overwrite=True) as scratch:
        _write(scratch, "new")
        (tmp_path / "table").unlink()
        (tmp_path / "table").mkdir()  # no file replaces a folder: the move stops half-way
    assert not (tmp_path / "sidecar").exists()


def test_a_folder_that_cannot_be_made_is_an_output_error(tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(OutputError, match="cannot be written"),
        atomic_write(tmp_path / "file", NAMES, overwrite=True),
    ):
        pass


def _dead_process():
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def test_what_killed_runs_left_is_cleared_and_nothing_else(tmp_path):
    here, dead = platform.node(), _dead_process()
    stale = tmp_path / f".mriseg-{dead}@{here}-a1b2"
    keep = [f".mriseg-{dead}@another-host-a1b2", f".mriseg-{os.getpid()}@{here}-a1b2", ".mriseg-notes", "x"]
    for folder in (stale, *(tmp_path / name for name in keep)):
        folder.mkdir()
        (folder / "labels").touch()
    assert remove_stale(tmp_path) == [stale]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(keep)
    assert remove_stale(tmp_path / "nowhere") == []


def test_a_scratch_folder_older_than_the_process_of_its_number_is_stale(tmp_path, monkeypatch):
    mine = tmp_path / f".mriseg-{os.getpid()}@{platform.node()}-a1b2"
    mine.mkdir()
    assert remove_stale(tmp_path) == []
    monkeypatch.setattr("psutil.Process.create_time", lambda _: mine.stat().st_ctime + 60)
    assert remove_stale(tmp_path) == [mine]


def test_a_run_clears_what_a_killed_one_left(tmp_path):
    (tmp_path / f".mriseg-{_dead_process()}@{platform.node()}-a1b2").mkdir()
    with atomic_write(tmp_path, NAMES, overwrite=False) as scratch:
        _write(scratch, "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(NAMES)


def test_of_two_runs_at_once_the_second_to_finish_replaces_nothing(tmp_path):
    with (
        pytest.raises(OutputError, match="exists already"),
        atomic_write(tmp_path, NAMES, overwrite=False) as slow,
    ):
        _write(slow, "slow")
        with atomic_write(tmp_path, NAMES, overwrite=False) as fast:
            _write(fast, "fast")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == dict.fromkeys(NAMES, "fast")


@pytest.mark.parametrize("link", [None, "symlink_to", "hardlink_to"])
def test_a_file_that_was_read_is_never_replaced(tmp_path, link):
    read = tmp_path / "table"
    read.write_text("of the user")
    if link:
        read = tmp_path / "other name"
        getattr(read, link)(tmp_path / "table")
    with (
        pytest.raises(OutputError, match=r"table: is a file that is read here"),
        atomic_write(tmp_path, NAMES, overwrite=True, inputs=[tmp_path / "gone", read]) as scratch,
    ):
        _write(scratch, "new")
    assert read.read_text() == "of the user"


def test_obsolete_files_go_only_when_the_new_ones_come(tmp_path):
    for name in ("old.txt", "labels", "other"):
        (tmp_path / name).touch()
    with (
        pytest.raises(RuntimeError),
        atomic_write(tmp_path, NAMES, overwrite=True, obsolete=["*.txt", "labels"]),
    ):
        raise RuntimeError
    assert (tmp_path / "old.txt").exists()
    with atomic_write(tmp_path, NAMES, overwrite=True, obsolete=["*.txt", "labels"]) as scratch:
        _write(scratch, "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*NAMES, "other"])


def test_a_folder_that_vanishes_is_an_output_error_and_stays_away(tmp_path):
    folder = tmp_path / "out"
    with (
        pytest.raises(OutputError, match="cannot be written"),
        atomic_write(folder, NAMES, overwrite=False) as scratch,
    ):
        scratch.rmdir()
        folder.rmdir()
        _write(scratch, "new")
    assert not folder.exists()
