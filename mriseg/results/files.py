"""The files of a segmentation: their names, and what is written into them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from mriseg import file_names
from mriseg._utils.parallel import run_in_parallel
from mriseg._utils.text import printable
from mriseg.brain.mask import MaskMethod
from mriseg.file_names import bids_suffix, result_name, sidecar_of, stem
from mriseg.images.writing import save_array
from mriseg.labels.contrasts import CONTRASTS
from mriseg.labels.lookup_tables import as_programs, save_label_table, save_lut
from mriseg.labels.orders import BIDS, numbered, order_mark, renumbered
from mriseg.results.own_labels import DIGESTS, digests
from mriseg.results.sidecar import sidecar, write_json
from mriseg.results.volumes import save_volume_table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from mriseg.report.overlay import OverlayStyle
    from mriseg.results.segmentation import Segmentation


def written_files(result: Segmentation, *, report: bool = True, luts: str | Sequence[str] = ()) -> list[str]:
    """List the files of a segmentation, the sidecar last.

    Parameters
    ----------
    result : Segmentation
    report : bool
        Whether the report is included.
    luts : str or sequence of str
        Programs that look-up tables are written for, or one.

    Returns
    -------
    list of str

    Raises
    ------
    OptionError
        If a program is not known.
    """
    endings = [file_names.posterior_ending(abbreviation) for abbreviation in result.posteriors]
    for image in _corrected_endings(result):
        endings += [image, sidecar_of(image)]
    endings += [file_names.lookup_table_ending(program) for program in as_programs(luts)]
    endings += [file_names.REPORT] if report else []
    name = stem(result.volume.path)
    *required, last = file_names.required_files(name)
    return [*required, *(result_name(name, ending) for ending in endings), last]


def sidecar_without_files(result: Segmentation, order: str = BIDS) -> dict[str, Any]:
    """Return the content of the sidecar without ``Files``."""
    return sidecar(result, result.tissues, result.volumes, result.quality, result.warnings, order)


def write_files(
    result: Segmentation,
    folder: Path,
    names: Sequence[str],
    *,
    report: bool,
    style: OverlayStyle,
    luts: Sequence[str],
    order: str,
) -> None:
    """Write the files that `written_files` lists."""
    from mriseg.report.overlay import save_overlay

    name = stem(result.volume.path)

    def place(ending: str) -> Path:
        return folder / result_name(name, ending)

    facts = sidecar_without_files(result, order)
    labels, overlay = result.volume.to_canonical(result.labels), place(file_names.OVERLAY)
    draw = partial(save_overlay, result.volume, labels, result.tissues, overlay, style=style)
    run_in_parallel([draw, *_images(result, place, order)])
    _describe_images(result, place)
    tissues = numbered(result.tissues, order)
    save_label_table(tissues, place(file_names.LABEL_TABLE))
    save_volume_table(name, result.brain_mask_ml, result.volumes, place(file_names.VOLUMES))
    for program in luts:
        save_lut(program, tissues, place(file_names.lookup_table_ending(program)))
    if report:
        place(file_names.REPORT).write_text(_page(result, labels, facts), encoding="utf-8")
    stored = renumbered(labels, result.tissues, order)
    written = {DIGESTS: digests(place(file_names.LABELS), stored), "OverlayStyle": style}
    write_json(folder / names[-1], facts | written | {"Files": [printable(file) for file in names]})


def _images(result: Segmentation, place: Callable[[str], Path], order: str) -> list[Callable[[], None]]:
    """Return functions that write the images, the slowest first."""
    scans: list[NDArray[Any]] = []
    if result.corrected is not None:
        scans = [result.corrected, *(result.volume.to_scan_grid(c.corrected) for c in result.channels)]
    images = [(scan, ending, "none") for scan, ending in zip(scans, _corrected_endings(result), strict=True)]
    images.append((result.atypicality, file_names.ATYPICALITY, "none"))
    images.append((renumbered(result.labels, result.tissues, order), file_names.LABELS, "label"))
    images.append((result.mask.view(np.uint8), file_names.BRAIN_MASK, "none"))
    marks = {"label": order_mark(result.tissues, order)}

    def save(array: NDArray[Any], ending: str, intent: str) -> None:
        save_array(array, result.volume, place(ending), intent=intent, mark=marks.get(intent, ""))

    def save_posterior(name: str) -> None:  # laid out here, so that few are in memory at a time
        save(result.posteriors[name], file_names.posterior_ending(name), "estimate")

    posteriors = [partial(save_posterior, name) for name in result.posteriors]
    return [*posteriors, *(partial(save, *image) for image in images)]


def _describe_images(result: Segmentation, place: Callable[[str], Path]) -> None:
    """Write the JSON files beside the brain mask and the corrected scans."""
    sources = {"Sources": [printable(result.volume.path.name)]}
    about_mask = {"Description": f"Brain mask ({result.brain.method})", "Type": "Brain"}
    write_json(place(file_names.BRAIN_MASK_SIDECAR), about_mask | sources)
    stripped = result.brain.method is MaskMethod.STRIPPED
    about_scan = {"Description": "Scan without its bias field", "SkullStripped": stripped}
    scans = [result.volume, *(channel.volume for channel in result.channels)]
    for scan, image in zip(scans, _corrected_endings(result), strict=False):
        write_json(place(sidecar_of(image)), about_scan | {"Sources": [printable(scan.path.name)]})


def _corrected_endings(result: Segmentation) -> list[str]:
    """Return the endings of the bias-corrected scan and channels; a suffix already used gets a number."""
    if result.corrected is None:
        return []
    endings = [file_names.corrected_ending(CONTRASTS[result.contrast].suffix)]
    for number, channel in enumerate(result.channels, start=2):
        suffix = bids_suffix(channel.volume.path) or "MRI"
        ending = file_names.corrected_ending(suffix)
        taken = ending in endings or suffix == "MRI"
        endings.append(file_names.corrected_ending(suffix, number) if taken else ending)
    return endings


def _page(result: Segmentation, labels: NDArray[np.uint8], facts: dict[str, Any]) -> str:
    from mriseg.report.page import ReportData, report

    corrected = None if result.corrected is None else result.volume.to_canonical(result.corrected)
    return report(ReportData(result, labels, result.tissues, corrected, facts))
