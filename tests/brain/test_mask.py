from __future__ import annotations

import numpy as np
import pytest
from heads import brain_of, dice, template_head, volume_of
from scipy import ndimage

import mriseg
from mriseg.brain.mask import remove_outer_csf
from mriseg.errors import MaskError
from mriseg.template.head import load_template


def test_a_head_gets_a_mask_and_its_place_in_mni_space():
    head, brain = template_head((0.9, 0.95, 1.05))
    found = brain_of(head)
    assert found.method == "template surface"
    assert found.warnings == ()
    assert dice(found.mask, brain) > 0.95
    np.testing.assert_allclose(found.scan_to_mni, np.diag([1 / 0.9, 1 / 0.95, 1 / 1.05, 1]), atol=5)


def test_remove_outer_csf_the_mask_is_smaller_and_keeps_the_ventricles():
    template = load_template()
    head, wide = template_head()
    head.data[:] = 100 * template.wm + 70 * template.gm + 20 * template.csf
    tight = remove_outer_csf(wide, head)
    assert not (tight & ~wide).any()
    assert 0.7 < tight.sum() / wide.sum() < 0.97
    assert ndimage.binary_fill_holes(tight).sum() == tight.sum()


def test_what_is_no_head_is_never_to_be_trusted():
    blob = np.zeros((80, 80, 80), np.float32)
    blob[5:75, 5:75, 2:12] = 100
    blob[30:50, 30:50, 2:78] = 300
    blob += np.random.default_rng(2).normal(60, 20, blob.shape).astype(np.float32)
    found = mriseg.brain_mask(volume_of(blob, np.diag([3.0, 3.0, 3.0, 1.0])), "t1")
    assert found.verdict != "trust"


def test_what_the_template_does_not_fit_gets_a_stated_fallback():
    plates = np.zeros((80, 80, 80), np.float32)
    plates[:, 5:75, 2:30] = 100
    plates[5:75, :, 55:70] = 300
    plates += np.random.default_rng(2).normal(60, 20, plates.shape).astype(np.float32)
    found = brain_of(volume_of(plates, np.diag([3.0, 3.0, 3.0, 1.0])))
    assert found.method == "threshold and opening"
    assert found.scan_to_mni is None
    assert "could not be laid over the scan" in found.warnings[0].text


def test_noise_alone_is_refused():
    noise = np.random.default_rng(1).normal(100, 10, (50, 50, 50))
    with pytest.raises(MaskError, match="no head was found"):
        brain_of(volume_of(noise, np.diag([4.0, 4.0, 4.0, 1.0])))


def test_halves_that_differ_are_flagged():
    head, brain = template_head()
    head.data[:45][brain[:45]] = 0
    assert any("halves" in doubt.text or "poorly" in doubt.text for doubt in brain_of(head).warnings)
