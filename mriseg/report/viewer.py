"""The interactive viewer: a niivue page for a scan, its labels, posteriors and maps."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mriseg._utils.assets import asset
from mriseg.errors import ImageError
from mriseg.file_names import (
    CORRECTED,
    IMAGE_EXTENSIONS,
    SIDECAR,
    UNEDITED_LABELS,
    bids_suffix,
    entity_value,
    image_kind,
    stem_of_labels,
    without_extension,
    without_suffix,
)
from mriseg.images.marks import is_of_labels, read_mark
from mriseg.images.reading import labels_in, load_map, open_image
from mriseg.images.volume import whole_numbers
from mriseg.labels.contrasts import SUFFIXES
from mriseg.labels.lookup_tables import niivue_colormap
from mriseg.labels.numbers import read_label_rows
from mriseg.labels.orders import BIDS, marked_order, numbered
from mriseg.labels.tissues import CSF, GM, LESION, WM, Tissue, class_color
from mriseg.report.constants import ATYPICALITY_RANGE, FILL_OPACITY, MASK_COLOR, ODD_COLOR
from mriseg.report.page import render

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mriseg.images.volume import Volume

Kind = Literal["scan", "labels", "mask", "posterior", "map"]

_ORDER: tuple[Kind, ...] = ("scan", "labels", "mask", "posterior", "map")
_COLORS = {tissue.abbreviation: tissue.color for tissue in (GM, WM, CSF)}
_HEX = re.compile(r"#[0-9a-fA-F]{6}")
_OTHER_COLOR = "#f0e442"
_SCRIPT = "niivue/niivue.umd.js"


@dataclass(frozen=True)
class Label:
    """A label of a label map in the viewer.

    Parameters
    ----------
    number : int
    name : str
    color : str
        Hexadecimal.
    abbreviation : str
        Of the tissue, as in the file name of its posterior; empty if there is none.
    """

    number: int
    name: str
    color: str
    abbreviation: str = ""


@dataclass(frozen=True)
class Layer:
    """An image in the viewer.

    Parameters
    ----------
    path : Path
    kind : {"scan", "labels", "mask", "posterior", "map"}
    name : str
        Name in the viewer.
    color : str
        Hexadecimal colour of a mask, posterior or map.
    range : tuple of float
        Values at which the colour is transparent and opaque.
    labels : tuple of Label
        Other than the background.
    """

    path: Path
    kind: Kind
    name: str
    color: str = ""
    range: tuple[float, float] = (0.0, 1.0)
    labels: tuple[Label, ...] = field(default=())

    @property
    def extension(self) -> str:
        """Extension of the file name."""
        return next(end for end in IMAGE_EXTENSIONS if self.path.name.lower().endswith(end))


def gather_layers(paths: Sequence[Path]) -> list[Layer]:
    """List the images to display, the scan first.

    Parameters
    ----------
    paths : sequence of Path
        Images, or folders of the results of one scan.

    Returns
    -------
    list of Layer

    Raises
    ------
    ImageError
        If there is no image, or results of several scans.
    """
    files = [file for path in paths for file in (_images_of(path) if path.is_dir() else [path])]
    layers = sorted((_layer(file) for file in files), key=_sort_key)
    labels = [layer.path for layer in layers if layer.kind == "labels"]
    if len(labels) > 1:
        raise ImageError(_several(labels, paths))
    return layers


def without_sidecar(layers: Sequence[Layer]) -> list[Path]:
    """List the label maps without the sidecar that `mriseg segment` writes last.

    Parameters
    ----------
    layers : sequence of Layer

    Returns
    -------
    list of Path
        Label maps of an interrupted segmentation, or of another program.
    """
    labels = [layer.path for layer in layers if layer.kind == "labels"]
    return [path for path in labels if not path.with_name(f"{without_extension(path)}.json").is_file()]


def _several(labels: Sequence[Path], paths: Sequence[Path]) -> str:
    """Say that there are several label maps, in one folder that was given or by themselves."""
    folders = list(dict.fromkeys(path.parent for path in labels))
    first = labels[0].parent / stem_of_labels(labels[0])
    if len(folders) == 1 and not set(labels) & set(paths):
        count = f"holds {len(labels)} segmentations"
        return f"{folders[0]}: {count}; give the files of one, such as {first}_d*.nii.gz"
    return f"{', '.join(map(str, labels))}: {len(labels)} segmentations; give one at a time"


def viewer_page(layers: Sequence[Layer], *, embed: bool) -> str:
    """Render the page of the viewer.

    Parameters
    ----------
    layers : sequence of Layer
    embed : bool
        Embed viewer and images in the page; otherwise the page fetches images by number, and the viewer by
        the name ``niivue.js``, from its own origin.

    Returns
    -------
    str
        An HTML page.
    """
    posteriors = {layer.name: number for number, layer in enumerate(layers) if layer.kind == "posterior"}
    facts = [_layer_facts(layer, number, posteriors, embed=embed) for number, layer in enumerate(layers)]
    titled = next((layer for layer in layers if layer.kind == "labels"), layers[0])
    return render(
        "view.html.j2",
        "view.css",
        "view.js",
        colors={f"label-{label.number}": label.color for layer in layers for label in layer.labels},
        title=stem_of_labels(titled.path),
        layers=facts,
        scans=[(number, layer.name) for number, layer in enumerate(layers) if layer.kind == "scan"],
        fill=round(100 * FILL_OPACITY),
        library=viewer_script() if embed else None,
    )


def viewer_script() -> str:
    """Return the source of the packaged niivue."""
    return asset(_SCRIPT)


def _images_of(folder: Path) -> list[Path]:
    """List the NIfTI images of a folder; of label maps, where there is a sidecar, those that it names."""
    files = sorted(file for file in folder.iterdir() if file.name.lower().endswith((".nii", ".nii.gz")))
    files = [file for file in files if not file.name.endswith(f"_{UNEDITED_LABELS}")]
    if not files:
        raise ImageError(f"{folder}: holds no NIfTI image; give a folder that mriseg segment wrote, or files")
    named = {name for sidecar in folder.glob(f"*_{SIDECAR}") for name in _files_named_in(sidecar)}
    return [file for file in files if file.name in named or not named or _kind(file) != "labels"]


def _files_named_in(sidecar: Path) -> list[str]:
    """Return the file names in a sidecar; none of what is no sidecar."""
    try:
        return list(map(str, json.loads(sidecar.read_text(encoding="utf-8"))["Files"]))
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _sort_key(layer: Layer) -> tuple[int, int]:
    """Sort layers by kind, and scans by contrast, T1 first."""
    suffix = bids_suffix(layer.path)
    return _ORDER.index(layer.kind), SUFFIXES.index(suffix) if suffix else len(SUFFIXES)


def _kind(path: Path) -> Kind:
    """Return what an image shows: by its name, or else by what it holds."""
    known = image_kind(path)
    if known or bids_suffix(path) or CORRECTED in path.name:
        return known or "scan"
    labels = labels_in(path)
    return "scan" if not labels else "mask" if labels == 1 else "labels"


def _layer(path: Path) -> Layer:
    """Describe an image by its name and by what it holds."""
    name, kind = without_suffix(path), _kind(path)
    if kind == "labels":
        return Layer(path, kind, "labels", labels=_label_names(path))
    if kind == "posterior":
        tissue = entity_value(path)
        return Layer(path, kind, tissue, _COLORS.get(tissue, _OTHER_COLOR))
    if kind == "map":
        return Layer(path, kind, entity_value(path), ODD_COLOR, ATYPICALITY_RANGE)
    if kind == "mask":
        return Layer(path, kind, "brain mask" if image_kind(path) else name, MASK_COLOR)
    suffix = bids_suffix(path)
    if suffix and CORRECTED in name:
        number = name.partition(CORRECTED)[2]  # of one of several channels of a contrast
        return Layer(path, kind, " ".join(filter(None, (suffix, number, "without bias field"))))
    return Layer(path, kind, name if name == suffix else " ".join(filter(None, (name, suffix))))


def _label_names(path: Path) -> tuple[Label, ...]:
    """Read the table beside a label map; without one, name the labels as the header says, or by number."""
    table = path.with_name(f"{without_extension(path)}.tsv")
    if not table.is_file():
        volume = load_map(path)
        present = np.unique(np.rint(volume.data).astype(int))
        tissues = {tissue.index: tissue for tissue in _tissues_by_header(path, volume)}
        if not set(tissues) - {LESION.index} <= set(present) <= {0, *tissues}:
            tissues = {}
        return tuple(_label(int(n), tissues.get(int(n))) for n in present if n > 0)
    labels = [
        Label(int(row["index"]), row.get("name", ""), row.get("color", ""), row.get("abbreviation", ""))
        for row in read_label_rows(table)
    ]
    return tuple(
        label if _HEX.fullmatch(label.color) else replace(label, color=class_color(label.number))
        for label in labels
        if label.number > 0
    )


def _tissues_by_header(path: Path, volume: Volume) -> tuple[Tissue, ...]:
    """Return the tissues by their numbers: as in BIDS, unless the header of these labels says otherwise."""
    header = open_image(path).header
    order = marked_order(read_mark(header))
    if order != BIDS and not is_of_labels(header, whole_numbers(volume)):
        return ()
    return numbered((GM, WM, CSF, LESION), order)


def _label(number: int, tissue: Tissue | None) -> Label:
    """Return a label by its tissue, or by its number alone."""
    if tissue is None:
        return Label(number, f"label {number}", class_color(number))
    return Label(number, tissue.name, tissue.color, tissue.abbreviation)


def _layer_facts(layer: Layer, number: int, posteriors: dict[str, int], *, embed: bool) -> dict[str, Any]:
    """Return the variables of a layer in the template; `posteriors` numbers layers by tissue."""
    colors = [(label.number, label.name, label.color) for label in layer.labels]
    return {
        "kind": layer.kind,
        "name": layer.name,
        "color": layer.color,
        "range": layer.range,
        "file": f"{number}{layer.extension}",  # niivue detects compression by the extension
        "content": b64encode(layer.path.read_bytes()).decode("ascii") if embed else None,
        "labels": [_label_facts(label, posteriors) for label in layer.labels],
        "colormap": niivue_colormap(colors) if colors else None,
    }


def _label_facts(label: Label, posteriors: dict[str, int]) -> dict[str, Any]:
    """Return the variables of a label; in 3-D, CSF would hide the brain."""
    return {
        "number": label.number,
        "name": label.name,
        "posterior": posteriors.get(label.abbreviation),
        "solid": label.name != CSF.name,
    }
