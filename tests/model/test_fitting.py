from __future__ import annotations

import numpy as np
import pytest

from mriseg.model.fitting import MixtureSpec, fit
from mriseg.model.partial_volume import PartialVolumeMixture
from mriseg.model.posteriors import atypicality_of


def test_grey_matter_amid_white_matter_is_as_atypical_as_it_is_unlikely():
    model = PartialVolumeMixture(
        np.array([30.0, 70.0, 100.0]), 6.0, np.array([0.2, 0.4, 0.3, 0.05, 0.05]), 100.0
    )
    voxels = np.array([70.0, 70.0, 70.0, 100.0, 100.0, 30.0], dtype=np.float32)
    odds = np.array([0.0, 8.0, -8.0, 8.0, -8.0, 8.0], dtype=np.float32)
    np.testing.assert_allclose(atypicality_of(model, [voxels]), 0, atol=1e-6)
    found = atypicality_of(model, [voxels], (1, 2, odds))
    # CSF is neither; what is wrong at its place costs twice the log odds against it.
    np.testing.assert_allclose(found, [0, 4, 0, 0, 4, 0], atol=1e-5)
    far = np.array([140.0], dtype=np.float32)
    assert atypicality_of(model, [far])[0] == pytest.approx(40 / 6)


def test_what_is_unlikely_at_its_place_is_atypical():
    drawn = np.random.default_rng(0).normal(np.repeat([30.0, 70, 100], 20_000), 5).astype(np.float32)
    fitted = fit([drawn], MixtureSpec("t1")).model
    places = np.float32([70, 70, 100, 100, 30])
    log_odds = np.float32([6, -6, 6, -6, 6])  # of white against grey matter
    nowhere = atypicality_of(fitted, [places])
    there = atypicality_of(fitted, [places], (1, 2, log_odds))
    assert nowhere.max() < 1
    np.testing.assert_allclose(there[[0, 3]], np.sqrt(12), atol=0.3)
    np.testing.assert_allclose(there[[1, 2, 4]], nowhere[[1, 2, 4]], atol=1e-4)
