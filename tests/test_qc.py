"""Warnings of wrong contrasts and incomplete brains; none for good runs."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
from real_scans import scan_of
from sweeps import mostly

import mriseg
from mriseg.brain.checks import mask_warnings
from mriseg.images.reading import load_mask, load_volume
from mriseg.labels.tissues import CSF, GM, WM
from mriseg.qc import QCWarning, do_not_trust, look_closely, verdict
from mriseg.quality.checks import plausibility_warnings
from mriseg.quality.depth_checks import depth_warnings


def _ball(*labels):
    """Shells from the middle outwards."""
    radius = np.linalg.norm(np.indices((60, 60, 60)) - 29.5, axis=0)
    return np.select([radius < 14, radius < 20, radius < 26], labels, 0).astype(np.uint8)


def test_white_matter_must_lie_deeper_than_grey():
    zooms = np.full(3, 2.5)
    assert depth_warnings(_ball(WM.index, GM.index, CSF.index), zooms) == []
    (doubt,) = depth_warnings(_ball(CSF.index, GM.index, WM.index), zooms)
    assert doubt.severity == "do not trust"
    assert "--contrast" in doubt.text
    assert depth_warnings(_ball(GM.index, GM.index, CSF.index), zooms) == []  # said by others: WM is empty


def test_a_share_far_from_usual_is_grave():
    centres, covariances = np.array([[30.0], [70], [100]]), np.full((3, 1, 1), 25.0)
    for shares, expected in (
        ((0.2, 0.4, 0.4), "trust"),
        ((0.05, 0.3, 0.65), "look closely"),
        ((0.05, 0.15, 0.8), "do not trust"),
    ):
        assert (
            verdict(plausibility_warnings((CSF, GM, WM), np.array(shares), centres, covariances, 0.0))
            == expected
        )


@pytest.mark.parametrize(
    ("axis", "words"), [(0, "left to right"), (1, "back to front"), (2, "bottom to top")]
)
@pytest.mark.parametrize("side", mostly(["low", "high"], "high"))
def test_half_a_brain_is_noticed(scans, axis, words, side):
    """Also of the largest brain, whose half holds as much as a small brain."""
    volume = load_volume(scans / "bids" / "sub-colin27" / "anat" / "sub-colin27_T1w.nii.gz")
    truth = scans / "truth" / "sub-colin27" / "sub-colin27_desc-brain_mask.nii.gz"
    mask = load_mask(truth, volume).mask
    assert mask_warnings(mask, volume) == ()
    middle = int(np.median(np.nonzero(mask)[axis]))
    index = np.indices(mask.shape, sparse=True)[axis]
    half = mask & (index < middle if side == "low" else index >= middle)
    (doubt, *_) = (doubt for doubt in mask_warnings(half, volume) if words in doubt.text)
    assert doubt.severity == "do not trust"


def test_a_wrong_contrast_is_noticed_and_the_right_one_is_not_blamed(scans, segmented):
    assert segmented("elder05").verdict == "trust"
    wrong = mriseg.segment(scan_of(scans, "elder05"), contrast="t2")
    assert wrong.verdict == "do not trust"
    assert any("--contrast" in warning.text for warning in wrong.warnings)


@pytest.mark.slow
def test_the_page_of_half_a_brain_warns_at_the_top(scans, browser, tmp_path):
    from browser import opened

    scan = scans / "bids" / "sub-elder02" / "anat" / "sub-elder02_T1w.nii.gz"
    truth = nib.load(scans / "truth" / "sub-elder02" / "sub-elder02_desc-brain_mask.nii.gz")
    mask = np.asarray(truth.dataobj) > 0
    mask[: mask.shape[0] // 2] = False
    half = tmp_path / "half.nii.gz"
    nib.Nifti1Image(mask.astype(np.uint8), truth.affine).to_filename(half)
    files = mriseg.segment(scan, mask=half).save(tmp_path / "out")
    with opened(browser, next(file for file in files if file.suffix == ".html").as_uri()) as page:
        box = page.locator(".verdict").bounding_box()
        assert page.inner_text(".verdict h2") == "Verdict: do not trust"
        assert "a part is missing" in page.inner_text(".verdict ul")
        assert box["y"] + box["height"] < 500


def test_a_warning_reads_as_its_text_and_comes_back_from_its_record():
    warning = look_closely("mask-border", "covers 80% of the brain")
    assert str(warning) == f"{warning}" == "covers 80% of the brain"
    assert warning.about("x.nii") == look_closely("mask-border", "x.nii covers 80% of the brain")
    assert QCWarning.from_record(warning.recorded()) == warning
    assert verdict([warning]) == "look closely"
    assert verdict([warning, do_not_trust("mask-volume", "12 mL"), warning]) == "do not trust"
