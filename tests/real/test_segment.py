"""The whole way on every development scan."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

import mriseg

STRIPPED = ["ibsr01", "ibsr04", "ibsr07", "ibsr09", "ibsr12", "ibsr16"]
HEADS = ["colin27", "pumi", "xa30", "ms03", "ms04", *(f"elder0{i}" for i in range(1, 7))]


def dice(a, b):
    return 2 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b))


def scan(scans, name):
    return scans / "bids" / f"sub-{name}" / "anat" / f"sub-{name}_T1w.nii.gz"


def truth(scans, name, kind):
    image = nib.load(scans / "truth" / f"sub-{name}" / f"sub-{name}_{kind}.nii.gz")
    return np.asarray(image.dataobj).reshape(image.shape[:3])


def check(result, image):
    """Assert what must hold of any segmentation."""
    stack = np.stack([result.posteriors[name] for name in ("GM", "WM", "CSF")])
    assert result.labels.shape == image.shape[:3]
    np.testing.assert_allclose(stack.sum(axis=0)[result.mask], 1, atol=1e-5)
    assert not stack[:, ~result.mask].any()
    np.testing.assert_array_equal(result.labels, np.where(result.mask, 1 + stack.argmax(axis=0), 0))


@pytest.mark.parametrize("name", STRIPPED)
def test_stripped_scans(scans, name):
    result = mriseg.segment(scan(scans, name))
    assert result.brain.method == "stripped scan"
    check(result, nib.load(scan(scans, name)))
    labels = truth(scans, name, "dseg")
    assert dice(result.labels == 1, (labels == 1) & result.mask) > 0.75
    assert dice(result.labels == 2, (labels == 2) & result.mask) > 0.7


@pytest.mark.parametrize("name", HEADS)
def test_whole_heads(scans, name):
    result = mriseg.segment(scan(scans, name))
    assert result.brain.method == "template surface"
    assert result.brain.warnings == ()
    check(result, nib.load(scan(scans, name)))
    assert dice(result.mask, truth(scans, name, "desc-brain_mask") > 0) > 0.96


@pytest.mark.parametrize("name", ["ibsr16", "elder05", "ms04"])
def test_a_second_run_writes_the_same_bytes(scans, name, tmp_path):
    for folder in ("first", "second"):
        mriseg.segment(scan(scans, name)).save(tmp_path / folder)
    for path in (tmp_path / "first").iterdir():
        assert path.read_bytes() == (tmp_path / "second" / path.name).read_bytes(), path.name
