from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mriseg.cli.arguments import FailOn
from mriseg.cli.terminal import code_of_verdicts, run_to_one_line, say, warn
from mriseg.errors import MrisegError


@pytest.mark.parametrize(
    ("fail_on", "codes"),
    [(None, (0, 0, 0)), (FailOn.LOOK_CLOSELY, (0, 4, 4)), (FailOn.DO_NOT_TRUST, (0, 0, 4))],
)
def test_verdicts_as_grave_as_named_are_exit_four(fail_on, codes):
    verdicts = ("trust", "look closely", "do not trust")
    assert tuple(code_of_verdicts([found], fail_on) for found in verdicts) == codes
    assert code_of_verdicts(verdicts, fail_on) == max(codes)
    assert code_of_verdicts([], fail_on) == 0


def stopped(command, capsys):
    """Run a command that asks for its own end; return what it said."""
    with pytest.raises(SystemExit) as end:
        run_to_one_line(command)
    assert end.value.code == 130
    return capsys.readouterr().err


def test_a_request_to_stop_that_is_swallowed_is_made_again(capsys):
    class InTheEnd:
        def __del__(self):
            signal.raise_signal(signal.SIGINT)  # Python prints and forgets what a destructor raises

    def command():
        del [InTheEnd()][0]
        time.sleep(20)

    assert stopped(command, capsys) == "mriseg: stopped by SIGINT; nothing is half-written\n"


def test_a_second_request_to_stop_does_not_disturb_the_clearing_up(capsys):
    cleared = []

    def clear():
        try:
            raise FileNotFoundError
        except FileNotFoundError:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGTERM)
            cleared.append("all")

    def command():
        try:
            signal.raise_signal(signal.SIGINT)
        finally:
            clear()

    assert stopped(command, capsys) == "mriseg: stopped by SIGINT; nothing is half-written\n"
    assert cleared == ["all"]


def failing(error):
    raise error


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (MrisegError("a.nii: is no scan\x1b[2J"), "mriseg: error: a.nii: is no scan\\x1b[2J\n"),
        (
            MemoryError(),
            "mriseg: error: the memory does not suffice; crop or resample the scan, or free memory\n",
        ),
    ],
)
def test_expected_errors_are_one_line(capsys, error, says):
    with pytest.raises(SystemExit) as end:
        run_to_one_line(lambda: failing(error))
    assert end.value.code == 1
    assert capsys.readouterr() == ("", says)


@pytest.mark.parametrize("words", [["--help"], ["--version"]])
def test_output_that_cannot_be_written_is_one_line(words):
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(
            [sys.executable, "-m", "mriseg", *words],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (
        1,
        "mriseg: error: the output: No space left on device; check what is there\n",
    )


def test_a_name_that_is_too_long_is_one_line(run, tmp_path):
    done = run("segment", tmp_path / f"{300 * 'x'}.nii.gz")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1


def test_an_error_that_nobody_expected_is_a_bug_and_shows_itself():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(ZeroDivisionError):
        run_to_one_line(lambda: failing(ZeroDivisionError()))
    assert signal.getsignal(signal.SIGINT) == before


def test_what_is_said_is_printable(capsys):
    say("a\tb", "c\x07")
    warn(Path("scans/x\n_T1w.nii"), ["dark", "small\u202e"])
    assert capsys.readouterr() == (
        "a\\tb\nc\\x07\n",
        "mriseg: warning: x\\n_T1w.nii: dark\nmriseg: warning: x\\n_T1w.nii: small\\u202e\n",
    )


def test_completion_is_that_of_mriseg_however_it_is_run():
    command = [sys.executable, "-m", "mriseg", "--show-completion", "bash"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "_MRISEG_COMPLETE" in shown
    assert "python" not in shown
