from __future__ import annotations

import csv
import json
from html.parser import HTMLParser

import numpy as np
import pytest
from sidecars import minimal_sidecar

from mriseg.cohort.constants import OUTLIER_LIMIT
from mriseg.cohort.record import Record, collect
from mriseg.cohort.summary import summarise
from mriseg.errors import CohortError
from mriseg.qc import look_closely


def sidecar(name, gm, *, similarity=0.7, warnings=()):
    """What a segmentation leaves, with a given share of GM."""
    shares = {"CSF": 0.2, "GM": gm, "WM": 0.8 - gm}
    classes = {
        tissue: {"Label": 1, "fraction": share, "mean": mean, "sd": 5.0}
        | dict.fromkeys(("ml", "label_ml"), 1500 * share)
        for (tissue, share), mean in zip(shares.items(), (30.0, 70.0, 100.0), strict=True)
    }
    given = [look_closely("share", text) for text in warnings]
    return minimal_sidecar(f"{name}.nii.gz", classes, similarity=similarity, warnings=given)


def store(output, name, content):
    (output / name).mkdir(parents=True)
    (output / name / f"{name}_dseg.json").write_text(json.dumps(content))


@pytest.fixture
def cohort(tmp_path):
    """Thirty scans alike, one with too much GM, one with a warning, one that failed."""
    for k, share in enumerate(np.linspace(0.43, 0.47, 30)):
        store(tmp_path, f"s{k:02}", sidecar(f"s{k:02}", float(share)))
    store(tmp_path, "odd", sidecar("odd", 0.6))
    store(tmp_path, "warned", sidecar("warned", 0.45, similarity=None, warnings=["<b>dark</b>"]))
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
    store(cohort, "seen", sidecar("seen", 0.45) | {"ImageQuality": {"Values": values, "Units": {}}})
    summarise(cohort)
    table = {row["identifier"]: row for row in rows(cohort / "cohort.tsv")}
    assert table["seen"]["cjv"] == "0.31"
    assert table["seen"]["ghost_x"] == table["odd"]["cjv"] == "n/a"  # the others are of an earlier version
    assert table["odd"]["similarity"] == "0.7"
    described = json.loads((cohort / "cohort.json").read_text())
    assert list(described) == list(table["seen"])
    assert all(of["Description"] for of in described.values())
    assert described["fwhm_x"]["Units"] == "mm"
    assert described["GM_label_ml"] == {"Description": "Volume of GM by its labels", "Units": "mL"}


def test_a_scan_done_after_it_failed_is_no_failure(cohort):
    summarise(cohort)
    store(cohort, "=bad", sidecar("=bad", 0.45))
    summarise(cohort)
    assert not (cohort / "failures.tsv").exists()
    assert {record.status for record in collect(cohort)} == {"done"}


class Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.cards, self.tags, self.fine = [], [], 0

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.tags.append((tag, attributes))
        if (attributes.get("class") or "").startswith("card ") or attributes.get("class") == "card":
            self.cards.append(attributes["id"])
            self.fine += "fine" in attributes["class"]


def test_the_page_shows_the_most_suspicious_first_and_runs_nothing(cohort):
    (cohort / "odd" / "odd_overlay.png").touch()
    summarise(cohort)
    text = (cohort / "cohort_report.html").read_text()
    page = Page()
    page.feed(text)
    assert page.cards[:2] == ["odd", "warned"]
    assert len(page.cards) == 32
    assert page.fine == 30
    images = [attributes for tag, attributes in page.tags if tag == "img"]
    assert [image["src"] for image in images] == ["./odd/odd_overlay.png"]
    assert images[0]["loading"] == "lazy"
    assert "&lt;b&gt;dark&lt;/b&gt;" in text
    assert "<b>dark" not in text
    assert "script" not in {tag for tag, _ in page.tags}
    assert "default-src 'none'" in text
    assert "http" not in text.replace("http-equiv", "")


def test_a_folder_without_results_is_refused(tmp_path):
    with pytest.raises(CohortError, match="no results there"):
        summarise(tmp_path)
