"""Gzip compression of images by their runs of equal bytes, most of which are background.

No table of earlier text is kept whose state could choose among matches, so the bytes follow from the content
alone: they are those of zlib with the same strategy. On images of a brain, runs save about as much.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from zlib_ng import zlib_ng

from mriseg.images.voxels import contiguous

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import BinaryIO

    from numpy.typing import NDArray

# Window bits of zlib's interface: the largest window, plus 16 for the gzip format.
_GZIP_WBITS = 16 + zlib_ng.MAX_WBITS
# Bytes.
_CHUNK = 1 << 20
# Bytes that the processor fetches at a time: an array in another order is read in pieces no shorter.
_LINE = 64


def write_gzip(stream: BinaryIO, chunks: Iterable[bytes | memoryview]) -> None:
    """Compress bytes to one gzip stream, without file name and time stamp.

    Parameters
    ----------
    stream : binary file
    chunks : iterable of bytes
    """
    deflate = zlib_ng.compressobj(wbits=_GZIP_WBITS, strategy=zlib_ng.Z_RLE)
    stream.writelines(deflate.compress(chunk) for chunk in chunks)
    stream.write(deflate.flush())


def array_chunks(array: NDArray[Any]) -> Iterator[memoryview]:
    """Split an array into bytes in the order of a NIfTI file, the first axis changing fastest.

    Parameters
    ----------
    array : ndarray, shape (X, Y, Z)
        Of any memory layout.

    Yields
    ------
    memoryview
        Of the bytes of consecutive planes, about a megabyte.
    """
    planes = max(_LINE // array.itemsize, _CHUNK // max(1, array[..., 0].nbytes))
    for start in range(0, array.shape[-1], planes):
        yield contiguous(array[..., start : start + planes].T).reshape(-1).view(np.uint8).data
