"""Tuned constants: each is documented, and each is used."""

import re
from pathlib import Path

from mriseg.mixture import constants

SOURCE = Path(constants.__file__)
NAMES = [name for name in vars(constants) if name.isupper()]


def test_a_comment_block_stands_directly_above_every_constant():
    lines = SOURCE.read_text().splitlines()
    assigned = [i for i, line in enumerate(lines) if re.match(r"[A-Z_]+ = ", line)]
    assert [lines[i].split(" = ")[0] for i in assigned] == NAMES
    for i in assigned:
        assert lines[i - 1].startswith("# "), lines[i]
        assert lines[i - 1].endswith("."), lines[i]


def test_every_constant_is_used_by_a_module_of_the_package():
    others = [path.read_text() for path in SOURCE.parent.glob("*.py") if path != SOURCE]
    for name in NAMES:
        # Once in the import, and at least once more.
        assert any(len(re.findall(rf"\b{name}\b", text)) > 1 for text in others), name


def test_no_module_keeps_a_tuned_number_of_its_own():
    number = re.compile(r"^_?[A-Z][A-Z_]+ = [0-9.]+(e-?\d+| <<.*)?$", re.MULTILINE)
    kept = {path.name: number.findall(path.read_text()) for path in SOURCE.parent.glob("*.py")}
    assert kept.pop("constants.py")
    assert {name for name, found in kept.items() if found} == {"density.py"}  # a mathematical constant


def test_tolerances_and_limits_are_positive():
    assert all(getattr(constants, name) > 0 for name in NAMES)
    assert constants.VARIANCE_ROUNDING * 2**-52 < constants.MIN_INITIAL_VARIANCE
    assert 0.5 < constants.STEP_SIZE_EXPONENT <= 1
    assert constants.MIN_BINS < constants.MAX_BINS
