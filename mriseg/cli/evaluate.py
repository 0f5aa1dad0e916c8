"""``mriseg evaluate``."""

from __future__ import annotations

import json
import math
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from mriseg.evaluation.metrics import Agreement


class Format(StrEnum):
    """How to print the figures."""

    TABLE = "table"
    TSV = "tsv"
    JSON = "json"


def evaluate(
    labels: Annotated[Path, typer.Argument(metavar="LABELS", show_default=False, help="Label map to judge.")],
    truth: Annotated[
        Path,
        typer.Argument(
            metavar="TRUTH", show_default=False, help="Label map to judge it by, on the same grid."
        ),
    ],
    truth_map: Annotated[
        str | None,
        typer.Option(
            "--map",
            metavar="MAP",
            show_default=False,
            help="Numbers of TRUTH, such as 1=CSF,2=GM,3=WM; else a table of the same name that "
            "ends in .tsv; else the order in its header; else 1 GM, 2 WM, 3 CSF.",
        ),
    ] = None,
    labels_map: Annotated[
        str | None,
        typer.Option("--map-labels", metavar="MAP", show_default=False, help="Numbers of LABELS, likewise."),
    ] = None,
    inside: Annotated[
        bool, typer.Option("--inside", help="Judge only voxels that have a tissue in TRUTH.")
    ] = False,
    form: Annotated[Format, typer.Option("-f", "--format", help="How to print.")] = Format.TABLE,
) -> None:
    """Compare labels with the truth, tissue by tissue.

    Prints Dice (overlap, 0 to 1), the volume difference in percent of the truth, and the 95 % Hausdorff
    distance in mm.

    For example: mriseg evaluate sub-01_dseg.nii.gz truth.nii.gz --map 1=CSF,2=GM,3=WM
    """
    from mriseg.evaluation.metrics import evaluate as evaluate_labels

    figures = evaluate_labels(
        labels,
        truth,
        label_numbers=parse_numbers(labels_map, "--map-labels"),
        truth_numbers=parse_numbers(truth_map, "--map"),
        inside=inside,
    )
    typer.echo({"table": _table, "tsv": _tsv, "json": _json}[form](figures))


def parse_numbers(text: str | None, option: str) -> dict[int, int] | None:
    """Parse the numbers of a label map as the user gives them."""
    from mriseg.labels.numbers import parse_label_map

    try:
        return None if text is None else parse_label_map(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from error


def _table(figures: dict[str, Agreement]) -> str:
    lines = [f"{'tissue':<8}{'Dice':>8}{'volume':>10}{'Hausdorff 95':>15}"]
    for name, f in figures.items():
        dice, volume = _cell(f.dice, ".3f"), _cell(f.volume_difference, "+.1f", "%")
        lines.append(f"{name:<8}{dice:>8}{volume:>10}{_cell(f.hausdorff95, '.2f', ' mm'):>15}")
    return "\n".join(lines)


def _tsv(figures: dict[str, Agreement]) -> str:
    from mriseg._utils.tables import as_text

    rows: list[tuple[str, ...]] = [("tissue", "dice", "volume_difference_percent", "hausdorff95_mm")]
    for name, f in figures.items():
        values = (f.dice, f.volume_difference, f.hausdorff95)
        rows.append((name, *(_cell(value, ".4f") for value in values)))
    return as_text(rows).rstrip("\n")


def _cell(value: float, form: str, unit: str = "") -> str:
    """Format a figure with its unit; n/a if it is undefined."""
    return "n/a" if math.isnan(value) else f"{value:{form}}{unit}"


def _json(figures: dict[str, Agreement]) -> str:
    plain = {
        name: {key: None if math.isnan(value) else value for key, value in vars(f).items()}
        for name, f in figures.items()
    }
    return json.dumps(plain, indent=2)
