from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mriseg.channels.joining import prepare_channel
from mriseg.evaluation.phantom import folded_ball, simulate
from mriseg.images.volume import new_volume
from mriseg.qc import look_closely


@pytest.fixture(scope="module")
def first():
    """A simulated T1, and its brain."""
    phantom = simulate(*folded_ball(), seed=1)
    return new_volume(phantom.data, phantom.affine, Path("first_T1w.nii.gz")), phantom.labels > 0


def channel_of(shift=0.0, planes=slice(None)):
    """A T2 of the same head on other voxels, moved by some mm, or a part of its planes."""
    phantom = simulate(
        *folded_ball(), intensities={3: 150.0, 1: 105.0, 2: 70.0}, zooms=(2.0, 2.0, 2.0), seed=2
    )
    affine = np.array(phantom.affine)
    affine[:3, 3] += (shift, 0, 2.0 * (planes.start or 0))
    return new_volume(phantom.data[:, :, planes], affine, Path("second_T2w.nii.gz"))


def test_a_channel_that_fits_gives_no_warning(first):
    channel = prepare_channel(channel_of(), *first, None)
    assert channel.warnings == []
    assert channel.seen[first[1]].mean() > 0.98


def test_a_channel_that_was_moved_says_by_how_much(first):
    channel = prepare_channel(channel_of(shift=4), *first, None)
    (warning,) = channel.warnings
    assert warning.text.startswith("second_T2w.nii.gz was moved by 4.")
    assert "mm" in warning.text


def test_a_channel_that_was_moved_by_a_little_does_not(first):
    channel = prepare_channel(channel_of(shift=1.5), *first, None)
    assert channel.alignment.facts["Refinement"]["Applied"]
    assert channel.warnings == []


def test_a_channel_that_covers_a_part_says_how_much(first):
    channel = prepare_channel(channel_of(planes=slice(14, 56)), *first, None)
    share = f"{channel.alignment.overlap:.0%}"
    (warning,) = channel.warnings
    assert warning.text.startswith(
        f"second_T2w.nii.gz covers {share} of the brain; the rest is judged by the first scan alone"
    )
    assert not channel.seen[:, :, :17].any()
    assert channel.seen[first[1]].mean() == pytest.approx(channel.alignment.overlap, abs=0.02)


def test_a_channel_that_is_empty_in_a_part_says_how_much(first):
    half = channel_of()
    half.data[:, :, :24] = 0
    channel = prepare_channel(half, *first, None)
    (warning,) = channel.warnings
    assert warning.code == "channel-overlap"
    assert warning.text.startswith(f"second_T2w.nii.gz has no signal in {channel.silent:.0%} of the brain")
    assert 0.1 < channel.silent == pytest.approx(1 - channel.seen.sum() / first[1].sum(), abs=0.01)


def test_what_is_odd_about_the_file_is_said_with_its_name(first):
    volume, mask = first
    odd = replace(
        channel_of(),
        path=Path("odd.nii.gz"),
        warnings=(look_closely("negated", "its intensities are negated"),),
    )
    (warning,) = prepare_channel(odd, volume, mask, None).warnings
    assert warning == look_closely("negated", "odd.nii.gz: its intensities are negated")


def test_a_second_scan_of_the_same_contrast_is_named(first):
    volume, mask = first
    again = simulate(*folded_ball(), noise=2, seed=7)
    twin = new_volume(again.data, again.affine, Path("again_T1w.nii.gz"))
    (warning,) = prepare_channel(twin, volume, mask, None).warnings
    assert warning.code == "channel-alike"
    assert warning.text.startswith("again_T1w.nii.gz: its intensities follow those of the first scan")
