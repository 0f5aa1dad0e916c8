from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from heads import volume_of

from mriseg.images.reading import load_volume
from mriseg.labels.tissues import rgb
from mriseg.report.slices import PLANES, Slices, outline, paint


@pytest.mark.parametrize("plane", PLANES, ids=lambda plane: plane.name)
def test_pictures_have_right_and_front_at_the_right_and_the_top_at_the_top(ball, ball_labels, plane):
    volume = load_volume(ball)
    brain = volume.to_canonical(ball_labels) > 0
    across, up = (axis for axis in range(3) if axis != plane.axis)
    index = np.indices(brain.shape)
    ramps = index[across] + 1000 * index[up]
    slices = Slices(replace(volume, data=ramps.astype(np.float32)), brain)
    picture = slices.cut(ramps, plane, brain.shape[plane.axis] // 2, scale=1.0)
    assert picture[0, 0] > picture[-1, 0]  # rows go down
    assert picture[0, -1] > picture[0, 0]  # columns go to the right
    assert plane.right == ("A" if plane.axis == 0 else "R")
    width, height = slices.extent(plane)
    assert picture.shape == (round(height), round(width))


@pytest.fixture
def box():
    """A box of 40 x 60 x 50 mm in voxels of 2 x 3 x 2.5 mm, in the middle of a larger volume."""
    brain = np.zeros((60, 60, 60), dtype=bool)
    brain[20:40, 20:40, 20:40] = True
    affine = np.diag([2.0, 3.0, 2.5, 1.0])
    affine[:3, 3] = (-59, -88.5, -73.75)  # its middle is the origin
    return volume_of(np.where(brain, 100.0, 0.0), affine), brain


def test_the_frame_holds_the_brain_and_a_margin(box):
    slices = Slices(*box)
    axial, coronal, sagittal = PLANES
    assert slices.extent(axial) == (40 + 16, 60 + 18)  # margins are whole voxels
    assert slices.extent(coronal) == (40 + 16, 50 + 15)
    assert slices.extent(sagittal) == (60 + 18, 50 + 15)


def test_slices_spread_over_the_brain_and_know_where_they_lie(box):
    slices = Slices(*box)
    for plane, zoom in zip(PLANES, (2.5, 3.0, 2.0), strict=True):
        chosen = slices.spread(plane, 5)
        assert chosen == sorted(set(chosen))
        assert (chosen[0], chosen[2], chosen[-1]) == (21, 29, 38)
        assert slices.position(plane, 30) - slices.position(plane, 29) == pytest.approx(zoom)
        assert slices.position(plane, 29) == pytest.approx(-zoom / 2)


def test_shades_run_from_dark_to_bright_within_the_brain(box):
    volume, brain = box
    volume.data[brain] = np.linspace(0, 100, brain.sum())
    grey = Slices(volume, brain).grey(PLANES[2], 30, 1.0)
    assert grey.min() >= 0
    assert grey.max() <= 1
    inside = Slices(volume, brain).cut(brain, PLANES[2], 30, 1.0) > 0.99
    assert 0.15 < grey[inside].min() < grey[inside].max() < 0.95


def test_an_outline_lies_just_inside_its_region():
    share = np.zeros((40, 40), dtype=np.float32)
    share[10:30, 10:30] = 1
    line = outline(share)
    assert line[20, 20] == line[5, 5] == 0
    across = line[20]
    np.testing.assert_array_equal(across, across[::-1])
    assert np.flatnonzero(across).tolist() == [10, 29]  # the outermost pixels of the region
    assert np.flatnonzero(outline(share, width=4.0)[20]).tolist() == [9, 10, 29, 30]


def test_paint_covers_by_its_opacity():
    picture = np.full((1, 3, 3), 0.5, dtype=np.float32)
    paint(picture, np.array([[0.0, 0.5, 1.0]], dtype=np.float32), "#ff0080")
    np.testing.assert_allclose(picture[0, 0], 0.5)
    np.testing.assert_allclose(picture[0, 1], (0.5 + np.array(rgb("#ff0080")) / 255) / 2)
    np.testing.assert_allclose(picture[0, 2], (1, 0, 128 / 255))
