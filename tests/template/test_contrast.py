from __future__ import annotations

from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
from heads import template_head, turned

import mriseg
from mriseg.quality.contrast_checks import contrast_warnings
from mriseg.template.contrast import TissueLevels, contrast_of, detect_contrast, tissue_levels
from mriseg.template.head import load_template
from mriseg.template.tissue_maps import register_template

# CSF, GM, WM.
LEVELS = {"t1": (30, 70, 100), "t2": (200, 80, 60), "flair": (15, 90, 70)}


def brain_of(contrast):
    """A stripped brain made of the template's tissues, and its mask."""
    template = load_template()
    head, mask = template_head((0.95, 0.9, 1.0))
    parts = zip(LEVELS[contrast], (template.csf, template.gm, template.wm), strict=True)
    clean = sum(level * part for level, part in parts)
    noise = np.random.default_rng(5).normal(0, 4, clean.shape)
    return replace(head, data=np.where(mask, np.maximum(clean + noise, 1), 0).astype(np.float32)), mask


@pytest.fixture(scope="module", params=list(LEVELS))
def brain(request):
    return request.param, *brain_of(request.param)


def test_a_stripped_brain_is_known_by_its_ventricles(brain):
    contrast, scan, _ = brain
    assert detect_contrast(scan)[0] == contrast


def test_a_brain_that_lies_askew_is_known_as_well(brain):
    contrast, scan, mask = brain
    askew = replace(scan, canonical_affine=turned(1, 20) @ scan.canonical_affine)
    assert detect_contrast(askew, mask)[0] == contrast


def test_levels_are_those_of_the_tissues_whatever_the_units(brain):
    contrast, scan, mask = brain
    levels = tissue_levels(scan, mask, register_template(scan, mask))
    order = np.argsort([levels.csf, levels.gm, levels.wm])
    np.testing.assert_array_equal(order, np.argsort(LEVELS[contrast]))
    scaled = replace(scan, data=scan.data * 1000)
    again = tissue_levels(scaled, mask, register_template(scaled, mask))
    np.testing.assert_allclose(list(vars(again).values()), list(vars(levels).values()), atol=1e-3)


def test_every_contrast_that_would_misname_tissues_is_doubted(brain):
    contrast, scan, mask = brain
    levels = tissue_levels(scan, mask, register_template(scan, mask))
    same_order = {"t1": {"t1"}, "t2": {"t2", "pd"}, "flair": {"flair", "t1-infant"}}[contrast]
    for said in ("t1", "t2", "pd", "flair", "t1-infant"):
        doubts = contrast_warnings(said, levels)
        assert bool(doubts) == (said not in same_order), said
        assert all((doubt.severity == "do not trust") for doubt in doubts)


@pytest.mark.parametrize(
    ("levels", "contrast"),
    [((0.5, 0.2, 0.8), None), ((0.2, 0.5, 0.5), "t1"), ((0.2, 0.22, 0.8), None), ((0.9, 0.88, 0.1), None)],
)
def test_what_is_not_clear_is_not_decided(levels, contrast):
    assert contrast_of(TissueLevels(*levels)) == contrast


def test_half_a_brain_says_nothing():
    scan, mask = brain_of("t2")
    mask[: mask.shape[0] // 2] = False
    assert tissue_levels(scan, mask, register_template(scan, mask)) is None
    contrast, _, warnings = detect_contrast(scan, mask)
    assert contrast == "t1"
    assert [(warning.code, warning.severity) for warning in warnings] == [
        ("contrast-unknown", "look closely")
    ]


def test_auto_segments_what_the_default_segments_and_says_what_it_does_not_know():
    scan, mask = brain_of("t1")
    half = replace(scan, data=np.where(np.arange(len(mask))[:, None, None] < len(mask) // 2, 0, scan.data))
    asked, default = (mriseg.segment(half, contrast=contrast) for contrast in ("auto", "t1"))
    np.testing.assert_array_equal(asked.labels, default.labels)
    added = [warning.code for warning in asked.warnings if warning not in default.warnings]
    assert added == ["contrast-unknown"]


def test_a_small_brain_that_looks_like_flair_is_an_infants():
    scan, mask = brain_of("flair")
    small = replace(scan, canonical_affine=np.diag([0.7, 0.7, 0.7, 1.0]) @ scan.canonical_affine)
    assert np.count_nonzero(mask) * small.voxel_ml < 950
    assert detect_contrast(small, mask)[0] == "t1-infant"


def test_auto_says_what_it_decided(run, tmp_path):
    scan, _ = brain_of("t2")
    nib.Nifti1Image(scan.data, scan.canonical_affine).to_filename(tmp_path / "a.nii.gz")
    decided = run("segment", tmp_path / "a.nii.gz", "--contrast", "auto", "--stripped", "--no-report")
    assert "\ncontrast    t2, detected\n" in decided.stdout


def test_auto_decides_names_and_the_name_of_the_file(tmp_path):
    scan, _ = brain_of("t2")
    asked, said = (mriseg.segment(scan, contrast=contrast, stripped=True) for contrast in ("auto", "t2"))
    assert asked.contrast == "t2"
    np.testing.assert_array_equal(asked.labels, said.labels)
    assert asked.settings["Contrast"] == "auto"
    asked.save(tmp_path, report=False)
    assert (tmp_path / "made_desc-preproc_T2w.nii.gz").exists()
