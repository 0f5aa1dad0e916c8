"""Lesions that are known take no part in the fit; those that are not stand out in the atypicality map."""

from __future__ import annotations

import csv
import hashlib
import json

import nibabel as nib
import numpy as np
import pytest

import mriseg
from mriseg.cli.segment import _summary
from mriseg.errors import MaskError
from mriseg.labels.lookup_tables import FORMATS
from mriseg.labels.tissues import LESION
from mriseg.results.segmentation import sidecar_without_files

VOXEL_ML = 0.036
INTENSITIES = {"bright": 180.0, "dark": 40.0, "grey": 70.0}


def _sphere(centre, radius):
    """Voxels of the ball's grid within a radius of a point, mm."""
    grid = np.moveaxis(np.indices((48, 56, 40)), 0, -1) * (3.0, 3.0, 4.0)
    return np.linalg.norm(grid - np.array(centre), axis=-1) < radius


LESIONS = _sphere((85.0, 82.0, 78.0), 13.0)  # in the ball's white matter


def _written(path, data, affine):
    nib.Nifti1Image(data, affine).to_filename(path)
    return path


@pytest.fixture
def write(tmp_path, ball_affine):
    """Write an array on the ball's grid."""
    return lambda name, data: _written(tmp_path / name, data.astype(np.int16), ball_affine)


@pytest.fixture(scope="module")
def known(tmp_path_factory, ball_data, ball_affine):
    """The ball with a bright lesion, segmented with its mask."""
    scan, mask = _lesioned(tmp_path_factory.mktemp("lesions"), ball_data, ball_affine, "bright")
    return mriseg.segment(scan, lesion_mask=mask)


def _lesioned(folder, ball_data, ball_affine, kind):
    data = ball_data.copy()
    noise = np.random.default_rng(5).normal(0, 6, np.count_nonzero(LESIONS))
    data[LESIONS] = np.rint(INTENSITIES[kind] + noise)
    mask = _written(folder / "lesions.nii.gz", LESIONS.astype(np.uint8), ball_affine)
    return _written(folder / "sub-ball_T1w.nii.gz", data, ball_affine), mask


def test_lesions_have_their_label_and_no_tissue(known):
    np.testing.assert_array_equal(known.labels == 7, LESIONS)
    stack = np.stack(list(known.posteriors.values()))
    assert list(known.posteriors) == ["GM", "WM", "CSF"]
    assert not stack[:, LESIONS].any()
    np.testing.assert_allclose(stack.sum(axis=0)[known.mask & ~LESIONS], 1, atol=1e-5)
    assert not known.atypicality[LESIONS].any()
    assert [tissue.index for tissue in known.tissues] == [1, 2, 3, 7]


@pytest.mark.parametrize("kind", ["bright", "dark"])
def test_tissues_are_those_of_the_ball_without_lesions(tmp_path, ball_data, ball_affine, ball_result, kind):
    scan, mask = _lesioned(tmp_path, ball_data, ball_affine, kind)
    known = mriseg.segment(scan, lesion_mask=mask)
    np.testing.assert_allclose(known.model.means, ball_result.model.means, atol=1)
    np.testing.assert_allclose(known.model.sds, ball_result.model.sds, atol=0.2)
    elsewhere = ball_result.mask & ~LESIONS
    assert (known.labels == ball_result.labels)[elsewhere].mean() > 0.999
    np.testing.assert_array_equal(known.mask, ball_result.mask)


def test_volumes_have_a_row_for_lesions_and_sum_to_the_brain(known):
    found, ml = known.volumes["L"], np.count_nonzero(LESIONS) * VOXEL_ML
    assert (found.ml, found.label_ml) == (pytest.approx(ml, rel=1e-6), pytest.approx(ml, rel=1e-6))
    assert found.fraction == pytest.approx(LESIONS.sum() / known.mask.sum())
    inside = (known.volume.data if known.corrected is None else known.corrected)[LESIONS]
    assert (found.mean, found.sd) == (
        pytest.approx(inside.mean(), rel=1e-5),
        pytest.approx(inside.std(), rel=1e-3),
    )
    assert sum(v.ml for v in known.volumes.values()) == pytest.approx(known.brain_mask_ml, rel=1e-5)
    assert sum(v.fraction for v in known.volumes.values()) == pytest.approx(1)


def test_a_bright_lesion_that_is_not_known_moves_the_volumes_and_a_known_one_does_not(
    tmp_path, ball_data, ball_affine, ball_result
):
    scan, mask = _lesioned(tmp_path, ball_data, ball_affine, "grey")
    quick = {"priors": False, "bias": False}
    unknown, known = mriseg.segment(scan, **quick), mriseg.segment(scan, lesion_mask=mask, **quick)
    ml = np.count_nonzero(LESIONS) * VOXEL_ML
    plain = ball_result.volumes["GM"].ml
    assert unknown.volumes["GM"].ml - plain > 0.8 * ml
    assert known.volumes["GM"].ml == pytest.approx(plain, abs=0.05 * ml)


@pytest.fixture(scope="module")
def saved(known, tmp_path_factory):
    """What was written of it, and its result."""
    folder = tmp_path_factory.mktemp("saved")
    known.save(folder, luts=FORMATS)
    return folder, known


def _rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def test_tables_and_look_up_tables_have_label_seven(saved):
    folder, result = saved
    last = _rows(folder / "sub-ball_dseg.tsv")[-1]
    assert (last["index"], last["abbreviation"], last["mapping"]) == ("7", "L", "7")
    assert (last["name"], last["color"]) == (LESION.name, LESION.color)
    (row,) = _rows(folder / "sub-ball_volumes.tsv")
    assert float(row["L_ml"]) == pytest.approx(result.volumes["L"].ml, abs=1e-3)
    assert float(row["L_label_ml"]) == pytest.approx(result.volumes["L"].label_ml, abs=1e-3)
    tables = {path.name.partition("_lut-")[2]: path for path in folder.glob("*_lut-*")}
    for name in ("itksnap.txt", "fsleyes.lut", "slicer.ctbl", "freesurfer.txt"):
        lines = tables.pop(name).read_text().splitlines()
        assert lines[-1].split()[0] == "7", name
        assert "Lesions" in lines[-1], name
    colormap = json.loads(tables.pop("niivue.json").read_text())
    assert (colormap["I"][-1], colormap["labels"][-1]) == (7, "Lesions")
    assert not tables


def test_sidecar_page_and_image_know_the_lesions(saved):
    folder, result = saved
    facts = json.loads((folder / "sub-ball_dseg.json").read_text())
    mask = result.volume.path.with_name("lesions.nii.gz")
    assert facts["Settings"]["LesionMask"] == "lesions.nii.gz"
    assert facts["Settings"]["LesionMaskSHA256"] == hashlib.sha256(mask.read_bytes()).hexdigest()
    assert facts["Classes"]["L"]["Label"] == 7
    assert list(facts["Classes"]) == ["GM", "WM", "CSF", "L"]
    assert len(facts["Mixture"]["Means"]) == 3
    assert ">Lesions<" in (folder / "sub-ball_report.html").read_text(encoding="utf-8")
    labels = np.asarray(nib.load(folder / "sub-ball_dseg.nii.gz").dataobj)
    np.testing.assert_array_equal(labels == 7, LESIONS)
    assert not list(folder.glob("*label-L_*"))


def test_a_lesion_outside_the_brain_joins_the_brain_mask(ball, ball_labels, ball_result, write):
    outside = _sphere((10.0, 82.0, 78.0), 8.0) & (ball_labels == 0)
    assert outside.any()
    result = mriseg.segment(ball, lesion_mask=write("lesions.nii", outside))
    np.testing.assert_array_equal(result.mask, ball_result.mask | outside)
    np.testing.assert_array_equal(result.labels == 7, outside)
    np.testing.assert_allclose(result.model.means, ball_result.model.means, atol=1e-6)
    added = np.count_nonzero(outside) * VOXEL_ML
    assert result.brain_mask_ml == pytest.approx(ball_result.brain_mask_ml + added)
    assert result.volumes["L"].ml == pytest.approx(added)


def test_an_empty_lesion_mask_changes_nothing_but_the_settings(ball, ball_labels, ball_result, write):
    result = mriseg.segment(ball, lesion_mask=write("none.nii", np.zeros_like(ball_labels)))
    found, plain = sidecar_without_files(result), sidecar_without_files(ball_result)
    changed = {key for key, value in found["Settings"].items() if value != plain["Settings"][key]}
    assert changed == {"LesionMask", "LesionMaskSHA256"}
    assert found | {"Settings": None} == plain | {"Settings": None}
    np.testing.assert_array_equal(result.labels, ball_result.labels)
    np.testing.assert_array_equal(result.atypicality, ball_result.atypicality)
    for name, posterior in result.posteriors.items():
        np.testing.assert_array_equal(posterior, ball_result.posteriors[name])


def test_any_number_but_zero_marks_a_lesion(known, write):
    numbered = np.where(LESIONS, 1 + np.indices(LESIONS.shape)[0] % 3, 0)
    result = mriseg.segment(known.volume, lesion_mask=write("numbered.nii", numbered))
    np.testing.assert_array_equal(result.labels, known.labels)


def test_a_lesion_mask_may_be_stored_in_another_orientation(known, tmp_path, ball_affine):
    image = nib.Nifti1Image(LESIONS.astype(np.uint8), ball_affine)
    scan = nib.load(known.volume.path)
    turned = [nib.as_closest_canonical(each) for each in (scan, image)]
    paths = [tmp_path / "sub-ball_T1w.nii", tmp_path / "lesions.nii"]
    for each, path in zip(turned, paths, strict=True):
        each.to_filename(path)
    result = mriseg.segment(paths[0], lesion_mask=paths[1])
    np.testing.assert_array_equal(
        result.volume.to_canonical(result.labels), known.volume.to_canonical(known.labels)
    )


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("another shape", "the mask is not on the grid of sub-ball_T1w.nii.gz"),
        ("another place", "beside the grid of sub-ball_T1w.nii.gz"),
        ("everything", "fills the whole volume; give one that marks only lesions"),
        ("the whole brain", "leaves nothing of the brain in sub-ball_T1w.nii.gz"),
    ],
)
def test_a_lesion_mask_that_cannot_be_is_one_line(run, ball, ball_labels, ball_affine, tmp_path, wrong, says):
    path, mask, affine = tmp_path / "lesions.nii", LESIONS, ball_affine.copy()
    if wrong == "another shape":
        mask = mask[:-1]
    elif wrong == "another place":
        affine[:3, 3] += 10
    else:
        mask = np.ones_like(mask) if wrong == "everything" else ball_labels > 0
    _written(path, mask.astype(np.uint8), affine)
    with pytest.raises(MaskError) as caught:
        mriseg.segment(ball, lesion_mask=path)
    assert says in str(caught.value)
    done = run("segment", ball, "--lesion-mask", path)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"mriseg: error: {path}: ")
    assert says in line


@pytest.mark.parametrize("left", [1, 3, 20])
def test_next_to_no_brain_left_is_no_traceback(ball, ball_labels, write, left):
    lesions = ball_labels > 0
    lesions[tuple(np.argwhere(lesions)[:: lesions.sum() // left][:left].T)] = False
    said = _verdict_or_error(ball, write("lesions.nii", lesions))
    assert said == "do not trust" or said.startswith(f"{ball}: ")
    assert len(said.splitlines()) == 1


def _verdict_or_error(scan, mask):
    try:
        return mriseg.segment(scan, lesion_mask=mask, bias=False).verdict
    except mriseg.MrisegError as error:
        return str(error)


@pytest.mark.parametrize("classes", [7, 8, 10])
def test_lesions_and_a_class_cannot_share_a_label(run, ball, write, classes):
    mask = write("lesions.nii", LESIONS)
    with pytest.raises(ValueError, match="lesions have the label 7"):
        mriseg.segment(ball, lesion_mask=mask, classes=classes)
    assert run("segment", ball, "--lesion-mask", mask, "--classes", classes).returncode == 2


def test_lesions_go_with_other_numbers_of_classes(ball, write):
    result = mriseg.segment(ball, lesion_mask=write("lesions.nii", LESIONS), classes=6, bias=False)
    assert [tissue.index for tissue in result.tissues] == [1, 2, 3, 4, 5, 6, 7]
    np.testing.assert_array_equal(result.labels == 7, LESIONS)


def test_a_bright_sphere_that_is_not_known_is_atypical(tmp_path, ball_data, ball_affine):
    scan, _ = _lesioned(tmp_path, ball_data, ball_affine, "bright")
    result = mriseg.segment(scan)
    elsewhere = result.mask & ~LESIONS
    # (180 - 100) / 6 is 13; noise takes up to three of it.
    assert result.atypicality[LESIONS].min() > 9
    assert np.median(result.atypicality[LESIONS]) == pytest.approx(13.5, abs=1.5)
    assert (result.atypicality[elsewhere] < 4).mean() > 0.99
    assert not result.atypicality[~result.mask].any()
    assert 7 not in result.labels


def test_atypicality_does_not_depend_on_units_or_on_regularisation(tmp_path, ball_data, ball_affine):
    scan, _ = _lesioned(tmp_path, ball_data, ball_affine, "bright")
    plain = mriseg.segment(scan, priors=False)
    data = np.asarray(nib.load(scan).dataobj, dtype=np.float32)
    scaled = mriseg.segment(
        _written(tmp_path / "scaled.nii", 1000 * data, ball_affine), spatial=False, priors=False
    )
    np.testing.assert_allclose(scaled.atypicality, plain.atypicality, atol=0.05)


def test_lesions_are_named_so_on_the_terminal_and_in_a_notebook(known):
    (line,) = (line for line in _summary(known) if line.startswith("lesions "))
    assert line.split()[1:3] == [f"{known.volumes['L'].ml:.0f}", "mL"]
    assert '<th scope="row">lesions</th>' in known._repr_html_()


def test_lesions_that_are_edited_away_are_whole_tissue(known, tmp_path):
    """Their posteriors are 0: all of them is added to the tissue, and nothing is taken from another."""
    known.save(tmp_path / "out", report=False)
    labels = known.labels.copy()
    labels[LESIONS] = 2
    edit = mriseg.update(tmp_path / "out", known.volume.image_of(labels, "label"))
    assert edit.voxels == LESIONS.sum()
    classes = json.loads((tmp_path / "out" / "sub-ball_dseg.json").read_text())["Classes"]
    assert classes["L"]["ml"] == classes["L"]["label_ml"] == edit.after["L"] == 0
    gained = classes["WM"]["ml"] - known.volumes["WM"].ml
    assert gained == pytest.approx(known.volumes["L"].ml, rel=1e-9)
    assert classes["GM"]["ml"] == pytest.approx(known.volumes["GM"].ml, rel=1e-12)
    assert classes["L"]["mean"] == known.volumes["L"].mean
