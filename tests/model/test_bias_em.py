"""Bias fields of phantoms whose field is known, and of a real head."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from real_scans import scan_of
from scipy import ndimage

from mriseg.evaluation.phantom import folded_ball, simulate
from mriseg.images.reading import load_map, load_mask, load_volume
from mriseg.labels.tissues import CSF, GM, WM
from mriseg.model.bias_em import FieldEstimator, _fitted
from mriseg.model.bias_field import air_intensity
from mriseg.model.places import places_of

ZOOMS = np.array([1.5, 1.5, 1.5])


def estimated(data, brain, white=2, zooms=ZOOMS):
    """The field by white matter alone, without places."""
    return FieldEstimator(brain, zooms, white).field(data, brain)


@pytest.mark.parametrize(("noise", "bias"), [(3, 20), (5, 40), (9, 40)])
@pytest.mark.parametrize("seed", [0, 1])
def test_finds_the_field_of_a_phantom(noise, bias, seed):
    phantom = simulate(*folded_ball(), noise=noise, bias=bias, seed=seed)
    brain = phantom.labels > 0
    field = estimated(phantom.data, brain)
    ratio = np.log(field.on_grid(brain.shape)[brain] / phantom.field[brain])
    assert ratio.std() < 0.03
    assert np.log(field.on_grid(brain.shape)[brain]).mean() == pytest.approx(0, abs=1e-3)


def _coil_field(shape, direction):
    axes = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    place = np.stack(axes, axis=-1)
    return 1.8 * (place**2).sum(axis=-1) + place @ direction


@pytest.mark.parametrize("direction", [(0, 0, 0), (0.4, 0, 0), (0, -0.4, 0), (0, 0, 0.4)])
def test_finds_the_receive_field_of_a_coil(direction):
    """The rim of the brain is several times as bright as its middle."""
    phantom = simulate(*folded_ball(), noise=3, bias=0)
    brain = phantom.labels > 0
    log_field = _coil_field(brain.shape, direction)
    assert np.ptp(np.percentile(log_field[brain], (5, 95))) > np.log(2.5)
    data = (phantom.data * np.exp(log_field)).astype(np.float32)
    found = np.log(estimated(data, brain).on_grid(brain.shape)[brain])
    assert (found - log_field[brain]).std() < 0.05


def test_leaves_a_scan_without_a_field_alone():
    phantom = simulate(*folded_ball(), noise=3, bias=0)
    brain = phantom.labels > 0
    field = estimated(phantom.data, brain)
    assert field.order == 0


@pytest.fixture(scope="module")
def brainweb(scans):
    """A label map of a real brain, 1 CSF, 2 GM, 3 WM, 8 glial matter, and its affine."""
    model = load_map(scans / "phantom_models" / "brainweb_crisp.nii.gz")
    return np.rint(model.data).astype(int), model.canonical_affine


def _simulated_brain(brainweb, noise, bias=0):
    return simulate(*brainweb, tissues={1: 3, 2: 1, 8: 1, 3: 2}, zooms=(1.5,) * 3, noise=noise, bias=bias)


@pytest.mark.parametrize("noise", [3, 9])
def test_takes_no_anatomy_of_a_brain_for_a_field(brainweb, noise):
    phantom = _simulated_brain(brainweb, noise)
    assert estimated(phantom.data, phantom.labels > 0).order == 0


@pytest.mark.parametrize(("noise", "bias"), [(3, 20), (9, 40)])
def test_finds_the_field_of_a_simulated_brain(brainweb, noise, bias):
    phantom = _simulated_brain(brainweb, noise, bias)
    brain = phantom.labels > 0
    ratio = np.log(estimated(phantom.data, brain).on_grid(brain.shape)[brain] / phantom.field[brain])
    assert ratio.std() < 0.02


@pytest.mark.parametrize("direction", [(0, 0, 0), (0, 0, 0.4)])
def test_finds_the_receive_field_of_a_coil_in_a_simulated_brain(brainweb, direction):
    phantom = _simulated_brain(brainweb, 3)
    brain = phantom.labels > 0
    log_field = _coil_field(brain.shape, direction)
    data = (phantom.data * np.exp(log_field)).astype(np.float32)
    found = np.log(estimated(data, brain).on_grid(brain.shape)[brain])
    assert (found - log_field[brain]).std() < 0.02


def test_white_matter_may_be_the_darkest():
    intensities = {1: 110.0, 2: 80.0, 3: 220.0}
    phantom = simulate(*folded_ball(), intensities=intensities, noise=3, bias=30)
    brain = phantom.labels > 0
    field = estimated(phantom.data, brain, white=0)
    assert np.log(field.on_grid(brain.shape)[brain] / phantom.field[brain]).std() < 0.03


def test_a_brain_of_a_few_voxels_has_no_field():
    mask = np.zeros((12, 12, 12), dtype=bool)
    mask[4:8, 4:8, 4:8] = True
    data = np.random.default_rng(0).normal(100, 20, mask.shape).astype(np.float32)
    assert estimated(data, mask).order == 0


@pytest.mark.parametrize("thickness", [1, 3, 16])
def test_white_matter_without_a_middle_has_no_field(thickness):
    """Hardly a voxel of white matter has white matter on all sides; a polynomial needs four planes."""
    mask = np.zeros((96, 96, 24), dtype=bool)
    mask[4:92, 4:92, 4 : 4 + thickness] = True
    levels = np.random.default_rng(0).choice([40, 100, 150], mask.shape)
    data = (levels + np.random.default_rng(1).normal(0, 4, mask.shape)).astype(np.float32)
    assert estimated(data, mask).order == 0


def test_finds_a_strong_field_along_one_axis(scans):
    """Bright below and dark above, white matter is told in the lower half only at first."""
    scan = load_volume(scan_of(scans, "xa30"))
    mask_file = scans / "truth" / "sub-xa30" / "sub-xa30_desc-brain_mask.nii.gz"
    brain = ndimage.binary_erosion(load_mask(mask_file, scan).mask)
    planes = np.flatnonzero(brain.any(axis=(0, 1)))
    ramp = np.interp(np.arange(brain.shape[2]), (planes[0], planes[-1]), (1, -1)).astype(np.float32)
    log_field = np.broadcast_to(ramp, brain.shape)[brain]
    data = scan.data * np.exp(ramp)
    plain = np.log(estimated(scan.data, brain, zooms=scan.zooms).on_grid(brain.shape)[brain])
    found = np.log(estimated(data, brain, zooms=scan.zooms).on_grid(brain.shape)[brain])
    assert (found - plain - log_field).std() < 0.12


@pytest.fixture(scope="module")
def shuffled_brain():
    """Places that tell the tissues of a folded ball, but not where they lie."""
    phantom = simulate(*folded_ball(), noise=5, bias=40, seed=4)
    brain = phantom.labels > 0
    white = phantom.labels[brain] == WM.index
    odds = np.where(white, 2.0, -2.0).astype(np.float32)
    return phantom, brain, places_of(odds, np.zeros_like(odds), np.array([45.0, 105.0, 150.0]))


def test_finds_the_field_with_a_mixture_by_place(shuffled_brain):
    phantom, brain, places = shuffled_brain
    field = FieldEstimator(brain, ZOOMS, 2, places).field(phantom.data, brain)
    assert np.log(field.on_grid(brain.shape)[brain] / phantom.field[brain]).std() < 0.02
    assert field.sd == pytest.approx(np.log(field.on_grid(brain.shape)[brain]).std(), rel=1e-3)


@pytest.mark.parametrize("by_place", [True, False])
def test_a_further_channel_has_a_field_of_its_own(shuffled_brain, by_place):
    phantom, brain, places = shuffled_brain
    t2 = {CSF.index: 220.0, GM.index: 120.0, WM.index: 85.0}
    other = simulate(*folded_ball(), intensities=t2, noise=5, bias=30, seed=9)
    scan = np.where(brain, phantom.data / np.where(brain, phantom.field, 1), 0).astype(np.float32)
    estimator = FieldEstimator(brain, ZOOMS, 2, places if by_place else None)
    field = estimator.field_beside(scan, other.data, brain)
    assert np.log(field.on_grid(brain.shape)[brain] / other.field[brain]).std() < 0.02


def test_voxels_without_a_signal_have_no_say(shuffled_brain):
    phantom, brain, _ = shuffled_brain
    hole = np.zeros_like(brain)
    hole[40:60, 40:60, 30:50] = True
    holed = np.where(hole, 0, phantom.data).astype(np.float32)
    field = FieldEstimator(brain, ZOOMS, 2).field(holed, brain & ~hole)
    plain = estimated(phantom.data, brain)
    ratio = field.on_grid(brain.shape)[brain] / plain.on_grid(brain.shape)[brain]
    assert np.log(ratio).std() < 0.01


@pytest.mark.parametrize("factor", [1e-3, 1e4])
def test_units_do_not_matter(shuffled_brain, factor):
    phantom, brain, places = shuffled_brain
    scaled = replace(places, levels=factor * places.levels)
    one = FieldEstimator(brain, ZOOMS, 2, places).field(phantom.data, brain)
    other = FieldEstimator(brain, ZOOMS, 2, scaled).field(np.float32(factor) * phantom.data, brain)
    np.testing.assert_allclose(other.coefficients, one.coefficients, atol=1e-3)


@pytest.mark.parametrize("by_place", [True, False])
def test_an_inverted_scan_has_the_field_of_the_scan(shuffled_brain, by_place):
    """The field multiplies the distance to the intensity of air, also where air is the brightest."""
    phantom, brain, places = shuffled_brain
    inverted = np.float32(phantom.data.max()) - phantom.data
    air = air_intensity(inverted, inverted[brain])
    mirrored = replace(places, levels=phantom.data.max() - places.levels).above(float(air))
    plain = FieldEstimator(brain, ZOOMS, 2, places if by_place else None).field(phantom.data, brain)
    turned = FieldEstimator(brain, ZOOMS, 0, mirrored if by_place else None).field(inverted - air, brain)
    np.testing.assert_allclose(
        turned.on_grid(brain.shape)[brain], plain.on_grid(brain.shape)[brain], rtol=0.01
    )


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_reflected_brain_has_the_reflected_field(shuffled_brain, axis):
    phantom, brain, _ = shuffled_brain
    plain = estimated(phantom.data, brain).on_grid(brain.shape)
    turned = estimated(np.flip(phantom.data, axis), np.flip(brain, axis)).on_grid(brain.shape)
    assert np.abs(np.log(np.flip(turned, axis)[brain] / plain[brain])).max() < 0.01


@dataclass(frozen=True)
class _OneTissue:
    """A tissue that explains this share of each voxel, and its log-likelihood."""

    share: float
    history: tuple[float, ...]
    component_means = np.array([[100.0]])
    component_variances = np.array([[25.0]])

    def inlier_responsibilities(self, intensities, number):
        del number
        return np.full((1, 1, len(intensities)), self.share)


@pytest.mark.parametrize(("likelihood", "sd"), [(0.0, 0.3), (-2e6, 0.0)])
def test_a_mixture_that_settled_is_started_anew_and_kept_if_it_fits_better(likelihood, sd):
    basis = np.sqrt(1000) * np.linalg.qr(np.random.default_rng(1).normal(size=(1000, 20)))[0]
    rows = 100 * np.exp(0.3 * basis[:, 1:2]).astype(np.float32)
    starts = [_OneTissue(0.0, (-1e6,)), *[_OneTissue(1.0, (likelihood,))] * 2]
    fresh = iter(starts)
    coefficients = _fitted(rows, basis, lambda _, before: before or next(fresh), slice(None))
    np.testing.assert_allclose(coefficients[0], sd * np.eye(20)[1], atol=0.01)
