from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import mahalanobis

from mriseg.model.separation import separations


def test_separations_are_mahalanobis_distances_by_the_mean_covariance():
    generator = np.random.default_rng(0)
    centres = generator.normal(size=(3, 2))
    roots = generator.normal(size=(3, 2, 2))
    covariances = roots @ roots.transpose(0, 2, 1) + 0.1 * np.eye(2)
    apart = separations(centres, covariances)
    for i, j in np.ndindex(3, 3):
        between = np.linalg.inv((covariances[i] + covariances[j]) / 2)
        assert apart[i, j] == pytest.approx(mahalanobis(centres[i], centres[j], between), rel=1e-10)
    shear = np.array([[1000.0, 7.0], [0.0, 0.01]])
    sheared = separations(centres @ shear.T, shear @ covariances @ shear.T)
    np.testing.assert_allclose(sheared, apart, rtol=1e-6)
