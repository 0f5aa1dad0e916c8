from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    "wrong",
    [
        ("batch", "scans"),
        ("batch", "-o", "out"),
        ("batch", "scans", "-o", "out", "--resume", "--overwrite"),
        ("batch", "scans", "-o", "out", "--jobs", "0"),
        ("batch", "scans", "-o", "out", "--cluster", "slurm", "--jobs", "2"),
        ("batch", "scans", "-o", "out", "--cluster-options", "x.toml"),
        ("bids", "raw", "out"),
        ("bids", "raw", "out", "analysis"),
        ("summarise",),
    ],
)
def test_wrong_usage_is_exit_two(run, wrong):
    assert run(*wrong).returncode == 2
