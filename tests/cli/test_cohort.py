from __future__ import annotations

import io

import pytest
from rich.console import Console

from mriseg.cli import cohort
from mriseg.cohort.record import Record
from mriseg.qc import do_not_trust, look_closely, note


@pytest.mark.parametrize(
    "wrong",
    [
        ("batch", "scans"),
        ("batch", "-o", "out"),
        ("batch", "scans", "-o", "out", "--resume", "--overwrite"),
        ("batch", "scans", "-o", "out", "--jobs", "0"),
        ("batch", "scans", "-o", "out", "--cluster", "slurm", "--jobs", "2"),
        ("batch", "scans", "-o", "out", "--cluster-options", "x.toml"),
        ("batch", "scans", "-o", "out", "--cluster", "Slurm"),
        ("bids", "raw", "out"),
        ("bids", "raw", "out", "analysis"),
        ("summarise",),
        ("summarise", "out", "--group-by", "site"),
    ],
)
def test_wrong_usage_is_exit_two(run, wrong):
    assert run(*wrong).returncode == 2


TRUSTED = Record("s0", "s0.nii", "s0", seconds=3.21, warnings=(note("soft", "cut"),))
DOUBTED = Record(
    "s1",
    "s1.nii",
    "s1",
    seconds=4,
    warnings=(look_closely("share", "much GM"), do_not_trust("size", "small\x1b")),
)
BEFORE = Record("s2", "s2.nii", "s2", fresh=False, warnings=(look_closely("share", "much GM"),))
FAILED = Record("s3", "s3.nii", "s3").failed("cannot be read")
LINES = [
    "s0: done in 3.2 s: trust",
    "s1: done in 4.0 s: do not trust: small\\x1b (and 1 more)",
    "s2: done before: look closely: much GM",
    "s3: failed: cannot be read",
]  # fmt: skip


def test_the_line_of_a_scan_says_its_verdict_and_the_first_reason(capsys):
    with cohort._progress_callback(4, quiet=False) as tell:
        for record in (TRUSTED, DOUBTED, BEFORE, FAILED):
            tell(record)
    assert capsys.readouterr().err.splitlines() == [f"[{k}/4] {line}" for k, line in enumerate(LINES, 1)]


def test_beside_a_bar_only_new_scans_that_need_a_look_have_a_line(monkeypatch):
    screen = io.StringIO()
    monkeypatch.setattr(cohort, "Console", lambda **_: Console(file=screen, force_terminal=True, width=120))
    with cohort._progress_callback(4, quiet=False) as tell:
        for record in (TRUSTED, DOUBTED, BEFORE, FAILED):
            tell(record)
    assert [line in screen.getvalue() for line in LINES] == [False, True, False, True]
