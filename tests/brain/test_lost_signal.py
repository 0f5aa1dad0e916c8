from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from heads import template_head
from real_scans import scan_of
from scipy import ndimage

from mriseg.brain.checks import mask_warnings
from mriseg.brain.constants import HOLE_DEPTH_MM
from mriseg.brain.lost_signal import largest_hole
from mriseg.images.reading import load_mask, load_volume

RANDOM = np.random.default_rng(0)


def _codes(mask, volume):
    return {warning.code for warning in mask_warnings(mask, volume)}


def _changed(volume, axis, planes, change):
    data = volume.data.copy()
    part = np.moveaxis(data, axis, 0)
    part[planes] = change(part[planes])
    return replace(volume, data=data)


def _middle(mask, axis):
    planes = np.flatnonzero(np.moveaxis(mask, axis, 0).any(axis=(1, 2)))
    return int(planes[len(planes) // 2])


LOSSES = {
    "faint noise": lambda plane: RANDOM.rayleigh(1.0, plane.shape),
    "30 %": lambda plane: 0.3 * plane,
    "half": lambda plane: 0.5 * plane,
}


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("loss", LOSSES)
def test_planes_much_darker_than_their_neighbours_are_flagged(axis, loss):
    head, brain = template_head()
    middle = _middle(brain, axis)
    assert not _codes(brain, head) & {"planes-empty", "brain-hole"}
    single, block, every_second = slice(middle, middle + 1), slice(middle, middle + 4), slice(0, None, 2)
    for planes in (single, every_second) if loss == "half" else (single, block, every_second):
        assert "planes-empty" in _codes(brain, _changed(head, axis, planes, LOSSES[loss]))


def test_the_more_is_lost_the_graver_it_is():
    head, brain = template_head()
    first = _middle(brain, 2) - 10
    for planes, severity in (
        (slice(first, first + 2), "look closely"),
        (slice(first, first + 20, 2), "do not trust"),
    ):
        changed = _changed(head, 2, planes, LOSSES["faint noise"])
        [found] = [w.severity for w in mask_warnings(brain, changed) if w.code == "planes-empty"]
        assert found == severity
    middle = [_middle(brain, axis) for axis in range(3)]
    for mm, severity in ((12, "look closely"), (44, "do not trust")):
        data, side = head.data.copy(), int(mm / head.zooms[0])
        data[tuple(slice(at - side // 2, at + side // 2) for at in middle)] = 0
        [found] = [
            w.severity for w in mask_warnings(brain, replace(head, data=data)) if w.code == "brain-hole"
        ]
        assert found == severity


def test_a_hole_in_the_brain_is_flagged():
    head, brain = template_head()
    side = int(np.ceil(12 / head.zooms[0]))
    place = [_middle(brain, axis) for axis in range(3)]
    cube = tuple(slice(at, at + side) for at in place)
    for filling in (0.0, RANDOM.rayleigh(0.5, (side,) * 3)):
        data = head.data.copy()
        data[cube] = filling
        assert "brain-hole" in _codes(brain, replace(head, data=data))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("shape", [(40, 32, 24), (30, 2, 30)])
def test_the_largest_hole_is_the_one_seen_in_the_whole_brain(seed, shape):
    rng = np.random.default_rng(seed)
    brain = np.ones(shape, dtype=bool)
    brain[: rng.integers(12), :, : rng.integers(12)] = False
    smooth = ndimage.gaussian_filter(rng.normal(size=shape), 2.0)
    excess = np.where(smooth > np.quantile(smooth, 0.3), 100, 0).astype(np.float32)
    zooms = rng.uniform(0.5, 2.5, 3)
    silent = ndimage.binary_opening(brain & (excess < 1), np.ones((3, 3, 3)))
    depth = ndimage.distance_transform_edt(np.pad(brain, 1), sampling=zooms)[1:-1, 1:-1, 1:-1]
    pieces, count = ndimage.label(silent & (depth > HOLE_DEPTH_MM))
    sizes = ndimage.sum_labels(silent, pieces, range(1, count + 1))
    assert largest_hole(brain, excess, zooms) == max(sizes, default=0)
    assert (count > 0) == (min(shape) > 2)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["colin27", "elder01", "ms04", "pumi", "xa30"])
def test_real_scans_have_all_of_their_signal(scans, name):
    scan = load_volume(scan_of(scans, name))
    (mask_file,) = (scans / "truth" / f"sub-{name}").glob("*mask.nii.gz")
    assert not _codes(load_mask(mask_file, scan).mask, scan) & {"planes-empty", "brain-hole"}
