"""``mriseg simulate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mriseg.cli.arguments import Contrast, OutputFolder, Overwrite, Seed


def simulate(
    labels: Annotated[
        Path | None,
        typer.Argument(
            metavar="[LABELS]",
            show_default=False,
            help="Label map to simulate from; else a small folded ball.",
        ),
    ] = None,
    output: OutputFolder = None,
    label_map: Annotated[
        str | None,
        typer.Option(
            "--map",
            metavar="MAP",
            show_default=False,
            help="Numbers of LABELS, such as 1=CSF,2=GM,3=WM; else a table of the same name that "
            "ends in .tsv; else 1 GM, 2 WM, 3 CSF. Other numbers are background.",
        ),
    ] = None,
    contrast: Annotated[
        Contrast, typer.Option(help="Decides the intensities of the tissues and the name of the scan.")
    ] = Contrast.T1,
    intensities: Annotated[
        str | None,
        typer.Option(
            metavar="LIST",
            show_default=False,
            help="Intensities of the tissues instead, before field and noise, such as CSF=45,GM=105,WM=150.",
        ),
    ] = None,
    zooms: Annotated[
        tuple[float, float, float] | None,
        typer.Option(metavar="X Y Z", show_default=False, help="Voxel size in mm; else that of LABELS."),
    ] = None,
    noise: Annotated[float, typer.Option(min=0, metavar="PCT", help="Rician noise, percent of WM.")] = 3.0,
    bias: Annotated[
        float, typer.Option(min=0, max=199, metavar="PCT", help="Range of the bias field in the brain.")
    ] = 20.0,
    seed: Seed = 0,
    overwrite: Overwrite = False,
) -> None:
    """Simulate a stripped scan whose truth is known.

    Writes the scan, the labels, the true share of each tissue in every voxel, and the bias field.

    For example: mriseg simulate --noise 5 --bias 40 -o phantom

    The same head in T2: mriseg simulate --contrast t2 --seed 1 -o phantom_t2
    """
    from mriseg.cli.terminal import say
    from mriseg.evaluation.simulated_files import simulate_files
    from mriseg.labels.contrasts import CONTRASTS
    from mriseg.labels.numbers import parse_intensities
    from mriseg.results.reading import numbers_of

    if contrast is Contrast.AUTO:
        raise typer.BadParameter("a simulation needs a contrast: t1, t2, pd, flair or t1-infant")
    try:
        numbers = numbers_of(labels, label_map) if labels else None
        levels = (
            CONTRASTS[contrast].phantom_intensities if intensities is None else parse_intensities(intensities)
        )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    files = simulate_files(
        labels,
        output,
        tissues=numbers,
        suffix=CONTRASTS[contrast].suffix,
        intensities=levels,
        zooms=zooms,
        noise=noise,
        bias=bias,
        seed=seed,
        overwrite=overwrite,
    )
    say(f"{len(files)} files in {files[0].parent}")
