"""A result in a notebook: the overlay with matplotlib, and a summary in HTML."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mriseg.report.constants import OVERLAY_JPEG_QUALITY
from mriseg.report.overlay import draw_overlay
from mriseg.report.templates import environment, image_uri

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from mriseg.images.volume import Volume
    from mriseg.labels.tissues import Tissue
    from mriseg.report.overlay import OverlayStyle

# Pixels of the overlay to an inch of the figure.
_DPI = 160


def plot(
    volume: Volume,
    labels: NDArray[np.uint8],
    tissues: Sequence[Tissue],
    axes: Axes | None = None,
    *,
    style: OverlayStyle = "contour",
) -> Axes:
    """Draw the overlay of `mriseg.report.overlay.draw_overlay` with matplotlib.

    Parameters
    ----------
    volume, labels, tissues, style
        See there.
    axes : matplotlib.axes.Axes, optional
        Where to draw; new ones if not given.

    Returns
    -------
    matplotlib.axes.Axes
    """
    picture = draw_overlay(volume, labels, tissues, style=style)
    if axes is None:
        from matplotlib import pyplot as plt

        size = picture.width / _DPI, picture.height / _DPI
        _, axes = plt.subplots(figsize=size, layout="constrained")
    axes.imshow(picture)
    axes.set_axis_off()
    return axes


def summary(
    volume: Volume, labels: NDArray[np.uint8], tissues: Sequence[Tissue], facts: Mapping[str, Any]
) -> str:
    """Summarise a segmentation in HTML: verdict, volumes and overlay.

    Parameters
    ----------
    volume, labels, tissues
        See `mriseg.report.overlay.draw_overlay`.
    facts : mapping
        The sidecar, see `mriseg.results.sidecar.sidecar`.

    Returns
    -------
    str
    """
    # A notebook keeps every picture that it has shown: as PNG it would take 1.3 MB.
    picture = draw_overlay(volume, labels, tissues).convert("RGB")
    overlay = image_uri(picture, "jpeg", quality=OVERLAY_JPEG_QUALITY)
    return environment().get_template("notebook.html.j2").render(facts=facts, overlay=overlay)
