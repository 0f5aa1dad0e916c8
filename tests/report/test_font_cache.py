from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cohorts import small_ball

from mriseg.report.font_cache import ensure_font_cache


@pytest.fixture
def settings(monkeypatch):
    """The environment without places for caches of its own."""
    for name in ("MPLCONFIGDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_a_home_that_can_be_written_is_used(settings, tmp_path):
    settings.setenv("HOME", str(tmp_path))
    ensure_font_cache(tmp_path / "scratch")
    assert "MPLCONFIGDIR" not in os.environ


def test_without_a_home_the_given_folder_is_used(settings, tmp_path):
    (tmp_path / "file").touch()
    settings.setenv("HOME", str(tmp_path / "file" / "home"))
    ensure_font_cache(tmp_path / "scratch")
    assert os.environ["MPLCONFIGDIR"] == str(tmp_path / "scratch")
    settings.setenv("MPLCONFIGDIR", "/mine")
    ensure_font_cache(tmp_path / "scratch")
    assert os.environ["MPLCONFIGDIR"] == "/mine"


def test_a_page_is_written_without_a_home_and_without_a_temporary_folder(tmp_path):
    scan = small_ball(tmp_path / "ball_T1w.nii.gz")
    (tmp_path / "file").touch()
    nowhere = str(tmp_path / "file" / "nowhere")
    code = (
        "import sys, tempfile\n"
        f"tempfile._candidate_tempdir_list = lambda: [{nowhere!r}]\n"
        f"sys.argv = ['mriseg', 'segment', {str(scan)!r}, '-o', {str(tmp_path / 'out')!r}, '-q']\n"
        "from mriseg.__main__ import main\nmain()\n"
    )
    environment = {**os.environ, "HOME": nowhere, "TMPDIR": nowhere}
    for name in ("MPLCONFIGDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        environment.pop(name, None)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "atplotlib" not in done.stderr
    assert (tmp_path / "out" / "ball_report.html").exists()
    assert not list(Path(tmp_path / "out").glob(".mriseg-*"))
