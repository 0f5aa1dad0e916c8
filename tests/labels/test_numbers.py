from __future__ import annotations

import pytest

from mriseg.errors import ImageError
from mriseg.labels.numbers import (
    BIDS_NUMBERS,
    label_numbers,
    parse_intensities,
    parse_label_map,
    read_label_table,
)


def test_a_map_may_give_several_numbers_to_one_tissue_by_any_name():
    assert parse_label_map(" 1 = csf, 2=Gray Matter,8=GM,3=WM") == {1: 3, 2: 1, 8: 1, 3: 2}


@pytest.mark.parametrize("wrong", ["", "1=GM,", "x=GM", "1=Liver", "1:GM", "-1=GM", "1.5=GM"])
def test_what_is_no_map_is_refused(wrong):
    with pytest.raises(ValueError, match="NUMBER=TISSUE"):
        parse_label_map(wrong)


def test_a_number_is_given_one_tissue():
    with pytest.raises(ValueError, match="number 1 is given twice"):
        parse_label_map("1=CSF,1=GM")


def test_intensities_are_those_of_all_three_tissues():
    assert parse_intensities("WM=150, csf=45.5,GM=-1e2") == {2: 150, 3: 45.5, 1: -100}
    for wrong in ("CSF=1,GM=2", "CSF=1,GM=2,WM=3,Fat=4", "CSF=1,GM=2,Fat=3"):
        with pytest.raises(ValueError, match="each of CSF, GM and WM"):
            parse_intensities(wrong)


def test_a_table_names_tissues_by_abbreviation_or_name(tmp_path):
    path = tmp_path / "map.tsv"
    path.write_text("index\tname\tabbreviation\n0\tBackground\tBG\n4\tGray Matter\tn/a\n5\tw\tWM\n")
    assert read_label_table(path) == {4: 1, 5: 2}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("index\tname\n1\tLiver\n", "names none of GM, WM and CSF"),
        ("name\nGM\n", "is no label table"),
        ("index\tname\none\tGM\n", "is no label table"),
    ],
)
def test_a_table_without_tissues_is_one_line(tmp_path, text, says):
    path = tmp_path / "map.tsv"
    path.write_text(text)
    with pytest.raises(ImageError, match=says) as caught:
        read_label_table(path)
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_what_is_said_goes_before_the_table_and_that_before_the_usual_numbers(tmp_path, ending):
    path = tmp_path / f"map{ending}"
    assert label_numbers(path, None) == BIDS_NUMBERS == {1: 1, 2: 2, 3: 3}
    (tmp_path / "map.tsv").write_text("index\tname\n4\tGM\n")
    assert label_numbers(path, None) == {4: 1}
    assert label_numbers(path, "9=WM") == {9: 2}
