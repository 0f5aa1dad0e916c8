from __future__ import annotations

import re
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from browser import opened
from skimage.io import imread

import mriseg
from mriseg.labels.tissues import CSF, GM, WM
from mriseg.qc import do_not_trust, look_closely

HOSTILE = "<img src=x onerror=alert(1)>\x1b[31m.nii.gz"


@pytest.fixture
def report_file(ball_folder):
    return ball_folder / "sub-ball_report.html"


def _page(result, folder):
    (page,) = (file for file in result.save(folder) if file.suffix == ".html")
    return page


def _near(picture, color):
    shade = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)])
    return int((np.abs(picture[..., :3].astype(int) - shade).max(axis=-1) < 40).sum())


def test_the_page_turns_over_planes_slices_and_layers(browser, report_file):
    assert report_file.stat().st_size < 3e6
    with opened(browser, report_file.as_uri()) as page:
        assert page.inner_text("h1") == "sub-ball"
        assert page.inner_text(".verdict h2") == "Look closely"
        shown = page.locator(".plane:visible")
        assert shown.count() == 1
        window = shown.locator(".window")
        outlines = imread(BytesIO(window.screenshot()))
        assert min(_near(outlines, tissue.color) for tissue in (GM, WM, CSF)) > 100
        page.check("input[value=nothing]")
        bare = imread(BytesIO(window.screenshot()))
        assert max(_near(bare, tissue.color) for tissue in (GM, WM, CSF)) == 0
        page.check("input[value=coronal]")
        assert shown.get_attribute("data-plane") == "coronal"
        before = page.inner_text(".plane:visible output")
        shown.locator(".slice").focus()
        page.keyboard.press("End")
        after = page.inner_text(".plane:visible output")
        heights = [int(re.search(r"y = (-?\d+) mm", text)[1]) for text in (before, after)]
        assert heights[1] > heights[0] + 20
        assert not (imread(BytesIO(window.screenshot())) == bare[:1, :1]).all()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_a_narrow_window_and_text_is_seen(browser, report_file, scheme):
    with opened(browser, report_file.as_uri()) as page:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": 400, "height": 800})
        page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
        beyond = """[...document.querySelectorAll('table, p, figure, h1, h2, svg')]
            .filter(part => part.getBoundingClientRect().right > 400 && !part.closest('.window'))
            .map(part => part.tagName + '.' + part.className)"""
        assert page.evaluate(beyond) == []
        paper, ink = (
            page.eval_on_selector("section:not(.verdict)", f"part => getComputedStyle(part).{name}")
            for name in ("backgroundColor", "color")
        )
        assert abs(_luminance(paper) - _luminance(ink)) > 0.6
        assert (_luminance(paper) > 0.5) == (scheme == "light")


def _luminance(color):
    """Relative luminance of "rgb(r, g, b)", 0 to 1, without the gamma."""
    red, green, blue = (int(part) / 255 for part in re.findall(r"[0-9]+", color)[:3])
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.slow
def test_print_shows_every_plane(browser, report_file):
    with opened(browser, report_file.as_uri()) as page:
        page.emulate_media(media="print")
        assert page.locator(".plane:visible").count() == 3
        assert page.locator(".controls:visible").count() == 0
        sheet = page.locator(".plane[data-plane=sagittal] .scan").bounding_box()
        assert sheet["width"] > 500  # the whole sheet, not one slice
        window = page.locator(".plane[data-plane=sagittal] .window").bounding_box()
        assert window["height"] == pytest.approx(sheet["height"], abs=2)
        assert "x from" in page.inner_text(".plane[data-plane=sagittal] figcaption")


def test_a_hostile_file_name_is_shown_as_text(browser, ball, tmp_path):
    scan = tmp_path / HOSTILE
    scan.write_bytes(ball.read_bytes())
    with opened(browser, _page(mriseg.segment(scan), tmp_path / "out").as_uri()) as page:
        assert page.inner_text("h1") == r"<img src=x onerror=alert(1)>\x1b[31m"
        assert page.locator("img[src=x]").count() == 0
        assert HOSTILE.replace("\x1b", r"\x1b") in page.inner_text(".facts")


def test_the_page_lets_nothing_in(report_file):
    text = report_file.read_text(encoding="utf-8")
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert not re.search(r"""(src|href)=["'](?!data:)""", text)
    assert " style=" not in text


@pytest.mark.parametrize(
    ("warnings", "title"),
    [
        ([look_closely("part", "a part is unusual")], "Look closely"),
        (
            [look_closely("part", "a part is unusual"), do_not_trust("all", "all is wrong")],
            "Do not trust",
        ),
    ],
)
def test_the_verdict_is_that_of_the_gravest_warning(browser, ball_result, tmp_path, warnings, title):
    doubtful = replace(ball_result, warnings=warnings)
    with opened(browser, _page(doubtful, tmp_path / "out").as_uri()) as page:
        assert page.inner_text(".verdict h2") == title
        assert page.locator(".verdict li").all_inner_texts() == [warning.text for warning in warnings]
