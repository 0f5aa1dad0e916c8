from __future__ import annotations

import numpy as np
import pytest

from mriseg.template.head import Template, load_template


def test_shares_follow_from_the_distance_to_the_surface():
    distance = np.float32([-10, -1, 0, 1, 2, 4, 7, 9]).reshape(-1, 1, 1)
    half = np.full_like(distance, 0.5)
    made = Template(half, distance, half * 0.5, half * 0.8, half, half, np.diag([1.0, 1.0, 2.0, 1.0]))
    np.testing.assert_allclose(made.brain.ravel(), [1, 1, 0.5, 0, 0, 0, 0, 0])
    np.testing.assert_allclose(made.skull.ravel(), [0, 0, 0, 0.5, 1, 1, 0.5, 0])
    np.testing.assert_allclose(made.csf.ravel(), [0.35, 0.35, 0, 0, 0, 0, 0, 0], atol=1e-6)


def test_the_packaged_head_is_read_once_and_cannot_be_changed():
    template = load_template()
    assert load_template() is template
    with pytest.raises(ValueError, match="read-only"):
        template.head[0, 0, 0] = 1


def test_tissues_lie_where_they_do_in_mni_space():
    template = load_template()

    def at(*mm):
        return tuple(np.rint(np.linalg.inv(template.affine) @ [*mm, 1])[:3].astype(int))

    for side in (-1, 1):
        assert template.wm[at(side * 26, -20, 30)] > 0.8  # centrum semiovale
        assert template.gm[at(side * 40, 4, 0)] > 0.5  # insula
        assert template.csf[at(side * 10, -28, 18)] > 0.5  # lateral ventricle
    assert template.distance[at(0, -20, 10)] < -20
    assert template.distance[at(0, 0, 110)] > 10
