from __future__ import annotations

import numpy as np
from PIL import ImageFont

from mriseg.report.constants import KEY_INDENT, KEY_TEXT_SIZE
from mriseg.report.mosaic import draw_key

ENTRIES = [("#ff0000", "red")]


def test_names_that_differ_in_one_letter_are_drawn_differently():
    letters = "aüçЖΩ日本\U0001f9e0"
    drawn = [draw_key(ENTRIES, 36, (f"A: {letter}",))[:36].tobytes() for letter in letters]
    assert len(set(drawn)) == len(letters)


def test_long_names_leave_room_for_the_convention_of_sides():
    short, long = (draw_key(ENTRIES, 36, (f"A: {name}", "B: b")) for name in ("a", "a" * 180))
    sides = ImageFont.load_default(KEY_TEXT_SIZE).getlength("L: the patient's left")
    start = short.shape[1] - KEY_INDENT - int(sides) - 10
    np.testing.assert_array_equal(long[:36, start:], short[:36, start:])
    assert short[:36, start:].any()
    assert long[:36, start - 100 : start].any()  # the name takes the room before it
