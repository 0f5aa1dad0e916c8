"""Run the command line, as ``mriseg`` or as ``python -m mriseg``."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, NoReturn

from mriseg._utils.text import STOPPED

if TYPE_CHECKING:
    from types import FrameType


def main() -> None:
    """Load the command line and run it; a request to stop ends both with one line."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end_at_once)
    from mriseg.cli import main as run

    run()


def _end_at_once(number: int, _: FrameType | None) -> NoReturn:
    """End while nothing has begun: an exception would come out of the middle of an import."""
    os.write(2, f"mriseg: {STOPPED.format(signal.Signals(number).name)}\n".encode())
    os._exit(128 + number)


if __name__ == "__main__":
    main()
