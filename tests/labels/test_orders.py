"""Labels in the order of FSL FAST: all that is written agrees, and whatever reads it back is not fooled."""

from __future__ import annotations

import csv
import json
import shutil

import nibabel as nib
import numpy as np
import pytest

import mriseg
from mriseg.cohort.job import Job, is_done
from mriseg.errors import ImageError, OptionError
from mriseg.evaluation.compare import compare
from mriseg.images.marks import write_mark
from mriseg.labels.contrasts import rising_tissues
from mriseg.labels.lookup_tables import FORMATS
from mriseg.labels.numbers import label_numbers
from mriseg.labels.orders import ORDERS, numbered, numbers_of_order, order_mark, renumbered
from mriseg.labels.tissues import CSF, GM, LESION, WM
from mriseg.options import SegmentOptions
from mriseg.report.viewer import gather_layers

FAST_OF_BIDS = np.array([0, 2, 3, 1], dtype=np.uint8)
LABELS = "sub-ball_dseg.nii.gz"


@pytest.fixture(scope="module")
def fast(ball_result, tmp_path_factory):
    """The files of the ball in FAST's order."""
    folder = tmp_path_factory.mktemp("fast")
    ball_result.save(folder, luts=FORMATS, report=False, label_order="fast")
    return folder


@pytest.fixture
def bare(fast, tmp_path):
    """The label image alone, as somebody copies it."""
    return shutil.copy(fast / LABELS, tmp_path / "copied.nii.gz")


def voxels(path):
    return np.asarray(nib.load(path).dataobj)


def test_the_numbers_are_those_of_fast_in_the_image_and_not_in_memory(ball_result, fast, ball_folder):
    np.testing.assert_array_equal(voxels(fast / LABELS), FAST_OF_BIDS[ball_result.labels])
    np.testing.assert_array_equal(ball_result.labels, voxels(ball_folder / LABELS))
    assert set(np.unique(voxels(fast / LABELS))) == {0, 1, 2, 3}


def test_table_and_sidecar_name_the_numbers_of_the_image(ball_result, fast):
    labels = voxels(fast / LABELS)
    with (fast / "sub-ball_dseg.tsv").open(newline="") as file:
        rows = {row["abbreviation"]: row for row in csv.DictReader(file, delimiter="\t")}
    facts = json.loads((fast / "sub-ball_dseg.json").read_text())
    assert facts["LabelOrder"] == "fast"
    assert facts["Description"].endswith(": 1 CSF, 2 GM, 3 WM")
    for tissue in (GM, WM, CSF):
        where = ball_result.labels == tissue.index
        (number,) = np.unique(labels[where])
        assert int(rows[tissue.abbreviation]["index"]) == number
        assert int(rows[tissue.abbreviation]["mapping"]) == tissue.index
        assert facts["Classes"][tissue.abbreviation]["Label"] == number
        assert facts["Classes"][tissue.abbreviation]["ml"] == ball_result.volumes[tissue.abbreviation].ml


@pytest.mark.parametrize("program", FORMATS)
def test_look_up_tables_name_the_numbers_of_the_image(fast, program):
    text = next(fast.glob(f"*_lut-{program}.*")).read_text()
    if program == "niivue":
        found = dict(zip(json.loads(text)["labels"], json.loads(text)["I"], strict=True))
    else:
        lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
        found = {t.name: int(line.split()[0]) for line in lines for t in (GM, WM, CSF)
                 if t.name in line.replace("_", " ")}  # fmt: skip
    assert [found[tissue.name] for tissue in (CSF, GM, WM)] == [1, 2, 3]


def test_all_other_files_are_the_same_to_the_byte(fast, ball_folder):
    images = [file.name for file in ball_folder.glob("*.nii.gz") if file.name != LABELS]
    assert len(images) == 6
    for name in [*images, "sub-ball_volumes.tsv", "sub-ball_overlay.png"]:
        assert (fast / name).read_bytes() == (ball_folder / name).read_bytes(), name


def test_the_order_of_bids_is_what_it_was(ball_folder):
    facts = json.loads((ball_folder / "sub-ball_dseg.json").read_text())
    assert {name: of["Label"] for name, of in facts["Classes"].items()} == {"GM": 1, "WM": 2, "CSF": 3}
    assert nib.load(ball_folder / LABELS).header["intent_name"].item() == b""


@pytest.mark.parametrize("form", [str, nib.load], ids=["file", "image"])
@pytest.mark.parametrize("alone", [False, True], ids=["with its table", "alone"])
def test_evaluate_is_not_fooled(ball_result, fast, bare, form, alone):
    found = mriseg.evaluate(form(bare if alone else fast / LABELS), ball_result)
    assert [found[name].dice for name in ("CSF", "GM", "WM")] == [1, 1, 1]


def test_an_image_in_memory_keeps_its_order(ball_result, bare):
    read = nib.load(bare)
    copy = nib.Nifti1Image(np.asarray(read.dataobj), read.affine, read.header)
    assert mriseg.evaluate(copy, ball_result)["GM"].dice == 1


def test_labels_that_were_changed_under_an_old_header_are_refused_until_a_table_says(bare, ball_folder):
    """As nibabel's users do: read, put into the order of BIDS, write with the header of what was read."""
    read = nib.load(bare)
    bids = np.array([0, 3, 1, 2], dtype=np.uint8)[np.asarray(read.dataobj)]
    changed = nib.Nifti1Image(bids, read.affine, read.header)
    path = bare.with_name("changed.nii")
    changed.to_filename(path)
    for of in (changed, path):
        with pytest.raises(ImageError, match=r"its header says 1CSF 2GM 3WM, and its labels were changed"):
            mriseg.evaluate(of, ball_folder / LABELS)
    shutil.copy(ball_folder / "sub-ball_dseg.tsv", path.with_name("changed.tsv"))
    assert mriseg.evaluate(path, ball_folder / LABELS)["CSF"].dice == 1


@pytest.mark.parametrize("which", ["folder", "file", "alone"])
def test_compare_is_not_fooled(fast, bare, ball_folder, which):
    other = {"folder": fast, "file": fast / LABELS, "alone": bare}[which]
    assert {name: change.dice for name, change in compare(ball_folder, other).tissues.items()} == {
        "CSF": 1, "GM": 1, "WM": 1,
    }  # fmt: skip


def test_compare_finds_the_lesions_of_a_label_image_alone(ball_labels, ball_affine, tmp_path):
    labels = ball_labels.copy()
    labels[20:24, 26:30, 18:21] = LESION.index
    paths = []
    for order in ORDERS:
        image = nib.Nifti1Image(renumbered(labels, (GM, WM, CSF, LESION), order), ball_affine)
        write_mark(image.header, image.get_fdata(), order_mark((GM, WM, CSF, LESION), order))
        paths.append(tmp_path / f"{order}.nii")
        image.to_filename(paths[-1])
    assert {name: change.dice for name, change in compare(*paths).tissues.items()} == {
        "CSF": 1, "GM": 1, "WM": 1, "L": 1,
    }  # fmt: skip


def test_simulations_and_the_command_line_are_not_fooled(run, bare, ball_folder, tmp_path):
    done = run("evaluate", bare, ball_folder / LABELS, "--format", "json")
    assert {figures["dice"] for figures in json.loads(done.stdout).values()} == {1}
    assert run("simulate", bare, "--noise", "0", "-o", tmp_path / "sim").returncode == 0
    simulated = mriseg.evaluate(tmp_path / "sim/copied_sim_dseg.nii.gz", ball_folder / LABELS)
    # The simulation draws the surfaces anew; mixed up, the tissues would not overlap at all.
    assert min(figures.dice for figures in simulated.values()) > 0.99


def test_a_header_that_contradicts_the_table_is_refused_until_somebody_says(run, fast, ball_folder, tmp_path):
    shutil.copy(fast / LABELS, tmp_path)
    shutil.copy(ball_folder / "sub-ball_dseg.tsv", tmp_path)
    with pytest.raises(ImageError, match=r"header says 1CSF 2GM 3WM, and sub-ball_dseg.tsv beside it"):
        mriseg.evaluate(tmp_path / LABELS, ball_folder / LABELS)
    done = run("evaluate", ball_folder / LABELS, tmp_path / LABELS, "--map", "1=CSF,2=GM,3=WM")
    assert done.returncode == 0


def test_the_viewer_names_the_numbers_of_the_image(fast):
    labels = next(layer for layer in gather_layers([fast]) if layer.kind == "labels")
    assert [(label.number, label.color) for label in labels.labels] == [
        (1, CSF.color), (2, GM.color), (3, WM.color),
    ]  # fmt: skip


def test_a_cohort_does_not_take_results_in_another_order_for_its_own(ball_result, tmp_path):
    scan, output = ball_result.volume.path, tmp_path / "out"
    job = Job(scan, "ball", SegmentOptions(), report=False)
    for order, done in (("bids", True), ("fast", False)):
        ball_result.save(output / "ball", overwrite=True, report=False, label_order=order)
        assert is_done(job, output) is done


def test_lesions_and_generic_classes_keep_their_numbers():
    generic = rising_tissues("t1", 4)
    assert numbered(generic, "fast") == generic
    labels = np.arange(5, dtype=np.uint8)
    assert renumbered(labels, generic, "fast") is labels
    assert order_mark(generic, "fast") == ""
    assert numbered((GM, WM, CSF, LESION), "fast")[-1] is LESION


def test_a_mark_fits_into_a_header_and_is_read_as_what_was_written(tmp_path):
    for order in ORDERS:
        mark = order_mark((GM, WM, CSF), order)
        assert len(mark) <= 15
        assert label_numbers(tmp_path / "map.nii", None, mark) == numbers_of_order(order)


def test_the_command_writes_it_and_an_unknown_order_is_refused(run, ball, ball_result, tmp_path):
    done = run("segment", ball, "--no-report", "--label-order", "fast", "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(voxels(tmp_path / "out" / LABELS), FAST_OF_BIDS[ball_result.labels])
    assert run("segment", ball, "--label-order", "spm").returncode == 2
    with pytest.raises(OptionError, match="label_order is 'spm'; it must be one of bids, fast"):
        ball_result.save(tmp_path / "none", label_order="spm")
    assert not (tmp_path / "none").exists()
