"""The Boutiques descriptor of ``mriseg segment``: up to date, valid, and its command lines work."""

from __future__ import annotations

import json
import shlex
from inspect import signature

import pytest
from script_files import script_module

from mriseg.cli.segment import segment
from mriseg.file_names import OPTIONAL_PATTERNS, REQUIRED


@pytest.fixture(scope="module")
def script():
    return script_module("write_boutiques")


@pytest.fixture(scope="module")
def inputs(script):
    return {one["id"]: one for one in script.descriptor()["inputs"]}


@pytest.fixture
def bosh():
    return pytest.importorskip("boutiques.bosh", reason="boutiques is not installed")


@pytest.fixture
def simulate(script, bosh, tmp_path):
    """Return the command line that Boutiques makes of an invocation, as words."""

    def command_of(**invocation):
        file = tmp_path / "invocation.json"
        file.write_text(json.dumps(invocation))
        return shlex.split(bosh.execute("simulate", str(script.FILE), "-i", str(file)).shell_command)

    return command_of


def test_the_committed_descriptor_is_that_of_the_command(script):
    """If not: python scripts/write_boutiques.py."""
    assert script.FILE.read_text(encoding="utf-8") == script.as_text()


def test_every_option_is_an_input_of_its_kind(inputs):
    assert list(inputs) == list(signature(segment).parameters)
    assert {name for name, one in inputs.items() if not one["optional"]} == {"scan", "output"}
    assert inputs["scan"]["type"] == inputs["mask"]["type"] == inputs["channel"]["type"] == "File"
    assert inputs["output"]["type"] == "String"  # a file would have to exist
    assert inputs["no_bias"] | {"description": ""} == {
        "id": "no_bias", "name": "No bias", "description": "", "type": "Flag", "optional": True,
        "value-key": "[NO_BIAS]", "command-line-flag": "--no-bias",
    }  # fmt: skip
    assert inputs["contrast"]["value-choices"][-1] == inputs["contrast"]["default-value"] == "auto"
    assert (inputs["volume"]["integer"], inputs["volume"]["minimum"]) == (True, 0)
    assert (inputs["zooms"]["min-list-entries"], inputs["zooms"]["max-list-entries"]) == (3, 3)
    assert all(one["description"] for one in inputs.values())


def test_every_file_is_an_output(script):
    assert set(script.OUTPUTS) == {*REQUIRED, *OPTIONAL_PATTERNS}


def test_boutiques_finds_it_valid_and_would_say_if_it_were_not(script, bosh, tmp_path):
    bosh.validate(str(script.FILE))
    broken = tmp_path / "broken.json"
    broken.write_text(json.dumps({key: value for key, value in script.descriptor().items() if key != "name"}))
    with pytest.raises(Exception, match="name"):
        bosh.validate(str(broken))


def test_the_command_line_that_boutiques_makes_works(script, simulate, run, ball, tmp_path):
    folder = tmp_path / "with a space"
    program, *words = simulate(
        scan=str(ball), output=str(folder), no_spatial=True, zooms=[3, 3, 4.5], luts="slicer",
        label_order="fast", fix_means=False,
    )  # fmt: skip
    assert program == "mriseg"
    done = run(*words)
    assert done.returncode == 0, done.stderr
    facts = json.loads((folder / "sub-ball_dseg.json").read_text())
    assert (facts["LabelOrder"], facts["Settings"]["Spatial"]) == ("fast", False)
    assert facts["ZoomsMM"] == [3, 3, 4.5]
    found = set()
    for output in script.descriptor()["output-files"]:
        pattern = output["path-template"].removeprefix("[OUTPUT]/")
        files = set(folder.glob(pattern))
        assert files or output["optional"], pattern
        assert len(files) == 1 or output.get("list") or output["optional"], pattern
        found |= files
    assert found == set(folder.iterdir())


def test_a_list_repeats_its_option(simulate):
    words = simulate(scan="a b.nii", output="out", channel=["c d.nii", "e.nii"])
    assert words[:7] == ["mriseg", "segment", "a b.nii", "--output", "out", "--channel", "c d.nii"]
    assert words[7:9] == ["--channel", "e.nii"]


def test_what_boutiques_takes_for_exclusive_or_needed_the_command_refuses(script, run):
    values = {"mask": ("--mask", "a"), "stripped": ("--stripped",), "warm_start": ("--warm-start", "a"),
              "cohort_prior": ("--cohort-prior", "a"), "verbose": ("-v",), "quiet": ("-q",)}  # fmt: skip
    for members in script.EXCLUSIVE:
        done = run("segment", "a.nii", *(word for member in members for word in values[member]))
        assert done.returncode == 2, members
    assert script.NEEDED == {"fix_means": ["warm_start"]}
    assert run("segment", "a.nii", "--fix-means").returncode == 2
