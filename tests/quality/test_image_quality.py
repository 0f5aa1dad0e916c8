from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import nibabel as nib
import numpy as np
import pytest
from nibabel.orientations import apply_orientation, inv_ornt_aff
from real_scans import scan_of

import mriseg
from mriseg.quality.figures import FIGURES
from mriseg.quality.image_quality import ImageQuality
from mriseg.quality.view import ScanView

TISSUE_FIGURES = {
    name for name in FIGURES
    if name.startswith(("snr", "rpve", "fwhm", "correlation", "speckle", "asymmetry", "ghost_in"))
} | {"cnr", "cjv", "qi_2", "wm2max", "edge_sharpness", "gm_in_deep_wm", "wm_in_deep_gm"}  # fmt: skip
PAGE = Path(__file__).parents[2] / "docs" / "verdict.md"
ONE_BLOCK_ML = 0.065  # of 8 voxels; half of them decide whether it is unlike any tissue
TURNED = np.array([[2, -1], [0, 1], [1, -1]])  # an order of axes, two of them flipped


@pytest.fixture(scope="module")
def pumi(scans):
    """A whole head of 2 mm with air: data and affine."""
    image = nib.load(scan_of(scans, "pumi"))
    return np.asarray(image.dataobj), image.affine


def figures(data, affine, folder):
    nib.Nifti1Image(data, affine).to_filename(folder / "scan.nii")
    return mriseg.segment(folder / "scan.nii").quality.values


@pytest.fixture(scope="module")
def of_pumi(pumi, tmp_path_factory):
    return figures(*pumi, tmp_path_factory.mktemp("pumi"))


def test_empty_space_around_a_scan_changes_no_figure_of_the_tissues(scans, tmp_path):
    image = nib.load(scan_of(scans, "elder03"))
    data = np.asarray(image.dataobj)
    tight = figures(data, image.affine, tmp_path)
    wide = figures(np.pad(data, [(0, 0), (0, 0), (90, 90)]), image.affine, tmp_path)
    for name in ("snr_total", "cjv", "wm2max", "inu_range", "fwhm_avg", "rpve_gm", "edge_sharpness"):
        assert wide[name] == pytest.approx(tight[name], rel=0.02), name


def test_a_real_head_has_all_figures_in_their_usual_range(of_pumi):
    assert list(of_pumi) == list(FIGURES)
    assert all(isinstance(value, float) for value in of_pumi.values())
    assert [name for name, value in of_pumi.items() if not np.isfinite(value)] == []
    assert of_pumi["snr_csf"] < of_pumi["snr_gm"] < of_pumi["snr_wm"]
    assert of_pumi["snr_total"] == pytest.approx(np.mean([of_pumi[f"snr_{t}"] for t in ("csf", "gm", "wm")]))
    assert of_pumi["snrd_wm"] / of_pumi["snrd_gm"] == pytest.approx(1.43, abs=0.05)
    for name, low, high in (
        ("cjv", 0.2, 0.8), ("cnr", 2, 5), ("efc", 0.3, 0.8), ("qi_1", 0, 0.01), ("fwhm_avg", 1.5, 3.5),
        ("inu_med", 0.9, 1.1), ("rpve_gm", 0.5, 1), ("ghost_y", -0.02, 0.02), ("clipped_ceiling", 0, 0.01),
        ("ghost_in_brain_y", -0.03, 0.03),
        ("asymmetry_gm", -0.05, 0.05), ("atypical_ml", 0, 5), ("edge_sharpness", 0.2, 0.5),
    ):  # fmt: skip
        assert low <= of_pumi[name] <= high, name


@pytest.mark.parametrize(
    "change",
    [
        lambda data, affine: (0.001 * data.astype(np.float64) - 3, affine),
        lambda data, affine: (
            np.ascontiguousarray(apply_orientation(data, TURNED)),
            affine @ inv_ornt_aff(TURNED, data.shape),
        ),
        lambda data, affine: (data, affine * np.append(np.full(3, 1 + 1e-7), 1)[:, None]),
    ],
    ids=["unit, zero and type", "order of axes", "rounded zooms"],
)
def test_figures_do_not_depend_on_how_a_scan_is_stored(of_pumi, pumi, tmp_path, change):
    found = figures(*change(*pumi), tmp_path)
    for name, value in of_pumi.items():
        within = ONE_BLOCK_ML if name.endswith("_ml") else 1e-3
        assert found[name] == pytest.approx(value, rel=0.01, abs=within, nan_ok=True), name


def test_a_ghost_and_noise_are_seen_in_a_real_head(of_pumi, pumi, tmp_path):
    data, affine = pumi
    axis = nib.aff2axcodes(affine).index(next(c for c in nib.aff2axcodes(affine) if c in "AP"))
    ghostly = data + 0.1 * np.roll(data, data.shape[axis] // 2, axis)
    found = figures(ghostly.astype(np.float32), affine, tmp_path)
    assert found["ghost_y"] > of_pumi["ghost_y"] + 0.02
    assert found["smear_y"] < of_pumi["smear_y"] + 0.01  # a single ghost is no smear
    assert found["ghost_in_brain_y"] > of_pumi["ghost_in_brain_y"] + 0.01
    assert found["ghost_in_brain_x"] < of_pumi["ghost_in_brain_x"] + 0.01
    assert found["snrd_wm"] < of_pumi["snrd_wm"]


def test_a_lesion_is_left_out_of_the_figures_of_tissues_and_scattered_voxels_are_not():
    """Motion and noise make many small regions unlike any tissue, which are what the figures are for."""
    mask = np.ones((60, 60, 60), dtype=bool)
    volume = SimpleNamespace(canonical_affine=np.eye(4), zooms=np.ones(3))
    found = SimpleNamespace(tissue_mask=mask, volume=volume)
    atypicality = np.zeros(mask.shape, dtype=np.float32)
    atypicality[9:36, 9:36, 9:36] = 9
    atypicality[42::9, 42::9, 42::9] = atypicality[51:54, 51:54, 51:54] = 9
    view = ScanView(found, None, None, None, atypicality.ravel())
    left_out = ~view.typical
    assert left_out[9:36, 9:36, 9:36].all()
    assert not left_out[42:, 42:, 42:].any()
    assert 27**3 < left_out.sum() < 33**3


def test_the_sidecar_holds_figures_with_units_and_null_where_there_is_none(ball_result, tmp_path):
    *_, sidecar = ball_result.save(tmp_path, report=False)
    facts = json.loads(sidecar.read_text(), parse_constant=pytest.fail)["ImageQuality"]
    assert facts == ball_result.quality.recorded()
    assert list(facts["Values"]) == list(facts["Units"]) == list(FIGURES)
    assert facts["Values"]["ghost_x"] is None  # a stripped scan has no air
    assert facts["Values"]["snr_wm"] == pytest.approx(ball_result.quality["snr_wm"], rel=1e-4)
    assert facts["Units"]["fwhm_x"] == "mm"


def test_classes_that_are_no_tissues_have_the_other_figures(ball):
    found = mriseg.segment(ball, classes=2).quality
    assert np.isfinite(
        [found["efc"], found["clipped_floor"], found["histogram_rms"], found["inu_range"]]
    ).all()
    assert all(np.isnan(found[name]) for name in TISSUE_FIGURES)


def test_figures_are_the_same_every_time(ball):
    first, second = (mriseg.segment(ball).quality.recorded() for _ in range(2))
    assert first == second


def test_figures_are_recorded_to_five_digits():
    recorded = ImageQuality({"efc": 0.123456789, "cjv": np.nan, "fber": np.inf}).recorded()
    assert recorded["Values"] == {"efc": 0.12346, "cjv": None, "fber": None}


def test_the_page_lists_every_figure():
    rows = [row for row in PAGE.read_text(encoding="utf-8").splitlines() if row.startswith("| `")]
    assert rows == [
        f"| `{name}` | {of.description} | {of.unit} | {of.source} |" for name, of in FIGURES.items()
    ]
