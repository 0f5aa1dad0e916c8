"""Lesions of white matter that are found: label 7 with `lesions="own"`, WM without."""

from __future__ import annotations

import json

import numpy as np
import pytest
from heads import dice, template_brain

import mriseg
from mriseg.images.writing import save_array
from mriseg.labels.contrasts import CONTRASTS
from mriseg.results.segmentation import sidecar_without_files

GM_LEVEL = CONTRASTS["t1"].phantom_intensities[1]
PLACES = ((-26, -20, 32), (26, -24, 30), (28, -40, 26))  # in the midst of white matter
T1 = [(place, 5.0, 0.9 * GM_LEVEL) for place in PLACES]
FLAIR = [(place, 5.0, 140.0) for place in PLACES]


def _flair(folder, regions=()):
    volume, _ = template_brain("flair", regions, seed=1)
    return save_as(folder / "sub-made_FLAIR.nii.gz", volume)


def save_as(path, volume):
    save_array(volume.data, volume, path)
    return path


@pytest.fixture(scope="module")
def diseased(tmp_path_factory):
    """Segment a brain with lesions, with the channels and options given; and where they lie."""
    flair = _flair(tmp_path_factory.mktemp("lesions"), FLAIR)
    volume, truth = template_brain("t1", T1)
    options = {"stripped": True, "bias": False, "channels": [flair]}
    found = {kind: mriseg.segment(volume, lesions=kind, **options) for kind in ("wm", "own")}
    return found["wm"], found["own"], truth


def test_lesions_have_a_label_and_a_volume_of_their_own(diseased):
    _, own, truth = diseased
    lesions = own.labels == 7
    assert dice(lesions, truth) > 0.85
    assert own.volumes["L"].ml == pytest.approx(lesions.sum() * own.volume.voxel_ml)
    assert sum(volume.ml for volume in own.volumes.values()) == pytest.approx(own.brain_mask_ml, rel=1e-5)
    shares = np.sum(list(own.posteriors.values()), axis=0)
    assert not shares[lesions].any()
    np.testing.assert_allclose(shares[own.mask & ~lesions], 1, atol=1e-5)
    facts = sidecar_without_files(own)
    assert (facts["Settings"]["Lesions"], facts["Classes"]["L"]["Label"]) == ("own", 7)


def test_otherwise_they_are_of_the_tissues_and_stand_out(diseased):
    plain, own, truth = diseased
    lesions = own.labels == 7
    assert set(np.unique(plain.labels)) == {0, 1, 2, 3}
    assert (plain.atypicality[truth] > 3).mean() > 0.9
    assert "L" not in plain.volumes
    np.testing.assert_array_equal(plain.labels[~lesions], own.labels[~lesions])
    np.testing.assert_array_equal(plain.model.centres, own.model.centres)


def test_the_report_names_the_method(diseased, tmp_path):
    _, own, _ = diseased
    own.save(tmp_path)
    page = (tmp_path / "made_report.html").read_text(encoding="utf-8")
    assert "Lesions of white matter were found" in page
    assert "Van Leemput K" in page
    assert json.loads((tmp_path / "made_dseg.json").read_text())["Classes"]["L"]["label_ml"] > 1


def test_a_healthy_brain_has_none(tmp_path):
    volume, _ = template_brain("t1")
    options = {"stripped": True, "bias": False, "lesions": "own"}
    for channels in ([], [_flair(tmp_path)]):
        assert not (mriseg.segment(volume, channels=channels, **options).labels == 7).any()


def test_t1_alone_finds_the_dark_ones():
    volume, truth = template_brain("t1", T1)
    found = mriseg.segment(volume, stripped=True, bias=False, lesions="own")
    assert dice(found.labels == 7, truth) > 0.7


def test_where_the_template_has_no_say_none_are_sought(ball, ball_result):
    result = mriseg.segment(ball, lesions="own")
    (warning,) = [warning for warning in result.warnings if warning.code == "lesions-not-sought"]
    assert warning.severity == "look closely"
    np.testing.assert_array_equal(result.labels, ball_result.labels)


def test_the_command_line_takes_them(run, ball):
    done = run("segment", ball, "--lesions", "own", "--no-report")
    assert done.returncode == 0
    assert done.stderr.count("no lesions were sought") == 1
    assert run("segment", ball, "--lesions", "seven").returncode == 2
