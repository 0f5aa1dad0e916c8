"""Results written again from labels that were edited by hand, on the ball of tests/conftest.py."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

import mriseg
from mriseg.cohort.job import Job, is_done
from mriseg.errors import ImageError, OptionError, OutputError
from mriseg.labels.tissues import CSF
from mriseg.options import SegmentOptions
from mriseg.report.viewer import gather_layers
from mriseg.results.reading import read_labels

STEM = "sub-ball"
VOXEL_ML = 0.036  # of 3 x 3 x 4 mm
# Written, and as before where the edit leaves the brain and the tissues that there are.
SAME_BYTES = {f"{STEM}_dseg.tsv", f"{STEM}_desc-brain_mask.nii.gz"}


@pytest.fixture
def folder(ball_folder, tmp_path):
    return Path(shutil.copytree(ball_folder, tmp_path / "out"))


def image(folder, ending="dseg"):
    return nib.load(folder / f"{STEM}_{ending}.nii.gz")


def array(folder, ending="dseg"):
    return np.asarray(image(folder, ending).dataobj)


def facts(folder):
    return json.loads((folder / f"{STEM}_dseg.json").read_text())


def volumes(folder):
    with (folder / f"{STEM}_volumes.tsv").open(newline="") as file:
        (row,) = csv.DictReader(file, delimiter="\t")
    return row


def edited(folder, change, name="edited.nii.gz", dtype=np.int16):
    """Write the labels of a result after a change of their array, as another program stores them."""
    labels = array(folder).astype(dtype)
    change(labels)
    path = folder.parent / name
    nib.Nifti1Image(labels, image(folder).affine).to_filename(path)
    return path


def gm_to_wm(labels):
    """Relabel GM in one half as WM, and return where."""
    where = labels == 1
    where[:, :, 20:] = False
    labels[where] = 2
    return where


def contents(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def test_volumes_follow_the_edit_and_posteriors_elsewhere(folder):
    before, gm = volumes(folder), array(folder, "label-GM_probseg")
    wm, csf = array(folder, "label-WM_probseg"), array(folder, "label-CSF_probseg")
    where = gm_to_wm(array(folder))
    edit = mriseg.update(folder, edited(folder, gm_to_wm))
    count = int(where.sum())
    assert count > 1000
    assert edit.voxels == count
    after = volumes(folder)
    expected = {
        "GM": gm[~where].sum(dtype=float),
        "WM": wm[~where].sum(dtype=float) + count,
        "CSF": csf[~where].sum(dtype=float),
    }
    for tissue, voxels in expected.items():
        assert float(after[f"{tissue}_ml"]) == pytest.approx(voxels * VOXEL_ML, abs=2e-3)
        assert edit.before[tissue] == pytest.approx(float(before[f"{tissue}_label_ml"]), abs=1e-3)
        assert edit.after[tissue] == pytest.approx(float(after[f"{tissue}_label_ml"]), abs=1e-3)
        assert after[f"{tissue}_mean"] == before[f"{tissue}_mean"]
    assert edit.after["GM"] - edit.before["GM"] == pytest.approx(-count * VOXEL_ML)
    assert edit.after["CSF"] == edit.before["CSF"]
    assert after["brain_mask_ml"] == before["brain_mask_ml"]
    assert sum(float(after[f"{tissue}_fraction"]) for tissue in expected) == pytest.approx(1, abs=1e-5)


def test_files_are_those_of_the_edit_and_the_rest_stays(folder):
    untouched = ("probseg", "atypicality", "preproc")
    before, labels = contents(folder), array(folder)
    edit = mriseg.update(folder, edited(folder, gm_to_wm))
    after = contents(folder)
    assert {name for name in before if after[name] == before[name]} == {
        name for name in before if any(part in name for part in untouched)
    } | SAME_BYTES
    gm_to_wm(labels)
    np.testing.assert_array_equal(array(folder), labels)
    assert array(folder).dtype == np.uint8
    assert image(folder).header.get_intent()[0] == "label"
    assert after[f"{STEM}_desc-unedited_dseg.nii.gz"] == before[f"{STEM}_dseg.nii.gz"]
    assert after[f"{STEM}_desc-unedited_report.html"] == before[f"{STEM}_report.html"]
    assert set(after) - set(before) == {
        f"{STEM}_desc-unedited_dseg.nii.gz",
        f"{STEM}_desc-unedited_report.html",
    }
    assert edit.files[-1] == folder / f"{STEM}_dseg.json"
    changed = {name for name in after if after[name] != before.get(name)}
    assert {path.name for path in edit.files} == changed | SAME_BYTES
    assert set(facts(folder)["Files"]) == set(after)


def test_the_sidecar_says_what_was_edited_from_which_file(folder):
    before, path = facts(folder), edited(folder, gm_to_wm)
    edit = mriseg.update(folder, path)
    known = facts(folder)
    assert known["Edited"]["File"] == "edited.nii.gz"
    assert known["Edited"]["SHA256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert known["Edited"]["Voxels"] == edit.voxels
    assert known["Edited"]["LabelML"]["WM"] == {"Before": edit.before["WM"], "After": edit.after["WM"]}
    assert known["Edited"]["Unedited"] == f"{STEM}_desc-unedited_dseg.nii.gz"
    assert "posteriors" in known["Edited"]["AsBefore"]
    assert "edited by hand" in known["Description"]
    assert known["Verdict"] == before["Verdict"]
    assert [of["Code"] for of in known["Warnings"]] == [
        *(of["Code"] for of in before["Warnings"]),
        "labels-edited",
    ]
    for name in ("Mixture", "Settings", "SourcesSHA256", "ImageQuality", "LabelOrder"):
        assert known[name] == before[name]


def test_edits_of_edits_count_from_the_start_and_can_be_taken_back(folder):
    before = contents(folder), volumes(folder)
    mriseg.update(folder, edited(folder, gm_to_wm))
    once = volumes(folder)

    def csf_to_gm(labels):
        labels[labels == 3] = 1

    edit = mriseg.update(folder, edited(folder, csf_to_gm, "twice.nii.gz"))
    labels = array(folder, "desc-unedited_dseg")
    assert edit.voxels == int((array(folder) != labels).sum())
    assert edit.voxels > int((labels == 3).sum())
    assert edit.after["CSF"] == 0
    assert float(volumes(folder)["CSF_ml"]) < 0.2 * float(once["CSF_ml"])
    assert [of["Code"] for of in facts(folder)["Warnings"]].count("labels-edited") == 1
    back = mriseg.update(folder, folder / f"{STEM}_desc-unedited_dseg.nii.gz")
    assert back.voxels == 0
    assert volumes(folder) == before[1]
    assert "labels-edited" not in [of["Code"] for of in facts(folder)["Warnings"]]
    assert "edited" not in facts(folder)["Description"]
    after = contents(folder)
    for ending in (
        "dseg.nii.gz", "desc-brain_mask.nii.gz", "desc-brain_mask.json", "dseg.tsv", "report.html",
    ):  # fmt: skip
        assert after[f"{STEM}_{ending}"] == before[0][f"{STEM}_{ending}"]


def test_the_mask_follows_labels_that_are_erased_or_added(folder):
    def erase_and_add(labels):
        labels[labels == 3] = 0
        labels[0, 0, 0] = 1

    mriseg.update(folder, edited(folder, erase_and_add))
    np.testing.assert_array_equal(array(folder, "desc-brain_mask"), array(folder) > 0)
    count = int((array(folder) > 0).sum())
    assert facts(folder)["BrainMask"]["VolumeML"] == pytest.approx(count * VOXEL_ML)
    assert float(volumes(folder)["brain_mask_ml"]) == pytest.approx(count * VOXEL_ML, abs=1e-3)


def test_lesions_can_be_drawn_where_there_were_none(folder):
    def draw_lesion(labels):
        where = labels == 2
        where[:, :, :20] = False
        labels[where] = 7

    lesion = array(folder) == 2
    lesion[:, :, :20] = False
    edit = mriseg.update(folder, edited(folder, draw_lesion, dtype=np.float32))
    assert edit.before["L"] == 0
    assert edit.after["L"] == pytest.approx(lesion.sum() * VOXEL_ML)
    of = facts(folder)["Classes"]["L"]
    assert of["Label"] == 7
    assert of["ml"] == of["label_ml"] == pytest.approx(edit.after["L"])
    assert of["mean"] == pytest.approx(array(folder, "desc-preproc_T1w")[lesion].mean(), rel=1e-5)
    assert (folder / f"{STEM}_dseg.tsv").read_text().splitlines()[-1].startswith("7\tLesions\tL\t")
    assert mriseg.compare(folder, folder).tissues["L"].dice == 1
    assert ">Lesions<" in (folder / f"{STEM}_report.html").read_text(encoding="utf-8")


def test_labels_in_memory_are_taken_like_those_in_a_file(folder):
    labels = array(folder).astype(np.int16)
    where = gm_to_wm(labels)
    edit = mriseg.update(str(folder), nib.Nifti1Image(labels, image(folder).affine))
    assert edit.voxels == where.sum()
    np.testing.assert_array_equal(array(folder), labels)
    assert len(facts(folder)["Edited"]["SHA256"]) == 64


def test_another_order_of_labels_is_kept(ball_result, tmp_path):
    folder = tmp_path / "out"
    ball_result.save(folder, label_order="fast", luts=["itksnap"], report=False)

    def gm_to_wm_of_fast(labels):
        labels[labels == 2] = 3

    before = read_labels(folder).label_ml(CSF)
    assert before > 0
    mriseg.update(folder, edited(folder, gm_to_wm_of_fast))
    assert set(np.unique(array(folder))) == {0, 1, 3}
    assert facts(folder)["Classes"]["GM"]["label_ml"] == 0
    assert facts(folder)["Classes"]["CSF"]["Label"] == 1
    assert image(folder).header["intent_name"].item() == b"1CSF 2GM 3WM"
    assert '"Gray Matter"' in (folder / f"{STEM}_dseg_lut-itksnap.txt").read_text()
    assert not (folder / f"{STEM}_report.html").exists()
    assert read_labels(folder).label_ml(CSF) == pytest.approx(before)


@pytest.mark.parametrize(("own", "other"), [("bids", "fast"), ("fast", "bids")])
def test_labels_that_say_another_order_are_numbered_anew(ball_result, tmp_path, own, other):
    for order in (own, other):
        ball_result.save(tmp_path / order, label_order=order, report=False)
    source = tmp_path / other / f"{STEM}_dseg.nii.gz"
    assert mriseg.update(tmp_path / own, source).voxels == 0  # by the table beside it
    copy = shutil.copy(source, tmp_path / "other.nii.gz")
    # Without its table the header tells it, which says nothing of the order of BIDS.
    assert (mriseg.update(tmp_path / own, copy).voxels == 0) == (other == "fast")


def test_a_header_of_another_order_whose_labels_were_changed_is_refused(ball_result, tmp_path):
    for order in ("bids", "fast"):
        ball_result.save(tmp_path / order, label_order=order, report=False)
    labels, header = array(tmp_path / "fast"), image(tmp_path / "fast").header
    where = labels == 2
    labels[where] = 3
    path = tmp_path / "kept_header.nii.gz"
    nib.Nifti1Image(labels, None, header).to_filename(path)
    with pytest.raises(ImageError, match="its header says 1CSF 2GM 3WM"):
        mriseg.update(tmp_path / "bids", path)
    assert mriseg.update(tmp_path / "fast", path).voxels == where.sum()


def test_the_report_tells_of_the_edit_and_where_the_fit_is(folder):
    mriseg.update(folder, edited(folder, gm_to_wm))
    text = (folder / f"{STEM}_report.html").read_text(encoding="utf-8")
    assert "Edited by hand" in text
    assert "<b>edited.nii.gz</b>" in text
    assert f"{STEM}_desc-unedited_report.html" in text
    assert "voxels were then edited by hand" in text
    assert "Histogram of intensities" not in text
    assert "unsafe" not in text


def test_readers_of_results_take_the_edited_labels(folder, ball):
    mriseg.update(folder, edited(folder, gm_to_wm))
    assert read_labels(folder).posteriors == {}  # those of other labels
    assert [layer.path.name for layer in gather_layers([folder]) if layer.kind == "labels"] == [
        f"{STEM}_dseg.nii.gz"
    ]
    assert is_done(Job(ball, "out", SegmentOptions()), folder.parent)
    mriseg.segment(ball).save(folder, overwrite=True)
    assert not list(folder.glob("*unedited*"))
    assert "Edited" not in facts(folder)


def shifted(folder):
    path = folder.parent / "shifted.nii.gz"
    affine = image(folder).affine.copy()
    affine[0, 3] += 3
    nib.Nifti1Image(array(folder), affine).to_filename(path)
    return path


def cropped(folder):
    path = folder.parent / "cropped.nii.gz"
    nib.Nifti1Image(array(folder)[1:], image(folder).affine).to_filename(path)
    return path


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (shifted, "shifted.nii.gz: is not on the grid of sub-ball_dseg.nii.gz"),
        (cropped, r"cropped.nii.gz: is not on the grid .* \(47 x 56 x 40 against 48 x 56 x 40 voxels"),
        (
            lambda folder: edited(folder, lambda labels: labels.put(5, 9)),
            "holds the labels 9, which are none",
        ),
        (
            lambda folder: edited(folder, lambda labels: labels.put(5, -1)),
            "holds the labels -1, which are none",
        ),
        (
            lambda folder: edited(folder, lambda labels: labels.put(5, 1.5), dtype=np.float32),
            "no whole numbers",
        ),
        (lambda folder: folder / "none.nii.gz", "none.nii.gz"),
        (lambda folder: folder / f"{STEM}_desc-brain_mask.nii.gz", "one label alone .* as a mask does"),
    ],
)
def test_labels_that_do_not_fit_change_nothing(folder, make, says):
    path, before = make(folder), contents(folder)
    with pytest.raises(ImageError, match=says):
        mriseg.update(folder, path)
    assert contents(folder) == before


def save_in_place(folder, change):
    """Save changed labels over those of the result, as an editor does."""
    shutil.move(edited(folder, change), folder / f"{STEM}_dseg.nii.gz")
    return folder / f"{STEM}_dseg.nii.gz"


def with_a_lesion(ball, tmp_path):
    """Segment the ball with a lesion of 100 voxels."""
    scan, inside = nib.load(ball), np.zeros((48, 56, 40), dtype=np.uint8)
    inside[20:25, 24:29, 18:22] = 1
    nib.Nifti1Image(inside, scan.affine).to_filename(tmp_path / "lesion.nii.gz")
    out = tmp_path / "lesions"
    mriseg.segment(ball, lesion_mask=tmp_path / "lesion.nii.gz").save(out)
    return out


def test_an_edit_in_place_gives_what_one_of_a_copy_gives(folder, tmp_path):
    """The labels before are those of the posteriors, to the byte."""
    other = shutil.copytree(folder, tmp_path / "other")
    mriseg.update(other, edited(other, gm_to_wm))
    edit = mriseg.update(folder, save_in_place(folder, gm_to_wm))
    assert edit.voxels > 1000
    found, expected = contents(folder), contents(other)
    named = {f"{STEM}_dseg.json", f"{STEM}_report.html"}  # they name the edited file
    assert {name for name in expected if found.get(name) != expected[name]} == named
    assert facts(folder)["Classes"] == facts(other)["Classes"]


def test_lesions_edited_in_place_are_known_before_and_after(tmp_path, ball):
    """Posteriors are 0 in lesions: where the brain mask has no tissue, there was one."""
    out = with_a_lesion(ball, tmp_path)
    edit = mriseg.update(out, save_in_place(out, gm_to_wm))
    assert edit.before["L"] == edit.after["L"] == pytest.approx(100 * VOXEL_ML)


@pytest.mark.parametrize("gone", [False, True])
def test_labels_that_cannot_be_computed_again_are_lost(folder, gone):
    save_in_place(folder, gm_to_wm)
    posterior = image(folder, "label-GM_probseg")
    changed = np.asarray(posterior.dataobj).copy()
    changed[20:30] = 0
    path = folder / f"{STEM}_label-GM_probseg.nii.gz"
    path.unlink()
    if not gone:
        nib.Nifti1Image(changed, posterior.affine).to_filename(path)
    before = contents(folder)
    with pytest.raises(ImageError, match="was changed in its place, and the labels before cannot be"):
        mriseg.update(folder, folder / f"{STEM}_dseg.nii.gz")
    assert contents(folder) == before


@pytest.mark.parametrize("updated", [False, True])
def test_an_edit_in_place_is_not_replaced_by_another(folder, updated):
    other = edited(folder, gm_to_wm, "other.nii.gz")
    if updated:
        mriseg.update(folder, other)
    save_in_place(folder, lambda labels: labels.__setitem__(labels == 3, 1))
    before = contents(folder)
    with pytest.raises(ImageError, match=r"other.nii.gz would replace what was edited there; first give sub"):
        mriseg.update(folder, other)
    assert contents(folder) == before
    assert mriseg.update(folder, folder / f"{STEM}_dseg.nii.gz").after["CSF"] == 0


def test_own_labels_are_nothing_to_do_before_and_after_an_update(folder):
    own = folder / f"{STEM}_dseg.nii.gz"
    nothing = mriseg.update(folder, own)
    assert (nothing.voxels, nothing.files, nothing.before) == (0, [], nothing.after)
    first = mriseg.update(folder, edited(folder, gm_to_wm))
    before = contents(folder)
    again = mriseg.update(folder, own)
    assert (again.voxels, again.before, again.after) == (first.voxels, first.before, first.after)
    assert again.files == []
    assert contents(folder) == before


@pytest.mark.parametrize("steps", [[0], [1], [0, 1]])
def test_mirrored_labels_are_doubted(folder, steps):
    verdict = facts(folder)["Verdict"]
    assert mriseg.update(folder, edited(folder, gm_to_wm)).warnings == ()

    def mirror(labels):
        labels[:] = np.flip(labels, steps)

    (doubt,) = mriseg.update(folder, edited(folder, mirror, "mirrored.nii.gz")).warnings
    assert "see that the edited labels are of this scan and not mirrored" in doubt.text
    assert doubt.recorded() in facts(folder)["Warnings"]
    assert facts(folder)["Verdict"] != "trust"
    assert "verdict" not in facts(folder)["Edited"]["AsBefore"]
    assert "other warnings are about those before" in json.dumps(facts(folder)["Warnings"])
    assert "verdict are those before" not in (folder / f"{STEM}_report.html").read_text(encoding="utf-8")
    assert doubt.text in (folder / f"{STEM}_report.html").read_text()
    mriseg.update(folder, folder / f"{STEM}_desc-unedited_dseg.nii.gz")
    assert "labels-mostly-edited" not in json.dumps(facts(folder))
    assert facts(folder)["Verdict"] == verdict


def test_mean_and_sd_of_lesions_are_those_of_their_voxels(tmp_path, ball):
    out = with_a_lesion(ball, tmp_path)
    scan = array(out, "desc-preproc_T1w")

    def move(labels):
        labels[labels == 7] = 2
        labels[labels == 3] = 7

    before = volumes(out)
    mriseg.update(out, edited(out, move))
    after, lesion = volumes(out), scan[array(out) == 7].astype(float)
    assert float(after["L_mean"]) == pytest.approx(lesion.mean(), rel=1e-4)
    assert float(after["L_sd"]) == pytest.approx(lesion.std(), rel=1e-4)
    assert facts(out)["Classes"]["L"]["mean"] == pytest.approx(lesion.mean(), rel=1e-6)
    assert f"{lesion.mean():.1f}" in (out / f"{STEM}_report.html").read_text()
    mriseg.update(out, out / f"{STEM}_desc-unedited_dseg.nii.gz")
    assert volumes(out) == before


def test_the_style_of_the_overlay_is_kept_unless_another_is_asked_for(tmp_path, ball_result):
    out = tmp_path / "fill"
    ball_result.save(out, report=False, overlay_style="fill")
    drawn = (out / f"{STEM}_overlay.png").read_bytes()
    same = edited(out, lambda _: None)
    mriseg.update(out, same)
    assert (out / f"{STEM}_overlay.png").read_bytes() == drawn
    mriseg.update(out, same, overlay_style="contour")
    assert (out / f"{STEM}_overlay.png").read_bytes() != drawn
    assert facts(out)["OverlayStyle"] == "contour"


@pytest.mark.filterwarnings("error")
def test_an_edit_may_leave_a_single_voxel(folder):
    def erase(labels):
        kept = tuple(np.argwhere(labels == 2)[0])
        labels[:] = 0
        labels[kept] = 2

    assert mriseg.update(folder, edited(folder, erase)).after["WM"] == pytest.approx(VOXEL_ML)


def test_a_grid_is_refused_with_what_differs(folder):
    path = edited(folder, lambda _: None)
    for move, says in ((2.0, "places the voxels up to 2 mm beside"), (0.0, "neither sform nor qform")):
        affine = image(folder).affine
        affine[0, 3] += move  # mm, more than a tenth of a voxel
        moved = nib.Nifti1Image(np.asarray(nib.load(path).dataobj), affine)
        if not move:
            moved.set_sform(affine, 0)
            moved.set_qform(affine, 0)
        moved.to_filename(folder.parent / "moved.nii.gz")
        with pytest.raises(ImageError, match=says) as error:
            mriseg.update(folder, folder.parent / "moved.nii.gz")
        assert "against" not in str(error.value)


def test_messages_name_no_option_that_updating_has_not(folder):
    labels, affine = array(folder), image(folder).affine
    series = nib.Nifti1Image(np.stack([labels, labels], -1), affine)
    small = nib.Nifti1Image(labels, affine)
    small.header.set_xyzt_units("micron")
    for wrong, says in ((series, "a series of 2 volumes and not one map; extract one"), (small, "repair")):
        wrong.to_filename(folder.parent / "wrong.nii.gz")
        with pytest.raises(ImageError, match=says) as error:
            mriseg.update(folder, folder.parent / "wrong.nii.gz")
        assert "--" not in str(error.value)


def test_what_is_no_result_or_several_is_refused(folder, tmp_path):
    path = edited(folder, gm_to_wm)
    for wrong, says in (
        (tmp_path / "none", "is no folder of results"),
        (folder / f"{STEM}_volumes.tsv", "is no folder of results"),
        (tmp_path, "holds no STEM_dseg.json"),
    ):
        with pytest.raises(ImageError, match=says):
            mriseg.update(wrong, path)
    for file in list(folder.iterdir()):
        shutil.copy(file, folder / file.name.replace(STEM, "sub-other"))
    with pytest.raises(ImageError, match="holds 2 segmentations; give the sidecar of one"):
        mriseg.update(folder, path)
    assert mriseg.update(folder / f"{STEM}_dseg.json", path).voxels > 0
    assert not list(folder.glob("sub-other*unedited*"))


def test_without_a_corrected_scan_the_scan_is_asked_for(ball, tmp_path):
    folder = tmp_path / "out"
    mriseg.segment(ball, bias=False).save(folder, report=False)
    path = edited(folder, gm_to_wm)
    with pytest.raises(ImageError, match="name the scan that was segmented with --scan"):
        mriseg.update(folder, path)
    with pytest.raises(ImageError, match=r"cropped.nii.gz: is not on the grid"):
        mriseg.update(folder, path, scan=noise(folder))
    with pytest.raises(OptionError, match="overlay_style"):
        mriseg.update(folder, path, scan=ball, overlay_style="lines")
    before = contents(folder)
    mriseg.update(folder, path, scan=ball, overlay_style="fill")
    assert contents(folder)[f"{STEM}_overlay.png"] != before[f"{STEM}_overlay.png"]


def noise(folder):
    """A scan on another grid."""
    path = folder.parent / "cropped.nii.gz"
    data = np.random.default_rng(0).normal(100, 9, (20, 20, 20)).astype(np.float32)
    nib.Nifti1Image(data, np.eye(4)).to_filename(path)
    return path


def test_a_failure_on_the_way_leaves_the_results_as_they_were(folder, monkeypatch):
    path, before = edited(folder, gm_to_wm), contents(folder)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mriseg.results.editing.save_volume_table", full)
    with pytest.raises(OutputError, match="No space left"):
        mriseg.update(folder, path)
    assert contents(folder) == before
    monkeypatch.undo()
    (folder / f"{STEM}_desc-unedited_dseg.nii.gz").unlink(missing_ok=True)
    mriseg.update(folder, path)
    (folder / f"{STEM}_desc-unedited_dseg.nii.gz").unlink()
    with pytest.raises(ImageError, match="is gone, so that nobody knows what was edited"):
        mriseg.update(folder, path)


def test_values_that_are_no_numbers_are_no_labels(folder):
    image = nib.load(folder / f"{STEM}_dseg.nii.gz")
    labels = image.get_fdata(dtype=np.float32)
    labels[:2] = np.nan
    before = contents(folder)
    with pytest.raises(mriseg.ImageError, match="values that are not finite"):
        mriseg.update(folder, nib.Nifti1Image(labels, image.affine))
    assert contents(folder) == before
