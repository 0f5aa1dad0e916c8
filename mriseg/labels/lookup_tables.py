"""Label look-up tables in the formats of viewers, from the table of tissues."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mriseg._utils.tables import write_table
from mriseg.errors import OptionError
from mriseg.labels.tissues import BACKGROUND, Tissue, rgb

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path


@dataclass(frozen=True)
class _Format:
    """File name extension and writer of a look-up table."""

    extension: str
    write: Callable[[Sequence[Tissue]], str]


# The header that ITK-SNAP writes, verbatim; other programs expect it.
_ITKSNAP_HEADER = """\
################################################
# ITK-SnAP Label Description File
# File format: 
# IDX   -R-  -G-  -B-  -A--  VIS MSH  LABEL
# Fields: 
#    IDX:   Zero-based index 
#    -R-:   Red color component (0..255)
#    -G-:   Green color component (0..255)
#    -B-:   Blue color component (0..255)
#    -A-:   Label transparency (0.00 .. 1.00)
#    VIS:   Label visibility (0 or 1)
#    IDX:   Label mesh visibility (0 or 1)
#  LABEL:   Label description 
################################################
"""  # noqa: W291


def _itksnap(tissues: Sequence[Tissue]) -> str:
    """Format the label description file of ITK-SNAP."""
    lines = ['    0     0    0    0        0  0  0    "Clear Label"']
    for tissue in tissues:
        red, green, blue = rgb(tissue.color)
        lines.append(f'{tissue.index:>5} {red:>5}{green:>5}{blue:>5}        1  1  1    "{tissue.name}"')
    return _ITKSNAP_HEADER + "\n".join(lines) + "\n"


def _fsleyes(tissues: Sequence[Tissue]) -> str:
    """Format the look-up table of FSLeyes: number, colour from 0 to 1, name."""
    lines = []
    for tissue in tissues:
        red, green, blue = (part / 255 for part in rgb(tissue.color))
        lines.append(f"{tissue.index} {red:.6f} {green:.6f} {blue:.6f} {tissue.name}")
    return "\n".join(lines) + "\n"


def _slicer(tissues: Sequence[Tissue]) -> str:
    """Format the colour table of 3D Slicer."""
    lines = ["# Color table file mriseg.ctbl", f"# {len(tissues) + 1} values"]
    for tissue in (BACKGROUND, *tissues):
        opacity = 0 if tissue is BACKGROUND else 255
        lines.append(f"{tissue.index} {_one_word(tissue)} {_rgb_text(tissue)} {opacity}")
    return "\n".join(lines) + "\n"


def _freesurfer(tissues: Sequence[Tissue]) -> str:
    """Format the colour table of FreeSurfer."""
    lines = [f"{'#No.':<5}{'Label Name:':<30}{'R':<4}{'G':<4}{'B':<4}A"]
    for tissue in (BACKGROUND, *tissues):
        red, green, blue = rgb(tissue.color)
        # The last column is transparency: 0 is opaque.
        lines.append(f"{tissue.index:<5}{_one_word(tissue):<30}{red:<4}{green:<4}{blue:<4}0")
    return "\n".join(lines) + "\n"


def niivue_colormap(labels: Sequence[tuple[int, str, str]]) -> dict[str, list[int] | list[str]]:
    """Build the label colormap of niivue.

    Parameters
    ----------
    labels : sequence of tuple of int, str, str
        Number, name and hexadecimal colour of each label; a transparent background 0 is added.

    Returns
    -------
    dict
        Columns R, G, B, A, I (the number) and labels (the name).
    """
    rows = [(0, "Background", "#000000"), *labels]
    parts = [list(part) for part in zip(*(rgb(color) for _, _, color in rows), strict=True)]
    return {
        **dict(zip("RGB", parts, strict=True)),
        "A": [0, *[255] * len(labels)],
        "I": [number for number, _, _ in rows],
        "labels": [name for _, name, _ in rows],
    }


def _niivue(tissues: Sequence[Tissue]) -> str:
    """Format the label colormap of niivue as JSON."""
    colormap = niivue_colormap([(tissue.index, tissue.name, tissue.color) for tissue in tissues])
    return json.dumps(colormap, indent=1) + "\n"


def _rgb_text(tissue: Tissue) -> str:
    """Format the colour of a tissue as three numbers."""
    return " ".join(str(part) for part in rgb(tissue.color))


def _one_word(tissue: Tissue) -> str:
    """Return the name of a tissue without spaces."""
    return tissue.name.replace(" ", "_")


_FORMATS = {
    "itksnap": _Format("txt", _itksnap),
    "fsleyes": _Format("lut", _fsleyes),
    "slicer": _Format("ctbl", _slicer),
    "freesurfer": _Format("txt", _freesurfer),
    "niivue": _Format("json", _niivue),
}
FORMATS = tuple(_FORMATS)


def as_programs(programs: str | Iterable[str]) -> tuple[str, ...]:
    """Return the programs to write look-up tables for, each once.

    Parameters
    ----------
    programs : str or iterable of str
        Of `FORMATS`; a string is one.

    Returns
    -------
    tuple of str

    Raises
    ------
    OptionError
        If one is not known.

    >>> as_programs("itksnap"), as_programs(["niivue", "niivue"])
    (('itksnap',), ('niivue',))
    """
    named = tuple(dict.fromkeys([programs] if isinstance(programs, str) else programs))
    for program in named:
        if program not in FORMATS:
            raise OptionError(f"luts knows {', '.join(FORMATS)}, not {program!r}")
    return named


def save_label_table(tissues: Sequence[Tissue], path: Path) -> None:
    """Write the BIDS label table, tab-separated.

    Parameters
    ----------
    tissues : sequence of Tissue
        The labels other than the background.
    path : Path
    """
    header = ("index", "name", "abbreviation", "color", "mapping")
    rows = [
        (t.index, t.name, t.abbreviation, t.color, "n/a" if t.mapping is None else t.mapping)
        for t in (BACKGROUND, *tissues)
    ]
    write_table(path, [header, *rows])


def lut_extension(program: str) -> str:
    """Return the extension of the name of a program's look-up table.

    >>> lut_extension("slicer")
    'ctbl'
    """
    return _FORMATS[program].extension


def save_lut(program: str, tissues: Sequence[Tissue], path: Path) -> None:
    """Write the look-up table of a viewer.

    Parameters
    ----------
    program : str
        One of `FORMATS`.
    tissues : sequence of Tissue
        The labels other than the background.
    path : Path
    """
    path.write_text(_FORMATS[program].write(tissues), encoding="utf-8")
