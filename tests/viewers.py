"""Helpers for tests of the viewer in a browser."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from io import BytesIO

import numpy as np
from skimage.io import imread

from mriseg.labels.tissues import CSF, GM, WM, rgb
from mriseg.report.server import file_content, serve, text_content
from mriseg.report.viewer import viewer_page, viewer_script

READY = "html[data-ready=yes]"
TISSUES = np.array([rgb(tissue.color) for tissue in (GM, WM, CSF)])


@contextmanager
def served(layers):
    """The address of the viewer, served as `mriseg view` does."""
    contents = {f"{i}{layer.extension}": file_content(layer.path) for i, layer in enumerate(layers)}
    contents[""] = text_content(viewer_page(layers, embed=False), "text/html")
    contents["niivue.js"] = text_content(viewer_script(), "text/javascript")
    server, address = serve(contents)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield address
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def embedded(layers, folder):
    """The address of the viewer as one page."""
    page_file = folder / "view.html"
    page_file.write_text(viewer_page(layers, embed=True), encoding="utf-8")
    yield page_file.as_uri()


def picture_of(page, part="#planes"):
    """What is seen of a part of the page: RGB, as int."""
    return imread(BytesIO(page.locator(part).screenshot()))[..., :3].astype(int)


def is_near(picture, color, most=6):
    """Where a picture has a colour, within some levels."""
    return np.abs(picture - np.array(color)).max(axis=-1) <= most


def set_opacity(page, layer, percent):
    """Move the slider of a layer."""
    page.locator("label", has_text=layer).locator("input[type=range]").fill(str(percent))


def show_axial(page):
    """Show the axial slice alone, and without the crosshair, which is no tissue."""
    page.select_option("#view", "axial")
    page.evaluate("mriseg.planes.setCrosshairWidth(0)")
