"""Headers that lie, bombs, and files too large for the machine: refused before memory is taken."""

from __future__ import annotations

import gzip
import struct
import tracemalloc
from random import Random

import nibabel as nib
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutations import mutate

import mriseg
from mriseg.errors import ImageError, MrisegError
from mriseg.images.nifti import open_nifti
from mriseg.images.reading import file_digest, load_volume


@pytest.fixture
def header():
    """A NIfTI-1 header block of 352 bytes, as a function of shape and data type."""

    def make(shape, dtype=np.int16):
        header = nib.Nifti1Header()
        header.set_data_shape(shape)
        header.set_data_dtype(dtype)
        header["vox_offset"] = 352
        header.set_sform(np.eye(4), 1)
        header.set_qform(np.eye(4), 1)
        return bytearray(header.binaryblock + bytes(4))

    return make


def _refused(path, says, **options):
    """Assert that a file is refused, in one line, without taking memory for what it promises."""
    tracemalloc.start()
    try:
        with pytest.raises(ImageError, match=says) as caught:
            load_volume(path, **options)
        assert tracemalloc.get_traced_memory()[1] < 40e6
    finally:
        tracemalloc.stop()
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("compressed", [False, True])
def test_a_header_that_promises_far_more_than_there_is(tmp_path, header, compressed):
    path = tmp_path / ("scan.nii.gz" if compressed else "scan.nii")
    data = bytes(header((30_000, 30_000, 30_000)) + b"1234")
    path.write_bytes(gzip.compress(data) if compressed else data)
    _refused(path, "30000 x 30000 x 30000 voxels of int16, which take about 2,025,000 GB of memory")
    _refused(path, "54,000,000,000,352 bytes are promised", max_memory=1e9)


def test_a_large_scan_is_refused_on_a_small_machine_and_says_how_much_it_takes(tmp_path, header, monkeypatch):
    path = tmp_path / "scan.nii"
    with path.open("wb") as file:  # 2 GB of float64 that take no room on the disk
        file.write(header((640, 640, 640), np.float64))
        file.truncate(352 + 8 * 640**3)
    _refused(path, "about 20 GB of memory, and 4 GB may be used", max_memory=4)
    monkeypatch.setattr("mriseg.images.nifti_voxels.usable_memory", lambda: 1.5e9)
    _refused(path, "about 20 GB of memory, and 1.5 GB may be used; crop or resample it, or give --max-memory")


def test_a_bomb_is_inflated_only_as_far_as_its_header_promises(tmp_path, header):
    noise = np.random.default_rng(0).integers(0, 1000, 20**3, dtype=np.int16).tobytes()
    path = tmp_path / "bomb.nii.gz"
    with gzip.open(path, "wb", compresslevel=9) as file:
        file.write(bytes(header((20, 20, 20))) + noise)
        for _ in range(256):
            file.write(bytes(1 << 20))
    assert path.stat().st_size < 500_000
    tracemalloc.start()
    volume = load_volume(path)
    assert tracemalloc.get_traced_memory()[1] < 10e6
    tracemalloc.stop()
    assert (
        volume.data.tobytes()
        == np.frombuffer(noise, np.int16).reshape(20, 20, 20, order="F").astype(np.float32).tobytes()
    )


def test_a_header_of_zeros_that_inflates_for_ever_is_refused(tmp_path):
    path = tmp_path / "zeros.nii.gz"
    with gzip.open(path, "wb", compresslevel=9) as file:
        for _ in range(64):
            file.write(bytes(1 << 20))
    _refused(path, "does not begin as one")


def test_a_flipped_bit_in_a_compressed_file_is_seen(ball):
    data = bytearray(ball.read_bytes())
    data[len(data) // 2] ^= 1
    ball.write_bytes(data)
    with pytest.raises(ImageError, match="the file is damaged"):
        load_volume(ball)


def test_a_volume_of_a_series_is_chosen_from_zero(tmp_path, ball_data, ball_affine):
    series = np.stack([ball_data, ball_data[::-1], ball_data[:, ::-1]], axis=-1)
    for name in ("series.nii", "series.nii.gz"):
        path = tmp_path / name
        nib.Nifti1Image(series, ball_affine).to_filename(path)
        for index in range(3):
            volume = load_volume(path, index)
            np.testing.assert_array_equal(volume.to_scan_grid(volume.data), series[..., index])
        _refused(path, r"no volume 3; it holds 3, and the first is volume 0", volume=3)
        _refused(path, r"--volume 0 to --volume 2")


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("magic", b"ni1\0", "half of a pair"),
        ("dim", [0, 20, 20, 20, 1, 1, 1, 1], "no size in voxels"),
        ("dim", [3, 20, -20, 20, 1, 1, 1, 1], "no size in voxels"),
        ("dim", [5, 4, 5, 5, 5, 16, 1, 1], "more than a series"),
        ("datatype", 77, "cannot be read as a NIfTI image"),
        ("vox_offset", 100.0, "puts the voxels at byte 100"),
        ("vox_offset", np.nan, "puts the voxels at byte nan"),
        ("vox_offset", 352.5, "puts the voxels at byte 352.5"),
        ("scl_inter", np.inf, "scales the voxels by 1 and adds inf"),
    ],
)
def test_headers_that_make_no_sense(tmp_path, header, field, value, says):
    block = nib.Nifti1Header(bytes(header((20, 20, 20))[:348]))
    block["scl_slope"] = 1
    block[field] = value
    path = tmp_path / "scan.nii"
    path.write_bytes(block.binaryblock + bytes(4) + bytes(range(256)) * 63)
    _refused(path, says)


def test_half_of_a_pair_is_missed(tmp_path, ball_data, ball_affine):
    nib.Nifti1Pair(ball_data, ball_affine).to_filename(tmp_path / "scan.hdr")
    (tmp_path / "scan.img").rename(tmp_path / "other.img")
    _refused(tmp_path / "scan.hdr", "scan.img, its other half, is not beside it")


def test_a_pair_may_be_compressed_and_named_in_capitals(tmp_path, ball_data, ball_affine):
    nib.Nifti1Pair(ball_data, ball_affine).to_filename(tmp_path / "plain.hdr")
    for half in ("hdr", "img"):
        data = (tmp_path / f"plain.{half}").read_bytes()
        (tmp_path / f"zipped.{half}.gz").write_bytes(gzip.compress(data))
        (tmp_path / f"LOUD.{half.upper()}").write_bytes(data)
    expected = load_volume(tmp_path / "plain.hdr").data
    for name in ("zipped.hdr.gz", "zipped.img.gz", "LOUD.HDR", "LOUD.IMG"):
        np.testing.assert_array_equal(load_volume(tmp_path / name).data, expected)
    assert file_digest(tmp_path / "LOUD.HDR") == file_digest(tmp_path / "plain.img")


@pytest.mark.parametrize("slope", [0.0, np.nan, 2.0, -0.5])
def test_values_are_scaled_as_the_header_says(tmp_path, ball_data, ball_affine, slope):
    path = tmp_path / "scan.nii"
    nib.Nifti1Image(ball_data, ball_affine).to_filename(path)
    data = bytearray(path.read_bytes())
    struct.pack_into("<2f", data, 112, slope, 7.0)
    path.write_bytes(data)
    volume = load_volume(path)
    expected = ball_data * slope + 7 if slope and np.isfinite(slope) else ball_data
    np.testing.assert_allclose(volume.to_scan_grid(volume.data), expected)


def test_values_that_no_scanner_gives_count_as_not_finite(tmp_path, ball_data, ball_affine):
    data = ball_data.astype(np.float64)
    data[0, 0, :3] = (1e30, -1e20, 1e300)
    nib.Nifti1Image(data, ball_affine).to_filename(tmp_path / "scan.nii")
    volume = load_volume(tmp_path / "scan.nii")
    assert volume.not_finite == 3
    np.testing.assert_array_equal(volume.to_scan_grid(volume.data), ball_data)
    nib.Nifti1Image(data / 1e320, ball_affine).to_filename(tmp_path / "scan.nii")
    _refused(tmp_path / "scan.nii", "there is nothing to segment")


def _refusal(error, path):
    """Assert that an error is one line about a file."""
    assert "\n" not in str(error)
    assert str(error).startswith(str(path))


_FUZZING = {"deadline": None, "derandomize": True, "suppress_health_check": list(HealthCheck)}


@settings(max_examples=800, **_FUZZING)
@given(number=st.integers(0, 10**9), kind=st.sampled_from(["i2", "nii2", "f8", "gz"]))
def test_damaged_files_are_read_or_refused(tmp_path, number, kind):
    """What `scripts/fuzz.py` does at length, for the reader alone."""
    data = np.indices((12, 13, 14)).sum(axis=0) ** 2 % 97
    image_class = nib.Nifti2Image if kind == "nii2" else nib.Nifti1Image
    path = tmp_path / ("scan.nii.gz" if kind == "gz" else "scan.nii")
    image_class(data.astype("f8" if kind == "f8" else "i2"), np.diag([2.0, 2, 3, 1])).to_filename(path)
    path.write_bytes(mutate(path.read_bytes(), Random(number)))  # noqa: S311
    try:
        volume = load_volume(path, max_memory=0.4)
    except MrisegError as error:
        _refusal(error, path)
        return
    assert np.isfinite(volume.data).all()
    assert np.isfinite(volume.canonical_affine).all()
    assert volume.to_scan_grid(volume.data).shape == tuple(volume.header.get_data_shape())


@pytest.mark.slow
@settings(max_examples=20, **_FUZZING)
@given(number=st.integers(0, 10**9))
def test_damaged_scans_are_segmented_or_refused(ball, number):
    healthy = ball.read_bytes()
    try:
        ball.write_bytes(mutate(healthy, Random(number)))  # noqa: S311
        result = mriseg.segment(ball)
    except MrisegError as error:
        _refusal(error, ball)
    else:
        assert sum(volume.ml for volume in result.volumes.values()) == pytest.approx(
            result.brain_mask_ml, rel=1e-4
        )
    finally:
        ball.write_bytes(healthy)


@pytest.mark.parametrize("name", ["scan.nii", "scan.nii.gz"])
@pytest.mark.parametrize(
    ("content", "says"),
    [
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
            "Git LFS.*git lfs pull",
        ),
        (b"/annex/objects/MD5E-s123--4d7a.nii.gz\n", "git-annex.*datalad get"),
        (b"<!DOCTYPE html>\n<html><body>Sign in</body></html>", "is a web page"),
        (b"\n  <html>", "is a web page"),
    ],
)
def test_what_stands_for_an_image_that_was_not_downloaded_is_named(tmp_path, name, content, says):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ImageError, match=rf"{name}: .*{says}"):
        open_nifti(tmp_path / name)


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("../.git/annex/objects/x/y/MD5E-s1--4d.nii.gz", "datalad get scan"),
        ("/gone.nii.gz", "which is not there"),
    ],
)
def test_a_link_to_nothing_is_named(tmp_path, target, says):
    (tmp_path / "scan.nii.gz").symlink_to(target)
    with pytest.raises(ImageError, match=says):
        open_nifti(tmp_path / "scan.nii.gz")


@pytest.mark.parametrize("url", ["s3://bucket/scan.nii.gz", "file:///data/scan.nii.gz"])
def test_a_url_is_no_file_and_is_named_as_it_was_given(url):
    with pytest.raises(ImageError, match=f"^{url}: is a URL, which only the command mriseg segment takes"):
        load_volume(url)
