from __future__ import annotations

from dataclasses import replace
from itertools import permutations, product
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from mriseg.errors import ImageError
from mriseg.images.reading import load_volume
from mriseg.images.volume import new_volume, same_grid, whole_numbers


@pytest.mark.parametrize("flips", list(product((1, -1), repeat=3)))
@pytest.mark.parametrize("axes", list(permutations(range(3))))
def test_every_orientation_becomes_the_same_canonical_volume(tmp_path, axes, flips):
    data = np.arange(3 * 4 * 5, dtype=np.int16).reshape(3, 4, 5)
    affine = np.diag([2.0, 3.0, 4.0, 1.0])
    affine[:3, 3] = (-10, 5, 7)
    turned = np.transpose(data, axes)[tuple(slice(None, None, flip) for flip in flips)]
    index = np.zeros((4, 4))  # turned voxel indices to canonical ones
    index[3, 3] = 1
    for axis, (source, flip) in enumerate(zip(axes, flips, strict=True)):
        index[source, axis] = flip
        index[source, 3] = 0 if flip > 0 else data.shape[source] - 1
    path = tmp_path / "turned.nii"
    nib.Nifti1Image(turned, affine @ index).to_filename(path)
    volume = load_volume(path)
    np.testing.assert_array_equal(volume.data, data)
    np.testing.assert_allclose(volume.canonical_affine, affine, atol=1e-5)
    np.testing.assert_allclose(volume.zooms, (2, 3, 4), rtol=1e-6)
    np.testing.assert_array_equal(volume.to_scan_grid(volume.data), turned)
    np.testing.assert_array_equal(volume.to_canonical(turned), data)


def test_no_affine_is_offered_that_would_misplace_arrays_of_results(ball_result, ball_labels, ball_affine):
    """Labels are stored as the file is, left-posterior-superior: the canonical affine would mirror them."""
    assert not hasattr(ball_result.volume, "affine")
    image = ball_result.labels_image
    assert not np.allclose(image.affine, ball_result.volume.canonical_affine)
    np.testing.assert_allclose(image.affine, ball_affine, atol=1e-5)
    middle = np.argwhere(np.asarray(image.dataobj) > 0).mean(axis=0)
    truth = ball_affine @ [*np.argwhere(ball_labels > 0).mean(axis=0), 1]
    np.testing.assert_allclose(image.affine @ [*middle, 1], truth, atol=1)
    canonical = np.argwhere(ball_result.volume.to_canonical(ball_result.labels) > 0).mean(axis=0)
    np.testing.assert_allclose(ball_result.volume.canonical_affine @ [*canonical, 1], truth, atol=1)


@pytest.mark.parametrize(("unit", "factor"), [("mm", 1), ("micron", 1e-3), ("meter", 1e3), ("unknown", 1)])
def test_zooms_and_volumes_are_in_mm_whatever_the_unit(tmp_path, ball_data, unit, factor):
    image = nib.Nifti1Image(ball_data, np.diag([2 / factor, 2 / factor, 2 / factor, 1]))
    image.header.set_xyzt_units(unit)
    image.to_filename(tmp_path / "scan.nii")
    volume = load_volume(tmp_path / "scan.nii")
    np.testing.assert_allclose(volume.zooms, 2, rtol=1e-5)
    assert volume.voxel_ml == pytest.approx(0.008, rel=1e-5)


AFFINE = np.array([[0, 0, 4.0, -9], [2, 0, 0, 5], [0, 3, 0, 7], [0, 0, 0, 1]])


def made(shape=(6, 7, 8), affine=AFFINE):
    return new_volume(np.arange(np.prod(shape), dtype=np.float32).reshape(shape), affine, Path("made.nii.gz"))


def test_a_new_volume_has_the_geometry_it_was_given():
    volume = made(affine=np.diag([2.0, 3.0, 4.0, 1.0]))
    np.testing.assert_array_equal(volume.zooms, (2, 3, 4))
    assert volume.voxel_ml == pytest.approx(0.024)
    np.testing.assert_allclose(volume.header.get_best_affine(), volume.canonical_affine)
    assert volume.header.get_xyzt_units()[0] == "mm"
    np.testing.assert_array_equal(volume.to_scan_grid(volume.data), volume.data)


def test_zooms_follow_the_axes_of_the_array():
    np.testing.assert_array_equal(made().zooms, (2, 3, 4))


def test_turning_there_and_back_changes_nothing():
    volume = made()
    turned = volume.to_canonical(volume.data)
    assert turned.shape == (8, 6, 7)
    np.testing.assert_array_equal(volume.to_scan_grid(turned), volume.data)


@pytest.mark.parametrize(("spacing", "steps"), [(1.0, (1, 1, 1)), (4.0, (2, 1, 1)), (8.1, (4, 3, 2))])
def test_thinned_voxels_stay_where_they_were(spacing, steps):
    volume = made()
    thin, kept = volume.subsampled(spacing)
    np.testing.assert_array_equal(thin.data, volume.data[kept])
    np.testing.assert_allclose(thin.zooms, volume.zooms * steps)
    index = np.argwhere(np.ones(thin.data.shape))[-1]
    np.testing.assert_allclose(
        thin.canonical_affine @ [*index, 1], volume.canonical_affine @ [*(index * steps), 1]
    )


@pytest.mark.parametrize(("shift", "same"), [(0.0, True), (0.19, True), (0.21, False), (-0.21, False)])
def test_grids_are_the_same_to_a_tenth_of_the_smallest_voxel(shift, same):
    moved = AFFINE.copy()
    moved[1, 3] += shift
    assert same_grid(made(), made(affine=moved)) == same


def test_grids_of_other_shapes_or_other_slopes_differ():
    assert not same_grid(made(), made((6, 7, 9)))
    turned = AFFINE.copy()
    turned[0, 0] = 0.05  # at the far end a quarter of a millimetre
    assert not same_grid(made(), made(affine=turned))


def test_a_label_map_holds_whole_numbers_but_for_rounding():
    volume = made()
    rounded = replace(volume, data=np.round(volume.data).astype(np.float32) + np.float32(0.005))
    np.testing.assert_array_equal(whole_numbers(rounded), np.round(volume.data))
    with pytest.raises(ImageError, match="no whole numbers; give a label map"):
        whole_numbers(replace(volume, data=np.full((3, 3, 3), 0.3, dtype=np.float32)))
