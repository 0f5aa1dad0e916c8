from __future__ import annotations

import pytest
from jinja2 import UndefinedError
from markupsafe import Markup

from mriseg.report.templates import environment


def rendered(template, **values):
    return environment().from_string(template).render(**values)


def test_text_is_escaped_for_html_and_what_turns_it_around_is_written_out():
    assert rendered("{{ a }}", a="<b>&\u202e\x1b") == "&lt;b&gt;&amp;\\u202e\\x1b"


def test_what_is_marked_as_safe_and_what_is_no_text_stays():
    assert rendered("{{ a }} {{ b }}", a=Markup("<b>"), b=5) == "<b> 5"


def test_six_figures_are_enough():
    assert rendered("{{ a | figures }}", a=1234.56789) == "1234.57"


def test_a_value_that_is_missing_is_no_empty_text():
    with pytest.raises(UndefinedError):
        rendered("{{ absent }}")
