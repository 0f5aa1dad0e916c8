"""A fit that was saved begins another, or holds it; a broken one is one line."""

from __future__ import annotations

import json

import nibabel as nib
import numpy as np
import pytest
from cohorts import small_ball

import mriseg
from mriseg.errors import CohortError, MixtureError
from mriseg.model.gaussian_classes import GaussianClasses
from mriseg.model.histogram import intensity_histogram
from mriseg.model.multichannel import MultichannelMixture
from mriseg.model.partial_volume import PartialVolumeMixture
from mriseg.model.warm_start import rescaled_to
from mriseg.results.sidecar import SCHEMA_VERSION, read_saved_fit

KINDS = {
    "one channel": (PartialVolumeMixture, 3, 1),
    "two channels": (MultichannelMixture, 3, 2),
    "two classes": (GaussianClasses, 2, 1),
    "two channels of plain classes": (GaussianClasses, 3, 2),
}
# What the fit does not need.
QUICK = {"bias": False, "priors": False, "spatial": False}


def _read(path, kind):
    like, classes, channels = KINDS[kind]
    return read_saved_fit(path).model(like, classes=classes, channels=channels)


@pytest.fixture(scope="module")
def fits(tmp_path_factory):
    """Of each kind, of small scans: the result, and the sidecar that was saved with it."""
    folder = tmp_path_factory.mktemp("fits")
    scan, other = small_ball(folder / "ball_T1w.nii.gz", 1), folder / "ball_T2w.nii.gz"
    image = nib.load(small_ball(other, 2))
    data = np.asarray(image.dataobj, dtype=np.float32)
    nib.Nifti1Image(np.where(data > 0, 300 - 2 * data, 0), image.affine).to_filename(other)
    asked = {
        "one channel": {},
        "two channels": {"channels": [other]},
        "two classes": {"classes": 2},
        "two channels of plain classes": {"channels": [other], "covariance": "VVV"},
    }
    found = {}
    for kind, options in asked.items():
        result = mriseg.segment(scan, **options, **QUICK)
        found[kind] = result, result.save(folder / kind, report=False)[-1]
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_a_fit_comes_back_from_its_sidecar(fits, kind):
    result, path = fits[kind]
    saved, model = _read(path, kind), result.model
    assert type(saved) is type(model) is KINDS[kind][0]
    np.testing.assert_array_equal(saved.centres, model.centres)
    np.testing.assert_allclose(saved.covariances, model.covariances, rtol=1e-12)
    np.testing.assert_allclose(saved.weights, model.weights, rtol=1e-12)
    points = np.stack(
        [np.linspace(values[0], values[-1], 50) for values, _ in result.fit.histograms], axis=1
    ).squeeze()
    np.testing.assert_allclose(saved.responsibilities(points), model.responsibilities(points), atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_a_fit_of_another_kind_is_refused_by_name(fits, kind):
    for other in KINDS.keys() - {kind}:
        path = fits[other][1]
        with pytest.raises(MixtureError) as caught:
            _read(path, kind)
        (line,) = str(caught.value).splitlines()
        assert line.startswith(f"{path}: its fit is of ")
        for like, classes, channels in (KINDS[kind], KINDS[other]):
            assert like.description in line
            assert f"{classes} " in line
            assert f"{channels}" in line


def test_a_gap_between_scales_is_closed_by_the_fit(fits, tmp_path):
    """The scale is found on a grid; EM does the rest."""
    result, path = fits["one channel"]
    scaled = _scaled(result, tmp_path, 7.3)
    again, fresh = mriseg.segment(scaled, warm_start=path, **QUICK), mriseg.segment(scaled, **QUICK)
    np.testing.assert_allclose(again.model.means, fresh.model.means, rtol=5e-3)
    assert (again.labels == fresh.labels)[fresh.mask].mean() > 0.995


def _scaled(result, folder, factor):
    """Write a scan in other units."""
    image = nib.load(result.volume.path)
    path = folder / "scaled_T1w.nii.gz"
    nib.Nifti1Image((np.asarray(image.dataobj) * factor).astype(np.float32), image.affine).to_filename(path)
    return path


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("factors", [(7.3, 0.013), (0.29, 31.0), (1.0, 1.0)])
def test_the_units_of_another_scan_are_found(fits, kind, factors):
    result, path = fits[kind]
    saved = _read(path, kind)
    used = np.array(factors[: KINDS[kind][2]])
    stretched = rescaled_to(
        saved,
        [(f * values, counts) for f, (values, counts) in zip(used, result.fit.histograms, strict=True)],
    )
    # Scales are tried in steps of 2 to 4 %.
    np.testing.assert_allclose(
        stretched.centres / saved.centres, np.tile(used, (len(saved.means), 1)), rtol=0.025
    )
    ratios = stretched.centres[0] / saved.centres[0]
    np.testing.assert_allclose(stretched.covariances, saved.covariances * np.outer(ratios, ratios), rtol=1e-9)
    np.testing.assert_array_equal(stretched.weights, saved.weights)


def test_units_are_found_in_voxels_drawn_from_the_fit(fits):
    saved = _read(fits["one channel"][1], "one channel")
    generator = np.random.default_rng(0)
    means = generator.choice(saved.means, 50_000, p=saved.weights[:3] / saved.weights[:3].sum())
    voxels = 7.3 * generator.normal(means, saved.sd).astype(np.float32)
    stretched = rescaled_to(saved, [intensity_histogram(voxels)])
    np.testing.assert_allclose(stretched.means, 7.3 * saved.means, rtol=0.025)
    assert stretched.sd == pytest.approx(7.3 * saved.sd, rel=0.025)


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_fit_saves_iterations_and_changes_hardly_a_label(fits, kind):
    result, path = fits[kind]
    asked = {name: result.settings[name.capitalize()] for name in ("classes", "covariance")}
    channels = [channel.volume.path for channel in result.channels]
    again = mriseg.segment(result.volume.path, channels=channels, warm_start=path, **asked, **QUICK)
    assert again.model.n_iter <= max(2, result.model.n_iter - 1)  # two are the least there is
    assert (again.labels == result.labels)[result.mask].mean() > 0.995
    assert again.settings["WarmStart"] == path.name
    assert len(again.settings["WarmStartSHA256"]) == 64


@pytest.mark.parametrize("kind", ["one channel", "two classes", "two channels of plain classes"])
def test_fixed_means_stay_where_the_sidecar_has_them(fits, kind):
    result, path = fits[kind]
    asked = {name: result.settings[name.capitalize()] for name in ("classes", "covariance")}
    channels = [channel.volume.path for channel in result.channels]
    held = mriseg.segment(
        result.volume.path, channels=channels, warm_start=path, fix_means=True, **asked, **QUICK
    )
    np.testing.assert_array_equal(held.model.centres, result.model.centres)
    assert held.settings["FixMeans"] is True
    assert (held.labels == result.labels)[result.mask].mean() > 0.995


def test_fixed_means_are_in_the_units_of_the_sidecar(fits, tmp_path):
    result, path = fits["one channel"]
    brighter = _scaled(result, tmp_path, 1.3)
    held = mriseg.segment(brighter, warm_start=path, fix_means=True, **QUICK)
    free = mriseg.segment(brighter, warm_start=path, **QUICK)
    np.testing.assert_array_equal(held.model.means, result.model.means)
    np.testing.assert_allclose(free.model.means, 1.3 * result.model.means, rtol=0.01)
    assert (free.labels == result.labels)[result.mask].mean() > 0.99
    assert (held.labels == result.labels)[result.mask].mean() < 0.9


KNOWN = f'{{"SchemaVersion": {SCHEMA_VERSION}, "Warnings": []%s}}'
TEXTS = {
    "nothing": "",
    "no JSON": "Means: 1 2 3",
    "half a file": '{"Mixture": {"Model": "three',
    "no text": b"\xff\x00\x80",
    "a list": "[]",
    "null": "null",
    "a number": "5",
    "a string": '"Mixture"',
    "no schema": "{}",
    "another schema": '{"SchemaVersion": 99, "Warnings": []}',
    "warnings of another form": '{"SchemaVersion": 1, "Warnings": ["dark"]}',
    "no mixture": KNOWN % "",
    "a list for a mixture": KNOWN % ', "Mixture": [1]',
    "a string for a mixture": KNOWN % ', "Mixture": "Model"',
    "null for a mixture": KNOWN % ', "Mixture": null',
    "brackets without end": "[" * 100_000 + "]" * 100_000,
    "nested means": KNOWN % (
        ', "Mixture": {"Model": "partial-volume", "Weights": [1], "SDs": [1], "Means": '
        + "[" * 500 + "]" * 500 + "}"
    ),
    "a number of many digits": KNOWN % (', "Mixture": ' + "9" * 5000),
}  # fmt: skip
MISSING = object()
FIGURES = {
    "no model": {"Model": MISSING},
    "no means": {"Means": MISSING},
    "no sds": {"SDs": MISSING},
    "no weights": {"Weights": MISSING},
    "another model": {"Model": "something else"},
    "means that are no numbers": {"Means": ["a", "b", "c"]},
    "means that are not finite": {"Means": [float("nan"), 70.0, 100.0]},
    "means in rows of different length": {"Means": [[1.0, 2.0], [3.0], [4.0, 5.0]]},
    "means by name": {"Means": {"CSF": 30.0}},
    "no means at all": {"Means": [], "SDs": []},
    "fewer means": {"Means": [30.0, 70.0]},
    "means that fall": {"Means": [100.0, 70.0, 30.0]},
    "means that are the same": {"Means": [70.0, 70.0, 70.0]},
    "means beyond all scans": {"Means": [1e299, 2e299, 3e299]},
    "sds that are not finite": {"SDs": [float("inf")] * 3},
    "negative sds": {"SDs": [-6.0, -6.0, -6.0]},
    "no noise": {"SDs": [0.0, 0.0, 0.0]},
    "next to no noise": {"SDs": [1e-300] * 3},
    "negative weights": {"Weights": [-0.2, 0.4, 0.4, 0.2, 0.2]},
    "fewer weights": {"Weights": [0.5, 0.5]},
    "more weights": {"Weights": [0.1] * 10},
    "one weight": {"Weights": 0.3},
    "a matrix of weights": {"Weights": [[0.2] * 5] * 2},
    "weights of nothing": {"Weights": [0.0] * 5},
    "weights of far more than all": {"Weights": [1e200] * 5},
    "means beyond all floats": {"Means": [30, 70, 10**400]},
    "weights beyond all floats": {"Weights": [10**400] * 5},
}


def _refused(path, scan):
    """Return the error messages of the reader and of a segmentation with this warm start."""
    with pytest.raises(MixtureError) as caught:
        _read(path, "one channel")
    with pytest.raises(MixtureError) as of_scan:
        mriseg.segment(scan, warm_start=path, **QUICK)
    return str(caught.value), str(of_scan.value)


@pytest.mark.parametrize("text", TEXTS)
def test_a_file_that_is_no_sidecar_is_one_line(fits, tmp_path, text):
    path = tmp_path / "broken.json"
    content = TEXTS[text]
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    for said in _refused(path, fits["one channel"][0].volume.path):
        (line,) = said.splitlines()
        assert f"{path}: holds no fit (" in line
        assert "give the JSON sidecar of a segmentation" in line
        assert len(line) < 500


@pytest.mark.parametrize("figures", FIGURES)
def test_a_sidecar_with_broken_figures_is_one_line(fits, tmp_path, figures):
    result, sidecar = fits["one channel"]
    content = json.loads(sidecar.read_text())
    for name, value in FIGURES[figures].items():
        content["Mixture"][name] = value
        if value is MISSING:
            del content["Mixture"][name]
    path = tmp_path / "broken.json"
    path.write_text(json.dumps(content))
    for said in _refused(path, result.volume.path):
        (line,) = said.splitlines()
        assert f"{path}: " in line


@pytest.mark.parametrize(
    "covariances",
    [
        MISSING,
        None,
        "x",
        [[[10**400] * 2] * 2] * 3,
        [[[1.0]]],
        [[[-1.0, 0.0], [0.0, 1.0]]] * 3,
        [[[float("nan")] * 2] * 2] * 3,
    ],
)
def test_broken_covariances_are_one_line(fits, tmp_path, covariances):
    kind = "two channels of plain classes"
    content = json.loads(fits[kind][1].read_text())
    content["Mixture"]["Covariances"] = covariances
    if covariances is MISSING:
        del content["Mixture"]["Covariances"]
    path = tmp_path / "broken.json"
    path.write_text(json.dumps(content))
    with pytest.raises(MixtureError) as caught:
        _read(path, kind)
    (line,) = str(caught.value).splitlines()
    assert line.startswith(f"{path}: holds no fit (")


def test_what_is_wrong_with_the_prior_is_not_blamed_on_the_scan(fits, tmp_path):
    path = tmp_path / "broken.json"
    path.write_text("{}")
    with pytest.raises(MixtureError) as caught:
        mriseg.segment(fits["one channel"][0].volume.path, warm_start=path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "its intensities" not in str(caught.value)


def test_a_prior_that_is_not_there_is_one_line_and_exit_one(run, ball, tmp_path):
    with pytest.raises((CohortError, MixtureError), match=r"gone\.json"):
        mriseg.segment(ball, warm_start=tmp_path / "gone.json")
    done = run("segment", ball, "--warm-start", "gone.json", "--no-report")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "gone.json: cannot be read (No such file or directory); check its name" in line
    assert run("segment", ball, "--fix-means").returncode == 2
