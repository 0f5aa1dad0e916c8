from __future__ import annotations

import hashlib
from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest

import mriseg
from mriseg.errors import ImageError
from mriseg.images.reading import file_digest, load_map, load_mask, load_volume


def same(first, second):
    np.testing.assert_array_equal(first.data, second.data)
    np.testing.assert_allclose(first.canonical_affine, second.canonical_affine, atol=1e-5)


def test_an_image_in_memory_is_read_as_its_file(ball):
    image = nib.load(ball)
    header, before = image.header.binaryblock, np.asanyarray(image.dataobj).copy()
    found, of_file = load_volume(image), load_volume(ball)
    same(found, of_file)
    assert found.path == ball
    assert (found.header["sform_code"], found.header["qform_code"]) == (2, 1)
    assert found.reading == of_file.reading
    assert image.header.binaryblock == header
    np.testing.assert_array_equal(np.asanyarray(image.dataobj), before)


def test_what_was_changed_in_memory_counts(ball):
    image = nib.load(ball)
    moved = nib.Nifti1Image(image.get_fdata() * 0.5 + 3, image.affine @ np.diag([2, 2, 2, 1]), image.header)
    found = load_volume(moved)
    np.testing.assert_allclose(found.data, load_volume(ball).data * 0.5 + 3)
    np.testing.assert_allclose(found.zooms, 2 * load_volume(ball).zooms, rtol=1e-5)
    assert found.path.name == "image.nii"


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_what_was_changed_in_place_counts(ball, dtype):
    image = nib.load(ball)
    image.get_fdata(dtype=dtype)[...] *= 2
    np.testing.assert_allclose(load_volume(image).data, 2 * load_volume(ball).data)
    looked_at = nib.load(ball)
    looked_at.get_fdata(dtype=dtype)
    assert file_digest(looked_at) == file_digest(nib.load(ball))


@pytest.mark.parametrize("source", [np.zeros((4, 4, 4)), None, 7, ["a.nii"]])
@pytest.mark.parametrize(
    ("use", "says"),
    [
        (mriseg.segment, "is no image; give a file"),
        (mriseg.brain_mask, "is no image; give a file"),
        (lambda x: mriseg.evaluate(x, x), "is no image; give a file"),
        (lambda x: mriseg.compare(x, x), "is no image; give a file"),
    ],
)
def test_what_is_no_image_is_refused_in_one_line(source, use, says):
    with pytest.raises(ImageError, match=f"^{type(source).__name__}: {says}"):
        use(source)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "int64", "uint64", "float32", "float64"])
def test_every_data_type_is_read(ball_data, ball_affine, dtype):
    data = ball_data.astype(dtype)
    found = load_volume(nib.Nifti1Image(data, ball_affine, dtype=dtype))
    np.testing.assert_allclose(found.data.sum(), data.astype(float).sum(), rtol=1e-6)


@pytest.mark.parametrize("extension", ["mgz", "mgh"])
def test_freesurfers_files_are_read(ball, ball_data, ball_affine, tmp_path, extension):
    path = tmp_path / f"T1.{extension}"
    nib.save(nib.MGHImage(ball_data.astype(np.int32), ball_affine), path)
    found = load_volume(path)
    same(found, load_volume(ball))
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert not found.warnings


@pytest.mark.parametrize("content", [b"", b"no image" * 100, b"\x1f\x8b123", b"\0\0\0\1" + bytes(400)])
def test_a_damaged_file_of_freesurfer_is_one_line(tmp_path, content):
    path = tmp_path / "T1.mgz"
    path.write_bytes(content)
    with pytest.raises(ImageError, match=r"T1.mgz: cannot be read") as error:
        load_volume(path)
    assert "\n" not in str(error.value)


def test_a_file_of_freesurfer_that_ends_early_is_one_line(ball_data, ball_affine, tmp_path):
    path = tmp_path / "T1.mgh"
    path.write_bytes(nib.MGHImage(ball_data.astype(np.int32), ball_affine).to_bytes()[:50_000])
    with pytest.raises(ImageError, match=r"T1.mgh: cannot be read") as error:
        load_volume(path)
    assert "\n" not in str(error.value)


def test_an_analyze_image_is_refused_as_its_file_is(ball_data):
    with pytest.raises(ImageError, match="left and right are not known"):
        load_volume(nib.AnalyzeImage(ball_data, np.eye(4)))


def test_masks_and_labels_may_be_in_memory(ball, ball_labels, ball_affine):
    volume = load_volume(ball)
    mask = nib.Nifti1Image((ball_labels > 0).astype(np.uint8), ball_affine)
    found = load_mask(mask, volume).mask
    np.testing.assert_array_equal(volume.to_scan_grid(found), ball_labels > 0)
    labels = load_map(nib.Nifti1Image(ball_labels, ball_affine))
    np.testing.assert_array_equal(volume.to_scan_grid(labels.data), ball_labels)
    np.testing.assert_array_equal(
        load_mask(replace(labels, data=1.0 * (labels.data > 0)), volume).mask, found
    )


def test_the_scan_is_no_mask_of_itself(ball):
    for source in (ball, nib.load(ball)):
        with pytest.raises(mriseg.MaskError, match="is the scan itself, not a mask of the brain"):
            load_mask(source, load_volume(source))


def test_digests_tell_images_in_memory_apart(ball_data, ball_affine):
    one, other = (nib.Nifti1Image(ball_data + np.int16(shift), ball_affine) for shift in (0, 1))
    assert file_digest(one) == file_digest(nib.Nifti1Image(ball_data, ball_affine)) != file_digest(other)


def test_a_segmentation_of_images_is_that_of_files(ball, ball_labels, ball_affine, tmp_path):
    mask = nib.Nifti1Image((ball_labels > 0).astype(np.uint8), ball_affine)
    (tmp_path / "mask.nii").write_bytes(mask.to_bytes())
    of_images = mriseg.segment(nib.load(ball), mask=mask)
    of_files = mriseg.segment(ball, mask=tmp_path / "mask.nii")
    np.testing.assert_array_equal(of_images.labels, of_files.labels)
    assert of_images.settings["Mask"] == "image.nii"
    np.testing.assert_array_equal(
        mriseg.brain_mask(nib.load(ball)).mask, mriseg.brain_mask(load_volume(ball)).mask
    )
