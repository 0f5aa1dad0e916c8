from __future__ import annotations

import numpy as np
import pytest

from mriseg.model.bias_field import BiasField, correct_bias, unit_field


@pytest.fixture
def ramp():
    """A field along the first axis, known from 4 voxels before to 4 voxels behind its middle."""
    coefficients = np.zeros((2, 2, 2))
    coefficients[1, 0, 0] = 0.5
    low, high = np.exp((-0.5, 0.5))
    return BiasField(coefficients, np.array([10.0, 3.0, 3.0]), np.full(3, 4.0), 0.3, low, high)


def test_a_field_is_a_polynomial_of_position(ramp):
    along = np.log(ramp.on_grid((21, 2, 3))[:, 1, 2])
    np.testing.assert_allclose(along[6:15], 0.5 * (np.arange(6, 15) - 10) / 4, atol=1e-6)
    assert ramp.order == 1
    np.testing.assert_array_equal(ramp.on_grid((21, 2, 3), slice(4, 9)), ramp.on_grid((21, 2, 3))[4:9])


def test_outside_the_brain_the_field_keeps_its_range(ramp):
    everywhere = ramp.on_grid((200, 20, 20))
    assert everywhere.min() == np.float32(ramp.low)
    assert everywhere.max() == np.float32(ramp.high)


def test_no_field_is_one_everywhere():
    assert unit_field().order == 0
    assert unit_field().sd == 0
    np.testing.assert_array_equal(unit_field().on_grid((3, 4, 5)), np.ones((3, 4, 5), dtype=np.float32))


def test_correction_is_about_the_intensity_of_air(ramp):
    true = np.random.default_rng(0).uniform(0, 100, (21, 4, 5)).astype(np.float32)
    seen = true * ramp.on_grid(true.shape) + np.float32(30)
    np.testing.assert_allclose(correct_bias(seen, np.float32(30), ramp), true + 30, rtol=1e-5)
    assert correct_bias(seen, np.float32(30), unit_field()) is seen
