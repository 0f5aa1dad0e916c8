from __future__ import annotations

import re
from io import BytesIO

import nibabel as nib
import numpy as np
import pytest
from browser import opened
from skimage.io import imread

import mriseg
from mriseg.doubts import GraveDoubt
from mriseg.report.words import methods
from mriseg.tissue import CSF, GM, WM

HOSTILE = "<img src=x onerror=alert(1)>\x1b[31m.nii.gz"


@pytest.fixture(scope="module")
def page_of(tmp_path_factory):
    """Write a report and return its file."""

    def write(result):
        folder = tmp_path_factory.mktemp("report")
        (page,) = (file for file in result.save(folder) if file.suffix == ".html")
        return page

    return write


def _near(picture, color):
    shade = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)])
    return int((np.abs(picture[..., :3].astype(int) - shade).max(axis=-1) < 40).sum())


def test_the_page_turns_over_planes_slices_and_layers(browser, page_of, ball):
    file = page_of(mriseg.segment(ball))
    assert file.stat().st_size < 3e6
    with opened(browser, file.as_uri()) as page:
        assert page.inner_text("h1") == "sub-ball"
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


def test_print_shows_every_plane(browser, page_of, ball):
    with opened(browser, page_of(mriseg.segment(ball)).as_uri()) as page:
        page.emulate_media(media="print")
        assert page.locator(".plane:visible").count() == 3
        assert page.locator(".controls:visible").count() == 0
        box = page.locator(".plane[data-plane=sagittal] .scan").bounding_box()
        assert box["width"] > 500  # the whole sheet, not one slice


def test_a_hostile_file_name_is_shown_as_text(browser, page_of, ball, tmp_path):
    scan = tmp_path / HOSTILE
    scan.write_bytes(ball.read_bytes())
    with opened(browser, page_of(mriseg.segment(scan)).as_uri()) as page:
        assert page.inner_text("h1") == "<img src=x onerror=alert(1)>\ufffd[31m"
        assert page.locator("img[src=x]").count() == 0
        assert HOSTILE.replace("\x1b", "\ufffd") in page.inner_text(".facts")


def test_the_page_lets_nothing_in(page_of, ball):
    text = page_of(mriseg.segment(ball)).read_text(encoding="utf-8")
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert not re.search(r"""(src|href)=["'](?!data:)""", text)
    assert " style=" not in text


def test_the_verdict_is_that_of_the_gravest_warning(browser, page_of, ball):
    result = mriseg.segment(ball)
    for added, title in (
        ([], "Look closely" if result.warnings else "Nothing looks wrong"),
        (["a part is unusual"], "Look closely"),
        ([GraveDoubt("all is wrong")], "Do not trust this result"),
    ):
        result.warnings[:] = [warning for warning in result.warnings if not isinstance(warning, GraveDoubt)]
        result.warnings.extend(added)
        with opened(browser, page_of(result).as_uri()) as page:
            assert page.inner_text(".verdict h2") == title
            for warning in added:
                assert warning in page.inner_text(".verdict li:last-child")


def _facts(ball, **options):
    from mriseg.outputs import sidecar

    return sidecar(mriseg.segment(ball, **options))


def test_methods_say_what_was_run(ball, ball_labels, ball_affine, tmp_path):
    mask = tmp_path / "mask.nii.gz"
    nib.Nifti1Image((ball_labels > 0).astype(np.uint8), ball_affine).to_filename(mask)
    full, references = methods(_facts(ball))
    assert f"mriseg {mriseg.__version__}" in full
    assert "brain only" in full
    assert "Markov random field" in full
    assert "proportion [1]" in full
    assert references[0].startswith("Santago")
    assert all(f"[{number}]" in full for number in range(1, len(references) + 1))
    bare, fewer = methods(_facts(ball, mask=mask, bias=False, spatial=False, classes=4))
    assert "was supplied" in bare
    assert "No bias field was corrected" in bare
    assert "by itself" in bare
    assert "4 Gaussian classes" in bare
    assert not any(reference.startswith(("Zhang", "Santago")) for reference in fewer)


class _Even:
    """A density that is the same everywhere."""

    def __init__(self, level):
        self.level = level

    def density(self, intensities):
        return np.full(len(intensities), self.level)


@pytest.mark.parametrize("values", [np.arange(1000.0), np.linspace(0, 999, 1024), np.arange(0, 1000, 9.0)])
def test_the_stated_misfit_is_that_of_the_histogram(values):
    from mriseg.report.charts import fit_error

    counts = np.full(len(values), 70.0)
    assert fit_error(values, counts, _Even(1 / 1000)) < 0.1
    assert fit_error(values, counts, _Even(0)) == pytest.approx(1, abs=0.1)
    assert fit_error(values, counts, _Even(2 / 1000)) == pytest.approx(1, abs=0.1)


def test_a_good_fit_is_close_to_the_histogram_of_whole_numbers(ball):
    from mriseg.report.charts import fit_error

    result = mriseg.segment(ball)
    assert fit_error(*result.histogram, result.model) < 0.05
