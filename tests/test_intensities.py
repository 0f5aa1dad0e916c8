"""Units and zero of the intensities mean nothing: masks and labels follow every linear change."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from heads import brain_of, dice, template_head

import mriseg
from mriseg.images.background import intensity_floor
from mriseg.images.reading import load_volume

CHANGES = [
    (1e-9, 0.0),
    (1e9, 0.0),
    (1.0, -1024.0),
    (1.0, 1000.0),
    (1e-3, -0.7),
    (37.0, -1e4),
    (1 / 128, -1.0),
]


@pytest.mark.parametrize(("factor", "offset"), CHANGES)
def test_the_floor_follows_the_intensities(factor, offset):
    data = np.random.default_rng(0).gamma(2, 50, (30, 30, 30)).astype(np.float32)
    data[::2] = 0
    assert intensity_floor(data) == 0
    assert intensity_floor(np.float32(factor) * data + np.float32(offset)) == pytest.approx(offset, abs=1e-6)


@pytest.mark.parametrize(("factor", "offset"), CHANGES)
def test_the_mask_of_a_head_follows_every_linear_change(factor, offset):
    head, _ = template_head()
    changed = replace(head, data=(factor * head.data.astype(np.float64) + offset).astype(np.float32))
    plain, other = brain_of(head), brain_of(changed)
    assert other.method == plain.method
    assert dice(plain.mask, other.mask) > 0.999
    assert other.warnings == plain.warnings


@pytest.fixture(scope="module")
def as_it_is(scans):
    """A scan and its segmentation, by name."""

    @cache
    def found(name):
        scan = load_volume(scans / "bids" / f"sub-{name}" / "anat" / f"sub-{name}_T1w.nii.gz")
        return scan, mriseg.segment(scan)

    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "factor", "offset"),
    [("elder05", 1e-9, 0.0), ("elder05", 1.0, -1024.0), ("ibsr16", 1e9, 0.0), ("ibsr16", 1e-3, 5.0)],
)
def test_labels_follow_every_linear_change(as_it_is, name, factor, offset):
    scan, plain = as_it_is(name)
    changed = replace(scan, data=(factor * scan.data.astype(np.float64) + offset).astype(np.float32))
    other = mriseg.segment(changed)
    assert other.verdict == plain.verdict
    for tissue in (1, 2, 3):
        assert dice(plain.labels == tissue, other.labels == tissue) > 0.99
    means = [volume.mean for volume in plain.volumes.values()]
    assert [volume.mean for volume in other.volumes.values()] == pytest.approx(
        [factor * mean + offset for mean in means], rel=1e-3
    )
