"""``mriseg segment``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from mriseg.outputs import Segmentation


class Contrast(StrEnum):
    """What the scan is weighted by."""

    T1 = "t1"
    T2 = "t2"
    PD = "pd"


def segment(
    scan: Annotated[
        Path,
        typer.Argument(
            metavar="SCAN",
            help="NIfTI scan, whole head or stripped: .nii, .nii.gz, .hdr or .img.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="DIR",
            show_default=False,
            help="Folder for the results; without it, one named after the scan in the current directory.",
        ),
    ] = None,
    mask: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            show_default=False,
            help="Brain mask on the grid of the scan; without it the brain is found.",
        ),
    ] = None,
    stripped: Annotated[
        bool,
        typer.Option(
            "--stripped", help="The scan holds nothing but the brain; usually seen without being told."
        ),
    ] = False,
    contrast: Annotated[Contrast, typer.Option(help="Decides which class is CSF, GM and WM.")] = Contrast.T1,
    classes: Annotated[
        int,
        typer.Option(
            min=2,
            max=10,
            metavar="N",
            help="Number of classes; three are tissues, others are numbered by rising mean intensity.",
        ),
    ] = 3,
    no_bias: Annotated[bool, typer.Option("--no-bias", help="Do not correct for a bias field.")] = False,
    no_spatial: Annotated[
        bool, typer.Option("--no-spatial", help="Judge every voxel by itself, not by its neighbours.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace earlier results of the same scan.")
    ] = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Say each step on stderr.")] = False,
    quiet: Annotated[
        bool, typer.Option("-q", "--quiet", help="Print nothing but warnings and errors.")
    ] = False,
) -> None:
    """Segment a T1-weighted scan into CSF, GM and WM.

    Writes labels (0 background, 1 GM, 2 WM, 3 CSF), a posterior map for each tissue, the brain mask,
    volumes in mL, an overlay picture and a JSON sidecar that records how they came to be.

    For example: mriseg segment sub-01_T1w.nii.gz

    With a mask of your own: mriseg segment sub-01_T1w.nii.gz --mask brain.nii.gz -o derivatives
    """
    if mask is not None and stripped:
        raise typer.BadParameter("--mask and --stripped exclude each other")
    if verbose and quiet:
        raise typer.BadParameter("-v and -q exclude each other")
    from mriseg.cli.progress import progress
    from mriseg.images import stem
    from mriseg.outputs import file_names
    from mriseg.pipeline import segment as segment_scan
    from mriseg.staging import refuse_existing
    from mriseg.tissue import rising_tissues

    folder = output or Path(f"{stem(scan)}_mriseg")
    with progress(scan.name, verbose=verbose, quiet=quiet):
        if not overwrite:
            refuse_existing(
                folder, file_names(stem(scan), rising_tissues(contrast, classes), bias=not no_bias)
            )
        result = segment_scan(
            scan,
            mask=mask,
            stripped=stripped,
            contrast=contrast,
            classes=classes,
            bias=not no_bias,
            spatial=not no_spatial,
        )
        files = result.save(folder, overwrite=overwrite)
    for warning in result.warnings:
        typer.echo(f"mriseg: warning: {scan.name}: {warning}", err=True)
    if not quiet:
        typer.echo(_summary(result))
        typer.echo(f"{len(files)} files in {folder}")


def _summary(result: Segmentation) -> str:
    """Lay out the volumes for a terminal."""
    lines = [f"{'brain mask':<12}{result.brain_mask_ml:>8.0f} mL   ({result.brain.method})"]
    lines += [
        f"{tissue.abbreviation:<12}{volume.ml:>8.0f} mL {volume.fraction:>5.0%}"
        for tissue, volume in zip(result.tissues, result.volumes.values(), strict=True)
    ]
    return "\n".join(lines)
