from __future__ import annotations

from xml.etree import ElementTree as ET

import numpy as np
import pytest

from mriseg.report.charts import bic_chart, fit_error, trace_chart


class _Even:
    """A density that is the same everywhere."""

    def __init__(self, level):
        self.level = level

    def density(self, intensities):
        return np.full(len(intensities), self.level)


@pytest.mark.parametrize("values", [np.arange(1000.0), np.linspace(0, 999, 1024), np.arange(0, 1000, 9.0)])
def test_the_stated_misfit_is_that_of_the_histogram(values):
    counts = np.full(len(values), 70.0)
    assert fit_error(values, counts, _Even(1 / 1000)) < 0.1
    assert fit_error(values, counts, _Even(0)) == pytest.approx(1, abs=0.1)
    assert fit_error(values, counts, _Even(2 / 1000)) == pytest.approx(1, abs=0.1)


def test_a_good_fit_is_close_to_the_histogram_of_whole_numbers(ball_result):
    assert fit_error(*ball_result.histogram, ball_result.model) < 0.05


def test_charts_are_the_same_bytes_every_time_and_say_what_they_show():
    trace = [trace_chart([-10.0, -5.0, -4.5], "log-likelihood") for _ in range(2)]
    assert trace[0] == trace[1] != trace_chart([-10.0, -5.0, -4.4], "log-likelihood")
    bic = bic_chart({2: 1200.0, 3: 1000.0, 4: 1010.0})
    for svg in (trace[0], bic):
        assert ET.fromstring(svg).tag.endswith("svg")  # noqa: S314 - we wrote it
    assert b"3 classes: 1000" in bic
    assert b"log-likelihood" in trace[0]
