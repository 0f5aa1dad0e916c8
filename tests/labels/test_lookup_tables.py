"""Each look-up table is read back as its program reads it."""

from __future__ import annotations

import csv
import json
import re

import numpy as np
import pytest

from mriseg.labels.lookup_tables import FORMATS
from mriseg.labels.tissues import CSF, GM, WM

TISSUES = (GM, WM, CSF)
COLORS = {t.index: tuple(int(t.color[i : i + 2], 16) for i in (1, 3, 5)) for t in TISSUES}


@pytest.fixture(scope="module")
def tables(ball_result, tmp_path_factory):
    folder = tmp_path_factory.mktemp("luts")
    ball_result.save(folder, luts=FORMATS, report=False)
    files = {program: next(folder.glob(f"*_lut-{program}.*")) for program in FORMATS}
    files["bids"] = folder / "sub-ball_dseg.tsv"
    return {program: file.read_text() for program, file in files.items()}


def test_itksnap(tables):
    lines = tables["itksnap"].splitlines()
    assert lines[1] == "# ITK-SnAP Label Description File"
    assert lines[3] == "# IDX   -R-  -G-  -B-  -A--  VIS MSH  LABEL"
    assert [len(line) for line in lines if set(line) == {"#"}] == [48, 48]
    rows = [re.fullmatch(r'\s*(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s+([\d.]+)\s+([01])\s+([01])\s+"(.*)"', line)
            for line in lines if not line.startswith("#")]  # fmt: skip
    assert [rows[0][8], rows[0][5], rows[0][6]] == ["Clear Label", "0", "0"]
    read = {int(row[1]): (tuple(int(row[i]) for i in (2, 3, 4)), row[8]) for row in rows[1:]}
    assert read == {t.index: (COLORS[t.index], t.name) for t in TISSUES}
    assert all((row[5], row[6], row[7]) == ("1", "1", "1") for row in rows[1:])


def test_fsleyes(tables):
    read = {}
    for line in tables["fsleyes"].splitlines():
        number, red, green, blue, name = line.split(" ", 4)
        shades = [float(shade) for shade in (red, green, blue)]
        assert all(0 <= shade <= 1 for shade in shades)
        read[int(number)] = (tuple(round(255 * shade) for shade in shades), name)
    assert read == {t.index: (COLORS[t.index], t.name) for t in TISSUES}


@pytest.mark.parametrize(("program", "opaque"), [("slicer", 255), ("freesurfer", 0)])
def test_slicer_has_opacity_and_freesurfer_transparency(tables, program, opaque):
    rows = [line.split() for line in tables[program].splitlines() if not line.startswith("#")]
    assert all(len(row) == 6 for row in rows)  # names of one word
    read = {int(row[0]): (row[1], tuple(map(int, row[2:5])), int(row[5])) for row in rows}
    assert read.pop(0)[1] == (0, 0, 0)
    assert read == {t.index: (t.name.replace(" ", "_"), COLORS[t.index], opaque) for t in TISSUES}


def test_niivue(tables):
    colormap = json.loads(tables["niivue"])
    assert colormap["I"] == [0, 1, 2, 3]
    assert colormap["A"][0] == 0
    assert colormap["labels"][1:] == [t.name for t in TISSUES]
    np.testing.assert_array_equal(
        np.transpose([colormap[c] for c in "RGB"])[1:], [COLORS[t.index] for t in TISSUES]
    )


def test_bids_table_has_the_colours_of_the_pictures(tables):
    rows = {int(row["index"]): row for row in csv.DictReader(tables["bids"].splitlines(), delimiter="\t")}
    assert {n: row["color"] for n, row in rows.items() if n} == {t.index: t.color for t in TISSUES}
