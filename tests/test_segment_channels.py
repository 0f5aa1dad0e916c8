"""Several scans of one head, segmented together."""

from __future__ import annotations

import hashlib
import json

import nibabel as nib
import numpy as np
import pytest
from cohorts import small_ball
from heads import dice
from real_scans import array_of, scan_of

import mriseg
from mriseg.evaluation.phantom import folded_ball, simulate
from mriseg.labels.tissues import CSF, GM, WM
from mriseg.model.gaussian_classes import GaussianClasses
from mriseg.model.multichannel import MultichannelMixture

T2_INTENSITIES = {CSF.index: 220.0, GM.index: 120.0, WM.index: 85.0}
# One voxel by itself, so that what is said of it follows from the mixture alone.
BARE = {"bias": False, "priors": False, "spatial": False}


def _written(path, data, affine):
    nib.Nifti1Image(data, affine).to_filename(path)
    return path


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    """T1, T2 and the true labels of a folded ball of 3 mm voxels with 9 % noise."""
    folder = tmp_path_factory.mktemp("simulated")
    labels, affine = folded_ball()
    common = {"zooms": (3.0, 3.0, 3.0), "noise": 9.0}
    first = simulate(labels, affine, seed=0, **common)
    second = simulate(labels, affine, intensities=T2_INTENSITIES, seed=1, **common)
    paths = [
        _written(folder / f"sub-x_{suffix}.nii.gz", phantom.data, phantom.affine)
        for suffix, phantom in (("T1w", first), ("T2w", second))
    ]
    return *paths, first.labels


def test_two_noisy_channels_beat_one_in_every_tissue(simulated):
    first, second, truth = simulated
    alone, both = mriseg.segment(first), mriseg.segment(first, channels=[second])
    for tissue in (GM, WM, CSF):
        reached = [dice(result.labels == tissue.index, truth == tissue.index) for result in (alone, both)]
        assert reached[1] > reached[0] + 0.005, tissue.abbreviation
        assert reached[1] > 0.8, tissue.abbreviation
    assert isinstance(both.model, MultichannelMixture)
    assert (np.diff(both.model.means) > 0).all()
    np.testing.assert_allclose(both.model.means, [45, 105, 150], atol=8)
    np.testing.assert_allclose(both.model.centres[1:, 1], [120, 85], atol=10)


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Two small scans of one head, T1-like and T2-like, each with noise of its own."""
    folder = tmp_path_factory.mktemp("pair")
    scan = small_ball(folder / "sub-x_T1w.nii.gz", 1)
    image = nib.load(small_ball(folder / "sub-x_T2w.nii.gz", 2))
    data = np.asarray(image.dataobj, dtype=np.float32)
    channel = np.where(data > 0, 300 - 2 * data, 0).astype(np.float32)
    return scan, _written(folder / "sub-x_T2w.nii.gz", channel, image.affine)


@pytest.fixture(scope="module")
def both(pair):
    scan, channel = pair
    return mriseg.segment(scan, channels=[channel])


@pytest.fixture(scope="module")
def bare(pair):
    scan, channel = pair
    return mriseg.segment(scan, channels=[channel], **BARE)


def _data(path):
    return np.asarray(nib.load(path).dataobj, dtype=np.float32)


def test_posteriors_sum_to_one_inside_and_labels_are_the_largest(both):
    stack = np.stack([both.posteriors[tissue.abbreviation] for tissue in both.tissues])
    assert stack.dtype == np.float32
    np.testing.assert_allclose(stack.sum(axis=0)[both.mask], 1, atol=1e-5)
    assert not stack[:, ~both.mask].any()
    np.testing.assert_array_equal(both.labels[both.mask], 1 + stack.argmax(axis=0)[both.mask])
    assert (both.atypicality[both.mask] < 4).mean() > 0.99


def test_voxels_are_judged_by_both_channels_together(pair, bare):
    columns = np.stack([_data(path)[bare.mask] for path in pair], axis=1).astype(np.float64)
    expected = bare.model.responsibilities(columns)
    for name, tissue in zip(("CSF", "GM", "WM"), expected.T, strict=True):
        np.testing.assert_allclose(bare.posteriors[name][bare.mask], tissue, atol=1e-4)
    far = np.sqrt(bare.model.squared_distances(columns).min(axis=1))
    np.testing.assert_allclose(bare.atypicality[bare.mask], far, atol=1e-3)


def test_where_a_channel_shows_nothing_the_scan_decides_alone(pair, bare, tmp_path):
    scan, channel = pair
    data = _data(channel)
    hole = np.zeros(data.shape, dtype=bool)
    hole[8:13, 10:16, 8:12] = True
    holed = _written(tmp_path / "holed_T2w.nii.gz", np.where(hole, 0, data), nib.load(channel).affine)
    result = mriseg.segment(scan, channels=[holed], **BARE)
    within = hole & result.mask
    assert within.sum() > 100
    alone = result.model.marginal(0).responsibilities(_data(scan)[within].astype(np.float64))
    for name, tissue in zip(("CSF", "GM", "WM"), alone.T, strict=True):
        np.testing.assert_allclose(result.posteriors[name][within], tissue, atol=2e-3)
    np.testing.assert_allclose(result.model.centres, bare.model.centres, atol=1.5)
    assert (result.labels == bare.labels)[result.mask & ~hole].mean() > 0.995
    assert (result.labels == bare.labels)[within].mean() > 0.9
    assert (result.atypicality[within] < 4).mean() > 0.97


def test_the_orientations_that_scan_and_channel_are_stored_in_do_not_matter(pair, both, tmp_path):
    turned = []
    for path, axes in zip(pair, ("LAS", "PIR"), strict=True):
        image = nib.load(path)
        codes = nib.orientations.axcodes2ornt(tuple(axes))
        turn = nib.orientations.ornt_transform(nib.orientations.io_orientation(image.affine), codes)
        turned.append(tmp_path / path.name)
        image.as_reoriented(turn).to_filename(turned[-1])
    result = mriseg.segment(turned[0], channels=turned[1:])
    np.testing.assert_array_equal(result.labels[::-1], both.labels)
    np.testing.assert_array_equal(result.channels[0].corrected, both.channels[0].corrected)


def test_units_of_a_channel_do_not_matter(pair, both, tmp_path):
    (scan, channel), factor = pair, 1000.0
    scaled = _written(tmp_path / "scaled_T2w.nii.gz", factor * _data(channel), nib.load(channel).affine)
    result = mriseg.segment(scan, channels=[scaled])
    assert (result.labels == both.labels).mean() > 0.9999
    np.testing.assert_allclose(result.model.centres[:, 1] / factor, both.model.centres[:, 1], rtol=1e-3)


def test_another_number_of_classes_rises_with_the_scan(pair):
    (scan, channel), classes = pair, 4
    result = mriseg.segment(scan, channels=[channel], classes=classes, bias=False)
    assert isinstance(result.model, GaussianClasses)
    assert result.model.centres.shape == (classes, 2)
    assert list(result.posteriors) == [f"class{i}" for i in range(1, classes + 1)]
    means = [
        _data(scan)[result.labels == i].mean() for i in range(1, classes + 1) if (result.labels == i).any()
    ]
    assert means == sorted(means)


def test_one_gaussian_a_class_may_have_a_covariance_model(pair):
    scan, channel = pair
    result = mriseg.segment(scan, channels=[channel], covariance="EEE", **BARE)
    assert isinstance(result.model, GaussianClasses)
    np.testing.assert_allclose(result.model.covariances, result.model.covariances[[0, 0, 0]], rtol=1e-9)
    # Noise of 6 in T1, and of 6 times 2 in T2, each by itself.
    np.testing.assert_allclose(result.model.covariances[0], [[36, 0], [0, 144]], atol=15)
    np.testing.assert_allclose(result.model.centres, [[30, 240], [70, 160], [100, 100]], atol=3)
    assert list(result.posteriors) == ["GM", "WM", "CSF"]


@pytest.fixture(scope="module")
def saved(both, tmp_path_factory):
    """The files of both channels together."""
    return both.save(tmp_path_factory.mktemp("saved"))


def test_the_sidecar_names_the_channels(pair, both, saved):
    scan, channel = pair
    names, folder = [path.name for path in saved], saved[0].parent
    facts = json.loads((folder / "sub-x_dseg.json").read_text())
    digest = hashlib.sha256(channel.read_bytes()).hexdigest()
    assert facts["Sources"] == [scan.name, channel.name]
    (about,) = facts["Channels"]
    assert (about["Source"], about["SHA256"]) == (channel.name, digest)
    assert (facts["Settings"]["Channels"], facts["Settings"]["ChannelsSHA256"]) == ([channel.name], [digest])
    assert facts["Files"] == names
    mixture = facts["Mixture"]
    assert mixture["Model"] == MultichannelMixture.identifier
    np.testing.assert_array_equal(mixture["Means"], both.model.centres)
    np.testing.assert_allclose(mixture["SDs"], np.sqrt(both.model.variances))
    np.testing.assert_allclose(mixture["Covariances"], both.model.covariances)
    assert len(mixture["LogLikelihood"]) == mixture["Iterations"] + 1
    written = nib.load(folder / "sub-x_desc-preproc_T2w.nii.gz")
    np.testing.assert_array_equal(np.asarray(written.dataobj), both.channels[0].corrected)
    about_image = json.loads((folder / "sub-x_desc-preproc_T2w.json").read_text())
    assert about_image["Sources"] == [channel.name]
    page = (folder / "sub-x_report.html").read_text(encoding="utf-8")
    assert digest in page
    assert page.count('class="chart"') >= 3  # a histogram for each channel, and the trace


def test_two_runs_write_the_same_bytes(pair, saved, tmp_path):
    scan, channel = pair
    again = mriseg.segment(scan, channels=[channel]).save(tmp_path)
    assert len(saved) == len(again) == 16
    for first, second in zip(saved, again, strict=True):
        assert first.name == second.name
        digests = {hashlib.sha256(file.read_bytes()).digest() for file in (first, second)}
        assert len(digests) == 1, first.name


@pytest.fixture
def other_fit(tmp_path):
    """The sidecar of another, brighter scan."""
    image = nib.load(small_ball(tmp_path / "other_T1w.nii.gz", 5))
    brighter = _written(tmp_path / "other_T1w.nii.gz", 1.1 * np.asarray(image.dataobj), image.affine)
    return mriseg.segment(brighter, **BARE).save(tmp_path / "other", report=False)[-1]


@pytest.mark.slow
def test_every_option_changes_something(run, pair, other_fit, tmp_path):
    scan, channel = pair
    lesions = np.zeros(nib.load(scan).shape, dtype=np.uint8)
    lesions[11:13, 13:15, 10] = 1
    mask = _written(tmp_path / "lesions.nii.gz", lesions, nib.load(scan).affine)
    found = {}
    for name, options in {
        "plain": (), "channel": ("--channel", channel), "covariance": ("--covariance", "V"),
        "lesions": ("--lesion-mask", mask), "prior": ("--warm-start", other_fit),
        "fixed": ("--warm-start", other_fit, "--fix-means"), "merged": ("--classes", "5", "--merge"),
        "flair": ("--contrast", "flair"), "auto": ("--classes", "auto"),
    }.items():  # fmt: skip
        done = run("segment", scan, "-o", tmp_path / name, "--no-report", *options)
        assert done.returncode == 0, done.stderr
        labels = np.asarray(nib.load(tmp_path / name / "sub-x_dseg.nii.gz").dataobj)
        found[name] = labels, json.loads((tmp_path / name / "sub-x_dseg.json").read_text()), done.stdout
    plain_labels, plain, _ = found["plain"]
    for name in ("channel", "covariance", "lesions", "fixed", "merged", "flair"):
        assert (found[name][0] != plain_labels).any(), name
    labels, auto, _ = found["auto"]
    curve = auto["Mixture"]["BICByClasses"]  # without fits that have a class on the variance floor
    assert {"2", "3", "4"} <= set(curve)
    assert (
        len(auto["Mixture"]["Means"]) == len(np.unique(labels[labels > 0])) == int(min(curve, key=curve.get))
    )
    facts = {name: facts for name, (_, facts, _) in found.items()}
    models = {name: facts[name]["Mixture"]["Model"] for name in facts}
    assert models["plain"] == models["lesions"] == models["prior"] == models["fixed"]
    assert len({models["plain"], models["channel"], models["covariance"]}) == 3
    np.testing.assert_array_equal(found["lesions"][0] == 7, lesions)
    assert "\nlesions " in found["lesions"][2]
    assert facts["prior"]["Mixture"]["Iterations"] < plain["Mixture"]["Iterations"]
    np.testing.assert_allclose(facts["prior"]["Mixture"]["Means"], plain["Mixture"]["Means"], rtol=0.01)
    held = json.loads(other_fit.read_text())["Mixture"]["Means"]
    assert facts["fixed"]["Mixture"]["Means"] == held != plain["Mixture"]["Means"]
    changed = {
        name: {key for key, value in facts[name]["Settings"].items() if value != plain["Settings"][key]}
        for name in facts
    }
    assert changed == {
        "plain": set(), "channel": {"Channels", "ChannelsSHA256"}, "covariance": {"Covariance"},
        "lesions": {"LesionMask", "LesionMaskSHA256"}, "prior": {"WarmStart", "WarmStartSHA256"},
        "fixed": {"WarmStart", "WarmStartSHA256", "FixMeans"}, "merged": {"Classes", "Merge"},
        "flair": {"Contrast"}, "auto": {"Classes"},
    }  # fmt: skip


@pytest.mark.parametrize("wrong", ["absent", "no image", "labels", "a series"])
def test_a_channel_that_cannot_be_read_is_one_line(run, pair, tmp_path, wrong):
    scan, channel = pair
    path, affine = tmp_path / "other.nii.gz", nib.load(channel).affine
    if wrong == "no image":
        path.write_text("text")
    elif wrong == "labels":
        _written(path, (_data(channel) > 150).astype(np.uint8) + (_data(channel) > 0), affine)
    elif wrong == "a series":
        _written(path, np.stack([_data(channel)] * 3, axis=-1), affine)
    with pytest.raises(mriseg.ImageError, match="other"):
        mriseg.segment(scan, channels=[path])
    done = run("segment", scan, "--channel", path)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"mriseg: error: {path}: ")


def _noise(data, rng):
    return rng.normal(100, 20, data.shape)


def _ramp(data, _):
    return np.broadcast_to(np.linspace(50, 150, data.shape[0])[:, None, None], data.shape)


def _elsewhere(data, _):
    return np.roll(data, 12, axis=1)


@pytest.mark.parametrize("shows", [_noise, _ramp, _elsewhere])
def test_a_channel_that_shows_nothing_makes_no_tissue_worse(scans, tmp_path, shows):
    """The tissues start from the channel that tells most about place; swapped ones may be likelier."""
    first = scan_of(scans, "elder03")
    flair = nib.load(scans / "contrasts" / "elder03" / "FLAIR.nii.gz")
    poor = shows(array_of(scans / "contrasts" / "elder03" / "FLAIR.nii.gz"), np.random.default_rng(0))
    second = _written(tmp_path / "sub-elder03_FLAIR.nii.gz", poor.astype(np.float32), flair.affine)
    alone, both = mriseg.segment(first), mriseg.segment(first, channels=[second])
    for tissue in (CSF, GM, WM):
        assert dice(alone.labels == tissue.index, both.labels == tissue.index) > 0.97, tissue.abbreviation
