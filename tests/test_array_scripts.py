"""The scripts of array jobs, with a program in the place of mriseg that says how it was called."""

from __future__ import annotations

import os
import subprocess

import pytest
from script_files import SCRIPTS

URLS = [
    "s3://b/p1/T1.nii.gz\r",
    "",
    "  ",
    "https://me:secret@host/p2/a@b.nii",
    "abfs://box@account/p3.mgz",
    "s3://b/bad.nii",
]


@pytest.fixture
def task(tmp_path):
    """Runs a task of an array job; returns its exit code and the words of each call."""
    program, calls = tmp_path / "program", tmp_path / "calls"
    program.write_text(
        f"#!/bin/sh\nprintf '%s|' \"$@\" >> {calls}\necho >> {calls}\ncase $* in *bad*) exit 1;; esac\n"
    )
    program.chmod(0o755)

    def run_task(script, *words, number, count):
        calls.write_text("")
        array = {"SLURM_ARRAY_TASK_ID": str(number), "SLURM_ARRAY_TASK_COUNT": str(count)}
        scratch = {"MRISEG": str(program), "TMPDIR": str(tmp_path / "tmp")}
        done = subprocess.run(
            ["sh", SCRIPTS / script, *words], cwd=tmp_path, env=os.environ | array | scratch, check=False
        )
        return done.returncode, [line.split("|")[:-1] for line in calls.read_text().splitlines()]

    (tmp_path / "tmp").mkdir()
    yield run_task
    assert not list((tmp_path / "tmp").iterdir())


def test_a_task_does_its_part(task):
    code, calls = task("slurm_array.sh", "a list.txt", "out", "part", number=3, count=8)
    assert code == 0
    assert calls == [["batch", "a list.txt", "-o", "out/part-3", "--part", "3/8", "--resume", "--jobs", "1"]]


def test_a_task_does_its_urls(task, tmp_path):
    """A list from another system, with empty lines; no password becomes the name of a folder."""
    (tmp_path / "urls.txt").write_text("\n".join(URLS))

    def asked(number, count):
        code, calls = task("slurm_array_urls.sh", "urls.txt", "s3://out/", number=number, count=count)
        return code, [(call[1], call[3]) for call in calls]

    code, calls = asked(0, 1)
    assert code == 3
    assert calls == [
        ("s3://b/p1/T1.nii.gz", "s3://out/b/p1/T1"),
        ("https://me:secret@host/p2/a@b.nii", "s3://out/host/p2/a@b"),
        ("abfs://box@account/p3.mgz", "s3://out/box@account/p3"),
        ("s3://b/bad.nii", "s3://out/b/bad"),
    ]
    assert asked(2, 2) == (0, [calls[0], calls[2]])
    assert asked(1, 2) == (3, [calls[1], calls[3]])
    assert asked(5, 8) == (0, [])


def test_a_list_of_urls_that_is_not_there_is_said(task):
    assert task("slurm_array_urls.sh", "gone.txt", "s3://out", number=0, count=1) == (1, [])
