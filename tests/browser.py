"""Helpers for tests of pages in a browser."""

from __future__ import annotations

import shutil
from contextlib import contextmanager

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
# Software rendering, so that WebGL works without a screen; nothing that calls home.
ARGUMENTS = [
    "--no-sandbox", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
]  # fmt: skip


@contextmanager
def opened(browser, address):
    """A page whose console stays silent and that asks for nothing but its own files."""
    page = browser.new_page(viewport={"width": 1100, "height": 760})
    faults, requests = [], []
    page.on("console", lambda message: faults.append(message.text))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("dialog", lambda dialog: faults.append(f"dialog: {dialog.message}") or dialog.dismiss())
    page.on("request", lambda request: requests.append(request.url))
    page.goto(address)
    yield page
    page.close()
    assert faults == []
    foreign = [url for url in requests if not url.startswith((address, "data:", "blob:"))]
    assert foreign == []
