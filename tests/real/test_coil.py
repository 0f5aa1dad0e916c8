"""Heads under strong receive fields: one with and without the scanner's normalisation, and a made field."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
from real_scans import scan_of, truth_of

import mriseg
from mriseg.labels.tissues import CSF, GM, WM


@pytest.fixture(scope="module")
def pair(scans):
    return [mriseg.segment(scans / "coil" / f"{name}_T1w.nii.gz") for name in ("raw", "normalised")]


def test_the_brain_is_that_of_the_normalised_twin(pair):
    raw, normalised = (result.mask for result in pair)
    assert 2 * np.count_nonzero(raw & normalised) > 0.985 * (
        np.count_nonzero(raw) + np.count_nonzero(normalised)
    )


def test_so_are_the_volumes_of_its_tissues(pair):
    raw, normalised = pair
    for tissue, most in ((GM, 0.05), (WM, 0.05), (CSF, 0.12)):
        ml = [result.volumes[tissue.abbreviation].ml for result in (raw, normalised)]
        assert ml[0] == pytest.approx(ml[1], rel=most)


def test_both_are_to_be_trusted(pair):
    assert [result.verdict for result in pair] == ["trust", "trust"]


def test_the_template_is_used_in_a_brain_under_a_field_that_hides_its_tissues(scans):
    scan = nib.load(scan_of(scans, "elder05"))
    brain = np.asarray(nib.load(truth_of(scans, "elder05", "desc-brain_mask")).dataobj) > 0
    truth = np.asarray(nib.load(truth_of(scans, "elder05")).dataobj)
    mm = np.arange(scan.shape[1]) * np.linalg.norm(scan.affine[:3, 1])
    shaded = np.where(brain, scan.get_fdata() * np.exp(mm / 100)[:, None], 0).astype(np.float32)
    result = mriseg.segment(nib.Nifti1Image(shaded, scan.affine))
    assert "template-not-used" not in [warning.code for warning in result.warnings]
    assert mriseg.evaluate(result.labels_image, nib.Nifti1Image(truth, scan.affine))["WM"].dice > 0.84
