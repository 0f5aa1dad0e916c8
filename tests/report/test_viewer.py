"""The viewer in a browser: niivue must see scan and labels where they are, and name what is clicked."""

from __future__ import annotations

import re
import shutil
import subprocess
from itertools import product
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from browser import opened
from sweeps import mostly
from viewers import READY, embedded, picture_of, served, set_opacity

import mriseg
from mriseg.images.reading import load_volume
from mriseg.images.writing import save_array
from mriseg.labels.tissues import LESION
from mriseg.report.viewer import gather_layers, viewer_page, without_sidecar

SHORT = {"Gray Matter": "GM", "White Matter": "WM", "Cerebrospinal Fluid": "CSF"}
NAMES = {0: "outside", 1: "Gray Matter", 2: "White Matter", 3: "Cerebrospinal Fluid"}


@pytest.fixture
def results(ball_folder, tmp_path):
    """The results of the ball, to be changed at will."""
    return Path(shutil.copytree(ball_folder, tmp_path / "results"))


def _said(text):
    """The world coordinates, the label that the viewer names, and its posterior or None."""
    place = re.search(r"x (-?[\d.]+), y (-?[\d.]+), z (-?[\d.]+) mm", text)
    ((name, posterior),) = re.findall(
        rf"^({'|'.join(NAMES.values())})(?:, posterior ([\d.]+))?$", text, re.MULTILINE
    )
    return np.array([float(part) for part in place.groups()]), name, float(posterior) if posterior else None


def _value_at(image, mm):
    voxel = np.linalg.inv(image.affine) @ [*mm, 1]
    return np.asarray(image.dataobj)[tuple(np.rint(voxel[:3]).astype(int))]


def _values_near(image, mm):
    """Where a place is said with one decimal, it may be in a voxel or the next."""
    return [_value_at(image, mm + np.array(rest)) for rest in product((-0.05, 0.05), repeat=3)]


def _label_at(image, mm):
    return NAMES[int(_value_at(image, mm))]


def _check_clicks(page, labels, posteriors):
    """Point at and click on a row of places, and one in front; return the names that were said."""
    page.wait_for_selector(READY)
    page.select_option("#view", "axial")
    box = page.locator("#planes canvas").bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    places, names = [], set()
    for right, up in (*((right, 0) for right in range(-280, 281, 40)), (0, 90)):
        page.mouse.move(middle[0] + right, middle[1] - up)
        place, name, posterior = _said(page.inner_text("#pointer"))
        assert name == _label_at(labels, place)
        assert (posterior is not None) == (name in posteriors)
        if name in posteriors:
            assert min(abs(near - posterior) for near in _values_near(posteriors[name], place)) < 6e-4
        if right % 280 == 0:
            page.mouse.click(middle[0] + right, middle[1] - up)
            clicked, *named = _said(page.inner_text("#crosshair"))
            np.testing.assert_allclose(clicked, place, atol=0.2)
            assert named == [name, posterior]
        places.append(place)
        names.add(name)
    assert (np.diff(places[:-1], axis=0)[:, 0] > 2).all()  # the patient's right is at the right
    assert places[-1][1] > places[7][1] + 5  # front is up
    return names


@pytest.mark.slow
def test_the_label_under_a_click_is_named(browser, results):
    layers = gather_layers([results])
    labels = nib.load(results / "sub-ball_dseg.nii.gz")
    posteriors = {
        name: nib.load(results / f"sub-ball_label-{short}_probseg.nii.gz")
        for name, short in zip(list(NAMES.values())[1:], ("GM", "WM", "CSF"), strict=True)
    }
    with served(layers) as address, opened(browser, address) as page:
        assert len(_check_clicks(page, labels, posteriors)) >= 3
        page.select_option("#view", "multiplanar")
        set_opacity(page, "labels", 0)
        set_opacity(page, "posterior of WM", 100)
        picture = picture_of(page)
        green = (picture[..., 1] > picture[..., 0] + 40) & (picture[..., 1] > picture[..., 2])
        halves = [green[:, : green.shape[1] // 2], green[:, green.shape[1] // 2 :]]
        assert min(half.sum() for half in halves) > 500  # in more than one plane


def test_an_exported_page_needs_nothing_else(browser, results, tmp_path):
    labels = nib.load(results / "sub-ball_dseg.nii.gz")
    with embedded(gather_layers([results]), tmp_path) as address, opened(browser, address) as page:
        page.wait_for_selector(READY)
        place, name, _ = _said(page.inner_text("#crosshair"))
        assert name == _label_at(labels, place)
        lines = page.inner_text("#crosshair").splitlines()
        assert not [line for line in lines[2:] if SHORT[name] in line]  # its posterior is said above


@pytest.fixture(
    params=mostly(
        ["ball", "hostile/made_oblique35.nii.gz", "orientations/PIR.nii.gz", "bids/sub-ms04"], "ball"
    )
)
def scan_and_labels(request, tmp_path):
    """A scan, labels written by us on its grid, and five places with their values as nibabel has them."""
    if request.param == "ball":
        scan = request.getfixturevalue("ball")
    else:
        scan = request.getfixturevalue("scans") / request.param
        scan = next(scan.glob("anat/*_T1w.nii.gz")) if scan.is_dir() else scan
    volume = load_volume(scan)
    levels = np.percentile(volume.data[volume.data > 0], (30, 60, 80))
    labels = np.searchsorted(levels, volume.data).astype(np.uint8)
    file = tmp_path / "sub-x_dseg.nii.gz"
    save_array(volume.to_scan_grid(labels), volume, file, intent="label")
    images = [nib.load(scan), nib.load(file)]
    shape = np.array(images[1].shape)
    shares = ((0.5, 0.5, 0.5), (0.4, 0.6, 0.5), (0.6, 0.45, 0.6), (0.3, 0.5, 0.4), (0.55, 0.35, 0.7))
    voxels = [np.round(shape * share).astype(int) for share in shares]
    places = [(images[1].affine @ [*voxel, 1])[:3] for voxel in voxels]
    values = [[float(np.squeeze(image.get_fdata())[tuple(voxel)]) for voxel in voxels] for image in images]
    return (scan, file), np.array(places), np.array(values)


def test_niivue_sees_the_same_values_at_the_same_places(browser, scan_and_labels, tmp_path):
    files, places, values = scan_and_labels
    with embedded(gather_layers(files), tmp_path) as address, opened(browser, address) as page:
        page.wait_for_selector(READY)
        read = page.evaluate(
            "places => mriseg.images.map(image => places.map(mm => image.getValue(...image.mm2vox(mm))))",
            places.tolist(),
        )
    np.testing.assert_allclose(read, values, rtol=1e-4)
    assert len(set(values[1])) > 1


def test_mrtrix_sees_the_same_values_at_the_same_places(scan_and_labels, tmp_path):
    if shutil.which("tcksample") is None:
        pytest.skip("no MRtrix; apt-get install mrtrix3")
    files, places, values = scan_and_labels
    # A streamline through the places, sampled at its own points.
    nib.streamlines.save(
        nib.streamlines.Tractogram([places], affine_to_rasmm=np.eye(4)), str(tmp_path / "places.tck")
    )
    for file, expected in zip(files, values, strict=True):
        command = [
            "tcksample",
            "-quiet",
            "-nthreads",
            "0",
            tmp_path / "places.tck",
            file,
            tmp_path / "read.txt",
        ]
        subprocess.run([*command, "-force"], check=True)
        lines = [
            line for line in (tmp_path / "read.txt").read_text().splitlines() if not line.startswith("#")
        ]
        read = np.array(" ".join(lines).split(), dtype=float)
        np.testing.assert_allclose(read, expected, rtol=1e-3, atol=0.02)


def test_a_folder_of_several_segmentations_is_refused(results):
    for file in list(results.glob("sub-ball_dseg.*")):
        shutil.copy(file, results / file.name.replace("ball", "other"))
    sidecar = results / "sub-other_dseg.json"
    sidecar.write_text(sidecar.read_text(encoding="utf-8").replace("sub-ball", "sub-other"), encoding="utf-8")
    with pytest.raises(mriseg.ImageError, match="2 segmentations"):
        gather_layers([results])


@pytest.mark.parametrize("name", ["sub-ball_dseg.nii", "sub-ball_desc-edited_dseg.nii.gz", "mine.nii.gz"])
def test_label_maps_of_the_user_beside_the_results_are_not_taken_for_them(results, name):
    labels = nib.load(results / "sub-ball_dseg.nii.gz")
    labels.header.set_intent("label")
    nib.Nifti1Image(np.asarray(labels.dataobj), labels.affine, labels.header).to_filename(results / name)
    assert [layer.path.name for layer in gather_layers([results]) if layer.kind == "labels"] == [
        "sub-ball_dseg.nii.gz"
    ]
    (results / "sub-ball_dseg.json").unlink()
    with pytest.raises(mriseg.ImageError, match="2 segmentations"):
        gather_layers([results])


def test_segmentations_in_two_folders_are_said_to_be_in_both(results, tmp_path):
    other = Path(shutil.copytree(results, tmp_path / "other"))
    with pytest.raises(mriseg.ImageError) as caught:
        gather_layers([results, other])
    said = str(caught.value)
    assert "holds" not in said
    for folder in (results, other):
        assert str(folder / "sub-ball_dseg.nii.gz") in said


def test_label_maps_given_by_themselves_are_named(results):
    other = shutil.copy(results / "sub-ball_dseg.nii.gz", results / "mine_dseg.nii.gz")
    with pytest.raises(mriseg.ImageError) as caught:
        gather_layers([results / "sub-ball_dseg.nii.gz", Path(other)])
    said = str(caught.value)
    assert "holds" not in said
    assert f"{other}: 2 segmentations; give one at a time" in said


def test_labels_whose_sidecar_is_gone_are_named(results):
    assert without_sidecar(gather_layers([results])) == []
    (results / "sub-ball_dseg.json").unlink()
    assert without_sidecar(gather_layers([results])) == [results / "sub-ball_dseg.nii.gz"]


def _labels_beside_the_scan(results, path):
    """The labels that the viewer names where a label map is given beside the scan."""
    layers = gather_layers([results / "sub-ball_desc-preproc_T1w.nii.gz", path])
    assert [layer.kind for layer in layers] == ["scan", "labels"]
    return {label.number: (label.name, label.color) for label in layers[1].labels}


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
@pytest.mark.parametrize("intent", ["label", "none"])
def test_an_edited_copy_has_the_names_and_colours_of_the_result(results, tmp_path, dtype, intent):
    """Editors drop the intent and store other types; lesions may be painted in."""
    image = nib.load(results / "sub-ball_dseg.nii.gz")
    labels = np.asarray(image.dataobj).astype(dtype)
    expected = _labels_beside_the_scan(results, results / "sub-ball_dseg.nii.gz")
    for lesion in (False, True):
        labels[20:24, 24:30, 18:22] = 7 if lesion else 2
        edited = nib.Nifti1Image(labels, image.affine)
        edited.header.set_intent(intent)
        edited.to_filename(tmp_path / "edited.nii.gz")
        found = _labels_beside_the_scan(results, tmp_path / "edited.nii.gz")
        assert found == expected | ({7: ("Lesions", LESION.color)} if lesion else {})


def test_labels_in_the_order_that_their_header_says_have_its_names(results, tmp_path, ball_result):
    ball_result.save(tmp_path / "fast", report=False, label_order="fast")
    path = shutil.copy(tmp_path / "fast" / "sub-ball_dseg.nii.gz", tmp_path / "copy.nii.gz")
    names = {number: name for number, (name, _) in _labels_beside_the_scan(results, Path(path)).items()}
    assert names == {1: NAMES[3], 2: NAMES[1], 3: NAMES[2]}
    image = nib.load(path)
    changed = np.asarray(image.dataobj).copy()
    changed[24, 28, 20] = 1
    nib.Nifti1Image(changed, image.affine, image.header).to_filename(path)
    assert _labels_beside_the_scan(results, Path(path))[1][0] == "label 1"


@pytest.mark.parametrize("numbers", [(1, 2), (2, 3), (1, 2, 4), (1, 2, 3, 4), (3, 41, 1035)])
def test_other_numbers_are_no_tissues(results, tmp_path, numbers):
    image = nib.load(results / "sub-ball_dseg.nii.gz")
    labels = np.zeros(image.shape, dtype=np.int16)
    for place, number in enumerate(numbers):
        labels[8 * place + 4 : 8 * place + 11, 10:40, 10:30] = number
    nib.Nifti1Image(labels, image.affine).to_filename(tmp_path / "regions.nii.gz")
    found = _labels_beside_the_scan(results, tmp_path / "regions.nii.gz")
    assert [name for name, _ in found.values()] == [f"label {number}" for number in numbers]


def test_one_number_is_a_mask_and_scans_of_whole_numbers_are_scans(results, ball, tmp_path):
    labels = nib.load(results / "sub-ball_dseg.nii.gz")
    mask = (np.asarray(labels.dataobj) > 1).astype(np.int16)
    nib.Nifti1Image(mask, labels.affine).to_filename(tmp_path / "drawn.nii.gz")
    series = nib.Nifti1Image(np.stack([mask, mask], -1), labels.affine)
    series.to_filename(tmp_path / "series.nii.gz")
    layers = gather_layers([ball, tmp_path / "drawn.nii.gz", tmp_path / "series.nii.gz"])
    assert {(layer.path.name, layer.kind) for layer in layers} == {
        ("sub-ball_T1w.nii.gz", "scan"), ("series.nii.gz", "scan"), ("drawn.nii.gz", "mask")
    }  # fmt: skip
    assert layers[-1].name == "drawn"


def test_what_names_hold_cannot_leave_the_page_data(results, tmp_path):
    hostile = tmp_path / "</script><script>alert(1)</script>.nii.gz".replace("/", "")
    shutil.copy(results / "sub-ball_desc-preproc_T1w.nii.gz", hostile)
    table = results / "sub-ball_dseg.tsv"
    table.write_text(table.read_text().replace("Gray Matter", "</script><script>alert(2)</script>"))
    page = viewer_page(gather_layers([hostile, results]), embed=False)
    assert page.count("<script") == 3
    assert "<script>alert" not in page


def test_the_first_scan_lies_below_and_what_is_atypical_on_top(results):
    channel = results / "sub-ball_desc-preproc_FLAIR.nii.gz"
    shutil.copy(results / "sub-ball_desc-preproc_T1w.nii.gz", channel)
    layers = gather_layers([results])
    assert [layer.name for layer in layers] == [
        "T1w without bias field", "FLAIR without bias field", "labels", "brain mask",
        "CSF", "GM", "WM", "atypicality",
    ]  # fmt: skip
    assert layers[-1].range == (2.0, 5.0)
    assert {layer.range for layer in layers[:-1]} == {(0.0, 1.0)}


def test_a_scan_whose_name_is_its_suffix_is_named_once(results):
    scan = shutil.copy(results / "sub-ball_desc-preproc_T1w.nii.gz", results / "T2w.nii.gz")
    assert [layer.name for layer in gather_layers([scan])] == ["T2w"]


def test_what_the_files_do_not_hold_is_said_or_not_offered(results):
    scan, labels = results / "sub-ball_desc-preproc_T1w.nii.gz", results / "sub-ball_dseg.nii.gz"
    both, alone, without = (
        viewer_page(gather_layers(files), embed=False) for files in ([scan, labels], [scan], [labels])
    )
    assert [page.count("<kbd>o</kbd>") for page in (both, alone, without)] == [1, 0, 1]
    assert [page.count("<kbd>s</kbd>") for page in (both, alone, without)] == [0, 0, 0]
    assert ["mriseg view SCAN DIR" in page for page in (both, alone, without)] == [False, False, True]
