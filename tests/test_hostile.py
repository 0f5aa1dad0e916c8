"""What becomes of each file that breaks tools: the result of its healthy twin, or one line of refusal."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import mriseg
from mriseg.cli import main
from mriseg.images.reading import _looks_like_labels, load_volume

# Options, and what the warning says; the voxels are the twin's.
SAME = {
    "made_4d_singleton.nii.gz": ({}, None),
    "made_4d_two_vols.nii.gz": ({"volume": 0}, None),
    "made_big_endian.nii.gz": ({}, None),
    "made_float64.nii.gz": ({}, None),  # in units of its own
    "made_gz_named_nii.nii": ({}, None),
    "made_nan_inf_f32.nii.gz": ({}, None),  # some voxels are lost
    "made_negative.nii.gz": ({}, "negated; their sign was turned"),
    "made_nifti2.nii.gz": ({}, None),
    "made_oblique35.nii.gz": ({}, None),
    "made_pixdim_negative.nii": ({}, "negative voxel sizes, where they should be positive; their magnitudes"),
    "made_pixdim_zero.nii": ({"zooms": (2.0, 2.0, 2.0)}, None),
    "made_qform_sform_conflict.nii.gz": ({}, "up to 69.3 mm apart; the sform was used"),
    "made_qs_codes_zero.nii": ({}, "voxel sizes alone were used, so left and right may be swapped"),
    "made_scl_slope0.nii": ({}, None),
    "made_sheared.nii.gz": ({}, "its sform, which was used, is sheared by 17 degrees"),
    "pair.hdr": ({}, None),
    "pair.img": ({}, None),
}
ELSEWHERE = {  # world coordinates that are not the twin's
    "made_oblique35.nii.gz",
    "made_qform_sform_conflict.nii.gz",
    "made_qs_codes_zero.nii",
    "made_sheared.nii.gz",
}
REFUSED = {
    "5D_small.nii": "holds vectors",
    "made_4d_two_vols.nii.gz": "a series of 2 volumes and not one scan; choose one with --volume 0 to",
    "made_all_zero.nii.gz": "the value 0 in every voxel",
    "made_bad_magic.nii": "does not begin as one",
    "made_complex.nii.gz": "holds complex values",
    "made_constant.nii.gz": "the value 7 in every voxel",
    "made_empty.nii.gz": "is empty",
    "made_not_gz.nii.gz": "is not compressed although its name ends in .gz; rename",
    "made_pixdim_zero.nii": "gives no voxel sizes (0 x 0 x 0); give their size in mm with --zooms",
    "made_rgb24.nii.gz": "holds colour values",
    "made_sform_singular.nii": "does not place the voxels in space",
    "made_single_slice.nii.gz": "holds 96 x 128 x 1 voxels; give a three-dimensional scan",
    "made_truncated.nii": "3,146,080 bytes are promised and 1,573,040 are there",
    "made_truncated.nii.gz": "the file is damaged",
    "made_vox_offset_bad.nii": "1,003,145,728 bytes are promised",
    "misc_V1.nii.gz": "holds vectors",
    "misc_complex.nii.gz": "holds complex values",
    "misc_labels256.nii.gz": "is a label image",
    "not-nifti.nii": "does not begin as one",
    "with_extension.nii.gz": "is a label image",
}
# Not of this brain, and good for loading only: other readers' samples.
OTHERS = {"air.hdr.gz", "air.img.gz", "big.nii.gz", "little.nii.gz", "misc_shear.nii.gz"}
# Share of brain voxels with the same label, where not all that the pipeline sees is the same to the letter.
# World space asks for another registration. Without any form, the file is read as stored from right to left,
# as other readers do, so that the registered head is the mirrored one.
RUN = {
    "made_nan_inf_f32.nii.gz": 0.9999,
    # The affine that is found for another header lays the template, and so the field, a little elsewhere.
    "made_oblique35.nii.gz": 0.995,
    "made_sheared.nii.gz": 0.995,
    "made_qs_codes_zero.nii": 0.99,
}
LABEL_IMAGES = [
    "channels/ms19_label-lesion_mask.nii.gz",
    "phantom_models/brainweb_crisp.nii.gz",
    "phantom_models/head_labels_05.nii.gz",
    "truth/sub-elder02/sub-elder02_dseg.nii.gz",
    "truth/sub-ibsr09/sub-ibsr09_dseg.nii.gz",
    "truth/sub-pumi/sub-pumi_desc-brain_mask.nii.gz",
]


@pytest.fixture(scope="module")
def twin(scans):
    return scans / "bids" / "sub-xa30" / "anat" / "sub-xa30_T1w.nii.gz"


def test_every_hostile_file_has_an_outcome(scans):
    assert {path.name for path in (scans / "hostile").iterdir()} == {*SAME, *REFUSED, *OTHERS}


@pytest.mark.parametrize("name", SAME)
def test_the_same_voxels_as_the_healthy_twin(scans, twin, name):
    options, says = SAME[name]
    mine, healthy = load_volume(scans / "hostile" / name, **options), load_volume(twin)
    expected = healthy.data / np.float32(7) if name == "made_float64.nii.gz" else healthy.data
    stored = mine.to_scan_grid(mine.data)
    differ = ~np.isclose(stored, healthy.to_scan_grid(expected), rtol=1e-6)
    if mine.not_finite:
        assert name == "made_nan_inf_f32.nii.gz"
        assert mine.not_finite == 65  # one of them in a voxel that is 0 in the twin
        assert (np.count_nonzero(differ), np.abs(stored[differ]).max()) == (64, 0)
    else:
        assert not differ.any()
    np.testing.assert_allclose(np.sort(mine.zooms), 2, rtol=0.05)
    assert mine.voxel_ml == pytest.approx(0.008, rel=1e-4)
    if name not in ELSEWHERE:
        np.testing.assert_allclose(mine.canonical_affine, healthy.canonical_affine, atol=1e-3)
    assert len(mine.warnings) == (says is not None)
    assert says is None or says in mine.warnings[0].text


@pytest.mark.parametrize("name", REFUSED)
def test_refused_in_one_line_that_says_what_where_and_what_to_do(scans, name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    path = scans / "hostile" / name
    monkeypatch.setattr(sys, "argv", ["mriseg", "segment", str(path)])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 1
    printed = capsys.readouterr()
    (line,) = printed.err.splitlines()
    assert line.startswith(f"mriseg: error: {path}: ")
    assert REFUSED[name] in line
    assert ";" in line  # what to do
    assert printed.out == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", RUN)
def test_the_same_labels_as_the_healthy_twin(scans, segmented, name):
    twin_result = segmented("xa30")
    result = mriseg.segment(scans / "hostile" / name)
    brain = (result.labels > 0) | (twin_result.labels > 0)
    assert (result.labels == twin_result.labels)[brain].mean() >= RUN[name]
    for tissue, volume in result.volumes.items():
        assert volume.ml == pytest.approx(twin_result.volumes[tissue].ml, rel=0.01)
    loaded = result.volume.warnings
    assert result.warnings[: len(loaded)] == list(loaded)


@pytest.mark.parametrize("name", sorted(OTHERS))
def test_samples_of_other_readers_are_read(scans, name):
    volume = load_volume(scans / "hostile" / name)
    assert volume.data.std() > 0
    assert volume.warnings == () or "shear" in name


@pytest.mark.parametrize("name", LABEL_IMAGES)
def test_label_images_are_no_scans(scans, name):
    with pytest.raises(mriseg.ImageError, match="is a label image"):
        load_volume(scans / name)


@pytest.mark.slow
def test_real_scans_are_never_taken_for_label_images(scans):
    paths = [*scans.glob("bids/*/anat/*.nii.gz"), *scans.glob("channels/*w.nii.gz"),
             *scans.glob("channels/*FLAIR.nii.gz"), scans / "orientations" / "RAS.nii.gz"]  # fmt: skip
    assert len(paths) == 21
    for path in paths:
        volume = load_volume(path)
        assert volume.warnings == (), path
        levels = np.floor(volume.data / volume.data.max() * 64).astype(np.float32)  # as of a poor export
        assert not _looks_like_labels(levels), path
