from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
from cohorts import small_ball
from scipy.spatial.distance import mahalanobis
from scipy.stats import multivariate_normal

import mriseg
from mriseg.errors import MixtureError
from mriseg.model.gaussian_classes import GaussianClasses, fit_gaussian_classes, select_gaussian_classes
from mriseg.model.histogram import intensity_histogram, joint_histogram

MEANS = np.array([[30.0, 400.0], [80.0, 250.0], [130.0, 300.0], [200.0, 100.0]])
SDS = np.array([[5.0, 30.0], [8.0, 12.0], [4.0, 20.0], [10.0, 15.0]])
CORRELATIONS = np.array([0.0, 0.7, -0.5, 0.3])
WEIGHTS = np.array([0.1, 0.4, 0.3, 0.2])


def _covariances():
    covariances = SDS[:, :, None] * SDS[:, None, :]
    covariances[:, [0, 1], [1, 0]] *= CORRELATIONS[:, None]
    return covariances


@pytest.fixture(scope="module")
def drawn():
    """Voxels of four classes, the classes, and the histograms of the first channel and of both."""
    generator = np.random.default_rng(1)
    classes = generator.choice(4, 20_000, p=WEIGHTS)
    roots = np.linalg.cholesky(_covariances())
    noise = np.einsum("nij,nj->ni", roots[classes], generator.normal(size=(20_000, 2)))
    voxels = (MEANS[classes] + noise).astype(np.float32)
    return voxels, classes, intensity_histogram(voxels[:, 0]), joint_histogram(voxels)


def _fitted(drawn, channels, covariance=None, **options):
    voxels, _, *histograms = drawn
    if channels == 2:
        options = {"voxels": voxels, **options}
    return fit_gaussian_classes(*histograms[channels - 1], 4, covariance, **options)


@pytest.mark.parametrize("channels", [1, 2])
def test_finds_the_classes_that_made_the_data(drawn, channels):
    model = _fitted(drawn, channels)
    np.testing.assert_allclose(model.centres, MEANS[:, :channels], atol=0.8)
    np.testing.assert_allclose(model.weights, WEIGHTS, atol=0.005)
    np.testing.assert_allclose(model.sds, SDS[:, 0], rtol=0.05)
    np.testing.assert_array_equal(model.means, model.centres[:, 0])
    np.testing.assert_allclose(model.covariances[:, 0, 0], model.sds**2)
    if channels == 2:
        np.testing.assert_allclose(np.sqrt(model.covariances[:, 1, 1]), SDS[:, 1], rtol=0.05)
        found = model.covariances[:, 0, 1] / np.prod(np.sqrt(np.diagonal(model.covariances.T)), axis=1)
        np.testing.assert_allclose(found, CORRELATIONS, atol=0.05)
    voxels, classes, *_ = drawn
    posteriors = model.responsibilities(voxels[:, :channels].astype(np.float64))
    np.testing.assert_allclose(posteriors.sum(axis=1), 1, atol=1e-12)
    assert (posteriors.argmax(axis=1) == classes).mean() > 0.98
    np.testing.assert_array_equal(model.tissues_in_component, np.eye(4))


@pytest.mark.parametrize("channels", [1, 2])
def test_the_log_likelihood_never_falls_and_is_that_of_the_result(drawn, channels):
    model = _fitted(drawn, channels)
    cells, counts = drawn[1 + channels]
    assert model.converged
    assert model.n_iter == len(model.history) - 1
    assert (np.diff(model.history) >= -1e-9 * abs(model.history[-1])).all()
    likelihood = counts @ np.log(model.density(cells))
    assert model.history[-1] == pytest.approx(likelihood, rel=1e-9)
    parameters = {1: 3 + 4 + 4, 2: 3 + 8 + 12}[channels]
    assert model.bic(cells, counts) == pytest.approx(-2 * likelihood + parameters * np.log(counts.sum()))


def test_of_one_channel_variances_are_equal_or_free(drawn):
    free, equal = _fitted(drawn, 1, "V"), _fitted(drawn, 1, "E")
    np.testing.assert_array_equal(free.covariances, _fitted(drawn, 1).covariances)
    assert np.ptp(equal.sds) == 0
    # That of all voxels about their class.
    assert equal.sds[0] == pytest.approx(np.sqrt(WEIGHTS @ SDS[:, 0] ** 2), rel=0.05)
    assert free.history[-1] > equal.history[-1] + 1000


@pytest.mark.parametrize(
    ("model", "same", "round_", "upright"),
    [
        ("EII", True, True, True),
        ("VVI", False, False, True),
        ("EEE", True, False, False),
        ("VVV", False, False, False),
    ],
)
def test_of_two_channels_covariances_are_as_the_model_says(drawn, model, same, round_, upright):
    found = _fitted(drawn, 2, model)
    covariances = found.covariances
    assert np.allclose(covariances, covariances[0], rtol=1e-9, atol=0) == same
    variances = np.diagonal(covariances, axis1=1, axis2=2)
    assert np.allclose(variances[:, 0], variances[:, 1], rtol=1e-9) == round_
    assert np.allclose(covariances[:, 0, 1], 0, atol=1e-9 * variances.max()) == upright
    assert (np.linalg.eigvalsh(covariances) > 0).all()
    np.testing.assert_allclose(found.means, MEANS[:, 0], atol=5)
    assert (np.diff(found.means) > 0).all()
    if model == "VVV":
        np.testing.assert_array_equal(covariances, _fitted(drawn, 2).covariances)
    else:
        assert found.history[-1] < _fitted(drawn, 2).history[-1]


@pytest.mark.parametrize("channels", [1, 2])
def test_distances_are_mahalanobis_distances(drawn, channels):
    model = _fitted(drawn, channels)
    voxels = drawn[0][:50, :channels].astype(np.float64)
    found = model.squared_distances(voxels)
    assert found.shape == (50, 4)
    for (i, k), square in np.ndenumerate(found):
        inverse = np.linalg.inv(model.covariances[k])
        assert np.sqrt(square) == pytest.approx(mahalanobis(voxels[i], model.centres[k], inverse), rel=1e-9)
    np.testing.assert_allclose(np.diag(model.squared_distances(model.centres)), 0, atol=1e-9)
    single = model.squared_distances(drawn[0][:50, :channels])
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, found, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("channel", [0, 1])
def test_the_density_is_that_of_normal_classes_also_of_one_channel(drawn, channel):
    model = _fitted(drawn, 2)
    alone = model.marginal(channel)
    points = np.linspace(20, 450, 40)
    expected = sum(
        weight * multivariate_normal.pdf(points, mean[channel], covariance[channel, channel])
        for weight, mean, covariance in zip(model.weights, model.centres, model.covariances, strict=True)
    )
    np.testing.assert_allclose(alone.density(points), expected, rtol=1e-9)
    pairs = np.column_stack([points, points[::-1]])
    together = sum(
        weight * multivariate_normal.pdf(pairs, mean, covariance)
        for weight, mean, covariance in zip(model.weights, model.centres, model.covariances, strict=True)
    )
    np.testing.assert_allclose(model.density(pairs), together, rtol=1e-9)


@pytest.mark.parametrize("channels", [1, 2])
def test_means_are_held_where_the_start_has_them(drawn, channels):
    model = _fitted(drawn, channels)
    moved = model.centres + np.array([4.0, -10.0])[:channels]
    start = GaussianClasses(
        type(model.mixture).from_parameters(model.weights, moved, model.covariances)
    ).mixture.parameters_
    held = _fitted(drawn, channels, start=start, hold_means=True)
    np.testing.assert_array_equal(held.centres, moved)
    assert (held.sds > model.sds).all()
    free = _fitted(drawn, channels, start=start)
    np.testing.assert_allclose(free.centres, model.centres, atol=0.5)


def test_a_fit_goes_on_from_where_it_ended(drawn):
    for channels in (1, 2):
        model = _fitted(drawn, channels)
        more = _fitted(drawn, channels, start=model.mixture.parameters_)
        assert more.history[0] == pytest.approx(model.history[-1], rel=1e-9)
        np.testing.assert_allclose(more.centres, model.centres, atol=0.05)


def test_the_number_of_classes_is_chosen_by_bic(drawn):
    values, counts = drawn[2]
    model, bic = select_gaussian_classes(values, counts, range(2, 8))
    assert len(model.means) == 4
    assert min(bic, key=bic.get) == 4
    assert model.bic(values, counts) == pytest.approx(bic[4])
    assert bic[3] > bic[4] + 1000
    equal, _ = select_gaussian_classes(values, counts, [4], "E")
    assert np.ptp(equal.sds) == 0


def test_fewer_intensities_than_classes_are_refused():
    with pytest.raises(MixtureError):
        fit_gaussian_classes(np.array([1.0, 2.0, 3.0]), np.ones(3), 4)


@pytest.fixture
def scans(tmp_path):
    """Two small scans of one head."""
    first, second = (
        small_ball(tmp_path / f"s_{name}.nii.gz", seed) for seed, name in enumerate(("T1w", "T2w"))
    )
    image = nib.load(second)
    data = np.asarray(image.dataobj, dtype=np.float32)
    nib.Nifti1Image(np.where(data > 0, 300 - 2 * data, 0), image.affine).to_filename(second)
    return first, second


QUICK = {"bias": False, "priors": False, "spatial": False}


@pytest.mark.parametrize(
    ("covariance", "channels", "equal"),
    [("E", 1, True), ("V", 1, False), ("EEE", 2, True), ("VVI", 2, False)],
)
def test_a_segmentation_has_the_covariance_that_is_asked_for(scans, covariance, channels, equal):
    first, second = scans
    more = [second][: channels - 1]
    result = mriseg.segment(first, channels=more, covariance=covariance, **QUICK)
    assert isinstance(result.model, GaussianClasses)
    assert result.model.covariances.shape == (3, channels, channels)
    assert np.allclose(result.model.covariances, result.model.covariances[0], rtol=1e-9) == equal
    assert result.settings["Covariance"] == covariance
    assert list(result.posteriors) == ["GM", "WM", "CSF"]
    np.testing.assert_allclose(result.model.means, [30, 70, 100], atol=2)


@pytest.mark.parametrize(
    ("covariance", "channels"), [("W", 1), ("", 1), ("v", 1), ("V", 2), ("E", 2), ("EEF", 2)]
)
def test_a_model_that_is_not_there_is_wrong_usage(run, scans, covariance, channels):
    first, second = scans
    more = [second][: channels - 1]
    with pytest.raises(ValueError, match=r"no covariance model .* choose from"):
        mriseg.segment(first, channels=more, covariance=covariance)
    options = [word for channel in more for word in ("--channel", channel)]
    done = run("segment", first, "--covariance", covariance, *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert "no covariance model" in done.stderr
    assert "Traceback" not in done.stderr
