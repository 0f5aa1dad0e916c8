"""Large regions that are no healthy tissue are named, whatever their intensity; healthy heads are not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from heads import brain_of
from real_scans import scan_of

import mriseg


@pytest.fixture(scope="module")
def head(scans):
    """A healthy head, and its brain in canonical orientation."""
    volume = mriseg.load_volume(scan_of(scans, "pumi"))
    return volume, brain_of(volume).mask


def _codes(result):
    return [warning.code for warning in result.warnings if warning.code.startswith("region-")]


def test_a_healthy_head_has_no_such_region(segmented):
    result = segmented("pumi")
    assert _codes(result) == []
    assert max(result.quality[f"misplaced_{tissue}"] for tissue in ("csf", "gm", "wm")) < 0.9


@pytest.mark.slow
@pytest.mark.parametrize("percentile", [10, 40, 99])
def test_a_tumour_with_the_intensity_of_a_tissue_is_named(head, percentile):
    volume, brain = head
    centre = np.argwhere(brain).mean(axis=0) * volume.zooms + (38, -20, 4)
    offsets = np.moveaxis(np.indices(brain.shape), 0, -1) * volume.zooms - centre
    ball = (np.linalg.norm(offsets, axis=-1) < 21.2) & brain
    level = np.percentile(volume.data[brain], percentile)
    data = volume.data.copy()
    data[ball] = level * (1 + np.random.default_rng(0).normal(0, 0.05, np.count_nonzero(ball)))
    result = mriseg.segment(replace(volume, data=data))
    assert _codes(result) == ["region-misplaced"]
    (text,) = [warning.text for warning in result.warnings if warning.code == "region-misplaced"]
    assert "at right " in text
