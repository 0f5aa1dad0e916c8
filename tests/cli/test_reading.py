"""Options that say how a file is to be read, on both commands that read a scan."""

from __future__ import annotations

import json
import sys

import nibabel as nib
import numpy as np
import pytest

from mriseg.cli import main


@pytest.fixture
def ends(tmp_path, monkeypatch, capsys):
    """Run the command line in this process, from the test's own folder: exit code, stdout, stderr."""

    def run(*arguments):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["mriseg", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            main()
        return stop.value.code or 0, *capsys.readouterr()

    return run


@pytest.fixture
def series(tmp_path, ball_data, ball_affine):
    path = tmp_path / "series.nii"
    nib.Nifti1Image(np.stack([ball_data, ball_data[::-1]], axis=-1), ball_affine).to_filename(path)
    return path


def test_a_volume_of_a_series_is_segmented_and_named_in_the_sidecar(ends, series, tmp_path, ball_labels):
    for volume, expected in ((0, ball_labels), (1, ball_labels[::-1])):
        folder = tmp_path / f"out{volume}"
        assert ends("segment", series, "--volume", volume, "-o", folder, "--no-report")[0] == 0
        labels = np.asarray(nib.load(folder / "series_dseg.nii.gz").dataobj)
        assert labels.shape == expected.shape
        assert ((labels > 0) == (expected > 0)).mean() > 0.99
        assert json.loads((folder / "series_dseg.json").read_text())["Reading"]["Volume"] == volume
        mask = tmp_path / f"mask{volume}.nii.gz"
        assert ends("brain", series, "--volume", volume, "-o", mask)[0] == 0
        assert ((nib.load(mask).get_fdata() > 0) == (expected > 0)).mean() > 0.99


def test_given_voxel_sizes_scale_the_volumes(ends, ball, tmp_path, ball_labels):
    voxels = np.count_nonzero(ball_labels)
    code, stdout, _ = ends("brain", ball, "--zooms", 2, 3, 4, "-o", tmp_path / "mask.nii.gz")
    assert code == 0
    assert float(stdout.split()[2]) == pytest.approx(voxels * 0.024, rel=0.02)
    assert nib.load(tmp_path / "mask.nii.gz").header.get_zooms() == (2, 3, 4)


@pytest.mark.parametrize("command", ["segment", "brain"])
@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (("--zooms", 2, 0, 2), 2, "three positive numbers"),
        (("--zooms", 2, 2), 2, ""),
        (("--volume", -1), 2, ""),
        (("--volume", 4), 1, "has no volume 4; it holds 2"),
        (("--volume", 1, "--max-memory", 0.001), 1, "GB of memory, and 0.001 GB may be used"),
        ((), 1, "choose one with --volume 0 to --volume 1"),
    ],
)
def test_what_cannot_be_is_refused(ends, series, tmp_path, command, options, code, says):
    ended, stdout, stderr = ends(command, series, *options)
    assert (ended, stdout) == (code, "")
    assert says in " ".join(stderr.replace("│", " ").split())
    assert list(tmp_path.iterdir()) == [series]
