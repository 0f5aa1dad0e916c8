from __future__ import annotations

import pytest
from script_files import script_module


@pytest.fixture(scope="module")
def script():
    return script_module("list_constants")


def test_the_page_of_constants_is_up_to_date(script):
    assert script.PAGE.read_text(encoding="utf-8") == script.constants_page()


def test_the_comment_above_a_constant_is_its_meaning(script):
    source = "# --- Title ---\n\n# mm: first line,\n# second line.\nA = (\n    1,\n    2,\n)\n"
    assert script.constants_of(source) == [("A", "( 1, 2, )", "mm: first line, second line.")]


def test_a_constant_without_a_comment_is_refused(script):
    with pytest.raises(ValueError, match="B has no comment"):
        script.constants_of("# one.\nA = 1\nB = 2\n")
