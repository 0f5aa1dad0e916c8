from __future__ import annotations

import pytest

from mriseg.cohort.groups import Groups, read_groups
from mriseg.errors import CohortError


def table(tmp_path, text, name="participants.tsv"):
    path = tmp_path / name
    path.write_text(text)
    return path


def test_groups_come_from_the_tables_of_all_data_sets(tmp_path):
    first = table(tmp_path, "participant_id\tage\tsite\nsub-01\t20\tA\nsub-02\t30\tn/a\nsub-03\t40\n")
    second = table(tmp_path, "\ufeffsite,participant_id\nB,11\nA,01\n", "more.csv")
    groups = read_groups([first, second], "site")
    assert groups.column == "site"
    assert groups.of_participant == {"01": "A", "11": "B"}


@pytest.mark.parametrize(
    ("identifier", "folder", "group"),
    [
        ("sub-01", "sub-01/anat", "A"),
        ("sub-01_ses-2_run-1", "sub-01/ses-2/anat", "A"),
        ("sub-02_ses-2", "sub-02/ses-2/anat", "by session"),
        ("sub-01_T1w", "sub-01_T1w", "A"),  # scans of a data set in one folder
        ("controls/IXI_7/T1", "controls/IXI_7/T1", "B"),
        ("IXI_7", "IXI_7", "B"),
        ("03_T1", "03_T1", "C"),
        ("sub-99/03/anat", "sub-99/03/anat", None),  # 03 is no participant there
        ("other", "other", None),
    ],
)
def test_a_scan_has_the_group_of_its_participant(identifier, folder, group):
    known = {"01": "A", "IXI_7": "B", "03": "C", "02": "D", "02_ses-2": "by session"}
    assert Groups("site", "participants.tsv", known).of(identifier, folder) == group


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "has no column 'participant_id'; its columns are none"),
        ("participant_id\tage\nsub-01\t3\n", "has no column 'site'; its columns are participant_id, age"),
        ("id\tsite\n01\tA\n", "has no column 'participant_id'; its columns are id, site"),
        ("participant_id\tsite\tsite\n01\tA\tB\n", "two columns are named 'site'"),
        ("participant_id\tsite\n01\tA\nsub-01\tB\n", "line 3: site of sub-01 is 'B' and was 'A' before"),
        ("participant_id\tsite\n01\tA\tB\n", "cannot be read as a table of participants (line 2: 3 cells"),
    ],
)
def test_a_table_that_does_not_say_is_refused(tmp_path, text, says):
    path = table(tmp_path, text)
    with pytest.raises(CohortError) as error:
        read_groups([path], "site")
    assert str(error.value).startswith(f"{path}: {says}")
    assert "\n" not in str(error.value)


def test_a_table_that_is_not_there_is_said_to_be_missing(tmp_path):
    with pytest.raises(CohortError, match="there is no such table of participants"):
        read_groups([tmp_path / "participants.tsv"], "site")
