from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

import mriseg


def dice(a, b):
    return 2 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b))


@pytest.fixture
def save_scan(tmp_path, ball_affine):
    def save(data, affine=ball_affine, name="scan.nii"):
        nib.Nifti1Image(data, affine).to_filename(tmp_path / name)
        return tmp_path / name

    return save


def test_known_tissues_are_found_without_touching_the_disk(ball, ball_labels):
    result = mriseg.segment(ball)
    assert result.brain.method == "stripped scan"
    for label in (1, 2, 3):
        assert dice(result.labels == label, ball_labels == label) > 0.97
    assert [path.name for path in ball.parent.iterdir()] == [ball.name]


def test_volumes_are_those_of_the_phantom(ball_result, ball_labels):
    result = ball_result
    for index, name in ((1, "GM"), (2, "WM"), (3, "CSF")):
        expected = np.count_nonzero(ball_labels == index) * 0.036
        assert result.volumes[name].ml == pytest.approx(expected, rel=0.03)
        assert result.volumes[name].label_ml == pytest.approx(
            np.count_nonzero(result.labels == index) * 0.036
        )
    assert sum(volume.ml for volume in result.volumes.values()) == pytest.approx(
        result.brain_mask_ml, rel=1e-5
    )
    assert sum(volume.fraction for volume in result.volumes.values()) == pytest.approx(1)


def test_posteriors_sum_to_one_inside_and_labels_are_the_largest(ball_result):
    result = ball_result
    stack = np.stack([result.posteriors[tissue.abbreviation] for tissue in result.tissues])
    assert stack.dtype == np.float32
    np.testing.assert_allclose(stack.sum(axis=0)[result.mask], 1, atol=1e-5)
    assert not stack[:, ~result.mask].any()
    indices = np.array([tissue.index for tissue in result.tissues])
    np.testing.assert_array_equal(result.labels[result.mask], indices[stack.argmax(axis=0)][result.mask])
    assert not result.labels[~result.mask].any()


@pytest.mark.parametrize(("scale", "dtype"), [(1000, np.int32), (1 / 1024, np.float32), (1, np.float64)])
def test_labels_do_not_depend_on_scale_or_dtype(ball_result, ball_data, save_scan, scale, dtype):
    expected = ball_result.labels
    scaled = mriseg.segment(save_scan((ball_data * float(scale)).astype(dtype))).labels
    assert (scaled == expected).mean() > 0.9999


def test_labels_do_not_depend_on_orientation(ball_result, ball_data, ball_affine, save_scan):
    expected = ball_result.labels
    flipped = ball_affine @ np.array([[-1, 0, 0, 47], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])
    labels = mriseg.segment(save_scan(ball_data[::-1], flipped)).labels
    np.testing.assert_array_equal(labels[::-1], expected)


def test_inverted_contrast_is_named_by_its_own_rule(ball_data, ball_labels, save_scan):
    inverted = np.where(ball_data > 0, 140 - ball_data, 0).astype(np.int16)
    result = mriseg.segment(save_scan(inverted), contrast="t2", stripped=True)
    for label in (1, 2, 3):
        assert dice(result.labels == label, ball_labels == label) > 0.97


def test_a_given_mask_decides_where_the_brain_is(ball, ball_labels, save_scan):
    half = (ball_labels > 0) & (np.indices(ball_labels.shape)[0] < 24)
    result = mriseg.segment(ball, mask=save_scan(half.astype(np.uint8), name="mask.nii"))
    np.testing.assert_array_equal(result.mask, half)
    assert result.brain.method == "given"


@pytest.mark.parametrize("classes", [2, 4, 5])
def test_other_numbers_of_classes_rise_with_intensity(ball, ball_data, classes):
    result = mriseg.segment(ball, classes=classes)
    assert list(result.posteriors) == [f"class{i}" for i in range(1, classes + 1)]
    means = [
        ball_data[result.labels == i].mean() for i in range(1, classes + 1) if (result.labels == i).any()
    ]
    assert means == sorted(means)


def test_holes_in_a_mask_do_not_move_the_tissues(ball_result, ball_data, ball_labels, save_scan):
    whole = ball_result
    holed = ball_data.copy()
    holed[::3, ::3, ::2] = 0
    mask = save_scan((ball_labels > 0).astype(np.uint8), name="mask.nii.gz")
    result = mriseg.segment(save_scan(holed, name="holed_T1w.nii.gz"), mask=mask)
    np.testing.assert_allclose(result.model.means, whole.model.means, atol=1)
    assert any("no signal" in warning.text for warning in result.warnings)
    assert not any("no signal" in warning.text for warning in whole.warnings)


def test_a_mask_of_white_matter_alone_is_flagged(ball, ball_labels, save_scan):
    result = mriseg.segment(ball, mask=save_scan((ball_labels == 2).astype(np.uint8), name="mask.nii"))
    assert any("not separated" in warning.text for warning in result.warnings)
    assert any("a human brain has" in warning.text for warning in result.warnings)


def test_a_scan_of_two_values_is_no_scan(save_scan, ball_labels):
    two = 1 + np.random.default_rng(0).integers(0, 2, ball_labels.shape)
    path = save_scan(np.where(ball_labels > 0, two, 0).astype(np.uint8))
    with pytest.raises(mriseg.MixtureError, match="make no 3 classes") as caught:
        mriseg.segment(path, stripped=True)
    assert str(caught.value).startswith(str(path))


def test_noise_without_background_is_not_stripped(save_scan):
    noise = np.random.default_rng(0).normal(100, 10, (30, 30, 30)).astype(np.float32)
    with pytest.raises(mriseg.MaskError, match="no constant background"):
        mriseg.segment(save_scan(noise), stripped=True)


@pytest.mark.parametrize(
    "wrong", [{"contrast": "t3"}, {"classes": 1}, {"classes": 11}, {"mask": "m", "stripped": True}]
)
def test_wrong_arguments_are_refused(ball, wrong):
    with pytest.raises(ValueError, match=r"must be|not both"):
        mriseg.segment(ball, **wrong)
