from __future__ import annotations

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from sidecars import minimal_sidecar
from skimage.io import imread

import mriseg
from mriseg.errors import ImageError, OptionError
from mriseg.evaluation.compare import compare
from mriseg.evaluation.comparison import _backdrop, as_json, as_tsv
from mriseg.images.reading import load_map
from mriseg.labels.tissues import CSF, GM, LESION, WM, rgb
from mriseg.report.difference import NO_TISSUE, _draw_slice, differences, save_differences, select_slices
from mriseg.report.slices import PLANES, Slices
from mriseg.results.sidecar import SCHEMA_VERSION

TWO_MM = np.diag([2.0, 2.0, 2.0, 1.0])
NUMBERS = {"GM": 1, "WM": 2, "CSF": 3, "L": 7, "class1": 1}


@pytest.fixture
def labels():
    """A shell of GM around WM, with CSF on top: 24 x 28 x 20 voxels of 2 mm."""
    array = np.zeros((24, 28, 20), dtype=np.uint8)
    array[2:22, 3:25, 2:16] = 1
    array[6:18, 8:20, 5:12] = 2
    array[2:22, 3:25, 16:18] = 3
    return array


@pytest.fixture
def save(tmp_path):
    """Write a label map."""

    def save_map(name, array, affine=TWO_MM):
        path = tmp_path / f"{name}.nii.gz"
        path.parent.mkdir(exist_ok=True)
        nib.save(nib.Nifti1Image(array, affine), path)
        return path

    return save_map


@pytest.fixture
def result(tmp_path):
    """Write what a result folder has of a label map whose posteriors are all 0 or 1."""

    def save_result(folder, array, affine=TWO_MM, tissues=("GM", "WM", "CSF"), scale=1.0, maps=True):
        start, voxel_ml = tmp_path / folder / "sub-01_", abs(np.linalg.det(affine)) / 1000
        start.parent.mkdir()
        nib.save(nib.Nifti1Image(array, affine), f"{start}dseg.nii.gz")
        shares = {name: array == NUMBERS[name] for name in tissues}
        for name, share in shares.items():
            if maps and name != "L":
                posterior = nib.Nifti1Image(share.astype(np.float32), affine)
                nib.save(posterior, f"{start}label-{name}_probseg.nii.gz")
        classes = {
            name: {"Label": NUMBERS[name], "ml": scale * ml, "label_ml": ml}
            for name, ml in ((name, float(share.sum()) * voxel_ml) for name, share in shares.items())
        }
        facts = minimal_sidecar("sub-01.nii", classes, brain_mask_ml=float((array > 0).sum()) * voxel_ml)
        (start.parent / "sub-01_dseg.json").write_text(json.dumps(facts))
        return start.parent

    return save_result


def _finer(array, affine):
    """Halve the voxels of a map."""
    halves = np.diag([0.5, 0.5, 0.5, 1.0])
    halves[:3, 3] = -0.25
    for axis in range(3):
        array = np.repeat(array, 2, axis=axis)
    return array, affine @ halves


def test_the_same_has_not_changed(ball_folder):
    comparison = compare(ball_folder, ball_folder)
    facts = json.loads((ball_folder / "sub-ball_dseg.json").read_text())
    assert list(comparison.tissues) == ["CSF", "GM", "WM"]
    for name, change in comparison.tissues.items():
        assert (change.dice, change.change_ml, change.change_percent) == (1, 0, 0)
        assert change.a_ml == facts["Classes"][name]["ml"]
    assert comparison.brain_mask.a_ml == facts["BrainMask"]["VolumeML"]
    assert (comparison.differ_ml, comparison.resampled, comparison.warnings) == (0, "no", ())
    assert comparison.volumes_from == "posteriors"


def test_a_slab_taken_away_is_measured(save, labels):
    without = labels.copy()
    without[:, :, 2:4] = 0  # 20 x 22 x 2 voxels of GM
    comparison = compare(save("a", labels), save("b", without))
    slab, grey = 880 * 0.008, np.count_nonzero(labels == 1) * 0.008
    change = comparison.tissues["GM"]
    assert change.a_ml == pytest.approx(grey)
    assert change.change_ml == pytest.approx(-slab)
    assert change.change_percent == pytest.approx(-100 * slab / grey)
    assert change.dice == pytest.approx(2 * (grey - slab) / (2 * grey - slab))
    assert comparison.differ_ml == pytest.approx(slab)
    assert comparison.tissues["WM"].change_ml == 0
    assert (comparison.volumes_from, comparison.brain_mask) == ("labels", None)


def test_a_shift_changes_dice_and_no_volume(save, labels):
    box = np.where(labels == 2, 2, 0).astype(np.uint8)  # 12 voxels wide
    change = compare(save("a", box), save("b", np.roll(box, 3, axis=0))).tissues["WM"]
    assert (change.dice, change.change_ml) == (pytest.approx(9 / 12), 0)


def test_results_are_measured_by_their_posteriors_and_maps_by_labels(result, save, labels):
    a, b = result("a", labels), result("b", labels, scale=1.25)
    both = compare(a, b)
    assert both.tissues["GM"].change_percent == pytest.approx(25)
    assert both.brain_mask.change_ml == 0
    mixed = compare(a, save("c", labels))
    assert (mixed.volumes_from, mixed.brain_mask) == ("labels", None)
    assert compare(b, save("c", labels)).tissues["GM"].change_percent == 0


def test_the_orientation_of_the_file_does_not_matter(save, labels):
    turned = nib.Nifti1Image(labels, TWO_MM).as_reoriented(np.array([[1, -1], [2, 1], [0, -1]]))
    comparison = compare(save("a", labels), save("b", np.asarray(turned.dataobj), turned.affine))
    assert comparison.resampled == "no"
    assert {change.dice for change in comparison.tissues.values()} == {1}


def test_another_grid_is_resampled_and_each_measured_on_its_own(save, labels):
    comparison = compare(save("a", labels), save("b", *_finer(labels, TWO_MM)))
    assert comparison.resampled == "nearest"
    for change in comparison.tissues.values():
        assert change.dice == 1
        assert change.change_ml == pytest.approx(0, abs=1e-6)
    moved = TWO_MM.copy()
    moved[:3, 3] = (0.9, 0, 0)
    change = compare(save("a", labels), save("b", labels, moved)).tissues["GM"]
    assert change.dice > 0.95
    assert change.b_ml == change.a_ml


def test_posteriors_are_interpolated_where_they_are_there(ball_folder, save, ball_labels, ball_affine):
    drawn, affine = _finer(ball_labels, ball_affine)
    grid = np.moveaxis(np.indices(drawn.shape), 0, -1) * (1.5, 1.5, 2.0) - (0.75, 0.75, 1.0)
    radius = np.linalg.norm(grid - (70.0, 82.0, 78.0), axis=-1)  # as conftest has it, without the steps
    truth = save(
        "truth", np.select([radius < 40, radius < 55, radius < 62], [2, 1, 3], 0).astype(np.uint8), affine
    )
    interpolated = compare(truth, ball_folder)
    nearest = compare(truth, ball_folder / "sub-ball_dseg.nii.gz")
    assert (interpolated.resampled, nearest.resampled) == ("trilinear", "nearest")
    for name, change in interpolated.tissues.items():
        assert change.dice > max(nearest.tissues[name].dice, 0.85)
        assert change.b_ml == nearest.tissues[name].b_ml  # on its own grid


def test_lesions_and_the_background_survive_interpolation(result, save, labels):
    labels[8:14, 9:16, 6:10] = 7
    b = result("b", *_finer(labels, TWO_MM), tissues=("GM", "WM", "CSF", "L"))
    comparison = compare(save("a", labels), b)
    assert comparison.resampled == "trilinear"
    assert min(change.dice for change in comparison.tissues.values()) > 0.99
    assert ((comparison.b_on_a == 0) == (labels == 0)).all()


def test_without_posteriors_the_nearest_label_is_taken(result, save, labels):
    b = result("b", *_finer(labels, TWO_MM), maps=False)
    assert compare(save("a", labels), b).resampled == "nearest"
    (b / "sub-01_label-GM_probseg.nii.gz").symlink_to(save("a", labels))
    for name in ("WM", "CSF"):
        shutil.copy(b / "sub-01_dseg.nii.gz", b / f"sub-01_label-{name}_probseg.nii.gz")
    with pytest.raises(ImageError, match=r"GM_probseg.nii.gz: is not on the grid of sub-01_dseg.nii.gz; "):
        compare(save("a", labels), b)


def test_lesions_are_compared_where_either_has_them(result, save, labels):
    sick = labels.copy()
    sick[8:10, 8:10, 6:8] = 7
    assert "L" not in compare(save("a", labels), save("b", labels)).tissues
    grown = compare(save("a", labels), save("b", sick)).tissues["L"]
    assert (grown.dice, grown.a_ml, grown.b_ml) == (0, 0, pytest.approx(8 * 0.008))
    assert math.isnan(grown.change_percent)
    # A segmentation without a lesion mask says nothing of lesions.
    unknown = compare(result("c", sick, tissues=("GM", "WM", "CSF", "L")), result("d", labels)).tissues["L"]
    assert unknown.a_ml == pytest.approx(8 * 0.008)
    assert np.isnan([unknown.dice, unknown.b_ml, unknown.change_ml, unknown.change_percent]).all()
    # Nor does 7 mean a lesion where the tissues have other numbers.
    assert "L" not in compare(save("a", labels), save("b", sick), numbers_b={2: 1, 3: 2, 1: 3}).tissues


def test_what_is_nowhere_or_not_told_apart_has_no_figures(save, labels):
    without = np.where(labels == 3, 0, labels).astype(np.uint8)
    change = compare(save("a", without), save("b", without)).tissues["CSF"]
    assert (change.a_ml, change.b_ml) == (0, 0)
    assert np.isnan([change.dice, change.change_percent]).all()
    change = compare(save("a", labels), save("b", without), numbers_b={1: 1, 2: 2}).tissues["CSF"]
    assert np.isnan([change.dice, change.b_ml, change.change_ml]).all()
    facts = json.loads(as_json(compare(save("a", labels), save("b", without), numbers_b={1: 1, 2: 2})))
    assert facts["tissues"]["CSF"]["b_ml"] is None


def test_numbers_come_from_the_table_beside_a_map(save, labels):
    other = (labels + 10).astype(np.uint8)
    path = save("other", other)
    path.with_name("other.tsv").write_text("index\tname\n11\tGray Matter\n12\tWM\n13\tCSF\n")
    assert {change.dice for change in compare(save("a", labels), path).tissues.values()} == {1}
    same = compare(save("a", labels), path, numbers_b={13: 3, 12: 2, 11: 1})
    assert {change.dice for change in same.tissues.values()} == {1}


def test_classes_without_names_are_compared_with_their_like(result, save, labels):
    a = result("a", np.select([labels == 1, labels == 2], [1, 7]).astype(np.uint8), tissues=("class1", "L"))
    assert compare(a, a).tissues["class1"].dice == 1
    with pytest.raises(
        ImageError, match=r"has CSF, GM, WM, L and .* has L, class1, which cannot be compared"
    ):
        compare(a, save("b", labels))


def test_doubts_about_the_place(save, labels):
    far = TWO_MM.copy()
    far[:3, 3] = (0, 12, 0)
    outside, beside = compare(save("a", labels), save("b", labels, far)).warnings
    assert "of the tissue of B lies outside the grid of A" in outside.text
    assert "12 mm beside that of A" in beside.text
    (beside,) = compare(save("a", labels), save("b", np.roll(labels, 3, axis=1))).warnings
    assert "6 mm beside" in beside.text


def test_no_place_in_common(save, labels):
    far = TWO_MM.copy()
    far[:3, 3] = 500
    a, b = save("a", labels), save("b", labels, far)
    with pytest.raises(ImageError, match=r"b\.nii\.gz: has no tissue where .*a\.nii\.gz has any.*register"):
        compare(a, b)


def test_folders_of_none_or_several_segmentations(result, tmp_path, labels):
    a = result("a", labels)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ImageError, match="holds no STEM_dseg"):
        compare(a, tmp_path / "empty")
    shutil.copy(a / "sub-01_dseg.json", a / "sub-02_dseg.json")
    with pytest.raises(ImageError, match=r"holds 2 segmentations; .* such as .*sub-01_dseg.json"):
        compare(a, a)
    assert compare(a / "sub-01_dseg.json", a / "sub-01_dseg.json").tissues["GM"].dice == 1


def with_classes(classes):
    """Return the text of a sidecar of these classes."""
    return json.dumps({**minimal_sidecar("a.nii", {}), "Classes": classes})


GREY = minimal_sidecar("a.nii", {"GM": {"Label": 1}})["Classes"]["GM"]


@pytest.mark.parametrize("text", [
    "", "[]", "{}", '{"SchemaVersion": 99, "Warnings": []}', "[" * 100_000,
    json.dumps({"SchemaVersion": SCHEMA_VERSION, "Warnings": []}),
    with_classes({}), with_classes({"../x": GREY}), with_classes({"GM": [1]}),
    *(with_classes({"GM": GREY | wrong}) for wrong in (
        {"ml": float("nan")}, {"ml": "1"},
        {"Label": float("inf")}, {"Label": -1}, {"Label": 1.5}, {"Label": 300},
    )),
    json.dumps({**minimal_sidecar("a.nii", {"GM": GREY}), "Files": 5}),
    json.dumps({**minimal_sidecar("a.nii", {"GM": GREY}), "BrainMask": 3}),
])  # fmt: skip
def test_sidecars_that_are_none(result, labels, text):
    a = result("a", labels)
    (a / "sub-01_dseg.json").write_text(text)
    with pytest.raises(ImageError, match=r"sub-01_dseg.json: is no sidecar of mriseg segment .*; segment"):
        compare(a, a)


def test_files_that_are_no_label_maps(save, result, labels):
    a = save("a", labels)
    with pytest.raises(ImageError, match="no whole numbers"):
        compare(a, save("b", labels.astype(np.float32) / 2))
    with pytest.raises(ImageError, match=r"no voxel of a tissue; say .* \.tsv"):
        compare(a, save("b", (9 * (labels > 0)).astype(np.uint8)))
    with pytest.raises(ImageError, match="no voxel of a tissue"):
        compare(a, save("b", labels), numbers_b={10**400: 1})
    with pytest.raises(ValueError, match="numbers are for label maps"):
        compare(a, result("b", labels), numbers_b={1: 1})


def test_names_tell_the_two_apart(result, save, labels):
    a, b = result("a", labels), result("b", labels)
    assert (compare(a, b).names, compare(a, b).name) == (("a", "b"), "sub-01_a_vs_b")
    assert compare(a, save("sub-02_dseg", labels)).name == "sub-01_vs_sub-02"
    assert compare(a, a / "sub-01_dseg.nii.gz").name == "sub-01_vs_sub-01"
    wide = result("sub-01_wide", labels)
    assert compare(a, wide).name == "a_vs_sub-01_wide"


def test_the_picture_lies_on_the_scan_or_else_on_grey_levels(ball_folder, save, ball_labels, ball_affine):
    truth = save("truth", ball_labels, ball_affine)
    for pair in ((ball_folder, truth), (truth, ball_folder)):
        comparison = compare(*pair)
        assert _backdrop(comparison.a, comparison.b).path.name == "sub-ball_desc-preproc_T1w.nii.gz"
    comparison = compare(truth, truth)
    grey = _backdrop(comparison.a, comparison.b).data
    assert [np.unique(grey[comparison.a.labels == k]).tolist() for k in (0, 3, 1, 2)] == [[0], [1], [2], [3]]
    finer = save("finer", *_finer(ball_labels, ball_affine))
    comparison = compare(finer, ball_folder)
    assert _backdrop(comparison.a, comparison.b).data.shape == comparison.a.labels.shape


def test_colour_is_where_labels_differ_and_only_there(save, labels):
    other = labels.copy()
    other[5:12, 9:15, 6:10] = 1
    other[2:4, 3:9, 3:15] = 0
    volume = load_map(save("a", labels))
    slices, said, scale = Slices(volume, labels > 0), differences(labels, other), 4.0
    for plane in PLANES:
        index = {0: 3, 1: 12, 2: 8}[plane.axis]
        picture = np.asarray(_draw_slice(slices, said, (GM, WM, CSF, NO_TISSUE), plane, index, scale)) / 255
        coloured = np.ptp(picture, axis=-1) > 0.1
        share = slices.cut(labels != other, plane, index, scale)
        assert coloured[share > 0.5].all()
        assert not coloured[share == 0].any()
        for tissue in (GM, NO_TISSUE):
            inside = slices.cut(said, plane, index, scale, tissue.index) == 1
            assert np.abs(picture[inside] - np.array(rgb(tissue.color)) / 255).max(initial=0) < 0.15
    assert (said[labels == other] == 0).all()


def test_the_key_says_how_much_of_what(save, labels, tmp_path):
    volume, shown = load_map(save("a", labels)), (CSF, GM, WM, LESION)
    for name, other in (("same", labels), ("other", np.where(labels == 3, 7, labels).astype(np.uint8))):
        save_differences(volume, labels, other, shown, ("A", "B"), tmp_path / f"{name}.png")
    same, other = (imread(tmp_path / f"{name}.png")[..., :3].astype(int) for name in ("same", "other"))
    key = 4 * 36
    assert np.ptp(same[:-key], axis=-1).max() < 5  # nothing differs, so nothing has a colour
    pink = np.abs(other - np.array(rgb(LESION.color))).max(axis=-1) < 40
    assert pink[:-key].sum() > 1000
    for picture in (same, other):
        for tissue in (*shown, NO_TISSUE):
            assert (np.abs(picture[-key:] - np.array(rgb(tissue.color))).max(axis=-1) < 2).sum() > 300


def test_the_key_takes_as_many_lines_as_it_needs(save, labels, tmp_path):
    volume = load_map(save("a", labels))
    many = [replace(GM, index=k, name=f"Class {k}") for k in range(1, 11)]
    save_differences(volume, labels, labels, many, ("A", "B"), tmp_path / "many.png")
    save_differences(volume, labels, labels, many[:3], ("A", "B"), tmp_path / "few.png")
    assert imread(tmp_path / "many.png").shape[0] == imread(tmp_path / "few.png").shape[0] + 36


def test_slices_show_the_most_of_what_differs():
    brain = np.zeros((9, 9, 100), dtype=bool)
    brain[1:8, 1:8, 10:90] = True
    differs = np.zeros_like(brain)
    assert select_slices(brain, differs, 2, 4) == [19, 39, 59, 79]
    differs[4, 4, 57] = differs[4, 4:6, 49] = differs[4, 4, 50] = True
    chosen = select_slices(brain, differs, 2, 4)
    assert {57, 49} <= set(chosen)
    differs[...] = False
    differs[4, 4, 49:51] = True  # on both sides of the border of two ranges: one of them is enough
    chosen = select_slices(brain, differs, 2, 4)
    assert len({49, 50} & set(chosen)) == 1
    assert np.diff(chosen).min() >= 6
    assert select_slices(brain[..., 10:12], differs[..., 10:12], 2, 5) == [0, 1]


def test_images_are_compared_as_their_files(save, labels):
    a, b = save("a_dseg", labels), save("b_dseg", np.roll(labels, 1, axis=0))
    of_files, of_images = compare(a, b), compare(nib.load(a), load_map(b))
    assert of_images.tissues == of_files.tissues
    assert of_images.names == of_files.names == ("a", "b")
    in_memory = compare(nib.Nifti1Image(labels, TWO_MM), a)
    assert in_memory.tissues["GM"].dice == 1
    assert repr(of_files).startswith("<Comparison of a and b: CSF Dice ")


@pytest.mark.parametrize("numbers", [{1: "GM", 2: "WM", 3: "CSF"}, {1: 1, 2: 2, 3: 3}], ids=str)
def test_tissues_may_be_said_by_name(save, labels, numbers):
    a = save("a_dseg", labels)
    assert compare(a, a, numbers_a=numbers, numbers_b=numbers).tissues["CSF"].dice == 1


@pytest.mark.parametrize("numbers", [{1: "skin"}, {1: 4}, {"1": 1}, {1: None}, [1, 2]], ids=str)
def test_numbers_of_no_tissue_are_refused(save, labels, numbers):
    a = save("a_dseg", labels)
    for use in (
        lambda: compare(a, a, numbers_b=numbers),
        lambda: mriseg.evaluate(a, a, truth_numbers=numbers),
    ):
        with pytest.raises(OptionError, match="1 GM, 2 WM or 3 CSF"):
            use()


def test_a_segmentation_is_compared_as_its_files(ball, tmp_path):
    image = nib.load(ball)
    order = np.array([[2, -1], [0, 1], [1, -1]])
    turned = nib.as_closest_canonical(image).as_reoriented(order)  # other axes and directions than the file
    first, second = mriseg.segment(image), mriseg.segment(turned, spatial=False)
    for result, name in ((first, "one"), (second, "two")):
        result.save(tmp_path / name, report=False)
    in_memory, of_files = compare(first, second), compare(tmp_path / "one", tmp_path / "two")
    assert in_memory.volumes_from == "posteriors"
    for name, change in of_files.tissues.items():
        assert in_memory.tissues[name].figures() == pytest.approx(change.figures(), abs=1e-3)
    assert in_memory.tissues["GM"].dice > 0.9
    assert compare(first, tmp_path / "one").differ_ml == 0
    with pytest.raises(OptionError, match="says itself"):
        compare(first, second, numbers_a={1: "GM"})
    assert len(in_memory.save(tmp_path / "comparison")) == 3


@pytest.fixture
def results(ball_folder, tmp_path):
    """A result, and a copy of it with the GM of one half relabelled as WM, as a file aside."""
    folders = [Path(shutil.copytree(ball_folder, tmp_path / name)) for name in ("one", "two")]
    image = nib.load(folders[1] / "sub-ball_dseg.nii.gz")
    labels = np.asarray(image.dataobj).copy()
    moved = labels == 1
    moved[:24] = False
    labels[moved] = 2
    nib.Nifti1Image(labels, image.affine).to_filename(tmp_path / "edited.nii.gz")
    return *folders, tmp_path / "edited.nii.gz", moved.sum() * 0.036


def test_labels_that_were_saved_over_are_compared_by_what_they_are(results):
    """Volumes are those of the labels in the file, and not of the ones before."""
    one, two, edited, ml = results
    shutil.copy(edited, two / "sub-ball_dseg.nii.gz")
    for first, second, letter, sign in ((one, two, "B", 1), (two, one, "A", -1)):
        found = compare(first, second)
        assert (found.volumes_from, found.brain_mask) == ("labels", None)
        assert found.tissues["WM"].change_ml == pytest.approx(sign * ml)
        (warning,) = found.warnings
        assert warning.text.startswith(f"{letter}, sub-ball_dseg.nii.gz: the label map was saved over")
    mriseg.update(two, two / "sub-ball_dseg.nii.gz")
    assert compare(one, two).warnings == ()


def test_lesions_that_were_painted_over_a_label_map_are_compared(results):
    one, two, edited, _ = results
    image = nib.load(edited)
    labels = np.asarray(image.dataobj).copy()
    labels[24:28, 24:28, 18:22] = 7
    nib.Nifti1Image(labels, image.affine).to_filename(two / "sub-ball_dseg.nii.gz")
    found = compare(one, two).tissues
    assert found["L"].b_ml == pytest.approx(64 * 0.036)
    assert sum(change.b_ml for change in found.values()) == pytest.approx((labels > 0).sum() * 0.036)


def test_volumes_of_an_updated_result_are_said_to_be_of_edited_labels_too(results):
    one, two, edited, _ = results
    assert compare(one, two).volumes_from == "posteriors"
    mriseg.update(two, edited)
    for pair in ((one, two), (two, one)):
        found = compare(*pair)
        assert found.volumes_from == "posteriors and edited labels"
        assert "posteriors and edited labels" in as_tsv(found)
        assert found.brain_mask is not None
    mriseg.update(two, two / "sub-ball_desc-unedited_dseg.nii.gz")
    assert compare(one, two).volumes_from == "posteriors"
