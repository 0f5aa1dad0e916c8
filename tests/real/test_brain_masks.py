"""The brain mask of a real head in every orientation, made hard on purpose, and in other contrasts."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations, product

import nibabel as nib
import numpy as np
import pytest
from heads import brain_of, dice, moved, turned
from nibabel.orientations import apply_orientation, inv_ornt_aff
from scipy import ndimage
from sweeps import mostly

from mriseg.images.reading import load_map, load_volume

ORIENTATIONS = [
    np.column_stack([axes, flips]) for axes in permutations(range(3)) for flips in product((1, -1), repeat=3)
]


def scan(scans, name):
    return scans / "bids" / f"sub-{name}" / "anat" / f"sub-{name}_T1w.nii.gz"


@pytest.mark.slow
def test_one_mask_for_all_orientations_of_a_stripped_brain(scans):
    files = sorted((scans / "orientations").glob("*.nii*"))
    masks = [brain_of(load_volume(file)).mask for file in files]
    assert len(files) == 48
    assert all(np.array_equal(mask, masks[0]) for mask in masks)


@pytest.fixture(scope="module")
def head(scans):
    volume = load_volume(scan(scans, "xa30"))
    return volume, brain_of(volume)


@pytest.mark.slow
@pytest.mark.parametrize("orientation", ORIENTATIONS[::5], ids=lambda turn: "".join(map(str, turn.ravel())))
def test_one_mask_for_all_orientations_of_a_head(head, orientation, tmp_path):
    volume, found = head
    data = apply_orientation(volume.data, orientation)
    affine = volume.canonical_affine @ inv_ornt_aff(orientation, volume.data.shape)
    nib.Nifti1Image(data, affine).to_filename(tmp_path / "twin.nii")
    twin = load_volume(tmp_path / "twin.nii")
    np.testing.assert_array_equal(brain_of(twin).mask, found.mask)


@pytest.mark.parametrize("axis", mostly([0, 1, 2], 0))
def test_a_head_turned_by_35_degrees(head, axis):
    hard, mask = moved(head[0], head[1].mask, turned(axis, 35), (2.0, 2.0, 2.0), (128, 150, 150))
    assert dice(brain_of(hard).mask, mask) > 0.95


def test_a_head_60_mm_off_the_middle(head):
    shift = np.eye(4)
    shift[1, 3] = 60
    hard, mask = moved(head[0], head[1].mask, shift, (2.0, 2.0, 2.0), (130, 190, 150))
    assert dice(brain_of(hard).mask, mask) > 0.95


def test_a_head_with_half_its_neck(head):
    volume, found = head
    cut = np.flatnonzero(found.mask.any(axis=(0, 1)))[0] // 2
    assert cut > 0
    affine = volume.canonical_affine.copy()
    affine[:3, 3] += cut * affine[:3, 2]
    hard = replace(volume, data=volume.data[:, :, cut:], canonical_affine=affine)
    assert dice(brain_of(hard).mask, found.mask[:, :, cut:]) > 0.95


@pytest.mark.parametrize("axis", mostly([0, 1, 2], 0))
def test_a_head_under_a_threefold_ramp(head, axis):
    volume, found = head
    ramp = np.geomspace(1, 3, volume.data.shape[axis], dtype=np.float32)
    ramp = ramp.reshape([-1 if a == axis else 1 for a in range(3)])
    assert dice(brain_of(replace(volume, data=volume.data * ramp)).mask, found.mask) > 0.95


def test_a_noisy_head(head):
    volume, found = head
    sd = 0.15 * np.median(volume.data[found.mask])
    real, imaginary = np.random.default_rng(0).normal(0, sd, (2, *volume.data.shape))
    noisy = np.hypot(volume.data + real, imaginary).astype(np.float32)
    assert dice(brain_of(replace(volume, data=noisy)).mask, found.mask) > 0.95


@pytest.mark.parametrize("zooms", mostly([(1.0, 1.0, 5.0), (6.0, 6.0, 6.0)], (1.0, 1.0, 5.0)))
def test_a_head_of_coarse_voxels(head, zooms):
    volume, found = head
    extent = volume.data.shape * volume.zooms
    smooth = replace(
        volume, data=ndimage.gaussian_filter(volume.data, np.maximum(0, zooms - volume.zooms) / 5)
    )
    hard, mask = moved(smooth, found.mask, np.eye(4), zooms, tuple((extent // zooms).astype(int)))
    assert dice(brain_of(hard).mask, mask) > 0.95


def test_a_child_sized_head(head):
    volume, found = head
    small = replace(volume, canonical_affine=volume.canonical_affine @ np.diag([0.7, 0.7, 0.7, 1]))
    assert dice(brain_of(small).mask, found.mask) > 0.95


@pytest.mark.parametrize("contrast", mostly(["t2", "pd", "flair"], "flair"))
def test_other_contrasts_are_found_without_being_bright_where_a_t1_is(scans, contrast):
    """A labelled head in made-up intensities; the labels hold the brain and the CSF around it."""
    labels = load_map(scans / "phantom_models" / "head_labels_03.nii.gz")
    codes = np.rint(labels.data[::2, ::2, ::2]).astype(int)
    affine = labels.canonical_affine @ np.diag([2.0, 2.0, 2.0, 1.0])
    white, grey, csf, bone, scalp = {
        "t2": (60, 80, 200, 5, 90), "pd": (75, 100, 110, 10, 90), "flair": (70, 90, 15, 5, 80),
    }[contrast]  # fmt: skip
    brain = (codes > 0) & (codes < 500)
    values = np.select(
        [np.isin(codes, [2, 41, 7, 46, 16, 28, 60]), np.isin(codes, [4, 43, 14, 15, 24]), brain, codes == 515,
         codes == 516, codes > 0], [white, csf, grey, bone, csf, scalp], 0)  # fmt: skip
    noise = np.random.default_rng(0).normal(0, 4, codes.shape)
    scan = replace(labels, data=(values + noise).astype(np.float32), canonical_affine=affine)
    assert dice(brain_of(scan, contrast).mask, brain) > 0.93
