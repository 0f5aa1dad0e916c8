"""``mriseg cohort-prior``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mriseg.cli.arguments import Overwrite


def cohort_prior(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", show_default=False, help="Output folder of mriseg batch or mriseg bids."
        ),
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE", help="File for the prior.")
    ] = Path("prior.json"),
    overwrite: Overwrite = False,
) -> None:
    """Pool the intensities of a cohort into a prior for further scans like its own.

    segment --cohort-prior FILE then starts from the cohort and counts it as some voxels more: nothing changes
    for a whole brain, thin slabs and small pieces become steadier. For scans of one scanner and sequence.

    For example: mriseg cohort-prior results -o prior.json

    Then: mriseg segment slab.nii.gz --cohort-prior prior.json
    """
    from mriseg.cli.terminal import say
    from mriseg.cohort.prior import make_prior

    prior = make_prior(folder, output, overwrite=overwrite)
    say(f"{prior.scans} scans, worth {prior.voxels:.0f} voxels, in {output}")
