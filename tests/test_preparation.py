"""What precedes the fit, in a head that a coil shades."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from heads import dice, template_head

from mriseg.model.constants import STRONG_FIELD
from mriseg.model.fitting import MixtureSpec
from mriseg.options import SegmentOptions
from mriseg.preparation import prepare


def _prepared(head):
    options = SegmentOptions()
    return prepare(head, MixtureSpec(options.contrast), options)


@pytest.fixture(scope="module")
def plain():
    return _prepared(template_head()[0])


@pytest.mark.parametrize("towards", [(0.0, 1.0, 1.0), (0.7, -1.0, 0.0)])
def test_the_brain_of_a_shaded_head_is_that_of_the_head(plain, towards):
    head, brain = template_head()
    places = np.moveaxis(np.indices(head.data.shape), 0, -1) @ head.canonical_affine[:3, :3].T
    places -= places[brain].mean(axis=0)
    near = places @ np.array(towards) / np.linalg.norm(towards)
    field = np.exp(near / 110 - (places**2).sum(axis=-1) / 200**2)
    shaded = _prepared(replace(head, data=(head.data * field).astype(np.float32)))
    assert shaded.intensities.field.sd > STRONG_FIELD
    assert dice(shaded.mask.mask, plain.mask.mask) > 0.985
    assert shaded.contrast == plain.contrast
