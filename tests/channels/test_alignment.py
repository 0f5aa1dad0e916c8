from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from heads import turned
from scipy import ndimage

from mriseg.channels.alignment import align
from mriseg.errors import ImageError
from mriseg.evaluation.phantom import folded_ball, simulate
from mriseg.images.reading import load_volume
from mriseg.images.volume import new_volume

T2_INTENSITIES = {3: 150.0, 1: 105.0, 2: 70.0}


@pytest.fixture(scope="module")
def first():
    """A simulated T1 of voxels of 1.5 mm, and its brain."""
    phantom = simulate(*folded_ball(), seed=1)
    return new_volume(phantom.data, phantom.affine, Path("first_T1w.nii.gz")), phantom.labels > 0


@pytest.fixture(scope="module")
def second():
    """A T2 of the same head on voxels of 2 x 2 x 3 mm."""
    phantom = simulate(*folded_ball(), intensities=T2_INTENSITIES, zooms=(2.0, 2.0, 3.0), seed=2)
    return new_volume(phantom.data, phantom.affine, Path("second_T2w.nii.gz"))


@pytest.fixture(scope="module")
def unmoved(first, second):
    """The second on the grid of the first, where its header puts it."""
    return align(second, *first)


@pytest.fixture(scope="module")
def patient(scans):
    """A real T1 of voxels of 1 mm, and its brain."""
    volume = real(scans, "T1w")
    return volume, volume.data > 0


def real(scans, contrast):
    """A real scan, of which only the box around the brain is kept to save time."""
    volume = load_volume(scans / "channels" / f"ms19_{contrast}.nii.gz")
    box = (slice(20, 164), slice(22, 186), slice(12, 146))
    affine = volume.canonical_affine.copy()
    affine[:3, 3] += affine[:3, :3] @ [side.start for side in box]
    return replace(volume, data=volume.data[box].copy(), canonical_affine=affine)


def further(scans, contrast, zooms, tilt=0.0):
    """A real channel, stored on voxels of another size and tilted by some degrees."""
    volume = real(scans, contrast)
    shape = np.ceil(np.array(volume.data.shape) * volume.zooms / zooms).astype(int)
    affine = turned(0, tilt) @ np.diag([*zooms, 1.0])
    affine[:3, 3] = 0.4 + middle_of(volume) - affine[:3, :3] @ ((shape - 1) / 2)
    to_channel = np.linalg.inv(volume.canonical_affine) @ affine
    finer = np.sqrt(np.maximum(np.linalg.norm(to_channel[:3, :3], axis=1) ** 2 - 1, 0)) / 2.355
    data = ndimage.affine_transform(
        ndimage.gaussian_filter(volume.data, finer), to_channel, output_shape=tuple(shape), order=1
    )
    return replace(volume, data=data, canonical_affine=affine)


def middle_of(volume):
    return (volume.canonical_affine @ [*(np.array(volume.data.shape) - 1) / 2, 1])[:3]


def motion(volume, shift, axis=0, degrees=0.0):
    """A turn about the middle of a volume, then a shift in mm."""
    there = np.eye(4)
    there[:3, 3] = middle_of(volume)
    shifted = np.eye(4)
    shifted[:3, 3] = shift
    return shifted @ there @ turned(axis, degrees) @ np.linalg.inv(there)


def apart_mm(matrix, truth, volume, mask):
    """The farthest that a voxel of the brain lies from where it should."""
    brain = np.argwhere(mask)[::7] @ volume.canonical_affine[:3, :3].T + volume.canonical_affine[:3, 3]
    points = np.column_stack([brain, np.ones(len(brain))])
    return np.linalg.norm(points @ (matrix - truth).T, axis=1).max()


def found_matrix(alignment):
    return np.array(alignment.facts["Refinement"]["ScanToChannel"])


def test_a_channel_on_the_same_grid_is_taken_as_it_is(first):
    volume, mask = first
    other = replace(volume, data=200 - volume.data, canonical_affine=volume.canonical_affine.copy())
    other.canonical_affine[0, 3] += 0.09 * 1.5
    alignment = align(other, volume, mask)
    assert alignment.data is other.data
    assert alignment.covered.all()
    assert alignment.overlap == 1
    assert alignment.facts == {"Method": "same grid", "Overlap": 1.0}


def test_grids_that_lie_farther_apart_are_not_the_same(first):
    volume, mask = first
    other = replace(volume, canonical_affine=volume.canonical_affine.copy())
    other.canonical_affine[0, 3] += 0.2 * 1.5
    alignment = align(other, volume, mask)
    assert alignment.facts["Method"] == "headers"
    np.testing.assert_allclose(alignment.facts["Refinement"]["MovedMM"], 0.3, atol=0.05)


def test_the_order_of_the_axes_in_the_file_does_not_matter(first, tmp_path):
    volume, mask = first
    stored = nib.Nifti1Image(volume.data, volume.canonical_affine).as_reoriented([[2, -1], [0, 1], [1, -1]])
    nib.save(stored, tmp_path / "turned.nii.gz")
    alignment = align(load_volume(tmp_path / "turned.nii.gz"), volume, mask)
    assert alignment.facts["Method"] == "same grid"
    np.testing.assert_array_equal(alignment.data, volume.data)


def test_a_correct_header_is_not_disturbed(first, unmoved):
    _, mask = first
    assert unmoved.facts["Method"] == "headers"
    assert unmoved.facts["Refinement"]["MovedMM"] < 0.5
    assert unmoved.overlap == 1
    assert unmoved.warnings == ()
    truth = simulate(*folded_ball(), intensities=T2_INTENSITIES, noise=0, seed=2).data
    assert np.corrcoef(unmoved.data[mask], truth[mask])[0, 1] > 0.85


@pytest.mark.parametrize(("contrast", "zooms", "tilt"), [("T2w", (2, 2, 3), 0), ("FLAIR", (1, 1, 5), 12)])
def test_correct_headers_of_real_channels_are_not_disturbed(scans, patient, contrast, zooms, tilt):
    volume, mask = patient
    alignment = align(further(scans, contrast, np.array(zooms), tilt), volume, mask)
    original = real(scans, contrast).data
    assert alignment.facts["Method"] == "headers"
    assert alignment.warnings == ()
    assert np.corrcoef(alignment.data[mask], original[mask])[0, 1] > 0.75


def test_a_motion_in_the_header_is_found(first, second, unmoved):
    volume, mask = first
    truth = motion(volume, (3, 2, 5), 2, 5)
    alignment = align(replace(second, canonical_affine=truth @ second.canonical_affine), volume, mask)
    assert alignment.facts["Method"] == "headers, refined by mutual information"
    assert apart_mm(found_matrix(alignment), truth, volume, mask) < 0.75
    assert np.corrcoef(alignment.data[mask], unmoved.data[mask])[0, 1] > 0.97
    (warning,) = alignment.warnings
    assert "was moved by" in warning.text


def test_a_motion_in_the_header_of_a_real_channel_is_found(scans, patient):
    volume, mask = patient
    channel, truth = further(scans, "FLAIR", np.array([1, 1, 4]), 8), motion(patient[0], (4, -4, 2), 1, 5)
    alignment = align(replace(channel, canonical_affine=truth @ channel.canonical_affine), volume, mask)
    assert alignment.facts["Method"] == "headers, refined by mutual information"
    # The scans themselves are registered to within half a millimetre.
    assert apart_mm(found_matrix(alignment), truth, volume, mask) < 0.8


def test_a_channel_that_lies_too_far_off_is_left_there_with_a_warning(first, second):
    volume, mask = first
    affine = motion(volume, (0, 24, 0)) @ second.canonical_affine
    alignment = align(replace(second, canonical_affine=affine), volume, mask)
    assert alignment.facts["Method"] == "headers"
    assert not alignment.facts["Refinement"]["Applied"]
    (warning,) = alignment.warnings
    assert warning.text.startswith("does not seem to fit the first scan")


def test_a_channel_of_another_place_is_refused(first, second):
    volume, mask = first
    affine = motion(volume, (0, 300, 0)) @ second.canonical_affine
    with pytest.raises(ImageError, match=r"second_T2w.nii.gz: covers 0% of the brain in first_T1w.nii.gz"):
        align(replace(second, canonical_affine=affine), volume, mask)


@pytest.mark.parametrize("value", [0, 7])
def test_a_channel_that_shows_nothing_of_the_brain_is_refused(first, value):
    volume, mask = first
    data = np.where(mask, value, 0).astype(np.float32)
    data[:4, :4, :4] = 50
    with pytest.raises(ImageError, match=r"dark.nii.gz: shows nothing in most of the brain in first_T1w"):
        align(replace(volume, data=data, path=Path("dark.nii.gz")), volume, mask)


def test_a_slab_covers_what_it_covers(first, second):
    volume, mask = first
    slab = replace(second, data=second.data[:, :, 10:36], canonical_affine=second.canonical_affine.copy())
    slab.canonical_affine[2, 3] += 10 * 3
    alignment = align(slab, volume, mask)
    heights = volume.canonical_affine[2, 2] * np.arange(volume.data.shape[2]) + volume.canonical_affine[2, 3]
    inside = (heights >= slab.canonical_affine[2, 3] - 1.5) & (
        heights <= slab.canonical_affine[2, 3] + 25 * 3 + 1.5
    )
    assert (alignment.covered == inside).all()
    assert alignment.overlap == pytest.approx(np.count_nonzero(mask & inside) / np.count_nonzero(mask))
    assert 0.5 < alignment.overlap < 0.95
    assert alignment.facts["Method"] == "headers"
    assert (alignment.data[:, :, ~inside] == 0).all()


def test_the_edge_of_a_stripped_channel_is_not_blended_with_what_was_stripped(first, second):
    volume, mask = first
    level = np.where(second.canonical_affine[0, 0] * np.arange(second.data.shape[0]) < 70, 100, 120)
    flat = replace(second, data=np.where(second.data > 0, level[:, None, None], 0).astype(np.float32))
    data = align(flat, volume, mask).data
    assert ((data == 0) | (data > 99.9)).all()
    assert np.mean((data > 0) == mask) > 0.98


def test_a_channel_of_finer_voxels_does_not_alias(first):
    volume, mask = first
    coarse, every = volume.subsampled(4.5)
    stripes = np.where(np.arange(96) % 2, 40, -40).astype(np.float32)[:, None, None]
    striped = replace(volume, data=volume.data + mask * stripes)
    plain, other = (align(channel, coarse, mask[every]).data for channel in (volume, striped))
    core = ndimage.binary_erosion(mask, iterations=4)[every]
    assert np.abs(other - plain)[core].mean() < 2


def test_threads_change_nothing(first, second, monkeypatch):
    volume, mask = first
    channel = replace(second, canonical_affine=motion(volume, (2, 3, 1), 1, 3) @ second.canonical_affine)
    done = []
    for threads in ("1", "3"):
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
        done.append(align(channel, volume, mask))
    assert done[0].data.tobytes() == done[1].data.tobytes()
    assert done[0].covered.tobytes() == done[1].covered.tobytes()
    assert json.dumps(done[0].facts) == json.dumps(done[1].facts)


def test_facts_are_plain_and_rounded(unmoved):
    facts = unmoved.facts
    assert json.loads(json.dumps(facts, allow_nan=False)) == facts
    found = facts["Refinement"]
    numbers = [*np.ravel(found["ScanToChannel"]), facts["Overlap"], found["MovedMM"]]
    assert numbers == np.round(numbers, 6).tolist()
