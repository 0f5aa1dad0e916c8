from __future__ import annotations

import pytest

from mriseg.errors import OutputError
from mriseg.staging import staged

NAMES = ["labels", "table", "sidecar"]


def _write(scratch, text):
    for name in NAMES:
        (scratch / name).write_text(text)


def test_files_appear_under_their_names_and_nothing_else_does(tmp_path):
    folder = tmp_path / "a" / "b"
    with staged(folder, NAMES, overwrite=False) as scratch:
        _write(scratch, "new")
        assert [path.name for path in folder.iterdir()] == [scratch.name]
    assert sorted(path.name for path in folder.iterdir()) == sorted(NAMES)


def test_a_failure_leaves_no_trace(tmp_path):
    with pytest.raises(RuntimeError), staged(tmp_path / "a" / "b", NAMES, overwrite=False) as scratch:
        (scratch / "labels").write_text("half")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_a_failure_leaves_what_was_there(tmp_path):
    with staged(tmp_path, NAMES, overwrite=False) as scratch:
        _write(scratch, "old")
    with pytest.raises(RuntimeError), staged(tmp_path, NAMES, overwrite=True) as scratch:
        _write(scratch, "new")
        raise RuntimeError
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == dict.fromkeys(NAMES, "old")


def test_without_leave_nothing_is_replaced(tmp_path):
    (tmp_path / "table").write_text("mine")
    with pytest.raises(OutputError, match="table: exists already"), staged(tmp_path, NAMES, overwrite=False):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["table"]


def test_the_mark_of_completeness_goes_before_the_first_file_is_replaced(tmp_path):
    with staged(tmp_path, NAMES, overwrite=False) as scratch:
        _write(scratch, "old")
    with pytest.raises(OutputError), staged(tmp_path, NAMES, overwrite=True) as scratch:
        (scratch / "labels").write_text("new")  # the table is missing: the move stops half-way
    assert not (tmp_path / "sidecar").exists()


def test_a_folder_that_cannot_be_made_is_an_output_error(tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(OutputError, match="cannot be written"),
        staged(tmp_path / "file", NAMES, overwrite=True),
    ):
        pass
