from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from heads import dice
from scipy import ndimage

from mriseg.errors import ImageError, MaskError
from mriseg.images.reading import load_mask, load_volume


@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image, nib.Nifti1Pair])
@pytest.mark.parametrize("dtype", [np.uint8, ">i2", np.int32, np.float32, np.float64])
def test_kinds_and_dtypes_read_the_same(tmp_path, ball_data, ball_affine, kind, dtype):
    path = tmp_path / ("scan.hdr" if kind is nib.Nifti1Pair else "scan.nii.gz")
    image = kind(ball_data.astype(dtype), ball_affine)
    image.to_filename(path)
    volume = load_volume(path)
    np.testing.assert_array_equal(volume.to_scan_grid(volume.data), ball_data)
    assert volume.data.dtype == np.float32


def test_a_pair_is_read_by_either_name_and_hashed_as_a_whole(tmp_path, ball_data, ball_affine):
    nib.Nifti1Pair(ball_data, ball_affine).to_filename(tmp_path / "scan.hdr")
    by_header, by_image = load_volume(tmp_path / "scan.hdr"), load_volume(tmp_path / "scan.img")
    assert by_header.sha256 == by_image.sha256
    nib.Nifti1Pair(ball_data + 1, ball_affine).to_filename(tmp_path / "scan.hdr")
    assert load_volume(tmp_path / "scan.hdr").sha256 != by_header.sha256


def test_trailing_singleton_axes_are_dropped(tmp_path, ball_data, ball_affine):
    nib.Nifti1Image(ball_data[..., None, None], ball_affine).to_filename(tmp_path / "scan.nii")
    assert load_volume(tmp_path / "scan.nii").header.get_data_shape() == ball_data.shape


def test_voxels_that_are_not_finite_become_background_and_are_counted(tmp_path, ball_data, ball_affine):
    data = ball_data.astype(np.float32)
    data[0, 0, :3] = (np.nan, np.inf, -np.inf)
    nib.Nifti1Image(data, ball_affine).to_filename(tmp_path / "scan.nii")
    volume = load_volume(tmp_path / "scan.nii")
    assert volume.not_finite == 3
    np.testing.assert_array_equal(volume.to_scan_grid(volume.data), ball_data)


def _text(path):
    path.write_text("name,age\n")


def _truncated(path):
    nib.Nifti1Image(np.random.default_rng(0).normal(size=(20, 20, 20)), np.eye(4)).to_filename(path)
    path.write_bytes(path.read_bytes()[:9000])


def _image(data):
    return lambda path: nib.Nifti1Image(data, np.eye(4)).to_filename(path)


@pytest.mark.parametrize(
    ("make", "name", "says"),
    [
        (Path.exists, "gone.nii", "no such file"),
        (Path.mkdir, "folder.nii", "is a folder"),
        (_text, "table.csv", "not named as a NIfTI image"),
        (_text, "table.nii", "cannot be read as a NIfTI image"),
        (_text, "table.nii.gz", "is not compressed although"),
        (Path.touch, "empty.nii", "is empty"),
        (_truncated, "cut.nii.gz", "the file is damaged"),
        (_truncated, "cut.nii", "the file is damaged"),
        (_image(np.ones((8, 8, 8, 2), np.int16)), "series.nii", "8 x 8 x 8 x 2 values, a series"),
        (_image(np.ones((8, 8, 1), np.int16)), "slice.nii", "8 x 8 x 1 voxels"),
        (_image(np.zeros((8, 8, 8), np.int16)), "zero.nii", "the value 0 in every voxel"),
        (_image(np.full((8, 8, 8), np.nan, np.float32)), "nan.nii", "no signal that is finite"),
        (_image(np.ones((8, 8, 8), np.complex64)), "complex.nii", "complex values"),
    ],
)
def test_bad_scans_are_refused_in_one_line_that_names_the_file(tmp_path, make, name, says):
    make(tmp_path / name)
    with pytest.raises(ImageError, match=says) as caught:
        load_volume(tmp_path / name)
    assert str(caught.value).startswith(str(tmp_path / name))
    assert "\n" not in str(caught.value)


def test_analyze_is_refused_because_it_does_not_tell_left_from_right(tmp_path, ball_data):
    nib.AnalyzeImage(ball_data, np.eye(4)).to_filename(tmp_path / "old.img")
    with pytest.raises(ImageError, match="left and right are not known"):
        load_volume(tmp_path / "old.img")


def test_a_singular_affine_is_refused(tmp_path, ball_data):
    image = nib.Nifti1Image(ball_data, np.diag([2, 2, 2, 1]))
    image.header["srow_x"] = image.header["srow_y"]
    path = tmp_path / "flat.nii"
    nib.save(image, path)
    raw = bytearray(path.read_bytes())
    raw[280:296] = raw[296:312]
    path.write_bytes(raw)
    with pytest.raises(ImageError, match="does not place the voxels in space"):
        load_volume(path)


def test_masks_must_fit_the_scan(tmp_path, ball, ball_labels, ball_affine):
    volume = load_volume(ball)
    shifted = ball_affine.copy()
    shifted[0, 3] += 1
    cases = {
        "the mask is not on the grid": (ball_labels[:-1], ball_affine),
        "lies up to 1 mm beside": (ball_labels, shifted),
        "is empty": (ball_labels * 0, ball_affine),
        "fills the whole volume": (ball_labels * 0 + 1, ball_affine),
    }
    for says, (array, affine) in cases.items():
        nib.Nifti1Image(array, affine).to_filename(tmp_path / "mask.nii")
        with pytest.raises(MaskError, match=says):
            load_mask(tmp_path / "mask.nii", volume)
    nib.Nifti1Image(ball_labels, ball_affine).to_filename(tmp_path / "mask.nii")
    mask, (warning,) = load_mask(tmp_path / "mask.nii", volume)
    assert (warning.severity, warning.code) == ("note", "mask-labels")
    np.testing.assert_array_equal(volume.to_scan_grid(mask), ball_labels > 0)


def _masked(tmp_path, ball, array):
    volume = load_volume(ball)
    image = nib.load(ball)
    nib.Nifti1Image(array, image.affine).to_filename(tmp_path / "mask.nii")
    return volume, load_mask(tmp_path / "mask.nii", volume)


@pytest.mark.parametrize("value", [1, 255, 0.25, -3.0])
def test_a_mask_of_one_value_is_what_it_marks(tmp_path, ball, ball_labels, value):
    volume, (mask, warnings) = _masked(tmp_path, ball, (value * (ball_labels > 0)).astype(np.float32))
    np.testing.assert_array_equal(volume.to_scan_grid(mask), ball_labels > 0)
    assert warnings == ()


@pytest.mark.parametrize(("scale", "kind"), [(1, np.float32), (255, np.uint8), (1e-3, np.float32)])
def test_a_soft_mask_is_cut_at_half_of_its_maximum_with_a_note(tmp_path, ball, ball_labels, scale, kind):
    soft = ndimage.gaussian_filter((ball_labels > 0).astype(float), 1.2)
    soft = (scale * soft / soft.max()).astype(kind)
    volume, (mask, (warning,)) = _masked(tmp_path, ball, soft)
    assert dice(volume.to_scan_grid(mask), soft >= scale / 2) > 0.99
    assert dice(volume.to_scan_grid(mask), ball_labels > 0) > 0.97
    assert (warning.severity, warning.code) == ("note", "mask-soft")
    assert "cut at half of its maximum" in warning.text


@pytest.mark.parametrize("levels", [3, 4, 8, 15])
@pytest.mark.parametrize("sigma", [0.7, 1.2, 1.6])
def test_a_soft_mask_of_a_few_levels_is_no_label_map(tmp_path, ball, ball_labels, levels, sigma):
    soft = np.rint(levels * ndimage.gaussian_filter((ball_labels > 0).astype(float), sigma)).astype(np.uint8)
    volume, (mask, (warning,)) = _masked(tmp_path, ball, soft)
    assert warning.code == "mask-soft"
    np.testing.assert_array_equal(volume.to_scan_grid(mask), soft >= levels / 2)


@pytest.mark.parametrize("kind", ["halves", "lesions", "structures"])
def test_a_label_map_with_a_large_last_label_is_no_soft_mask(tmp_path, ball, ball_labels, kind):
    brain, x = ball_labels > 0, np.arange(len(ball_labels))[:, None, None]
    lesions = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=brain.shape), 1.5) > 0.2
    labels = {
        "halves": np.where(x < 24, 1, 2),
        "lesions": np.where(lesions & ndimage.binary_erosion(brain, iterations=2), 1, 5),
        "structures": np.where(x < 30, 9, 1 + x // 10),
    }[kind]
    volume, (mask, (warning,)) = _masked(tmp_path, ball, (labels * brain).astype(np.uint8))
    assert warning.code == "mask-labels"
    np.testing.assert_array_equal(volume.to_scan_grid(mask), brain)


def test_ringing_of_splines_is_no_part_of_a_mask(tmp_path, ball, ball_labels):
    ringing = ndimage.shift((ball_labels > 0).astype(np.float32), 0.4, order=3)
    assert ringing.min() < -0.05
    volume, (mask, (warning,)) = _masked(tmp_path, ball, ringing)
    assert dice(volume.to_scan_grid(mask), ringing >= 0.5) > 0.99
    assert warning.code == "mask-soft"


def test_negative_values_and_bare_intensities_are_no_mask(tmp_path, ball, ball_labels):
    with pytest.raises(MaskError, match=r"mask\.nii: the mask holds negative values \(-1 to 1\)"):
        _masked(tmp_path, ball, np.where(ball_labels > 0, 1, -1).astype(np.int16))
    ramp = np.random.default_rng(0).gamma(1.0, 20.0, ball_labels.shape).astype(np.float32)
    with pytest.raises(MaskError, match="the mask holds many values"):
        _masked(tmp_path, ball, np.where(ball_labels > 0, ramp, 0))
