from __future__ import annotations

import numpy as np
import pytest

from mriseg.cohort.constants import OUTLIER_LIMIT
from mriseg.cohort.outliers import COMPARED_FIGURES, deviations, deviations_within, measures, robust_scores
from mriseg.quality.figures import FIGURES


def test_scores_are_those_of_iglewicz_and_hoaglin():
    values = np.random.default_rng(0).normal(10, 2, 4001)
    scores = robust_scores(values)
    assert np.median(scores) == pytest.approx(0, abs=1e-12)
    assert np.median(np.abs(scores)) == pytest.approx(0.6745)
    assert scores.std() == pytest.approx(1, rel=0.03)


def test_scores_where_most_values_are_the_same():
    assert (robust_scores(np.full(9, 0.1) + np.arange(9) % 2 * 1e-17) == 0).all()
    scores = robust_scores(np.array([1.0] * 9 + [2.0]))
    assert scores[-1] > OUTLIER_LIMIT
    assert (scores[:-1] == 0).all()


def test_small_crowds_and_missing_figures_are_not_scored():
    assert deviations([{"a": float(k)} for k in range(7)]) == [[]] * 7
    found = deviations([{"a": float(k), **({"b": 1.0} if k else {})} for k in range(9)])
    assert [deviation.measure for deviation in found[0]] == ["a"]
    assert {deviation.measure for deviation in found[1]} == {"a", "b"}


def test_each_group_is_scored_on_its_own_and_a_scan_without_group_is_not():
    group, other = [{"a": float(k)} for k in range(9)], [{"a": 100.0 + k} for k in range(8)]
    names = ["x", "y"] * 8 + ["x", None, "z"]
    mixed = [(group if name == "x" else other).pop(0) for name in names[:-2]] + [{"a": 1.0}] * 2
    found = deviations_within(mixed, names)
    alone = deviations([scan for scan, name in zip(mixed, names, strict=True) if name == "x"])
    assert [scores for scores, name in zip(found, names, strict=True) if name == "x"] == alone
    assert alone[-1][0].score > 0
    assert found[-2:] == [[], []]


def test_scans_of_unlike_units_are_compared_by_ratios():
    figures = {
        "brain_mask_ml": 1500.0, "GM_ml": 700.0, "GM_fraction": 0.45, "flags": "dark", "similarity": 0.7,
        "bias_lowest": 0.8, "bias_highest": 1.2, "CSF_mean": 30.0, "GM_mean": 60.0, "WM_mean": 80.0,
    }  # fmt: skip
    found = measures(figures)
    assert found == pytest.approx(
        {
            "brain_mask_ml": 1500, "GM_fraction": 0.45, "CSF_mean / GM_mean": 0.5, "GM_mean / WM_mean": 0.75,
            "bias_highest / bias_lowest": 1.5, "similarity": 0.7,
        }
    )  # fmt: skip
    scaled = figures | {name: 1000 * value for name, value in figures.items() if name.endswith("_mean")}
    assert measures(scaled) == pytest.approx(found)
    assert measures({"similarity": None, "flags": ""}) == {}


def test_a_scan_of_poor_quality_is_out_of_line_though_its_volumes_are_not():
    """A blurred scan with a lesion among good ones stands out by them."""
    assert set(COMPARED_FIGURES) <= set(FIGURES)
    rng = np.random.default_rng(0)
    cohort = [
        {"GM_fraction": share, "fwhm_avg": width, "atypical_ml": ml, "agreement_gm": 0.8, "snr_csf": 3.0}
        for share, width, ml in zip(
            rng.normal(0.45, 0.02, 12), rng.normal(2.4, 0.1, 12), rng.uniform(0, 1, 12), strict=True
        )
    ]
    cohort[3] |= {"fwhm_avg": 4.5, "atypical_ml": 30.0}
    found = deviations([measures(scan) for scan in cohort])
    outlying = [{of.measure for of in scan if abs(of.score) > OUTLIER_LIMIT} for scan in found]
    assert outlying[3] == {"fwhm_avg", "atypical_ml"}
    assert not any(outlying[:3] + outlying[4:])
    assert found[3][0].measure in outlying[3]  # the score that scans are sorted by


def test_differences_that_mean_nothing_are_no_outliers():
    same = [{"agreement_gm": 0.8188, "atypical_ml": 0.1, "cjv": 0.5 + k / 1000} for k in range(10)]
    near = {"agreement_gm": 0.8141, "atypical_ml": 0.9, "cjv": 0.504}
    far = {"agreement_gm": 0.75, "atypical_ml": 30.0, "cjv": 0.504}
    *_, of_near, of_far = deviations([*same, near, far])
    assert all(abs(deviation.score) < OUTLIER_LIMIT for deviation in of_near)
    beyond = {deviation.measure for deviation in of_far if abs(deviation.score) > OUTLIER_LIMIT}
    assert beyond == {"agreement_gm", "atypical_ml"}
