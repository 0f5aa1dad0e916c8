from __future__ import annotations

import shutil

import nibabel as nib
import numpy as np
import pytest


@pytest.fixture
def labels(ball_folder, tmp_path):
    """A copy of the results of the ball, and its labels with CSF of one half relabelled as GM."""
    shutil.copytree(ball_folder, tmp_path / "out")
    image = nib.load(tmp_path / "out" / "sub-ball_dseg.nii.gz")
    changed = np.asarray(image.dataobj).copy()
    changed[:24][changed[:24] == 3] = 1
    nib.Nifti1Image(changed, image.affine).to_filename(tmp_path / "edited.nii.gz")
    return changed


def test_the_terminal_shows_volumes_before_and_after(run, labels):
    done = run("update", "out", "--labels", "edited.nii.gz")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[1].split() == ["mL", "by", "labels", "before", "after", "change"]
    gm, _, csf = (line.split() for line in lines[2:5])
    assert gm[0] == "GM"
    assert float(gm[2]) == pytest.approx((labels == 1).sum() * 0.036, abs=0.05)
    assert float(gm[3]) == pytest.approx(-float(csf[3]), abs=0.11)
    assert float(csf[2]) == pytest.approx((labels == 3).sum() * 0.036, abs=0.05)
    assert lines[-1] == "10 files in out"
    again = run(
        "update", "out/sub-ball_dseg.json", "--labels", "edited.nii.gz", "--overlay-style", "fill", "-q"
    )
    assert (again.returncode, again.stdout) == (0, "")


@pytest.mark.usefixtures("labels")
def test_wrong_input_is_one_line(run):
    done = run("update", "out", "--labels", "out/sub-ball_label-GM_probseg.nii.gz")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(
        "mriseg: error: out/sub-ball_label-GM_probseg.nii.gz: holds values that are no whole"
    )
    assert run("update", "out").returncode == 2


@pytest.mark.usefixtures("labels")
def test_own_labels_are_nothing_to_do(run):
    done = run("update", "out", "--labels", "out/sub-ball_dseg.nii.gz")
    assert (done.returncode, done.stderr) == (0, "")
    (line,) = done.stdout.splitlines()
    assert line.endswith("own labels, which nobody has changed; there is nothing to do")
