"""Progress on stderr: a line that comes and goes for a person, plain lines on request, nothing when piped."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

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
        Print every step on a line of its own, also when piped.
    quiet : bool
        Show nothing.
    """
    console = Console(stderr=True)
    logger = logging.getLogger("mriseg")
    if verbose:
        handler: logging.Handler = logging.StreamHandler()
        handler.setFormatter(_Printable("mriseg: %(message)s (%(relativeCreated).0f ms)"))
        with _attached(handler, logger):
            yield
    elif console.is_terminal and not quiet:
        with console.status(_text(title)) as status, _attached(_OneLine(status.update, title), logger):
            yield
    else:
        yield


class _Printable(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record))


def _text(line: str) -> Text:
    """Take brackets in file names for what they are, not for markup."""
    return Text(printable(line))


class _OneLine(logging.Handler):
    def __init__(self, show: Callable[[Text], None], title: str) -> None:
        super().__init__()
        self._show, self._title = show, title

    def emit(self, record: logging.LogRecord) -> None:
        self._show(_text(f"{self._title}: {record.getMessage()}"))


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
