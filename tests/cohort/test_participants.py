from __future__ import annotations

import json

import pytest

from mriseg.cohort.participants import numbers_of, read_numbers
from mriseg.errors import CohortError

TABLE = (
    "participant_id\tage\tsex\tscore\tempty\n"
    "sub-01\t71\tF\t1.5\tn/a\n"
    "sub-02\tn/a\tM\t-2e1\t\n"
    "sub-03\t30\tF\tinf\tN/A\n"
)


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "participants.tsv"
    path.write_text(TABLE)
    return path


def test_columns_of_numbers_are_read_and_what_is_none_there_is_left_out(table):
    age, score = read_numbers([table])
    assert (age.column, score.column) == ("age", "score")
    assert numbers_of(score, [("sub-02", "sub-02/anat"), ("sub-03", "sub-03/anat")]) == [-20.0, None]
    scans = [("sub-01_ses-1", "sub-01/ses-1/anat"), ("sub-02", "sub-02/anat"), ("sub-09", "sub-09/anat")]
    assert numbers_of(age, scans) == [71.0, None, None]


def test_the_file_beside_the_table_names_columns_and_units(table):
    about = {"age": {"LongName": "Age at the scan", "Units": "years"}, "sex": 7}
    table.with_suffix(".json").write_text(json.dumps(about))
    assert [column.column for column in read_numbers([table])] == ["Age at the scan, years", "score"]
    table.with_suffix(".json").write_text('{"age": "years"}')
    assert [column.column for column in read_numbers([table])] == ["age", "score"]
    table.with_suffix(".json").write_text("[]")
    assert [column.column for column in read_numbers([table])] == ["age", "score"]


def test_ages_that_are_capped_count_and_a_few_words_do_not_hide_a_column(table):
    table.write_text("participant_id\tage\tnote\n01\t89+\tgood\n02\tforty\t3\n03\t61\tbad\n")
    (age,) = read_numbers([table])
    scans = [(f"sub-0{n}", f"sub-0{n}/anat") for n in (1, 2, 3)]
    assert numbers_of(age, scans) == [89.0, None, 61.0]


def test_a_participant_with_two_ages_has_none(table):
    other = table.with_name("other.tsv")
    other.write_text("participant_id\tage\n01\t72\n03\t30.0\n")
    age, _ = read_numbers([table, other])
    assert numbers_of(age, [("sub-01", "sub-01/anat"), ("sub-03", "sub-03/anat")]) == [None, 30.0]


@pytest.mark.parametrize(
    ("text", "says"),
    [("id\tage\n1\t2\n", "has no column 'participant_id'"), ('a\n"b', "cannot be read as a table")],
)
def test_a_table_that_is_none_is_refused(table, text, says):
    table.write_text(text)
    with pytest.raises(CohortError, match=says):
        read_numbers([table])
    with pytest.raises(CohortError, match="there is no such table"):
        read_numbers([table.with_name("none.tsv")])
