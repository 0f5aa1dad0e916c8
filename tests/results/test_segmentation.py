from __future__ import annotations

import csv
import hashlib
import json
import platform
import shutil
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK

import mriseg
from mriseg.qc import look_closely
from mriseg.results.segmentation import sidecar_without_files, written_files
from mriseg.results.sidecar import SCHEMA_VERSION, write_json
from mriseg.template.contrast import TissueLevels

IMAGES = [
    "dseg",
    "desc-brain_mask",
    "desc-atypicality_map",
    "desc-preproc_T1w",
    "label-CSF_probseg",
    "label-GM_probseg",
    "label-WM_probseg",
]
FILES = [
    *(f"sub-ball_{image}.nii.gz" for image in IMAGES),
    *(f"sub-ball_{rest}.json" for rest in ("desc-preproc_T1w", "desc-brain_mask", "dseg")),
    *(f"sub-ball_{rest}" for rest in ("dseg.tsv", "overlay.png", "report.html", "volumes.tsv")),
]


@pytest.fixture
def saved(ball_result, ball_folder, tmp_path):
    """A segmentation and a copy of its files."""
    return ball_result, Path(shutil.copytree(ball_folder, tmp_path / "out"))


def _table(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def test_these_files_and_no_others(saved):
    _, folder = saved
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)


def test_images_hold_what_the_result_holds(saved):
    result, folder = saved
    read = {name: np.asarray(nib.load(folder / f"sub-ball_{name}.nii.gz").dataobj) for name in IMAGES}
    np.testing.assert_array_equal(read["dseg"], result.labels)
    assert read["dseg"].dtype == np.uint8
    np.testing.assert_array_equal(read["desc-brain_mask"], result.mask)
    assert read["desc-brain_mask"].dtype == np.uint8
    for name, posterior in result.posteriors.items():
        np.testing.assert_array_equal(read[f"label-{name}_probseg"], posterior)
    np.testing.assert_array_equal(read["desc-atypicality_map"], result.atypicality)
    assert read["desc-atypicality_map"].dtype == np.float32
    assert not read["desc-atypicality_map"][~result.mask].any()
    assert (read["desc-atypicality_map"][result.mask] >= 0).all()


def test_without_a_field_there_is_no_corrected_scan_and_none_is_left(saved, ball):
    _, folder = saved
    mriseg.segment(ball, bias=False).save(folder, overwrite=True, report=False)
    assert not (folder / "sub-ball_desc-preproc_T1w.nii.gz").exists()
    assert json.loads((folder / "sub-ball_dseg.json").read_text())["BiasField"]["Order"] == 0


def test_another_reader_sees_the_geometry_of_the_scan(saved, ball):
    _, folder = saved
    scan = SimpleITK.ReadImage(str(ball))
    for path in folder.glob("*.nii.gz"):
        image = SimpleITK.ReadImage(str(path))
        assert image.GetSize() == scan.GetSize()
        np.testing.assert_allclose(image.GetSpacing(), scan.GetSpacing())
        np.testing.assert_allclose(image.GetOrigin(), scan.GetOrigin())
        np.testing.assert_allclose(image.GetDirection(), scan.GetDirection())


def test_no_free_text_of_the_scan_reaches_an_output(saved):
    _, folder = saved
    for path in folder.iterdir():
        assert b"Jane Doe" not in (
            nib.load(path).header.binaryblock if path.suffix == ".gz" else path.read_bytes()
        )


def test_label_table(saved):
    _, folder = saved
    rows = _table(folder / "sub-ball_dseg.tsv")
    assert [(row["index"], row["abbreviation"], row["mapping"]) for row in rows] == [
        ("0", "BG", "0"), ("1", "GM", "1"), ("2", "WM", "2"), ("3", "CSF", "3")]  # fmt: skip
    assert all(len(row["color"]) == 7 for row in rows)


def test_volume_table(saved):
    result, folder = saved
    (row,) = _table(folder / "sub-ball_volumes.tsv")
    assert row["name"] == "sub-ball"
    assert float(row["brain_mask_ml"]) == pytest.approx(np.count_nonzero(result.mask) * 0.036, abs=1e-3)
    for name in ("GM", "WM", "CSF"):
        posterior = nib.load(folder / f"sub-ball_label-{name}_probseg.nii.gz").get_fdata()
        assert float(row[f"{name}_ml"]) == pytest.approx(posterior.sum() * 0.036, abs=2e-3)
        assert float(row[f"{name}_fraction"]) == pytest.approx(posterior.sum() / result.mask.sum(), abs=1e-5)


def test_sidecar(saved, ball):
    result, folder = saved
    sidecar = json.loads((folder / "sub-ball_dseg.json").read_text())
    assert sidecar["Sources"] == [ball.name]
    assert sidecar["SourcesSHA256"] == {ball.name: hashlib.sha256(ball.read_bytes()).hexdigest()}
    assert sidecar["GeneratedBy"] == [{"Name": "mriseg", "Version": mriseg.__version__}]
    assert sidecar["Settings"]["Contrast"] == "auto"
    assert sidecar["Contrast"]["Used"] == "t1"
    assert sidecar["Contrast"]["Order"] == ["CSF", "GM", "WM"]
    assert sidecar["BrainMask"]["Method"] == "stripped scan"
    assert sidecar["Warnings"] == [warning.recorded() for warning in result.warnings]
    mixture = sidecar["Mixture"]
    assert mixture["Converged"] is True
    assert mixture["Iterations"] < mixture["MaxIterations"]
    assert "hierarchical clustering" in mixture["Start"]
    rise = mixture["LogLikelihood"][-1] - mixture["LogLikelihood"][-2]
    assert rise < mixture["Tolerance"] * result.histogram[1].sum()
    assert len(mixture["LogLikelihood"]) == mixture["Iterations"] + 1
    trace = np.array(mixture["LogLikelihood"])
    assert (np.diff(trace) > -1e-9 * abs(trace[-1])).all()


def test_the_sidecar_says_all_in_a_fixed_order(ball_result):
    field = replace(ball_result.field, coefficients=np.ones((2, 2, 2)), low=0.75, high=1.25)
    brain = replace(ball_result.brain, similarity=0.123456789, scan_to_mni=np.eye(4) / 3)
    prior = replace(ball_result.prior, explained=0.123456789, fits=True)
    levels = TissueLevels(csf=0.123456, gm=0.5, wm=0.8)
    result = replace(
        ball_result,
        field=field,
        brain=brain,
        prior=prior,
        levels=levels,
        neighbour_strength=2 / 3,
        warnings=[look_closely("code", "x")],
    )
    model, scan = result.model, result.volume
    libraries = ["nibabel", "numpy", "scipy", "scikit-image", "matplotlib", "pillow", "jinja2", "zlib-ng"]
    classes = {
        name: {"Label": label, **vars(result.volumes[name])}
        for label, name in enumerate(("GM", "WM", "CSF"), 1)
    }
    expected = {
        "Description": "Brain tissue labels from a Gaussian mixture of intensities: 1 GM, 2 WM, 3 CSF",
        "SchemaVersion": SCHEMA_VERSION,
        "Sources": ["sub-ball_T1w.nii.gz"],
        "SourcesSHA256": {"sub-ball_T1w.nii.gz": scan.sha256},
        "GeneratedBy": [{"Name": "mriseg", "Version": mriseg.__version__}],
        "Versions": {"python": platform.python_version(), **{name: version(name) for name in libraries}},
        "Reading": {"Form": "sform", "Units": "mm", "Volume": None, "ZoomsGiven": None, "NotFinite": 0},
        "Settings": result.settings,
        "Shape": [48, 56, 40],
        "ZoomsMM": [3.0, 3.0, 4.0],
        "BrainMask": {
            "Method": "stripped scan",
            "TemplateSimilarity": 0.123457,
            "ScanToMNI": (np.eye(4) / 3).tolist(),
            "VolumeML": result.brain_mask_ml,
        },
        "Contrast": {
            "Used": "t1",
            "LooksLike": "t1",
            "Levels": {"csf": 0.1235, "gm": 0.5, "wm": 0.8},
            "NamingRule": "rising mean",
            "Order": ["CSF", "GM", "WM"],
        },
        "LabelOrder": "bids",
        "Classes": classes,
        "BiasField": {"Order": field.order, "Lowest": 0.75, "Highest": 1.25},
        "Channels": [],
        "TissuePriors": {"Used": True, "Explained": 0.123457},
        "Spatial": {"NeighbourStrength": 0.666667},
        "Mixture": {
            "Model": model.identifier,
            "ModelDescription": model.description,
            "PartialVolume": True,
            **model.settings,
            "Means": model.means.tolist(),
            "SDs": model.sds.tolist(),
            "Weights": model.weights.tolist(),
            "Tissues": ["CSF", "GM", "WM"],
            "BIC": model.bic(*result.histogram),
            "BICByClasses": {},
            "Iterations": model.n_iter,
            "Converged": model.converged,
            "LogLikelihood": list(model.history),
        },
        "ImageQuality": result.quality.recorded(),
        "Warnings": [{"Code": "code", "Severity": "look closely", "Text": "x"}],
        "Verdict": result.verdict,
    }
    assert json.dumps(sidecar_without_files(result)) == json.dumps(expected)
    unasked = sidecar_without_files(replace(ball_result, prior=None, levels=None))
    assert (unasked["Contrast"]["LooksLike"], unasked["Contrast"]["Levels"]) == (None, None)
    assert unasked["TissuePriors"] == {"Used": False, "Explained": None}
    assert unasked["BrainMask"]["TemplateSimilarity"] is unasked["BrainMask"]["ScanToMNI"] is None
    misfit = sidecar_without_files(replace(result, prior=replace(prior, fits=False)))
    assert misfit["TissuePriors"] == {"Used": False, "Explained": 0.123457}


def test_the_sidecars_of_images(saved):
    _, folder = saved
    sources = {"Sources": ["sub-ball_T1w.nii.gz"]}
    written = {
        "desc-brain_mask": {"Description": "Brain mask (stripped scan)", "Type": "Brain", **sources},
        "desc-preproc_T1w": {
            "Description": "Scan without its bias field",
            "SkullStripped": True,
            **sources,
        },
    }
    for name, content in written.items():
        text = json.dumps(content, indent=2) + "\n"
        assert (folder / f"sub-ball_{name}.json").read_text(encoding="utf-8") == text


def test_sidecars_are_utf_8_and_refuse_what_is_no_number(tmp_path):
    path = tmp_path / "sidecar.json"
    write_json(path, {"Sources": ["sub-µ.nii"]})
    assert path.read_bytes() == '{\n  "Sources": [\n    "sub-µ.nii"\n  ]\n}\n'.encode()
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(path, {"BIC": np.nan})


def test_images_say_what_their_numbers_are(saved):
    _, folder = saved
    intents = {name: nib.load(folder / f"sub-ball_{name}.nii.gz").header.get_intent()[0] for name in IMAGES}
    posteriors = {f"label-{name}_probseg": "estimate" for name in ("CSF", "GM", "WM")}
    assert intents == {
        "dseg": "label", "desc-brain_mask": "none", "desc-atypicality_map": "none",
        "desc-preproc_T1w": "none", **posteriors,
    }  # fmt: skip


def test_file_names_end_with_the_sidecar(ball_result):
    names = written_files(ball_result)
    assert sorted(names) == sorted(FILES)
    assert names[-1] == "sub-ball_dseg.json"
    uncorrected = replace(ball_result, corrected=None)
    fewer = written_files(uncorrected, report=False, luts=["fsleyes", "slicer"])
    assert set(names) - set(fewer) == {
        "sub-ball_desc-preproc_T1w.nii.gz", "sub-ball_desc-preproc_T1w.json", "sub-ball_report.html",
    }  # fmt: skip
    assert [name for name in fewer if "_lut-" in name] == [
        "sub-ball_dseg_lut-fsleyes.lut", "sub-ball_dseg_lut-slicer.ctbl",
    ]  # fmt: skip


@pytest.mark.parametrize("order", [0, 1])
def test_pictures_show_the_segmentation_in_canonical_orientation(ball_result, tmp_path, monkeypatch, order):
    seen = {}

    def page(data):
        seen.update(data=data)
        return "a page: µ"

    def picture(volume, labels, tissues, path, *, style):
        seen.update(volume=volume, labels=labels, tissues=tissues, style=style)
        path.touch()

    monkeypatch.setattr("mriseg.report.page.report", page)
    monkeypatch.setattr("mriseg.report.overlay.save_overlay", picture)
    field = replace(ball_result.field, coefficients=np.full(3 * (order + 1,), 0.1), low=0.5, high=2.0)
    result = replace(ball_result, field=field)
    files = result.save(tmp_path, luts=["fsleyes"])
    assert tmp_path / "sub-ball_dseg_lut-fsleyes.lut" in files
    assert sorted(files) == sorted(tmp_path.iterdir())
    assert (tmp_path / "sub-ball_report.html").read_text(encoding="utf-8") == "a page: µ"
    labels = result.volume.to_canonical(result.labels)
    np.testing.assert_array_equal(seen["labels"], labels)
    assert (seen["volume"], seen["tissues"], seen["style"]) == (result.volume, result.tissues, "contour")
    data = seen["data"]
    np.testing.assert_array_equal(data.labels, labels)
    assert data.found is result
    assert data.tissues == result.tissues
    assert [tissue.abbreviation for tissue in data.found.components] == ["CSF", "GM", "WM"]
    assert data.facts == sidecar_without_files(result)
    assert data.found.field is field
    assert bool(field.order) == order
    result.save(tmp_path, overwrite=True, overlay_style="fill")
    assert seen["style"] == "fill"
    assert not list(tmp_path.glob("*_lut-*"))


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"overlay_style": "nope"}, "overlay_style is 'nope'; it must be one of contour, fill"),
        ({"luts": ["foo"]}, "luts knows itksnap, .*, niivue, not 'foo'"),
        ({"luts": "foo"}, "not 'foo'"),
    ],
)
def test_what_is_not_known_is_refused_and_writes_nothing(ball_result, tmp_path, wrong, says):
    with pytest.raises(mriseg.OptionError, match=says):
        ball_result.save(tmp_path / "out", report=False, **wrong)
    assert not (tmp_path / "out").exists()


def test_a_string_is_one_program(ball_result):
    assert written_files(ball_result, luts="itksnap") == written_files(ball_result, luts=["itksnap"])


def test_without_a_report_there_is_none_and_none_is_left(saved):
    result, folder = saved
    files = result.save(folder, overwrite=True, report=False)
    assert not (folder / "sub-ball_report.html").exists()
    assert sorted(files) == sorted(folder.iterdir())


def test_another_contrast_names_the_corrected_scan(saved, ball):
    _, folder = saved
    mriseg.segment(ball, contrast="t2").save(folder, overwrite=True, report=False)
    assert sorted(file.name for file in folder.glob("*preproc*")) == [
        f"sub-ball_desc-preproc_T2w.{end}" for end in ("json", "nii.gz")
    ]


def test_a_derivatives_data_set_is_described(ball_result, tmp_path):
    ball_result.save(tmp_path / "derivatives" / "mriseg" / "sub-ball" / "anat", report=False)
    root = tmp_path / "derivatives" / "mriseg"
    assert json.loads((root / "dataset_description.json").read_text())["DatasetType"] == "derivative"
    ball_result.save(tmp_path / "elsewhere", report=False)
    assert not list(tmp_path.glob("*.json")) + list((tmp_path / "elsewhere").glob("dataset*"))


def test_the_sidecar_says_the_verdict(saved):
    result, folder = saved
    assert json.loads((folder / "sub-ball_dseg.json").read_text())["Verdict"] == result.verdict
    # A ball is no brain that the template fits.
    assert result.verdict == "look closely"


def test_two_runs_write_the_same_bytes(ball, ball_folder, tmp_path):
    mriseg.segment(ball).save(tmp_path)
    for name in FILES:
        assert (ball_folder / name).read_bytes() == (tmp_path / name).read_bytes(), name


def test_earlier_results_are_replaced_only_on_request(saved, ball):
    result, folder = saved
    with pytest.raises(mriseg.OutputError, match="--overwrite"):
        result.save(folder)
    mriseg.segment(ball, classes=4).save(folder, overwrite=True, report=False)
    posteriors = sorted(path.name for path in folder.glob("*probseg*"))
    assert posteriors == [f"sub-ball_label-class{i}_probseg.nii.gz" for i in (1, 2, 3, 4)]


def test_results_of_another_scan_are_not_replaced(saved, ball, tmp_path):
    _, folder = saved
    other = tmp_path / "sub-ball.nii.gz"  # of the same stem as sub-ball_T1w.nii.gz
    other.write_bytes(ball.read_bytes())
    result = mriseg.segment(other)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(mriseg.OutputError, match=r"is of sub-ball_T1w.nii.gz, not of sub-ball.nii.gz"):
        result.save(folder, overwrite=True)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
