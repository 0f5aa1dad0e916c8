from __future__ import annotations

import numpy as np
import pytest

from mriseg.template.head import load_template
from mriseg.template.starts import head_threshold, mask_start, rotations


def test_rotations_keep_their_centre_and_turn_about_each_axis():
    centre = np.array([1.0, -2.0, 3.0])
    matrices = rotations(centre, (-0.5, 0.5))
    assert len(matrices) == 6
    for matrix in matrices:
        np.testing.assert_allclose(matrix[:3, :3] @ centre + matrix[:3, 3], centre)
        np.testing.assert_allclose(matrix[:3, :3] @ matrix[:3, :3].T, np.eye(3), atol=1e-12)
        assert np.linalg.det(matrix) == pytest.approx(1)


def test_the_start_on_a_mask_matches_its_centroid_and_size():
    template = load_template()
    brain = template.brain > 0.5
    np.testing.assert_allclose(mask_start(brain, template.affine, template), np.eye(4), atol=1e-9)
    moved = np.diag([0.8, 0.8, 0.8, 1.0])
    moved[:3, 3] = [10.0, -5.0, 20.0]
    np.testing.assert_allclose(mask_start(brain, moved @ template.affine, template), moved, atol=1e-9)


def test_the_head_threshold_lies_between_air_and_head():
    generator = np.random.default_rng(0)
    data = generator.rayleigh(5, (30, 30, 30)).astype(np.float32)
    head = np.zeros(data.shape, dtype=np.bool_)
    head[6:24, 6:24, 6:24] = True
    data[head] += generator.uniform(50, 150, np.count_nonzero(head)).astype(np.float32)
    above = data > head_threshold(data)
    assert above[head].all()
    assert not above[~head].any()
