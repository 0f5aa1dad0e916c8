from __future__ import annotations

import numpy as np
import pytest

from mriseg.images.background import background_intensity


@pytest.mark.parametrize(("constant", "expected"), [(True, 1.0), (False, 0.5)])
def test_the_background_is_the_middle_intensity_of_the_faces(constant, expected):
    data = np.full((6, 6, 6), 3, dtype=np.float32)
    data[1:-1, 1:-1, 1:-1] = 100
    if not constant:
        data[:, :, :3] += np.float32(1)  # the lower half of the faces is brighter
    intensity, share = background_intensity(data)
    assert intensity in data[0]
    assert intensity.dtype == np.float32
    assert share == pytest.approx(expected)
