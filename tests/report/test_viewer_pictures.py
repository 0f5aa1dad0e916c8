"""What the viewer shows, judged by the pixels of its pictures: outlines, colours, 3-D."""

from __future__ import annotations

from io import BytesIO

import nibabel as nib
import numpy as np
import pytest
from scipy import ndimage
from skimage.io import imread
from viewers import TISSUES, is_near, picture_of, set_opacity, show_axial

from mriseg.labels.tissues import CSF, GM, WM, rgb

# Axis and voxels of the slabs of a cube, by the names of its sides in the list of cuts.
SLABS = {
    "left side": (0, slice(4)), "right side": (0, slice(36, 40)), "front": (1, slice(36, 40)),
    "back": (1, slice(4)), "top": (2, slice(36, 40)), "bottom": (2, slice(4)),
}  # fmt: skip
SLAB_COLORS = ["#ff0000", "#00ff00", "#0000ff", "#ffff00", "#ff00ff", "#00ffff"]


@pytest.mark.parametrize("files", [["flat_T1w.nii.gz", "flat_dseg.nii.gz"], ["flat_dseg.nii.gz"]])
def test_outlines_are_lines_at_the_edges_and_nothing_else(shown, blocks, files):
    page = shown(*(blocks / file for file in files))
    show_axial(page)
    set_opacity(page, "labels", 0)
    bare = picture_of(page)
    set_opacity(page, "labels", 100)
    filled = picture_of(page)
    page.check("#outlines")
    lined = picture_of(page)
    inside = np.stack([is_near(filled, color) for color in TISSUES])
    lines = np.stack([is_near(lined, color) for color in TISSUES])
    assert inside.reshape(3, -1).sum(axis=1).min() > 2000
    assert lines.reshape(3, -1).sum(axis=1).min() > 100
    edges = np.zeros(filled.shape[:2], bool)
    for axis in (0, 1):
        differ = np.diff(filled, axis=axis).any(axis=-1)
        edges[: differ.shape[0], : differ.shape[1]] |= differ
    near = ndimage.binary_dilation(edges, iterations=3)
    for part, line in zip(inside, lines, strict=True):
        assert not (line & ~(part & near)).any()
        rim = part & ~ndimage.binary_erosion(part, np.ones((3, 3)))
        assert not (rim & ~line).any()
    np.testing.assert_array_equal(lined[~near], bare[~near])
    set_opacity(page, "labels", 0)
    np.testing.assert_array_equal(picture_of(page), bare)
    set_opacity(page, "labels", 100)
    page.uncheck("#outlines")
    np.testing.assert_array_equal(picture_of(page), filled)


def test_the_legend_shows_what_labels_look_like_over_the_scan(shown, blocks):
    scan = np.full((60, 60, 60), 100, np.uint8)
    scan[:2], scan[2:4] = 0, 200  # the range of greys
    scan[24:46, 15:30, 12:40] = 160  # under WM
    scan[25:35, 30:45, 12:40] = 40  # under CSF
    nib.Nifti1Image(scan, np.diag([2.0, 2, 2, 1])).to_filename(blocks / "shades_T1w.nii.gz")
    page = shown(blocks / "shades_T1w.nii.gz", blocks / "flat_dseg.nii.gz")
    show_axial(page)
    for layer, percent in ((None, None), ("labels", 80), ("shades", 50)):
        if layer:
            set_opacity(page, layer, percent)
        picture = picture_of(page)
        for swatch in page.locator(".swatch").all():
            color = imread(BytesIO(swatch.screenshot()))[5, 5, :3].astype(int)
            assert is_near(picture, color, most=8).sum() > 2000, (layer, color)
    assert not is_near(picture, (0, 0, 0), most=4).all()


def _tissues_seen(page):
    """The share of lit pixels in 3-D whose hue is that of each tissue."""
    picture = picture_of(page, "#solid")
    lit = picture[(picture.max(axis=-1) > 60) & (np.ptp(picture, axis=-1) > 40)]
    hues = [colors / np.linalg.norm(colors, axis=-1, keepdims=True) for colors in (lit, TISSUES)]
    nearest = (hues[0] @ hues[1].T).argmax(axis=1)
    return np.bincount(nearest, minlength=3) / max(len(nearest), 1)


def _without_marks(page):
    page.evaluate("mriseg.solid.opts.show3Dcrosshair = mriseg.solid.opts.isOrientCube = false")


def test_grey_matter_is_seen_in_3d_and_each_tissue_has_a_switch(shown, ball_folder):
    page = shown(ball_folder)
    page.select_option("#view", "render")
    _without_marks(page)
    boxes = {name: page.locator("fieldset").get_by_label(name) for name in (GM.name, WM.name, CSF.name)}
    assert [box.is_checked() for box in boxes.values()] == [True, True, False]
    for unchecked, seen in ((None, 0), (GM.name, 1)):
        if unchecked:
            boxes[unchecked].uncheck()
        shares = _tissues_seen(page)
        assert shares.argmax() == seen
        assert shares[seen] > 0.95
    boxes[CSF.name].check()
    assert _tissues_seen(page)[2] > 0.95
    boxes[CSF.name].uncheck()
    boxes[GM.name].check()
    page.select_option("#cut", "270,0")
    page.evaluate("mriseg.solid.setRenderAzimuthElevation(90, 0)")
    cut = _tissues_seen(page)
    assert min(cut[0], cut[1]) > 0.15  # the shell, and what lies in it
    assert cut[2] < 0.02
    page.locator("#share").fill("10")
    assert _tissues_seen(page)[1] < cut[1] - 0.1
    page.locator("#share").fill("100")
    assert not _tissues_seen(page).any()


@pytest.fixture
def cube(tmp_path):
    """A grey cube with a slab of its own colour on each side; x is to the right, y to the front, z up."""
    labels = np.zeros((40, 40, 40), np.uint8)
    labels[4:36, 4:36, 4:36] = 7
    for number, (axis, part) in enumerate(SLABS.values(), start=1):
        labels[tuple(part if axis == other else slice(8, 32) for other in range(3))] = number
    image = nib.Nifti1Image(labels, np.diag([3.0, 3, 3, 1]))
    image.header.set_intent("label")
    image.to_filename(tmp_path / "cube_dseg.nii.gz")
    colors = [*SLAB_COLORS, "#808080"]
    rows = [f"{number}\tside {number}\t{color}" for number, color in enumerate(colors, start=1)]
    text = "\n".join(["index\tname\tcolor", *rows]) + "\n"
    (tmp_path / "cube_dseg.tsv").write_text(text, encoding="utf-8")
    return tmp_path / "cube_dseg.nii.gz"


def _slabs_seen(page):
    """Which slabs are seen from any side."""
    seen = set()
    for azimuth, elevation in ((45, 35), (135, 35), (225, -35), (315, -35)):
        page.evaluate(f"mriseg.solid.setRenderAzimuthElevation({azimuth}, {elevation})")
        picture = picture_of(page, "#solid")
        lit = picture[(picture.max(axis=-1) > 60) & (np.ptp(picture, axis=-1) > 50)]
        high = lit > lit.max(axis=-1, keepdims=True) / 2
        for number, color in enumerate(SLAB_COLORS, start=1):
            if (high == (np.array(rgb(color)) > 0)).all(axis=-1).sum() > 200:
                seen.add(number)
    return seen


@pytest.mark.slow
def test_a_cut_takes_away_the_side_that_it_names(shown, cube):
    page = shown(cube)
    page.select_option("#view", "render")
    _without_marks(page)
    everything = set(range(1, 7))
    assert _slabs_seen(page) == everything
    for number, side in enumerate(SLABS, start=1):
        page.select_option("#cut", label=side)
        assert _slabs_seen(page) == everything - {number}
    page.select_option("#cut", label="nothing")
    assert _slabs_seen(page) == everything
