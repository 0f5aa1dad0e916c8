"""Options that several commands share, each defined once."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from mriseg.options import SegmentOptions


# Groups of options in the help.
INPUT, MODEL, OUTPUT, RUNNING = "Input", "Model", "Output", "Running"


class Contrast(StrEnum):
    """Values of --contrast: the keys of `mriseg.labels.contrasts.CONTRASTS`, and auto."""

    T1 = "t1"
    T2 = "t2"
    PD = "pd"
    FLAIR = "flair"
    T1_INFANT = "t1-infant"
    T2_INFANT = "t2-infant"
    AUTO = "auto"


TissueContrast = Annotated[
    Contrast,
    typer.Option(
        help="Contrast of the scan. auto detects it. The tissues are named by where they lie, and a stated "
        "contrast is checked against that. t1-infant and t2-infant are for white matter before it is "
        "myelinated, up to half a year of age.",
        rich_help_panel=INPUT,
    ),
]


def parse_classes(text: str) -> int | str:
    """Parse a number of classes; other words, such as auto, are returned unchanged."""
    return int(text) if text.isdecimal() else text


Classes = Annotated[
    str,
    typer.Option(
        metavar="N|auto",
        help="Number of classes from 2 to 10, or auto to choose it by BIC; three are tissues, others are "
        "numbered by rising mean intensity.",
        rich_help_panel=MODEL,
    ),
]
Merge = Annotated[
    bool,
    typer.Option(
        "--merge",
        help="Merge four and more classes to the tissues that they consist of.",
        rich_help_panel=MODEL,
        metavar="",
    ),
]
NoBias = Annotated[
    bool,
    typer.Option(
        "--no-bias",
        help="Do not correct for a bias field.",
        rich_help_panel=MODEL,
        metavar="",
    ),
]
NoSpatial = Annotated[
    bool,
    typer.Option(
        "--no-spatial",
        help="Judge every voxel by itself, not by its neighbours.",
        rich_help_panel=MODEL,
        metavar="",
    ),
]

NoPriors = Annotated[
    bool,
    typer.Option(
        "--no-priors", help="Do not use the template's tissue maps.", rich_help_panel=MODEL, metavar=""
    ),
]


class OverlayStyle(StrEnum):
    """Values of --overlay-style."""

    CONTOUR = "contour"
    FILL = "fill"


class FailOn(StrEnum):
    """Values of --fail-on."""

    LOOK_CLOSELY = "look-closely"
    DO_NOT_TRUST = "do-not-trust"


FailOnVerdict = Annotated[
    FailOn | None,
    typer.Option(
        "--fail-on",
        show_default=False,
        help="End with exit code 4, all files written, if the verdict is this or graver.",
        rich_help_panel=OUTPUT,
    ),
]
NoReport = Annotated[
    bool,
    typer.Option(
        "--no-report",
        help="Leave the HTML page out.",
        rich_help_panel=OUTPUT,
        metavar="",
    ),
]
TissueOverlay = Annotated[
    OverlayStyle,
    typer.Option(
        "--overlay-style",
        help="Outlines or translucent colours in the overlay picture.",
        rich_help_panel=OUTPUT,
    ),
]
LookUpTables = Annotated[
    str | None,
    typer.Option(
        "--luts",
        metavar="PROGRAM,…",
        show_default=False,
        help="Also write the labels' look-up tables for itksnap, fsleyes, slicer, freesurfer, niivue.",
        rich_help_panel=OUTPUT,
    ),
]
OutputFolder = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--output",
        metavar="DIR",
        show_default=False,
        help="Folder for the results; without it, one named after the input in the current directory.",
        rich_help_panel=OUTPUT,
    ),
]
Overwrite = Annotated[
    bool,
    typer.Option(
        "--overwrite", help="Replace earlier results of the same input.", rich_help_panel=OUTPUT, metavar=""
    ),
]
Verbose = Annotated[
    bool,
    typer.Option(
        "-v",
        "--verbose",
        help="Say each step on stderr.",
        rich_help_panel=RUNNING,
        metavar="",
    ),
]
Quiet = Annotated[
    bool,
    typer.Option(
        "-q", "--quiet", help="Print nothing but warnings and errors.", rich_help_panel=RUNNING, metavar=""
    ),
]
SeriesVolume = Annotated[
    int | None,
    typer.Option(
        "--volume",
        min=0,
        metavar="N",
        show_default=False,
        help="Which volume of a 4-D series, from 0.",
        rich_help_panel=INPUT,
    ),
]
Zooms = Annotated[
    tuple[float, float, float] | None,
    typer.Option(
        metavar="X Y Z",
        show_default=False,
        help="Voxel size in mm along the axes of the file, where its header is wrong.",
        rich_help_panel=INPUT,
    ),
]
MaxMemory = Annotated[
    float | None,
    typer.Option(
        min=0,
        metavar="GB",
        show_default=False,
        help="Refuse scans that take more; without it, what is free.",
        rich_help_panel=RUNNING,
    ),
]
KeepHeaderText = Annotated[
    bool,
    typer.Option(
        "--keep-header-text",
        help="Copy descrip, aux_file and db_name into the results; they may name the patient.",
        rich_help_panel=OUTPUT,
        metavar="",
    ),
]
Seed = Annotated[
    int, typer.Option(min=0, help="Of all that is drawn at random: the same seed, the same result.")
]
Stripped = Annotated[
    bool,
    typer.Option(
        "--stripped",
        help="The scan holds nothing but the brain; usually seen without being told.",
        rich_help_panel=INPUT,
        metavar="",
    ),
]
WarmStart = Annotated[
    Path | None,
    typer.Option(
        metavar="SIDECAR",
        show_default=False,
        help="Where EM starts: the JSON sidecar of an earlier segmentation, scaled to this scan.",
        rich_help_panel=MODEL,
    ),
]
CohortPrior = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        show_default=False,
        help="What mriseg cohort-prior made of scans like this one.",
        rich_help_panel=MODEL,
    ),
]
FixMeans = Annotated[
    bool,
    typer.Option(
        "--fix-means",
        help="Hold the means where the sidecar of --warm-start has them.",
        rich_help_panel=MODEL,
        metavar="",
    ),
]
Channels = Annotated[
    list[Path] | None,
    typer.Option(
        "--channel",
        metavar="FILE",
        show_default=False,
        help="A further scan of the same session in any contrast, such as T2 or FLAIR; may be repeated.",
        rich_help_panel=INPUT,
    ),
]
Covariance = Annotated[
    str | None,
    typer.Option(
        metavar="MODEL",
        show_default=False,
        help="One Gaussian a class with this covariance model, without partial volumes: E, V for one "
        "channel; EII, VVI, EEE, VVV, ... for several.",
        rich_help_panel=MODEL,
    ),
]
LesionMask = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        show_default=False,
        help="Lesions on the grid of the scan: left out of the fit and of the tissues, label 7.",
        rich_help_panel=INPUT,
    ),
]


class Lesions(StrEnum):
    """Values of --lesions."""

    WM = "wm"
    OWN = "own"


WhiteLesions = Annotated[
    Lesions,
    typer.Option(
        "--lesions",
        help="What lesions of white matter are labelled as: wm, or own, label 7. FLAIR as a channel finds "
        "them; T1 alone finds half.",
        rich_help_panel=MODEL,
    ),
]


def segment_options(**options: Any) -> SegmentOptions:
    """Return the options of a segmentation from those of a command; flags named no_X become X negated.

    Raises
    ------
    typer.BadParameter
        If an option is out of its range, or options do not go together.
    """
    from mriseg.errors import OptionError
    from mriseg.options import SegmentOptions

    values: dict[str, Any] = {
        name.removeprefix("no_"): not value if name.startswith("no_") else value
        for name, value in options.items()
    }
    try:
        return SegmentOptions(**values)
    except OptionError as error:
        raise typer.BadParameter(str(error)) from error


def check_zooms(zooms: tuple[float, float, float] | None) -> None:
    """Raise a usage error unless voxel sizes, if given, are positive."""
    if zooms is not None and not min(zooms) > 0:
        raise typer.BadParameter("--zooms takes three positive numbers, in mm")


def parse_luts(text: str | None) -> tuple[str, ...]:
    """Parse a list of programs with commas between them, such as "itksnap,slicer".

    Raises
    ------
    typer.BadParameter
        If one is not known.
    """
    from mriseg.errors import OptionError
    from mriseg.labels.lookup_tables import as_programs

    try:
        return as_programs(program.strip() for program in (text or "").split(",") if text)
    except OptionError as error:
        raise typer.BadParameter(f"--{error}") from error


def refuse_verbose_and_quiet(verbose: bool, quiet: bool) -> None:
    """Raise a usage error if both -v and -q are given."""
    if verbose and quiet:
        raise typer.BadParameter("-v and -q exclude each other")
