from __future__ import annotations

import os

from mriseg._utils.access import is_closed


def test_a_folder_that_may_not_be_read_is_closed(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    assert not is_closed(tmp_path)
    # Tests may run as root, who may read all.
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert is_closed(tmp_path)
    assert not is_closed(tmp_path / "file")
    assert not is_closed(tmp_path / "gone")
