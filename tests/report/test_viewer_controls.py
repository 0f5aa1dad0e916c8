"""The controls and keys of the viewer."""

from __future__ import annotations

import shutil

import nibabel as nib
import numpy as np
import pytest
from browser import accessibility_faults, focus_faults, opened
from skimage.io import imread
from viewers import READY, TISSUES, embedded, is_near, picture_of, served, set_opacity, show_axial

from mriseg.report.viewer import gather_layers


def _place(page):
    """Where the crosshair is, mm."""
    return page.evaluate("[...mriseg.planes.frac2mm(mriseg.planes.scene.crosshairPos, 0, true)].slice(0, 3)")


@pytest.mark.slow
def test_keys_move_the_crosshair_and_the_controls(shown, blocks):
    page = shown(blocks / "flat_T1w.nii.gz", blocks / "flat_dseg.nii.gz")

    def moved(key):
        before = _place(page)
        page.keyboard.press(key)
        step = np.round(np.subtract(_place(page), before), 3)
        said = page.inner_text("#crosshair").splitlines()[0]
        assert (
            said
            == ", ".join(f"{axis} {at:.1f}" for axis, at in zip("xyz", _place(page), strict=True)) + " mm"
        )
        return step.tolist()

    axes = {"multiplanar": (0, 1, 2), "axial": (0, 1, 2), "coronal": (0, 2, 1), "sagittal": (1, 2, 0)}
    for view, (across, up, through) in axes.items():
        assert page.input_value("#view") == view
        for keys, axis in ((("ArrowLeft", "ArrowRight"), across), (("h", "l"), across), (("j", "k"), up),
                           (("ArrowDown", "ArrowUp"), up), (("PageDown", "PageUp"), through)):  # fmt: skip
            for key, sign in zip(keys, (-2, 2), strict=True):
                assert moved(key) == [sign if axis == other else 0 for other in range(3)]
        page.keyboard.press("v")
    assert page.input_value("#view") == "render"
    turns = "[mriseg.solid.scene.renderAzimuth, mriseg.solid.scene.renderElevation]"
    for key, turn in (("l", [5, 0]), ("ArrowLeft", [-5, 0]), ("k", [0, 5]), ("ArrowDown", [0, -5])):
        before = page.evaluate(turns)
        page.keyboard.press(key)
        assert np.subtract(page.evaluate(turns), before).tolist() == turn
    page.keyboard.press("v")
    assert page.input_value("#view") == "multiplanar"
    # With the focus in a picture, too, where niivue would do something of its own.
    page.locator("#planes canvas").click(position={"x": 150, "y": 400})
    page.keyboard.press("l")
    assert moved("l") == [2, 0, 0]
    assert moved("ArrowLeft") == [-2, 0, 0]
    page.keyboard.press("?")
    page.keyboard.press("Escape")
    page.keyboard.press("o")
    assert page.is_checked("#outlines")
    page.keyboard.press("c")
    assert page.input_value("#cut") != ""
    assert page.is_enabled("#share")
    page.focus("#share")
    before = _place(page), page.input_value("#share")
    page.keyboard.press("ArrowRight")
    assert _place(page) == before[0]  # the arrow is the slider's
    assert page.input_value("#share") == str(int(before[1]) + 1)


def test_the_view_opens_in_the_middle_of_the_labels_and_the_keys_are_listed(shown, blocks):
    page = shown(blocks / "flat_T1w.nii.gz", blocks / "flat_T1w.nii.gz", blocks / "flat_dseg.nii.gz")
    np.testing.assert_allclose(_place(page), [59, 58.5, 50], atol=2)  # z of the middle of the scan is 59
    for ask in (lambda: page.keyboard.press("?"), lambda: page.click("#help")):
        assert not page.is_visible("#keys")
        ask()
        named = " ".join(page.locator("kbd").all_inner_texts())
        assert {"h", "j", "k", "l", "v", "s", "o", "c", "?", "Left", "Right", "Up", "Down"} <= set(
            named.split()
        )
        assert "Page Up Page Down" in named
        page.keyboard.press("Escape")


def test_a_click_in_3d_and_the_wheel_keep_the_controls_in_step(shown, ball_folder):
    page = shown(ball_folder)
    page.set_viewport_size({"width": 1300, "height": 850})
    boxes = {part: page.locator(part).bounding_box() for part in ("#share", "dl", "#pointer")}
    assert boxes["#share"]["y"] + boxes["#share"]["height"] < boxes["dl"]["y"]
    assert boxes["#pointer"]["y"] + boxes["#pointer"]["height"] <= 850
    page.set_viewport_size({"width": 900, "height": 560})
    page.select_option("#view", "render")
    page.select_option("#cut", label="top")
    page.hover("#solid canvas")
    page.mouse.wheel(0, 100)
    depth = page.evaluate("mriseg.solid.scene.clipPlaneDepthAziElevs[0][0]")
    assert depth != 0
    assert float(page.input_value("#share")) == pytest.approx(50 - 100 * depth, abs=0.51)
    page.fill("#share", "2")
    for _ in range(3):
        page.mouse.wheel(0, 100)  # less than nothing cannot be cut away
    assert page.input_value("#share") == "0"
    page.mouse.wheel(0, -100)
    assert float(page.input_value("#share")) > 1
    page.mouse.down(button="right")
    page.mouse.move(450, 200, steps=5)
    page.mouse.up(button="right")
    assert page.evaluate("mriseg.solid.scene.clipPlaneDepthAziElevs[0].slice(1)") == [0, 90]
    before = page.inner_text("#crosshair")
    box = page.locator("#solid canvas").bounding_box()
    page.mouse.dblclick(box["x"] + box["width"] / 2 + 20, box["y"] + box["height"] / 2 + 60)
    assert page.inner_text("#crosshair") != before
    places = page.evaluate(
        "[mriseg.planes, mriseg.solid].map(one => [...one.frac2mm(one.scene.crosshairPos, 0, true)])"
    )
    np.testing.assert_allclose(*places, atol=0.1)


def test_after_going_back_the_controls_say_what_is_seen(shown, ball, ball_folder):
    page = shown(ball, ball_folder)
    page.select_option("#scan", index=1)
    page.select_option("#cut", label="left side")
    page.select_option("#view", "axial")
    page.check("#outlines")
    page.goto("data:text/html,elsewhere")
    page.go_back()
    page.wait_for_selector(READY)
    assert page.evaluate("mriseg.planes.volumes[0] === mriseg.images[document.querySelector('#scan').value]")
    assert page.input_value("#cut") == ""
    assert page.is_disabled("#share")
    assert page.input_value("#view") == "multiplanar"
    assert not page.is_checked("#outlines")


def test_scans_are_switched_under_the_same_labels_and_crosshair(shown, ball, ball_folder, tmp_path):
    folder = shutil.copytree(ball_folder, tmp_path / "both")
    corrected = folder / "sub-ball_desc-preproc_T1w.nii.gz"
    image = nib.load(corrected)
    inverted = np.where(image.get_fdata() > 0, 130 - image.get_fdata(), 0)[::2]
    affine = image.affine @ np.diag([2, 1, 1, 1])
    nib.Nifti1Image(inverted.astype(np.float32), affine).to_filename(
        folder / "sub-ball_desc-preproc_FLAIR.nii.gz"
    )
    page = shown(ball, folder)
    names = page.locator("#scan option").all_inner_texts()
    assert names == ["sub-ball T1w", "T1w without bias field", "FLAIR without bias field"]
    show_axial(page)
    page.keyboard.press("PageUp")
    place = _place(page)
    set_opacity(page, "labels", 0)
    scans = []
    for name in names:
        page.select_option("#scan", label=name)
        scans.append(picture_of(page))
        assert page.evaluate(
            "mriseg.planes.volumes[0] === mriseg.images[+document.getElementById('scan').value]"
        )
        np.testing.assert_allclose(_place(page), place, atol=0.01)
    middle = [scan[250:270, 280:300].mean() for scan in scans]
    assert abs(middle[0] - middle[1]) < 40
    assert middle[2] < middle[1] - 60
    set_opacity(page, "labels", 100)
    page.check("#outlines")
    for name in names:
        page.select_option("#scan", label=name)
        picture = picture_of(page)
        assert min(is_near(picture, color).sum() for color in TISSUES) > 300
    page.select_option("#scan", "0")
    page.locator("body").press("s")
    assert page.input_value("#scan") == "0"  # the list has the focus, and the key
    page.click("h1")
    page.keyboard.press("s")
    assert page.input_value("#scan") == "1"


@pytest.mark.parametrize("view", ["multiplanar", "sagittal", "render"])
def test_a_saved_picture_is_what_is_seen(shown, ball_folder, view):
    page = shown(ball_folder)
    page.select_option("#view", view)
    with page.expect_download() as waiting:
        page.click("#save")
    assert waiting.value.suggested_filename == "sub-ball_view.png"
    saved = imread(waiting.value.path())[..., :3].astype(int)
    seen = picture_of(page, "main")
    assert saved.shape == seen.shape
    assert (np.abs(saved - seen).max(axis=-1) > 8).mean() < 0.01
    assert saved.std() > 10


@pytest.mark.slow
@pytest.mark.parametrize("way", ["embedded", "served"])
def test_no_control_makes_the_console_speak(browser, ball, ball_folder, tmp_path, way):
    layers = gather_layers([ball, ball_folder])
    with (
        embedded(layers, tmp_path) if way == "embedded" else served(layers) as address,
        opened(browser, address) as page,
    ):
        page.wait_for_selector(READY)
        for slider in page.locator("input[type=range]:enabled").all():
            slider.fill("60")
        for box in page.locator("input[type=checkbox]").all():
            box.click()
        for part in page.locator("select").all():
            for value in [option.get_attribute("value") for option in part.locator("option").all()]:
                part.select_option(value)
        for size in ((400, 800), (800, 500), (1300, 900)):
            page.set_viewport_size(dict(zip(("width", "height"), size, strict=True)))
        page.locator("#solid canvas").click()
        for key in ("v", "p", "c", "m", "u", "d", "Control+u", "o", "s", "ArrowLeft", "Shift+?"):
            page.keyboard.press(key)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_is_reached_by_the_tab_key_and_axe_finds_no_fault(shown, ball, ball_folder, scheme):
    page = shown(ball, ball_folder)
    page.emulate_media(color_scheme=scheme)
    paper = page.eval_on_selector("aside", "part => getComputedStyle(part).backgroundColor")
    assert (int(paper[4:].split(",")[0]) > 128) == (scheme == "light")
    page.select_option("#cut", label="top")
    assert focus_faults(page) == []
    for width in (1300, 800, 400):
        page.set_viewport_size({"width": width, "height": 800})
        for part in ("html", "aside"):
            assert page.eval_on_selector(part, "part => part.scrollWidth - part.clientWidth") == 0
        assert accessibility_faults(page, unsure=True) == []
    page.set_viewport_size({"width": 1300, "height": 800})
    page.click("#help")
    assert accessibility_faults(page, unsure=True) == []


def test_an_image_alone_is_seen(shown, ball_folder):
    page = shown(ball_folder / "sub-ball_label-WM_probseg.nii.gz")
    assert (picture_of(page).max(axis=-1) > 60).mean() > 0.02


def test_labels_that_fill_their_volume_fit_into_the_first_view(shown, tmp_path):
    labels = np.ones((40, 40, 40), np.uint8)
    labels[:, :, :20] = 2
    image = nib.Nifti1Image(labels, np.eye(4))
    image.header.set_intent("label")
    image.to_filename(tmp_path / "full_dseg.nii.gz")
    page = shown(tmp_path / "full_dseg.nii.gz")
    page.evaluate("mriseg.solid.setRenderAzimuthElevation(135, 35)")
    page.select_option("#view", "render")
    page.evaluate("mriseg.solid.opts.show3Dcrosshair = mriseg.solid.opts.isOrientCube = false")
    page.select_option("#cut", label="top")
    page.fill("#share", "0")
    lit = picture_of(page, "#solid").max(axis=-1) > 60
    assert lit.mean() > 0.2
    assert not lit[[0, -1]].any()
    assert not lit[:, [0, -1]].any()


def test_a_page_that_cannot_be_shown_says_so(browser, ball_folder, tmp_path):
    folder = shutil.copytree(ball_folder, tmp_path / "broken")
    layers = gather_layers([folder])
    (folder / "sub-ball_dseg.nii.gz").unlink()
    page = browser.new_page()
    with served(layers) as address:
        page.goto(address)
        page.locator("#message", has_text="cannot show").wait_for()
        assert "410" in page.inner_text("#message")
    page.close()
