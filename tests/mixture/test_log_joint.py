"""Log-densities with all their digits, however far apart the components and the points."""

import numpy as np
import pytest
from scipy import stats

from mriseg.mixture import GaussianMixture, Parameters
from mriseg.mixture.log_joint import LogJoint


@pytest.mark.parametrize("distance", [1.0, 1e3, 1e6, 1e8, 1e12])
@pytest.mark.parametrize("dimensions", [1, 2, 5])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_the_density_is_exact_between_components_far_apart(distance, dimensions, scale):
    rng = np.random.default_rng(dimensions)
    means = np.array([[0.0], [distance]]) * np.ones(dimensions) * scale
    roots = (np.eye(dimensions) + 0.3 * rng.normal(size=(2, dimensions, dimensions))) * scale
    covariances = roots @ np.swapaxes(roots, 1, 2)
    mixture = GaussianMixture.from_parameters([0.3, 0.7], means, covariances)
    X = np.concatenate([means + scale * offset for offset in (0.0, 0.5, -2.0)])
    exact = np.array(
        [
            np.log(w) + stats.multivariate_normal.logpdf(X, m, S)
            for w, m, S in zip([0.3, 0.7], means, covariances, strict=True)
        ]
    )
    np.testing.assert_allclose(mixture.score_samples(X), np.logaddexp(*exact), rtol=1e-7, atol=1e-7)
    if dimensions == 1:
        np.testing.assert_allclose(np.exp(mixture.score_samples(X)), mixture.pdf(X[:, 0]), rtol=1e-7)


@pytest.mark.parametrize("distance", [1.0, 1e8])
@pytest.mark.parametrize("dtype", [float, np.float32])
@pytest.mark.parametrize("far", [1e10, 1e20, 1e30, 1e38, 1e160, 1e300])
def test_points_however_far_have_responsibilities(distance, dtype, far):
    if far > float(np.finfo(dtype).max):
        pytest.skip("no number of this type")
    mixture = GaussianMixture.from_parameters(
        [0.5, 0.5], [[0.0, 0.0], [distance, 0.0]], np.array([np.eye(2), 4 * np.eye(2)])
    )
    X = np.array([[far, 0.0], [0.0, -far], [far, far], [0.1, 0.1]], dtype=dtype)
    shares = mixture.predict_proba(X)
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(shares[:3, 1], 1)  # the wider one
    assert not np.isnan(mixture.score_samples(X)).any()
    assert mixture.score_samples(X)[:3].max() < -1e3
    assert mixture.predict(X)[:3].tolist() == [1, 1, 1]


def test_product_and_differences_agree():
    rng = np.random.default_rng(0)
    roots = rng.normal(size=(3, 4, 4))
    mixture = Parameters(
        np.array([0.2, 0.5, 0.3]), rng.normal(size=(3, 4)), roots @ np.swapaxes(roots, 1, 2) + np.eye(4)
    )
    log_joint = LogJoint(mixture, np.array([0.1, -0.2, 0.3]))
    X = rng.normal(size=(20, 4))
    assert log_joint.product_keeps_digits
    np.testing.assert_allclose(log_joint._from_differences(X), log_joint(X), rtol=1e-10)
    assert log_joint(X.astype(np.float32)).dtype == np.float32
