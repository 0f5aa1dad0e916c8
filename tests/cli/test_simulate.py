from __future__ import annotations

import csv
import io
import json

import nibabel as nib
import numpy as np
import pytest
from typer.testing import CliRunner

from mriseg.cli import app
from mriseg.errors import ImageError, OutputError
from mriseg.labels.numbers import label_numbers, parse_intensities, parse_label_map, read_label_table


def _run(*words):
    done = CliRunner().invoke(app, [str(word) for word in words])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("phantom")
    done = _run("simulate", "-o", folder, "--zooms", "2", "2", "3", "--noise", "4", "--bias", "30")
    assert done.exit_code == 0, done.output
    return folder


def test_simulate_segment_evaluate(simulated, tmp_path):
    assert _run("segment", simulated / "phantom_T1w.nii.gz", "-o", tmp_path, "-q").exit_code == 0
    done = _run("evaluate", tmp_path / "phantom_dseg.nii.gz", simulated / "phantom_dseg.nii.gz", "-f", "json")
    figures = json.loads(done.stdout)
    assert min(figure["dice"] for figure in figures.values()) > 0.9


def test_what_simulate_writes(simulated):
    names = sorted(path.name for path in simulated.iterdir())
    truths = ["desc-bias_field", "dseg", *(f"label-{t}_probseg" for t in ("CSF", "GM", "WM"))]
    assert names == sorted(f"phantom_{name}.nii.gz" for name in ("T1w", *truths))
    scan = nib.load(simulated / "phantom_T1w.nii.gz")
    np.testing.assert_allclose(scan.header.get_zooms(), (2, 2, 3))


def test_every_option_of_simulate_changes_the_scan(simulated, tmp_path):
    usual = {"--zooms": ("2", "2", "3"), "--noise": ("4",), "--bias": ("30",)}
    reference = nib.load(simulated / "phantom_T1w.nii.gz").get_fdata()
    changes = {
        "--noise": ("2",),
        "--bias": ("10",),
        "--seed": ("5",),
        "--intensities": ("CSF=20,GM=80,WM=90",),
    }
    for number, (option, value) in enumerate(changes.items()):
        words = [word for key, values in (usual | {option: value}).items() for word in (key, *values)]
        _run("simulate", "-o", tmp_path / str(number), *words)
        scan = nib.load(tmp_path / str(number) / "phantom_T1w.nii.gz").get_fdata()
        assert not np.array_equal(scan, reference), option


def test_a_label_map_with_numbers_of_its_own(simulated, tmp_path):
    source = nib.load(simulated / "phantom_dseg.nii.gz")
    labels = np.asarray(source.dataobj) + 10
    path = tmp_path / "model.nii.gz"
    nib.save(nib.Nifti1Image(labels, source.affine), path)
    mapping = "11=GM,12=WM,13=CSF"
    assert _run("simulate", path, "--map", mapping, "-o", tmp_path / "out", "--noise", "0").exit_code == 0
    done = _run("evaluate", simulated / "phantom_dseg.nii.gz", path, "--map", mapping, "-f", "tsv")
    other = _run("evaluate", path, simulated / "phantom_dseg.nii.gz", "--map-labels", mapping, "-f", "tsv")
    assert [row.split("\t")[1] for row in other.stdout.splitlines()] == [
        row.split("\t")[1] for row in done.stdout.splitlines()
    ]
    rows = list(csv.DictReader(io.StringIO(done.stdout), delimiter="\t"))
    assert [row["dice"] for row in rows] == ["1.0000"] * 3
    path.with_name("model.tsv").write_text("index\tname\n11\tGray Matter\n12\tWhite Matter\n13\tCSF\n")
    assert label_numbers(path, None) == {11: 1, 12: 2, 13: 3}


def test_figures_only_inside_the_truth(simulated, tmp_path):
    source = nib.load(simulated / "phantom_dseg.nii.gz")
    labels = np.asarray(source.dataobj).copy()
    labels[labels == 0] = 1
    nib.save(nib.Nifti1Image(labels, source.affine), tmp_path / "wide.nii.gz")
    words = ("evaluate", tmp_path / "wide.nii.gz", simulated / "phantom_dseg.nii.gz", "-f", "json")
    assert json.loads(_run(*words).stdout)["GM"]["dice"] < 0.9
    assert json.loads(_run(*words, "--inside").stdout)["GM"]["dice"] == 1
    assert "Hausdorff" in _run(*words[:3]).stdout


def test_what_is_undefined_is_not_available(simulated, tmp_path):
    source = nib.load(simulated / "phantom_dseg.nii.gz")
    labels = np.asarray(source.dataobj).copy()
    labels[labels == 2] = 0
    nib.save(nib.Nifti1Image(labels, source.affine), tmp_path / "grey.nii.gz")
    rows = [line.split() for line in _run("evaluate", *2 * [tmp_path / "grey.nii.gz"]).stdout.splitlines()]
    assert rows[2] == ["GM", "1.000", "+0.0%", "0.00", "mm"]
    assert rows[3] == ["WM", "n/a", "n/a", "n/a"]


@pytest.mark.parametrize(
    "words",
    [
        ("--intensities", "CSF=nan,GM=1,WM=2"), ("--intensities", "CSF=-1,GM=1,WM=2"), ("--noise", "inf"),
        ("--zooms", "100", "100", "100"), ("--zooms", "0", "1", "1"),
    ],
)  # fmt: skip
def test_settings_that_make_no_scan_write_nothing(tmp_path, words):
    with pytest.raises(ImageError) as caught:
        _run("simulate", *words, "-o", tmp_path / "out")
    assert len(str(caught.value).splitlines()) == 1
    assert _run("simulate", "--noise", "nan", "-o", tmp_path / "out").exit_code == 2
    assert not (tmp_path / "out").exists()


def test_wrong_input_is_refused(simulated, tmp_path):
    scan, labels = simulated / "phantom_T1w.nii.gz", simulated / "phantom_dseg.nii.gz"
    nib.save(nib.Nifti1Image(np.ones((5, 5, 5), dtype=np.uint8) * np.eye(5, dtype=np.uint8), np.eye(4)),
             tmp_path / "small.nii.gz")  # fmt: skip
    with pytest.raises(ImageError, match="not on the grid"):
        _run("evaluate", tmp_path / "small.nii.gz", labels)
    with pytest.raises(OutputError, match="overwrite"):
        _run("simulate", "-o", simulated)
    with pytest.raises(ImageError, match="none of the tissues"):
        _run("simulate", labels, "--map", "77=GM", "-o", tmp_path / "none")
    with pytest.raises(ImageError, match="no whole numbers"):
        _run("simulate", scan, "-o", tmp_path / "none")
    for wrong in ("1:GM", "1=CSF,1=GM"):
        assert _run("evaluate", scan, labels, "--map", wrong).exit_code == 2
    assert _run("simulate", "--intensities", "GM=3", "-o", tmp_path / "none").exit_code == 2
    (tmp_path / "table.tsv").write_text("index\tname\n1\tLiver\n")
    with pytest.raises(ImageError, match="names none"):
        read_label_table(tmp_path / "table.tsv")
    for wrong in ("1=GM,", "x=GM", "1=Liver"):
        with pytest.raises(ValueError, match="NUMBER=TISSUE"):
            parse_label_map(wrong)
    with pytest.raises(ValueError, match="each of"):
        parse_intensities("CSF=1,GM=2")
