from __future__ import annotations

from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
from heads import dice, template_head, volume_of
from scipy import ndimage

from mriseg.brain.checks import mask_warnings
from mriseg.brain.constants import DEPTHS_MM
from mriseg.brain.mask import brain_mask, remove_outer_csf
from mriseg.brain.surface import displaced_distance, optimise_offsets, template_surface, update_affine
from mriseg.errors import MaskError
from mriseg.images.reading import load_map
from mriseg.template.head import load_template
from mriseg.template.registration import Registration


@pytest.fixture(scope="module")
def surface():
    return template_surface(load_template())


def worth_of(offsets):
    """Profiles that say clearly where the brain ends."""
    return -np.abs(DEPTHS_MM - np.reshape(offsets, (-1, 1))) / 4


def test_normals_are_outward_units(surface):
    np.testing.assert_allclose(np.linalg.norm(surface.normals, axis=1), 1, rtol=1e-5)
    outward = surface.points - surface.points.mean(axis=0)
    assert np.mean((outward * surface.normals).sum(axis=1) > 0) > 0.9


def test_the_surface_settles_where_the_profiles_say(surface):
    true = 4 * np.sin(surface.points[:, 1] / 40)
    assert np.abs(optimise_offsets(worth_of(true), surface) - true).mean() < 0.6


def test_a_few_profiles_that_lead_astray_are_overruled(surface):
    true = np.zeros(len(surface.points))
    true[::15] = 15
    assert np.abs(optimise_offsets(worth_of(true), surface)).max() < 3


def test_an_affine_motion_of_the_surface_is_followed(surface):
    motion = np.array([[0.02, 0, 0, 1.0], [0, -0.03, 0, 0], [0, 0.01, 0.01, 2.0]])
    offsets = ((surface.points @ motion[:, :3].T + motion[:, 3]) * surface.normals).sum(axis=1)
    found = update_affine(offsets, surface, Registration(np.eye(4), 0.5))
    np.testing.assert_allclose(found.affine[:3] - np.eye(4)[:3], motion, atol=1e-6)


def test_moving_the_surface_out_grows_the_brain_by_as_much(surface):
    moved = displaced_distance(np.full(len(surface.points), 3.0), surface)
    near = np.abs(surface.distance) < 6
    np.testing.assert_allclose((surface.distance - moved)[near], 3.0, atol=1e-3)


def test_a_head_gets_a_mask_and_its_place_in_mni_space():
    head, brain = template_head((0.9, 0.95, 1.05))
    found = brain_mask(head)
    assert found.method == "template surface"
    assert found.warnings == ()
    assert dice(found.mask, brain) > 0.95
    np.testing.assert_allclose(found.scan_to_mni, np.diag([1 / 0.9, 1 / 0.95, 1 / 1.05, 1]), atol=5)


def test_without_outer_csf_the_mask_is_smaller_and_keeps_the_ventricles():
    template = load_template()
    head, wide = template_head()
    head.data[:] = 100 * template.wm + 70 * template.gm + 20 * template.csf
    tight = remove_outer_csf(wide, head)
    assert not (tight & ~wide).any()
    assert 0.7 < tight.sum() / wide.sum() < 0.97
    assert ndimage.binary_fill_holes(tight).sum() == tight.sum()


def test_an_unknown_contrast_is_refused():
    head, _ = template_head()
    with pytest.raises(ValueError, match="t1, t2, pd, flair"):
        brain_mask(head, "ct")


def test_what_is_no_head_gets_a_stated_fallback():
    blob = np.zeros((80, 80, 80), np.float32)
    blob[5:75, 5:75, 2:12] = 100
    blob[30:50, 30:50, 2:78] = 300
    blob += np.random.default_rng(2).normal(10, 3, blob.shape).astype(np.float32)
    found = brain_mask(volume_of(blob, np.diag([3.0, 3.0, 3.0, 1.0])))
    assert found.method == "threshold and opening"
    assert found.scan_to_mni is None
    assert "could not be laid over the scan" in found.warnings[0]


def test_noise_alone_is_refused():
    noise = np.random.default_rng(1).normal(100, 10, (50, 50, 50))
    with pytest.raises(MaskError, match="no head was found"):
        brain_mask(volume_of(noise, np.diag([4.0, 4.0, 4.0, 1.0])))


def test_a_brain_cut_by_the_border_is_flagged():
    head, brain = template_head()
    cut = replace(head, data=head.data[:, :, :70])
    assert any("ends inside the brain" in doubt for doubt in mask_warnings(brain[:, :, :70], cut))


def test_halves_that_differ_are_flagged():
    head, brain = template_head()
    head.data[:45][brain[:45]] = 0
    assert any("halves" in doubt or "poorly" in doubt for doubt in brain_mask(head).warnings)


def test_a_tiny_mask_is_flagged():
    head, brain = template_head()
    small = ndimage.binary_erosion(brain, iterations=14)
    assert any("a human brain has" in doubt for doubt in mask_warnings(small, head))


def test_the_command_writes_the_mask_on_the_grid_of_the_scan(tmp_path, monkeypatch, capsys):
    from mriseg.cli import app

    monkeypatch.chdir(tmp_path)
    head, brain = template_head()
    affine = _mirrored(head.affine, len(head.data))
    nib.Nifti1Image(head.data[::-1], affine).to_filename("head_T1w.nii.gz")
    app(["brain", "head_T1w.nii.gz"], standalone_mode=False)
    assert "head_desc-brain_mask.nii.gz" in capsys.readouterr().out
    written = nib.load("head_desc-brain_mask.nii.gz")
    np.testing.assert_array_equal(written.affine, nib.load("head_T1w.nii.gz").affine)
    assert dice(np.asarray(written.dataobj)[::-1] == 1, brain) > 0.95
    assert load_map("head_desc-brain_mask.nii.gz").data.max() == 1


def _mirrored(affine, length):
    """The affine of an array whose first axis was turned round."""
    turn = np.diag([-1.0, 1, 1, 1])
    turn[0, 3] = length - 1
    return affine @ turn
