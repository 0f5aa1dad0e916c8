from __future__ import annotations

import numpy as np
import pytest

from mriseg.labels.tissues import CSF, GM, WM
from mriseg.quality.intensity_checks import level_warnings, saturation_warnings
from mriseg.quality.tissue_figures import clipped_shares


@pytest.mark.parametrize("factor", [1e-9, 1.0])
@pytest.mark.parametrize("end", ["brightest", "darkest"])
@pytest.mark.parametrize(("share", "flagged"), [(0.0, False), (0.01, False), (0.05, True), (0.4, True)])
def test_intensities_that_were_cut_off_are_said(share, flagged, end, factor):
    """Whatever the unit, and a brighter voxel elsewhere; a little is cut off to show scans."""
    data = np.random.default_rng(0).gamma(20, 5, (30, 30, 30))
    mask = np.indices(data.shape)[0] < 20
    low, high = np.quantile(data[mask], [share, 1 - share])
    data = np.minimum(data, high) if end == "brightest" else np.maximum(data, low)
    data[~mask] = 1.2 * data.max()
    floor, ceiling = clipped_shares((factor * data).astype(np.float32)[mask])
    found = saturation_warnings({"clipped_floor": floor, "clipped_ceiling": ceiling})
    assert [doubt.code for doubt in found] == ["intensities-saturated"] * flagged
    assert all(end in doubt.text for doubt in found)


def test_a_bright_end_that_the_predicted_agreement_weighs_is_not_said_twice():
    cut = {"clipped_floor": 0.1, "clipped_ceiling": 0.1}
    both = saturation_warnings(cut | {"agreement_gm": float("nan"), "agreement_wm": float("nan")})
    assert len(both) == 2
    (dark,) = saturation_warnings(cut | {"agreement_gm": 0.8, "agreement_wm": 0.8})
    assert "darkest" in dark.text


@pytest.mark.parametrize(("csf", "grey"), [(0.21, 0.73), (0.42, 0.77), (0.18, 0.86)])
def test_roots_and_logarithms_of_t1_are_said(csf, grey):
    """Levels of CSF and GM in units of that of WM, as scanners store them: the range of T1."""
    levels = np.array([csf, grey, 1.0])
    assert not level_warnings([CSF, GM, WM], 300 * levels)
    for changed in (np.sqrt(levels), np.log1p(300 * levels)):
        [doubt] = level_warnings([CSF, GM, WM], changed)
        assert (doubt.code, doubt.severity) == ("intensities-not-linear", "look closely")


@pytest.mark.parametrize("rising", [(WM, GM, CSF), (CSF, WM, GM)])
def test_levels_are_checked_in_t1_only(rising):
    assert not level_warnings(rising, np.array([0.6, 0.8, 1.0]))
    assert level_warnings([WM, GM, CSF], np.array([1.0, 0.8, 0.6]))  # an inverted scan, from its air
