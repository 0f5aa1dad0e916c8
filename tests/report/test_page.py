from __future__ import annotations

import re
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from browser import accessibility_faults, focus_faults, opened
from skimage.io import imread

import mriseg
from mriseg.labels.tissues import CSF, GM, WM
from mriseg.model.bias_field import BiasField
from mriseg.qc import do_not_trust, look_closely, note

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
        assert page.inner_text(".verdict h2") == "Verdict: look closely"
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


# Words and numbers that are drawn on two lines, or reach beyond their cells.
NUMBERS_CUT = """cells => cells.filter(cell => {
    const text = document.createRange(), node = cell.firstChild;
    if (!node) return false;
    text.selectNodeContents(node);
    const cut = !node.data?.trim().includes(' ') && text.getClientRects().length > 1;
    return cut || cell.scrollWidth > cell.clientWidth + 1;
}).map(cell => cell.textContent)"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1300, 800, 400, 320])
def test_all_can_be_used_and_read(browser, report_file, scheme, width):
    with opened(browser, report_file.as_uri()) as page:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 800})
        page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth") == width
        numbers = page.locator(".volumes td, .quality td:nth-child(2), .quality thead th:visible")
        assert numbers.evaluate_all(NUMBERS_CUT) == []
        assert accessibility_faults(page) == []
        assert focus_faults(page) == []
        assert page.evaluate("[...document.images].filter(image => !image.alt).length") == 0


def test_pictures_keep_their_proportions_on_a_fine_screen(browser, report_file):
    context = browser.new_context(device_scale_factor=2, viewport={"width": 500, "height": 800})
    page = context.new_page()
    page.goto(report_file.as_uri())
    page.evaluate("document.querySelectorAll('.plane').forEach(part => part.classList.add('shown'))")
    for image in page.locator("img.scan, .pair img, .chart").all():
        box = image.bounding_box()
        natural = image.evaluate("image => image.naturalWidth / image.naturalHeight")
        assert box["width"] / box["height"] == pytest.approx(natural, rel=0.02)
    window = page.locator(".plane[data-plane=coronal] .window").bounding_box()
    figure = page.locator(".plane[data-plane=coronal]")
    columns, rows, width, height = (
        int(figure.get_attribute(f"data-{name}")) for name in ("columns", "rows", "width", "height")
    )
    assert window["width"] / window["height"] == pytest.approx(width / columns / (height / rows), rel=0.01)
    context.close()


def test_methods_and_references_are_copied(browser, report_file):
    with opened(browser, report_file.as_uri()) as page:
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.click("text=Copy the text")
        page.wait_for_function("document.querySelector('.copying [role=status]').textContent === 'copied'")
        paragraph, _, references = page.evaluate("navigator.clipboard.readText()").partition("\n\n")
        assert paragraph == page.text_content(".methods p")
        lines = references.splitlines()
        assert len(lines) == page.locator(".methods li").count() > 2
        assert lines[1] == f"2. {page.locator('.methods li').nth(1).text_content()}"
        page.click("text=Copy the references as BibTeX")
        page.wait_for_function("navigator.clipboard.readText().then(text => text.startsWith('@'))")
        copied = page.evaluate("navigator.clipboard.readText()")
        assert copied.count("@") == len(lines)
        assert page.locator("[data-copy=bibtex]").evaluate("button => button === document.activeElement")


@pytest.mark.parametrize("allowed", [True, False])
def test_a_browser_without_a_clipboard_copies_as_by_hand_or_says_so(browser, report_file, allowed):
    with opened(browser, report_file.as_uri()) as page:
        page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('no')); }")
        page.evaluate(
            "allowed => { document.execCommand = () => {"
            " window.marked = document.activeElement.value; return allowed; } }",
            allowed,
        )
        page.click("text=Copy the text")
        said = page.locator(".copying [role=status]")
        page.wait_for_function("document.querySelector('.copying [role=status]').textContent !== ''")
        assert (said.inner_text() == "copied") == allowed
        assert page.evaluate("window.marked").startswith(page.text_content(".methods p"))
        assert page.locator("textarea").count() == 0


def test_the_scan_is_shown_before_and_after_the_correction_side_by_side(browser, ball_result, tmp_path):
    coefficients = np.zeros((4, 4, 4))
    coefficients[1, 0, 0] = 0.2
    shape = np.array(ball_result.volume.data.shape)
    field = BiasField(coefficients, shape / 2, shape / 2, sd=0.1, low=0.8, high=1.25)
    page_of_field = _page(replace(ball_result, field=field), tmp_path / "out")
    with opened(browser, page_of_field.as_uri()) as page:
        page.set_viewport_size({"width": 400, "height": 800})
        before, after = (image.bounding_box() for image in page.locator(".pair img").all())
        assert before["y"] == after["y"]
        assert min(before["width"], after["width"]) > 100
        assert before["x"] + before["width"] < after["x"]
        assert after["x"] + after["width"] < 400


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
        assert sheet["width"] > 0.3 * PAPER["width"]  # the whole sheet, not one slice
        figure = page.locator(".plane[data-plane=sagittal]").bounding_box()
        assert sheet["width"] == pytest.approx(figure["width"], abs=2)
        window = page.locator(".plane[data-plane=sagittal] .window").bounding_box()
        assert window["height"] == pytest.approx(sheet["height"], abs=2)
        assert "x from" in page.inner_text(".plane[data-plane=sagittal] figcaption")


# Of the printed page within its margins, in pixels of 1/96 inch: A4.
PAPER = {"width": 703, "height": 1032}


def test_print_takes_four_pages_and_leaves_none_half_empty(browser, report_file):
    """What may not be broken is smaller than half a page, so that no page is left half empty for it."""
    with opened(browser, report_file.as_uri()) as page:
        for paper in ("A4", "Letter"):
            printed = page.pdf(format=paper, prefer_css_page_size=True)
            assert 2 <= len(re.findall(rb"/Type\s*/Page\b", printed)) <= 4
        page.emulate_media(media="print")
        page.set_viewport_size(PAPER)
        whole = """[...document.querySelectorAll('body *')]
            .filter(part => getComputedStyle(part).breakInside === 'avoid')
            .map(part => part.getBoundingClientRect().height)"""
        heights = page.evaluate(whole)
        assert len(heights) > 10
        assert max(heights) < 0.45 * PAPER["height"]


def test_ten_tissues_leave_the_pictures_room_on_the_first_of_two_pages(browser, report_file):
    with opened(browser, report_file.as_uri()) as page:
        copies = "row => { for (let k = 0; k < 7; k++) row.after(row.cloneNode(true)); }"
        page.eval_on_selector(".volumes tbody tr", copies)
        for paper in ("A4", "Letter"):
            printed = page.pdf(format=paper, prefer_css_page_size=True)
            assert len(re.findall(rb"/Type\s*/Page\b", printed)) == 2


# Makes of a report that of three channels, ten classes, six warnings and long names.
CROWD = """() => {
    const copy = (part, times) => { for (let k = 0; k < times; k++) part.after(part.cloneNode(true)); };
    const all = (selector) => [...document.querySelectorAll(selector)];
    copy(document.querySelector('.volumes tbody tr'), 7);
    copy(document.querySelector('.verdict li'), 5);
    for (const line of all('.verdict li')) line.textContent = 'what is doubtful '.repeat(14);
    copy(document.querySelector('.charts figure'), 2);
    const name = 'verylongname'.repeat(15);
    for (const part of all('.charts figcaption, h1, .facts th[colspan]')) part.prepend(name);
    document.querySelector('.methods p').append(name + ' and more words of methods '.repeat(20));
    for (const part of all('.facts tbody').slice(0, 2)) copy(part, 2);
}"""


def test_a_crowded_report_prints_on_four_pages_with_no_heading_alone(browser, report_file):
    with opened(browser, report_file.as_uri()) as page:
        page.evaluate(CROWD)
        for paper in ("A4", "Letter"):
            printed = page.pdf(format=paper, prefer_css_page_size=True)
            assert len(re.findall(rb"/Type\s*/Page\b", printed)) <= 4
        page.emulate_media(media="print")
        page.set_viewport_size(PAPER)
        assert page.evaluate("document.documentElement.scrollWidth") == PAPER["width"]
        assert page.locator(".facts .unset:visible").count() == 0
        headings = "rows => rows.map(row => getComputedStyle(row).breakAfter)"
        found = page.locator(".facts tr:has([scope=rowgroup])").evaluate_all(headings)
        assert set(found) == {"avoid"}


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
        ([look_closely("part", "a part is unusual")], "Verdict: look closely"),
        (
            [look_closely("part", "a part is unusual"), do_not_trust("all", "all is wrong")],
            "Verdict: do not trust",
        ),
        ([note("little", "a little is missing")], "Verdict: trust"),
    ],
)
def test_the_verdict_is_that_of_the_gravest_warning(browser, ball_result, tmp_path, warnings, title):
    doubtful = replace(ball_result, warnings=warnings)
    with opened(browser, _page(doubtful, tmp_path / "out").as_uri()) as page:
        assert page.inner_text(".verdict h2") == title
        assert page.locator(".verdict li").all_inner_texts() == [
            "Note: " * (warning.severity == "note") + warning.text for warning in warnings
        ]


def test_what_is_not_set_is_said_and_numbers_have_six_digits(ball, tmp_path):
    result = mriseg.segment(ball, classes=4)
    (*_, sidecar) = result.save(tmp_path)
    page = sidecar.with_name("sub-ball_report.html").read_text(encoding="utf-8")
    assert re.search(r'<th scope="row">Channels</th><td>none</td>', page)
    assert re.search(r'<th scope="row">BICByClasses</th><td>none</td>', page)
    assert not re.search(r"<td>[^<]*\d\.\d{11,}", page)
    assert "voxels that two tissues share" not in page
    (bibtex,) = re.findall(r'<pre class="bibtex"[^>]*>(.*?)</pre>', page, re.DOTALL)
    assert "{Dempster1977,\n  author = {" in bibtex
    assert "\\n" not in bibtex
