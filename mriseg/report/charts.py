"""Charts of a segmentation: fitted histogram, trace of the fit, BIC by number of classes, bias field."""

from __future__ import annotations

from io import BytesIO
from textwrap import fill
from typing import TYPE_CHECKING, Protocol

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mriseg.quality.histogram_fit import binned_density
from mriseg.report.constants import AXIS_LABEL_LETTERS, CHART_POINTS, FIELD_PIXELS_PER_MM
from mriseg.report.slices import PLANES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from mriseg.labels.tissues import Tissue
    from mriseg.report.slices import Slices

    Floats = NDArray[np.floating]

# Fixed salt and no metadata, so that the bytes of a chart are reproducible.
_SALT = "mriseg"
_NO_METADATA = {"Date": None, "Creator": None, "Format": None, "Type": None}


class Fit(Protocol):
    """Interface of a fitted mixture to the charts."""

    def density(self, intensities: Floats) -> Floats:
        """Return the probability density at intensities (B,)."""

    def responsibilities(self, intensities: Floats) -> Floats:
        """Return the expected share of each class at intensities (B,), shape (B, K)."""


def histogram_chart(values: Floats, counts: Floats, model: Fit, tissues: Sequence[Tissue]) -> bytes:
    """Draw the histogram, the part of each class in the fitted density, and their sum.

    Parameters
    ----------
    values, counts : ndarray, shape (B,)
        Intensities and the number of voxels of each.
    model : Fit
    tissues : sequence of Tissue, length K
        In the order of the model's classes.

    Returns
    -------
    bytes
        An SVG picture.
    """
    density, edges = binned_density(values, counts)
    points = np.linspace(edges[0], edges[-1], CHART_POINTS)
    fitted = model.density(points)
    parts = fitted[:, None] * model.responsibilities(points)
    figure = Figure(figsize=(7.2, 3.6), layout="constrained")
    axes = figure.subplots()
    axes.stairs(density, edges, fill=True, color="0.86", label="voxels of the brain")
    for tissue, part in zip(tissues, parts.T, strict=True):
        axes.plot(points, part, color=tissue.color, linewidth=2, label=tissue.abbreviation)
    axes.plot(points, fitted, "--", color="black", linewidth=1.2, label="sum of the classes")
    axes.set(xlabel="intensity", ylabel="share of voxels per unit of intensity", xlim=edges[[0, -1]])
    axes.set_ylim(bottom=0)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    return _svg(figure)


def bic_chart(bic_by_classes: Mapping[int, float]) -> bytes:
    """Draw the Bayesian information criterion by number of classes, relative to the marked minimum.

    Parameters
    ----------
    bic_by_classes : mapping of int to float

    Returns
    -------
    bytes
        An SVG picture.
    """
    numbers, bic = list(bic_by_classes), np.array(list(bic_by_classes.values()))
    best = int(bic.argmin())
    figure = Figure(figsize=(7.2, 2.6), layout="constrained")
    axes = figure.subplots()
    axes.plot(numbers, bic - bic[best], color="#0072b2", marker=".")
    axes.plot(numbers[best], 0, "o", color="#d55e00", label=f"{numbers[best]} classes: {bic[best]:.6g}")
    axes.set(xlabel="classes", ylabel=fill("BIC above the lowest", AXIS_LABEL_LETTERS))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    return _svg(figure)


def trace_chart(history: Sequence[float], label: str) -> bytes:
    """Draw the objective of the fit by iteration.

    Parameters
    ----------
    history : sequence of float
        Values at the start and after each iteration.
    label : str
        Name of the objective, for the axis.

    Returns
    -------
    bytes
        An SVG picture.
    """
    figure = Figure(figsize=(7.2, 2.6), layout="constrained")
    axes = figure.subplots()
    axes.plot(range(len(history)), history, color="#0072b2", marker="." if len(history) < 60 else None)
    axes.set(xlabel="iteration", ylabel=fill(label, AXIS_LABEL_LETTERS))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.spines[["top", "right"]].set_visible(False)
    return _svg(figure)


def field_chart(field: NDArray[np.float32], brain: NDArray[np.bool_], slices: Slices) -> bytes:
    """Draw the bias field within the brain, one slice of each plane.

    Parameters
    ----------
    field : ndarray of float32, shape (X, Y, Z)
        Multiplicative bias field, in canonical orientation.
    brain : ndarray of bool, shape (X, Y, Z)
    slices : Slices
        Frame of the pictures.

    Returns
    -------
    bytes
        An SVG picture.
    """
    limit = max(float(np.abs(field[brain] - 1).max()), 0.01)
    widths = [slices.extent(plane)[0] for plane in PLANES]
    figure = Figure(figsize=(7.2, 2.6), layout="constrained")
    panels = figure.subplots(1, 3, width_ratios=widths)
    for axes, plane in zip(panels, PLANES, strict=True):
        (index,) = slices.spread(plane, 3)[1:2]
        inside = slices.cut(brain, plane, index, FIELD_PIXELS_PER_MM) > 0.5
        cut = np.where(inside, slices.cut(field, plane, index, FIELD_PIXELS_PER_MM), np.nan)
        image = axes.imshow(cut, cmap="PuOr_r", vmin=1 - limit, vmax=1 + limit)
        axes.set_axis_off()
        position = round(slices.position(plane, index))
        axes.set_title(f"{plane.left} to {plane.right}, {plane.world} = {position:d} mm", fontsize=9)
    figure.colorbar(image, ax=panels, label="factor on the intensity", shrink=0.9)
    return _svg(figure)


def _svg(figure: Figure) -> bytes:
    """Render a figure as SVG, with reproducible bytes."""
    buffer = BytesIO()
    FigureCanvasSVG(figure)
    with mpl.rc_context({"svg.hashsalt": _SALT}):
        figure.savefig(buffer, format="svg", metadata=_NO_METADATA)
    return buffer.getvalue()
