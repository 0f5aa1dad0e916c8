"""The table of tissues: names, BIDS label numbers and colours."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tissue:
    """One row of the label table.

    Parameters
    ----------
    index : int
        Label in the segmentation.
    name : str
    abbreviation : str
        Used in file names.
    color : str
        Hexadecimal.
    mapping : int or None
        Label in the BIDS standard table; None for a class that is not a tissue.
    """

    index: int
    name: str
    abbreviation: str
    color: str
    mapping: int | None


# GM and WM as Okabe & Ito have them. Their sky blue and purple, translucent over a scan, come too near to the
# others for some who are colour-blind: CSF is lighter, lesions darker.
GM = Tissue(1, "Gray Matter", "GM", "#e69f00", 1)
WM = Tissue(2, "White Matter", "WM", "#009e73", 2)
CSF = Tissue(3, "Cerebrospinal Fluid", "CSF", "#8bd1ff", 3)
LESION = Tissue(7, "Lesions", "L", "#8b4d99", 7)
BACKGROUND = Tissue(0, "Background", "BG", "#000000", 0)
# Value of the options contrast and classes for automatic selection.
AUTO = "auto"
# Values of the option lesions: lesions of white matter are WM, or a label of their own.
AS_WM, OWN = "wm", "own"
# Of few classes as far apart as these ten allow, for those who are colour-blind, too.
_CLASS_COLORS = (
    "#0072b2",
    "#d55e00",
    "#f0e442",
    "#56b4e9",
    "#009e73",
    "#cc79a7",
    "#e69f00",
    "#7f3c8d",
    "#b3de69",
    "#999999",
)

MAX_CLASSES = len(_CLASS_COLORS)


def rgb(color: str) -> tuple[int, int, int]:
    """Convert a hexadecimal colour to red, green and blue from 0 to 255.

    >>> rgb("#ff8000")
    (255, 128, 0)
    """
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return red, green, blue


def over_grey(color: str, opacity: float, shade: float) -> str:
    """Return what a translucent colour looks like over a grey from 0 (black) to 1 (white), hexadecimal.

    >>> over_grey("#ff8000", 1.0, 0.5), over_grey("#ff8000", 0.0, 1.0), over_grey("#ff8000", 0.5, 0.0)
    ('#ff8000', '#ffffff', '#804000')
    """
    return "#" + "".join(f"{round((1 - opacity) * 255 * shade + opacity * part):02x}" for part in rgb(color))


def name_in_text(abbreviation: str) -> str:
    """Return what texts call a tissue: its abbreviation, and lesions by their name.

    >>> name_in_text("GM"), name_in_text("L")
    ('GM', 'lesions')
    """
    return "lesions" if abbreviation == LESION.abbreviation else abbreviation


def class_color(number: int) -> str:
    """Return the hexadecimal colour of a class by its number from 1; repeats after ten."""
    return _CLASS_COLORS[(number - 1) % len(_CLASS_COLORS)]
