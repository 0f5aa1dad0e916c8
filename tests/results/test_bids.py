from __future__ import annotations

import json

import pytest

import mriseg
from mriseg.results.bids import derivatives_folder, write_dataset_description


@pytest.mark.parametrize(
    ("output", "root"),
    [
        ("study/derivatives/mriseg/sub-01/ses-1/anat", "study/derivatives/mriseg"),
        ("study/derivatives/mriseg", "study/derivatives/mriseg"),
        ("derivatives/sub-01/anat", "derivatives"),
        ("derivatives", "derivatives"),
        ("results/sub-01", None),
        ("my_derivatives/sub-01", None),
    ],
)
def test_the_data_set_is_told_by_the_folder_called_derivatives(tmp_path, output, root):
    assert derivatives_folder(tmp_path / output) == (root and tmp_path / root)


def test_a_description_says_who_made_the_data_set(tmp_path):
    file = write_dataset_description(tmp_path / "derivatives" / "mriseg")
    description = json.loads(file.read_text())
    assert description["DatasetType"] == "derivative"
    assert description["GeneratedBy"] == [{"Name": "mriseg", "Version": mriseg.__version__}]


def test_a_description_that_is_there_stays(tmp_path):
    (tmp_path / "dataset_description.json").write_text("mine")
    assert write_dataset_description(tmp_path).read_text() == "mine"


def test_a_folder_that_cannot_be_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(mriseg.OutputError, match="cannot be written"):
        write_dataset_description(tmp_path / "file")
