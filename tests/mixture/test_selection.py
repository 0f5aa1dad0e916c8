"""Choosing the number of components and the model."""

import numpy as np
import pytest
from mixture_reference import dataset, rows

from mriseg.errors import MixtureError
from mriseg.mixture import bootstrap_likelihood_ratio, select_model


@pytest.mark.parametrize("name", ["faithful", "iris", "eruptions", "ibsr01"])
def test_bic_chooses_what_mclust_chooses(name):
    expected = next(row for row in rows("mclust_winners.csv") if row["dataset"] == name)
    X = dataset(name)
    chosen = select_model(X, range(1, 5)).best
    assert (chosen.model, chosen.n_components) == (expected["model"], int(expected["n_components"]))
    assert -chosen.bic(X) == pytest.approx(float(expected["bic"]), rel=1e-3)


def test_the_table_has_every_candidate_and_the_best_is_its_lowest():
    X = dataset("faithful")
    selection = select_model(X, iter([1, 2, 3]), ["EII", "VVV"])
    assert [(c.model, c.n_components) for c in selection.table] == [
        (m, k) for m in ("EII", "VVV") for k in (1, 2, 3)
    ]
    lowest = min(selection.table, key=lambda candidate: candidate.bic)
    assert (lowest.model, lowest.n_components) == (selection.best.model, selection.best.n_components)
    assert lowest.bic == pytest.approx(selection.best.bic(X))
    assert lowest.icl == pytest.approx(selection.best.icl(X))
    assert all(candidate.icl >= candidate.bic for candidate in selection.table)


def test_icl_asks_for_components_that_stand_apart():
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(0, 1, 600), rng.normal(0, 4, 300), rng.normal(20, 1, 300)])[:, None]
    assert select_model(X, range(1, 5), ["V"]).best.n_components == 3
    assert select_model(X, range(1, 5), ["V"], criterion="icl").best.n_components == 2


def test_weights_count_as_observations():
    values = np.round(dataset("eruptions"), 1)
    unique, counts = np.unique(values, return_counts=True)
    full, weighted = select_model(values, [2]), select_model(unique[:, None], [2], sample_weight=counts)
    assert weighted.table[0].bic == pytest.approx(full.table[0].bic)


def test_a_fit_on_the_floor_is_not_chosen():
    X = np.concatenate([np.random.default_rng(0).normal(size=300), np.full(80, 2.0), np.full(80, 2.5)])[
        :, None
    ]
    selection = select_model(X, range(1, 7), ["V"])
    unsound = [candidate for candidate in selection.table if not candidate.sound]
    assert unsound
    assert not selection.best.at_floor_.any()
    assert min(unsound, key=lambda candidate: candidate.bic).bic < selection.best.bic(X)


def test_what_cannot_be_fitted_is_a_row_that_says_why():
    X = np.array([[0.0, 1], [1, 0], [2, 5], [4, 4], [9, 1]])
    selection = select_model(X, [1, 8], ["EII"])
    assert "cannot make 8" in selection.table[1].problem
    assert np.isnan(selection.table[1].bic)
    assert selection.best.n_components == 1
    with pytest.raises(MixtureError, match="cannot make 8"):
        select_model(X, [8], ["EII"])


def test_unknown_names_are_refused():
    with pytest.raises(MixtureError, match="no criterion 'dic'"):
        select_model(dataset("faithful"), criterion="dic")
    with pytest.raises(MixtureError, match="no covariance model 'XYZ'"):
        select_model(dataset("faithful"), models=["XYZ"])


def test_bootstrap_finds_two_kinds_of_eruption_and_no_second_kind_in_noise():
    found = bootstrap_likelihood_ratio(dataset("eruptions"), 1, model="E", n_bootstrap=39)
    assert found.p_value == pytest.approx(1 / 40)
    assert found.statistic > found.bootstrap.max()
    noise = np.random.default_rng(0).normal(size=(200, 1))
    assert bootstrap_likelihood_ratio(noise, 1, model="E", n_bootstrap=39).p_value > 0.1


@pytest.mark.parametrize("setting", [{"covariance_type": "diag"}, {"model": "VVI"}, {"n_components": 2}])
def test_a_setting_that_would_overrule_the_choice_is_refused(setting):
    with pytest.raises(MixtureError, match=next(iter(setting))):
        select_model(dataset("faithful"), [1, 2], ["EII", "VVV"], **setting)
