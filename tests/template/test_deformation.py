"""Deformation of the template: recovered, smooth, and none where intensities say nothing."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy import ndimage

from mriseg.template.deformation import (
    Deformation,
    Samples,
    _box,
    _maps,
    _mixed,
    _Objective,
    _sizes,
    deformation_of,
    samples_of,
)
from mriseg.template.head import load_template


@cache
def brain_samples() -> Samples:
    template = load_template()
    return samples_of(template.distance < 0, np.linalg.inv(template.affine), 0.008)


def made_deformation(seed: int, mm: float) -> Deformation:
    """A smooth random displacement with a root mean square in mm."""
    coefficients = np.zeros((3, *_sizes()))
    coefficients[:, :3, :3, :3] = np.random.default_rng(seed).normal(size=(3, 3, 3, 3))
    return Deformation(coefficients * mm / np.sqrt((coefficients**2).sum()))


def likelihoods_under(deformation: Deformation) -> np.ndarray:
    """How likely the tissues of a deformed template are at the samples, as certain as a good scan tells."""
    where = tuple(brain_samples().places.T)
    template = load_template()
    shares = []
    for tissue in np.moveaxis(_maps(), -1, 0):
        whole = np.zeros(template.distance.shape, np.float32)
        whole[_box().slices] = tissue
        shares.append(deformation.deformed(whole)[_box().slices][where])
    return np.stack(shares) ** 2


def displacement(deformation: Deformation) -> np.ndarray:
    """In mm at the samples, shape (3, M)."""
    moved = deformation._voxels - np.indices(_box().shape)
    return moved[:, *brain_samples().places.T] * _box().zooms[:, None]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_deformation_is_recovered(seed):
    made = made_deformation(seed, 3.0)
    found = deformation_of(brain_samples(), likelihoods_under(made))
    assert found is not None
    left, before = (
        np.sqrt((shift**2).sum(axis=0).mean())
        for shift in (displacement(found) - displacement(made), displacement(made))
    )
    assert left < 0.6 * before  # the penalty shrinks what is curved


def test_no_deformation_where_intensities_say_nothing():
    assert deformation_of(brain_samples(), np.ones((4, len(brain_samples().places)))) is None


def test_a_mirrored_brain_has_the_mirrored_deformation():
    samples = brain_samples()
    likelihoods = likelihoods_under(made_deformation(3, 3.0))
    mirrored = samples._replace(places=samples.places.copy())
    mirrored.places[:, 0] = _box().shape[0] - 1 - samples.places[:, 0]
    one, other = (deformation_of(s, likelihoods) for s in (samples, mirrored))
    signs = (-1.0) ** np.arange(_sizes()[0])[:, None, None]
    expected = one.coefficients * signs * np.array([-1, 1, 1])[:, None, None, None]
    # The packaged maps lie half a millimetre off the middle.
    expected[0, 0, 0, 0] = other.coefficients[0, 0, 0, 0]
    rms = np.sqrt((one.coefficients**2).sum())
    assert np.sqrt(((other.coefficients - expected) ** 2).sum()) < 0.2 * rms


def test_a_constant_coefficient_shifts():
    coefficients = np.zeros((3, *_sizes()))
    coefficients[1, 0, 0, 0] = 2 * _box().zooms[1]
    array = np.random.default_rng(0).random(load_template().distance.shape, dtype=np.float32)
    shifted, box = Deformation(coefficients).deformed(array), _box().slices
    np.testing.assert_allclose(shifted[box][:, :-2], array[box][:, 2:], rtol=1e-5)


def test_points_are_taken_from_where_voxels_are():
    deformation, (x, y, z) = made_deformation(4, 3.0), _box().slices
    array = np.random.default_rng(0).random(load_template().distance.shape, dtype=np.float32)
    voxels = np.array([[x.start + 20, y.start + 30, z.start + 25], [x.start - 1, 0, 0]], float)
    there = deformation.taken_from(voxels)
    expected = deformation.deformed(array)[tuple(voxels.astype(int).T)]
    np.testing.assert_allclose(ndimage.map_coordinates(array, there.T, order=1), expected, rtol=1e-4)


def test_the_gradient_is_that_of_the_objective():
    objective = _Objective(brain_samples(), likelihoods_under(made_deformation(5, 3.0)))
    rng = np.random.default_rng(0)
    at, along = rng.normal(size=(2, 3 * objective.scale.size))
    step = 1e-4 * along
    slope = (objective(at + step)[0] - objective(at - step)[0]) / 2e-4
    assert objective(at)[1] @ along == pytest.approx(slope, rel=1e-3)


def test_maps_are_mixed_as_quadratic_splines_are_sampled():
    rng = np.random.default_rng(0)
    maps, likelihoods = rng.random((9, 8, 7, 4), dtype=np.float32), rng.random((4, 50))
    places = rng.uniform(-2, 9, size=(3, 50))
    sampled = [
        ndimage.map_coordinates(array, places, order=2, mode="nearest", prefilter=False)
        for array in np.moveaxis(maps, -1, 0)
    ]
    mixed, _ = _mixed(maps, places, likelihoods)
    np.testing.assert_allclose(mixed, (likelihoods * sampled).sum(axis=0), rtol=1e-5)


def test_samples_lie_in_the_brain_and_share_its_volume():
    template, samples = load_template(), brain_samples()
    brain = template.distance < 0
    assert brain[tuple(samples.voxels.T)].all()
    assert len(samples.places) * samples.ml == pytest.approx(np.count_nonzero(brain) * 0.008, rel=0.02)


def test_samples_do_not_depend_on_the_storage_order():
    template = load_template()
    brain = template.distance < 0
    flipped = template.affine @ np.diag([-1.0, 1, 1, 1])
    flipped[:3, 3] = template.affine[:3, 3] + template.affine[:3, 0] * (brain.shape[0] - 1)
    samples, other = brain_samples(), samples_of(brain[::-1], np.linalg.inv(flipped), 0.008)
    assert np.array_equal(samples.places, other.places)
    assert np.array_equal(brain.shape[0] - 1 - samples.voxels[:, 0], other.voxels[:, 0])
