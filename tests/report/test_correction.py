from __future__ import annotations

from base64 import b64decode
from io import BytesIO

import numpy as np
import pytest
from heads import volume_of
from skimage.io import imread

from mriseg.report.correction import draw_correction
from mriseg.report.slices import Slices


@pytest.fixture
def shaded():
    """A box of one intensity under a field that doubles from left to right, and the box without it."""
    brain = np.zeros((60, 50, 20), dtype=bool)
    brain[10:50, 10:40, 5:15] = True
    field = np.broadcast_to(np.linspace(0.7, 1.4, 60)[:, None, None], brain.shape).astype(np.float32)
    bare = np.where(brain, 100.0, 0.0).astype(np.float32)
    volume = volume_of(bare * field, np.diag([2.0, 2.0, 6.0, 1.0]))
    return Slices(volume, brain), bare


def _read(uri):
    return imread(BytesIO(b64decode(str(uri).partition(",")[2]))).astype(float)


def test_shading_is_there_before_and_gone_after(shaded):
    found = draw_correction(*shaded)
    before, after = _read(found.before), _read(found.after)
    assert before.shape == after.shape == (found.height, found.width)
    # Left and right of the box in the axial slice, which is above the coronal one.
    row, left, right = before.shape[0] // 3, found.width // 4, 3 * found.width // 4
    assert before[row, right] - before[row, left] > 50
    assert abs(after[row, right] - after[row, left]) < 4
    assert before[row, left] < after[row, left]


def test_millimetres_are_as_long_in_all_directions(shaded):
    found = draw_correction(*shaded)
    bright = _read(found.after) > 10  # black is about half of the intensity of the box
    rows, columns = (np.flatnonzero(bright.any(axis=axis)) for axis in (1, 0))
    (gap,) = np.flatnonzero(np.diff(rows) > 1)
    axial, coronal = gap + 1, len(rows) - gap - 1
    assert len(columns) / axial == pytest.approx(80 / 60, rel=0.05)
    assert len(columns) / coronal == pytest.approx(80 / 60, rel=0.05)  # ten slices of 6 mm
