from __future__ import annotations

import gzip

import nibabel as nib
import numpy as np
import pytest

from mriseg.images.reading import load_volume
from mriseg.images.writing import save_array


@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
def test_saved_arrays_keep_the_geometry_and_nothing_else(tmp_path, ball_data, ball_affine, kind):
    source = kind(ball_data, ball_affine)
    source.set_qform(ball_affine @ np.diag([1, 1, 1.5, 1]), "scanner")  # disagrees, and is kept
    source.set_sform(ball_affine, "mni")
    source.header.set_xyzt_units("mm", "sec")
    source.header["descrip"] = b"Jane Doe"
    source.header.set_slope_inter(2.0, 1.0)
    source.to_filename(tmp_path / "scan.nii.gz")
    labels = np.full(ball_data.shape, 3, dtype=np.uint8)
    save_array(labels, load_volume(tmp_path / "scan.nii.gz"), tmp_path / "out.nii.gz", intent="label")
    scan, out = nib.load(tmp_path / "scan.nii.gz"), nib.load(tmp_path / "out.nii.gz")
    assert type(out) is kind
    assert out.shape == scan.shape
    np.testing.assert_array_equal(out.affine, scan.affine)
    for form in ("get_sform", "get_qform"):
        for mine, theirs in zip(getattr(out, form)(coded=True), getattr(scan, form)(coded=True), strict=True):
            np.testing.assert_array_equal(mine, theirs)
    assert out.header.get_xyzt_units() == scan.header.get_xyzt_units() == ("mm", "sec")
    assert int(out.header["intent_code"]) == 1002
    raw = gzip.decompress((tmp_path / "out.nii.gz").read_bytes())
    header = type(out.header)(raw[: out.header.sizeof_hdr], check=False)
    assert (float(header["scl_slope"]), float(header["scl_inter"])) == (1, 0)
    assert b"Jane Doe" not in raw
    assert out.get_data_dtype() == np.uint8
    np.testing.assert_array_equal(np.asarray(out.dataobj), labels)
