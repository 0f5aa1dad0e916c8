"""``mriseg mixture``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mriseg.cli.arguments import OutputFolder, Overwrite, Seed

if TYPE_CHECKING:
    from mriseg.results.mixture_table import TableFit


class Criterion(StrEnum):
    """What chooses among models and numbers of components."""

    BIC = "bic"
    ICL = "icl"


class Missing(StrEnum):
    """What to do with rows that lack a value."""

    ERROR = "error"
    DROP = "drop"


def parse_components(text: str) -> list[int]:
    """Return the numbers that "3", "1:9" or "2,4,6" stand for.

    Raises
    ------
    typer.BadParameter
        If it is none of them.
    """
    first, colon, last = text.partition(":")
    try:
        numbers = list(range(int(first), int(last) + 1)) if colon else [int(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if not numbers or min(numbers) < 1:
        raise typer.BadParameter(f"{text!r} is neither a number, a range like 1:9, nor a list like 2,4,6")
    return numbers


def mixture(
    table: Annotated[
        str,
        typer.Argument(
            metavar="TABLE",
            help="CSV file with a header: comma, semicolon or tab between cells; .gz; .parquet; or - for "
            "standard input.",
            show_default=False,
        ),
    ],
    columns: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,…",
            show_default=False,
            help="Columns to fit; without it, all that hold numbers that differ, but for an index.",
        ),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(metavar="NAME", show_default=False, help="Column that counts how often a row was seen."),
    ] = None,
    missing: Annotated[Missing, typer.Option(help="What is done about missing values.")] = Missing.ERROR,
    components: Annotated[
        str, typer.Option(metavar="K|FIRST:LAST", help="Number of components, or the range to choose from.")
    ] = "1:9",
    model: Annotated[
        str,
        typer.Option(
            metavar="NAME,…",
            help="Covariance models to choose from: E, V in one dimension; EII to VVV in several; or all.",
        ),
    ] = "all",
    criterion: Annotated[Criterion, typer.Option(help="What chooses.")] = Criterion.BIC,
    sample: Annotated[
        int, typer.Option(min=0, metavar="N", help="Also write N points drawn from the mixture.")
    ] = 0,
    seed: Seed = 0,
    output: OutputFolder = None,
    overwrite: Overwrite = False,
) -> None:
    """Fit a Gaussian mixture to any table of numbers.

    Prints the criteria of every model and number of components (the lower the better) and the parameters of
    the best; writes them as JSON, each row's component and probabilities as CSV, and a plot.

    For example: mriseg mixture iris.csv --components 1:5

    One model: mriseg mixture faithful.csv --columns eruptions --components 2 --model V
    """
    numbers = parse_components(components)
    from mriseg._utils.atomic_write import refuse_replacing
    from mriseg.cli.terminal import say
    from mriseg.mixture import unwarned
    from mriseg.results.mixture_table import file_names, fit_table
    from mriseg.results.number_table import read_table

    data = read_table(table, _names(columns) if columns else None, weights, missing.value)
    folder = output or Path(f"{data.name}_mixture")
    refuse_replacing(folder, file_names(data.name, sample=sample > 0), overwrite=overwrite)
    models = None if model == "all" else _names(model)
    with unwarned():  # the tables below say it
        fit = fit_table(data, numbers, models, criterion.value, seed)
    files = fit.save(folder, sample_size=sample, seed=seed, overwrite=overwrite)
    say(
        *data.notes(),
        *criteria_table(fit, criterion),
        "",
        *parameter_table(fit),
        "",
        f"{len(files)} files in {folder}",
    )


def _names(text: str) -> list[str]:
    """Return the names in a list with commas between them."""
    return [name.strip() for name in text.split(",")]


def criteria_table(fit: TableFit, criterion: Criterion) -> list[str]:
    """Lay out a criterion for a terminal: components down, models across, the chosen one marked."""
    models = list(dict.fromkeys(candidate.model for candidate in fit.candidates))
    counts = list(dict.fromkeys(candidate.n_components for candidate in fit.candidates))
    cells = {(candidate.model, candidate.n_components): candidate for candidate in fit.candidates}
    lines = [f"{criterion.upper():>4} " + "".join(f"{name:>13}" for name in models)]
    for count in counts:
        line = f"{count:>4} "
        for name in models:
            candidate = cells[name, count]
            chosen = (name, count) == (fit.mixture.model, fit.mixture.n_components)
            mark = "*" if chosen else " " if candidate.sound else "-" if candidate.problem else "?"
            figure = "" if candidate.problem else f"{getattr(candidate, criterion.value):.1f}"
            line += f"{figure:>12}{mark}"
        lines.append(line)
    return [*lines, "* chosen   ? a component rests on the variance floor   - no fit"]


def parameter_table(fit: TableFit) -> list[str]:
    """Lay out weights, means and standard deviations for a terminal."""
    mixture, columns = fit.mixture, fit.table.columns
    lines = [f"{'component':>9} {'weight':>8}  " + "  ".join(f"{name:>22}" for name in columns)]
    for k, weight in enumerate(mixture.weights_):
        deviations = mixture.covariances_[k].diagonal() ** 0.5
        pairs = zip(mixture.means_[k], deviations, strict=True)
        lines.append(f"{k:>9} {weight:>8.4f}  " + "  ".join(f"{m:>11.5g} ± {s:<8.4g}" for m, s in pairs))
    end = "converged" if mixture.converged_ else "not converged"
    lines.append(
        f"log-likelihood {mixture.history_[-1]:.6g}, {mixture.n_parameters_} parameters, "
        f"{end} after {mixture.n_iter_} iterations"
    )
    return lines
