from __future__ import annotations

import os

from mriseg._utils.access import is_closed, paths_below


def test_a_folder_that_may_not_be_read_is_closed(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    assert not is_closed(tmp_path)
    # Tests may run as root, who may read all.
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert is_closed(tmp_path)
    assert not is_closed(tmp_path / "file")
    assert not is_closed(tmp_path / "gone")


def test_folders_behind_links_are_entered_once_each(tmp_path):
    """By the path without links if there is one; links that run in circles end."""
    top = tmp_path / "top"
    for name in ("top/a/deep/x", "top/.hidden/y", "elsewhere/z"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (top / "0").symlink_to(top / "a" / "deep")
    (top / "a" / "circle").symlink_to(top)
    (top / "b").symlink_to(tmp_path / "elsewhere")
    (top / "c").symlink_to(tmp_path / "elsewhere")
    (top / "h").symlink_to(top / ".hidden")
    (top / "nothing").symlink_to("gone")
    (top / "itself").symlink_to("itself")

    def files(**options):
        return {str(p.relative_to(top)) for p in paths_below(top, **options) if not p.is_dir()}

    assert files() == {"a/deep/x", ".hidden/y", "b/z", "nothing", "itself"}
    assert files(hidden=False) == {"a/deep/x", "h/y", "b/z", "nothing", "itself"}
    assert list(paths_below(tmp_path / "gone")) == []
