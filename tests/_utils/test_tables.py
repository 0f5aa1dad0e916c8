from __future__ import annotations

import pytest

from mriseg._utils.tables import as_text, read_delimited, write_table


@pytest.mark.parametrize("delimiter", ["\t", ",", ";"])
def test_the_delimiter_is_the_one_that_the_header_has_most_of(tmp_path, delimiter):
    path = tmp_path / "table"
    path.write_text("\n".join(delimiter.join(row) for row in (("scan", "a b", "c"), ("1", "2", "3"))))
    header, rows = read_delimited(path)
    assert header == ["scan", "a b", "c"]
    assert [(row.line, row.cells) for row in rows] == [(2, ["1", "2", "3"])]


def test_rows_have_their_lines_and_empty_lines_are_left_out(tmp_path):
    path = tmp_path / "table.csv"
    path.write_bytes(b'\xef\xbb\xbfa,b\r\n\r\n 1 ,"x\ny"\n,\n3\n')
    header, rows = read_delimited(path)
    assert header == ["a", "b"]
    assert [(row.line, row.cells) for row in rows] == [
        (4, ["1", "x\ny"]),
        (5, ["", ""]),
        (6, ["3"]),
    ]


def test_a_file_without_a_line_has_neither_header_nor_rows(tmp_path):
    (tmp_path / "empty").touch()
    assert read_delimited(tmp_path / "empty") == ([], [])


def test_what_is_no_text_is_refused(tmp_path):
    (tmp_path / "binary").write_bytes(b"a,b\n\xff\xfe")
    for name in ("binary", "absent"):
        with pytest.raises(ValueError, match=r"decode|No such file"):
            read_delimited(tmp_path / name)


@pytest.mark.parametrize("last", ["5,6\n", '5,"7 inch\n'])
def test_a_quote_that_is_not_closed_is_refused_rather_than_taking_rows(tmp_path, last):
    path = tmp_path / "table.csv"
    path.write_text('a,b\n1,x\n2,"5 inch\n3,4\n' + last)
    with pytest.raises(ValueError, match=r"after line 2: .*quote"):
        read_delimited(path)


def test_what_was_written_is_read_again(tmp_path):
    rows = [("a", "b"), ("x\ty", 'say "z"'), (1, 2.5)]
    write_table(tmp_path / "table.tsv", rows)
    assert (tmp_path / "table.tsv").read_bytes() == as_text(rows).encode()
    header, read = read_delimited(tmp_path / "table.tsv")
    assert [header, *(row.cells for row in read)] == [[str(cell) for cell in row] for row in rows]
