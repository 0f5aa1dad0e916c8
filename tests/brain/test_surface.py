from __future__ import annotations

import numpy as np
import pytest

from mriseg.brain.constants import DEPTHS_MM
from mriseg.brain.surface import displaced_distance, optimise_offsets, template_surface, update_affine
from mriseg.template.head import load_template
from mriseg.template.registration import Registration


@pytest.fixture(scope="module")
def surface():
    return template_surface(load_template())


def worth_of(offsets):
    """Profiles with an unambiguous boundary of the brain."""
    return -np.abs(DEPTHS_MM - np.reshape(offsets, (-1, 1))) / 4


def test_normals_are_outward_units(surface):
    np.testing.assert_allclose(np.linalg.norm(surface.normals, axis=1), 1, rtol=1e-5)
    outward = surface.points - surface.points.mean(axis=0)
    assert np.mean((outward * surface.normals).sum(axis=1) > 0) > 0.9


def test_the_surface_settles_where_the_profiles_say(surface):
    true = 4 * np.sin(surface.points[:, 1] / 40)
    assert np.abs(optimise_offsets(worth_of(true), surface) - true).mean() < 0.6


def test_a_few_profiles_that_lead_astray_are_overruled(surface):
    true = np.zeros(len(surface.points))
    true[::15] = 15
    assert np.abs(optimise_offsets(worth_of(true), surface)).max() < 3


def test_an_affine_motion_of_the_surface_is_followed(surface):
    motion = np.array([[0.02, 0, 0, 1.0], [0, -0.03, 0, 0], [0, 0.01, 0.01, 2.0]])
    offsets = ((surface.points @ motion[:, :3].T + motion[:, 3]) * surface.normals).sum(axis=1)
    found = update_affine(offsets, surface, Registration(np.eye(4), 0.5))
    np.testing.assert_allclose(found.affine[:3] - np.eye(4)[:3], motion, atol=1e-6)


def test_moving_the_surface_out_grows_the_brain_by_as_much(surface):
    moved = displaced_distance(np.full(len(surface.points), 3.0), surface)
    near = np.abs(surface.distance) < 6
    np.testing.assert_allclose((surface.distance - moved)[near], 3.0, atol=1e-3)
