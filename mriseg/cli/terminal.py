"""What the command line says to a person, and how it ends."""

from __future__ import annotations

import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

import typer

from mriseg.errors import MrisegError
from mriseg.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from types import FrameType


def say(*lines: str) -> None:
    """Print lines that may hold file names: nothing in them reaches the terminal as a command."""
    typer.echo("\n".join(printable(line) for line in lines))


def warn(scan: Path, warnings: Iterable[str]) -> None:
    """Print the warnings about a scan on stderr, a line each."""
    for warning in warnings:
        typer.echo(printable(f"mriseg: warning: {scan.name}: {warning}"), err=True)


@contextmanager
def one_line_ends() -> Iterator[None]:
    """Turn expected errors and requests to stop into one line on stderr and an exit code.

    The code is 1 for errors, and 128 and the number of the signal for SIGINT (130) and SIGTERM (143).
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a locale without Unicode is no reason to fail
            stream.reconfigure(errors="backslashreplace")
    before = {number: signal.signal(number, _stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    except MrisegError as error:
        _end(1, f"error: {error}")
    except MemoryError:
        _end(1, "error: the memory does not suffice; crop or resample the scan, or free memory")
    except Stopped as stopped:
        _end(
            128 + stopped.number, f"stopped by {signal.Signals(stopped.number).name}; nothing is half-written"
        )
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Stopped(BaseException):
    """A signal asked for the end: no error, so that nothing on the way takes it for one.

    Commands that run until Ctrl-C catch it.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def _stop(number: int, _: FrameType | None) -> NoReturn:
    for either in (signal.SIGINT, signal.SIGTERM):  # a second one must not disturb the clearing up
        signal.signal(either, signal.SIG_IGN)
    raise Stopped(number)


def _end(code: int, text: str) -> NoReturn:
    typer.echo(printable(f"mriseg: {text}"), err=True)
    sys.exit(code)
