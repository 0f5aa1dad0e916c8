from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

from mriseg.errors import ImageError
from mriseg.evaluation.metrics import agreement, calibration_error, dice, evaluate, hausdorff95

ZOOMS = np.array([1.0, 2.0, 3.0])


def _box(start, size=6):
    mask = np.zeros((20, 20, 20), dtype=bool)
    mask[tuple(slice(s, s + size) for s in start)] = True
    return mask


def test_the_same_is_perfect():
    figures = agreement(_box((4, 4, 4)), _box((4, 4, 4)), ZOOMS)
    assert (figures.dice, figures.volume_difference, figures.hausdorff95) == (1, 0, 0)


@pytest.mark.parametrize(("axis", "distance"), [(0, 2.0), (1, 4.0), (2, 6.0)])
def test_a_shift_by_two_voxels(axis, distance):
    start = np.array([4, 4, 4])
    shifted = start + 2 * np.eye(3, dtype=int)[axis]
    assert dice(_box(start), _box(shifted)) == pytest.approx(4 / 6)
    assert hausdorff95(_box(start), _box(shifted), ZOOMS) == pytest.approx(distance)


def test_the_volume_difference_has_a_sign():
    assert agreement(_box((4, 4, 4), 3), _box((4, 4, 4)), ZOOMS).volume_difference == pytest.approx(-87.5)


def test_what_is_nowhere_has_no_figures():
    nothing = np.zeros((20, 20, 20), dtype=bool)
    assert np.isnan(dice(nothing, nothing))
    assert dice(nothing, _box((4, 4, 4))) == 0
    assert np.isnan(hausdorff95(nothing, _box((4, 4, 4)), ZOOMS))


@pytest.fixture
def save(tmp_path):
    """Write an array of the test as an image; return its path."""

    def write(name, data):
        path = tmp_path / f"{name}.nii.gz"
        nib.save(nib.Nifti1Image(data, np.eye(4)), path)
        return path

    return write


def test_a_scan_is_no_label_map(save):
    labels = _box((4, 4, 4)).astype(np.uint8)
    truth, scan = save("truth", labels), save("scan", (97.3 * labels).astype(np.float32))
    for pair in ((scan, truth), (truth, scan)):
        with pytest.raises(ImageError, match=r"scan.nii.gz: holds values that are no whole numbers"):
            evaluate(*pair)


def test_a_truth_without_any_of_the_tissues_is_refused_and_one_without_some_is_not(save):
    labels = save("labels", _box((4, 4, 4)).astype(np.uint8))
    with pytest.raises(ImageError, match=r"labels.nii.gz: has no voxel with the numbers 8, 9; say"):
        evaluate(labels, labels, truth_numbers={8: 1, 9: 2})
    figures = evaluate(labels, labels, truth_numbers={1: 1, 9: 2})
    assert figures["GM"].dice == 1
    assert np.isnan(figures["WM"].dice)


def test_numbers_of_no_tissue_in_bids_are_refused_until_they_are_said(save):
    box = _box((4, 4, 4)).astype(np.uint8)
    labels, aseg = save("labels", box), save("aseg", 41 * box)
    with pytest.raises(ImageError, match=r"aseg.nii.gz: has numbers that are no tissue in BIDS, such as 41"):
        evaluate(labels, aseg)
    assert evaluate(labels, aseg, truth_numbers={41: "GM"})["GM"].dice == 1
    assert evaluate(aseg, labels, label_numbers={41: "GM"})["GM"].dice == 1
    aseg.with_name("aseg.tsv").write_text("index\tname\n41\tGM\n")
    assert evaluate(labels, aseg)["GM"].dice == 1


def test_calibration():
    generator = np.random.default_rng(0)
    p = generator.uniform(size=50_000)
    posteriors = np.stack([p, 1 - p], axis=1)
    labels = generator.uniform(size=p.size) < p
    truth = np.stack([labels, ~labels], axis=1).astype(float)
    assert calibration_error(posteriors, truth) < 0.01
    assert calibration_error(np.where(posteriors > 0.5, 1.0, 0.0), truth) > 0.2
