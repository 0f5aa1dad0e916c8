from __future__ import annotations

from types import SimpleNamespace

import pytest

from mriseg.labels.contrasts import CONTRASTS, rising_tissues
from mriseg.labels.tissues import CSF, GM, WM
from mriseg.quality.contrast_checks import (
    classes_warnings,
    contrast_warnings,
    order_warnings,
    prediction_warnings,
    stated_order_warnings,
    template_warnings,
)
from mriseg.template.contrast import TissueLevels

T1, T2, FLAIR = TissueLevels(0.1, 0.5, 0.8), TissueLevels(0.9, 0.4, 0.2), TissueLevels(0.1, 0.8, 0.5)


def found(components, *, contrast="t1", by_place=True, prior=None, priors=True, partial_volume=True):
    return SimpleNamespace(
        components=components,
        by_place=by_place,
        prior=prior,
        contrast=contrast,
        settings={"Priors": priors},
        model=SimpleNamespace(partial_volume=partial_volume),
    )


def test_tissues_of_gaussian_classes_are_said_and_classes_that_are_none_are_not():
    [warning] = classes_warnings(found((CSF, GM, WM), partial_volume=False))
    assert warning.code == "gaussian-classes"
    assert not classes_warnings(found((CSF, GM, WM)))
    assert not classes_warnings(found(rising_tissues("t1", 4), partial_volume=False))


@pytest.mark.parametrize("contrast", ["t2", "pd", "t2-infant"])
def test_ventricles_contradict_a_contrast_whoever_named_the_tissues(contrast):
    for by_place in (False, True):
        assert contrast_warnings(contrast, T1, by_place=by_place)
    assert contrast_warnings("t1", T2, by_place=True)


def test_the_order_of_gm_and_wm_is_known_better_by_place():
    assert contrast_warnings("t1", FLAIR)
    assert not contrast_warnings("t1", FLAIR, by_place=True)
    assert not contrast_warnings("t2-infant", T2, by_place=True)


def test_an_order_of_no_contrast_is_not_trusted():
    for usual in ((CSF, GM, WM), (CSF, WM, GM), (WM, GM, CSF), (GM, WM, CSF)):
        assert not order_warnings(found(usual))
    for unusual in ((GM, CSF, WM), (WM, CSF, GM)):
        [warning] = order_warnings(found(unusual))
        assert warning.code == "order-unusual"
        assert not order_warnings(found(unusual, by_place=False))


@pytest.mark.parametrize("contrast", list(CONTRASTS))
def test_gm_and_wm_in_the_order_of_another_contrast_contradict_the_stated_one(contrast):
    order = CONTRASTS[contrast].rising
    exchanged = tuple({GM: WM, WM: GM, CSF: CSF}[tissue] for tissue in order)
    assert not stated_order_warnings(found(order, contrast=contrast))
    [warning] = stated_order_warnings(found(exchanged, contrast=contrast))
    assert warning.code == "contrast-contradicted"
    darker, brighter = (tissue.abbreviation for tissue in exchanged if tissue is not CSF)
    assert f"{brighter} is brighter than {darker}" in warning.text
    assert not stated_order_warnings(found(exchanged, contrast=contrast, by_place=False))
    # Other checks are for these: CSF at the other end, and an order of no contrast.
    assert not stated_order_warnings(found(order[::-1], contrast=contrast))
    assert not stated_order_warnings(found((GM, CSF, WM), contrast=contrast))


def test_what_is_not_judged_in_other_contrasts_is_a_note():
    assert not prediction_warnings(found((CSF, GM, WM)))
    assert not prediction_warnings(found(rising_tissues("flair", 4), contrast="flair"))
    [warning] = prediction_warnings(found((CSF, WM, GM), contrast="flair"))
    assert (warning.code, warning.severity) == ("agreement-unknown", "note")
    assert "FLAIR" in warning.text


def test_tissues_that_were_told_without_the_template_are_said():
    assert not template_warnings(found(rising_tissues("t1", 4)))
    assert not template_warnings(found((CSF, GM, WM), prior=SimpleNamespace(fits=True)))
    [warning] = template_warnings(found((CSF, GM, WM), prior=SimpleNamespace(fits=False)))
    assert warning.code == "template-not-used"
    assert "T1" in warning.text
    [failed] = template_warnings(found((CSF, GM, WM)))
    [left_out] = template_warnings(found((CSF, GM, WM), priors=False))
    assert failed.code == left_out.code == "template-not-used"
    assert "--no-priors" in left_out.text
    assert left_out.text != failed.text
