from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

from mriseg.errors import ImageError
from mriseg.images.nifti import open_nifti
from mriseg.images.nifti_voxels import read_voxels


@pytest.fixture
def series(tmp_path):
    """Three volumes of whole numbers, stored with slope 0.5 and intercept 10."""
    stored = np.arange(2 * 3 * 4 * 3, dtype=np.int16).reshape(2, 3, 4, 3)
    image = nib.Nifti1Image(stored, np.eye(4))
    image.header.set_slope_inter(0.5, 10)
    path = tmp_path / "series.nii.gz"
    nib.save(image, path)
    return path, 0.5 * stored + 10


def test_a_volume_of_a_series_is_scaled_as_the_header_says(series):
    path, expected = series
    for index in range(3):
        voxels = read_voxels(open_nifti(path), index)
        assert voxels.dtype == np.float32
        np.testing.assert_array_equal(voxels, expected[..., index])


@pytest.mark.parametrize(("volume", "words"), [(None, "a series of 3 volumes"), (3, "has no volume 3")])
def test_a_volume_of_a_series_has_to_be_named(series, volume, words):
    with pytest.raises(ImageError, match=words):
        read_voxels(open_nifti(series[0]), volume)


def test_more_memory_than_allowed_is_refused(series):
    with pytest.raises(ImageError, match="GB of memory"):
        read_voxels(open_nifti(series[0]), 0, max_memory=1e-6)
