"""The HTML report of a segmentation: one self-contained page with verdict, pictures, charts and methods."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from mriseg._utils.assets import asset
from mriseg.file_names import stem
from mriseg.quality.histogram_fit import fit_error
from mriseg.report.charts import bic_chart, field_chart, histogram_chart, trace_chart
from mriseg.report.constants import MASK_COLOR
from mriseg.report.correction import draw_correction
from mriseg.report.quality_table import quality_rows
from mriseg.report.sheets import draw_sheet
from mriseg.report.slices import PLANES, Slices
from mriseg.report.templates import data_uri, environment
from mriseg.report.texts import ADVICE, methods

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from mriseg.estimates import Estimates
    from mriseg.images.volume import Volume
    from mriseg.labels.tissues import Tissue

_SVG = "image/svg+xml"


@dataclass(frozen=True, eq=False)
class ReportData:
    """Data of the report.

    Parameters
    ----------
    found : Estimates
    labels : ndarray of uint8, shape (X, Y, Z)
        In canonical orientation.
    tissues : sequence of Tissue
        In the order of their labels.
    corrected : ndarray of float32, shape (X, Y, Z), or None
        The scan without its bias field, in canonical orientation; None if no field was estimated.
    facts : dict
        The sidecar, see `mriseg.results.sidecar.sidecar`.
    """

    found: Estimates
    labels: NDArray[np.uint8]
    tissues: Sequence[Tissue]
    corrected: NDArray[np.float32] | None
    facts: dict[str, Any]


@dataclass(frozen=True, eq=False)
class EditedData:
    """Data of the report of labels that were edited by hand.

    Parameters
    ----------
    name : str
        STEM of the files.
    scan : Volume
        What the labels are shown over.
    labels : ndarray of uint8, shape (X, Y, Z)
        In canonical orientation.
    tissues : sequence of Tissue
        In the order of their labels.
    facts : dict
        The sidecar, with ``Edited``.
    """

    name: str
    scan: Volume
    labels: NDArray[np.uint8]
    tissues: Sequence[Tissue]
    facts: dict[str, Any]


def report(data: ReportData) -> str:
    """Render the report of a segmentation.

    Parameters
    ----------
    data : ReportData

    Returns
    -------
    str
        A self-contained HTML page; a deterministic function of the input.
    """
    found, facts = data.found, data.facts
    mask, field = found.brain.mask, found.field
    slices = Slices(found.volume, mask)
    corrected = data.corrected if field.order else None
    charts = {
        "fit_charts": _fit_charts(found, facts["Sources"]),
        "bic_chart": _bic_chart(found.fit.bic_by_classes),
        "trace_chart": _svg_uri(trace_chart(found.model.history, facts["Mixture"]["Trace"])),
        "field_chart": _svg_uri(field_chart(field, mask, slices)) if field.order else None,
        "correction": None if corrected is None else draw_correction(slices, corrected),
    }
    return _rendered(stem(found.volume.path), slices, data.labels, mask, data.tissues, facts, charts)


def edited_report(data: EditedData) -> str:
    """Render the report of labels that were edited by hand.

    Fit and bias field are in the report before the edit, which it names.

    Parameters
    ----------
    data : EditedData

    Returns
    -------
    str
        A self-contained HTML page but for the link to the other one.
    """
    mask = data.labels > 0
    slices = Slices(data.scan, mask)
    return _rendered(data.name, slices, data.labels, mask, data.tissues, data.facts, {"fit_charts": None})


def _rendered(
    name: str,
    slices: Slices,
    labels: NDArray[np.uint8],
    mask: NDArray[np.bool_],
    tissues: Sequence[Tissue],
    facts: dict[str, Any],
    charts: dict[str, Any],
) -> str:
    paragraph, references = methods(facts)
    return render(
        "report.html.j2",
        "report.css",
        "report.js",
        name=name,
        facts=facts,
        edit=facts.get("Edited"),
        tissues=tissues,
        colors={f"tissue-{tissue.abbreviation}": tissue.color for tissue in tissues} | {"edge": MASK_COLOR},
        advice=ADVICE[facts["Verdict"]],
        sheets=[draw_sheet(slices, labels, mask, tissues, plane) for plane in PLANES],
        trace=facts["Mixture"]["Trace"],
        quality=quality_rows(facts["ImageQuality"]),
        usual_known=bool(facts["ImageQuality"]["Usual"]),
        paragraph=paragraph,
        references=references,
        **charts,
    )


def _bic_chart(bic_by_classes: dict[int, float]) -> Markup | None:
    """Draw BIC by number of classes, if the number was selected."""
    return _svg_uri(bic_chart(bic_by_classes)) if bic_by_classes else None


def _fit_charts(found: Estimates, sources: Sequence[str]) -> list[tuple[str, Markup, float]]:
    """Draw the histogram of each channel with its fit; return name, picture and misfit."""
    charts = []
    for channel, (source, histogram) in enumerate(zip(sources, found.fit.histograms, strict=True)):
        marginal = found.model.marginal(channel)
        chart = histogram_chart(*histogram, marginal, found.components)
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


def _hash(text: str) -> str:
    """Return the source expression of a content security policy for an inline text."""
    return "sha256-" + b64encode(sha256(text.encode()).digest()).decode("ascii")


def _svg_uri(svg: bytes) -> Markup:
    """Encode an SVG picture as a data URI."""
    return data_uri(svg, _SVG)
