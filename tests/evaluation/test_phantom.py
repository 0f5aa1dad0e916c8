from __future__ import annotations

import numpy as np
import pytest

from mriseg.evaluation.phantom import folded_ball, simulate
from mriseg.labels.contrasts import CONTRASTS

NAN, INF = float("nan"), float("inf")
T1_INTENSITIES = CONTRASTS["t1"].phantom_intensities


def test_without_noise_and_field_the_scan_is_the_shares_times_the_intensities():
    phantom = simulate(*folded_ball(), noise=0, bias=0)
    brain = phantom.labels > 0
    expected = sum(T1_INTENSITIES[k] * share for k, share in phantom.fractions.items())
    np.testing.assert_allclose(phantom.data[brain], expected[brain], rtol=1e-5)
    assert (phantom.data[~brain] == 0).all()


def test_wider_voxels_keep_the_volume_of_every_tissue_and_its_place():
    labels, affine = folded_ball()
    phantom = simulate(labels, affine, zooms=(3.0, 3.0, 3.0))
    assert phantom.data.shape == (48, 48, 48)
    for k, share in phantom.fractions.items():
        assert share.sum() * 27 == pytest.approx((labels == k).sum() * 1.5**3, rel=0.01)
        middle = np.argwhere(labels == k).mean(axis=0) @ affine[:3, :3].T + affine[:3, 3]
        seen = np.average(np.indices(share.shape).reshape(3, -1), weights=share.ravel(), axis=1)
        np.testing.assert_allclose(phantom.affine[:3, :3] @ seen + phantom.affine[:3, 3], middle, atol=0.2)


def test_the_field_spans_what_was_asked():
    phantom = simulate(*folded_ball(), bias=40)
    inside = phantom.field[phantom.labels > 0]
    assert inside.min() == pytest.approx(0.8, abs=1e-5)
    assert inside.max() == pytest.approx(1.2, abs=1e-5)


def test_noise_is_rician_of_the_strength_asked():
    labels = np.full((60, 60, 60), 2, dtype=np.uint8)
    phantom = simulate(labels, np.eye(4), noise=5, bias=0)
    sd = 0.05 * T1_INTENSITIES[2]
    assert phantom.data.std() == pytest.approx(sd, rel=0.02)
    assert (phantom.data**2).mean() == pytest.approx(T1_INTENSITIES[2] ** 2 + 2 * sd**2, rel=1e-3)


def test_the_seed_decides():
    first, again, other = (simulate(*folded_ball(), seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.data, again.data)
    assert not np.array_equal(first.data, other.data)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        *(
            ({"intensities": {1: 100.0, 2: wrong, 3: 40.0}}, "intensities")
            for wrong in (NAN, INF, -1.0, 1e300)
        ),
        ({"intensities": dict.fromkeys((1, 2, 3), 0.0)}, "not all of them 0"),
        ({"surroundings": {0: NAN}}, "intensities"),
        *(({"noise": wrong}, "noise is") for wrong in (NAN, INF, -1.0)),
        *(({"bias": wrong}, "bias") for wrong in (NAN, INF, -1.0, 200.0)),
        *(({"zooms": (2.0, wrong, 2.0)}, "voxel sizes") for wrong in (NAN, INF, -1.0, 0.0)),
        ({"zooms": (100.0, 100.0, 100.0)}, "no voxel is left for .*; choose smaller voxels"),
    ],
)
def test_settings_that_make_no_scan_are_refused(settings, says):
    with pytest.raises(ValueError, match=says):
        simulate(*folded_ball(), **settings)


def test_a_brain_of_one_voxel_is_refused():
    with pytest.raises(ValueError, match="no voxel is left for the rest of the brain"):
        simulate(np.full((9, 9, 9), 2, dtype=np.uint8), np.eye(4), zooms=(9.0, 9.0, 9.0))


def test_numbers_that_are_no_tissue_are_background():
    labels, affine = folded_ball()
    phantom = simulate(labels + 10, affine, tissues={11: 1, 12: 2})
    assert not (phantom.labels == 3).any()
    with pytest.raises(ValueError, match="none of the tissues"):
        simulate(labels + 10, affine)
