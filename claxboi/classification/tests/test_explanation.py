# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of explanations: all parts add up, in numbers and in words.
"""

import dataclasses
import math

import numpy as np
import pytest
from astropy.table import MaskedColumn, Table
from numpy.testing import assert_allclose, assert_array_equal

from claxboi.classification import NaiveBayesClassifier, Property
from claxboi.classification.contributions import find_contributions, write_sentence
from claxboi.classification.posterior import MISSING_MODES, NORMALIZATIONS

PRIORS = {"A": 0.6, "B": 0.3, "C": 0.1}
RECORDS = [
    Property("x", "one", error="x_error"),
    Property("y", "two", "log10"),
    Property("z", "one", bounds=(-1, 1), atoms=[1.0], weight=0.6),
]


@pytest.fixture
def table():
    rng = np.random.default_rng(1)
    n = 150
    codes = np.arange(n) % 3
    table = Table({"source_id": [f"S{k}" for k in range(n)]})
    table["x"] = MaskedColumn(rng.normal(2.0 * codes), mask=rng.random(n) < 0.2)
    table["x_error"] = rng.uniform(0, 0.5, n)
    table["y"] = np.where(rng.random(n) < 0.3, np.nan, 10 ** rng.normal(-codes))
    table["z"] = np.clip(rng.normal(size=n), -0.99, 1)
    table["class"] = MaskedColumn(np.array(list("ABC"))[codes], mask=np.arange(n) % 5 == 0)
    return table


def assert_adds_up(model, result, row):
    explanation = model.explain(result[row])
    posterior = np.array([result[f"P_{c}"][row] for c in "ABC"])
    found = np.array([explanation.log_posterior[c] for c in "ABC"])
    assert_allclose(found, np.log(posterior), rtol=0, atol=1e-9)
    assert_allclose([explanation.posterior[c] for c in "ABC"], posterior, atol=1e-12)
    assert explanation.prediction == result["prediction"][row]
    assert explanation.is_training == result["is_training"][row]
    expected = result["alternative"][row].split()
    assert [f"{t}:{c}" for t, c in explanation.alternatives.items()] == expected
    assert_allclose(explanation.outlier_pvalue, result["outlier_pvalue"][row], rtol=1e-9)
    return explanation


class TestAddsUp:
    @pytest.mark.parametrize("normalization", NORMALIZATIONS)
    @pytest.mark.parametrize("missing", MISSING_MODES)
    def test_all_settings(self, table, normalization, missing):
        model = NaiveBayesClassifier(
            RECORDS, normalization=normalization, missing=missing, weights=[0.4, 2, 0.7]
        )
        result = model.fit(table).classify(table, PRIORS)
        for row in range(0, 150, 11):
            assert_adds_up(model, result, row)

    @pytest.mark.parametrize("offsets", [False, True])
    @pytest.mark.parametrize("refine", [False, True])
    def test_with_folds(self, table, offsets, refine):
        model = NaiveBayesClassifier(RECORDS, refine=refine).fit(table)
        model.optimize(table, PRIORS, offsets=offsets)
        result = model.classify(table, PRIORS)
        for row in range(0, 150, 7):
            explanation = assert_adds_up(model, result, row)
            assert ("offset" in explanation.parts["kind"]) == (offsets or refine)
            pairs = explanation.parts[explanation.parts["kind"] == "pair"]
            assert len(pairs) == (refine and math.comb(3 - int(result["n_missing"][row]), 2))

    def test_outlier_and_nothing(self, table):
        model = NaiveBayesClassifier(RECORDS).fit(table)
        table["x"].mask[0] = False
        table["x"][0], table["y"][0], table["z"][0] = 1e30, 1e-200, 1.0
        table["x"].mask[5] = True
        table["y"][5] = table["z"][5] = np.nan
        result = model.classify(table, PRIORS)
        assert assert_adds_up(model, result, 0).outlier_pvalue < 0.03
        assert_adds_up(model, result, 5)


class TestExplanation:
    @pytest.fixture
    def model(self, table):
        return NaiveBayesClassifier(RECORDS, weights=[1, 1, 1]).fit(table)

    def test_prior(self, table, model):
        result = model.classify(table, PRIORS)
        parts = model.explain(result[1]).parts
        assert_allclose(list(parts["A", "B", "C"][0]), np.log(list(PRIORS.values())))
        # Other priors are taken where they are given.
        other = model.explain(result[1], [0.2, 0.2, 0.6])
        assert_allclose(list(other.parts["A", "B", "C"][0]), np.log([0.2, 0.2, 0.6]))
        # Those with which a table was classified by another model mean nothing here.
        plain = model.explain(table[1], "training")
        assert_allclose(list(plain.parts["A", "B", "C"][0]), np.log([1 / 3] * 3))

    def test_zero_prior(self, table, model):
        explanation = model.explain(table[1], [0.5, 0.5, 0.0])
        assert explanation.posterior["C"] == 0
        assert explanation.log_posterior["C"] == -np.inf
        assert "inf" not in explanation.sentence
        str(explanation)

    def test_all_but_one_prior_zero(self, table, model):
        explanation = model.explain(table[1], [1.0, 0.0, 0.0])
        assert explanation.prediction == "A"
        assert "The prior (it excludes the other)" in explanation.sentence

    def test_categories_add_up(self, table, model):
        explanation = model.explain(table[3], PRIORS)
        by_category = explanation.to_table("category")
        assert set(by_category["category"]) == {"prior", "one", "two", "missing"}
        for name in "ABC":
            assert_allclose(by_category[name].sum(), explanation.parts[name].sum())
        with pytest.raises(ValueError, match="by must be 'part' or 'category', got 'class'"):
            explanation.to_table("class")

    def test_parts_are_a_copy(self, table, model):
        explanation = model.explain(table[3], PRIORS)
        explanation.to_table()["A"][0] = 99
        assert explanation.parts["A"][0] != 99

    def test_values(self, table, model):
        row = np.flatnonzero(~table["x"].mask & np.isnan(table["y"]))[0]
        parts = model.explain(table[row], PRIORS).parts
        properties = parts[parts["kind"] == "property"]
        assert list(properties["name"]) == ["x", "z"]
        assert_allclose(properties["value"], [table["x"][row], table["z"][row]])
        assert list(parts[parts["kind"] == "missing"]["name"]) == ["x", "y", "z"]

    def test_contrast(self, table, model):
        explanation = model.explain(table[4], PRIORS)
        parts = explanation.parts
        assert_allclose(explanation.contrast("A", "B"), np.array(parts["A"]) - np.array(parts["B"]))
        total = explanation.contrast().sum()
        best, second = explanation.prediction, explanation.runner_up()
        ratio = explanation.posterior[best] / explanation.posterior[second]
        assert_allclose(total, np.log(ratio))
        assert explanation.runner_up(second) == best
        with pytest.raises(ValueError, match="no class 'D' \\(classes: A, B, C\\)"):
            explanation.contrast("D")

    def test_text(self, table, model):
        result = model.classify(table, PRIORS)
        row = int(np.argmax(result["P_C"]))
        text = str(model.explain(result[row]))
        assert text.startswith(f"S{row} is classified as C with probability")
        assert " C over " in text
        assert "log posterior" in text
        assert "evidence" in text
        unsure = model.explain(result[int(np.argmin(result["margin"]))]).sentence
        assert "uncertain class" in unsure or "is probably" in unsure
        trained = int(np.flatnonzero(result["is_training"])[0])
        assert "held out" in model.explain(result[trained]).sentence

    def test_odd(self, table, model):
        explanation = model.explain(table[2], PRIORS)
        assert "outlier for every class" not in explanation.sentence
        odd = dataclasses.replace(explanation, outlier_pvalue=0.0034)
        assert "It is an outlier for every class (p = 0.0034): perhaps none" in odd.sentence

    def test_row_and_table_of_one(self, table, model):
        one, other = model.explain(table[2], PRIORS), model.explain(table[2:3], PRIORS)
        assert one.posterior == other.posterior
        for bad in (table[:2], table[:0], 3, {"x": 1}):
            with pytest.raises(
                TypeError, match="source must be a row of a table, or a table of one"
            ):
                model.explain(bad, PRIORS)

    def test_table_is_not_changed(self, table, model):
        before = table.copy()
        model.explain(table[2], PRIORS)
        assert_array_equal(table["y"], before["y"])
        assert_array_equal(table["x"].mask, before["x"].mask)


class TestManyAtOnce:
    @pytest.fixture
    def model(self, table):
        return NaiveBayesClassifier(RECORDS, weights=[0.4, 2, 0.7]).fit(table)

    def test_equal_one_by_one(self, table, model):
        result = model.classify(table, "training")
        rows = np.arange(0, len(table), len(table) // 25)
        reasons = find_contributions(model, result[rows])
        assert reasons.nats.shape == (len(reasons.kinds), len(model.classes_), len(rows))
        for k, row in enumerate(rows):
            one = model.explain(result[row])
            known = ~np.isnan(reasons.nats[:, 0, k])
            parts = np.column_stack([one.parts[name] for name in model.classes_])
            assert_allclose(reasons.nats[known, :, k], parts, rtol=1e-12)
            assert list(one.parts["name"]) == list(np.array(reasons.names)[known])
            assert reasons.sentence(k, one.identifier) == one.sentence
            assert reasons.classes[reasons.best[k]] == one.prediction == result["prediction"][row]

    def test_add_up_to_the_columns(self, table, model):
        result = model.classify(table, "training")
        reasons = find_contributions(model, result)
        for name, values in zip(model.classes_, reasons.posterior, strict=True):
            assert_allclose(values, result[f"P_{name}"], atol=1e-12)
        assert_allclose(reasons.pvalue, result["outlier_pvalue"])

    def test_priors_per_source(self, table, model):
        priors = np.random.default_rng(3).dirichlet(np.ones(len(model.classes_)), len(table))
        reasons = find_contributions(model, table, priors)
        assert_allclose(reasons.posterior.T, model.predict_proba(table, priors), atol=1e-12)


def test_names_of_properties_keep_their_case():
    parts = [("property", "b", -46.8, 2.0), ("prior", "", np.nan, -1.0)]
    text = write_sentence("X1", ("AGN", 0.7), ("CV", 0.3), parts, {}, 0.5, (100, 200), False)
    assert "b = -46.8 (2.0 nats) favours AGN over CV." in text
    assert "The prior (1.0 nats) favours CV over AGN." in text
