from __future__ import annotations

import csv
import json
import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

import numpy as np
import pytest
from sidecars import sidecar_of, store

from mriseg.cohort.constants import OUTLIER_LIMIT
from mriseg.cohort.groups import Groups
from mriseg.cohort.record import Record, collect
from mriseg.cohort.summary import summarise
from mriseg.errors import CohortError
from mriseg.qc import do_not_trust, look_closely, note
from mriseg.quality.usual import usual_ranges


@pytest.fixture
def cohort(tmp_path):
    """Thirty scans alike, one with too much GM, one with a warning, one that failed."""
    for k, share in enumerate(np.linspace(0.43, 0.47, 30)):
        store(tmp_path, f"s{k:02}", sidecar_of(f"s{k:02}", float(share)))
    store(tmp_path, "odd", sidecar_of("odd", 0.6))
    store(
        tmp_path,
        "warned",
        sidecar_of("warned", 0.45, similarity=None, warnings=[look_closely("share", "<b>dark</b>")]),
    )
    Record("=bad", "=bad.nii.gz", "=bad", seconds=1.0).failed("cannot be\nread\x1b").write(tmp_path)
    return tmp_path


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def test_the_table_has_every_scan_and_names_the_odd_one(cohort):
    summarise(cohort)
    table = {row["identifier"]: row for row in rows(cohort / "cohort.tsv")}
    assert len(table) == 33
    assert float(table["odd"]["GM_ml"]) == pytest.approx(900)
    assert float(table["odd"]["outlier_score"]) > OUTLIER_LIMIT
    assert "GM_fraction" in table["odd"]["outlier_in"]
    assert sum(row["outlier_in"] != "n/a" for row in table.values()) == 1
    assert table["warned"]["similarity"] == "n/a"
    assert table["'=bad"]["status"] == "failed"
    (failure,) = rows(cohort / "failures.tsv")
    assert failure["reason"] == "cannot be read\\x1b"
    assert failure["scan"] == "'=bad.nii.gz"


def test_image_quality_figures_are_columns_and_each_column_is_described(cohort):
    values = {"cjv": 0.31, "ghost_x": None}
    store(cohort, "seen", sidecar_of("seen", 0.45) | {"ImageQuality": {"Values": values, "Units": {}}})
    summarise(cohort)
    table = {row["identifier"]: row for row in rows(cohort / "cohort.tsv")}
    assert table["seen"]["cjv"] == "0.31"
    assert table["seen"]["ghost_x"] == table["odd"]["cjv"] == "n/a"  # the others are of an earlier version
    assert table["odd"]["similarity"] == "0.7"
    described = json.loads((cohort / "cohort.json").read_text())
    assert list(described) == list(table["seen"])
    assert all(of["Description"] for of in described.values())
    assert described["fwhm_x"]["Units"] == "mm"
    assert described["fwhm_x"]["UsualInT1"] == list(usual_ranges()["fwhm_x"])
    assert described["GM_label_ml"] == {"Description": "Volume of GM by its labels", "Units": "mL"}


def test_a_scan_done_after_it_failed_is_no_failure(cohort):
    summarise(cohort)
    store(cohort, "=bad", sidecar_of("=bad", 0.45))
    summarise(cohort)
    assert not (cohort / "failures.tsv").exists()
    assert {record.status for record in collect(cohort)} == {"done"}


class Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.cards, self.tags = {}, []

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.tags.append((tag, attributes))
        classes = (attributes.get("class") or "").split()
        if "card" in classes:
            self.cards[attributes["id"].removeprefix("scan:")] = set(classes)


def page_of(output):
    page = Page()
    page.feed((output / "cohort_report.html").read_text())
    return page


def test_the_page_shows_the_gravest_first_and_runs_its_own_script_alone(cohort):
    (cohort / "odd" / "odd_overlay.png").touch()
    summarise(cohort)
    text = (cohort / "cohort_report.html").read_text()
    page = page_of(cohort)
    assert list(page.cards)[:2] == ["warned", "odd"]
    assert len(page.cards) == 32
    assert sum("to-look-at" not in classes for classes in page.cards.values()) == 30
    images = [attributes for tag, attributes in page.tags if tag == "img"]
    assert [image["src"] for image in images] == ["./odd/odd_overlay.png"]
    assert images[0]["loading"] == "lazy"
    assert "&lt;b&gt;dark&lt;/b&gt;" in text
    assert "<b>dark" not in text
    assert [attributes for tag, attributes in page.tags if tag == "script"] == [
        {"type": "application/json", "id": "part:data"}, {}
    ]  # fmt: skip
    (policy,) = (of["content"] for tag, of in page.tags if of.get("http-equiv"))
    assert policy.startswith("default-src 'none'; img-src 'self' file:; ")
    script = text.rpartition("<script>")[2].partition("</script>")[0]
    digest = b64encode(sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy
    assert not any(name in of for _, of in page.tags for name in ("style", "onclick", "onload"))
    assert "http" not in text.replace("http-equiv", "").replace("http://www.w3.org/2000/svg", "")


FIGURES = "brain mask N mL &middot; CSF N mL &middot; GM N mL &middot; WM N mL"


def test_cards_list_the_volumes_of_tissues_only(cohort):
    record = sidecar_of("speckled", 0.45)
    record["ImageQuality"] = {"Values": {"atypical_ml": 3.0}, "Units": {"atypical_ml": "mL"}}
    store(cohort, "speckled", record)
    summarise(cohort)
    (row,) = (row for row in rows(cohort / "cohort.tsv") if row["identifier"] == "speckled")
    assert float(row["atypical_ml"]) == 3
    text = (cohort / "cohort_report.html").read_text()
    listed = set(re.findall(r'class="figures">([^<]+)<', text))
    assert len(listed) > 2
    assert all(re.sub(r"\d+", "N", line) == FIGURES for line in listed)


GRAVE = (note("soft", "cut"), look_closely("share", "much GM"), do_not_trust("size", "small"))


def test_verdict_and_reasons_are_columns_the_gravest_first(cohort):
    store(cohort, "grave", sidecar_of("grave", 0.45, warnings=GRAVE))
    summarise(cohort)
    table = {row["identifier"]: row for row in rows(cohort / "cohort.tsv")}
    names = ("verdict", "reason_codes", "reasons")
    assert [table["grave"][name] for name in names] == ["do not trust", "size | share", "small | much GM"]
    assert [table["s00"][name] for name in names] == ["trust", "n/a", "n/a"]
    assert [table["'=bad"][name] for name in names] == ["n/a"] * 3
    described = json.loads((cohort / "cohort.json").read_text())
    assert set(described["verdict"]["Levels"]) == {"trust", "look closely", "do not trust"}
    assert "group" not in described


def test_cards_have_a_badge_and_go_by_verdict_then_by_distance(cohort):
    """One grave scan comes before many trifles, and an outlier before others of its verdict."""
    store(cohort, "grave", sidecar_of("grave", 0.45, warnings=GRAVE))
    trifles = [look_closely(code, code) for code in "abc"]
    store(cohort, "near", sidecar_of("near", 0.45, warnings=trifles))
    store(cohort, "far", sidecar_of("far", 0.58, warnings=trifles[:1]))
    store(cohort, "noted", sidecar_of("noted", 0.45, warnings=GRAVE[:1]))
    summarise(cohort)
    page, text = page_of(cohort), (cohort / "cohort_report.html").read_text()
    assert list(page.cards)[:2] == ["grave", "far"]
    assert set(list(page.cards)[2:4]) == {"near", "warned"}
    assert list(page.cards)[4] == "odd"
    assert page.cards["far"] == {"card", "look-closely", "to-look-at", "out-of-line"}
    assert page.cards["odd"] == {"card", "trust", "to-look-at", "out-of-line"}
    assert page.cards["noted"] == {"card", "trust"}
    assert text.count('<span class="badge do-not-trust">do not trust</span>') == 1
    assert text.count('<span class="badge trust">trust</span>') == 32
    for name, number in (("card", 36), ("to-look-at", 5), ("look-closely", 3), ("out-of-line", 2)):
        assert f'id="show:{name}"' in text
        assert re.search(rf'id="show:{name}"[^>]*>[a-z ]+ \({number}\)<', text)
        assert name == "card" or f'main:has([id="show:{name}"]:checked) .card:not(.{name})' in text


@pytest.fixture
def two_scanners(tmp_path):
    """Ten scans of each of two scanners that show unlike shares of GM, three of a third, one of none."""
    groups = {}
    for site, middle, count in (("A", 0.40, 10), ("<i>B", 0.50, 10), ("C", 0.60, 3), (None, 0.45, 1)):
        for k, share in enumerate(np.linspace(middle - 0.005, middle + 0.005, count)):
            name = f"{site[-1] if site else 'none'}{k}"
            store(tmp_path, name, sidecar_of(name, float(share)))
            groups |= {name: site} if site else {}
    store(tmp_path, "A_odd", sidecar_of("A_odd", 0.5))  # as scanner B shows all
    groups["A_odd"] = "A"
    return tmp_path, Groups("site", "participants.tsv", groups)


def test_outliers_are_judged_within_groups(two_scanners):
    output, groups = two_scanners
    assert sum(bool(scan.outlying) for scan in summarise(output).checked) == 0
    assert "group" not in rows(output / "cohort.tsv")[0]
    summarise(output, groups=groups)
    table = {row["identifier"]: row for row in rows(output / "cohort.tsv")}
    assert [name for name, row in table.items() if row["outlier_in"] != "n/a"] == ["A_odd"]
    assert (table["A_odd"]["group"], table["none0"]["group"]) == ("A", "n/a")
    assert {table[name]["outlier_score"] for name in ("C0", "C1", "C2", "none0")} == {"n/a"}
    described = json.loads((output / "cohort.json").read_text())
    assert list(described) == list(table["A0"])
    assert described["group"] == {"Description": "site of the participant, within which outliers are judged"}
    text = (output / "cohort_report.html").read_text()
    assert "Not compared: 3 scans of 1 group below 8 scans, 1 scan without site." in text
    assert "<title>A: median 0.40" in text
    assert "&lt;i&gt;B" in text
    assert "<i>" not in text


def test_groups_of_no_scan_are_refused(two_scanners):
    with pytest.raises(CohortError, match=r"participants.tsv: has the site of none of the scans"):
        summarise(two_scanners[0], groups=Groups("site", "participants.tsv", {"07": "A"}))


def test_a_folder_without_results_is_refused(tmp_path):
    with pytest.raises(CohortError, match="no results there"):
        summarise(tmp_path)
