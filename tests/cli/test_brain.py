from __future__ import annotations

import nibabel as nib
import numpy as np
from heads import dice, template_head

from mriseg.images.reading import load_map


def test_the_command_writes_the_mask_on_the_grid_of_the_scan(tmp_path, monkeypatch, capsys):
    from mriseg.cli import app

    monkeypatch.chdir(tmp_path)
    head, brain = template_head()
    affine = _mirrored(head.canonical_affine, len(head.data))
    nib.Nifti1Image(head.data[::-1], affine).to_filename("head_T1w.nii.gz")
    app(["brain", "head_T1w.nii.gz"], standalone_mode=False)
    assert "head_desc-brain_mask.nii.gz" in capsys.readouterr().out
    written = nib.load("head_desc-brain_mask.nii.gz")
    np.testing.assert_array_equal(written.affine, nib.load("head_T1w.nii.gz").affine)
    assert dice(np.asarray(written.dataobj)[::-1] == 1, brain) > 0.95
    assert load_map("head_desc-brain_mask.nii.gz").data.max() == 1


def test_the_scan_is_not_replaced_by_its_mask(run, tmp_path):
    head, _ = template_head()
    scan = tmp_path / "head_T1w.nii.gz"
    nib.Nifti1Image(head.data, head.canonical_affine).to_filename(scan)
    before = scan.read_bytes()
    done = run("brain", scan, "-o", scan, "--overwrite")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"mriseg: error: {scan}: is a file that is read here")
    assert scan.read_bytes() == before


def _mirrored(affine, length):
    """The affine of an array whose first axis was turned round."""
    turn = np.diag([-1.0, 1, 1, 1])
    turn[0, 3] = length - 1
    return affine @ turn
