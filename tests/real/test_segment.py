"""The whole way on every development scan."""

from __future__ import annotations

from functools import cache

import nibabel as nib
import numpy as np
import pytest
from heads import dice
from real_scans import HEADS, STRIPPED, array_of, scan_of, truth_of
from sweeps import mostly

import mriseg


def check(result, image):
    """Assert what must hold of any segmentation."""
    stack = np.stack([result.posteriors[name] for name in ("GM", "WM", "CSF")])
    assert result.labels.shape == image.shape[:3]
    np.testing.assert_allclose(stack.sum(axis=0)[result.mask], 1, atol=1e-5)
    assert not stack[:, ~result.mask].any()
    np.testing.assert_array_equal(result.labels, np.where(result.mask, 1 + stack.argmax(axis=0), 0))


@pytest.fixture(scope="module")
def agreement(scans, segmented):
    """Measure Dice of GM and WM of a stripped scan with its manual labels, once."""

    @cache
    def measure(name):
        result, truth = segmented(name), array_of(truth_of(scans, name))
        inside = array_of(scan_of(scans, name)) > 0
        return [dice((result.labels == label) & inside, (truth == label) & inside) for label in (1, 2)]

    return measure


@pytest.mark.parametrize("name", mostly(STRIPPED, "ibsr07", "ibsr16"))
def test_stripped_scans(scans, segmented, agreement, name):
    result = segmented(name)
    assert result.brain.method == "stripped scan"
    check(result, nib.load(scan_of(scans, name)))
    labels = array_of(truth_of(scans, name))
    assert dice(result.labels == 1, (labels == 1) & result.mask) > 0.75
    assert dice(result.labels == 2, (labels == 2) & result.mask) > 0.7
    assert min(agreement(name)) >= 0.82


@pytest.mark.slow
def test_grey_and_white_matter_of_stripped_scans(agreement):
    grey, white = np.mean([agreement(name) for name in STRIPPED], axis=0)
    assert grey >= 0.87  # 0.882 without places: docs/tissue.md names the miss
    assert white >= 0.875


@pytest.mark.parametrize("name", mostly(HEADS, "colin27", "xa30", "ms04", "elder05"))
def test_whole_heads(scans, segmented, name):
    result = segmented(name)
    assert result.brain.method == "template surface"
    assert result.brain.warnings == ()
    check(result, nib.load(scan_of(scans, name)))
    assert dice(result.mask, array_of(truth_of(scans, name, "desc-brain_mask")) > 0) > 0.96
    assert min(volume.fraction for volume in result.volumes.values()) > 0.05
    assert np.diff(result.model.means).min() > result.model.sds.max()


@pytest.mark.slow
def test_a_second_run_in_one_process_writes_the_same_bytes(scans, segmented, tmp_path):
    segmented("elder05").save(tmp_path / "first")
    mriseg.segment(scan_of(scans, "elder05")).save(tmp_path / "second")
    for path in (tmp_path / "first").iterdir():
        assert path.read_bytes() == (tmp_path / "second" / path.name).read_bytes(), path.name
