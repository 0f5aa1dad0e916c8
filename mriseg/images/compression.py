"""Gzip files of images, by ISA-L: several times as fast as zlib, and no larger.

Up to level 2 it gives the same bytes on processors of all generations; level 3 does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from isal import isal_zlib

from mriseg.images.constants import GZIP_LEVEL

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import BinaryIO

    from numpy.typing import NDArray

_GZIP = 16 + isal_zlib.MAX_WBITS
_CHUNK = 1 << 20


def write_gzip(stream: BinaryIO, chunks: Iterable[bytes]) -> None:
    """Write some bytes as one gzip stream, without a name and without the time.

    Parameters
    ----------
    stream : binary file
    chunks : iterable of bytes
    """
    deflate = isal_zlib.compressobj(GZIP_LEVEL, isal_zlib.DEFLATED, _GZIP)
    stream.writelines(deflate.compress(chunk) for chunk in chunks)
    stream.write(deflate.flush())


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
