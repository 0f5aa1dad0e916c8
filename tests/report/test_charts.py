from __future__ import annotations

from xml.etree import ElementTree as ET

from mriseg.report.charts import bic_chart, trace_chart


def test_charts_are_the_same_bytes_every_time_and_say_what_they_show():
    trace = [trace_chart([-10.0, -5.0, -4.5], "log-likelihood") for _ in range(2)]
    assert trace[0] == trace[1] != trace_chart([-10.0, -5.0, -4.4], "log-likelihood")
    bic = bic_chart({2: 1200.0, 3: 1000.0, 4: 1010.0})
    for svg in (trace[0], bic):
        assert ET.fromstring(svg).tag.endswith("svg")  # noqa: S314 - we wrote it
    assert b"3 classes: 1000" in bic
    assert b"log-likelihood" in trace[0]
