from __future__ import annotations

import numpy as np
import pytest

from mriseg.mixture import GaussianMixture
from mriseg.model.histogram import intensity_histogram


def test_counts_and_mean_are_those_of_the_voxels():
    voxels = np.random.default_rng(0).gamma(4, 20, 100_000).astype(np.float32)
    values, counts = intensity_histogram(voxels)
    assert counts.sum() == voxels.size
    assert len(values) <= 1024
    assert (np.diff(values) > 0).all()
    low, high = np.percentile(voxels, (0.05, 99.95))
    assert values @ counts / counts.sum() == pytest.approx(
        np.clip(voxels, low, high).mean(dtype=float), rel=1e-6
    )


def test_a_few_bright_voxels_do_not_stretch_the_bins():
    voxels = np.random.default_rng(0).normal(100, 10, 100_000).astype(np.float32)
    voxels[:20] = 1e6
    values, _ = intensity_histogram(voxels)
    assert values.max() < 150
    assert len(values) > 500


def test_rescaled_voxels_give_the_same_counts():
    voxels = np.random.default_rng(1).integers(1, 200, 50_000).astype(np.float32)
    values, counts = intensity_histogram(voxels)
    scaled_values, scaled_counts = intensity_histogram(voxels * 1024)
    np.testing.assert_array_equal(counts, scaled_counts)
    np.testing.assert_allclose(scaled_values, values * 1024, rtol=1e-6)


def test_one_value_makes_one_bin():
    values, counts = intensity_histogram(np.full(10, 7, np.float32))
    assert values.tolist() == [7]
    assert counts.tolist() == [10]


def test_the_mixture_of_the_histogram_is_that_of_the_voxels():
    random = np.random.default_rng(2)
    voxels = np.concatenate(
        [random.normal(m, s, n) for m, s, n in ((30, 6, 4000), (70, 8, 9000), (110, 5, 7000))]
    )
    voxels = voxels.astype(np.float32)
    values, counts = intensity_histogram(voxels)
    binned = GaussianMixture(3, model="V", tol=1e-10).fit(values[:, None], sample_weight=counts)
    full = GaussianMixture(3, model="V", tol=1e-10).fit(voxels[:, None].astype(float))
    np.testing.assert_allclose(binned.means_, full.means_, rtol=2e-3)
    np.testing.assert_allclose(binned.weights_, full.weights_, rtol=5e-3)
