"""The order in which files store their axes means nothing: scan, masks and channels may differ in it."""

from __future__ import annotations

from itertools import permutations, product

import nibabel as nib
import numpy as np
import pytest
from cohorts import small_ball
from nibabel.orientations import apply_orientation, inv_ornt_aff

import mriseg

ORDERS = [
    np.column_stack([axes, flips]) for axes in permutations(range(3)) for flips in product((1, -1), repeat=3)
]


def stored(array, affine, order, path):
    """Write an array in an order of its axes."""
    turned = np.ascontiguousarray(apply_orientation(array, order))
    nib.Nifti1Image(turned, affine @ inv_ornt_aff(order, array.shape)).to_filename(path)
    return path


@pytest.mark.slow
def test_orders_give_the_same_labels_volumes_and_warnings(tmp_path):
    """Each file in every seventh of the 48 orders, another one each time."""
    image = nib.load(small_ball(tmp_path / "ball.nii.gz"))
    scan, affine = np.asarray(image.dataobj), np.diag([6.0, 5.0, 7.0, 1.0])
    rng = np.random.default_rng(0)
    mask = (scan > 0).astype(np.uint8)
    lesions = np.zeros_like(mask)
    lesions[10:14, 12:16, 9:12] = 1
    channel = np.where(mask, np.maximum(250 - scan + rng.normal(0, 6, scan.shape), 1), 0).astype(np.int16)

    def segmented(k):
        """Store every file in another order."""
        orders = [ORDERS[(k + shift) % len(ORDERS)] for shift in (0, 5, 18, 31)]
        files = [
            stored(array, affine, order, tmp_path / f"{name}.nii")
            for name, array, order in zip(
                ("scan", "mask", "lesions", "channel"), (scan, mask, lesions, channel), orders, strict=True
            )
        ]
        result = mriseg.segment(files[0], mask=files[1], lesion_mask=files[2], channels=files[3])
        return result, result.volume.to_canonical(result.labels)

    first, labels = segmented(0)
    for k in range(7, len(ORDERS), 7):
        other, turned = segmented(k)
        np.testing.assert_array_equal(turned, labels)
        assert other.warnings == first.warnings
        for name, volume in first.volumes.items():
            assert other.volumes[name] == volume
