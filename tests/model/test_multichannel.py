from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import integrate

from mriseg.errors import MixtureError
from mriseg.model.histogram import intensity_histogram, joint_histogram
from mriseg.model.multichannel import MultichannelMixture
from mriseg.model.multichannel_em import fit_multichannel
from mriseg.model.partial_volume import OUTLIERS, PRIOR_SHARE, PRIOR_WEIGHTS
from mriseg.model.partial_volume_em import fit_partial_volume

# T1, T2 and FLAIR; tissues by rising mean of T1.
CENTRES = np.array([[40.0, 300.0, 60.0], [100.0, 180.0, 150.0], [150.0, 120.0, 110.0]])
SDS = np.array([[6.0, 25.0, 14.0], [6.0, 15.0, 12.0], [6.0, 10.0, 9.0]])
WEIGHTS = np.array([0.1, 0.3, 0.3, 0.15, 0.15])


def _drawn(channels, order=(0, 1, 2), size=20_000, seed=1):
    """Voxels of the model itself: intensities (N, D) and the true shares of tissue (N, 3).

    The order lists the tissues CSF, GM and WM, or the other way round, as rows of the centres.
    """
    generator = np.random.default_rng(seed)
    group = generator.choice(5, size, p=WEIGHTS)
    share = generator.uniform(size=size)
    content = np.eye(3)[np.array(order)[np.minimum(group, 2)]]
    for pair, a, b in ((3, *order[:2]), (4, *order[1:])):
        here = group == pair
        content[here] = (1 - share[here, None]) * np.eye(3)[a] + share[here, None] * np.eye(3)[b]
    sds = np.sqrt(content @ SDS[:, :channels] ** 2)
    intensities = content @ CENTRES[:, :channels] + sds * generator.normal(size=(size, channels))
    return intensities.astype(np.float32), content


def _fitted(voxels, middle=1, start=None, **options):
    return fit_multichannel(voxels, *joint_histogram(voxels), middle, start, **options)


def _shares(model, voxels):
    return model.responsibilities(voxels.astype(np.float64))


def _right(model, voxels, content):
    return float((_shares(model, voxels).argmax(axis=1) == content.argmax(axis=1)).mean())


@pytest.fixture(scope="module", params=[2, 3])
def drawn(request):
    return _drawn(request.param)


@pytest.fixture(scope="module")
def fitted(drawn):
    return _fitted(drawn[0])


@pytest.fixture(scope="module")
def pair():
    """Voxels of two channels, and their mixture."""
    voxels, _ = _drawn(2)
    return voxels, _fitted(voxels)


def test_finds_the_parameters_that_made_the_data(fitted, drawn):
    channels = drawn[0].shape[1]
    assert (np.abs(fitted.centres - CENTRES[:, :channels]) < 0.1 * SDS[:, :channels]).all()
    np.testing.assert_allclose(np.sqrt(fitted.variances), SDS[:, :channels], rtol=0.06)
    np.testing.assert_allclose(fitted.weights, WEIGHTS, atol=0.01)
    np.testing.assert_array_equal(fitted.means, fitted.centres[:, 0])
    np.testing.assert_allclose(fitted.sds**2, fitted.covariances[:, 0, 0])
    assert np.ptp(fitted.sds) == 0  # in the first channel noise is the same for all


def test_expected_shares_are_right_on_average(fitted, drawn):
    voxels, content = drawn
    expected = _shares(fitted, voxels)
    np.testing.assert_allclose(expected.sum(axis=1), 1, atol=1e-12)
    assert (expected >= 0).all()
    np.testing.assert_allclose(expected.mean(axis=0), content.mean(axis=0), atol=0.005)
    for tissue in range(3):
        for low in np.arange(0, 1, 0.1):
            here = (expected[:, tissue] >= low) & (expected[:, tissue] < low + 0.1)
            if here.sum() > 500:
                means = expected[here].mean(axis=0), content[here].mean(axis=0)
                np.testing.assert_allclose(*means, atol=0.03)


def test_single_precision_says_the_same_also_far_from_zero(fitted, drawn):
    exact = _shares(fitted, drawn[0])
    single = fitted.responsibilities(drawn[0])
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, exact, atol=1e-4)
    far = np.float32(20_000)
    moved = replace(fitted, centres=fitted.centres + float(far))
    np.testing.assert_allclose(moved.responsibilities(drawn[0] + far), exact, atol=0.01)


def test_the_objective_never_falls_and_is_that_of_the_result(fitted, drawn):
    cells, counts = joint_histogram(drawn[0])
    assert (np.diff(fitted.history) >= -1e-9 * abs(fitted.history[-1])).all()
    assert fitted.converged
    assert fitted.n_iter == len(fitted.history) - 1
    likelihood = counts @ np.log(fitted.density(cells))
    prior = PRIOR_SHARE * counts.sum() * np.array(PRIOR_WEIGHTS) @ np.log(fitted.weights)
    assert fitted.history[-1] == pytest.approx(likelihood + prior, rel=1e-12)


def test_the_density_integrates_to_one_and_over_one_channel_to_that_of_the_other(pair):
    _, model = pair
    first, second = np.linspace(0, 200, 401), np.linspace(0, 450, 451)
    grid = np.stack(np.meshgrid(first, second, indexing="ij"), axis=-1)
    outlying = OUTLIERS / np.prod(model.outlier_range)
    inside = model.density(grid.reshape(-1, 2)).reshape(401, 451) - outlying
    over_second = integrate.trapezoid(inside, second)
    assert integrate.trapezoid(over_second, first) == pytest.approx(1 - OUTLIERS, abs=1e-6)
    for channel, points, found in (
        (0, first, over_second),
        (1, second, integrate.trapezoid(inside, first, axis=0)),
    ):
        alone = model.marginal(channel)
        expected = alone.density(points) - OUTLIERS / model.outlier_range[channel]
        np.testing.assert_allclose(found, expected, atol=1e-6 * expected.max())


@pytest.mark.parametrize(("channel", "factor"), [(0, 1e-3), (1, 1e3)])
def test_units_of_a_channel_do_not_matter(pair, channel, factor):
    voxels, model = pair
    units = np.ones(2)
    units[channel] = factor
    scaled = (voxels * units).astype(np.float32)
    again = _fitted(scaled)
    np.testing.assert_allclose(again.centres / units, model.centres, rtol=1e-4)
    np.testing.assert_allclose(_shares(again, scaled), _shares(model, voxels), atol=1e-4)


def test_the_order_of_channels_beyond_the_first_does_not_matter():
    voxels, _ = _drawn(3)
    turned = voxels[:, [0, 2, 1]]
    model, again = _fitted(voxels), _fitted(turned)
    np.testing.assert_allclose(again.centres[:, [0, 2, 1]], model.centres, rtol=1e-6)
    np.testing.assert_allclose(_shares(again, turned), _shares(model, voxels), atol=1e-6)


def test_every_channel_that_tells_tissues_apart_helps():
    noise = np.array([30.0, 40.0, 40.0])
    voxels, content = _drawn(3, size=10_000)
    voxels += (noise * np.random.default_rng(4).normal(size=voxels.shape)).astype(np.float32)
    right = [_right(_fitted(voxels[:, :d]), voxels[:, :d], content) for d in (1, 2, 3)]
    assert right[0] + 0.02 < right[1]
    assert right[1] + 0.01 < right[2]


@pytest.mark.parametrize("noise", [(60.0, 0.0), (20.0, 150.0)])
@pytest.mark.parametrize("seed", [0, 4])
def test_no_start_from_the_truth_leads_higher(noise, seed):
    """Not where noise hides the tissues in one channel: a clustering alone is misled by it."""
    voxels, _ = _drawn(2, size=10_000, seed=seed)
    voxels += (noise * np.random.default_rng(seed).normal(size=voxels.shape)).astype(np.float32)
    model = _fitted(voxels)
    truth = replace(
        model, centres=CENTRES[:, :2], variances=SDS[:, :2] ** 2 + np.square(noise), weights=WEIGHTS
    )
    assert model.history[-1] > _fitted(voxels, start=truth).history[-1] - 2
    np.testing.assert_allclose(model.means, CENTRES[:, 0], atol=5)


def test_a_channel_of_mere_noise_changes_next_to_nothing(pair):
    voxels, model = pair
    idle = np.random.default_rng(3).normal(500, 20, len(voxels)).astype(np.float32)
    more = np.column_stack([voxels, idle])
    again = _fitted(more)
    np.testing.assert_allclose(again.centres[:, 2], 500, atol=2)
    assert (_shares(again, more).argmax(axis=1) == _shares(model, voxels).argmax(axis=1)).mean() > 0.995


def test_a_copy_of_the_only_channel_leaves_the_labels_nearly_the_same():
    voxels, content = _drawn(1)
    twice = np.column_stack([voxels, voxels])
    alone, model = _fitted(voxels), _fitted(twice)
    same = _shares(model, twice).argmax(axis=1) == _shares(alone, voxels).argmax(axis=1)
    assert same.mean() > 0.97
    assert _right(model, twice, content) > 0.96


def test_grey_matter_mixes_with_both_others_where_it_is_brightest():
    """As in FLAIR: fluid dark, white matter, grey matter."""
    voxels, content = _drawn(2, order=(0, 2, 1))
    model = _fitted(voxels, middle=2)
    assert (np.abs(model.centres - CENTRES[:, :2]) < 0.1 * SDS[:, :2]).all()
    np.testing.assert_allclose(model.weights, WEIGHTS, atol=0.01)
    known = replace(model, centres=CENTRES[:, :2], variances=SDS[:, :2] ** 2, weights=WEIGHTS)
    assert _right(model, voxels, content) > _right(known, voxels, content) - 0.005 > 0.9
    np.testing.assert_array_equal(
        model.tissues_in_component, [[1, 0, 0], [0, 0, 1], [0, 1, 0], [1, 0, 1], [0, 1, 1]]
    )
    np.testing.assert_array_equal(model.content[:3], np.eye(3)[[0, 2, 1]])
    assert model.history[-1] > _fitted(voxels, middle=1).history[-1]


def test_means_are_held_where_the_start_has_them(pair):
    voxels, model = pair
    elsewhere = replace(model, centres=model.centres + np.array([3.0, 10.0]))
    held = _fitted(voxels, start=elsewhere, hold_means=True)
    np.testing.assert_array_equal(held.centres, elsewhere.centres)
    assert (held.variances > 1.2 * model.variances).all()
    assert (np.diff(held.history) >= -1e-9 * abs(held.history[-1])).all()
    free = _fitted(voxels, start=elsewhere)
    np.testing.assert_allclose(free.centres, model.centres, atol=0.5)


def test_a_fit_goes_on_from_where_it_ended(pair):
    voxels, model = pair
    more = _fitted(voxels, start=model)
    assert more.history[0] == pytest.approx(model.history[-1], rel=1e-12)
    assert more.n_iter <= 2 < model.n_iter
    np.testing.assert_allclose(more.centres, model.centres, atol=0.05)


def test_distances_vanish_at_the_centres_and_grow_with_the_way(pair):
    voxels, model = pair
    at_home = model.squared_distances(model.centres)
    assert at_home.shape == (3, 5)
    np.testing.assert_allclose(np.diag(at_home), 0, atol=1e-9)
    assert at_home[0, 2] > 100 < at_home[2, 0]
    np.testing.assert_allclose(
        model.squared_distances(model.content @ model.centres).min(axis=1), 0, atol=1e-9
    )
    # Of a pure tissue: as many sds as the voxel is away, in both channels together.
    sds = np.sqrt(model.variances[2])
    away = model.squared_distances(model.centres[2] + np.array([[3.0, 0.0], [0.0, 4.0], [3.0, 4.0]]) * sds)
    np.testing.assert_allclose(away[:, 2], [9, 16, 25], rtol=1e-9)
    way = np.arange(1, 5)[:, None] * np.array([[0.0, -1e5]])
    far = np.sqrt(model.squared_distances(model.centres[1] + way).min(axis=1))
    np.testing.assert_allclose(np.diff(far, n=2), 0, atol=1e-3 * far[0])
    assert far[0] > 1000
    single = model.squared_distances(voxels)
    assert single.dtype == np.float32
    exact = model.squared_distances(voxels.astype(np.float64))
    np.testing.assert_allclose(single, exact, atol=1e-3, rtol=1e-3)


def test_one_channel_alone_is_the_mixture_of_one_channel():
    voxels, _ = _drawn(1)
    values, counts = intensity_histogram(voxels[:, 0])
    one = fit_partial_volume(values, counts)
    same = fit_multichannel(voxels, values[:, None], counts, 1)
    # Both stop when an iteration brings less than 1e-5 a voxel.
    assert same.history[-1] == pytest.approx(one.history[-1], abs=1e-5 * len(voxels))
    np.testing.assert_allclose(same.means, one.means, atol=0.02)
    assert same.sds[0] == pytest.approx(one.sd, rel=2e-3)
    np.testing.assert_allclose(same.weights, one.weights, atol=1e-3)
    assert same.bic(values, counts) == pytest.approx(one.bic(values, counts), rel=1e-5)
    # The same parameters have the same density, shares and distances.
    model = MultichannelMixture(
        one.centres, np.full((3, 1), one.sd**2), one.weights, 1, np.array([one.outlier_range])
    )
    np.testing.assert_allclose(model.density(values), one.density(values), rtol=1e-9)
    np.testing.assert_allclose(model.squared_distances(values), one.squared_distances(values), atol=1e-9)
    between = values[(values > one.means[0]) & (values < one.means[2])]
    np.testing.assert_allclose(model.responsibilities(between), one.responsibilities(between), atol=1e-9)


@pytest.mark.parametrize("other", ["two values", "a constant channel"])
def test_what_makes_no_three_tissues_is_said(other):
    voxels, _ = _drawn(2, size=5000)
    wrong = {
        "two values": np.repeat([[1.0, 2.0], [5.0, 9.0]], 500, axis=0),
        "a constant channel": voxels * (1, 0) + (0, 7),
    }[other]
    with pytest.raises(MixtureError):
        _fitted(wrong.astype(np.float32))


def test_tissues_without_any_noise_are_found():
    points = np.repeat(CENTRES[:, :2], 500, axis=0).astype(np.float32)
    model = _fitted(points)
    np.testing.assert_allclose(model.centres, CENTRES[:, :2], rtol=1e-3)
    assert (_shares(model, points).argmax(axis=1) == np.repeat([0, 1, 2], 500)).all()
