from __future__ import annotations

import pytest
from sidecars import sidecar_of, store

from mriseg.cohort.merged_table import check_table
from mriseg.cohort.record import Record
from mriseg.errors import CohortError
from mriseg.qc import look_closely


@pytest.fixture
def parts(tmp_path):
    """A part with a scan that has a warning, one with a scan that failed; both have a scan s1."""
    dark = [look_closely("share", "dark, \u00bb1\u00ab")]
    store(tmp_path / "p1", "s1", sidecar_of("s1", 0.45, warnings=dark))
    store(tmp_path / "p2", "s1", sidecar_of("s1", 1 / 3, similarity=None))
    Record("=bad", "=bad.nii.gz", "=bad", seconds=1.5).failed("cannot be read").write(tmp_path / "p2")
    return tmp_path


def test_the_tables_of_parts_become_one_with_types(run, parts):
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    done = run("summarise", "p1", "p2", "--table", "all.parquet")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "3 rows in all.parquet"
    assert (parts / "p1" / "cohort.tsv").exists()
    table = parquet.read_table(parts / "all.parquet")
    rows = {(row["part"], row["identifier"]): row for row in table.to_pylist()}
    assert list(rows) == [("p1", "s1"), ("p2", "=bad"), ("p2", "s1")]
    header = (parts / "p2" / "cohort.tsv").read_text().splitlines()[0].split("\t")
    assert table.column_names == ["part", *header]
    # Numbers are numbers, not rounded as in the text; texts are as they are, without what protects cells.
    assert rows["p2", "s1"]["GM_fraction"] == 1 / 3
    assert rows["p1", "s1"]["reasons"] == "dark, \u00bb1\u00ab"
    assert rows["p2", "s1"]["reasons"] is rows["p2", "s1"]["similarity"] is None
    failed = rows["p2", "=bad"]
    assert (failed["status"], failed["seconds"], failed["GM_ml"]) == ("failed", 1.5, None)
    assert {str(kind) for kind in table.schema.types} == {"string", "double"}
    assert table.schema.field("GM_ml").metadata[b"Units"] == b"mL"


def test_a_part_without_results_stops_no_other(run, parts):
    """Such as that of a task that was stopped in its first scan; but the exit code says so."""
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    (parts / "p0").mkdir()
    done = run("summarise", "p0", "p1", "misspelt", "p2", "--table", "all.parquet")
    assert done.returncode == 3
    assert [line.partition("; ")[0] for line in done.stderr.splitlines()] == [
        "mriseg: error: p0: no results there",
        "mriseg: error: misspelt: no results there",
    ]
    assert parquet.read_table(parts / "all.parquet").num_rows == 3
    assert run("summarise", "p0", "--table", "none.parquet").returncode == 1
    assert not (parts / "none.parquet").exists()


def test_a_column_of_no_value_is_one_of_numbers(run, parts):
    """Tables of several runs can be joined, whatever is known in each."""
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    run("summarise", "p2", "--table", "one.parquet")
    schema = parquet.read_schema(parts / "one.parquet")
    assert str(schema.field("similarity").type) == "double"


def test_another_name_is_refused_before_anything_is_written(run, parts):
    done = run("summarise", "p1", "--table", "all.csv")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "all.csv: is no name of a Parquet file" in done.stderr
    assert not (parts / "p1" / "cohort.tsv").exists()


def test_without_pyarrow_its_name_is_said(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(CohortError, match="needs pyarrow: pip install pyarrow"):
        check_table(tmp_path / "all.parquet")
