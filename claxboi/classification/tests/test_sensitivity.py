# Licensed under a 3-clause BSD style license - see LICENSE.rst
import numpy as np
import pytest

from claxboi import classify
from claxboi.classification import priors_sensitivity
from claxboi.simulation import make_labelled_sample

COLUMNS = ["source_id", "b", "hr1", "hr2", "log_fx_fb", "class"]
PRIORS = {"AGN": 0.6, "star": 0.3, "ex_XRB": 0.1}


@pytest.fixture(scope="module")
def classified():
    table = make_labelled_sample(900, rng=8)
    table = table[np.isin(table["true_class"], list(PRIORS))][COLUMNS]
    return classify(table, PRIORS, return_model=True, show_progress=False)


def test_first_row_is_the_answer_itself(classified):
    table, model = classified
    moved = priors_sensitivity(model, table)
    first = moved.changes[0]
    assert first["change"] == "as given"
    assert first["fraction_changed"] == 0
    for name in model.classes_:
        assert first[f"prior_{name}"] == pytest.approx(PRIORS[name])
        assert first[f"n_{name}"] == np.sum(table["prediction"] == name)
        assert first[f"expected_{name}"] == pytest.approx(table[f"P_{name}"].sum())
    np.testing.assert_array_equal(moved.sources["prediction"], table["prediction"])


def test_each_row_is_a_classification_of_its_own(classified):
    table, model = classified
    bare = table[COLUMNS]
    moved = priors_sensitivity(model, table, factor=3)
    assert len(moved.changes) == 1 + 2 * len(PRIORS)
    low = high = None
    n_changes = np.zeros(len(table), int)
    rows = np.arange(len(table))
    first = [model.classes_.index(name) for name in table["prediction"]]
    for row in moved.changes:
        priors = {name: row[f"prior_{name}"] for name in model.classes_}
        slow = model.classify(bare, priors, show_progress=False)
        n_changes += np.asarray(slow["prediction"] != table["prediction"])
        p = np.column_stack([slow[f"P_{name}"] for name in model.classes_])
        assert row["fraction_changed"] == np.mean(slow["prediction"] != table["prediction"])
        np.testing.assert_allclose(
            [row[f"expected_{name}"] for name in model.classes_], p.sum(axis=0), rtol=1e-9
        )
        own = p[rows, first]
        low = own if low is None else np.minimum(low, own)
        high = own if high is None else np.maximum(high, own)
    np.testing.assert_allclose(moved.sources["P_low"], low, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(moved.sources["P_high"], high, rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(moved.sources["n_changes"], n_changes)
    np.testing.assert_array_equal(moved.sources["is_sensitive"], n_changes > 0)
    assert 0 < moved.sources["is_sensitive"].sum() < len(table)


def test_odds_are_multiplied(classified):
    table, model = classified
    row = priors_sensitivity(model, table, factor=2).changes[1]
    assert row["change"] == f"{model.classes_[0]} x 2"
    a, b = (f"prior_{name}" for name in model.classes_[:2])
    start = [PRIORS[name] for name in model.classes_[:2]]
    assert row[a] / row[b] == pytest.approx(2 * start[0] / start[1])
    assert sum(row[f"prior_{name}"] for name in PRIORS) == pytest.approx(1)
    assert row[f"n_{model.classes_[0]}"] >= np.sum(table["prediction"] == model.classes_[0])


def test_alternatives_and_priors_that_are_given(classified):
    table, model = classified
    only = {"AGN": 1.0, "star": 0.0, "ex_XRB": 0.0}
    moved = priors_sensitivity(model, table[COLUMNS], PRIORS, alternatives={"all AGN": only})
    assert list(moved.changes["change"]) == ["as given", "all AGN"]
    assert moved.changes["n_AGN"][1] == len(table)
    assert moved.changes["expected_star"][1] == 0
    assert "all AGN" in str(moved)
    assert str(moved).endswith("sources change their class in at least one row")
    trained = priors_sensitivity(model, table, "training").changes[0]
    fraction = model.class_counts_[0] / model.class_counts_.sum()
    assert trained[f"prior_{model.classes_[0]}"] == pytest.approx(fraction)


def test_input_is_not_changed(classified):
    table, model = classified
    before = table.copy()
    priors_sensitivity(model, table)
    assert table.colnames == before.colnames
    assert table.meta == before.meta
    np.testing.assert_array_equal(table["P_AGN"], before["P_AGN"])


def test_wrong_arguments(classified):
    table, model = classified
    with pytest.raises(ValueError, match="factor must be above 1, got 1"):
        priors_sensitivity(model, table, factor=1)
    bare = table[COLUMNS]
    bare.meta.clear()
    with pytest.raises(ValueError, match="priors must be given"):
        priors_sensitivity(model, bare)
    with pytest.raises(ValueError, match="priors: missing 'star'"):
        priors_sensitivity(model, bare, {"AGN": 1.0})
    with pytest.raises(TypeError, match="alternatives must be a mapping"):
        priors_sensitivity(model, table, alternatives=[PRIORS])
    with pytest.raises(TypeError, match="table must be an astropy Table"):
        priors_sensitivity(model, {})
