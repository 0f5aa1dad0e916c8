from __future__ import annotations

from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
from heads import moved, template_head, turned

import mriseg
from mriseg.template.head import load_template
from mriseg.template.registration import register_brain, resample_to_scan
from mriseg.template.tissue_maps import (
    _deep_grey,
    _white_share,
    register_template,
    tissue_prior,
)

LEVELS = {"CSF": 30.0, "GM": 70.0, "WM": 100.0}


@pytest.fixture(scope="module")
def template():
    return load_template()


@pytest.fixture(scope="module")
def brain(template):
    """A stripped brain made of the template's tissues, noise of sd 8, and its mask."""
    head, mask = template_head()
    clean = LEVELS["CSF"] * template.csf + LEVELS["GM"] * template.gm + LEVELS["WM"] * template.wm
    noise = np.random.default_rng(2).normal(0, 8, clean.shape)
    data = np.where(mask, np.maximum(clean + noise, 1), 0).astype(np.float32)
    return replace(head, data=data), mask


def asked(volume, mask):
    return tissue_prior(volume, mask, register_template(volume, mask))


def at_mni(affine, x, y, z):
    """The voxel at a place in mm."""
    return tuple(np.rint(np.linalg.inv(affine) @ [x, y, z, 1])[:3].astype(int))


def on_grid(column, mask):
    volume = np.zeros(mask.shape, dtype=np.float32)
    volume[mask] = column
    return volume


@pytest.mark.parametrize("levels", [(30, 70, 100), (200, 60, 40)], ids=["t1", "t2"])
def test_a_brain_is_found_by_its_mask_in_any_contrast(template, levels):
    head, mask = template_head((0.9, 0.95, 0.85))
    parts = zip(levels, (template.csf, template.gm, template.wm), strict=True)
    head.data[:] = sum(level * part for level, part in parts)
    scan, placed = moved(head, mask, turned(0, 15), (2.0, 2.0, 3.0), (130, 130, 90))
    registration = register_brain(scan, placed, template)
    white = resample_to_scan(template.wm, template, registration, scan)[placed]
    straight = moved(replace(head, data=template.wm), mask, turned(0, 15), (2.0, 2.0, 3.0), (130, 130, 90))[0]
    assert np.corrcoef(white, straight.data[placed])[0, 1] > 0.97


def test_the_template_speaks_for_deep_tissue_and_is_silent_elsewhere(brain):
    scan, mask = brain
    prior = asked(scan, mask)
    assert prior.fits
    log_odds, deep_grey = on_grid(prior.log_odds, mask), on_grid(prior.deep_grey, mask)
    assert log_odds[at_mni(scan.canonical_affine, 26, -20, 30)] > 3  # centrum semiovale
    assert log_odds[at_mni(scan.canonical_affine, -26, -20, 30)] > 3
    assert log_odds[at_mni(scan.canonical_affine, 40, 4, 0)] < -1  # insula
    assert deep_grey[at_mni(scan.canonical_affine, 40, 4, 0)] == 0
    for side in (-1, 1):
        assert deep_grey[at_mni(scan.canonical_affine, 12 * side, -18, 8)] > 0.9  # thalamus
        assert deep_grey[at_mni(scan.canonical_affine, 27 * side, 2, 2)] > 0.8  # putamen
    assert log_odds[at_mni(scan.canonical_affine, 0, -26, -32)] > 3  # pons
    assert 0.2 < (np.abs(prior.log_odds) < 0.5).mean() < 0.9
    assert ((prior.deep_grey >= 0) & (prior.deep_grey <= 1)).all()
    np.testing.assert_allclose(prior.levels, list(LEVELS.values()), atol=5)


@pytest.mark.parametrize(
    ("place", "share"),
    [
        pytest.param((12, -18, 8), 0.9, id="thalamus"),
        pytest.param((13, 12, 10), 0.8, id="caudate"),
        pytest.param((27, 2, 2), 0.9, id="putamen"),
        pytest.param((19, -3, 0), 0.8, id="pallidum"),
    ],
)
def test_deep_nuclei_are_deep_grey_matter_on_both_sides(template, place, share):
    x, y, z = place
    deep = _deep_grey(template)
    assert min(deep[at_mni(template.affine, side * x, y, z)] for side in (-1, 1)) > share


@pytest.mark.parametrize(
    ("place", "low", "high"),
    [
        pytest.param((0, -26, -32), 0.95, 1.0, id="pons"),
        pytest.param((0, -38, -52), 0.95, 1.0, id="medulla"),
        pytest.param((26, -20, 30), 0.95, 1.0, id="centrum semiovale"),
        pytest.param((40, 4, 0), 0.0, 0.05, id="insula"),
        pytest.param((22, -4, -18), 0.0, 0.1, id="amygdala"),
        pytest.param((12, -18, 8), 0.4, 0.6, id="thalamus, of which the deep share tells"),
    ],
)
def test_white_matter_and_cortex_are_told_apart_where_they_are_certain(template, place, low, high):
    assert low <= _white_share(template)[at_mni(template.affine, *place)] <= high


def test_outside_the_brain_the_maps_are_flat(template):
    outside = template.distance >= 0
    assert (_white_share(template)[outside] == 0.5).all()
    assert (_deep_grey(template)[template.distance > 6] == 0).all()
    # Deep grey matter is small: no more than 5 % of the brain.
    assert 0.01 < _deep_grey(template)[~outside].mean() < 0.05


def test_without_a_registration_the_prior_is_flat(brain):
    scan, mask = brain
    prior = tissue_prior(scan, mask, None)
    assert not prior.fits
    assert prior.log_odds.shape == prior.deep_grey.shape == (np.count_nonzero(mask),)
    assert not prior.log_odds.any()
    assert not prior.deep_grey.any()


def test_what_is_no_whole_brain_is_left_to_its_intensities(brain):
    scan, mask = brain
    half = mask.copy()
    half[: mask.shape[0] // 2] = False
    lower = mask.copy()
    lower[:, :, mask.shape[2] // 2 :] = False
    tiny = np.zeros_like(mask)
    tiny[40:44, 50:54, 40:44] = True
    for volume, part in ((scan, half), (scan, lower), (scan, tiny)):
        assert not asked(volume, part).fits


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_header_that_turns_the_brain_over_does_no_harm(brain, axis):
    scan, mask = brain
    over = replace(scan, data=np.flip(scan.data, axis))
    prior, turned_over = asked(scan, mask), asked(over, np.flip(mask, axis))
    assert turned_over.fits
    back = np.flip(on_grid(turned_over.log_odds, np.flip(mask, axis)), axis)[mask]
    assert np.corrcoef(back, prior.log_odds)[0, 1] > 0.97


def test_dim_white_matter_stays_white(brain, tmp_path):
    scan, _ = brain
    data = scan.data.copy()
    x, y, z = at_mni(scan.canonical_affine, 26, -20, 30)
    lesion = np.s_[x - 2 : x + 3, y - 4 : y + 5, z - 2 : z + 3]
    data[lesion] -= LEVELS["WM"] - LEVELS["GM"] - 3
    path = tmp_path / "dim_T1w.nii.gz"
    nib.save(nib.Nifti1Image(data, scan.canonical_affine), path)
    informed, alone = (mriseg.segment(path, stripped=True, priors=priors) for priors in (True, False))
    assert (alone.labels[lesion] == 1).mean() > 0.6
    assert (informed.labels[lesion] == 2).mean() > 0.8
    assert informed.prior.fits
    assert alone.prior is None
