from __future__ import annotations

import numpy as np
import pytest

from mriseg.quality.histogram_fit import binned_density, fit_error


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


def test_bins_are_whole_steps_of_the_intensities():
    density, edges = binned_density(np.arange(250.0), np.ones(250))
    assert len(density) <= 129
    assert np.allclose(np.diff(edges), 2)
    assert np.sum(density * np.diff(edges)) == pytest.approx(1)
