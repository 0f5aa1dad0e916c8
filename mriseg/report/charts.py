"""Charts of a segmentation: fitted histogram, trace of the fit, BIC by number of classes, bias field.

They are templates of SVG in ``mriseg/assets``: a report has a few simple ones, which take less time to draw
than a plotting library to load.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from PIL import Image

from mriseg.labels.tissues import rgb
from mriseg.quality.histogram_fit import binned_density
from mriseg.report.constants import (
    CHART_KEY_HEIGHT,
    CHART_KEY_WIDTH,
    CHART_MARGINS,
    CHART_POINTS,
    CHART_TICKS,
    CHART_WIDTH,
    FIELD_CAPTION_HEIGHT,
    FIELD_GAP,
    FIELD_KEY_WIDTH,
    FIELD_PIXELS_PER_MM,
    FIELD_SHADES,
    HISTOGRAM_HEIGHT,
    MAX_CHART_KEY_LINES,
    MAX_DOTS,
    TRACE_HEIGHT,
)
from mriseg.report.slices import PLANES
from mriseg.report.templates import environment, image_uri

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from markupsafe import Markup
    from numpy.typing import NDArray

    from mriseg.labels.tissues import Tissue
    from mriseg.model.bias_field import BiasField
    from mriseg.report.slices import Slices

    Floats = NDArray[np.floating]

_BLUE, _RED, _BLACK = "#0072b2", "#d55e00", "#000000"
# Of a key above the frame.
_KEY_COLUMNS = (CHART_WIDTH - sum(CHART_MARGINS[:2])) // CHART_KEY_WIDTH
# Of the bias field: below 1, 1, above 1.
_FIELD_COLORS = ("#542788", "#f7f7f7", "#b35806")


class Fit(Protocol):
    """Interface of a fitted mixture to the charts."""

    def density(self, intensities: Floats) -> Floats:
        """Return the probability density at intensities (B,)."""

    def responsibilities(self, intensities: Floats) -> Floats:
        """Return the expected share of each class at intensities (B,), shape (B, K)."""


@dataclass(frozen=True, eq=False)
class _Curve:
    """A curve of a chart: x and y of its points, colour, name in the key, and how it is drawn."""

    x: NDArray[Any]
    y: NDArray[Any]
    color: str
    label: str = ""
    dashed: bool = False
    dots: bool = False
    filled: bool = False


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
    stairs = np.concatenate([[0], np.repeat(density, 2), [0]])
    curves = [
        _Curve(np.repeat(edges, 2), stairs, "#dbdbdb", "voxels of the brain", filled=True),
        *(
            _Curve(points, part, tissue.color, tissue.abbreviation)
            for tissue, part in zip(tissues, parts.T, strict=True)
        ),
        _Curve(points, fitted, _BLACK, "sum of the classes", dashed=True),
    ]
    return _drawn(curves, "intensity", "share of voxels per unit of intensity", HISTOGRAM_HEIGHT)


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
    numbers, bic = np.array(list(bic_by_classes)), np.array(list(bic_by_classes.values()))
    best = int(bic.argmin())
    lowest = f"{numbers[best]} classes: {bic[best]:.6g}"
    curves = [
        _Curve(numbers, bic - bic[best], _BLUE, dots=True),
        _Curve(numbers[[best]], np.zeros(1), _RED, lowest, dots=True),
    ]
    return _drawn(curves, "classes", "BIC above the lowest", TRACE_HEIGHT)


def trace_chart(history: Sequence[float], label: str) -> bytes:
    """Draw the objective of the fit by iteration.

    Parameters
    ----------
    history : sequence of float
        Values at the start and after each iteration.
    label : str
        Name of the objective.

    Returns
    -------
    bytes
        An SVG picture.
    """
    curve = _Curve(np.arange(len(history)), np.array(history), _BLUE, dots=len(history) < MAX_DOTS)
    return _drawn([curve], "iteration", label, TRACE_HEIGHT)


def field_chart(field: BiasField, brain: NDArray[np.bool_], slices: Slices) -> bytes:
    """Draw the bias field within the brain, one slice of each plane.

    Parameters
    ----------
    field : BiasField
    brain : ndarray of bool, shape (X, Y, Z)
    slices : Slices
        Frame of the pictures.

    Returns
    -------
    bytes
        An SVG picture.
    """
    limit = max(field.high - 1, 1 - field.low, 0.01)
    extents = np.array([slices.extent(plane) for plane in PLANES])
    room = CHART_WIDTH - FIELD_KEY_WIDTH - len(PLANES) * FIELD_GAP
    scale = min(room / extents[:, 0].sum(), (TRACE_HEIGHT - FIELD_CAPTION_HEIGHT) / extents[:, 1].max())
    panels, left = [], 0.0
    for plane, (width, height) in zip(PLANES, extents * scale, strict=True):
        (index,) = slices.spread(plane, 3)[1:2]
        inside = slices.cut(brain, plane, index, FIELD_PIXELS_PER_MM) > 0.5
        sides = [*slices.box]
        sides[plane.axis] = slice(index, index + 1)
        factor = field.on_grid(brain.shape, *sides).squeeze(plane.axis)
        cut = slices.resampled(factor, plane, FIELD_PIXELS_PER_MM)
        position = round(slices.position(plane, index))
        title = f"{plane.left} to {plane.right}, {plane.world} = {position:d} mm"
        panels.append((_field_uri((cut - 1) / limit, inside), left, width, height, title))
        left += width + FIELD_GAP
    bottom = FIELD_CAPTION_HEIGHT + (extents[:, 1] * scale).max()
    values = ticks(1 - limit, 1 + limit, CHART_TICKS[1])
    return _svg(
        "field.svg.j2",
        width=CHART_WIDTH,
        height=bottom,
        top=FIELD_CAPTION_HEIGHT,
        panels=panels,
        left=left,
        colors=_FIELD_COLORS,
        ticks=_placed(values, 1 - limit, 1 + limit, bottom, FIELD_CAPTION_HEIGHT),
    )


def ticks(low: float, high: float, count: int, *, whole: bool = False) -> Floats:
    """Return the multiples of 1, 2 or 5 times a power of ten within a range.

    Parameters
    ----------
    low, high : float
        The range; `high` is larger.
    count : int
        At most this number, and no fewer than the step allows.
    whole : bool
        Whole numbers only.

    Returns
    -------
    ndarray of float64, shape (T,)
        Rising.

    >>> ticks(0, 1, 6).tolist()
    [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    """
    power = np.floor(np.log10((high - low) / count))
    steps = np.array([1, 2, 5, 10, 20]) * 10.0**power
    if whole:
        steps = np.maximum(steps, 1)
    slack = 1e-6  # steps: 1 / 0.2 is a little less than 5 in floating point
    firsts, lasts = np.ceil(low / steps - slack), np.floor(high / steps + slack)
    finest = int(np.argmax(lasts - firsts < count))
    step, multiples = steps[finest], np.arange(firsts[finest], lasts[finest] + 1)
    return np.asarray(multiples * step if step >= 1 else multiples / round(1 / step)) + 0.0


def _drawn(curves: Sequence[_Curve], x_name: str, y_name: str, height: int) -> bytes:
    """Draw curves in a frame; the y axis begins at 0 where nothing is negative and something is filled."""
    left, right, top, bottom = CHART_MARGINS
    named = [curve for curve in curves if curve.label]
    above = CHART_KEY_HEIGHT * _key_lines_above(len(named))
    top, height = top + above, height + above
    x_range = _range_of([curve.x for curve in curves])
    y_range = _range_of([curve.y for curve in curves], margin=0.05)
    if curves[0].filled:
        y_range = 0.0, y_range[1]
    x_pixels, y_pixels = (left, CHART_WIDTH - right), (height - bottom, top)
    whole = all(np.issubdtype(curve.x.dtype, np.integer) for curve in curves)

    def drawn(curve: _Curve) -> tuple[_Curve, list[str], list[str], str]:
        x, y = _pixels(curve.x, *x_range, *x_pixels), _pixels(curve.y, *y_range, *y_pixels)
        # Joined here: the template would look at every coordinate for what to escape.
        return curve, x, y, " ".join(map(",".join, zip(x, y, strict=True)))

    return _svg(
        "chart.svg.j2",
        width=CHART_WIDTH,
        height=height,
        x_pixels=x_pixels,
        y_pixels=y_pixels,
        x_name=x_name,
        y_name=y_name,
        x_ticks=_placed(ticks(*x_range, CHART_TICKS[0], whole=whole), *x_range, *x_pixels),
        y_ticks=_placed(ticks(*y_range, CHART_TICKS[1]), *y_range, *y_pixels),
        curves=[drawn(curve) for curve in curves],
        y_name_at=top - above,
        named=_key(named, top, above, is_left=_is_lower_left(curves)),
    )


def _key_lines_above(entries: int) -> int:
    """Return the lines of the key above the frame; 0 of a short one, which has room in the frame."""
    return -(-entries // _KEY_COLUMNS) if entries > MAX_CHART_KEY_LINES else 0


def _key(
    named: Sequence[_Curve], top: float, above: float, *, is_left: bool
) -> list[tuple[_Curve, int, float]]:
    """Return x and y of the entries of the key: in lines above the frame, or one below the other in it."""
    left, right, *_ = CHART_MARGINS
    if above:
        places = [divmod(number, _KEY_COLUMNS) for number in range(len(named))]
        return [
            (curve, left + column * CHART_KEY_WIDTH, top - above + line * CHART_KEY_HEIGHT)
            for curve, (line, column) in zip(named, places, strict=True)
        ]
    x = left + CHART_KEY_WIDTH // 8 if is_left else CHART_WIDTH - right - CHART_KEY_WIDTH
    return [(curve, x, top + line * CHART_KEY_HEIGHT) for line, curve in enumerate(named)]


def _is_lower_left(curves: Sequence[_Curve]) -> bool:
    """Return whether the curves are lower in the left quarter of their range, where a key covers less."""
    x = np.concatenate([curve.x for curve in curves])
    y = np.concatenate([curve.y for curve in curves])
    low, high = np.quantile(x, (0, 1))
    quarter = (high - low) / 4
    return bool(y[x <= low + quarter].max() < y[x >= high - quarter].max())


def _range_of(values: Sequence[NDArray[Any]], margin: float = 0.0) -> tuple[float, float]:
    """Return the range of values with a margin, as a share of it; never empty."""
    together = np.concatenate(values).astype(np.float64)
    low, high = float(together.min()), float(together.max())
    margin = margin * (high - low) or (0.0 if high > low else max(abs(high), 1.0) * 1e-3)
    return low - margin, high + margin


def _pixels(values: NDArray[Any], low: float, high: float, first: float, last: float) -> list[str]:
    """Return positions between two pixels of values between two limits, to a tenth of a pixel."""
    return [f"{pixel:.1f}" for pixel in first + (last - first) * (values - low) / (high - low)]


def _placed(values: Floats, low: float, high: float, first: float, last: float) -> list[tuple[str, str]]:
    """Return position and text of ticks."""
    texts = [f"{value:.10g}" for value in values]
    return list(zip(_pixels(values, low, high, first, last), texts, strict=True))


def _field_uri(excess: NDArray[np.float32], inside: NDArray[np.bool_]) -> Markup:
    """Encode a slice of the field, -1 to 1 for its limits, as a PNG; transparent outside the brain."""
    middle = FIELD_SHADES // 2
    shades = np.where(inside, 1 + middle + np.round(middle * np.clip(excess, -1, 1)), 0)
    picture = Image.fromarray(shades.astype(np.uint8)).convert("P")
    anchors = np.array([rgb(color) for color in _FIELD_COLORS])
    shares = np.linspace(0, 2, FIELD_SHADES)
    palette = np.column_stack([np.interp(shares, range(3), channel) for channel in anchors.T])
    picture.putpalette(bytes(3) + np.round(palette).astype(np.uint8).tobytes())
    return image_uri(picture, "png", transparency=0)


def _svg(template: str, **content: Any) -> bytes:
    """Render a template as SVG."""
    return environment().get_template(template).render(**content).encode()
