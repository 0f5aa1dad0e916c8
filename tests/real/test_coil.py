"""Heads under the receive field of a head coil: one head with and without the scanner's normalisation."""

from __future__ import annotations

import numpy as np
import pytest

import mriseg
from mriseg.labels.tissues import CSF, GM, WM


@pytest.fixture(scope="module")
def pair(scans):
    return [mriseg.segment(scans / "coil" / f"{name}_T1w.nii.gz") for name in ("raw", "normalised")]


def test_the_brain_is_that_of_the_normalised_twin(pair):
    raw, normalised = (result.mask for result in pair)
    assert 2 * np.count_nonzero(raw & normalised) > 0.985 * (
        np.count_nonzero(raw) + np.count_nonzero(normalised)
    )


def test_so_are_the_volumes_of_its_tissues(pair):
    raw, normalised = pair
    for tissue, most in ((GM, 0.05), (WM, 0.05), (CSF, 0.12)):
        ml = [result.volumes[tissue.abbreviation].ml for result in (raw, normalised)]
        assert ml[0] == pytest.approx(ml[1], rel=most)


def test_both_are_to_be_trusted(pair):
    assert [result.verdict for result in pair] == ["trust", "trust"]
