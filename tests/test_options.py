from __future__ import annotations

import hashlib
import inspect
import json
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from cohorts import small_ball

import mriseg
from mriseg.errors import OptionError, PriorError
from mriseg.options import OPTION_NAMES, SegmentOptions


def test_segment_takes_every_option_by_name_with_the_same_default():
    taken = {
        name: parameter.default
        for name, parameter in inspect.signature(mriseg.segment).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    }
    assert taken == {option.name: option.default for option in fields(SegmentOptions)}
    for name in OPTION_NAMES:
        assert f"\n    {name} : " in mriseg.segment.__doc__, name


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"mask": Path("m.nii"), "stripped": True}, "not both"),
        ({"contrast": "dwi"}, "must be one of t1, t2"),
        ({"classes": 1}, "from 2 to 10, or auto"),
        ({"classes": 2.5}, "from 2 to 10, or auto"),
        ({"classes": "four"}, "from 2 to 10, or auto"),
        ({"classes": 3, "merge": True}, "cannot be merged"),
        ({"classes": 7, "lesion_mask": Path("l.nii")}, "lesions have the label 7"),
        ({"lesions": "seven"}, "must be wm or own"),
        ({"lesions": "own", "lesion_mask": Path("l.nii")}, "not both"),
        ({"lesions": "own", "classes": 4}, "among three tissues by the template"),
        ({"lesions": "own", "priors": False}, "among three tissues by the template"),
        ({"fix_means": True}, "give it as the warm start"),
        ({"fix_means": True, "cohort_prior": Path("p.json")}, "give it as the warm start"),
        ({"warm_start": Path("w.json"), "cohort_prior": Path("p.json")}, "not both"),
        ({"warm_start": Path("w.json"), "classes": "auto"}, "give that instead of auto"),
        ({"cohort_prior": Path("p.json"), "classes": "auto"}, "give that instead of auto"),
        ({"covariance": "XYZ"}, "no covariance model"),
        ({"covariance": "V", "channels": (Path("c.nii"),)}, "covariance model"),
    ],
)
def test_options_that_do_not_go_together_are_refused_in_one_line(options, says):
    with pytest.raises(OptionError, match=says) as caught:
        SegmentOptions(**options)
    assert isinstance(caught.value, ValueError)
    assert "\n" not in str(caught.value)


def test_given_are_the_options_that_are_not_at_their_defaults():
    assert SegmentOptions().given == {}
    assert SegmentOptions(contrast="t2", bias=False).given == {"contrast": "t2", "bias": False}


def test_cells_replace_options_and_their_paths_begin_at_the_list(tmp_path):
    cells = {"channels": "a.nii | /b.nii", "mask": "m.nii", "classes": "5", "merge": "YES", "spatial": "0"}
    found = SegmentOptions(contrast="t2", bias=False).with_cells(cells, tmp_path)
    assert found == SegmentOptions(
        channels=(tmp_path / "a.nii", Path("/b.nii")), mask=tmp_path / "m.nii", contrast="t2", classes=5,
        merge=True, bias=False, spatial=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("cells", "says"),
    [({"bias": "maybe"}, "bias is 'maybe'; it must be yes or no"), ({"classes": "x"}, "classes is 'x'")],
)
def test_a_cell_that_cannot_be_understood_is_named(tmp_path, cells, says):
    with pytest.raises(OptionError, match=says):
        SegmentOptions().with_cells(cells, tmp_path)


def test_what_is_recorded_names_files_and_their_digests_and_no_folder(tmp_path):
    channel, mask = small_ball(tmp_path / "c.nii.gz", 1), small_ball(tmp_path / "m.nii.gz", 2)
    saved = tmp_path / "fit.json"
    saved.write_text("{}")
    options = SegmentOptions(channels=(channel,), mask=mask, warm_start=saved)
    recorded = options.recorded()
    digest = {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in (channel, mask, saved)}
    assert (recorded["Channels"], recorded["ChannelsSHA256"]) == (["c.nii.gz"], [digest[channel]])
    assert (recorded["Mask"], recorded["MaskSHA256"]) == ("m.nii.gz", digest[mask])
    assert (recorded["WarmStart"], recorded["WarmStartSHA256"]) == ("fit.json", digest[saved])
    assert recorded["CohortPrior"] is recorded["LesionMask"] is None
    assert str(tmp_path) not in str(recorded)
    assert options.recorded({channel: "known"})["ChannelsSHA256"] == ["known"]
    saved.unlink()
    with pytest.raises(PriorError, match=r"fit\.json: cannot be read"):
        options.recorded()


def test_every_option_is_recorded():
    recorded = SegmentOptions().recorded()
    assert {name.replace("_", "") for name in OPTION_NAMES} <= {name.lower() for name in recorded}


def test_paths_may_be_text_and_a_single_channel_needs_no_sequence():
    for given in ("flair.nii.gz", Path("flair.nii.gz"), ["flair.nii.gz"], (Path("flair.nii.gz"),)):
        assert SegmentOptions(channels=given).channels == (Path("flair.nii.gz"),)
    assert SegmentOptions(channels=None) == SegmentOptions()
    assert SegmentOptions(mask="m.nii") == SegmentOptions(mask=Path("m.nii"))


def test_numbers_and_flags_may_be_those_of_numpy():
    options = SegmentOptions(bias=np.bool_(False), classes=np.int64(4), merge=np.True_)
    assert options == SegmentOptions(bias=False, classes=4, merge=True)
    assert json.dumps(options.recorded()) == json.dumps(
        SegmentOptions(bias=False, classes=4, merge=True).recorded()
    )
    assert SegmentOptions(classes="4").classes == 4


@pytest.mark.parametrize("option", fields(SegmentOptions), ids=lambda option: option.name)
@pytest.mark.parametrize("value", [0.5, np.array([1, 0]), b"no", {"a": 1}, ["E", 5], "no"], ids=repr)
def test_a_value_of_a_wrong_type_is_refused_in_one_line_or_is_a_path(option, value):
    is_path = option.name in ("channels", "mask", "lesion_mask", "warm_start", "cohort_prior")
    if is_path and isinstance(value, str):
        return
    with pytest.raises(OptionError) as caught:
        SegmentOptions(**{option.name: value})
    assert "\n" not in str(caught.value)
