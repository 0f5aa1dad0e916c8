from __future__ import annotations

import json

import pytest

from mriseg.qc import do_not_trust, look_closely
from mriseg.results.sidecar import SCHEMA_VERSION, SidecarError, read_sidecar, write_json


def test_what_was_written_comes_back_with_its_warnings_as_objects(ball_folder, ball_result, tmp_path):
    facts = read_sidecar(ball_folder / "sub-ball_dseg.json")
    assert facts["Warnings"] == ball_result.warnings
    assert facts["SchemaVersion"] == SCHEMA_VERSION
    warnings = [look_closely("a", "ä\tb"), do_not_trust("c", "d | e")]
    write_json(tmp_path / "x.json", {**facts, "Warnings": [warning.recorded() for warning in warnings]})
    assert read_sidecar(tmp_path / "x.json") == {**facts, "Warnings": warnings}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "Expecting value"),
        (b"\xff\xfe", "codec"),
        (b"[]", "no SchemaVersion"),
        (b"{}", "no SchemaVersion"),
        (b'{"SchemaVersion": 0}', "its schema is 0, and 1 is known"),
        (b'{"SchemaVersion": "1"}', "its schema is '1', and 1 is known"),
        (b'{"SchemaVersion": 1}', "Warnings"),
        (b'{"SchemaVersion": 1, "Warnings": ["dark"]}', "indices"),
        (b'{"SchemaVersion": 1, "Warnings": [{"Code": "a", "Text": "b"}]}', "Severity"),
        (b'{"SchemaVersion": 1, "Warnings": [{"Code": "a", "Severity": "mild", "Text": "b"}]}', "'mild'"),
        (b"[" * 100_000, "recursion"),
    ],
)
def test_another_file_is_refused_with_the_reason(tmp_path, content, says):
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(SidecarError, match=says):
        read_sidecar(tmp_path / "x.json")


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(SidecarError, match="No such file"):
        read_sidecar(tmp_path / "gone.json")


def test_json_is_plain_text_without_numbers_that_json_has_not(tmp_path):
    write_json(tmp_path / "x.json", {"µ": [1, None]})
    text = (tmp_path / "x.json").read_text(encoding="utf-8")
    assert text.endswith("\n")
    assert "µ" in text
    assert json.loads(text) == {"µ": [1, None]}
    with pytest.raises(ValueError, match="Out of range"):
        write_json(tmp_path / "y.json", {"a": float("nan")})
