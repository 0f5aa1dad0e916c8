"""Output of the command line for a person, and its exit codes."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from functools import partial
from threading import Timer
from typing import TYPE_CHECKING, Annotated, NoReturn, cast

import typer

from mriseg import __version__
from mriseg._utils.text import STOPPED, printable, without_secrets
from mriseg.errors import MrisegError
from mriseg.qc import gravity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from enum import StrEnum
    from pathlib import Path
    from sys import UnraisableHookArgs
    from types import FrameType

    from mriseg.cohort.record import Record
    from mriseg.qc import Verdict


def say(*lines: str) -> None:
    """Print lines that may hold file names: nothing in them reaches the terminal as a command."""
    typer.echo("\n".join(printable(line) for line in lines))


def warn(scan: Path, warnings: Iterable[object]) -> None:
    """Print the warnings about a scan on stderr, a line each; one from a URL is named by it."""
    from mriseg._utils.object_storage import url_of

    name = without_secrets(url_of(scan) or scan.name)
    for warning in warnings:
        kind = "note" if getattr(warning, "severity", "") == "note" else "warning"
        typer.echo(printable(f"mriseg: {kind}: {name}: {warning}"), err=True)


def warn_of_changed_labels(output: Path, records: Iterable[Record]) -> None:
    """Print a line for each label map of a cohort that is not the one that its sidecar describes."""
    from mriseg.results.own_labels import editing_warnings, label_file

    for record in records:
        file = label_file(record.sidecar(output))
        for warning in editing_warnings(record.editing):
            typer.echo(printable(f"mriseg: warning: {file}: {warning}"), err=True)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"mriseg {__version__}")
        raise typer.Exit


Version = Annotated[
    bool,
    typer.Option(
        "--version", callback=_print_version, is_eager=True, help="Print the version and exit.", metavar=""
    ),
]


def code_of_verdicts(verdicts: Iterable[Verdict], fail_on: StrEnum | None) -> int:
    """Return the exit code 4 if a verdict is as grave as ``--fail-on`` names, or graver; 0 otherwise."""
    if fail_on is None:
        return 0
    least = gravity(cast("Verdict", fail_on.value.replace("-", " ")))
    return 4 if any(gravity(found) >= least for found in verdicts) else 0


def run_to_one_line(command: Callable[[], None]) -> None:
    """Turn expected errors and requests to stop into one line on stderr and an exit code.

    The code is 1 for errors, and 128 and the number of the signal for SIGINT (130) and SIGTERM (143).
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a locale without Unicode is no reason to fail
            stream.reconfigure(errors="backslashreplace")
    try:
        _run_until_stopped(command)
    except MrisegError as error:
        _end(1, f"error: {error}")
    except OSError as error:
        with suppress(OSError):  # what could not be written is not tried again at the end
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        _end(1, f"error: {error.filename or 'the output'}: {error.strerror or error}; check what is there")
    except MemoryError:
        _end(1, "error: the memory does not suffice; crop or resample the scan, or free memory")
    except Stopped as stopped:
        _end(128 + stopped.number, STOPPED.format(signal.Signals(stopped.number).name))


def _run_until_stopped(command: Callable[[], None]) -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    hook = sys.unraisablehook
    try:
        sys.unraisablehook = partial(_ask_again, hook)
        for number in before:
            signal.signal(number, _stop)
        try:
            command()
        finally:
            sys.stdout.flush()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        sys.unraisablehook = hook


class Stopped(BaseException):
    """A signal requested the end: no error, so that nothing on the way takes it for one.

    Commands that run until Ctrl-C catch it.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def _stop(number: int, _: FrameType | None) -> None:
    if not _is_stopping(sys.exception()):  # a second one must not disturb the clearing up
        raise Stopped(number)


def _is_stopping(handled: BaseException | None) -> bool:
    return handled is not None and (isinstance(handled, Stopped) or _is_stopping(handled.__context__))


def _ask_again(otherwise: Callable[[UnraisableHookArgs], object], lost: UnraisableHookArgs) -> None:
    """Send a signal once more that arrived where nothing can be raised, such as in a destructor."""
    if isinstance(lost.exc_value, Stopped):
        Timer(0.01, os.kill, (os.getpid(), lost.exc_value.number)).start()
    else:
        otherwise(lost)


def complain(text: str) -> None:
    """Print on stderr, on one line, what went wrong."""
    typer.echo(printable(f"mriseg: {without_secrets(text)}"), err=True)


def _end(code: int, text: str) -> NoReturn:
    complain(text)
    sys.exit(code)
