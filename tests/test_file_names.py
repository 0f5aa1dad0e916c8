from __future__ import annotations

from pathlib import Path

import pytest

from mriseg.file_names import bids_suffix, stem


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a_T1w.nii.gz", "a"), ("b.nii", "b"), ("c.v2.hdr", "c.v2"), ("_T1w.nii", "_T1w"), ("D.NII.GZ", "D")],
)
def test_stem(tmp_path, name, expected):
    assert stem(tmp_path / name) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sub-01_T1w.nii.gz", "T1w"), ("b_T2w.nii", "T2w"), ("x_PDw.v2.nii", "PDw"), ("_FLAIR.img", "FLAIR"),
        ("T1w.nii", "T1w"), ("sub-01T1w.nii", None), ("sub-01_T1.nii", None), ("sub-01_T1w_mask.nii", None),
    ],
)  # fmt: skip
def test_the_suffix_is_what_follows_the_last_underscore(name, expected):
    assert bids_suffix(Path("x_T2w") / name) == expected
