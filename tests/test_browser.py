"""The helpers that judge pages: they must see what is wrong with one."""

from __future__ import annotations

import pytest
from browser import accessibility_faults, focus_faults

PAGE = """<!doctype html><html lang="en"><head><title>t</title>
<style>body {{ background: #fff; color: {ink}; }} #second {{ outline: {outline}; }}</style></head>
<body><main><h1>Heading</h1><button id="first">one</button>
<button id="second" tabindex="{tabindex}">two</button><img src="data:," {name}></main></body></html>"""


@pytest.fixture
def page(browser):
    page = browser.new_page()
    yield page
    page.close()


def _show(page, *, ink="#000", outline="2px solid", tabindex="0", name='alt="none"'):
    page.set_content(PAGE.format(ink=ink, outline=outline, tabindex=tabindex, name=name))


def test_a_page_without_faults_has_none(page):
    _show(page)
    assert focus_faults(page) == []
    assert accessibility_faults(page, unsure=True) == []


@pytest.mark.parametrize(
    ("change", "rule"), [({"ink": "#bbb"}, "color-contrast"), ({"name": ""}, "image-alt")]
)
def test_axe_names_rule_and_element(page, change, rule):
    _show(page, **change)
    (fault,) = accessibility_faults(page)
    assert fault.startswith(f"{rule}: <")


def test_controls_without_ring_or_out_of_reach_are_named(page):
    _show(page, outline="none")
    assert focus_faults(page) == ["no ring: second"]
    _show(page, tabindex="-1")
    assert focus_faults(page) == ["not reached: second"]
