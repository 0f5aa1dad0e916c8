"""Gzip compression of images by their runs of equal bytes, most of which are background.

No table of earlier text is kept whose state could choose among matches, so the bytes follow from the content
alone: they are those of zlib with the same strategy. On images of a brain, runs save about as much.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zlib_ng import zlib_ng

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import BinaryIO

    from numpy.typing import NDArray

# Window bits of zlib's interface: the largest window, plus 16 for the gzip format.
_GZIP_WBITS = 16 + zlib_ng.MAX_WBITS
# Bytes.
_CHUNK = 1 << 20


def write_gzip(stream: BinaryIO, chunks: Iterable[bytes]) -> None:
    """Compress bytes to one gzip stream, without file name and time stamp.

    Parameters
    ----------
    stream : binary file
    chunks : iterable of bytes
    """
    deflate = zlib_ng.compressobj(wbits=_GZIP_WBITS, strategy=zlib_ng.Z_RLE)
    stream.writelines(deflate.compress(chunk) for chunk in chunks)
    stream.write(deflate.flush())


def array_chunks(array: NDArray[Any]) -> Iterator[bytes]:
    """Split an array into bytes in the order of a NIfTI file, the first axis changing fastest.

    Parameters
    ----------
    array : ndarray, shape (X, Y, Z)
        Of any memory layout.

    Yields
    ------
    bytes
        Consecutive planes, about a megabyte.
    """
    planes = max(1, _CHUNK // max(1, array[..., 0].nbytes))
    for start in range(0, array.shape[-1], planes):
        yield array[..., start : start + planes].tobytes("F")
