from __future__ import annotations

import numpy as np
import pytest

from mriseg.images.voxels import coarsen
from mriseg.template.gauss_newton import (
    AFFINE_DIRECTIONS,
    SIMILARITY_DIRECTIONS,
    ScanLevel,
    gauss_newton,
    template_level,
)
from mriseg.template.head import load_template


@pytest.fixture(scope="module")
def level():
    template = load_template()
    return template_level(template, [template.head], 8.0)


@pytest.fixture(scope="module")
def scan():
    """The template's head itself, in other units."""
    template = load_template()
    data, affine = coarsen(template.head, template.affine, 8.0)
    return ScanLevel((3 * data + 10).astype(np.float32), affine)


@pytest.mark.parametrize(
    "directions", [SIMILARITY_DIRECTIONS, AFFINE_DIRECTIONS], ids=["similarity", "affine"]
)
def test_a_shift_is_undone_whatever_the_units_of_intensity(level, scan, directions):
    start = np.eye(4)
    start[:3, 3] = [6.0, -5.0, 4.0]
    affine, similarity = gauss_newton(level, scan, start, directions)
    np.testing.assert_allclose(affine, np.eye(4), atol=0.1)
    assert similarity > 0.999


def test_similarity_directions_leave_angles_unchanged():
    generator = np.random.default_rng(0)
    step = (SIMILARITY_DIRECTIONS @ generator.normal(size=7)).reshape(3, 4)[:, :3]
    symmetric = (step + step.T) / 2
    np.testing.assert_allclose(symmetric, symmetric[0, 0] * np.eye(3), atol=1e-12)


def test_a_start_beside_the_scan_is_infinitely_unlike(level, scan):
    start = np.eye(4)
    start[:3, 3] = 500.0
    affine, similarity = gauss_newton(level, scan, start, AFFINE_DIRECTIONS)
    np.testing.assert_array_equal(affine, start)
    assert similarity == -np.inf
