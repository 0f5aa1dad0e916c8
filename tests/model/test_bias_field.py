from __future__ import annotations

import numpy as np
import pytest
from real_scans import scan_of
from scipy import ndimage

from mriseg.evaluation.phantom import folded_ball, simulate
from mriseg.images.reading import load_mask, load_volume
from mriseg.model.bias_field import air_intensity, correct_bias, estimate_bias_field, unit_field

ZOOMS = np.array([1.5, 1.5, 1.5])


@pytest.mark.parametrize(("noise", "bias"), [(3, 20), (5, 40), (9, 40)])
@pytest.mark.parametrize("seed", [0, 1])
def test_finds_the_field_of_a_phantom(noise, bias, seed):
    phantom = simulate(*folded_ball(), noise=noise, bias=bias, seed=seed)
    brain = phantom.labels > 0
    field = estimate_bias_field(phantom.data, brain, ZOOMS, white=2)
    ratio = np.log(field.on_grid(brain.shape)[brain] / phantom.field[brain])
    assert ratio.std() < 0.03
    assert np.log(field.on_grid(brain.shape)[brain]).mean() == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("direction", [(0, 0, 0), (0.4, 0, 0), (0, -0.4, 0), (0, 0, 0.4)])
def test_finds_the_receive_field_of_a_coil(direction):
    """The rim of the brain is several times as bright as its middle."""
    phantom = simulate(*folded_ball(), noise=3, bias=0)
    brain = phantom.labels > 0
    axes = np.meshgrid(*(np.linspace(-1, 1, n) for n in brain.shape), indexing="ij")
    place = np.stack(axes, axis=-1)
    log_field = 1.8 * (place**2).sum(axis=-1) + place @ direction
    assert np.ptp(np.percentile(log_field[brain], (5, 95))) > np.log(2.5)
    data = (phantom.data * np.exp(log_field)).astype(np.float32)
    found = np.log(estimate_bias_field(data, brain, ZOOMS, white=2).on_grid(brain.shape)[brain])
    assert (found - log_field[brain]).std() < 0.05


def test_leaves_a_scan_without_a_field_alone():
    phantom = simulate(*folded_ball(), noise=3, bias=0)
    brain = phantom.labels > 0
    field = estimate_bias_field(phantom.data, brain, ZOOMS, white=2)
    assert np.log(field.on_grid(brain.shape)[brain]).std() < 0.005


def test_white_matter_may_be_the_darkest():
    intensities = {1: 110.0, 2: 80.0, 3: 220.0}
    phantom = simulate(*folded_ball(), intensities=intensities, noise=3, bias=30)
    brain = phantom.labels > 0
    field = estimate_bias_field(phantom.data, brain, ZOOMS, white=0)
    assert np.log(field.on_grid(brain.shape)[brain] / phantom.field[brain]).std() < 0.03


def test_an_inverted_scan_has_the_field_of_the_scan():
    """The field multiplies the distance to the intensity of air, also where air is the brightest."""
    phantom = simulate(*folded_ball(), noise=3, bias=40)
    brain = phantom.labels > 0
    inverted = np.float32(phantom.data.max()) - phantom.data
    corrected = []
    for data, white in ((phantom.data, 2), (inverted, 0)):
        air = air_intensity(data, data[brain])
        field = estimate_bias_field(data, brain, ZOOMS, white, float(air))
        corrected.append(correct_bias(data, air, field)[brain])
    plain, turned = corrected
    np.testing.assert_allclose(phantom.data.max() - turned, plain, rtol=1e-3, atol=0.2)


def test_outside_the_brain_the_field_keeps_its_range():
    phantom = simulate(*folded_ball(), noise=3, bias=40)
    field = estimate_bias_field(phantom.data, phantom.labels > 0, ZOOMS, white=2)
    everywhere = field.on_grid((200, 200, 200))
    assert everywhere.min() >= np.float32(field.low)
    assert everywhere.max() <= np.float32(field.high)


def test_no_field_is_one_everywhere():
    assert unit_field().order == 0
    np.testing.assert_array_equal(unit_field().on_grid((3, 4, 5)), np.ones((3, 4, 5), dtype=np.float32))


def test_a_brain_of_a_few_voxels_has_no_field():
    mask = np.zeros((12, 12, 12), dtype=bool)
    mask[4:8, 4:8, 4:8] = True
    data = np.random.default_rng(0).normal(100, 20, mask.shape).astype(np.float32)
    assert estimate_bias_field(data, mask, ZOOMS, white=2).order == 0


def test_an_estimate_that_runs_away_is_started_anew(scans):
    """Bright below and dark above, white matter is told in the lower half only."""
    scan = load_volume(scan_of(scans, "xa30"))
    mask_file = scans / "truth" / "sub-xa30" / "sub-xa30_desc-brain_mask.nii.gz"
    brain = ndimage.binary_erosion(load_mask(mask_file, scan).mask)
    planes = np.flatnonzero(brain.any(axis=(0, 1)))
    ramp = np.interp(np.arange(brain.shape[2]), (planes[0], planes[-1]), (1, -1)).astype(np.float32)
    log_field = np.broadcast_to(ramp, brain.shape)[brain]
    data = scan.data * np.exp(ramp)
    plain = np.log(estimate_bias_field(scan.data, brain, scan.zooms, white=2).on_grid(brain.shape)[brain])
    found = np.log(estimate_bias_field(data, brain, scan.zooms, white=2).on_grid(brain.shape)[brain])
    assert (found - plain - log_field).std() < 0.12
