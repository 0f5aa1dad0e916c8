"""The tables and figures under tests/reference, read for the tests."""

import csv
import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from script_files import script_module

ROOT = Path(__file__).parents[1]
SCANS = Path(os.environ.get("MRISEG_TEST_DATA", ROOT.parent / "shared" / "data"))


def rows(name):
    """Return the rows of a table as dictionaries of strings."""
    with (ROOT / "tests" / "reference" / name).open(newline="") as file:
        return list(csv.DictReader(file))


def columns(name, count=None):
    """Return the first columns of a table as an array."""
    return np.array([[float(value) for value in list(row.values())[:count]] for row in rows(name)])


@cache
def dataset(name):
    """Return one of the tables that mclust was run on; skip where a scan is not at hand."""
    if name == "ibsr01":
        return scan_sample()[:, None]
    return {
        "faithful": lambda: columns("faithful.csv"),
        "eruptions": lambda: columns("faithful.csv", 1),
        "iris": lambda: columns("iris.csv", 4),
    }[name]()


def scan_sample():
    """Draw the intensities of ibsr01 again, by the script that drew them for mclust."""
    if not (SCANS / "bids" / "sub-ibsr01").is_dir():
        pytest.skip(f"the scan ibsr01 is not under {SCANS}")
    return script_module("reference/scan_sample").scan_sample(SCANS)


def partition(name, n_components):
    """Return the labels from which mclust started."""
    if name in {"faithful", "iris"}:
        return columns(f"mclust_{name}_partitions.csv")[:, n_components - 1].astype(int) - 1
    cuts = [
        float(row["cut"])
        for row in rows("mclust_breaks.csv")
        if row["dataset"] == name and int(row["n_components"]) == n_components
    ]
    return np.searchsorted(cuts, dataset(name)[:, 0], side="right")
