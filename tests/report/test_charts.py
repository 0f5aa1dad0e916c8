from __future__ import annotations

from xml.etree import ElementTree as ET

import numpy as np
import pytest

from mriseg.labels.contrasts import rising_tissues
from mriseg.labels.tissues import CSF, GM, WM
from mriseg.model.bias_field import BiasField
from mriseg.report.charts import bic_chart, field_chart, histogram_chart, ticks, trace_chart
from mriseg.report.slices import Slices

SVG = "{http://www.w3.org/2000/svg}"


def texts_of(svg):
    return [element.text for element in ET.fromstring(svg).iter(SVG + "text")]  # noqa: S314 - we wrote it


def test_charts_are_the_same_bytes_every_time_and_say_what_they_show():
    trace = [trace_chart([-10.0, -5.0, -4.5], "log-likelihood") for _ in range(2)]
    assert trace[0] == trace[1] != trace_chart([-10.0, -5.0, -4.4], "log-likelihood")
    assert "log-likelihood" in texts_of(trace[0])
    assert "3 classes: 1000" in texts_of(bic_chart({2: 1200.0, 3: 1000.0, 4: 1010.0}))


def test_the_curve_of_wm_peaks_at_its_mean_by_the_ticks(ball_result):
    svg = histogram_chart(*ball_result.histogram, ball_result.model, (CSF, GM, WM))
    assert {"CSF", "GM", "WM", "voxels of the brain", "sum of the classes"} <= set(texts_of(svg))
    picture = ET.fromstring(svg)  # noqa: S314 - we wrote it
    ticks_of_x = sorted(
        (float(text.get("x")), float(text.text))
        for text in picture.iter(SVG + "text")
        if text.get("text-anchor") == "middle" and text.text != "intensity"
    )
    white = next(line for line in picture.iter(SVG + "polyline") if line.get("stroke") == WM.color)
    points = np.array([point.split(",") for point in white.get("points").split()], dtype=float)
    peak = points[points[:, 1].argmin(), 0]  # y points down
    intensity = np.interp(peak, *zip(*ticks_of_x, strict=True))
    assert intensity == pytest.approx(ball_result.model.means[-1], abs=2)


class Flat:
    """A model of ten classes that share every intensity alike."""

    def density(self, intensities):
        return np.ones(len(intensities))

    def responsibilities(self, intensities):
        return np.full((len(intensities), 10), 0.1)


def test_a_long_key_stands_above_the_frame_and_hides_no_curve():
    values = np.arange(100.0)
    svg = histogram_chart(values, np.ones(100), Flat(), rising_tissues("t1", 10))
    picture = ET.fromstring(svg)  # noqa: S314 - we wrote it
    frame = next(path.get("d") for path in picture.iter(SVG + "path") if "V" in path.get("d"))
    top = float(frame.split()[1])
    entries = {text.text: float(text.get("y")) for text in picture.iter(SVG + "text")}
    names = [f"class{k}" for k in range(1, 11)]
    assert all(0 < entries[name] < top for name in [*names, "sum of the classes"])
    assert len({entries[name] for name in names}) > 1  # in lines, none beyond the width
    assert max(float(text.get("x")) for text in picture.iter(SVG + "text") if text.text in names) < 600


def test_a_field_is_drawn_in_the_colours_of_its_key(ball_result):
    volume, mask = ball_result.volume, ball_result.brain.mask
    coefficients = np.zeros((2, 2, 2))
    coefficients[1, 0, 0] = 0.2
    middle = np.array(mask.shape) / 2
    field = BiasField(coefficients, middle, middle, sd=0.1, low=0.8, high=1.2)
    texts = texts_of(field_chart(field, mask, Slices(volume, mask)))
    assert {"0.9", "1", "1.1", "factor on the intensity"} <= set(texts)


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-3e6, -2.9e6), (0.94, 1.06), (1e-7, 3e-7), (5, 5.001)])
def test_ticks_are_round_rising_and_within_the_range(low, high):
    found = ticks(low, high, 6)
    assert 2 <= len(found) <= 6
    assert found[0] >= low - 1e-9 * abs(low)
    assert found[-1] <= high + 1e-9 * abs(high)
    digit = float(f"{np.diff(found).mean():.3e}".split("e")[0])
    assert digit in (1, 2, 5)


@pytest.mark.parametrize("scale", [1e-6, 0.1, 1, 1e5])
@pytest.mark.parametrize("high", range(1, 11))
def test_a_range_that_ends_at_a_multiple_ends_with_a_tick(scale, high):
    found = ticks(0, high * scale, 12)
    assert str(found[0]) == "0.0"
    assert found[-1] == pytest.approx(high * scale)


def test_whole_numbers_have_whole_ticks():
    assert ticks(0, 3, 10, whole=True).tolist() == [0, 1, 2, 3]


def test_a_trace_of_one_value_is_drawn():
    assert "iteration" in texts_of(trace_chart([-4.0], "log-likelihood"))
