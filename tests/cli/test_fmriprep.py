"""Derivatives as sMRIPrep and fMRIPrep collect them; docs/fmriprep.md states what is tried here."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from cohorts import small_ball

from mriseg.cli import main

# What sMRIPrep takes from a folder of derivatives instead of computing it.
ANATOMY = {
    "t1w_preproc": "desc-preproc_T1w",
    "t1w_mask": "desc-brain_mask",
    "t1w_dseg": "dseg",
    "t1w_tpms": ["label-GM_probseg", "label-WM_probseg", "label-CSF_probseg"],
}


@pytest.fixture(scope="module")
def derivatives(tmp_path_factory):
    """The derivatives of a subject with a T1w and, not segmented by ``bids``, a T2w scan."""
    study = tmp_path_factory.mktemp("study")
    for suffix in ("T1w", "T2w"):
        small_ball(study / f"sub-01/ses-a/anat/sub-01_ses-a_{suffix}.nii.gz")
    (study / "dataset_description.json").write_text(json.dumps({"Name": "Made", "BIDSVersion": "1.8.0"}))
    folder = study / "derivatives" / "mriseg"
    with pytest.MonkeyPatch.context() as patch:
        command = ["mriseg", "bids", study, folder, "participant", "--skip-bids-validation", "--memory", "4"]
        patch.setattr(sys, "argv", [*map(str, command)])
        with pytest.raises(SystemExit, match=r"^0$"):
            main()
    return folder


@pytest.fixture
def collect():
    """Return sMRIPrep's own collector: the names of what it finds, without folder and subject."""
    bids = pytest.importorskip("smriprep.utils.bids", reason="smriprep is not installed")

    def named(found):
        if isinstance(found, list):
            return [named(file) for file in found]
        return Path(found).name.removeprefix("sub-01_ses-a_").removesuffix(".nii.gz")

    def collect_from(folder, session=None):
        found = bids.collect_derivatives(folder, "01", ["MNI152NLin2009cAsym"], session_id=session)
        assert found.pop("transforms") == {}
        return {key: named(files) for key, files in found.items()}

    return collect_from


def images(derivatives):
    names = [name for value in ANATOMY.values() for name in ([value] if isinstance(value, str) else value)]
    return [nib.load(derivatives / f"sub-01/ses-a/anat/sub-01_ses-a_{name}.nii.gz") for name in names]


def copied_anatomy(derivatives, folder, old, new):
    """Copy derivatives, with the images once more under another session or run."""
    shutil.copytree(derivatives, folder)
    for file in list(folder.glob("sub-01/ses-a/anat/*.nii.gz")):
        again = Path(str(file).replace(old, new))
        again.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, again)
    return folder


def test_the_anatomy_lies_on_the_grid_of_the_scan_in_headers_that_are_left_alone(derivatives):
    scan = nib.load(derivatives.parents[1] / "sub-01/ses-a/anat/sub-01_ses-a_T1w.nii.gz")
    for image in images(derivatives):
        assert image.shape == scan.shape
        np.testing.assert_array_equal(image.affine, scan.affine)
        for form in ("sform", "qform"):
            mine, its = (getattr(of.header, f"get_{form}")(coded=True) for of in (image, scan))
            assert mine[1] == its[1]


def test_smriprep_collects_the_whole_anatomy_and_nothing_else(derivatives, collect):
    assert collect(derivatives) == ANATOMY
    assert collect(derivatives, "a") == ANATOMY


def test_of_several_sessions_smriprep_collects_that_which_it_works_on(derivatives, collect, tmp_path):
    folder = copied_anatomy(derivatives, tmp_path / "sessions", "ses-a", "ses-b")
    assert collect(folder, "a") == ANATOMY
    assert len(collect(folder)["t1w_preproc"]) == 2


def test_of_several_runs_smriprep_collects_a_list_until_one_is_left(derivatives, collect, tmp_path):
    folder = copied_anatomy(derivatives, tmp_path / "runs", "sub-01_ses-a_", "sub-01_ses-a_run-2_")
    assert len(collect(folder, "a")["t1w_mask"]) == 2
    for file in folder.glob("sub-01/ses-a/anat/*_run-2_*"):
        file.unlink()
    assert collect(folder, "a") == ANATOMY


def test_their_check_of_the_reference_leaves_it_as_it_is(derivatives, tmp_path):
    header = pytest.importorskip("niworkflows.interfaces.header", reason="niworkflows is not installed")
    reference = images(derivatives)[0].get_filename()
    done = header.ValidateImage(in_file=reference).run(cwd=str(tmp_path))
    np.testing.assert_array_equal(nib.load(done.outputs.out_file).affine, nib.load(reference).affine)
