# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of the outlier p-value: uniform for members, small for the absurd.
"""

import numpy as np
import pytest
from astropy.table import Table
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import kstest

from claxboi.classification import NaiveBayesClassifier, Property
from claxboi.classification._outliers import OutlierScale


def draw(n, rng, *, shares=(1.0, 0.5, 0.5)):
    """Draw two classes far apart, with correlated skewed properties, some missing at random."""
    names = np.array(["near", "far"])[np.arange(n) % 2]
    shift = np.where(names == "far", 60.0, 0.0)
    common = rng.exponential(size=n)
    numbers = rng.integers(2**62, size=n)
    table = Table({"source_id": numbers, "class": names})
    for k, share in enumerate(shares):
        values = shift + rng.gamma(2 + k, size=n) + common
        table[f"x{k}"] = np.where(rng.random(n) < share, values, np.nan)
    return table


@pytest.fixture(scope="module")
def model():
    records = [Property(f"x{k}", category) for k, category in enumerate("aab")]
    return NaiveBayesClassifier(records).fit(draw(6000, np.random.default_rng(1)))


@pytest.fixture(scope="module")
def result(model):
    return model.classify(draw(12000, np.random.default_rng(2)), "training")


class TestUniform:
    @pytest.mark.parametrize("name", ["near", "far"])
    def test_new_members(self, result, name):
        pvalue = np.array(result["outlier_pvalue"])[result["class"] == name]
        # Both the 3000 training and the 6000 new sources fluctuate.
        size = 1 / (1 / 3000 + 1 / 6000)
        assert kstest(pvalue, "uniform").statistic < 1.95 / np.sqrt(size)

    @pytest.mark.parametrize(
        "pattern", [(1, 1, 1), (1, 1, 0), (1, 0, 1), (1, 0, 0)], ids=lambda p: "".join(map(str, p))
    )
    def test_within_each_pattern(self, result, pattern):
        here = np.array([~np.isnan(result[f"x{k}"]) for k in range(3)]).T
        rows = np.all(here == np.array(pattern, bool), axis=1)
        pvalue = np.array(result["outlier_pvalue"])[rows]
        assert len(pvalue) > 1500
        # No pattern has a thousand members, so one scale serves all: within each it is uniform
        # to some per cent. The 1500 that are ranked add 0.006 to the spread of the mean.
        assert kstest(pvalue, "uniform").statistic < 0.08
        assert 0.025 < np.mean(pvalue < 0.05) < 0.075

    @pytest.fixture(scope="module")
    @staticmethod
    def large():
        rng = np.random.default_rng(5)
        training, new = draw(20000, rng), draw(20000, rng)
        records = [Property(f"x{k}", category) for k, category in enumerate("aab")]
        model = NaiveBayesClassifier(records, bandwidth="silverman").fit(training)
        return training, model.classify(new, "training")

    @pytest.mark.parametrize("name", ["near", "far"])
    @pytest.mark.parametrize("pattern", [(1, 1, 1), (1, 1, 0), (1, 0, 1), (1, 0, 0)])
    def test_exact_within_a_common_pattern(self, large, pattern, name):
        training, result = large

        def select(table):
            here = np.array([~np.isnan(table[f"x{k}"]) for k in range(3)]).T
            return (here == np.array(pattern, bool)).all(axis=1) & (table["class"] == name)

        pvalue = np.array(result["outlier_pvalue"])[select(result)]
        ranked = np.count_nonzero(select(training))
        assert ranked > 1000
        size = 1 / (1 / ranked + 1 / len(pvalue))
        assert kstest(pvalue, "uniform").statistic < 1.95 / np.sqrt(size)

    def test_training_rows_are_held_out(self, model):
        table = draw(6000, np.random.default_rng(1))
        result = model.classify(table, "training")
        assert result["is_training"].all()
        pvalue = np.array(result["outlier_pvalue"])
        assert kstest(pvalue, "uniform").statistic < 1.95 / np.sqrt(6000) + 1 / 3000
        # The ranks of the 3000 members of a class are 1 to 3000, each once.
        for name in ("near", "far"):
            ranks = np.sort(pvalue[result["class"] == name]) * 3000
            assert_allclose(ranks, np.arange(1, 3001), atol=3)


class TestOdd:
    def test_between_the_classes(self, model):
        table = Table({"x0": [30.0, 25.0], "x1": [30.0, np.nan], "x2": [30.0, 25.0]})
        assert np.all(model.classify(table, "training")["outlier_pvalue"] < 0.002)

    @pytest.mark.parametrize("value", [1e6, -1e6, 1e300, -1e300])
    def test_absurd(self, model, value):
        table = Table({"x0": [value], "x1": [np.nan], "x2": [np.nan]})
        result = model.classify(table, "training")
        assert result["outlier_pvalue"][0] < 0.002
        # An absurd value favours no class.
        assert_allclose(result["P_near_a"][0], 0.5, atol=1e-6)

    def test_one_absurd_of_three(self, model):
        table = Table({"x0": [4.0], "x1": [1e9], "x2": [4.0]})
        assert model.classify(table, "training")["outlier_pvalue"][0] < 0.002

    def test_without_any_value(self, model):
        nothing = Table({f"x{k}": [np.nan] for k in range(3)})
        assert model.classify(nothing, "training")["outlier_pvalue"][0] == 1.0

    def test_smallest_possible(self, model):
        table = Table({"x0": [1e300], "x1": [1e300], "x2": [1e300]})
        assert_allclose(model.classify(table, "training")["outlier_pvalue"][0], 1 / 3001)


class TestScale:
    def test_ranks_by_hand(self):
        # One property, one class besides a copy: the p-value is the rank of the likelihood.
        own = np.log(np.array([[0.5, 0.4, 0.3, 0.2, 0.1]]))
        codes = np.zeros(5, int)
        scale = OutlierScale(own, np.ones((1, 5), bool), codes, 1)
        pattern, patterns = np.zeros(3, int), np.ones((1, 1), bool)
        total = np.log(np.array([[0.6, 0.25, 0.01]]))
        assert_allclose(scale.pvalue(total, pattern, patterns), [6 / 6, 3 / 6, 1 / 6])
        # A training source does not count for itself.
        held_out = scale.pvalue(own, np.zeros(5, int), patterns, codes)
        assert_allclose(held_out, [5 / 5, 4 / 5, 3 / 5, 2 / 5, 1 / 5])

    def test_largest_over_the_classes(self):
        own = np.log(np.array([[0.5, 0.4, 0.3, 0.5, 0.4, 0.3]]))
        codes = np.repeat([0, 1], 3)
        scale = OutlierScale(own, np.ones((1, 6), bool), codes, 2)
        total = np.log(np.array([[0.01], [0.35]]))
        found = scale.pvalue(total, np.zeros(1, int), np.ones((1, 1), bool))
        assert_allclose(found, [2 / 4])

    def test_class_without_spread_and_empty_class(self):
        own = np.log(np.full((2, 4), 0.5))
        scale = OutlierScale(own, np.ones((2, 4), bool), np.zeros(4, int), 2)
        total = np.log(np.array([[0.25, 1e-9], [0.25, 1e-9]]))
        found = scale.pvalue(total, np.zeros(2, int), np.ones((1, 2), bool))
        assert np.all(np.isfinite(found))
        # Nothing is known of a class without members, so nothing is odd for it.
        assert_array_equal(found, [1.0, 1.0])
