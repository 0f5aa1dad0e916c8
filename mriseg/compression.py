"""Gzip files of images: what is zero, most of them, is compressed once and for all.

A stream is cut into blocks that stand alone, as parallel gzip programs do; any program reads it.
"""

from __future__ import annotations

import struct
import zlib
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import BinaryIO

    from numpy.typing import NDArray

# Deflate, no name, no time, the fastest level, no operating system: the same bytes whenever and wherever.
_START = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x04\xff"
_LEVEL, _RAW = 1, -15
_BLOCK = 1 << 15
_CHUNK = 1 << 20
_EMPTY = b"\x03\x00"


def write_gzip(stream: BinaryIO, chunks: Iterable[bytes]) -> None:
    """Write some bytes as one gzip stream.

    Parameters
    ----------
    stream : binary file
    chunks : iterable of bytes
        Of any sizes; where they are cut changes the compressed bytes, not what they hold.
    """
    deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, _RAW)
    check = size = 0
    stream.write(_START)
    for chunk in chunks:
        check, size = zlib.crc32(chunk, check), size + len(chunk)
        for block in _blocks(chunk):
            if block == _zeros(len(block)):
                stream.write(_deflated_zeros(len(block)))
            else:
                stream.write(_deflated(deflate, block))
    stream.write(_EMPTY)
    stream.write(struct.pack("<LL", check, size & 0xFFFFFFFF))


def chunks_of(array: NDArray[Any]) -> Iterator[bytes]:
    """Cut an array into bytes as a NIfTI file has them, the first axis changing fastest.

    Parameters
    ----------
    array : ndarray, shape (X, Y, Z)
        However it is laid out in memory.

    Yields
    ------
    bytes
        Some planes, about a megabyte.
    """
    planes = max(1, _CHUNK // max(1, array[..., 0].nbytes))
    for start in range(0, array.shape[-1], planes):
        yield array[..., start : start + planes].tobytes("F")


def _blocks(chunk: bytes) -> Iterator[memoryview]:
    view = memoryview(chunk)
    return (view[start : start + _BLOCK] for start in range(0, len(view), _BLOCK))


@cache
def _zeros(size: int) -> bytes:
    return bytes(size)


@cache
def _deflated_zeros(size: int) -> bytes:
    return _deflated(zlib.compressobj(_LEVEL, zlib.DEFLATED, _RAW), _zeros(size))


def _deflated(deflate: Any, block: bytes | memoryview) -> bytes:
    """Compress a block so that whatever follows does not need it."""
    return bytes(deflate.compress(block) + deflate.flush(zlib.Z_FULL_FLUSH))
