"""The command line: one file a command; errors in one line.

Exit codes: 0 done, 1 bad input, 2 wrong usage, 3 some scans of a cohort failed, 4 the verdict that
``--fail-on`` names, 130 and 143 stopped by SIGINT and SIGTERM.
"""

from __future__ import annotations

import os
from functools import partial

import typer
from typer.core import TyperGroup

from mriseg.cli.batch import batch
from mriseg.cli.bids import BidsApp, bids
from mriseg.cli.brain import brain
from mriseg.cli.cohort_prior import cohort_prior
from mriseg.cli.compare import compare
from mriseg.cli.evaluate import evaluate
from mriseg.cli.mixture import mixture
from mriseg.cli.segment import segment
from mriseg.cli.simulate import simulate
from mriseg.cli.summarise import summarise
from mriseg.cli.terminal import Version, run_to_one_line
from mriseg.cli.update import update
from mriseg.cli.view import view

# The matrices are small: more threads would only wait for each other. Must be said before numpy is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# Before what pydantic, with which typer converts values, is told by a conversion.
_PYDANTIC_PREFIX = "Value error, "


class Commands(TyperGroup):
    """The commands; what is wrong with a value is said without a prefix that is for programmers."""

    def invoke(self, ctx: typer.Context) -> object:  # type: ignore[override]
        """Run a command."""
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            error.message = error.message.removeprefix(_PYDANTIC_PREFIX)
            raise


app = typer.Typer(
    cls=Commands,
    help="Segment brain MRI into CSF, GM and WM.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _options(version: Version = False) -> None:
    """Segment brain MRI into CSF, GM and WM."""


app.command()(segment)
app.command()(update)
app.command()(batch)
app.command(cls=BidsApp)(bids)
app.command()(summarise)
app.command()(cohort_prior)
app.command()(brain)
app.command()(mixture)
app.command()(evaluate)
app.command()(compare)
app.command()(simulate)
app.command()(view)


def main() -> None:
    """Run the command line and turn every expected error into one line on stderr."""
    # Under this name completion works, too, when it was asked for by `python -m mriseg`.
    run_to_one_line(partial(app, prog_name="mriseg"))
