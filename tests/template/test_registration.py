from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from heads import moved, template_head, turned

from mriseg.images.volume import new_volume
from mriseg.images.voxels import coarsen
from mriseg.template.head import load_template
from mriseg.template.registration import Registration, register, resample_to_scan, sample_template


@pytest.fixture(scope="module")
def template():
    return load_template()


def apart_mm(registration, motion, template):
    """The farthest that a voxel of the brain lies from where it should."""
    brain = np.argwhere(template.distance < 0) @ template.affine[:3, :3].T + template.affine[:3, 3]
    points = np.column_stack([brain, np.ones(len(brain))])
    return np.linalg.norm(points @ (registration.affine - motion).T, axis=1).max()


def test_the_template_lies_on_itself(template):
    head, _ = template_head()
    found = register(head, template)
    assert apart_mm(found, np.eye(4), template) < 0.5
    assert found.similarity > 0.99


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_turned_head_is_found(template, axis):
    head, brain = template_head()
    middle = np.eye(4)
    middle[:3, 3] = (head.canonical_affine @ [*(np.array(head.data.shape) - 1) / 2, 1])[:3]
    motion = middle @ turned(axis, 30) @ np.linalg.inv(middle)
    scan, _ = moved(head, brain, turned(axis, 30), (2.0, 2.0, 3.0), (140, 140, 100))
    assert apart_mm(register(scan, template), motion, template) < 2


@pytest.mark.parametrize("scale", [0.7, 0.85, 1.1])
def test_small_and_large_heads_are_found(template, scale):
    head, _ = template_head((scale, scale, scale))
    assert apart_mm(register(head, template), np.diag([scale, scale, scale, 1]), template) < 1


def shaded(head, direction):
    """A head under the receive field of a coil, several times as bright at the rim as in the middle."""
    place = np.stack(np.meshgrid(*(np.linspace(-1, 1, n) for n in head.data.shape), indexing="ij"), axis=-1)
    field = np.exp(1.2 * (place**2).sum(axis=-1) + 0.6 * place @ direction)
    return replace(head, data=(head.data * field).astype(np.float32))


@pytest.mark.parametrize(
    "direction", [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0.5, 0.5, 0.5)]
)
def test_a_head_in_the_field_of_a_coil_is_found(template, direction):
    head, _ = template_head((0.9, 0.9, 0.95))
    motion = np.diag([0.9, 0.9, 0.95, 1])
    found = register(shaded(head, np.array(direction)), template)
    assert apart_mm(found, motion, template) < 3
    assert found.similarity > 0.35


def test_what_only_a_field_explains_does_not_count_as_similar(template):
    head, _ = template_head()
    head.data[: len(head.data) // 2] = 0
    assert register(head, template).similarity < 0.35


def test_similarity_is_free_of_the_scans_scale_and_offset(template):
    head, _ = template_head((0.95, 1.0, 0.95))
    plain = register(head, template)
    head.data[:] = 0.02 * head.data - 7
    np.testing.assert_allclose(register(head, template).affine, plain.affine, atol=1e-2)


def test_a_scan_of_another_contrast_is_found(template):
    head, brain = template_head()
    head.data[:] = np.where(brain, 60 * template.gm + 40 * template.wm + 200 * template.csf, 0.05 * head.data)
    assert apart_mm(register(head, template, "t2"), np.eye(4), template) < 2


def test_priors_share_out_the_brain(template):
    total = template.gm + template.wm + template.csf
    assert total.max() < 1.02
    assert total[template.distance < -4].min() > 0.97


def test_carry_brings_the_brain_to_the_scans_grid(template):
    head, brain = template_head()
    found = register(head, template)
    scan, mask = moved(head, brain, np.eye(4), (1.0, 4.0, 3.0), (200, 60, 80))
    carried = resample_to_scan(np.minimum(template.distance, 8.0), template, found, scan, outside=8.0)
    assert carried.shape == scan.data.shape
    assert np.mean((carried < 0) == mask) > 0.99


@pytest.mark.parametrize("zooms", [(0.5, 0.7, 1.0), (0.9, 2.0, 3.0), (0.3, 1.3, 5.0)])
def test_a_linear_map_is_resampled_exactly_at_any_voxel_size(template, zooms):
    affine = np.diag([*zooms, 1.0])
    affine[:3, 3] = (-20, -30, -10)
    shape = tuple(int(40 / zoom) for zoom in zooms)
    scan = new_volume(np.zeros(shape, np.float32), affine, Path("scan.nii"))
    slopes = np.array([0.3, -0.2, 0.5])
    grid = np.moveaxis(np.indices(template.distance.shape), 0, -1)
    world = grid @ template.affine[:3, :3].T + template.affine[:3, 3]
    carried = resample_to_scan(
        (world @ slopes).astype(np.float32), template, Registration(turned(2, 8), 1.0), scan
    )
    there = np.moveaxis(np.indices(shape), 0, -1) @ affine[:3, :3].T + affine[:3, 3]
    np.testing.assert_allclose(carried, there @ turned(2, 8)[:3, :3] @ slopes, atol=1e-3)


def test_points_are_sampled_as_voxels_are(template):
    affine = template.affine @ np.diag([2.0, 2.0, 2.0, 1.0])
    coarse = new_volume(np.zeros((30, 40, 30), np.float32), affine, Path("scan.nii"))
    carried = resample_to_scan(template.gm, template, Registration(np.eye(4), 1.0), coarse)
    points = np.argwhere(carried >= 0) @ coarse.canonical_affine[:3, :3].T + coarse.canonical_affine[:3, 3]
    sampled = sample_template((template.wm, template.gm), template, Registration(np.eye(4), 1.0), points)
    np.testing.assert_allclose(sampled[:, 1], carried.ravel(), atol=1e-5)


def test_coarsen_keeps_places_and_means():
    data = np.random.default_rng(0).random((20, 24, 28)).astype(np.float32)
    coarse, affine = coarsen(data, np.diag([1.0, 2.0, 0.5, 1.0]), 4.0)
    assert coarse.shape == (5, 12, 4)
    np.testing.assert_allclose(affine[:3, 3], [1.5, 1.0, 1.75])
    np.testing.assert_allclose(coarse.mean(), data.mean(), atol=0.02)


def test_an_affine_is_kept_to_a_micrometre_both_ways():
    affine = np.eye(4) / 3 + np.diag([1e-9, -1e-9, 0, 2 / 3])
    kept = Registration(affine, 0.5).rounded()
    np.testing.assert_array_equal(kept.affine, np.diag([0.333333, 0.333333, 0.333333, 1]))
    np.testing.assert_array_equal(kept.scan_to_mni, np.diag([3.000003, 3.000003, 3.000003, 1]))
    assert not np.signbit(Registration(-1e-9 * np.eye(4) + np.eye(4), 0.5).rounded().affine).any()


def test_the_affine_that_is_found_has_no_further_digits(template):
    head, _ = template_head((0.9, 1.0, 1.1))
    found = register(head, template)
    np.testing.assert_array_equal(found.affine, np.round(found.affine, 6))
