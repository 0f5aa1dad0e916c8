from __future__ import annotations

import subprocess
import sys

import mriseg


def test_public_names_are_these_and_no_others():
    assert dir(mriseg) == [
        "Agreement", "BrainMask", "CohortError", "ImageError", "ImageQuality", "LabelEdit", "MaskError",
        "MixtureError", "MrisegError", "OptionError", "OutputError", "PriorError", "QCWarning",
        "Segmentation", "TissueVolume", "Volume", "brain_mask", "compare", "evaluate", "load_volume",
        "segment", "update",
    ]  # fmt: skip
    assert all(getattr(mriseg, name).__doc__ for name in dir(mriseg))


def test_help_imports_nothing_heavy():
    heavy = "{'numpy', 'scipy', 'nibabel', 'skimage', 'matplotlib'}"
    code = f"import sys, mriseg.cli; print(sorted({heavy} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_segmenting_a_stripped_scan_imports_no_more_than_it_needs():
    code = "import sys, mriseg.pipeline, mriseg.results.segmentation; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    unwanted = {"matplotlib", "jinja2", "PIL", "scipy.spatial", "scipy.sparse", "sklearn", "typer", "rich"}
    assert unwanted & set(run.stdout.split()) == set()
