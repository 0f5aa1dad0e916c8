from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mriseg.model.constants import CSF_PROPORTION
from mriseg.model.places import places_of

RNG = np.random.default_rng(4)
LOG_ODDS = np.float32(RNG.normal(0, 4, 5000))
DEEP = np.float32(np.clip(RNG.normal(-0.3, 0.5, 5000), 0, 1))
LEVELS = np.array([30.0, 70.0, 100.0])


@given(
    odds=st.lists(st.floats(-30, 30, width=32), min_size=1, max_size=40),
    deep=st.floats(0, 1, width=32),
)
def test_the_proportions_of_every_place_sum_to_one(odds, deep):
    shares = np.resize(np.float32([deep, 0]), len(odds))
    places = places_of(np.float32(odds), shares, LEVELS)
    assert (places.proportions >= 0).all()
    np.testing.assert_allclose(places.proportions.sum(axis=1), 1, atol=1e-12)
    np.testing.assert_allclose(places.proportions[:, 0], CSF_PROPORTION)
    assert sorted(set(places.number.tolist())) == list(range(len(places.proportions)))


def test_the_prior_of_a_place_is_the_mean_of_its_voxels():
    places = places_of(LOG_ODDS, DEEP, LEVELS)
    tissue = places.proportions[:, 1:] / (1 - CSF_PROPORTION)
    for place in range(0, len(tissue), 7):
        here = places.number == place
        assert tissue[place, 1] == pytest.approx(DEEP[here].mean(), abs=1e-6)
        if tissue[place, 1] < 1:
            odds = np.log(tissue[place, 2] / tissue[place, 0])
            assert odds == pytest.approx(LOG_ODDS[here].mean(), abs=1e-5)
        assert np.ptp(LOG_ODDS[here]) <= 0.5 + 1e-5
        assert np.ptp(DEEP[here]) <= 0.125 + 1e-6


def test_white_matter_becomes_likelier_with_the_log_odds_and_cortex_rarer():
    odds = np.linspace(-6, 6, 25, dtype=np.float32)
    proportions = places_of(odds, np.zeros(25, np.float32), LEVELS).proportions
    assert (np.diff(proportions[:, 3]) > 0).all()
    assert (np.diff(proportions[:, 1]) < 0).all()
    assert (proportions[:, 2] == 0).all()


def test_where_the_template_is_silent_there_is_one_place_with_even_odds():
    silent = np.zeros(9, np.float32)
    places = places_of(silent, silent, LEVELS)
    assert not places.number.any()
    np.testing.assert_allclose(places.proportions, [[0.2, 0.4, 0, 0.4]])


def test_the_places_of_some_voxels_are_those_they_had():
    places = places_of(LOG_ODDS, DEEP, LEVELS)
    chosen = RNG.random(5000) < 0.4
    some = places.among(chosen)
    np.testing.assert_array_equal(some.number, places.number[chosen])
    assert some.proportions is places.proportions
    assert some.levels is places.levels


def test_counts_are_those_of_a_loop():
    places = places_of(LOG_ODDS, DEEP, LEVELS)
    bins = RNG.integers(0, 6, 5000)
    expected = np.zeros((len(places.proportions), 6))
    for place, intensity in zip(places.number, bins, strict=True):
        expected[place, intensity] += 1
    np.testing.assert_array_equal(places.counts(bins, 6), expected)
    # Places that none of the voxels lies in keep their row.
    first = places.number == 0
    assert places.among(first).counts(bins[first], 6)[1:].sum() == 0
