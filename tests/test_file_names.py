from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest

from mriseg.file_names import (
    LABELS,
    bids_suffix,
    corrected_ending,
    is_derived,
    required_files,
    result_name,
    stem,
    stem_of_labels,
)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a_T1w.nii.gz", "a"), ("b.nii", "b"), ("c.v2.hdr", "c.v2"), ("_T1w.nii", "_T1w"), ("D.NII.GZ", "D")],
)
def test_stem(tmp_path, name, expected):
    assert stem(tmp_path / name) == expected


def test_the_results_of_the_scans_of_a_session_do_not_collide():
    scans = [Path(f"sub-01_ses-2_{suffix}.nii.gz") for suffix in ("T1w", "T2w", "PDw", "FLAIR")]
    names = [set(required_files(stem(scan))) for scan in scans]
    assert all(one.isdisjoint(other) for one, other in combinations(names, 2))
    assert "sub-01_ses-2_space-FLAIR_desc-brain_mask.nii.gz" in names[-1]
    for scan in scans:
        labels = Path(result_name(stem(scan), LABELS))
        assert stem_of_labels(labels) == stem(scan)
        assert is_derived(labels)
        assert not is_derived(scan)
        assert is_derived(Path(result_name(stem(scan), corrected_ending(bids_suffix(scan)))))


def test_a_space_that_is_named_stays_the_only_one():
    assert stem(Path("sub-01_space-MNI_T2w.nii")) == "sub-01_space-MNI_T2w"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sub-01_T1w.nii.gz", "T1w"), ("b_T2w.nii", "T2w"), ("x_PDw.v2.nii", "PDw"), ("_FLAIR.img", "FLAIR"),
        ("T1w.nii", "T1w"), ("sub-01T1w.nii", None), ("sub-01_T1.nii", None), ("sub-01_T1w_mask.nii", None),
    ],
)  # fmt: skip
def test_the_suffix_is_what_follows_the_last_underscore(name, expected):
    assert bids_suffix(Path("x_T2w") / name) == expected
