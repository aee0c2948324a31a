# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of the scores of a model: what is held out, and from what.
"""

import numpy as np
import pytest
from astropy import units as u
from astropy.table import Column, MaskedColumn, Table
from numpy.testing import assert_allclose, assert_array_equal

from claxboi.classification import Evaluation, NaiveBayesClassifier, _crossvalidation
from claxboi.classification._crossvalidation import _grouped, _sky_cells, stratified_folds
from claxboi.classification._engine import Engine

PRIORS = {"A": 0.6, "B": 0.3, "C": 0.1}


@pytest.fixture
def table():
    rng = np.random.default_rng(1)
    n = 240
    codes = np.arange(n) % 3
    return Table(
        {
            "x": rng.normal(codes),
            "y": np.where(rng.random(n) < 0.2, np.nan, rng.normal(-codes)),
            "ra": rng.uniform(0, 360, n),
            "dec": np.degrees(np.arcsin(rng.uniform(-1, 1, n))),
            "class": np.array(list("ABC"))[codes],
        }
    )


@pytest.fixture
def model(table):
    return NaiveBayesClassifier({"one": ["x"], "two": ["y"]}, bandwidth=0.3).fit(table)


def assert_same(one, other):
    assert_array_equal(one.confusion, other.confusion)
    assert_allclose(one.log_loss, other.log_loss, rtol=1e-9)


class TestLeaveOneOut:
    def test_is_the_held_out_posterior(self, table, model):
        result = model.classify(table, PRIORS)
        expected = Evaluation.from_probabilities(
            table["class"],
            np.transpose([result[f"P_{c}"] for c in "ABC"]),
            list("ABC"),
            priors=PRIORS,
        )
        found = model.evaluate(table, PRIORS)
        assert_same(found, expected)
        assert found.method == "leave-one-out"
        assert found.priors == pytest.approx(PRIORS)

    def test_training_flatters(self, table, model):
        held_out, flattered = (
            model.evaluate(table, PRIORS, method=method) for method in ("leave-one-out", "training")
        )
        assert flattered.log_loss < held_out.log_loss
        assert flattered.accuracy >= held_out.accuracy
        assert flattered.method == "training sample (not held out)"

    def test_some_of_the_rows(self, table, model):
        part = table[:100].copy()
        part["dec"][:30] *= -1
        method = "leave-one-out for 70 training sources, prediction for the rest"
        assert model.evaluate(part, PRIORS).method == method
        part["dec"][30:] *= -1
        assert "no source of the table trained" in model.evaluate(part, PRIORS).method

    def test_unlabelled_do_not_count(self, table, model):
        masked = table.copy()
        masked["class"] = MaskedColumn(table["class"], mask=np.arange(240) < 60)
        assert_same(model.evaluate(masked, PRIORS), model.evaluate(table[60:], PRIORS))
        masked["class"] = np.where(np.arange(240) < 60, "?", table["class"])
        assert_same(model.evaluate(masked, PRIORS), model.evaluate(table[60:], PRIORS))

    def test_other_label_column(self, table, model):
        table.rename_column("class", "type")
        assert model.evaluate(table, PRIORS, label="type").confusion.sum() == 240
        with pytest.raises(KeyError, match="no label column 'class'"):
            model.evaluate(table, PRIORS)


class TestFolds:
    @pytest.mark.parametrize("method", ["k-fold", "grouped"])
    def test_slow_loop(self, table, model, method, monkeypatch):
        deal = np.random.default_rng(2).integers(0, 4, 240)
        monkeypatch.setattr(_crossvalidation, "stratified_folds", lambda *args: deal)
        monkeypatch.setattr(_crossvalidation, "_grouped", lambda *args: (deal, "test"))
        found = model.evaluate(table, PRIORS, method=method, n_folds=4)
        probability = np.empty((240, 3))
        for k in range(4):
            test = deal == k
            other = NaiveBayesClassifier({"one": ["x"], "two": ["y"]}, bandwidth=0.3)
            probability[test] = other.fit(table[~test]).predict_proba(table[test], PRIORS)
        expected = Evaluation.from_probabilities(
            table["class"], probability, list("ABC"), priors=PRIORS
        )
        assert_same(found, expected)
        assert found.method.endswith("4 folds")

    def test_each_source_is_tested_once(self, table, model):
        found = model.evaluate(table, PRIORS, method="k-fold", n_folds=7, rng=1)
        assert_array_equal(found.confusion.sum(axis=1), [80, 80, 80])

    def test_fitted_exponents_are_fitted_again(self, table, model, monkeypatch):
        model.optimize(table, PRIORS)
        seen = []
        original = Engine.refit

        def spy(self, *args):
            other = original(self, *args)
            seen.append(dict(other.weights))
            return other

        monkeypatch.setattr(Engine, "refit", spy)
        before = dict(model.weights)
        model.evaluate(table, PRIORS, method="k-fold", n_folds=3, rng=1)
        assert len(seen) == 3
        assert all(weights != before for weights in seen)
        assert model.weights == before

    def test_given_exponents_are_kept(self, table, model, monkeypatch):
        model.set_weights([0.5, 2, 3])
        seen = []
        original = Engine.refit

        def spy(self, *args):
            other = original(self, *args)
            seen.append(other.weights)
            return other

        monkeypatch.setattr(Engine, "refit", spy)
        model.evaluate(table, PRIORS, method="k-fold", n_folds=3, rng=1)
        assert seen == [{"one": 2, "two": 3, "missing": 0.5}] * 3

    def test_seeded(self, table, model):
        one, other, third = (
            model.evaluate(table, PRIORS, method="k-fold", n_folds=3, rng=rng) for rng in (1, 1, 2)
        )
        assert one.log_loss == other.log_loss
        assert one.log_loss != third.log_loss

    def test_model_is_not_changed(self, table, model):
        before = model.predict_proba(table, PRIORS)
        model.evaluate(table, PRIORS, method="k-fold", n_folds=3, rng=1)
        assert_array_equal(model.predict_proba(table, PRIORS), before)

    def test_groups_do_not_leak(self, table, model):
        # Each source is there four times: its copies train the model unless they are grouped.
        copies = table[np.tile(np.arange(240), 4)]
        copies["source"] = np.tile(np.arange(240), 4)
        copies.remove_columns(["ra", "dec"])
        copies["x"] += 1e-6 * np.repeat(np.arange(4), 240)
        # Labels without any sense: whoever does better than chance has seen the answer.
        copies["class"] = np.tile(np.random.default_rng(3).permutation(table["class"]), 4)
        model = NaiveBayesClassifier(["x", "y"], bandwidth=0.003).fit(copies)
        leaky = model.evaluate(copies, "training", method="k-fold", rng=1).accuracy
        honest = model.evaluate(copies, "training", method="grouped", groups="source", rng=1)
        assert leaky > 0.9
        assert abs(honest.accuracy - 1 / 3) < 4 * np.sqrt(2 / 9 / 240)
        assert honest.method == "grouped by column 'source', 10 folds"
        # A name tells as much.
        copies["source_id"] = copies["source"]
        model.fit(copies)
        for method in ("leave-one-out", "k-fold"):
            named = model.evaluate(copies, "training", method=method, rng=1)
            assert abs(named.accuracy - 1 / 3) < 4 * np.sqrt(2 / 9 / 240)

    def test_sky_cells(self, table, model):
        found = model.evaluate(table, PRIORS, method="grouped", cell_size=10.0, rng=1)
        assert found.method == "grouped by sky cells of 10 deg, 10 folds"
        assert found.confusion.sum() == 240

    def test_per_source_priors(self, table, model):
        each = np.tile(list(PRIORS.values()), (240, 1))
        for method in ("leave-one-out", "k-fold"):
            one = model.evaluate(table, each, method=method, rng=1)
            other = model.evaluate(table, PRIORS, method=method, rng=1)
            assert_array_equal(one.confusion, other.confusion)


class TestDeal:
    def test_stratified(self):
        codes = np.repeat([0, 1, 2], [50, 13, 4])
        fold = stratified_folds(codes, 5, np.random.default_rng(1))
        for c in range(3):
            counts = np.bincount(fold[codes == c], minlength=5)
            assert counts.max() - counts.min() <= 1
        assert np.ptp(np.bincount(fold)) <= 1

    @pytest.mark.parametrize("seed", range(5))
    def test_one_source_moves_few_others(self, seed):
        rng = np.random.default_rng(seed)
        keys = rng.integers(2**63, size=1000).astype(np.uint64)
        codes = np.repeat([0, 1], 500)
        fold = stratified_folds(codes, 5, np.random.default_rng(1), keys=keys)
        other = keys.copy()
        other[7] = rng.integers(2**63)
        again = stratified_folds(codes, 5, np.random.default_rng(1), keys=other)
        assert np.count_nonzero(fold != again) <= 5

    def test_grouped(self):
        table = Table({"g": np.repeat(["a", "b", "c", "d"], 5)})
        fold, kind = _grouped(table, "g", 1.0, 2, np.random.default_rng(1), np.arange(20))
        assert kind == "column 'g'"
        groups = fold.reshape(4, 5)
        assert np.all(groups == groups[:, :1])
        assert_array_equal(np.bincount(groups[:, 0]), [2, 2])

    def test_sky_cells_are_small(self):
        rng = np.random.default_rng(2)
        dec = np.degrees(np.arcsin(rng.uniform(-1, 1, 20_000)))
        table = Table({"ra": rng.uniform(0, 360, 20_000), "dec": dec})
        cell = _sky_cells(table, 10.0)
        names, counts = np.unique(cell, return_counts=True)
        # 41253 square degrees in cells of 100, of about equal numbers.
        assert abs(len(names) - 412.5) < 15
        assert counts.std() < 2.5 * np.sqrt(counts.mean())
        for name in names[::40]:
            rows = cell == name
            assert np.ptp(table["dec"][rows]) <= 10

    def test_sky_cells_at_the_poles_and_the_meridian(self):
        table = Table({"ra": [0.0, 180, 359.999, 0.001, 360.0], "dec": [90.0, 89.9, 0, 0, 0]})
        cell = _sky_cells(table, 5.0)
        assert len(np.unique(cell)) >= 3
        assert cell[3] == cell[4]

    def test_units(self):
        deg = Table({"ra": [10.0, 200.0], "dec": [5.0, -70.0]})
        rad = Table({name: Column(np.radians(deg[name]), unit=u.rad) for name in deg.colnames})
        assert_array_equal(_sky_cells(rad, 3.0), _sky_cells(deg, 3.0))


class TestErrors:
    @pytest.mark.parametrize(
        ("options", "error", "message"),
        [
            (
                {"method": "bootstrap"},
                ValueError,
                "method must be one of 'leave-one-out', 'k-fold'",
            ),
            ({"method": "k-fold", "n_folds": 1}, ValueError, "n_folds must be at least 2"),
            ({"method": "grouped", "groups": "g"}, KeyError, "table has no column 'g'"),
            ({"method": "grouped", "groups": 3}, TypeError, "groups must be the name of a column"),
            (
                {"method": "grouped", "groups": "class"},
                ValueError,
                "at most the number of groups, 3",
            ),
            ({"method": "grouped", "cell_size": 0}, ValueError, "cell_size must be above 0"),
            ({"priors": [0.5, 0.5]}, ValueError, "one number for each of the 3 classes"),
        ],
    )
    def test_options(self, table, model, options, error, message):
        with pytest.raises(error, match=message):
            model.evaluate(table, **({"priors": PRIORS} | options))

    def test_more_folds_than_sources(self, table, model):
        with pytest.raises(
            ValueError, match="n_folds must be at most the number of sources, 5; got 10"
        ):
            model.evaluate(table[:5], PRIORS, method="k-fold")

    def test_no_position(self, table, model):
        table["ra"][3] = np.nan
        with pytest.raises(ValueError, match="ra and dec must have a value in every labelled row"):
            model.evaluate(table, PRIORS, method="grouped")
        del table["ra"]
        with pytest.raises(KeyError, match="table has no column 'ra'"):
            model.evaluate(table, PRIORS, method="grouped")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_source_without_a_group_is_one_by_itself(seed):
    table = Table({"cluster": MaskedColumn(np.arange(60) // 2, mask=np.arange(60) < 40)})
    fold, _ = _grouped(table, "cluster", None, 5, np.random.default_rng(seed), np.arange(60))
    assert_array_equal(fold[40::2], fold[41::2])
    # Of 50 groups, a fifth each.
    assert_array_equal(np.unique(fold[:40]), np.arange(5))
