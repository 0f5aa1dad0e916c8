"""``mriseg brain``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mriseg.cli.arguments import (
    Contrast,
    KeepHeaderText,
    MaxMemory,
    Overwrite,
    Quiet,
    SeriesVolume,
    Verbose,
    Zooms,
    check_zooms,
    refuse_verbose_and_quiet,
)


def brain(
    scan: Annotated[
        Path,
        typer.Argument(
            metavar="SCAN",
            help="Scan of a whole head: .nii, .nii.gz, .hdr or .img of NIfTI, .mgz or .mgh.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="MASK",
            show_default=False,
            help="File for the mask, .nii.gz; without it, STEM_desc-brain_mask.nii.gz in this directory.",
        ),
    ] = None,
    contrast: Annotated[
        Contrast, typer.Option(help="What the scan is weighted by; auto detects it.")
    ] = Contrast.AUTO,
    tight: Annotated[
        bool, typer.Option("--tight", help="Leave out the CSF around the brain; ventricles stay in.")
    ] = False,
    volume: SeriesVolume = None,
    zooms: Zooms = None,
    max_memory: MaxMemory = None,
    keep_header_text: KeepHeaderText = False,
    overwrite: Overwrite = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Find the brain in a scan and write its mask on the grid of the scan.

    The mask holds the brain, its ventricles and the CSF around it, about up to the inner table of the skull,
    and ends at the foramen magnum.

    For example: mriseg brain sub-01_T1w.nii.gz -o sub-01_mask.nii.gz
    """
    refuse_verbose_and_quiet(verbose, quiet)
    check_zooms(zooms)
    if output is not None and not output.name.endswith(".nii.gz"):
        raise typer.BadParameter("-o must name a file that ends in .nii.gz")
    from mriseg._utils.atomic_write import atomic_write, refuse_replacing
    from mriseg.cli.progress import progress
    from mriseg.cli.terminal import say, warn
    from mriseg.file_names import BRAIN_MASK, result_name, stem
    from mriseg.images.reading import load_volume
    from mriseg.images.writing import save_array
    from mriseg.results.brain_mask import brain_mask

    file = output or Path(result_name(stem(scan), BRAIN_MASK))
    refuse_replacing(file.parent, [file.name], overwrite=overwrite, inputs=[scan])
    with progress(scan.name, verbose=verbose, quiet=quiet):
        loaded = load_volume(scan, volume, zooms, max_memory, keep_header_text=keep_header_text)
        found = brain_mask(loaded, contrast.value, intracranial=not tight)
        with atomic_write(file.parent, [file.name], overwrite=overwrite, inputs=[scan]) as folder:
            save_array(found.mask.view("u1"), loaded, folder / file.name, intent="label")
    warn(scan, found.warnings)
    if not quiet:
        say(f"brain mask {found.ml:.0f} mL ({found.method}) in {file}")
