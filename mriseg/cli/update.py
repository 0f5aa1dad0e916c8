"""``mriseg update``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mriseg.cli.arguments import OverlayStyle, Quiet

if TYPE_CHECKING:
    from mriseg.results.editing import LabelEdit


def update(
    result: Annotated[
        Path,
        typer.Argument(
            metavar="DIR",
            show_default=False,
            help="Folder that mriseg segment wrote; of several results in one folder, the sidecar of one.",
        ),
    ],
    labels: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            show_default=False,
            help="The edited labels on the grid of the result, with the same numbers; 7 is a lesion.",
        ),
    ],
    scan: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            show_default=False,
            help="The scan to draw over, where the result holds none: after --no-bias.",
        ),
    ] = None,
    overlay_style: Annotated[
        OverlayStyle | None,
        typer.Option(
            show_default=False, help="Outlines or translucent colours in the overlay; else as it was."
        ),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Write results again from labels that were edited by hand.

    In DIR labels, brain mask, volumes, overlay, report if there is one, and sidecar are replaced; posteriors
    stay as they are. The sidecar says which file the labels come from and what they changed. The labels
    before the first edit are kept as STEM_desc-unedited_dseg.nii.gz; give that file to go back to them. Of
    labels that were saved over STEM_dseg.nii.gz give that file.

    For example: mriseg update sub-01_mriseg --labels edited.nii.gz
    """
    from mriseg.cli.terminal import say, warn
    from mriseg.results.editing import update as update_result

    edit = update_result(
        result, labels, scan=scan, overlay_style=overlay_style.value if overlay_style else None
    )
    warn(labels, edit.warnings)
    if not edit.files:
        say(f"{labels}: these are the result's own labels, which nobody has changed; there is nothing to do")
    elif not quiet:
        say(*_table(edit), f"{len(edit.files)} files in {edit.files[0].parent}")


def _table(edit: LabelEdit) -> list[str]:
    """Format the volumes by labels before and after the edit as lines for the terminal."""
    from mriseg.labels.tissues import name_in_text

    lines = [f"{edit.voxels} voxels edited", f"{'mL by labels':<12}{'before':>10}{'after':>10}{'change':>10}"]
    for name, before in edit.before.items():
        after = edit.after[name]
        lines.append(f"{name_in_text(name):<12}{before:>10.1f}{after:>10.1f}{after - before:>+10.1f}")
    return lines
