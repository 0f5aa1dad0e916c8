"""Scans for the viewer, and a way to open them."""

from __future__ import annotations

from contextlib import ExitStack

import nibabel as nib
import numpy as np
import pytest
from browser import opened
from viewers import READY, embedded

from mriseg.labels.tissues import CSF, GM, WM
from mriseg.report.viewer import gather_layers


@pytest.fixture
def blocks(tmp_path):
    """A scan of one grey on 2 x 2 x 2 mm, and labels of three tissues in blocks on a grid of 2 x 3 x 4 mm."""
    scan = np.full((60, 60, 60), 100, np.uint8)
    scan[:2], scan[2:4] = 0, 200  # the range of greys
    nib.Nifti1Image(scan, np.diag([2.0, 2, 2, 1])).to_filename(tmp_path / "flat_T1w.nii.gz")
    labels = np.zeros((60, 40, 30), np.uint8)
    labels[15:45, 10:30, 6:20] = 1
    labels[25:45, 10:20, 6:20] = 2
    labels[25:35, 20:30, 6:20] = 3
    image = nib.Nifti1Image(labels, np.diag([2.0, 3, 4, 1]))
    image.header.set_intent("label")
    image.to_filename(tmp_path / "flat_dseg.nii.gz")
    rows = [f"{t.index}\t{t.name}\t{t.abbreviation}\t{t.color}" for t in (GM, WM, CSF)]
    table = "\n".join(["index\tname\tabbreviation\tcolor", *rows]) + "\n"
    (tmp_path / "flat_dseg.tsv").write_text(table, encoding="utf-8")
    return tmp_path


@pytest.fixture
def shown(browser, tmp_path):
    """Open the viewer as one page and wait until it is ready."""
    with ExitStack() as stack:

        def show(*paths):
            address = stack.enter_context(embedded(gather_layers(paths), tmp_path))
            page = stack.enter_context(opened(browser, address))
            page.set_viewport_size({"width": 900, "height": 560})
            page.wait_for_selector(READY)
            return page

        yield show
