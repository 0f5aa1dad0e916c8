"""``mriseg compare``."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mriseg.cli.arguments import OutputFolder, Overwrite
from mriseg.cli.evaluate import Format, parse_numbers

if TYPE_CHECKING:
    from mriseg.evaluation.comparison import Change, Comparison

_NAMES = {"L": "lesions"}
_RESAMPLED = {
    "no": "",
    "nearest": "B was resampled to the grid of A: nearest label",
    "trilinear": "B was resampled to the grid of A: largest of its posteriors, trilinear",
}


def compare(
    a: Annotated[
        Path,
        typer.Argument(
            metavar="A", show_default=False, help="Folder that mriseg segment wrote, or a label map."
        ),
    ],
    b: Annotated[Path, typer.Argument(metavar="B", show_default=False, help="Another one of the same head.")],
    output: OutputFolder = None,
    map_a: Annotated[
        str | None,
        typer.Option(
            metavar="MAP",
            show_default=False,
            help="Numbers of the label map A, such as 1=CSF,2=GM,3=WM; else a table of the same name that "
            "ends in .tsv; else 1 GM, 2 WM, 3 CSF, 7 lesion.",
        ),
    ] = None,
    map_b: Annotated[
        str | None, typer.Option(metavar="MAP", show_default=False, help="Numbers of the label map B.")
    ] = None,
    form: Annotated[Format, typer.Option("-f", "--format", help="How to print.")] = Format.TABLE,
    overwrite: Overwrite = False,
) -> None:
    """Compare two segmentations of a scan, or of a head at two times.

    Prints for every tissue Dice (overlap, 0 to 1), its volume in A and in B, and the change from A to B.
    Writes the same as TSV and JSON, and a picture of where the labels differ.

    Volumes are measured on the grid of each, by posteriors if both are folders, else by labels; labels that
    mriseg update took over count whole. Where grids differ, Dice and picture take B to the grid of A, as the
    headers place them; nothing is registered.

    For example: mriseg compare sub-01_mriseg sub-01_no-priors

    With labels of another program: mriseg compare sub-01_mriseg fast_seg.nii.gz --map-b 1=CSF,2=GM,3=WM
    """
    numbers_a, numbers_b = _numbers(a, map_a, "--map-a"), _numbers(b, map_b, "--map-b")
    from mriseg.cli.terminal import say, warn
    from mriseg.evaluation.compare import compare as compare_labels
    from mriseg.evaluation.comparison import as_json, as_tsv

    comparison = compare_labels(a, b, numbers_a=numbers_a, numbers_b=numbers_b)
    files = comparison.save(output, overwrite=overwrite)
    warn(Path(comparison.name), comparison.warnings)
    if form is Format.TABLE:
        say(*_table(comparison), f"{len(files)} files in {files[0].parent}")
    else:
        typer.echo({"tsv": as_tsv, "json": as_json}[form](comparison), nl=False)


def _numbers(path: Path, text: str | None, option: str) -> dict[int, int] | None:
    """Parse the numbers of a label map as the user gives them; a result has its own."""
    from mriseg.results.reading import is_result_path

    if text is not None and is_result_path(path):
        raise typer.BadParameter(
            "a result of mriseg segment says itself which label is which", param_hint=option
        )
    return parse_numbers(text, option)


def _table(comparison: Comparison) -> list[str]:
    a, b = comparison.names
    rows = [_row(_NAMES.get(name, name), change) for name, change in comparison.tissues.items()]
    if comparison.brain_mask:
        rows.append(_row("brain mask", comparison.brain_mask))
    resampled = _RESAMPLED[comparison.resampled]
    return [
        f"A: {a}",
        f"B: {b}",
        f"{'tissue':<12}{'Dice':>8}{'A':>12}{'B':>12}{'change':>21}",
        *rows,
        f"volumes from {comparison.volumes_from}; the labels of {comparison.differ_ml:.1f} mL differ",
        *([resampled] if resampled else []),
    ]


def _row(name: str, change: Change) -> str:
    return (
        f"{name:<12}{_figure(change.dice, '.3f'):>8}{_figure(change.a_ml, '.1f', ' mL'):>12}"
        f"{_figure(change.b_ml, '.1f', ' mL'):>12}{_figure(change.change_ml, '+z.1f', ' mL'):>12}"
        f"{_figure(change.change_percent, '+z.1f', '%'):>9}"
    )


def _figure(value: float, form: str, unit: str = "") -> str:
    return "n/a" if math.isnan(value) else f"{value:{form}}{unit}"
