from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from heads import brain_of, dice, template_head, volume_of
from real_scans import HEADS, scan_of
from scipy import ndimage
from sweeps import mostly

from mriseg.brain.mask import MaskMethod
from mriseg.images.background_noise import background_noise_sd, local_noise_sd, without_background_noise
from mriseg.images.constants import MIN_NOISE_SD
from mriseg.images.reading import load_volume
from mriseg.template.contrast import detect_contrast

RANDOM = np.random.default_rng(0)


def uniform(shape):
    return RANDOM.uniform(0, 1, shape)


def ratio(shape):
    """The ratio of MP2RAGE where both of its images are noise, from 0 to 1."""
    a, b, c, d = RANDOM.normal(size=(4, *shape))
    return (a * c + b * d) / (a * a + b * b + c * c + d * d) + 0.5


def clipped(shape):
    return np.clip(RANDOM.normal(0.5, 0.4, shape), 0, 1)


NOISES = {"uniform": uniform, "ratio": ratio, "clipped": clipped}


@lru_cache
def noisy_head(noise=ratio, *, skull=True, level=0.02):
    """A head as MP2RAGE shows it, from 0 to 1; the same without noise around it; where there is no signal."""
    head, brain = template_head()
    data = np.clip(head.data / np.percentile(head.data, 99.5), 0, 1)
    bright = data > 0.12
    signal = bright | ndimage.binary_dilation(brain)
    if not skull:
        signal = ndimage.binary_fill_holes(ndimage.binary_closing(signal, iterations=3)) | signal
    data = np.clip(data + RANDOM.normal(0, level, data.shape), 0, 1)
    silent = np.where(signal, data, noise(data.shape))
    return replace(head, data=silent.astype(np.float32)), replace(head, data=data.astype(np.float32)), ~signal


@pytest.mark.parametrize("noise", NOISES.values(), ids=NOISES)
@pytest.mark.parametrize("zooms", [(1, 1, 1), (2, 2, 2), (0.7, 1, 3)], ids=str)
def test_noise_of_the_full_range_is_told_from_signal(noise, zooms):
    """Half of a box is noise, half a smooth field with a step of the full range across it."""
    shape = tuple(int(60 / zoom) for zoom in zooms)
    x, y, z = np.meshgrid(*(np.arange(n) * zoom for n, zoom in zip(shape, zooms, strict=True)), indexing="ij")
    signal = 0.5 + 0.45 * np.sign(y + z - 60) + RANDOM.normal(0, 0.03, shape)
    silent = x < 30
    sd = local_noise_sd(np.where(silent, noise(shape), signal).astype(np.float32), np.array(zooms))
    assert np.mean(sd[x < 25] > MIN_NOISE_SD) > 0.93
    assert not (sd[x > 36] > MIN_NOISE_SD).any()


@pytest.mark.parametrize("noise", mostly(NOISES.values(), ratio), ids=NOISES)
def test_noise_around_a_head_leaves_its_mask(noise):
    silent, plain, _ = noisy_head(noise)
    found, expected = brain_of(silent), brain_of(plain)
    assert background_noise_sd(silent) is not None
    assert found.method is MaskMethod.SURFACE
    assert not found.warnings
    assert dice(found.mask, expected.mask) > 0.97


@pytest.mark.parametrize(("factor", "offset"), [(1.0, -0.5), (4095.0, 0.0), (1e-9, 3e-9), (1e9, -1e9)])
def test_it_does_not_depend_on_units_and_zero(factor, offset):
    silent, _, _ = noisy_head()
    changed = replace(silent, data=(factor * silent.data.astype(np.float64) + offset).astype(np.float32))
    quiet, other = without_background_noise(silent), without_background_noise(changed)
    expected = factor * quiet.data.astype(np.float64) + offset
    assert np.mean(np.abs(other.data - expected) < 1e-4 * factor) > 0.9999


def test_the_brain_keeps_its_intensities_and_the_air_gets_one():
    silent, _, noise = noisy_head(skull=False)
    _, brain = template_head()
    quiet = without_background_noise(silent).data
    assert np.mean(quiet[brain] == silent.data[brain]) > 0.999
    inner = ndimage.binary_erosion(noise, iterations=2)
    assert np.mean(quiet[inner] == np.median(quiet[inner])) > 0.95
    assert np.median(quiet[inner]) < 0.05


def test_the_contrast_of_a_head_in_noise_is_detected():
    assert detect_contrast(noisy_head()[0]).contrast == "t1"


def test_a_box_of_noise_leaves_the_mask():
    """As where a face was removed by noise, which is brighter than the head on average."""
    head, _ = template_head()
    expected, boxed = brain_of(head).mask, head.data.copy()
    box = np.zeros(head.data.shape, dtype=bool)
    box[:, 70:, :40] = True
    box &= ~ndimage.binary_dilation(expected, iterations=3)
    boxed[box] = uniform(int(box.sum())) * np.percentile(head.data, 99)
    assert dice(brain_of(replace(head, data=boxed)).mask, expected) > 0.97


@pytest.mark.parametrize("level", [0.0, 0.05, 0.15])
def test_scans_with_dark_air_are_left_alone(level):
    """Also where Rician noise is strong, or nothing but one value."""
    head, _ = template_head()
    real, imaginary = RANDOM.normal(0, level * np.percentile(head.data, 95), (2, *head.data.shape))
    scan = replace(head, data=np.hypot(head.data + real, imaginary).astype(np.float32))
    assert without_background_noise(scan) is scan


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 50, 3), (40, 1, 40)])
def test_scans_of_few_planes_have_no_noise_around_a_head(shape):
    assert background_noise_sd(volume_of(uniform(shape), np.diag([1.0, 1.0, 5.0, 1.0]))) is None


@pytest.mark.parametrize("name", mostly(HEADS, "elder05", "ms04"))
def test_real_scans_with_dark_air_are_left_alone(scans, name):
    scan = load_volume(scan_of(scans, name))
    assert without_background_noise(scan) is scan


@pytest.mark.slow
@pytest.mark.parametrize("name", ["elder05", "pumi", "ms04"])
def test_real_heads_in_noise_give_the_mask_of_the_plain_scan(scans, name):
    scan = load_volume(scan_of(scans, name))
    data = np.clip(scan.data / np.percentile(scan.data, 99.5), 0, 1)
    plain = brain_of(scan).mask
    signal = (data > 0.12) | ndimage.binary_dilation(plain)
    silent = replace(scan, data=np.where(signal, data, ratio(data.shape)).astype(np.float32))
    found = brain_of(silent)
    assert [warning.code for warning in found.warnings] == ["noise-near-brain"]  # in the skull
    assert dice(found.mask, plain) > 0.97


@pytest.mark.parametrize("order", [1, 3])
def test_noise_is_told_after_interpolation(order):
    silent, plain, _ = noisy_head()
    spacing = 2.0 / silent.zooms[0]
    coarse, expected = (_resampled(volume, spacing, order) for volume in (silent, plain))
    assert background_noise_sd(coarse) is not None
    assert background_noise_sd(expected) is None
    assert dice(brain_of(coarse).mask, brain_of(expected).mask) > 0.97


def _resampled(volume, factor, order):
    """Return a volume on voxels a factor larger, with phases that drift over the scan."""
    data = ndimage.zoom(volume.data, 1 / factor, order=order)
    steps = (np.array(volume.data.shape) - 1) / (np.array(data.shape) - 1)
    return replace(volume, data=data, canonical_affine=volume.canonical_affine @ np.diag([*steps, 1]))
