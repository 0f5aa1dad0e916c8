from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mriseg.images.resampling import resample
from mriseg.images.volume import new_volume

SLOPE = np.array([1.0, -2.0, 0.5])


def grid(shape, affine):
    return new_volume(np.zeros(shape, dtype=np.float32), np.asarray(affine, dtype=float), Path("made.nii.gz"))


def ramp(volume):
    """Values that rise evenly in world coordinates."""
    index = np.indices(volume.data.shape).reshape(3, -1)
    return (SLOPE @ (volume.canonical_affine[:3, :3] @ index + volume.canonical_affine[:3, 3:])).reshape(
        volume.data.shape
    )


FINE = grid((20, 20, 20), np.diag([1.0, 1.5, 2.0, 1.0]))
# Turned, with voxels of its own, and inside the other.
COARSE = grid((4, 3, 5), [[0, 3.0, 0, 4], [2.5, 0, 0, 6], [0, 0, -4, 25.4], [0, 0, 0, 1]])


def test_a_ramp_is_itself_on_any_grid():
    np.testing.assert_allclose(resample(ramp(FINE), FINE, COARSE, order=1), ramp(COARSE), atol=1e-9)


def test_labels_are_those_of_the_nearest_voxel():
    labels = np.random.default_rng(0).integers(0, 8, FINE.data.shape).astype(np.uint8)
    index = np.indices(COARSE.data.shape).reshape(3, -1)
    voxels = (np.linalg.inv(FINE.canonical_affine) @ COARSE.canonical_affine) @ [
        *index,
        np.ones(index.shape[1]),
    ]
    near = np.rint(voxels[:3] + 1e-9).astype(int)
    assert np.abs(voxels[:3] - near).max() < 0.49  # none is half-way
    found = resample(labels, FINE, COARSE, order=0)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found.ravel(), labels[tuple(near)])


@pytest.mark.parametrize("order", [0, 1])
def test_the_same_grid_changes_nothing_and_outside_is_nothing(order):
    values = ramp(FINE) + 100
    np.testing.assert_allclose(resample(values, FINE, FINE, order=order), values)
    away = replace(FINE, canonical_affine=FINE.canonical_affine + np.diag([1000.0], 3))
    assert not resample(values, FINE, away, order=order).any()
