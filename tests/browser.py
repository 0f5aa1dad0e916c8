"""Helpers for tests of pages in a browser."""

from __future__ import annotations

import shutil
from contextlib import contextmanager

import pytest

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
# Software rendering, so that WebGL works without a screen; nothing that calls home.
ARGUMENTS = [
    "--no-sandbox", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
]  # fmt: skip


@contextmanager
def opened(browser, address, *, among=None):
    """A page whose console stays silent and that asks for nothing but its own files.

    They are those whose addresses start as its own, or as `among`.
    """
    page = browser.new_page(viewport={"width": 1100, "height": 760})
    faults, requests = [], []
    page.on("console", lambda message: faults.append(message.text))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("dialog", lambda dialog: faults.append(f"dialog: {dialog.message}") or dialog.dismiss())
    page.on("request", lambda request: requests.append(request.url))
    page.goto(address)
    yield page
    page.close()
    assert faults == [], faults
    foreign = [url for url in requests if not url.startswith((among or address, "data:", "blob:"))]
    assert foreign == []


def accessibility_faults(page, *, unsure=False):
    """What axe-core finds wrong with a page as it stands, as "rule: element"; the test is skipped without it.

    With `unsure`, contrast that axe cannot judge counts as a fault too, as that of text over a picture.
    """
    reason = "no axe-core; pip install '.[viewers]'"
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason=reason)
    found = axe.Axe().run(page, options={"resultTypes": ["violations", "incomplete"]}).response
    assert found["passes"]  # it did look
    rules = [*found["violations"], *(found["incomplete"] if unsure else [])]
    return [
        f"{rule['id']}: {node['html']}"
        for rule in rules
        if rule in found["violations"] or rule["id"] == "color-contrast"
        for node in rule["nodes"]
    ]


# The control that has the focus: a number of its own, how it looks to a reader, and whether a ring is drawn.
_FOCUSED = """() => {
    const part = document.activeElement, style = getComputedStyle(part);
    if (part === document.body) return null;
    const all = [...document.querySelectorAll("*")];
    return {
        number: all.indexOf(part),
        name: part.id || part.getAttribute("aria-label") || part.innerText || part.outerHTML,
        ringed: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0,
    };
}"""
# What a mouse can use; of a group of radio buttons the tab key rightly reaches one alone.
_CONTROLS = """() => {
    const all = [...document.querySelectorAll("*")];
    const usable = all.filter(part => part.matches(
        "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']"
    ) && !part.disabled && part.checkVisibility({visibilityProperty: true}));
    const first = usable.filter(part => part.type !== "radio" || part.checked);
    return first.map(part => [all.indexOf(part), part.id || part.outerHTML]);
}"""


def focus_faults(page):
    """Controls that the tab key does not reach, and those that show no ring when they have the focus."""
    page.evaluate("document.activeElement.blur(); getSelection().removeAllRanges(); scrollTo(0, 0)")
    controls = dict(page.evaluate(_CONTROLS))
    reached, faults = set(), []
    for _ in range(3 * len(controls) + 5):
        page.keyboard.press("Tab")
        part = page.evaluate(_FOCUSED)
        if part is None or part["number"] in reached:
            continue
        reached.add(part["number"])
        if not part["ringed"]:
            faults.append(f"no ring: {part['name']}")
    return faults + [f"not reached: {name}" for number, name in controls.items() if number not in reached]
