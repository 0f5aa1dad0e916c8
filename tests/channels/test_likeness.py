from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
from scipy.ndimage import zoom

from mriseg.channels.constants import MAX_NOISE_CORRELATION
from mriseg.channels.likeness import describe_likeness, noise_correlation
from mriseg.evaluation.phantom import folded_ball, simulate
from mriseg.labels.contrasts import CONTRASTS


def ball(contrast, noise, seed):
    scan = simulate(
        *folded_ball(), intensities=CONTRASTS[contrast].phantom_intensities, noise=noise, bias=0, seed=seed
    )
    return scan.data


@pytest.fixture(scope="module")
def first():
    data = ball("t1", 3, 0)
    return data, folded_ball()[0] > 0


def resampled(data):
    """The same scan on a grid of 1.3 times the voxels and back."""
    coarse = zoom(data, 1 / 1.3, order=1, grid_mode=True, mode="nearest")
    factors = np.divide(data.shape, coarse.shape)
    return zoom(coarse, factors, order=1, grid_mode=True, mode="nearest")


@pytest.mark.parametrize(
    "change",
    [np.negative, lambda data: data.max() - data + 5, lambda data: 1 / (1 + data), lambda data: data**3,
     lambda data: (data - data.mean()) ** 2],
    ids=["negated", "inverted", "reciprocal", "cubed", "squared about the mean"],
)  # fmt: skip
def test_what_was_computed_from_the_first_scan_is_no_channel(first, change):
    data, mask = first
    assert describe_likeness(data, change(data), mask)


@pytest.mark.parametrize("noise", [1, 3, 9])
@pytest.mark.parametrize("contrast", ["t2", "flair", "pd"])
def test_another_contrast_of_the_same_head_is_one(contrast, noise):
    mask = folded_ball()[0] > 0
    assert describe_likeness(ball("t1", noise, 0), ball(contrast, noise, 1), mask) is None


def test_units_zero_and_order_of_axes_change_nothing(first):
    data, mask = first
    other = ball("t2", 3, 1)
    found = noise_correlation(data, other, mask)
    assert noise_correlation(data * 7 - 900, other / 3 + 4, mask) == pytest.approx(found, abs=1e-4)
    assert noise_correlation(data.T, other.T, mask.T) == pytest.approx(found, abs=1e-4)


def test_without_noise_there_is_nothing_to_compare(first):
    data, mask = first
    assert noise_correlation(np.ones_like(data), data, mask) == 0
    assert noise_correlation(data, data, np.zeros_like(mask)) == 0


@pytest.mark.parametrize("other", ["ms19_T2w", "ms19_FLAIR"])
def test_separate_scans_of_a_patient_share_no_noise(scans, other):
    data, theirs = (
        nib.load(scans / "channels" / f"{name}.nii.gz").get_fdata(dtype=np.float32)
        for name in ("ms19_T1w", other)
    )
    mask = (data > 0) & (theirs > 0)
    assert abs(noise_correlation(data, theirs, mask)) < MAX_NOISE_CORRELATION / 1.5
    assert noise_correlation(data, -resampled(data), mask) < -MAX_NOISE_CORRELATION * 1.2
