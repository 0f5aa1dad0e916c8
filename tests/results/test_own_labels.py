"""Whether a label map is the one that its sidecar describes: any changed voxel is seen, and nothing else."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

import mriseg
from mriseg.results.own_labels import editing_of, is_as_written, label_file
from mriseg.results.sidecar import read_sidecar

STEM = "sub-ball"


@pytest.fixture
def sidecar(ball_folder, tmp_path):
    return Path(shutil.copytree(ball_folder, tmp_path / "out")) / f"{STEM}_dseg.json"


def editing(sidecar):
    return editing_of(sidecar, read_sidecar(sidecar))


def resave(sidecar, change=None, dtype=np.uint8, turn="LPS"):
    """Save the label map over itself, as an editor does."""
    image = nib.load(label_file(sidecar))
    labels = np.asarray(image.dataobj).astype(dtype)
    if change:
        change(labels)
    turned = nib.orientations.ornt_transform(
        nib.io_orientation(image.affine), nib.orientations.axcodes2ornt(turn)
    )
    nib.Nifti1Image(labels, image.affine).as_reoriented(turned).to_filename(label_file(sidecar))


def forget_digests(sidecar):
    """Take the digests from a sidecar, as those of older versions have none."""
    facts = json.loads(sidecar.read_text())
    del facts["LabelsSHA256"]
    sidecar.write_text(json.dumps(facts))


@pytest.mark.parametrize("order", ["bids", "fast"])
def test_what_was_written_is_as_it_was_written(tmp_path, ball_result, order):
    ball_result.save(tmp_path, report=False, label_order=order)
    assert editing(tmp_path / f"{STEM}_dseg.json") == "no"
    resave(tmp_path / f"{STEM}_dseg.json", dtype=np.float32, turn="RAS")
    assert editing(tmp_path / f"{STEM}_dseg.json") == "no"


@pytest.mark.parametrize("turn", ["LPS", "RAS", "PSL"])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32, np.float64])
def test_the_same_labels_stored_otherwise_are_the_same(sidecar, dtype, turn):
    before = label_file(sidecar).read_bytes()
    resave(sidecar, dtype=dtype, turn=turn)
    assert label_file(sidecar).read_bytes() != before
    assert editing(sidecar) == "no"


@pytest.mark.parametrize("seed", range(5))
def test_every_changed_voxel_is_seen(sidecar, seed):
    rng = np.random.default_rng(seed)

    def change(labels):
        place = tuple(rng.integers(labels.shape))
        labels[place] = rng.choice([n for n in (0, 1, 2, 3, 7, 9) if n != labels[place]])

    resave(sidecar, change)
    assert editing(sidecar) == "in place"


@pytest.mark.parametrize("value", [-1.0, 1.5, 257.0])
def test_values_that_no_label_has_are_changes(sidecar, value):
    """257 and -1 are 1 and 255 in a byte."""
    resave(sidecar, lambda labels: labels.__setitem__(labels == 1, value), dtype=np.float32)
    assert editing(sidecar) == "in place"


def test_labels_that_change_places_are_seen_by_digest_and_not_by_volumes(sidecar):
    def swap(labels):
        labels[:] = np.flip(labels, 0)

    resave(sidecar, swap)
    assert not is_as_written(sidecar, read_sidecar(sidecar))
    forget_digests(sidecar)
    assert is_as_written(sidecar, read_sidecar(sidecar))
    resave(sidecar, lambda labels: labels.__setitem__(tuple(np.argwhere(labels == 2)[0]), 1))
    assert editing(sidecar) == "in place"


def test_a_file_that_cannot_be_read_was_changed_and_a_missing_one_was_not(sidecar):
    label_file(sidecar).write_bytes(b"no image")
    assert editing(sidecar) == "in place"
    label_file(sidecar).unlink()
    assert editing(sidecar) == "no"


def test_an_update_is_an_edit_until_it_is_taken_back(sidecar):
    edited = sidecar.parent.parent / "edited.nii.gz"
    image = nib.load(label_file(sidecar))
    labels = np.asarray(image.dataobj).copy()
    labels[24, 28, 20] = 3
    nib.Nifti1Image(labels, image.affine).to_filename(edited)
    mriseg.update(sidecar.parent, edited)
    assert editing(sidecar) == "updated"
    resave(sidecar, lambda labels: labels.__setitem__((24, 28, 20), 1))
    assert editing(sidecar) == "in place"
    mriseg.update(sidecar.parent, label_file(sidecar))
    assert editing(sidecar) == "updated"
    mriseg.update(sidecar.parent, sidecar.with_name(f"{STEM}_desc-unedited_dseg.nii.gz"))
    assert editing(sidecar) == "no"
