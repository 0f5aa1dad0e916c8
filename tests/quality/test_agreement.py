"""Predicted agreement: bounds that rise with damage, reasons in words, and real scans that are damaged."""

from __future__ import annotations

import json
from importlib.resources import files

import numpy as np
import pytest
from real_scans import scan_of
from scipy import ndimage

import mriseg
from mriseg.images.reading import load_volume
from mriseg.images.volume import new_volume
from mriseg.quality.agreement import TERMS, agreement_warnings, predicted_agreement, predicted_loss
from mriseg.quality.constants import MAX_LOSS, MAX_TRUSTED_LOSS
from mriseg.quality.figures import FIGURES

LEARNED = json.loads((files("mriseg") / "assets" / "agreement.json").read_text())
# Of an undamaged head of old age.
GOOD = {
    "fwhm_avg": 2.4,
    "cjv": 0.6,
    "jaggedness_z": 1.02,
    "smear_y": 0.005,
    "ghost_in_brain_y": -0.005,
    "clipped_ceiling": 0.001,
}
DAMAGED = {
    "blur": {"fwhm_avg": 7.0},
    "noise": {"cjv": 1.6},
    "motion": {"smear_y": 0.3},
    "slices": {"jaggedness_z": 2.5},
    "ghosts": {"ghost_in_brain_y": 0.3},
    "saturation": {"clipped_ceiling": 0.4},
}


def judged(values: dict[str, float]) -> list:
    return agreement_warnings(values | predicted_agreement(values))


def test_a_good_scan_is_trusted_and_loses_no_more_than_the_base():
    assert predicted_loss(GOOD) == LEARNED["Base"]
    assert judged(GOOD) == []


@pytest.mark.parametrize("name", DAMAGED)
def test_damage_is_named_with_its_figure_and_the_usual_one(name):
    values = GOOD | DAMAGED[name]
    assert max(predicted_loss(values).values()) > MAX_TRUSTED_LOSS
    (warning,) = judged(values)
    worst = max(predicted_loss(values).values())
    assert warning.severity == ("do not trust" if worst > MAX_LOSS else "look closely")
    assert warning.code == "agreement-low"
    assert TERMS[name].words.split("{")[0] in warning.text
    assert "usually" in warning.text


def test_many_slight_faults_are_named_by_the_first():
    slight = {
        "fwhm_avg": 2.85,
        "cjv": 0.8,
        "smear_y": 0.034,
        "clipped_ceiling": 0.02,
    }
    assert max(predicted_loss(slight).values()) > MAX_TRUSTED_LOSS
    (warning,) = judged(slight)
    assert "usually" in warning.text.split(";")[0]


@pytest.mark.parametrize("name", TERMS)
def test_the_bound_never_falls_with_damage(name):
    term = TERMS[name]
    figures = np.geomspace(1e-3, 1e2, 30)
    figures = figures[::-1] if term.falls else figures
    for tissue in ("GM", "WM"):
        lost = [predicted_loss(GOOD | dict.fromkeys(term.figures, figure))[tissue] for figure in figures]
        assert (np.diff(lost) >= 0).all()


def test_figures_that_are_missing_cost_nothing():
    assert predicted_loss({}) == LEARNED["Base"]
    assert predicted_loss(dict.fromkeys(FIGURES, np.nan)) == LEARNED["Base"]


def test_where_no_air_shows_motion_that_is_said():
    unseen = GOOD | dict.fromkeys(TERMS["motion"].figures, np.nan)
    [found] = judged(unseen)
    assert (found.code, found.severity) == ("motion-not-judged", "note")
    assert not judged(unseen | {"smear_y": 0.005})


def test_nothing_is_said_where_nothing_is_predicted():
    assert agreement_warnings(dict.fromkeys(FIGURES, np.nan)) == []


def test_an_agreement_lies_between_0_and_1():
    worst = {"fwhm_avg": 1e6, "cjv": 1e3, "smear_x": 1e6, "clipped_ceiling": 1.0}
    assert set(predicted_agreement(worst).values()) == {0.0}
    assert all(0 < agreement < 1 for agreement in predicted_agreement(GOOD).values())


@pytest.mark.parametrize("damage", ["none", "blur", "motion"])
def test_a_damaged_head_is_not_trusted(scans, tmp_path, damage):
    scan = load_volume(scan_of(scans, "elder02"))
    data = scan.data
    if damage == "blur":
        data = ndimage.gaussian_filter(data, 2.5 / scan.zooms)
    if damage == "motion":
        turned = ndimage.rotate(data, 8, axes=(0, 1), reshape=False, order=1)
        k, moved = np.fft.fftn(data), np.fft.fftn(ndimage.shift(turned, (0, 3, 2), order=1))
        k[:, data.shape[1] // 3 :] = moved[:, data.shape[1] // 3 :]
        data = np.abs(np.fft.ifftn(k)).astype(np.float32)
    result = mriseg.segment(new_volume(data, scan.canonical_affine, tmp_path / "damaged_T1w.nii.gz"))
    assert (result.verdict == "trust") == (damage == "none")
    assert ("agreement-low" in {warning.code for warning in result.warnings}) == (damage != "none")
