from __future__ import annotations

import contextlib
import json

import pytest

from mriseg.cohort.record import collect
from mriseg.errors import ImageError, PriorError
from mriseg.qc import do_not_trust, look_closely
from mriseg.results.reading import read_labels
from mriseg.results.sidecar import SCHEMA_VERSION, SidecarError, read_saved_fit, read_sidecar, write_json


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
        (b'{"SchemaVersion": true}', "its schema is True, and 1 is known"),
        (b'{"SchemaVersion": 1}', "it has no Warnings"),
        (b'{"SchemaVersion": 1, "Warnings": []}', "it has no BrainMask"),
        (b'{"SchemaVersion": 1, "Warnings": ["dark"]}', "of other types"),
        (b'{"SchemaVersion": 1, "Warnings": [{"Code": "a", "Text": "b"}]}', "it has no Severity"),
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


def fields_of(content, path=()):
    """Yield the path of every field, nested ones too."""
    if isinstance(content, dict):
        for name, value in content.items():
            yield (*path, name)
            yield from fields_of(value, (*path, name))


def test_no_field_that_is_missing_or_of_another_type_breaks_a_reader(ball_folder, tmp_path):
    text = (ball_folder / "sub-ball_dseg.json").read_text(encoding="utf-8")
    output = tmp_path / "out" / "sub-ball"
    output.mkdir(parents=True)
    for path in fields_of(json.loads(text)):
        for value in (None, [], "x", 5, {}, [None], 10**400, "gone"):
            facts = json.loads(text)
            parent = facts
            for name in path[:-1]:
                parent = parent[name]
            if value == "gone":
                del parent[path[-1]]
            else:
                parent[path[-1]] = value
            (output / "sub-ball_dseg.json").write_text(json.dumps(facts), encoding="utf-8")
            for read in (read_sidecar, read_saved_fit):
                with contextlib.suppress(SidecarError, PriorError):
                    read(output / "sub-ball_dseg.json")
            (record,) = collect(output.parent)
            assert record.status in ("done", "failed")
            with contextlib.suppress(ImageError):
                read_labels(output / "sub-ball_dseg.json")
