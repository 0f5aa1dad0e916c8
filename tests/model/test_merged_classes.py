from __future__ import annotations

import numpy as np
import pytest

import mriseg
from mriseg.mixture import GaussianMixture
from mriseg.model.gaussian_classes import GaussianClasses, select_gaussian_classes
from mriseg.model.merged_classes import merge

MEANS = np.array([30.0, 60.0, 70.0, 100.0, 108.0])
WEIGHTS = np.array([0.2, 0.1, 0.3, 0.3, 0.1])


class Tissues:
    """Three tissues with borders at 45 and 85."""

    def responsibilities(self, intensities):
        return np.eye(3)[np.digitize(intensities, (45, 85))]


@pytest.fixture(scope="module")
def parts():
    return GaussianClasses(GaussianMixture.from_parameters(WEIGHTS, MEANS[:, None], np.full((5, 1, 1), 9.0)))


@pytest.fixture(scope="module")
def histogram():
    values = np.arange(10.0, 130.0)
    return values, 1e5 * np.exp(-((values[:, None] - MEANS) ** 2) / 18) @ WEIGHTS


@pytest.fixture(scope="module")
def merged(parts, histogram):
    return merge(parts, Tissues(), *histogram)


def test_classes_hold_the_tissues_of_their_voxels(merged):
    assert merged.tissue_of.tolist() == [0, 1, 1, 2, 2]
    np.testing.assert_allclose(merged.content, np.eye(3)[merged.tissue_of], atol=1e-3)
    np.testing.assert_allclose(merged.weights, [0.2, 0.4, 0.4], atol=1e-4)


def test_posteriors_of_a_tissue_are_those_of_its_parts(merged, parts):
    x = np.linspace(20, 120, 50)
    of_parts, of_tissues = parts.responsibilities(x), merged.responsibilities(x)
    np.testing.assert_allclose(of_tissues[:, 1], of_parts[:, 1] + of_parts[:, 2], atol=1e-3)
    np.testing.assert_allclose(of_tissues.sum(axis=1), 1)
    np.testing.assert_allclose(merged.density(x), parts.density(x))


@pytest.mark.parametrize("border", [20, 32, 60, 69])
def test_tissues_keep_their_volumes_wherever_the_classes_part(parts, histogram, border):
    class Elsewhere(Tissues):
        def responsibilities(self, intensities):
            return np.eye(3)[np.digitize(intensities, (border, 85))]

    values, counts = histogram
    of_tissues, of_classes = (
        counts @ model.responsibilities(values)
        for model in (Elsewhere(), merge(parts, Elsewhere(), *histogram))
    )
    np.testing.assert_allclose(of_classes, of_tissues)


def test_merged_classes_are_named_and_nearly_those_of_three(ball, ball_labels, tmp_path):
    result = mriseg.segment(ball, classes=6, merge=True)
    assert [tissue.abbreviation for tissue in result.tissues] == ["GM", "WM", "CSF"]
    for label in (1, 2, 3):
        inside = result.labels == label
        overlap = 2 * (inside & (ball_labels == label)).sum() / (inside.sum() + (ball_labels == label).sum())
        assert overlap > 0.95
    result.save(tmp_path)
    page = (tmp_path / "sub-ball_report.html").read_text(encoding="utf-8")
    assert "A mixture of 6 Gaussian classes" in page
    assert "The share of each tissue in a class" in page


def test_bic_finds_as_many_classes_as_were_drawn():
    drawn = np.random.default_rng(0).normal(np.repeat([20.0, 50, 80, 120], 5000), 5)
    values, counts = np.unique(np.round(drawn), return_counts=True)
    mixture, bic = select_gaussian_classes(values, counts.astype(float), range(2, 8), "E")
    assert len(mixture.means) == 4
    assert min(bic, key=bic.get) == 4
    assert list(bic) == [2, 3, 4, 5, 6, 7]


def test_auto_shows_its_choice_in_report_and_sidecar(ball, tmp_path):
    result = mriseg.segment(ball, classes="auto")
    curve = result.fit.bic_by_classes
    # Fits with a class on the variance floor, here of eight and more, are not compared.
    assert set(range(2, 8)) <= set(curve) <= set(range(2, 11))
    best = min(curve, key=curve.get)
    assert len(result.posteriors) == best == 3
    result.save(tmp_path)
    assert "What one class more is worth" in (tmp_path / "sub-ball_report.html").read_text(encoding="utf-8")
    assert str(best) in (tmp_path / "sub-ball_dseg.json").read_text(encoding="utf-8")


def test_auto_leaves_the_label_of_lesions_free(ball, ball_labels, ball_affine, tmp_path):
    import nibabel as nib

    lesions = np.zeros_like(ball_labels)
    lesions[22:25, 26:29, 18:20] = 1
    path = tmp_path / "lesions.nii.gz"
    nib.Nifti1Image(lesions, ball_affine).to_filename(path)
    result = mriseg.segment(ball, classes="auto", lesion_mask=path)
    assert max(result.fit.bic_by_classes) == 6


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"classes": 3, "merge": True}, "cannot be merged"),
        ({"classes": "many"}, "from 2 to 10, or auto"),
        ({"classes": "auto", "warm_start": "x.json"}, "number of classes"),
    ],
)
def test_what_makes_no_sense_is_refused(ball, options, says):
    with pytest.raises(ValueError, match=says):
        mriseg.segment(ball, **options)
