"""The validator of BIDS itself accepts the derivatives of a BIDS data set."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

import mriseg
from mriseg.labels.lookup_tables import FORMATS


@pytest.fixture
def validator():
    name = "bids-validator-deno"
    found = shutil.which(name, path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    if found is None:
        pytest.skip(f"no {name}; pip install {name}")
    return found


@pytest.mark.slow
def test_derivatives_are_valid(validator, segmented, ball, tmp_path):
    derivatives = tmp_path / "derivatives" / "mriseg"
    segmented("elder06").save(derivatives / "sub-elder06" / "anat", luts=FORMATS)
    mriseg.segment(ball, contrast="pd", bias=False).save(derivatives / "sub-ball" / "anat", report=False)
    further = [
        ball.with_name(name) for name in ("sub-many_T1w.nii.gz", "sub-many_FLAIR.nii.gz", "other.nii.gz")
    ]
    image = nib.load(ball)
    for number, channel in enumerate(further, start=2):  # no scan may be given twice
        nib.Nifti1Image(number * np.asarray(image.dataobj), image.affine).to_filename(channel)
    lesions = ball.with_name("lesions.nii.gz")
    nib.Nifti1Image((np.asarray(image.dataobj) > 115).astype(np.uint8), image.affine).to_filename(lesions)
    many = mriseg.segment(further[0], channels=[ball, *further[1:]], lesion_mask=lesions)
    folder = derivatives / "sub-many" / "anat"
    written = [file.name for file in many.save(folder, luts=FORMATS)]
    assert [name for name in written if "preproc" in name and name.endswith(".gz")] == [
        f"sub-many_desc-{end}.nii.gz"
        for end in ("preproc_T1w", "preproc2_T1w", "preproc_FLAIR", "preproc4_MRI")
    ]
    shutil.copy(folder / "sub-many_dseg.nii.gz", tmp_path / "edited.nii.gz")
    mriseg.update(folder, tmp_path / "edited.nii.gz")
    run = subprocess.run(
        [validator, "--json", derivatives], capture_output=True, text=True, check=False, timeout=120
    )
    issues = json.loads(run.stdout)["issues"]["issues"]
    errors = [issue for issue in issues if issue["severity"] == "error"]
    assert errors == []
    assert run.returncode == 0
