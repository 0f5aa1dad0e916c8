"""NIfTI files that something went wrong with, by chance: for the tests and for scripts/fuzz.py."""

from __future__ import annotations

import gzip
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

# Fields of a NIfTI-1 header: where they begin, their struct code, and how many there are.
_FIELDS = {
    "sizeof_hdr": (0, "i", 1), "dim_info": (39, "B", 1), "dim": (40, "h", 8),
    "intent_p": (56, "f", 3), "intent_code": (68, "h", 1), "datatype": (70, "h", 1),
    "bitpix": (72, "h", 1), "slice_start": (74, "h", 1), "pixdim": (76, "f", 8),
    "vox_offset": (108, "f", 1), "scl_slope": (112, "f", 1), "scl_inter": (116, "f", 1),
    "slice_code": (122, "B", 1), "xyzt_units": (123, "B", 1), "cal": (124, "f", 2),
    "toffset": (136, "f", 1), "glmin": (144, "i", 1), "descrip": (148, "B", 80),
    "aux_file": (228, "B", 24), "form_codes": (252, "h", 2), "quaternion": (256, "f", 6),
    "srow": (280, "f", 12), "intent_name": (328, "B", 16), "magic": (344, "B", 4),
    "extension": (348, "B", 4),
}  # fmt: skip
_EXTREMES = {
    "B": (0, 1, 2, 10, 27, 127, 128, 255),
    "h": (-32768, -1, 0, 1, 2, 3, 4, 5, 7, 8, 16, 64, 128, 255, 256, 512, 1002, 1007, 1024, 2304, 32767),
    "i": (-(2**31), -1, 0, 1, 348, 540, 2**31 - 1),
    "f": (-1e30, -2.0, -1.0, -1e-30, 0.0, 1e-30, 1e-3, 0.5, 1.0, 2.0, 3.7, 100.0, 352.0, 1e6, 1e30,
          float("inf"), float("-inf"), float("nan")),
}  # fmt: skip


def mutate(data: bytes, random: Random) -> bytes:
    """Return a NIfTI file, compressed if it was, to which one to four things happened."""
    compressed = data[:2] == b"\x1f\x8b"
    raw = bytearray(gzip.decompress(data) if compressed else data)
    for _ in range(random.randint(1, 4)):
        random.choice(_MUTATIONS)(raw, random)
    written = bytearray(gzip.compress(bytes(raw), compresslevel=1, mtime=0)) if compressed else raw
    if compressed and random.random() < 0.2:
        random.choice((_flip, _cut, _append))(written, random)
    return bytes(written)


def _set_field(raw: bytearray, random: Random) -> None:
    start, code, count = _FIELDS[random.choice(list(_FIELDS))]
    place = start + random.randrange(count) * struct.calcsize(code)
    order = "<" if raw[:1] != b"\0" else ">"
    if len(raw) >= place + struct.calcsize(code):
        struct.pack_into(order + code, raw, place, random.choice(_EXTREMES[code]))


def _flip_header(raw: bytearray, random: Random) -> None:
    if raw:
        raw[random.randrange(min(len(raw), 352))] ^= 1 << random.randrange(8)


def _flip(raw: bytearray, random: Random) -> None:
    for _ in range(random.randint(1, 20)):
        if raw:
            raw[random.randrange(len(raw))] ^= 1 << random.randrange(8)


def _overwrite(raw: bytearray, random: Random) -> None:
    if raw:
        place, length = random.randrange(len(raw)), random.choice((1, 4, 64, 4096))
        filling = random.choice((b"\0", b"\xff", b"\x7f\xc0\0\0", b"\xff\x7f"))
        length = min(length, len(raw) - place)
        raw[place : place + length] = (filling * length)[:length]


def _cut(raw: bytearray, random: Random) -> None:
    del raw[random.randrange(len(raw) + 1) :]


def _append(raw: bytearray, random: Random) -> None:
    raw += random.choice((b"\0", b"\x1f\x8b", b"more")) * random.choice((1, 1000, 100_000))


def _swap(raw: bytearray, random: Random) -> None:
    start, code, count = _FIELDS[random.choice(list(_FIELDS))]
    size = struct.calcsize(code)
    for place in range(start, min(start + count * size, len(raw) - size + 1), size):
        raw[place : place + size] = raw[place : place + size][::-1]


# Most of what a file says is in its header.
_MUTATIONS: tuple[Callable[[bytearray, Random], None], ...] = (
    *[_set_field] * 8, *[_flip_header] * 4, _flip, _overwrite, _overwrite, _cut, _append, _swap,
)  # fmt: skip
