"""The validator of BIDS itself accepts the derivatives of a BIDS data set."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import mriseg
from mriseg.luts import FORMATS


@pytest.fixture
def validator():
    name = "bids-validator-deno"
    found = shutil.which(name, path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    if found is None:
        pytest.skip(f"no {name}; pip install {name}")
    return found


def test_derivatives_are_valid(validator, scans, ball, tmp_path):
    derivatives = tmp_path / "derivatives" / "mriseg"
    elder = scans / "bids" / "sub-elder06" / "anat" / "sub-elder06_T1w.nii.gz"
    mriseg.segment(elder).save(derivatives / "sub-elder06" / "anat", luts=FORMATS)
    mriseg.segment(ball, contrast="pd", bias=False).save(derivatives / "sub-ball" / "anat", report=False)
    run = subprocess.run(
        [validator, "--json", derivatives], capture_output=True, text=True, check=False, timeout=120
    )
    issues = json.loads(run.stdout)["issues"]["issues"]
    errors = [issue for issue in issues if issue["severity"] == "error"]
    assert errors == []
    assert run.returncode == 0
