from __future__ import annotations

import json

import numpy as np
import pytest
from cohorts import balls, small_ball

from mriseg.cohort.job import Job, run_job
from mriseg.cohort.prior import make_prior, worth
from mriseg.cohort.record import Record
from mriseg.errors import CohortError, MixtureError, OutputError, PriorError
from mriseg.model.cohort_prior import CohortPrior, fit_with_cohort_prior, normalised_shares, read_cohort_prior
from mriseg.model.partial_volume_em import fit_partial_volume
from mriseg.options import SegmentOptions
from mriseg.pipeline import segment

MEANS, SD, WEIGHTS = np.array([30.0, 70.0, 100.0]), 8.0, np.array([0.2, 0.45, 0.35])


def histogram(voxels, seed, weights=WEIGHTS, scale=1.0):
    """Intensities of a brain of three tissues, and how often each occurs."""
    generator = np.random.default_rng(seed)
    drawn = generator.normal(MEANS[generator.choice(3, voxels, p=weights)], SD) * scale
    return np.unique(drawn.round(1), return_counts=True)


@pytest.fixture(scope="module")
def prior():
    shares = np.mean([normalised_shares(*histogram(20000, seed), 100.0) for seed in range(5)], axis=0)
    return CohortPrior("t1", 5, 3000.0, shares)


def test_small_pieces_become_steadier_and_right(prior):
    # A piece in which one tissue is all but absent, in other units than the cohort's.
    pieces = [histogram(300, seed, np.array([0.03, 0.57, 0.4]), scale=7.0) for seed in range(20, 32)]
    alone = np.array([fit_partial_volume(*piece).means for piece in pieces]) / 7
    steady = np.array([fit_with_cohort_prior(*piece, prior).means for piece in pieces]) / 7
    assert np.abs(steady - MEANS).max() < 4
    assert np.abs(steady - MEANS).mean() < 0.5 * np.abs(alone - MEANS).mean()


def test_a_whole_brain_speaks_for_itself(prior):
    values, counts = histogram(300_000, 9)
    darker = values * 1.0 - 10 * (np.abs(values - 70) < 20)  # GM elsewhere than in the cohort
    order = np.argsort(darker, kind="stable")
    own = fit_partial_volume(darker[order], counts[order])
    assert fit_with_cohort_prior(darker[order], counts[order], prior).means == pytest.approx(
        own.means, abs=0.5
    )


def test_a_prior_is_worth_more_the_more_alike_its_scans():
    def cohort(apart):
        grey = 70 + apart * np.linspace(-1, 1, 9)
        return [Record("", "", "", figures={"GM_mean": g, "WM_mean": 100.0, "GM_sd": 8.0}) for g in grey]

    assert worth(cohort(2.0)) > 20 * worth(cohort(10.0)) > 0
    assert worth(cohort(0.0)) == 5000


def test_a_prior_comes_back_from_its_file(prior, tmp_path):
    prior.write(tmp_path / "prior.json")
    again = read_cohort_prior(tmp_path / "prior.json")
    assert (again.contrast, again.scans, again.voxels) == ("t1", 5, 3000)
    assert again.shares == pytest.approx(prior.shares, abs=1e-9)


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"Shares": [1, 2], "Contrast": "t1", "Scans": 1, "Voxels": 5}']
)
def test_another_file_is_no_prior(tmp_path, content):
    (tmp_path / "prior.json").write_text(content)
    with pytest.raises(PriorError, match="is no prior of mriseg cohort-prior"):
        read_cohort_prior(tmp_path / "prior.json")


@pytest.mark.parametrize(
    "change",
    [
        {"Scans": 0},
        {"Scans": -3},
        {"Voxels": 2e9},
        {"Voxels": -1},
        {"Voxels": 10**400},
        {"Shares": [10**400] * 750},
    ],
)
def test_a_prior_with_implausible_figures_is_refused(prior, tmp_path, change):
    path = tmp_path / "prior.json"
    prior.write(path)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(PriorError, match="is no prior of mriseg cohort-prior"):
        read_cohort_prior(path)


def test_a_prior_that_is_not_there_is_said_to_be_missing(tmp_path):
    with pytest.raises(PriorError, match=r"gone.json: cannot be read \(No such file.*\); check its name"):
        read_cohort_prior(tmp_path / "gone.json")


def test_from_a_cohort_to_a_scan(tmp_path):
    quick = {"bias": False, "spatial": False, "priors": False}
    for scan in balls(tmp_path / "scans", 4):
        run_job(Job(scan, scan.name[:2], SegmentOptions(**quick), report=False), tmp_path / "out")
    file = tmp_path / "prior.json"
    with pytest.raises(CohortError, match="has 4 scans of three tissues"):
        make_prior(tmp_path / "out", file)
    fifth = small_ball(tmp_path / "s4.nii.gz", 4)
    run_job(Job(fifth, "s4", SegmentOptions(**quick), report=False), tmp_path / "out")
    assert make_prior(tmp_path / "out", file).scans == 5
    with pytest.raises(OutputError, match="exists already"):
        make_prior(tmp_path / "out", file)
    scan = small_ball(tmp_path / "new.nii.gz", 9)
    result = segment(scan, cohort_prior=file, **quick)
    assert result.settings["CohortPrior"] == "prior.json"
    result.save(tmp_path / "new")
    mixture = json.loads(next((tmp_path / "new").glob("*_dseg.json")).read_text(encoding="utf-8"))["Mixture"]
    assert mixture["Start"].startswith("the mixture of the cohort")
    assert "voxels of the cohort" in mixture["Trace"]
    assert result.model.means == pytest.approx(segment(scan, **quick).model.means, abs=3)
    job = Job(scan, "new", SegmentOptions(cohort_prior=file, **quick), report=False)
    assert run_job(job, tmp_path / "out").fresh
    content = json.loads(file.read_text()) | {"Voxels": 1.0}
    file.write_text(json.dumps(content))
    assert run_job(job, tmp_path / "out").fresh  # with another prior it is not done
    with pytest.raises(PriorError, match="is of t1 scans and this one is t2"):
        segment(scan, cohort_prior=file, contrast="t2")
    for unsuited in ({"classes": 4}, {"covariance": "V"}, {"channels": [fifth]}):
        with pytest.raises(MixtureError, match="for the three tissues of one channel") as caught:
            segment(scan, cohort_prior=file, **unsuited, **quick)
        assert str(file) in str(caught.value)
    with pytest.raises(ValueError, match="give it as the warm start"):
        segment(scan, cohort_prior=file, fix_means=True, **quick)
    with pytest.raises(ValueError, match="give that instead of auto"):
        segment(scan, cohort_prior=file, classes="auto")
