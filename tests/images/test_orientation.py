"""Units, voxel sizes and forms: every volume in mL is right, or the file is refused."""

from __future__ import annotations

import json
import struct

import nibabel as nib
import numpy as np
import pytest

import mriseg
from mriseg.errors import ImageError
from mriseg.images.reading import load_mask, load_volume
from mriseg.images.writing import save_array


@pytest.fixture
def save(tmp_path, ball_data):
    """Save the ball with a header that is edited, as stored, by offset, struct code and values."""

    def save(affine, *edits, unit="mm", codes=(1, 1), kind=nib.Nifti1Image):
        image = kind(ball_data, affine)
        image.set_qform(affine, codes[0])
        image.set_sform(affine, codes[1])
        image.header.set_xyzt_units(unit)
        path = tmp_path / "scan.nii"
        image.to_filename(path)
        raw = bytearray(path.read_bytes())
        for place, code, *values in edits:
            struct.pack_into("<" + code, raw, place, *values)
        path.write_bytes(raw)
        return path

    return save


PIXDIM, UNITS, CODES, QUATERNION, SROW = 76, 123, 252, 256, 280


@pytest.mark.parametrize(("unit", "factor"), [("mm", 1), ("micron", 1e-3), ("meter", 1e3), ("unknown", 1)])
def test_volumes_are_in_ml_whatever_the_unit(save, unit, factor, ball_affine, ball_labels, tmp_path):
    affine = np.diag([1 / factor, 1 / factor, 1 / factor, 1]) @ ball_affine
    result = mriseg.segment(save(affine, unit=unit))
    assert result.brain_mask_ml == pytest.approx(np.count_nonzero(ball_labels) * 0.036, rel=0.02)
    result.save(tmp_path / "out", report=False)
    sidecar = json.loads((tmp_path / "out" / "scan_dseg.json").read_text())
    named = {"micron": "µm", "meter": "m", "unknown": "unknown, taken as mm"}.get(unit, unit)
    assert sidecar["Reading"]["Units"] == named
    assert sidecar["ZoomsMM"] == [3, 3, 4]
    assert not any("unit" in warning["Text"] for warning in sidecar["Warnings"])
    out = nib.load(tmp_path / "out" / "scan_dseg.nii.gz")
    assert out.header.get_xyzt_units()[0] == unit
    np.testing.assert_allclose(out.affine, affine, rtol=1e-5)


def test_a_unit_that_does_not_exist_is_unknown(save, ball_affine):
    assert load_volume(save(ball_affine, (UNITS, "B", 0xFF))).reading["Units"] == "unknown, taken as mm"


def test_given_voxel_sizes_replace_those_of_the_header_and_are_written(save, ball_labels, tmp_path):
    path = save(np.diag([1.5, 1.5, 2.0, 1]), unit="meter")
    with pytest.raises(ImageError, match=r"makes voxels of 1500 x 1500 x 2000 mm; give their size"):
        load_volume(path)
    volume = load_volume(path, zooms=(3, 3, 4))
    assert volume.voxel_ml == pytest.approx(0.036)
    save_array(ball_labels, volume, tmp_path / "labels.nii.gz")
    again = nib.load(tmp_path / "labels.nii.gz")
    np.testing.assert_allclose(again.header.get_zooms(), (3, 3, 4))
    assert again.header.get_xyzt_units()[0] == "mm"
    np.testing.assert_allclose(again.get_sform(), again.get_qform(), atol=1e-4)
    image = nib.load(path)
    mask = nib.Nifti1Image((image.get_fdata() != 0).astype(np.uint8), None, image.header)
    mask.to_filename(tmp_path / "mask.nii")
    np.testing.assert_array_equal(
        load_mask(tmp_path / "mask.nii", volume).mask, volume.to_canonical(image.get_fdata()) != 0
    )


def test_given_voxel_sizes_stand_in_for_those_that_are_zero_without_any_form(save, ball_affine):
    path = save(ball_affine, (PIXDIM + 4, "3f", 0, 0, 0), (CODES, "2h", 0, 0))
    with pytest.raises(ImageError, match="--zooms"):
        load_volume(path)
    volume = load_volume(path, zooms=(3, 3, 4))
    np.testing.assert_allclose(volume.zooms, (3, 3, 4))
    assert volume.reading["Form"] == "voxel sizes alone"
    assert volume.reading["ZoomsGiven"] == (3, 3, 4)


@pytest.mark.parametrize(
    ("edits", "form", "says"),
    [
        ([], "sform", None),
        ([(CODES, "2h", 1, 0)], "qform", None),
        ([(CODES, "2h", 0, 99)], "voxel sizes alone", "neither its sform nor its qform"),
        ([(QUATERNION, "3f", 5, 5, 5)], "sform", "place the voxels differently; the sform was used"),
        ([(SROW + 12, "f", 1000)], "sform", r"up to 940 mm apart; the sform was used"),
        ([(SROW + 12, "f", 1000), (CODES, "2h", 1, 0)], "qform", None),
        (
            [(PIXDIM + 4, "f", 9), (CODES, "2h", 0, 1)],
            "sform",
            "sizes are 9 x 3 x 4 but its sform makes them 3 x",
        ),
        ([(PIXDIM, "f", 0)], "sform", None),
    ],
)
def test_the_form_that_places_the_voxels_is_named(save, ball_affine, edits, form, says):
    straight = np.abs(np.diag(np.diag(ball_affine)))
    straight[:3, :3] = np.diag([3.0, 3, 4])
    straight[:3, 3] = (60, 70, -50)
    volume = load_volume(save(straight, *edits))
    assert volume.reading["Form"] == form
    assert len(volume.warnings) == (says is not None)
    assert says is None or says in volume.warnings[0].text
    np.testing.assert_allclose(volume.zooms, (3, 3, 4))


@pytest.mark.parametrize(
    ("edits", "says"),
    [
        ([(SROW, "4f", 0, 0, 0, 0)], "does not place the voxels in space"),
        ([(SROW, "4f", np.nan, 0, 0, 0)], "does not place the voxels in space"),
        ([(SROW, "8f", 3, 3, 0, 0, 3, 3.01, 0, 0)], "does not place the voxels in space"),
        ([(QUATERNION, "3f", 5, 5, 5), (CODES, "2h", 1, 0)], "the qform flat or not finite"),
        ([(PIXDIM + 4, "f", np.nan)], "gives no voxel sizes"),
        ([(UNITS, "B", 3)], "makes voxels of 0.003 x 0.003 x 0.004 mm; give their size in mm with --zooms"),
    ],
)
def test_headers_that_place_nothing_are_refused(save, edits, says):
    path = save(np.diag([3.0, 3, 4, 1]), *edits)
    with pytest.raises(ImageError, match=says) as caught:
        load_volume(path)
    assert str(caught.value).startswith(str(path))


def test_a_scan_whose_sign_was_turned_over_is_turned_back_and_a_shifted_one_is_not(save, ball_affine):
    plain = load_volume(save(ball_affine)).data
    for slope, shift, turned in ((-1, 0, True), (1, -500, False)):
        volume = load_volume(save(ball_affine, (112, "2f", slope, shift)))
        assert ("negated" in " ".join(map(str, volume.warnings))) == turned
        np.testing.assert_array_equal(volume.data, plain if turned else plain - 500)
        labels = mriseg.segment(volume).labels
        np.testing.assert_array_equal(labels, mriseg.segment(save(ball_affine)).labels)
