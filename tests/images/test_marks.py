from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

from mriseg.images.marks import is_of_labels, read_mark, write_mark

LABELS = np.array([0, 1, 2, 2, 3, 3, 3, 7], dtype=np.uint8)


@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
def test_a_mark_survives_the_file_and_tells_changed_labels(tmp_path, kind):
    image = kind(LABELS.reshape(2, 2, 2), np.eye(4))
    assert read_mark(image.header) == ""
    write_mark(image.header, LABELS, "1CSF 2GM 3WM")
    image.to_filename(tmp_path / "labels.nii")
    header = nib.load(tmp_path / "labels.nii").header
    assert read_mark(header) == "1CSF 2GM 3WM"
    assert is_of_labels(header, LABELS)
    assert is_of_labels(header, LABELS.astype(np.float32))
    assert not is_of_labels(header, np.where(LABELS == 3, 1, LABELS))


def test_counts_beyond_what_a_header_holds_exactly_are_compared_as_it_holds_them():
    header, labels = nib.Nifti1Header(), np.ones(2**24 + 3, dtype=np.uint8)
    write_mark(header, labels, "mark")
    assert is_of_labels(header, labels)
