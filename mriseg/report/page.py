"""The HTML report of a segmentation: one self-contained page with verdict, pictures, charts and methods."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from mriseg.report.charts import bic_chart, field_chart, fit_error, histogram_chart, trace_chart
from mriseg.report.sheets import data_uri, draw_sheet
from mriseg.report.slices import PLANES, Slices
from mriseg.report.templates import environment
from mriseg.report.texts import HEADLINES, methods

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from mriseg.images.volume import Volume
    from mriseg.labels.tissues import Tissue
    from mriseg.model.fitting import Fit

_SVG = "image/svg+xml"


@dataclass(frozen=True, eq=False)
class ReportData:
    """Data of the report in addition to the sidecar; arrays in canonical orientation.

    Parameters
    ----------
    name : str
        Name of the scan.
    volume : Volume
    labels : ndarray of uint8, shape (X, Y, Z)
    mask : ndarray of bool, shape (X, Y, Z)
    tissues : sequence of Tissue
        In the order of their labels.
    fit : Fit
        The mixture, and the histogram of intensities of each channel in the brain.
    components : sequence of Tissue
        In the order of the model's classes.
    field : ndarray of float32, shape (X, Y, Z), or None
        Multiplicative bias field, if it was corrected.
    """

    name: str
    volume: Volume
    labels: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    tissues: Sequence[Tissue]
    fit: Fit
    components: Sequence[Tissue]
    field: NDArray[np.float32] | None


def report(data: ReportData, facts: dict[str, Any]) -> str:
    """Render the report of a segmentation.

    Parameters
    ----------
    data : ReportData
    facts : dict
        The sidecar, see `mriseg.results.sidecar.sidecar`.

    Returns
    -------
    str
        A self-contained HTML page; a deterministic function of the input.
    """
    slices = Slices(data.volume, data.mask)
    trace = facts["Mixture"]["Trace"]
    paragraph, references = methods(facts)
    return render(
        "report.html.j2",
        "report.css",
        "report.js",
        name=data.name,
        facts=facts,
        tissues=data.tissues,
        colors={f"tissue-{tissue.abbreviation}": tissue.color for tissue in data.tissues},
        headline=HEADLINES[facts["Verdict"]],
        sheets=[draw_sheet(slices, data.labels, data.mask, data.tissues, plane) for plane in PLANES],
        fit_charts=_fit_charts(data, facts["Sources"]),
        bic_chart=_bic_chart(data.fit.bic_by_classes),
        trace=trace,
        trace_chart=_svg_uri(trace_chart(data.fit.model.history, trace)),
        field_chart=None if data.field is None else _svg_uri(field_chart(data.field, data.mask, slices)),
        paragraph=paragraph,
        references=references,
    )


def _bic_chart(bic_by_classes: dict[int, float]) -> Markup | None:
    """Draw BIC by number of classes, if the number was selected."""
    return _svg_uri(bic_chart(bic_by_classes)) if bic_by_classes else None


def _fit_charts(data: ReportData, sources: Sequence[str]) -> list[tuple[str, Markup, float]]:
    """Draw the histogram of each channel with its fit; return name, picture and misfit."""
    charts = []
    for channel, (source, histogram) in enumerate(zip(sources, data.fit.histograms, strict=True)):
        marginal = data.fit.model.marginal(channel)
        chart = histogram_chart(*histogram, marginal, data.components)
        charts.append((source, _svg_uri(chart), fit_error(*histogram, marginal)))
    return charts


def render(
    template: str,
    style: str,
    script: str,
    *,
    colors: dict[str, str],
    library: str | None = None,
    **content: Any,
) -> str:
    """Render a template; content is escaped, and the content security policy forbids requests.

    Parameters
    ----------
    template, style, script : str
        Names of files in ``mriseg/assets``.
    colors : dict of str to str
        Colour by class of elements; the content security policy forbids style attributes.
    library : str, optional
        Third-party script, placed before `script`.
    **content
        Variables of the template.

    Returns
    -------
    str
        HTML.
    """
    rules = "".join(f".{name} {{ --color: {color}; }}\n" for name, color in colors.items())
    css, javascript = asset(style) + rules, asset(script)
    return (
        environment()
        .get_template(template)
        .render(
            style=Markup(css),  # noqa: S704
            script=Markup(javascript),  # noqa: S704
            style_hash=_hash(css),
            script_hash=_hash(javascript),
            library=None if library is None else Markup(library),  # noqa: S704
            library_hash=None if library is None else _hash(library),
            **content,
        )
    )


def asset(name: str) -> str:
    """Read a text file of ``mriseg/assets``."""
    return (files("mriseg") / "assets" / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """Return the source expression of a content security policy for an inline text."""
    return "sha256-" + b64encode(sha256(text.encode()).digest()).decode("ascii")


def _svg_uri(svg: bytes) -> Markup:
    """Encode an SVG picture as a data URI."""
    return data_uri(svg, _SVG)
