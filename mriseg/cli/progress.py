"""Progress on stderr: a line with the time for a person, a line a step on request, nothing when piped."""

from __future__ import annotations

import logging
from contextlib import closing, contextmanager
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from mriseg._utils.text import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def progress(title: str, *, verbose: bool, quiet: bool) -> Iterator[None]:
    """Show what the library logs while a command works.

    Parameters
    ----------
    title : str
        What is worked on.
    verbose : bool
        Print every step, with the time that it took, on a line of its own, also when piped.
    quiet : bool
        Show nothing.
    """
    console = Console(stderr=True)
    logger = logging.getLogger("mriseg")
    if verbose:
        steps = _Steps()
        with _attached(steps, logger), closing(steps):
            yield
    elif console.is_terminal and not quiet:
        columns = SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn()
        with Progress(*columns, console=console, transient=True) as line:
            task = line.add_task(printable(title))
            show = partial(line.update, task)
            with _attached(_OneLine(show, title), logger):
                yield
    else:
        yield


class _Steps(logging.Handler):
    """Print each step when it is done, with the time that it took."""

    def __init__(self) -> None:
        super().__init__()
        self._step, self._begin = "", 0.0

    def emit(self, record: logging.LogRecord) -> None:
        self._print_last()
        self._step, self._begin = record.getMessage(), perf_counter()

    def close(self) -> None:
        self._print_last()
        super().close()

    def _print_last(self) -> None:
        if self._step:
            took = 1000 * (perf_counter() - self._begin)
            typer.echo(printable(f"mriseg: {self._step} ({took:.0f} ms)"), err=True)
        self._step = ""


class _OneLine(logging.Handler):
    def __init__(self, show: Callable[..., None], title: str) -> None:
        super().__init__()
        self._show, self._title = show, title

    def emit(self, record: logging.LogRecord) -> None:
        self._show(description=printable(f"{self._title}: {record.getMessage()}"))


@contextmanager
def _attached(handler: logging.Handler, logger: logging.Logger) -> Iterator[None]:
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
