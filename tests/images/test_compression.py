from __future__ import annotations

import gzip
import zlib
from concurrent.futures import ThreadPoolExecutor
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


@pytest.fixture(scope="module")
def content():
    """Background, a brain of noise, the same brain again, and a ramp: more than a block and a window."""
    rng = np.random.default_rng(0)
    brain = np.where(rng.random(100_000) < 0.6, rng.normal(size=100_000), 0).astype(np.float32).tobytes()
    return bytes(400) + (brain + bytes(70_000)) * 2 + np.arange(50_000, dtype=np.int16).tobytes()


@pytest.mark.parametrize("chunk", [1000, 1 << 16, 1 << 20])
def test_the_bytes_are_those_of_another_program(content, chunk):
    deflate = zlib.compressobj(wbits=31, strategy=zlib.Z_RLE)
    chunks = [content[start : start + chunk] for start in range(0, len(content), chunk)]
    assert zipped(*chunks) == deflate.compress(content) + deflate.flush()


def test_neither_memory_nor_place_nor_threads_change_the_bytes(content):
    held = []

    def again(number):
        rng = np.random.default_rng(number)
        dirt = [rng.bytes(size) for size in (1 << 12, 1 << 16, 1 << 18, len(content))]
        held.append(bytearray(1 << 16))  # the next compressor lies elsewhere
        place = memoryview(dirt[0][:number] + content + dirt[1])[number : number + len(content)]
        del dirt
        return zipped(place[:352], place[352:])

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(again, range(64))) == {zipped(content[:352], content[352:])}


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
