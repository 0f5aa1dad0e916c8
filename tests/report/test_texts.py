from __future__ import annotations

import nibabel as nib
import numpy as np

import mriseg
from mriseg.report.texts import methods
from mriseg.results.segmentation import sidecar_without_files


def _facts(ball, **options):
    return sidecar_without_files(mriseg.segment(ball, **options))


def test_methods_say_what_was_run(ball, ball_labels, ball_affine, tmp_path):
    mask = tmp_path / "mask.nii.gz"
    nib.Nifti1Image((ball_labels > 0).astype(np.uint8), ball_affine).to_filename(mask)
    full, references = methods(_facts(ball))
    assert f"mriseg {mriseg.__version__}" in full
    assert "brain only" in full
    assert "Markov random field" in full
    assert "proportion [1]" in full
    assert references[0].text.startswith("Santago")
    assert all(f"[{number}]" in full for number in range(1, len(references) + 1))
    bare, fewer = methods(_facts(ball, mask=mask, bias=False, spatial=False, classes=4))
    assert "was supplied" in bare
    assert "No bias field was corrected" in bare
    assert "by itself" in bare
    assert "4 Gaussian classes" in bare
    assert not any(reference.text.startswith(("Zhang", "Santago")) for reference in fewer)


def test_methods_cite_clustering_only_where_em_started_from_it(ball, ball_folder):
    started = _facts(ball, warm_start=ball_folder / "sub-ball_dseg.json")
    assert started["Mixture"]["Start"] == "a saved fit, stretched to the intensities of this scan"
    text, references = methods(started)
    assert "start: a saved fit, stretched to the intensities of this scan);" in text
    assert not any(reference.text.startswith("Fraley") for reference in references)
