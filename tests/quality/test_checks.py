from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

import mriseg
from mriseg.labels.contrasts import rising_tissues
from mriseg.labels.tissues import CSF, GM, WM
from mriseg.model.bias_field import BiasField
from mriseg.quality.checks import (
    contrast_warnings,
    field_warnings,
    out_of_order_share,
    plausibility_warnings,
    ratio_warnings,
)
from mriseg.quality.depth_checks import border_warnings
from mriseg.template.contrast import TissueLevels


def one_channel(means, sds):
    """Return centres (K, 1) and covariances (K, 1, 1) of a mixture of one channel."""
    return {"centres": np.reshape(means, (-1, 1)), "covariances": np.reshape(np.square(sds), (-1, 1, 1))}


HEALTHY = {
    "tissues": (CSF, GM, WM),
    "shares": np.array([0.2, 0.45, 0.35]),
    **one_channel([30.0, 70.0, 100.0], [8.0, 8.0, 6.0]),
    "out_of_order": 0.0,
}


def test_nothing_is_said_of_a_healthy_result():
    assert plausibility_warnings(**HEALTHY) == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"shares": np.array([0.001, 0.6, 0.399])}, "CSF is all but empty"),
        ({"shares": np.array([0.1, 0.15, 0.75])}, "GM is 15%"),
        (one_channel([30.0, 70.0, 100.0], [60.0, 40.0, 6.0]), "CSF and GM are not separated"),
        ({"out_of_order": 0.05}, "5.0% of the brain mask has a label that contradicts"),
    ],
)
def test_what_is_doubtful_is_said(change, says):
    assert any(says in flag.text for flag in plausibility_warnings(**(HEALTHY | change)))


def test_unnamed_classes_have_no_usual_share():
    tissues = rising_tissues("t1", 2)
    fitted = one_channel([1.0, 9], [1.0, 1])
    assert plausibility_warnings(tissues, np.array([0.02, 0.98]), **fitted, out_of_order=0) == []


@pytest.mark.parametrize(
    ("sd", "severities"), [(0.2, []), (0.44, []), (0.5, ["note"]), (0.7, ["note"]), (0.9, ["look closely"])]
)
def test_a_strong_field_is_said_and_a_very_strong_one_costs_the_trust(sd, severities):
    field = BiasField(np.zeros((2, 2, 2)), np.zeros(3), np.ones(3), sd=sd, low=0.5, high=2.0)
    found = field_warnings(field)
    assert [warning.severity for warning in found] == severities
    assert all("factor of 4.0" in warning.text and f"{sd:.2f}" in warning.text for warning in found)


@pytest.mark.parametrize(
    ("ranks", "share"), [([0, 0, 1, 2], 0), ([2, 1, 0, 0], 0.5), ([0, 2, 1, 2], 0.25), ([1, 0, 0, 2], 0.25)]
)
def test_out_of_order_share_is_the_least_that_must_change(ranks, share):
    assert out_of_order_share(np.ones(4), np.array(ranks)) == pytest.approx(share)


@pytest.mark.parametrize(
    ("tissue", "share", "graveness"),
    [
        (0, 0.004, 2), (0, 0.006, 1), (0, 0.029, 1), (0, 0.031, 0), (0, 0.449, 0), (0, 0.451, 1),
        (0, 0.549, 1), (0, 0.551, 2), (1, 0.149, 2), (1, 0.151, 1), (1, 0.249, 1), (1, 0.251, 0),
        (1, 0.649, 0), (1, 0.749, 1), (1, 0.751, 2), (2, 0.079, 2), (2, 0.081, 1), (2, 0.181, 0),
        (2, 0.599, 0), (2, 0.699, 1), (2, 0.701, 2),
    ],
)  # fmt: skip
def test_how_grave_an_unusual_share_is(tissue, share, graveness):
    shares = HEALTHY["shares"].copy()
    shares[tissue] = share
    flags = plausibility_warnings(**(HEALTHY | {"shares": shares}))
    assert len(flags) == (graveness > 0)
    if graveness:
        assert (flags[0].severity == "do not trust") == (graveness == 2)
        assert flags[0].text.startswith(("CSF", "GM", "WM")[tissue] + " is ")
        assert f"{share:.0%} of the brain mask; " in flags[0].text or "all but empty" in flags[0].text


@pytest.mark.parametrize(
    ("grey", "white", "said"), [(0.45, 0.35, 0), (0.6, 0.28, 0), (0.37, 0.45, 1), (0.5, 0, 0)]
)
def test_less_grey_than_white_matter_is_said(grey, white, said):
    for order in ((0, 1, 2), (2, 0, 1)):
        tissues = [(CSF, GM, WM)[k] for k in order]
        shares = [(1 - grey - white, grey, white)[k] for k in order]
        found = ratio_warnings(tissues, shares)
        assert [(doubt.code, doubt.severity) for doubt in found] == [("tissue-ratio", "look closely")] * said


def test_tissues_are_separated_by_the_mean_of_their_variances():
    sds = [10.0, 20.0, 5.0]  # of the first two the mean variance is 250, its root 15.81
    apart = [plausibility_warnings(**(HEALTHY | one_channel([0.0, m, 100.0], sds))) for m in (15.7, 15.9)]
    assert [len(flags) for flags in apart] == [1, 0]
    assert "CSF and GM are not separated (means 0 and 15.7, sds 10 and 20;" in apart[0][0].text
    assert apart[0][0].severity == "do not trust"


def test_a_second_channel_separates_what_the_first_does_not():
    centres = np.array([[30.0, 200.0], [34.0, 100.0], [100.0, 60.0]])
    covariances = np.tile(np.diag([64.0, 100.0]), (3, 1, 1))
    known = HEALTHY | {"centres": centres, "covariances": covariances}
    assert plausibility_warnings(**known) == []
    (flag,) = plausibility_warnings(**(known | {"centres": centres * (1, 0), "covariances": covariances}))
    assert "CSF and GM are not separated (means 30 and 34, sds 8 and 8;" in flag.text


@pytest.mark.parametrize(
    ("tissue", "share", "adults", "infants"),
    [(1, 0.22, 1, 0), (1, 0.19, 1, 1), (1, 0.68, 1, 0), (2, 0.16, 1, 0), (2, 0.64, 1, 0), (0, 0.02, 1, 1)],
)
def test_other_shares_are_usual_in_infants(tissue, share, adults, infants):
    shares = HEALTHY["shares"].copy()
    shares[tissue] = share
    known = HEALTHY | {"shares": shares}
    assert len(plausibility_warnings(**known, contrast="t1")) == adults
    assert len(plausibility_warnings(**known, contrast="t1-infant")) == infants


def test_labels_out_of_order_are_said_from_one_percent():
    assert plausibility_warnings(**(HEALTHY | {"out_of_order": 0.0099})) == []
    assert len(plausibility_warnings(**(HEALTHY | {"out_of_order": 0.0101}))) == 1


def test_grey_and_white_matter_that_hardly_differ_raise_no_doubt():
    assert contrast_warnings("t1", TissueLevels(0.1, 0.72, 0.70)) == []
    assert contrast_warnings("t1", TissueLevels(0.1, 0.80, 0.70)) != []
    assert contrast_warnings("t2", TissueLevels(0.1, 0.72, 0.70)) != []


def test_of_numbered_classes_it_is_not_known_where_they_lie(tmp_path, ball_labels, ball_affine):
    noise = np.random.default_rng(0).normal(0, 4, ball_labels.shape)
    bright_outside = np.where(ball_labels > 0, np.array([0, 60, 40, 120])[ball_labels] + noise, 0)
    path = tmp_path / "turned_T1w.nii.gz"
    nib.Nifti1Image(bright_outside.astype(np.int16), ball_affine).to_filename(path)
    result = mriseg.segment(path, stripped=True, classes=2, contrast="t1", bias=False, spatial=False)
    assert border_warnings(result.labels, np.array([3.0, 3.0, 4.0]), "t1")
    assert not {"mask-bright-border", "tissues-swapped"} & {warning.code for warning in result.warnings}


def test_a_class_that_is_empty_asks_for_fewer_classes():
    classes = rising_tissues("t1", 4)
    shares = np.array([0.3, 0.3, 0.4, 0.0])
    mixture = one_channel([1.0, 2, 3, 4], [0.01] * 4)
    warnings = plausibility_warnings(classes, shares, **mixture, out_of_order=0.0)
    (empty,) = [warning for warning in warnings if warning.code == "tissue-empty"]
    assert "ask for fewer --classes" in empty.text
    assert "usual" not in empty.text
