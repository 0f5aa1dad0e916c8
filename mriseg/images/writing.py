"""Writing of arrays as NIfTI files on the grid of a scan."""

from __future__ import annotations

from io import BytesIO
from itertools import chain
from typing import TYPE_CHECKING, Any

from mriseg.images.compression import array_chunks, write_gzip
from mriseg.images.marks import write_mark

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from mriseg.images.volume import Volume


def save_array(
    array: NDArray[Any], volume: Volume, path: Path, *, intent: str = "none", mark: str = ""
) -> None:
    """Write an array as NIfTI on the grid of a scan: same shape, forms, codes and units; unscaled.

    Parameters
    ----------
    array : ndarray, shape of the file (not canonical)
        Written in its own dtype.
    volume : Volume
        The scan whose geometry is written.
    path : Path
        Ends in .nii.gz.
    intent : str
        NIfTI intent, for example "label" (1002) or "estimate" (1001).
    mark : str
        Text that the header carries, see `mriseg.images.marks.write_mark`.
    """
    image = volume.image_of(array, intent)
    if mark:
        write_mark(image.header, array, mark)
    image.header.set_slope_inter(1.0, 0.0)
    start = BytesIO()
    image.header.write_to(start)
    padding = bytes(image.header.get_data_offset() - start.tell())
    stored = array.astype(image.header.get_data_dtype(), copy=False)
    with path.open("wb") as stream:
        write_gzip(stream, chain([start.getvalue() + padding], array_chunks(stored)))
