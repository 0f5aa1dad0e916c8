"""``mriseg mixture``: the table in, figures, files and errors out."""

import csv
import gzip
import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mriseg.cli import main

TABLES = Path(__file__).parents[1] / "reference"
FILES = ["faithful_labels.csv", "faithful_mixture.json", "faithful_mixture.png"]


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run the command in this process, from the test's own folder: exit code, stdout, stderr."""

    def run_on_worker(*arguments):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["mriseg", "mixture", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code or 0
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run_on_worker


def result(folder, name="faithful"):
    return json.loads((folder / f"{name}_mixture.json").read_text())


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_chooses_prints_and_writes(run, tmp_path):
    code, out, err = run(TABLES / "faithful.csv", "--components", "2:3", "--model", "EEE,VVV")
    assert (code, err) == (0, "")
    assert "3 files in faithful_mixture" in out
    assert sum("*" in line for line in out.splitlines()) == 2  # the cell chosen, and the legend
    folder = tmp_path / "faithful_mixture"
    assert sorted(path.name for path in folder.iterdir()) == FILES
    found = result(folder)
    assert (found["model"], found["n_components"]) == ("EEE", 3)
    assert found["bic"] == pytest.approx(2314.3, abs=0.1)
    assert [(c["model"], c["n_components"]) for c in found["candidates"]] == [
        ("EEE", 2), ("EEE", 3), ("VVV", 2), ("VVV", 3),
    ]  # fmt: skip
    labels = rows(folder / "faithful_labels.csv")
    probabilities = np.array([[float(row[f"probability_{k}"]) for k in range(3)] for row in labels])
    assert probabilities.shape == (272, 3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)
    assert [int(row["component"]) for row in labels] == probabilities.argmax(axis=1).tolist()
    np.testing.assert_allclose(probabilities.mean(axis=0), found["weights"], atol=1e-3)


def test_the_whole_program_prints_the_parameters(tmp_path):
    arguments = [TABLES / "faithful.csv", "--columns", "eruptions", "--components", "2", "--model", "V"]
    done = subprocess.run(
        [sys.executable, "-m", "mriseg", "mixture", *map(str, arguments)],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "2.01" in done.stdout
    assert "4.27" in done.stdout
    assert "converged after" in done.stdout


@pytest.mark.slow
def test_every_option_changes_something(run, tmp_path):
    table = TABLES / "faithful.csv"
    plain = ("--components", "2:4", "--model", "EEE")
    found = {}
    for name, options in {
        "plain": (), "columns": ("--columns", "eruptions"), "weights": ("--weights", "waiting"),
        "components": ("--components", "2"), "model": ("--model", "EII"),
    }.items():  # fmt: skip
        code, _out, err = run(table, *plain, *options, "-o", name)
        assert (code, err) == (0, "")
        found[name] = result(tmp_path / name)
        found[name].pop("software")
    values = [json.dumps(value) for value in found.values()]
    assert len(set(values)) == len(values)
    assert found["weights"]["columns"] == ["eruptions"]
    assert found["weights"]["total_weight"] == 272 * 70.8970588235294
    assert "ICL" in run(table, *plain, "--criterion", "icl", "-o", "icl")[1]


def test_spaces_in_lists_and_empty_cells_in_other_columns_do_no_harm(run, tmp_path):
    (tmp_path / "t.csv").write_text("a,b,c\n1,5,\n2,3,x\n4,4,1\n3,9,2\n")
    options = ("--components", "1", "--model", "EII, EEI")
    assert run("t.csv", "--columns", "a, b", *options, "-o", "named")[0] == 0
    assert run("t.csv", *options, "-o", "all")[0] == 0
    assert (
        result(tmp_path / "named", "t")["columns"] == result(tmp_path / "all", "t")["columns"] == ["a", "b"]
    )


def test_a_sample_is_drawn_by_its_seed(run, tmp_path):
    options = ("--components", "2", "--model", "VVV", "--sample", "50")
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert run(TABLES / "faithful.csv", *options, "--seed", seed, "-o", name)[0] == 0
    a, b, c = (rows(tmp_path / name / "faithful_sample.csv") for name in "abc")
    assert a == b != c
    assert len(a) == 50
    assert list(a[0]) == ["eruptions", "waiting", "component"]


def test_earlier_results_are_replaced_only_when_asked(run, tmp_path):
    options = (TABLES / "faithful.csv", "--components", "1", "--model", "EII")
    assert run(*options)[0] == 0
    before = (tmp_path / "faithful_mixture" / "faithful_mixture.json").read_bytes()
    code, out, err = run(*options, "--columns", "eruptions")
    assert (code, out) == (1, "")
    assert err.count("\n") == 1
    assert "--overwrite" in err
    assert (tmp_path / "faithful_mixture" / "faithful_mixture.json").read_bytes() == before
    assert run(*options, "--overwrite")[0] == 0
    assert (tmp_path / "faithful_mixture" / "faithful_mixture.json").read_bytes() == before


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (None, (), "cannot be read"),
        ("", (), "header"),
        ("a,b\n", (), "header"),
        (
            "a,b\nx,y\n",
            (),
            "no column holds numbers that differ (a: text, such as 'x'; b: text, such as 'y')",
        ),
        ("a,b\n1,2\n3,4\n", ("--columns", "c"), "no column 'c'; there are a, b"),
        (
            "a,b\n1,2\n3,\n5,4\n",
            (),
            "line 3, column 'b': '' is no number; --missing drop leaves such rows out",
        ),
        ("a,b\n,2\n3,4\n5,6\n", (), "line 2, column 'a': '' is no number"),
        ("a,b\n\n1,2\n\n3,\n5,4\n", (), "line 5, column 'b': '' is no number"),
        ("a,b\n1,2\n3,4,5\n", (), "line 3: 3 cells, and the header has 2"),
        ("a,b\n1\n3,4\n", ("--columns", "a"), "line 2: 1 cells, and the header has 2"),
        ("1,2\n3,4\n", (), "has no header"),
        ("a,b\n1,2\n3,4\n", ("--columns", "a,a"), "column 'a' is asked for twice"),
        ("a,a\n1,2\n3,4\n", (), "two columns are named 'a'"),
        ("a,b\n1,2\n", (), "no column holds numbers that differ (a: constant, 1; b: constant, 2)"),
        ("a,b\n1,2\n2,2\n3,2\n", ("--columns", "a,b"), "column 1 is constant"),
        ("a\n1\n2\nnan\n", (), "line 4, column 'a': 'nan' is no number; --missing drop"),
        ("a,b\n1,\n,2\n3,\n,4\n", ("--missing", "drop"), "a value is missing in every row"),
        ("a\n1\n2\ninf\n", (), "line 4, column 'a': 'inf' is no number but infinite"),
        ("a\n1\n1\n1\n", (), "constant"),
        ("a\n1\n2\n3\n", ("--model", "VVX"), "no covariance model 'VVX'"),
        ("a,w\n1,1\n2,-1\n", ("--weights", "w"), "sample_weight"),
        ("a\n1\n2\n", ("--components", "7"), "cannot make 7"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(run, tmp_path, content, options, message):
    table = tmp_path / "table.csv"
    if content is not None:
        table.write_text(content)
    code, out, err = run(table, *options)
    assert (code, out) == (1, "")
    assert err.count("\n") == 1
    assert err.startswith("mriseg: error: ")
    assert "table.csv" in err
    assert message in err
    assert not (tmp_path / "table_mixture").exists()


@pytest.mark.parametrize("components", ["", "0", "3:1", "two", "1:"])
def test_components_that_are_no_numbers_are_wrong_usage(run, components):
    assert run(TABLES / "faithful.csv", "--components", components)[0] == 2


def test_semicolons_and_tabs_and_a_byte_order_mark(run, tmp_path):
    numbers = np.random.default_rng(0).normal(size=(30, 2))
    for name, mark in (("semicolon", ";"), ("tab", "\t")):
        lines = [mark.join(["height", "width"]), *(mark.join(map(repr, row)) for row in numbers.tolist())]
        (tmp_path / f"{name}.csv").write_text("\ufeff" + "\n".join(lines) + "\n", encoding="utf-8")
        assert run(f"{name}.csv", "--components", "1", "--model", "VVV")[0] == 0
        found = result(tmp_path / f"{name}_mixture", name)
        assert found["columns"] == ["height", "width"]
        np.testing.assert_allclose(found["means"][0], numbers.mean(axis=0))


def test_column_names_that_mean_harm_do_none(run, tmp_path):
    rows = "\n".join(f"{i % 7},{i % 5},{i % 3}" for i in range(60))
    (tmp_path / "nasty.csv").write_text('"=cmd\x1b[2J",$\\frac$,"c,d"\n' + rows + "\n")
    code, stdout, stderr = run("nasty.csv", "--components", "1:2", "--sample", "3", "-o", "out")
    assert (code, stderr) == (0, "")
    assert "\x1b" not in stdout
    with (tmp_path / "out" / "nasty_sample.csv").open(newline="") as file:
        header, *points = csv.reader(file)
    assert header == [r"'=cmd\x1b[2J", r"$\frac$", "c,d", "component"]
    assert [len(point) for point in points] == [4, 4, 4]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"a,a\n1,2\n3,4\n5,7\n", "two columns are named 'a'"),
        (b"a\n1e308\n-1e308\n1e307\n5\n", "rescale them"),
        (b"a\n1\nnan\n3\n", "is no number; --missing drop"),
        (b"a\n\xff\n", "cannot be read as a table"),
        (b"a\n" + b"9" * 200_000 + b"\n", "cannot be read as a table"),
    ],
)
def test_tables_that_cannot_be_fitted_are_one_line(run, tmp_path, text, says):
    (tmp_path / "bad.csv").write_bytes(text)
    code, _, stderr = run("bad.csv", "--components", "1")
    assert code == 1
    (line,) = stderr.splitlines()
    assert line.startswith("mriseg: error: bad.csv: ")
    assert says in line


ONE = ("--components", "1", "--model", "EII", "-o", "out")


def fitted_columns(run, tmp_path, text, *options):
    (tmp_path / "t.csv").write_text(text)
    code, out, err = run("t.csv", *ONE, "--overwrite", *options)
    assert (code, err) == (0, "")
    found = result(tmp_path / "out", "t")
    return found["columns"], found["columns_left_out"], out


@pytest.mark.parametrize("name", ["", "Unnamed: 0", "index", "subject_id"])
@pytest.mark.parametrize("first", [0, 1])
def test_an_index_is_no_dimension_and_is_named(run, tmp_path, name, first):
    body = "\n".join(f"{i + first},{i % 5},{i % 3}" for i in range(30))
    columns, left_out, out = fitted_columns(run, tmp_path, f"{name},a,b\n{body}\n")
    assert columns == ["a", "b"]
    assert left_out == {name: "an index"}
    assert f"columns left out: {name or 'the first'} (an index)" in out


@pytest.mark.parametrize("name", ["id", ""])
def test_a_first_column_that_does_not_count_rows_is_a_dimension(run, tmp_path, name):
    body = "\n".join(f"{i * 2},{i % 5}" for i in range(30))
    assert fitted_columns(run, tmp_path, f"{name},a\n{body}\n")[0] == [name, "a"]


@pytest.mark.parametrize("blank", ["", "NA", "nan", "NULL", "."])
@pytest.mark.parametrize("row", [0, 7, 29])
def test_rows_that_lack_a_value_are_named_or_left_out(run, tmp_path, blank, row):
    """A blank first cell must not make a text column of its column."""
    cells = [[str(i % 7), str(i % 5)] for i in range(30)]
    cells[row][0] = blank
    text = "a,b\n" + "\n".join(",".join(pair) for pair in cells) + "\n"
    (tmp_path / "t.csv").write_text(text)
    code, _out, err = run("t.csv", *ONE)
    assert code == 1
    assert f"line {row + 2}, column 'a': {blank!r} is no number; --missing drop" in err
    columns, _, out = fitted_columns(run, tmp_path, text, "--missing", "drop")
    assert columns == ["a", "b"]
    assert "rows left out for missing values: 1 of 30" in out
    labels = rows(tmp_path / "out" / "t_labels.csv")
    assert [i for i, label in enumerate(labels) if not label["component"]] == [row]
    assert len(labels) == 30


def test_text_empty_and_constant_columns_are_left_out_by_name(run, tmp_path):
    body = "\n".join(f"{i % 7},x{i},,5,{i % 2 == 0}" for i in range(30))
    columns, left_out, out = fitted_columns(run, tmp_path, f"a,t,e,c,flag\n{body}\n")
    assert columns == ["a", "flag"]
    assert left_out == {"t": "text, such as 'x0'", "e": "empty", "c": "constant, 5"}
    assert "columns left out: t (text, such as 'x0'), e (empty), c (constant, 5)" in out


def test_decimal_commas_compressed_files_and_standard_input(run, tmp_path, monkeypatch):
    numbers = np.random.default_rng(0).normal(size=(40, 2)).round(4)
    plain = "a;b\n" + "\n".join(f"{x};{y}" for x, y in numbers) + "\n"
    columns, _, _ = fitted_columns(run, tmp_path, plain.replace(".", ","))
    assert columns == ["a", "b"]
    np.testing.assert_allclose(result(tmp_path / "out", "t")["means"][0], numbers.mean(axis=0))
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(plain.encode()))
    assert run("t.csv.gz", *ONE, "--overwrite")[0] == 0
    np.testing.assert_allclose(result(tmp_path / "out", "t")["means"][0], numbers.mean(axis=0))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(plain.encode())))
    assert run("-", *ONE, "--overwrite")[0] == 0
    np.testing.assert_allclose(result(tmp_path / "out", "stdin")["means"][0], numbers.mean(axis=0))
    (tmp_path / "bad.csv.gz").write_bytes(b"no gzip")
    assert "cannot be read as a table" in run("bad.csv.gz", *ONE)[2]


def test_parquet_is_read_or_what_it_needs_is_said(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    code, _, err = run("t.parquet", *ONE)
    assert code == 1
    assert err.count("\n") == 1
    assert "pip install pyarrow" in err


def test_parquet_gives_the_fit_of_the_same_csv(run, tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    numbers = np.random.default_rng(0).normal(size=(40, 2))
    table = {"a": numbers[:, 0].tolist(), "b": [*numbers[:39, 1].tolist(), None]}
    parquet.write_table(pyarrow.table(table), tmp_path / "t.parquet")
    assert run("t.parquet", *ONE, "--missing", "drop")[0] == 0
    np.testing.assert_allclose(result(tmp_path / "out", "t")["means"][0], numbers[:39].mean(axis=0))
