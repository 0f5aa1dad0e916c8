"""The mixture with proportions by place, on voxels drawn from the model itself and on noise."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mriseg.errors import MixtureError
from mriseg.labels.tissues import CSF, GM, WM
from mriseg.model.constants import OBJECTIVE_ROUNDING, TISSUE_OUTLIERS, VARIANCE_FLOOR
from mriseg.model.fitting import MixtureSpec, fit
from mriseg.model.places import places_of
from mriseg.model.posteriors import posteriors_of
from mriseg.model.template_components import CONTENT, GROUP
from mriseg.model.template_em import fit_at_places, fit_where_places_tell
from mriseg.model.template_mixture import TemplateMixture

# CSF, cortex, deep GM, WM.
T1 = np.array([40.0, 100.0, 118.0, 150.0])
SD = 5.0
FACTORS = np.array([0.8, 1.0, 1.0, 1.2, 1.0, 0.8])
TISSUES = (CSF, GM, WM)


def _places(size, rough):
    """Voxels at places that are flat, cortical, white and deep."""
    odds = np.float32([0, 0, -3, 3, 6, 0, 1])
    deep = np.float32([0, 0, 0, 0, 0, 0.9, 0.4])
    kind = np.arange(size) % len(odds)
    return places_of(odds[kind], deep[kind], np.asarray(rough, float))


def _drawn(levels=T1, sd=SD, size=70_000, seed=1):
    """Voxels of the model itself: intensities (N,), their places, and the true shares of tissue (N, 3)."""
    generator = np.random.default_rng(seed)
    # Rough levels shrink towards their mean, as those of a regression on maps that do not fit well.
    known = levels[[0, 1, 3]]
    places = _places(size, 0.5 * known + 0.5 * known.mean())
    truth = _model(levels, sd, FACTORS, places)
    cumulated = truth.group_proportions.cumsum(axis=1)[places.number]
    group = (generator.random((size, 1)) > cumulated).sum(axis=1).clip(max=5)
    share = generator.random((size, 1))
    eye = np.eye(4)
    content = eye[np.minimum(group, 3)]
    for pair, (a, b) in {4: (0, 1), 5: (1, 3)}.items():
        here = group == pair
        content[here] = (1 - share[here]) * eye[a] + share[here] * eye[b]
    intensities = content @ levels + generator.normal(0, sd, size)
    out = (group < 4) & (generator.random(size) < TISSUE_OUTLIERS)
    intensities[out] = generator.uniform(levels.min() - 3 * sd, levels.max() + 3 * sd, out.sum())
    return intensities.astype(np.float32), places, content @ np.eye(3)[[0, 1, 1, 2]]


def _model(levels, sd, factors, places):
    sizes = np.bincount(places.number, minlength=len(places.proportions)).astype(float)
    return TemplateMixture(
        np.array(levels, float)[:, None],
        np.array([sd**2]),
        factors,
        places.proportions,
        sizes,
        np.array([np.ptp(levels) + 6 * sd]),
    )


def _never_falls(model):
    history = np.array(model.history)
    return (np.diff(history) >= -OBJECTIVE_ROUNDING * np.abs(history[1:])).all()


@pytest.fixture(scope="module")
def drawn():
    return _drawn()


@pytest.fixture(scope="module")
def fitted(drawn):
    return fit_at_places(*drawn[:2])


def test_finds_the_parameters_that_made_the_data(fitted):
    np.testing.assert_allclose(fitted.levels[:, 0], T1, atol=1.0)
    assert fitted.sds[0] == pytest.approx(SD, rel=0.05)
    assert fitted.converged
    assert fitted.tissues == TISSUES


def test_finds_the_proportions_of_every_place(fitted, drawn):
    truth = _model(T1, SD, FACTORS, drawn[1])
    np.testing.assert_allclose(fitted.group_proportions.sum(axis=1), 1, atol=1e-12)
    # The firm prior on the factors of mixed voxels holds these near their usual share.
    np.testing.assert_allclose(fitted.group_proportions, truth.group_proportions, atol=0.05)


def test_expected_shares_are_right_on_average_at_every_place(fitted, drawn):
    intensities, places, content = drawn
    expected = fitted.responsibilities_by_place(np.arange(30.0, 160.0, 10))
    for place in range(len(places.proportions)):
        for step, middle in enumerate(np.arange(30.0, 160.0, 10)):
            here = (places.number == place) & (np.abs(intensities - middle) < 1.5)
            if here.sum() > 300:
                np.testing.assert_allclose(expected[place, step], content[here].mean(axis=0), atol=0.12)


def test_the_objective_never_falls_and_is_that_of_the_result(fitted, drawn):
    assert _never_falls(fitted)
    again = fit_at_places(*drawn[:2], start=fitted, max_iterations=0)
    assert again.history[0] == pytest.approx(fitted.history[-1], rel=1e-12)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), held=st.booleans())
def test_the_objective_never_falls_on_whatever_data(seed, held):
    generator = np.random.default_rng(seed)
    size = int(generator.integers(60, 600))
    shapes = (generator.normal(size=size), generator.standard_t(4, size), generator.exponential(size=size))
    scale = 10.0 ** generator.integers(-3, 4)
    intensities = np.float32(scale * (shapes[seed % 3] + generator.normal()))
    odds, deep = generator.normal(0, 4, size), generator.choice([0, 0, 1], size) * generator.random(size)
    places = places_of(np.float32(odds), np.float32(deep), scale * generator.normal(size=3))
    start = _model(np.quantile(intensities, [0.1, 0.4, 0.5, 0.8]), scale, FACTORS, places) if held else None
    model = fit_at_places(intensities, places, start, hold_means=held, max_iterations=60)
    assert _never_falls(model)
    assert np.isfinite(model.levels).all()
    if held:
        np.testing.assert_array_equal(model.levels, start.levels)


@pytest.mark.parametrize("order", list(permutations([40.0, 100.0, 150.0])))
def test_tissues_are_named_by_where_they_lie_whatever_the_order_of_their_means(order):
    csf, grey, white = order
    levels = np.array([csf, grey, grey + 0.3 * (white - grey), white])
    model = fit_at_places(*_drawn(levels, size=21_000)[:2])
    np.testing.assert_allclose(model.levels[[0, 1, 3], 0], order, atol=2.5)
    assert model.tissues == tuple(np.array(TISSUES, dtype=object)[np.argsort(order)])
    np.testing.assert_array_equal(model.means, sorted(model.means))


@pytest.mark.parametrize(("scale", "offset"), [(1000.0, 0.0), (0.001, 0.0), (1.0, 500.0), (-1.0, 300.0)])
def test_scale_and_offset_of_intensities_do_not_matter(fitted, drawn, scale, offset):
    intensities, places, _ = drawn
    changed = replace(places, levels=scale * places.levels + offset)
    model = fit_at_places(np.float32(scale * intensities.astype(float) + offset), changed)
    tolerance = 0.02 * abs(scale)
    np.testing.assert_allclose(model.levels, scale * fitted.levels + offset, atol=tolerance)
    np.testing.assert_allclose(model.sds, abs(scale) * fitted.sds, rtol=2e-3)
    np.testing.assert_allclose(model.group_proportions, fitted.group_proportions, atol=2e-3)
    points = np.linspace(30, 160, 40)
    shares = model.responsibilities_by_place(scale * points + offset)[..., np.argsort(model.rising)]
    np.testing.assert_allclose(shares, fitted.responsibilities_by_place(points), atol=5e-3)


@settings(max_examples=10, deadline=None)
@given(scale=st.floats(1e-3, 1e3), offset=st.floats(-500, 500), inverted=st.booleans())
def test_inverted_intensities_make_the_same_tissues(fitted, drawn, scale, offset, inverted):
    """Any linear change of the intensities, of either sign, leaves the shares of the tissues as they are."""
    intensities, places, _ = drawn
    change = np.array([-scale if inverted else scale, offset * scale])
    moved = np.polyval(change, intensities.astype(float)).astype(np.float32)
    model = fit_at_places(moved, replace(places, levels=np.polyval(change, places.levels)))
    np.testing.assert_allclose(model.levels, np.polyval(change, fitted.levels), atol=0.2 * scale)
    np.testing.assert_allclose(model.group_proportions, fitted.group_proportions, atol=5e-3)
    assert model.tissues == (fitted.tissues[::-1] if inverted else fitted.tissues)


def test_places_that_tell_are_used_and_others_are_not(fitted, drawn):
    intensities, places, _ = drawn
    placed = fit_where_places_tell(intensities, places)
    np.testing.assert_array_equal(placed.levels, fitted.levels)
    # The same voxels at places that have nothing to do with their tissues.
    shuffled = replace(places, number=np.random.default_rng(6).permutation(places.number))
    assert fit_where_places_tell(intensities, shuffled) is None


def test_outliers_do_not_move_the_means(fitted, drawn):
    intensities, places, _ = drawn
    generator = np.random.default_rng(2)
    strange = intensities.copy()
    out = generator.random(len(strange)) < 0.02
    strange[out] = generator.uniform(0, 400, out.sum())
    model = fit_at_places(strange, places)
    np.testing.assert_allclose(model.levels, fitted.levels, atol=2.0)
    assert model.sds[0] == pytest.approx(fitted.sds[0], rel=0.15)


def test_dark_voxels_in_the_midst_of_white_matter_stay_white(fitted):
    midst = places_of(np.float32([9, 0]), np.zeros(2, np.float32), np.ones(3))
    model = fitted.at(midst, np.ones(2), fitted.outlier_range)
    # At the mean of cortex, and darker.
    inside, flat = model.responsibilities_by_place(np.array([100.0, 85.0]))[::-1]
    assert (inside[:, 2] > 0.5).all()
    assert (flat[:, 2] < 0.1).all()


def test_responsibilities_sum_to_one_everywhere(fitted):
    points = np.linspace(-500, 1500, 801)
    by_place = fitted.responsibilities_by_place(points)
    assert by_place.shape == (len(fitted.proportions), 801, 3)
    for shares in (by_place, fitted.responsibilities(points)):
        assert (shares >= 0).all()
        np.testing.assert_allclose(shares.sum(axis=-1), 1, atol=1e-12)
    assert fitted.weights.sum() == pytest.approx(1)


def test_the_density_integrates_to_one(fitted):
    points = np.linspace(fitted.means[0] - 60, fitted.means[2] + 60, 20001)
    outliers = TISSUE_OUTLIERS * fitted.weights[:4].sum()
    inside = np.trapezoid(fitted.density(points) - outliers / fitted.outlier_range[0], points)
    assert inside == pytest.approx(1 - outliers, abs=1e-6)


def test_posteriors_are_those_of_direct_evaluation_at_every_voxel(fitted, drawn):
    intensities, places, _ = drawn
    intensities, places = intensities[:2000], places.among(np.arange(len(intensities)) < 2000)
    values = np.linspace(float(intensities.min()), float(intensities.max()), 512)
    found = posteriors_of(fitted, [(values, np.ones(512))], [intensities], places)
    direct = fitted.responsibilities_by_place(intensities)[places.number, np.arange(2000)]
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(found, direct, atol=0.01)
    without = posteriors_of(fitted, [(values, np.ones(512))], [intensities])
    np.testing.assert_allclose(without, fitted.responsibilities(intensities), atol=0.01)


def test_parameters_make_the_mixture_again(fitted, drawn):
    intensities, places, _ = drawn
    restored = TemplateMixture.from_parameters(
        fitted.centres,
        fitted.covariances,
        fitted.weights,
        [tissue.abbreviation for tissue in fitted.tissues],
        fitted.outlier_range,
    )
    assert restored.tissues == fitted.tissues
    np.testing.assert_allclose(restored.centres, fitted.centres)
    np.testing.assert_allclose(restored.covariances, fitted.covariances)
    np.testing.assert_allclose(restored.weights, fitted.weights)
    placed = restored.at(places, fitted.sizes, fitted.outlier_range)
    np.testing.assert_array_equal(placed.proportions, places.proportions)
    again = fit_at_places(intensities, places, restored)
    np.testing.assert_allclose(again.levels, fitted.levels, atol=0.3)
    np.testing.assert_allclose(again.group_proportions, fitted.group_proportions, atol=0.01)
    assert again.history[-1] >= fitted.history[-1] - 1e-3 * len(intensities)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_parameters_are_named_by_their_tissues_in_any_order(order):
    centres, names = np.array([[40.0], [100.0], [150.0]]), ("CSF", "GM", "WM")
    model = TemplateMixture.from_parameters(
        centres[list(order)],
        np.repeat(np.array([[[25.0]]]), 3, axis=0),
        np.full(6, 1 / 6),
        [names[tissue] for tissue in order],
        np.array([200.0]),
    )
    np.testing.assert_allclose(model.levels[:, 0], [40, 100, 125, 150])
    np.testing.assert_allclose(model.weights, 1 / 6)


def test_all_components_have_the_same_noise_and_it_keeps_a_floor():
    places = _places(700, [40, 100, 150])
    # Pure tissues without noise.
    intensities = np.float32([40, 100, 150])[np.arange(700) % 3]
    model = fit_at_places(intensities, places)
    assert model.variances[0] >= VARIANCE_FLOOR * np.var([40, 100, 150]) * (1 - 1e-6)
    assert len(set(model.sds.tolist())) == 1
    np.testing.assert_array_equal(model.covariances, np.full((3, 1, 1), model.variances[0]))
    shares = model.responsibilities_by_place(np.array([40.0, 100.0, 150.0]))
    np.testing.assert_allclose(shares.sum(axis=-1), 1, atol=1e-9)
    assert _never_falls(model)


def test_the_means_of_a_start_can_be_held(fitted, drawn):
    intensities, places, _ = drawn
    start = replace(fitted, levels=fitted.levels + 3)
    held = fit_at_places(intensities, places, start, hold_means=True)
    np.testing.assert_array_equal(held.levels, start.levels)


@pytest.fixture(scope="module")
def two_channels(drawn):
    """The drawn voxels with a second channel that separates cortex from WM twice as well; CSF is bright."""
    intensities, places, content = drawn
    generator = np.random.default_rng(3)
    second = content @ [220.0, 120.0, 60.0] + generator.normal(0, 5, len(content))
    return np.column_stack([intensities, second]).astype(np.float32), places


@pytest.fixture(scope="module")
def joint(two_channels):
    return fit_at_places(*two_channels)


def test_a_second_channel_is_fitted_with_the_first(joint):
    assert _never_falls(joint)
    assert joint.converged
    np.testing.assert_allclose(joint.levels[:, 0], T1, atol=3)
    np.testing.assert_allclose(joint.levels[[0, 1, 3], 1], [220, 120, 60], atol=4)
    np.testing.assert_allclose(np.sqrt(joint.variances), [SD, 5], rtol=0.15)
    first = joint.marginal(0)
    np.testing.assert_array_equal(first.levels[:, 0], joint.levels[:, 0])
    assert first.tissues == joint.tissues


def test_a_second_channel_makes_every_tissue_better(fitted, joint, two_channels, drawn):
    (rows, places), content = two_channels, drawn[2]
    histograms = [(np.sort(column)[:: len(column) // 500], np.ones(1)) for column in rows.T]
    alone = posteriors_of(fitted, histograms[:1], [rows[:, 0]], places)
    both = posteriors_of(joint, histograms, list(rows.T), places)
    np.testing.assert_allclose(both.sum(axis=1), 1, atol=1e-5)
    for error in (lambda found: np.abs(found - content).mean(axis=0),):
        assert (error(both) < 0.9 * error(alone)).all()


def test_the_better_channel_leads_whichever_comes_first(joint, two_channels):
    rows, places = two_channels
    known = replace(places, levels=np.array([220.0, 120.0, 60.0]))
    turned = fit_at_places(np.ascontiguousarray(rows[:, ::-1]), known)
    np.testing.assert_allclose(turned.levels[[0, 1, 3], ::-1], joint.levels[[0, 1, 3]], atol=4)


def test_voxels_that_a_channel_is_wrong_about_are_judged_by_the_others(joint, two_channels):
    rows, places = two_channels
    strange = rows[:2000].copy()
    strange[:, 1] = 1e4
    some = places.among(np.arange(len(rows)) < 2000)
    histograms = [(np.array([0.0, 1.0]), np.ones(2))] * 2
    found = posteriors_of(joint, histograms, list(strange.T), some)
    alone = joint.marginal(0).responsibilities_at(strange[:, [0]], some.number)
    assert np.abs(found - alone).mean() < 0.03


def test_intensities_times_a_factor_are_told_by_the_mixture_times_it(fitted):
    points = np.linspace(30, 160, 40)
    scaled = replace(fitted.rescaled(np.array([7.0])), outlier_range=7 * fitted.outlier_range)
    np.testing.assert_allclose(
        scaled.responsibilities_by_place(7 * points), fitted.responsibilities_by_place(points), atol=1e-9
    )
    np.testing.assert_allclose(7 * scaled.density(7 * points), fitted.density(points))
    np.testing.assert_allclose(scaled.squared_distances(7 * points), fitted.squared_distances(points))


def test_distances_are_those_to_the_nearest_component_of_each_group(fitted):
    points = np.array([20.0, 90.0, 170.0])
    centres = CONTENT @ fitted.levels[:, 0]
    squares = (points[:, None] - centres) ** 2 / fitted.variances[0]
    expected = np.stack([squares[:, group == GROUP].min(axis=1) for group in range(6)], axis=1)
    np.testing.assert_allclose(fitted.squared_distances(points), expected)


@pytest.mark.parametrize("levels", [[5.0], [5.0, 7.0]])
def test_fewer_than_three_intensities_are_no_three_tissues(levels):
    intensities = np.resize(np.float32(levels), 500)
    with pytest.raises(MixtureError):
        fit_at_places(intensities, _places(500, [1, 2, 3]))


@pytest.mark.parametrize("weight", [0, 1e-6])
def test_a_cohort_of_no_voxels_changes_nothing(fitted, drawn, weight):
    intensities, places, _ = drawn
    cohort = np.array([60.0, 170.0]), np.full(2, weight)
    model = fit_at_places(intensities, places, cohort=cohort)
    np.testing.assert_allclose(model.levels, fitted.levels, rtol=1e-6)
    np.testing.assert_allclose(model.factors, fitted.factors, rtol=1e-4)


def test_a_cohort_steadies_a_small_brain_and_its_places_stay():
    few, small, _ = _drawn(size=210, seed=5)
    many, _, _ = _drawn(seed=6)
    cohort = np.unique(many.round(), return_counts=True)
    alone = fit_at_places(few, small)
    steady = fit_at_places(few, small, cohort=(cohort[0].astype(float), cohort[1] * (2000 / many.size)))
    apart = [np.abs(model.levels[[0, 1, 3], 0] - T1[[0, 1, 3]]).mean() for model in (steady, alone)]
    assert apart[0] < 0.7 * apart[1]
    assert _never_falls(steady)
    np.testing.assert_array_equal(steady.proportions[:-1], small.proportions)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_mixture_of_a_channel_keeps_the_order_of_its_tissues(order):
    places = _places(700, T1[[0, 1, 3]])
    second = np.array([40.0, 100.0, 150.0])[list(order)][[0, 1, 1, 2]]
    joint = replace(
        _model(T1, SD, FACTORS, places),
        levels=np.column_stack([T1, second]),
        variances=np.array([SD**2, SD**2]),
        outlier_range=np.array([200.0, 200.0]),
    )
    marginal = joint.marginal(1)
    assert marginal.tissues == joint.tissues == TISSUES
    shares = marginal.responsibilities(marginal.means)
    assert shares.argmax(axis=1).tolist() == [0, 1, 2]


@pytest.mark.parametrize("factor", [1e-6, 1e-3, 1e4])
def test_whether_classes_are_separated_does_not_depend_on_the_unit_of_a_channel(two_channels, factor):
    (first, second), places = two_channels[0].T, two_channels[1]
    spec = MixtureSpec("t1")
    plain = fit([first, second], spec, places)
    other = fit([first, np.float32(factor) * second], spec, places)
    assert plain.single_bic - plain.bic > 0
    assert other.single_bic - other.bic == pytest.approx(plain.single_bic - plain.bic, rel=1e-3)
