from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from heads import template_head
from real_scans import array_of, scan_of, truth_of
from scipy import ndimage

from mriseg.brain.strip import strip_excess, strip_warnings
from mriseg.images.reading import load_volume
from mriseg.template.head import load_template
from mriseg.template.registration import register_brain


@pytest.fixture(scope="module")
def head(scans):
    """A whole head and its brain mask."""
    volume = load_volume(scan_of(scans, "pumi"))
    mask = array_of(truth_of(scans, "pumi", "desc-brain_mask")) > 0
    return volume, volume.to_canonical(mask)


def warnings_of(volume, mask, contrast="t1"):
    """What is said of the head stripped by a mask."""
    stripped = replace(volume, data=np.where(mask, volume.data, np.float32(0)))
    registration = register_brain(stripped, mask, load_template())
    return [warning.code for warning in strip_warnings(stripped, mask, registration, contrast)]


def test_a_good_strip_raises_no_doubt(head):
    assert warnings_of(*head) == []


@pytest.mark.parametrize("mm", [5, 9])
def test_a_shell_of_skull_and_scalp_is_reported(head, mm):
    volume, mask = head
    wide = ndimage.distance_transform_edt(~mask, sampling=volume.zooms) <= mm
    assert warnings_of(volume, wide) == ["strip-too-wide"]


def test_nothing_is_said_where_the_surface_is_not_detected(head):
    volume, mask = head
    assert warnings_of(volume, ndimage.binary_dilation(mask, iterations=3), "t2") == []


def test_the_excess_grows_with_the_shell():
    volume, mask = template_head()
    shares = []
    for layers in (0, 3):
        wide = ndimage.binary_dilation(mask, iterations=layers) if layers else mask
        stripped = replace(volume, data=np.where(wide, volume.data, np.float32(0)))
        shares.append(strip_excess(stripped, wide, register_brain(stripped, wide, load_template())))
    assert shares[0] < 0.05 < shares[1]
