from __future__ import annotations

from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
from heads import moved, template_head, turned

import mriseg
from mriseg.template.head import load_template
from mriseg.template.registration import register_brain, resample_to_scan
from mriseg.template.tissue_maps import TissuePrior, apply_tissue_prior, register_template, tissue_prior

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


def prior_of(log_odds):
    return TissuePrior(log_odds, np.zeros_like(log_odds), np.array([30.0, 70, 100]), 0.5, fits=True)


def at_mni(volume, x, y, z):
    """The voxel at a place in mm."""
    return tuple(np.rint(np.linalg.inv(volume.affine) @ [x, y, z, 1])[:3].astype(int))


def on_grid(prior, mask):
    volume = np.zeros(mask.shape, dtype=np.float32)
    volume[mask] = prior.log_odds
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
    log_odds = on_grid(prior, mask)
    assert log_odds[at_mni(scan, 26, -20, 30)] > 3  # centrum semiovale
    assert log_odds[at_mni(scan, -26, -20, 30)] > 3
    assert log_odds[at_mni(scan, 40, 4, 0)] < -1  # insula
    assert 0.1 < (np.abs(prior.log_odds) < 0.01).mean() < 0.9


@pytest.mark.parametrize(
    ("csf", "grey", "white"), [(2, 1, 0), (0, 1, 2), (0, 2, 1)], ids=["t2", "t1", "flair"]
)
def test_the_prior_shares_out_what_is_not_csf(csf, grey, white):
    posteriors = np.random.default_rng(0).dirichlet(np.ones(3), 500).astype(np.float32)
    prior = prior_of(np.linspace(-8, 8, 500, dtype=np.float32))
    after = apply_tissue_prior(posteriors, prior, grey, white)
    np.testing.assert_allclose(after.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(after[:, csf], posteriors[:, csf])
    odds = (after[:, white] / after[:, grey]) / (posteriors[:, white] / posteriors[:, grey])
    np.testing.assert_allclose(np.log(odds[100:400]), prior.log_odds[100:400], atol=1e-3)


def test_certain_voxels_stay_certain():
    posteriors = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1]], dtype=np.float32)
    prior = TissuePrior(np.array([8, 8, -8], dtype=np.float32), 0.5, fits=True)
    np.testing.assert_array_equal(apply_tissue_prior(posteriors, prior, 1, 2), posteriors)


def test_what_is_no_whole_brain_is_left_to_its_intensities(brain):
    scan, mask = brain
    half = mask.copy()
    half[: mask.shape[0] // 2] = False
    lower = mask.copy()
    lower[:, :, mask.shape[2] // 2 :] = False
    tiny = np.zeros_like(mask)
    tiny[40:44, 50:54, 40:44] = True
    for volume, part in ((scan, half), (scan, lower), (scan, tiny)):
        prior = asked(volume, part)
        assert not prior.fits
        posteriors = np.full((np.count_nonzero(part), 3), 1 / 3, dtype=np.float32)
        np.testing.assert_array_equal(apply_tissue_prior(posteriors, prior, 1, 2), posteriors)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_header_that_turns_the_brain_over_does_no_harm(brain, axis):
    scan, mask = brain
    over = replace(scan, data=np.flip(scan.data, axis))
    prior, turned_over = asked(scan, mask), asked(over, np.flip(mask, axis))
    assert turned_over.fits
    back = np.flip(on_grid(turned_over, np.flip(mask, axis)), axis)[mask]
    assert np.corrcoef(back, prior.log_odds)[0, 1] > 0.97


def test_dim_white_matter_stays_white(brain, tmp_path):
    scan, _ = brain
    data = scan.data.copy()
    x, y, z = at_mni(scan, 26, -20, 30)
    lesion = np.s_[x - 2 : x + 3, y - 4 : y + 5, z - 2 : z + 3]
    data[lesion] -= LEVELS["WM"] - LEVELS["GM"] - 3
    path = tmp_path / "dim_T1w.nii.gz"
    nib.save(nib.Nifti1Image(data, scan.affine), path)
    informed, alone = (mriseg.segment(path, stripped=True, priors=priors) for priors in (True, False))
    assert (alone.labels[lesion] == 1).mean() > 0.6
    assert (informed.labels[lesion] == 2).mean() > 0.9
    assert informed.prior.fits
    assert alone.prior is None
