from __future__ import annotations

import numpy as np
import pytest

from mriseg.quality.intensity_checks import saturation_warnings


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
    found = saturation_warnings((factor * data).astype(np.float32), mask)
    assert [doubt.code for doubt in found] == ["intensities-saturated"] * flagged
    assert all(end in doubt.text for doubt in found)
