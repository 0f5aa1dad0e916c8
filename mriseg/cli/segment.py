"""``mriseg segment``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mriseg.cli.arguments import (
    INPUT,
    OUTPUT,
    Channels,
    Classes,
    CohortPrior,
    Contrast,
    Covariance,
    FailOnVerdict,
    FixMeans,
    KeepHeaderText,
    LesionMask,
    Lesions,
    LookUpTables,
    MaxMemory,
    Merge,
    NoBias,
    NoPriors,
    NoReport,
    NoSpatial,
    OutputFolder,
    OverlayStyle,
    Overwrite,
    Quiet,
    SeriesVolume,
    Stripped,
    TissueContrast,
    TissueOverlay,
    Verbose,
    WarmStart,
    WhiteLesions,
    Zooms,
    check_zooms,
    parse_classes,
    parse_luts,
    refuse_verbose_and_quiet,
    segment_options,
)

if TYPE_CHECKING:
    from mriseg.qc import Verdict
    from mriseg.results.segmentation import Segmentation


class LabelOrder(StrEnum):
    """Values of --label-order: the keys of `mriseg.labels.orders.ORDERS`."""

    BIDS = "bids"
    FAST = "fast"


def segment(
    scan: Annotated[
        Path,
        typer.Argument(
            metavar="SCAN",
            help="Scan, whole head or stripped: NIfTI (.nii, .nii.gz, .hdr, .img) or FreeSurfer (.mgz); "
            "like all inputs a file or a URL such as s3://bucket/scan.nii.gz.",
            show_default=False,
        ),
    ],
    output: OutputFolder = None,
    channel: Channels = None,
    mask: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            show_default=False,
            help="Brain mask on the grid of the scan; without it the brain is found.",
            rich_help_panel=INPUT,
        ),
    ] = None,
    stripped: Stripped = False,
    contrast: TissueContrast = Contrast.AUTO,
    classes: Classes = "3",
    merge: Merge = False,
    covariance: Covariance = None,
    lesion_mask: LesionMask = None,
    lesions: WhiteLesions = Lesions.WM,
    no_bias: NoBias = False,
    no_spatial: NoSpatial = False,
    no_priors: NoPriors = False,
    warm_start: WarmStart = None,
    cohort_prior: CohortPrior = None,
    fix_means: FixMeans = False,
    volume: SeriesVolume = None,
    zooms: Zooms = None,
    max_memory: MaxMemory = None,
    keep_header_text: KeepHeaderText = False,
    overlay_style: TissueOverlay = OverlayStyle.CONTOUR,
    luts: LookUpTables = None,
    label_order: Annotated[
        LabelOrder,
        typer.Option(
            help="Numbers of the tissues in the labels: bids 1 GM, 2 WM, 3 CSF; fast 1 CSF, 2 GM, 3 WM.",
            rich_help_panel=OUTPUT,
        ),
    ] = LabelOrder.BIDS,
    no_report: NoReport = False,
    fail_on: FailOnVerdict = None,
    overwrite: Overwrite = False,
    skip_existing: Annotated[
        bool,
        typer.Option(
            "--skip-existing",
            help="Leave finished results, and say their verdict; with --overwrite, replace unfinished ones.",
            rich_help_panel=OUTPUT,
            metavar="",
        ),
    ] = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Segment a scan into CSF, GM and WM.

    Writes labels (0 background, 1 GM, 2 WM, 3 CSF, unless --label-order says otherwise), a posterior map
    for each tissue, the brain mask, a map of what looks like no tissue, volumes in mL, an overlay picture, an
    HTML report that says whether to trust the result, and a JSON sidecar that records how it came to be.

    For example: mriseg segment sub-01_T1w.nii.gz

    With a mask of your own: mriseg segment sub-01_T1w.nii.gz --mask brain.nii.gz -o derivatives

    With FLAIR beside T1: mriseg segment sub-01_T1w.nii.gz --channel sub-01_FLAIR.nii.gz

    A T2 scan alone: mriseg segment sub-01_T2w.nii.gz --contrast t2

    From and to object storage: mriseg segment s3://study/sub-01_T1w.nii.gz -o s3://results/sub-01

    In a script: mriseg segment sub-01_T1w.nii.gz --fail-on do-not-trust, which ends with exit code 4 then.
    """
    options = segment_options(
        channels=tuple(channel or ()),
        mask=mask,
        stripped=stripped,
        contrast=contrast.value,
        classes=parse_classes(classes),
        merge=merge,
        covariance=covariance,
        lesion_mask=lesion_mask,
        lesions=lesions.value,
        no_bias=no_bias,
        no_spatial=no_spatial,
        no_priors=no_priors,
        warm_start=warm_start,
        cohort_prior=cohort_prior,
        fix_means=fix_means,
    )
    refuse_verbose_and_quiet(verbose, quiet)
    check_zooms(zooms)
    programs = parse_luts(luts)
    from mriseg._utils.atomic_write import refuse_replacing
    from mriseg._utils.object_storage import object_storage, url_of
    from mriseg._utils.text import without_secrets
    from mriseg.cli.progress import progress
    from mriseg.cli.terminal import code_of_verdicts, say, warn
    from mriseg.file_names import optional_patterns, required_files, result_name, stem
    from mriseg.images.reading import load_volume
    from mriseg.pipeline import segment_scan
    from mriseg.results.sidecar import name_sources

    name = stem(scan)
    target, names = output or Path(f"{name}_mriseg"), required_files(name)
    place = without_secrets(url_of(target) or str(target))
    with object_storage() as storage, progress(scan.name, verbose=verbose, quiet=quiet):
        folder = storage.results(
            target,
            result_name(name, ""),
            names,
            optional_patterns(name),
            overwrite=overwrite,
            finished=skip_existing,
        )
        if skip_existing and (sidecar := folder / names[-1]).exists():
            found = _verdict_of_results(sidecar)
            if not quiet:
                say(": ".join([place, "has results of this scan already", *found]))
            raise typer.Exit(code_of_verdicts(found, fail_on))
        refuse_replacing(folder, names, overwrite=overwrite)
        options = options.with_files(storage.fetch)
        loaded = load_volume(
            storage.fetch(scan), volume, zooms, max_memory, keep_header_text=keep_header_text
        )
        result = segment_scan(loaded, options)
        files = result.save(
            folder,
            overwrite=overwrite,
            report=not no_report,
            overlay_style=overlay_style.value,
            luts=programs,
            label_order=label_order.value,
        )
        if any(urls := [url_of(path) for path in (scan, *(channel or ()))]):
            name_sources(files[-1], [url and without_secrets(url) for url in urls])
        storage.put(files)
    warn(scan, result.warnings)
    if not quiet:
        say(
            *_summary(result),
            f"{'verdict':<12}{result.verdict}",
            f"{len(files)} files in {place}",
        )
    raise typer.Exit(code_of_verdicts([result.verdict], fail_on))


def _verdict_of_results(sidecar: Path) -> list[Verdict]:
    """Return the verdict of results that are there; none if their sidecar is of another schema."""
    from mriseg.qc import verdict
    from mriseg.results.sidecar import sidecar_or_none

    known = sidecar_or_none(sidecar)
    return [verdict(known["Warnings"])] if known else []


def _summary(result: Segmentation) -> list[str]:
    """Format the volumes as lines for the terminal."""
    from mriseg.labels.tissues import name_in_text

    lines = [f"{'brain mask':<12}{result.brain_mask_ml:>8.0f} mL   ({result.brain.method})"]
    lines += [
        f"{name_in_text(tissue.abbreviation):<12}{volume.ml:>8.0f} mL {volume.fraction:>5.0%}"
        for tissue, volume in zip(result.tissues, result.volumes.values(), strict=True)
    ]
    if result.settings["Contrast"] != result.contrast:
        known = "contrast-unknown" not in [warning.code for warning in result.warnings]
        lines.append(f"{'contrast':<12}{result.contrast}, {'detected' if known else 'assumed'}")
    return lines
