from __future__ import annotations

import itertools
import re

import numpy as np
import pytest
from scipy.spatial.distance import mahalanobis
from skimage.color import rgb2lab

from mriseg.labels.contrasts import name_components, rising_tissues
from mriseg.labels.tissues import CSF, GM, LESION, WM
from mriseg.model.separation import separations
from mriseg.qc import GraveDoubt
from mriseg.quality.checks import out_of_order_share, place_warnings, plausibility_warnings


def one_channel(means, sds):
    """What a mixture of one channel says: centres (K, 1) and covariances (K, 1, 1)."""
    return {"centres": np.reshape(means, (-1, 1)), "covariances": np.reshape(np.square(sds), (-1, 1, 1))}


HEALTHY = {
    "tissues": (CSF, GM, WM),
    "shares": np.array([0.2, 0.45, 0.35]),
    **one_channel([30.0, 70.0, 100.0], [8.0, 8.0, 6.0]),
    "out_of_order": 0.0,
}


@pytest.mark.parametrize(
    ("contrast", "names"),
    [
        ("t1", ["GM", "WM", "CSF"]),
        ("t2", ["GM", "CSF", "WM"]),
        ("pd", ["GM", "CSF", "WM"]),
        ("flair", ["WM", "GM", "CSF"]),
        ("t1-infant", ["WM", "GM", "CSF"]),
    ],
)
def test_components_are_named_by_the_order_of_their_means(contrast, names):
    tissues = name_components(np.array([70.0, 100.0, 30.0]), contrast)
    assert [tissue.abbreviation for tissue in tissues] == names


def test_bids_numbers():
    assert (GM.index, WM.index, CSF.index, LESION.index) == (1, 2, 3, 7)


def test_other_numbers_of_classes_are_numbered_by_rising_mean():
    tissues = name_components(np.array([5.0, 1.0, 3.0, 2.0]), "t1")
    assert [tissue.index for tissue in tissues] == [4, 1, 3, 2]
    assert len({tissue.color for tissue in rising_tissues("t1", 10)}) == 10


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
    assert any(says in flag for flag in plausibility_warnings(**(HEALTHY | change)))


def test_unnamed_classes_have_no_usual_share():
    tissues = rising_tissues("t1", 2)
    fitted = one_channel([1.0, 9], [1.0, 1])
    assert plausibility_warnings(tissues, np.array([0.02, 0.98]), **fitted, out_of_order=0) == []


@pytest.mark.parametrize(
    ("ranks", "share"), [([0, 0, 1, 2], 0), ([2, 1, 0, 0], 0.5), ([0, 2, 1, 2], 0.25), ([1, 0, 0, 2], 0.25)]
)
def test_out_of_order_share_is_the_least_that_must_change(ranks, share):
    assert out_of_order_share(np.ones(4), np.array(ranks)) == pytest.approx(share)


# Machado, Oliveira & Fernandes 2009, IEEE Trans Vis Comput Graph 15:1291: how colours look without a cone.
BLINDNESS = {
    "none": np.eye(3),
    "protanopia": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "deuteranopia": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    "tritanopia": [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
}


@pytest.mark.parametrize("kind", BLINDNESS)
def test_tissue_colours_are_told_apart_by_everybody(kind):
    colours = np.array(
        [[int(t.color[i : i + 2], 16) / 255 for i in (1, 3, 5)] for t in (GM, WM, CSF, LESION)]
    )
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ np.transpose(BLINDNESS[kind]), 0, 1)
    shown = np.where(seen <= 0.0031308, 12.92 * seen, 1.055 * seen ** (1 / 2.4) - 0.055)
    lab = rgb2lab(shown[None])[0]
    for i, j in itertools.combinations(range(4), 2):
        assert np.linalg.norm(lab[i] - lab[j]) > 12  # a just noticeable difference is 2.3


def test_numbered_classes_are_called_by_their_numbers():
    classes = rising_tissues("t1", 4)
    assert [(c.index, c.name, c.abbreviation, c.mapping) for c in classes] == [
        (i, f"Class {i}", f"class{i}", None) for i in (1, 2, 3, 4)
    ]
    assert [c.color for c in rising_tissues("t1", 10)[:2]] == ["#0072b2", "#56b4e9"]


def test_components_of_the_same_mean_keep_their_order():
    assert [tissue.index for tissue in name_components(np.zeros(10), "t1")] == list(range(1, 11))


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
        assert isinstance(flags[0], GraveDoubt) == (graveness == 2)
        assert flags[0].startswith(("CSF", "GM", "WM")[tissue] + " is ")
        assert f"{share:.0%} of the brain mask; " in flags[0] or "all but empty" in flags[0]


def test_tissues_are_separated_by_the_mean_of_their_variances():
    sds = [10.0, 20.0, 5.0]  # of the first two the mean variance is 250, its root 15.81
    apart = [plausibility_warnings(**(HEALTHY | one_channel([0.0, m, 100.0], sds))) for m in (15.7, 15.9)]
    assert [len(flags) for flags in apart] == [1, 0]
    assert apart[0] == ["CSF and GM are not separated (means 0 and 15.7, sds 10 and 20)"]
    assert isinstance(apart[0][0], GraveDoubt)


def test_a_second_channel_separates_what_the_first_does_not():
    centres = np.array([[30.0, 200.0], [34.0, 100.0], [100.0, 60.0]])
    covariances = np.tile(np.diag([64.0, 100.0]), (3, 1, 1))
    known = HEALTHY | {"centres": centres, "covariances": covariances}
    assert plausibility_warnings(**known) == []
    (flag,) = plausibility_warnings(**(known | {"centres": centres * (1, 0), "covariances": covariances}))
    assert flag == "CSF and GM are not separated (means 30 and 34, sds 8 and 8)"


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


@pytest.mark.parametrize("zooms", [(1.0, 1, 1), (1.0, 2, 4), (4.0, 4, 4)])
def test_white_matter_outside_grey_matter_is_out_of_place(zooms):
    grid = np.moveaxis(np.indices([round(90 / zoom) for zoom in zooms]), 0, -1) * zooms
    radius = np.linalg.norm(grid - 45, axis=-1)
    labels = np.select([radius < 20, radius < 32, radius < 38], [2, 1, 3], 0).astype(np.uint8)
    assert place_warnings(labels, np.array(zooms)) == []
    swapped = np.array([0, 2, 1, 3], np.uint8)[labels]
    (doubt,) = place_warnings(swapped, np.array(zooms))
    assert isinstance(doubt, GraveDoubt)
    # Mean depths in a ball of 38 mm: 38 - 27.2 in the shell, 38 - 15 in the ball inside it; coarsely sampled.
    outer, inner = map(float, re.search(r"on average (\d+) mm against (\d+) mm", doubt).groups())
    assert outer == pytest.approx(10.8, abs=2)
    assert inner == pytest.approx(23, abs=2)


def test_nothing_is_out_of_place_where_a_tissue_is_missing():
    assert place_warnings(np.full((9, 9, 9), 1, np.uint8), np.ones(3)) == []
    assert place_warnings(np.full((9, 9, 9), 2, np.uint8), np.ones(3)) == []
