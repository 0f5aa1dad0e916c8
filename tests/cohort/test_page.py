"""The page of a cohort in a browser: the choice of scans, the plot, and the rating of one after the other."""

from __future__ import annotations

import csv
import re

import numpy as np
import pytest
from browser import accessibility_faults, focus_faults, opened
from PIL import Image
from sidecars import sidecar_of, store

from mriseg.cohort.groups import Groups
from mriseg.cohort.page import write_page
from mriseg.cohort.record import Record
from mriseg.cohort.scan_qc import ScanQC
from mriseg.cohort.summary import summarise
from mriseg.qc import do_not_trust, look_closely

COUNT, FACTOR = 20, 0.005
AGES = {f"s{k:02}": str(20 + 3 * k) for k in range(COUNT - 1)}  # that of the last is not known
DAYS = {f"s{k:02}": str(20240101 + k) for k in range(COUNT)}
FAR = {f"s{k:02}": f"{(-1) ** k * 9.87654321e299}" for k in range(COUNT)}
NUMBERED = {f"s{k:02}": str(10**14 + k) for k in range(COUNT)}
TIMES = {f"s{k:02}": str(17 * 10**17 + 1000 * k) for k in range(COUNT)}  # ns
SITES = {name: "north" if int(age) < 44 else "south" for name, age in AGES.items()}


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    """Twenty scans with overlays, one of each doubtful verdict, and one whose name is markup."""
    folder = tmp_path_factory.mktemp("cohort")
    warnings = {3: [look_closely("share", "much GM")], 5: [do_not_trust("size", "small")]}
    for k in range(COUNT):
        name = f"s{k:02}"
        store(folder, name, sidecar_of(name, 0.4 + FACTOR * k, warnings=warnings.get(k, ())))
        Image.new("RGB", (160, 90), (20 * k, 0, 0)).save(folder / name / f"{name}_overlay.png")
        (folder / name / f"{name}_report.html").write_text("<!doctype html><title>report</title>")
    store(folder, "<b>&'", sidecar_of("<b>&'", 0.43))
    columns = {
        "age, years": AGES, "day": DAYS, "far": FAR, "number": NUMBERED, "time": TIMES,
    }  # fmt: skip
    numbers = [Groups(column, "participants.tsv", of) for column, of in columns.items()]
    summarise(folder, groups=Groups("site", "participants.tsv", SITES), numbers=numbers)
    return folder


@pytest.fixture
def page(browser, output):
    with opened(browser, (output / "cohort_report.html").as_uri(), among=output.as_uri()) as page:
        yield page


def names(page):
    return [name.split()[-1] for name in page.locator(".card:visible .name a.report").all_text_contents()]


def rated(page):
    found = page.evaluate(
        "[...document.querySelectorAll('.card[data-rating]')]"
        ".map(card => [card.id.slice('scan:'.length), card.dataset.rating])"
    )
    return dict(found)


def table_of(page, folder):
    """The ratings as the page offers them for download."""
    with page.expect_download() as waiting:
        page.click("text=Download the ratings")
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    with path.open(newline="", encoding="utf-8") as file:
        return {row["identifier"]: row for row in csv.DictReader(file, delimiter="\t")}


def test_scans_are_chosen_by_verdict_group_rating_and_name(page):
    assert page.locator(".card:visible").count() == COUNT + 1
    page.check("[id='show:look-closely']")
    assert names(page) == ["s03"]
    page.check("[id='show:trust']")
    page.select_option("[name=group]", label=f"north ({list(SITES.values()).count('north')})")
    assert sorted(names(page)) == ["s00", "s01", "s02", "s04", "s06", "s07"]
    page.fill("[name=name]", "S02")
    assert names(page) == ["s02"]
    assert page.inner_text("[name=count]") == f"1 of {COUNT + 1} shown"
    page.select_option("[name=rated]", "keep")
    assert names(page) == []
    assert page.locator("text=Rate the scans").is_disabled()


def test_keys_rate_one_scan_after_the_other_and_a_reload_keeps_it(page, tmp_path):
    page.check("[id='show:trust']")
    order = names(page)
    page.click("text=Rate the scans")
    heading = page.locator(".review h2")
    # The scan with the odd name is the last of those alike; what counts is the order of the cards.
    page.keyboard.press("k")
    page.keyboard.press("ArrowRight")
    assert heading.inner_text() == order[2]
    page.keyboard.press("n")
    page.keyboard.type('blur, "rx" k')  # letters of a note are no ratings
    page.keyboard.press("Enter")
    page.keyboard.press("x")
    page.keyboard.press("R")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert heading.inner_text() == order[2]
    assert page.get_attribute("[data-act=exclude]", "aria-pressed") == "true"
    assert page.input_value("[name=note]") == 'blur, "rx" k'
    page.keyboard.press("x")
    page.keyboard.press("x")  # taken back and given again, which goes on
    assert heading.inner_text() == order[3]
    expected = {order[0]: "keep", order[2]: "exclude", order[3]: "redo"}
    assert rated(page) == expected
    page.keyboard.press("Escape")
    assert not page.locator(".review").is_visible()
    page.reload()
    assert rated(page) == expected
    table = table_of(page, tmp_path)
    assert len(table) == COUNT + 1
    assert {name: row["rating"] for name, row in table.items() if row["rating"] != "n/a"} == expected
    assert table[order[2]]["note"] == 'blur, "rx" k'
    assert table[order[1]] == {"identifier": order[1], "rating": "n/a", "note": "n/a"}
    assert "<b>&'" in table


def test_a_note_right_after_a_rating_asks_for_the_scan(page, tmp_path):
    page.click("text=Rate the scans")
    order = [page.inner_text(".review h2")]
    page.keyboard.press("k")
    order.append(page.inner_text(".review h2"))
    page.keyboard.press("n")
    page.keyboard.type("xr", delay=1)  # the wrong place for a note, and no ratings either
    assert rated(page) == {order[0]: "keep"}
    assert page.locator(".which button").all_inner_texts() == [
        f"{order[0]}, rated keep",
        f"{order[1]}, shown",
    ]
    page.keyboard.press("n")
    assert page.inner_text(".review h2") == order[0]
    page.keyboard.type("after")
    page.keyboard.press("Enter")
    assert page.inner_text(".review h2") == order[1]
    page.keyboard.press("k")
    order.append(page.inner_text(".review h2"))
    page.click("[data-act=note-shown]")
    page.keyboard.type("before")
    page.keyboard.press("Enter")
    assert page.inner_text(".review h2") == order[2]
    page.keyboard.press("r")
    page.keyboard.press("n")
    page.keyboard.press("Escape")
    assert page.locator(".review").is_visible()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("n")
    assert page.input_value("[name=note]") == "before"
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    table = table_of(page, tmp_path)
    assert [table[name]["note"] for name in order] == ["after", "n/a", "before"]


def test_the_first_scan_without_rating_comes_first_and_a_rating_can_be_taken_back(page):
    page.click("text=Rate the scans")
    first = page.inner_text(".review h2")
    assert page.inner_text(".review .badge") == "do not trust"
    assert page.locator(".review .why li").all_inner_texts()[0] == "small"
    page.click("[data-act=exclude]")
    second = page.inner_text(".review h2")
    page.click("[data-act=close]")
    page.click("text=Rate the scans")
    assert page.inner_text(".review h2") == second != first
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("x")
    assert page.inner_text(".review h2") == first
    assert rated(page) == {}
    assert f"0 of {COUNT + 1} rated" in page.inner_text(".review .progress")


def test_the_picture_is_that_of_the_scan_at_the_click(page):
    page.click("[id='scan:s07'] .picture")
    assert page.inner_text(".review h2") == "s07"
    page.wait_for_function("document.querySelector('.large').naturalWidth === 160")
    assert page.get_attribute(".large", "src") == "./s07/s07_overlay.png"
    assert page.get_attribute(".large", "alt") == "Outlines of the tissues of s07"
    assert page.get_attribute(".side a.report", "href") == "./s07/s07_report.html"
    page.keyboard.press("Escape")
    page.fill("[name=name]", "<b>")
    page.click("text=Rate the scans")
    assert page.inner_text(".review h2") == "<b>&'"
    assert page.inner_text(".review .stage") == "no overlay"


def wait_for_plot(page):
    """Wait until the plot is drawn as wide as it is shown."""
    page.wait_for_function("""() => {
        const plot = document.querySelector(".scatter");
        return plot.viewBox.baseVal && Math.abs(plot.viewBox.baseVal.width - plot.clientWidth) < 1;
    }""")


def positions(page):
    """Name, x and y of the dots that are seen, and how wide and high they are drawn."""
    circles = page.locator(".scatter circle:visible")
    boxes = [circle.bounding_box() for circle in circles.all()]
    return np.array([(box["x"], box["y"], box["width"], box["height"]) for box in boxes])


@pytest.mark.parametrize("width", [1300, 400])
def test_dots_are_circles_and_lie_where_age_and_share_say(page, width):
    page.set_viewport_size({"width": width, "height": 800})
    wait_for_plot(page)
    names_of = [page.locator(f"select[name={axis}] option:checked").inner_text() for axis in ("across", "up")]
    assert names_of == ["age, years", "Share of GM in the brain mask, by its posteriors"]
    found = positions(page)
    assert len(found) == len(AGES)
    np.testing.assert_allclose(found[:, 2], found[:, 3], atol=0.01)
    assert page.inner_text(".drawn") == f"(2 of {COUNT + 1} without a value)"
    # Age and share rise from scan to scan in equal steps; the first cards are those of grave verdicts.
    x, y = np.sort(found[:, 0]), np.sort(found[:, 1])
    np.testing.assert_allclose(np.diff(x), np.diff(x)[0], atol=0.2)
    np.testing.assert_allclose(np.diff(y), np.diff(y)[0], atol=0.2)
    assert np.corrcoef(found[:, 0], found[:, 1])[0, 1] < -0.999  # y grows downwards
    page.select_option("select[name=across]", label="Volume of WM by its posteriors, mL")
    assert len(positions(page)) == COUNT + 1
    assert np.corrcoef(positions(page)[:, :2].T)[0, 1] > 0.99


@pytest.mark.parametrize("width", [1300, 400])
def test_numbers_of_many_digits_have_room_beside_the_plot(page, width):
    page.set_viewport_size({"width": width, "height": 800})
    wait_for_plot(page)
    for name in ("day", "far", "number", "time"):
        page.select_option("select[name=across]", label=name)
        page.select_option("select[name=up]", label=name)
        plot = page.locator(".scatter").bounding_box()
        boxes = np.array(page.evaluate(
            "[...document.querySelectorAll('.scatter text')].map(text => text.getBoundingClientRect())"
            ".map(box => [box.left, box.right, box.top])"
        ))  # fmt: skip
        assert len(boxes) > 3
        assert boxes[:, 0].min() >= plot["x"]
        assert boxes[:, 1].max() <= plot["x"] + plot["width"] + 1
        across = boxes[boxes[:, 2] > plot["y"] + 310]
        assert (across[1:, 0] > across[:-1, 1]).all()
        texts = page.locator(".scatter text").all_text_contents()[len(across) :]
        assert len({float(text) for text in texts}) == len(texts) > 2
        places = "dots => dots.map(dot => +dot.getAttribute('cx'))"
        dots = page.locator(".scatter circle").evaluate_all(places)
        assert len(dots) == COUNT + 1
        assert np.ptp(dots[:-1]) > width / 2


def test_the_gravest_dots_lie_on_top(page):
    verdicts = page.locator(".scatter circle").evaluate_all("dots => dots.map(dot => dot.classList[0])")
    assert verdicts[-2:] == ["look-closely", "do-not-trust"]
    assert set(verdicts[:-2]) == {"trust"}


def test_dots_open_their_scans_and_are_reached_by_keys(page):
    page.check("[id='show:do-not-trust']")
    page.locator(".scatter circle:visible").click()
    assert page.inner_text(".review h2") == "s05"
    page.keyboard.press("Escape")
    page.check("[id='show:card']")
    page.focus(".scatter")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert page.inner_text(".pointed[role=status]").startswith("s01: trust; age, years 23; Share of GM")
    page.keyboard.press("Enter")
    assert page.inner_text(".review h2") == "s01"


def test_a_rating_of_another_window_is_kept_and_seen(browser, output):
    context = browser.new_context()
    page, other = context.new_page(), context.new_page()
    for window in (page, other):
        window.goto((output / "cohort_report.html").as_uri())
        window.click("text=Rate the scans")
        window.uncheck("[name=advance]")
    first = page.inner_text(".review h2")
    other.fill("[name=note]", "of the other")
    other.keyboard.press("Enter")
    other.keyboard.press("k")
    page.wait_for_selector("[data-act=keep][aria-pressed=true]")
    assert page.input_value("[name=note]") == "of the other"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("x")
    other.wait_for_function("document.querySelectorAll('.card[data-rating]').length === 2")
    assert rated(page) == rated(other)
    assert rated(page)[first] == "keep"
    context.close()


def test_a_rating_given_before_the_other_is_seen_does_not_take_it_back(page):
    page.click("text=Rate the scans")
    first = page.inner_text(".review h2")
    page.evaluate(  # in the same window no event tells of it
        "([scan]) => localStorage.setItem('mriseg-ratings:' + location.pathname,"
        " JSON.stringify({[scan]: {rating: 'keep', note: 'blur'}, s01: {rating: 'redo', note: ''}}))",
        [first],
    )
    page.keyboard.press("k")
    page.reload()
    assert rated(page) == {first: "keep", "s01": "redo"}


def test_names_of_scans_and_groups_are_not_those_of_the_page(browser, tmp_path):
    scans = ["part:data", "part:plot", "__proto__", "s"]
    for name in scans:
        store(tmp_path, name, sidecar_of(name, 0.45))
    groups = Groups("site", "participants.tsv", dict(zip(scans, ["unknown", "all", "all"], strict=False)))
    summarise(tmp_path, groups=groups)
    with opened(browser, (tmp_path / "cohort_report.html").as_uri(), among=tmp_path.as_uri()) as page:
        options = page.locator("[name=group] option").all_inner_texts()
        assert options == ["(all)", "all (2)", "unknown (1)", "(no site) (1)"]
        page.click("text=Rate the scans")
        for _ in scans:
            page.keyboard.press("k")
        page.reload()
        assert sorted(rated(page)) == sorted(scans)
        assert page.locator("[id='part:plot'].plot").count() == 1


def test_ratings_of_another_page_or_of_no_sense_are_not_taken_over(page):
    store_ = "localStorage.setItem('mriseg-ratings:' + {}, {})"
    page.evaluate(store_.format("location.pathname + 'x'", """'{"s01": {"rating": "keep"}}'"""))
    page.evaluate(
        store_.format("location.pathname", """'{"s02": {"rating": "alert(1)"}, "s03": 7, "s04": null}'""")
    )
    page.reload()
    assert rated(page) == {}
    page.evaluate(store_.format("location.pathname", "'no JSON'"))
    page.reload()
    assert rated(page) == {}
    assert f"0 of {COUNT + 1} rated." in page.inner_text(".filters .progress")


def test_a_browser_that_keeps_nothing_is_named(browser, output):
    with opened(browser, (output / "cohort_report.html").as_uri(), among=output.as_uri()) as page:
        page.add_init_script(
            "const get = () => { throw new DOMException('no', 'SecurityError') };"
            "Object.defineProperty(window, 'localStorage', {get})"
        )
        page.reload()
        page.click("text=Rate the scans")
        page.keyboard.press("k")
        assert len(rated(page)) == 1
        assert "download them before you close the page" in page.inner_text(".review .progress")


def test_without_scripts_the_page_can_be_read_and_chosen_from(browser, output):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((output / "cohort_report.html").as_uri())
    assert page.locator(".card:visible").count() == COUNT + 1
    page.check("[id='show:look-closely']")
    assert page.locator(".card:visible").count() == 1
    assert page.locator(".live:visible, .review:visible, button:visible").count() == 0
    assert page.locator("h3:visible").count() > 5
    assert page.get_attribute("[id='scan:s03'] .picture", "href") == "./s03/s03_overlay.png"
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1300, 800, 400, 320])
def test_nothing_is_wider_than_the_window_and_all_can_be_used(page, scheme, width):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert accessibility_faults(page) == []
    assert focus_faults(page) == []
    page.click("text=Rate the scans")
    page.keyboard.press("k")
    assert page.evaluate("document.querySelector('.review').scrollWidth") <= width
    for button in page.locator(".review button:visible").all():
        box = button.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        assert box["y"] + box["height"] <= 800
    assert accessibility_faults(page) == []


def test_print_shows_all_and_no_controls(page):
    page.emulate_media(media="print", color_scheme="dark")
    assert page.locator(".card:visible").count() == COUNT + 1
    assert page.locator("button:visible, input:visible").count() == 0
    assert page.eval_on_selector(".plot select", "list => getComputedStyle(list).appearance") == "none"
    kept = page.eval_on_selector(".plot", "plot => getComputedStyle(plot).breakInside")
    assert kept == "avoid"  # or its heading would be alone
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_two_thousand_scans_are_laid_out_once_a_choice(browser, tmp_path):
    """Work that grows with the scans is done once for all of them, not once for each."""
    scans = []
    for k in range(2000):
        figures = {"brain_mask_ml": 1400.0 + k % 97, "GM_fraction": 0.4 + (k % 89) / 1000, "GM_mean": 70.0}
        warnings = (look_closely("share", "much GM"),) if k % 5 == 0 else ()
        record = Record(f"s{k:04}", f"s{k:04}.nii.gz", f"s{k:04}", figures=figures, warnings=warnings)
        scans.append(ScanQC(record, []))
    file = tmp_path / "page.html"
    write_page(file, tmp_path, scans, [])
    with opened(browser, file.as_uri()) as page:
        wait_for_plot(page)
        counter = page.context.new_cdp_session(page)
        counter.send("Performance.enable")

        def layouts():
            metrics = {of["name"]: of["value"] for of in counter.send("Performance.getMetrics")["metrics"]}
            return metrics["LayoutCount"] + metrics["RecalcStyleCount"]

        before = layouts()
        page.check("[id='show:look-closely']")
        page.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
        assert layouts() - before < 40
        assert page.inner_text("[name=count]") == "400 of 2000 shown"
        assert page.locator(".scatter circle:not([style*=none])").count() == 400
        assert re.search(r"2000 done, of which 400 to look at", page.inner_text("header"))
