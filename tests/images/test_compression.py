from __future__ import annotations

import gzip
from io import BytesIO

import nibabel as nib
import numpy as np
import pytest

from mriseg.images.compression import array_chunks, write_gzip
from mriseg.images.reading import load_volume
from mriseg.images.writing import save_array


def zipped(*chunks):
    stream = BytesIO()
    write_gzip(stream, chunks)
    return stream.getvalue()


@pytest.mark.parametrize("size", [0, 1, 32767, 32768, 32769, 200_000])
@pytest.mark.parametrize("content", ["zeros", "noise", "noise between zeros"])
def test_any_gzip_reads_it(size, content):
    data = bytearray(size)
    if content != "zeros":
        noise = np.random.default_rng(0).bytes(size)
        data[:] = noise if content == "noise" else noise[: size // 3].center(size, b"\0")
    assert gzip.decompress(zipped(bytes(data))) == data
    assert gzip.decompress(zipped(bytes(data[:10]), bytes(data[10:]))) == data


def test_names_and_times_stay_out():
    assert zipped(b"brain")[3:8] == bytes(5)


@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_become_the_bytes_of_a_file_however_they_lie(order):
    array = np.asarray(np.random.default_rng(0).normal(size=(70, 90, 110)), np.float32, order=order)[::-1]
    assert b"".join(array_chunks(array)) == array.tobytes("F")


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("endianness", ["<", ">"])
@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
def test_images_are_the_bytes_that_nibabel_writes(tmp_path, ball_data, ball_affine, kind, endianness, dtype):
    header = kind.header_class(endianness=endianness)
    nib.save(kind(ball_data, ball_affine, header=header), tmp_path / "scan.nii.gz")
    volume = load_volume(tmp_path / "scan.nii.gz")
    array = ball_data.astype(dtype)
    save_array(array, volume, tmp_path / "array.nii.gz", intent="estimate")
    header = volume.header.copy()
    header.set_data_dtype(array.dtype)
    header.set_intent("estimate")
    expected = kind(array, header.get_best_affine(), header=header).to_bytes()
    assert gzip.decompress((tmp_path / "array.nii.gz").read_bytes()) == expected
