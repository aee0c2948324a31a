# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of the classifier as a whole: true refits, laws, calibration, settings.
"""

import copy

import numpy as np
import pytest
from astropy.table import MaskedColumn, QTable, Table
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import norm

from claxboi.classification import (
    Component,
    NaiveBayesClassifier,
    NotFittedError,
    PriorWarning,
    Property,
    SmallClassWarning,
)
from claxboi.classification.posterior import MISSING_MODES, NORMALIZATIONS
from claxboi.utils import ClaxboiWarning

PRIORS = {"A": 0.6, "B": 0.3, "C": 0.1}


def make_table(n=90, *, rng=1, missing=0.25):
    rng = np.random.default_rng(rng)
    codes = np.arange(n) % 3
    table = Table({"class": np.array(list("ABC"))[codes]})
    for k, name in enumerate(("u", "v", "w")):
        values = rng.normal(loc=codes * (k - 1.0), size=n)
        table[name] = np.where(rng.random(n) < missing, np.nan, values)
    table["v"] = 10 ** table["v"]
    return table


def new_sources(n=40):
    table = make_table(n, rng=2)
    # With its label a row without values could be one that trained.
    del table["class"]
    return table


def with_atoms(n=45):
    """Make a small sample in which leaving out one source changes no range and no atom."""
    rng = np.random.default_rng(3)
    codes = np.arange(n) % 3
    table = Table({"class": np.array(list("ABC"))[codes]})
    table["u"] = np.round(rng.uniform(-0.9, 0.9, n), 2)
    table["u"][:15] = 1.0
    table["u"][15:20] = -1.0
    table["v"] = 10 ** rng.normal(codes - 1.0, size=n)
    table["w"] = rng.normal(codes, size=n)
    table["u_error"] = np.where(rng.random(n) < 0.5, rng.uniform(0.01, 0.2, n), np.nan)
    table["v_error"] = 0.3 * table["v"]
    for name in "uvw":
        table[name] = np.where(rng.random(n) < 0.2, np.nan, table[name])
    # Two sources each have the smallest and the largest value.
    for name in "vw":
        order = np.argsort(table[name])
        last = np.count_nonzero(~np.isnan(table[name])) - 1
        table[name][order[0]] = table[name][order[1]]
        table[name][order[last]] = table[name][order[last - 1]]
    table["u"][[20, 21]] = [-1.0, 1.0]
    return table


RECORDS = [
    Property("u", "one", bounds=(-1, 1), atoms=[-1, 1], bandwidth=0.2, error="u_error"),
    Property("v", "two", "log10", atoms=[], bandwidth=0.3, error="v_error", weight=0.8),
    Property(
        "w", "one", atoms=[], bandwidth=0.4, components=[Component("B", 0.3, ([-3, 5], [1, 1]))]
    ),
]


class TestLeaveOneOut:
    @pytest.mark.parametrize(
        ("missing", "kernel", "weighted"),
        [
            ("existence", "exponential", True),
            ("existence", "exponential", False),
            ("existence", "gaussian", False),
            ("sentinel", "exponential", False),
            ("ignore", "exponential", False),
        ],
    )
    def test_true_refits(self, missing, kernel, weighted):
        table = with_atoms()
        sample_weight = np.random.default_rng(4).uniform(0.3, 3, 45) if weighted else np.ones(45)
        options = {
            "weights": {"one": 0.7, "two": 1.3, "missing": 0.4},
            "missing": missing,
            "kernel": kernel,
        }
        model = NaiveBayesClassifier(RECORDS, **options)
        model.fit(table, sample_weight=sample_weight)
        held_out = model.predict_log_proba(table, PRIORS)
        for row in range(0, 45, 1 if weighted else 4):
            rest = np.arange(45) != row
            refit = NaiveBayesClassifier(RECORDS, **options)
            refit.fit(table[rest], sample_weight=sample_weight[rest])
            for full, part in zip(
                model._core.likelihood.densities, refit._core.likelihood.densities, strict=True
            ):
                assert (full.lower, full.upper) == (part.lower, part.upper)
            # Its twin of all missing values must not be taken for it.
            true = refit.predict_log_proba(
                table["u", "v", "w", "u_error", "v_error"][[row]], PRIORS
            )
            assert_allclose(held_out[row], true[0], rtol=1e-9, atol=1e-9)

    @pytest.mark.parametrize("normalization", NORMALIZATIONS)
    def test_normalizations(self, normalization):
        table = with_atoms()
        options = {"weights": [0.4, 0.7, 1.3], "normalization": normalization}
        model = NaiveBayesClassifier(RECORDS, **options).fit(table)
        held_out = model.classify(table, PRIORS)
        for row in range(0, 45, 4):
            rest = np.arange(45) != row
            refit = NaiveBayesClassifier(RECORDS, **options).fit(table[rest])
            true = refit.classify(table[[row]]["u", "v", "w", "u_error", "v_error"], PRIORS)
            for name in ("P_A", "P_B", "P_C", "margin", "outlier", "P_A_one", "P_C_two"):
                assert_allclose(held_out[name][row], true[name][0], rtol=1e-9, atol=1e-9)
            assert held_out["alternative"][row] == true["alternative"][0]

    def test_smallest_class(self):
        # Of a class of three, two are left; of the values of one property perhaps none.
        table = make_table(60)
        table["class"][::3] = "B"
        table["class"][:9:3] = "A"
        table["u"][:9:3] = [0.3, np.nan, np.nan]
        with pytest.warns(SmallClassWarning, match=r"A \(3\)"):
            model = NaiveBayesClassifier(["u", "w"]).fit(table)
        probability = model.predict_proba(table, "training")
        assert np.all(np.isfinite(probability))
        assert_allclose(probability.sum(axis=1), 1)


class TestMissing:
    def test_masked_nan_and_infinite_are_one(self):
        table = make_table()
        model = NaiveBayesClassifier(["u", "w"]).fit(table)
        rows = table[:5].copy()
        del rows["class"]
        found = []
        for value in (np.nan, np.inf, -np.inf, "masked"):
            other = rows.copy()
            if value == "masked":
                other["u"] = MaskedColumn(other["u"], mask=True)
            else:
                other["u"] = value
            found.append(model.predict_proba(other, PRIORS))
        for each in found[1:]:
            assert_array_equal(each, found[0])

    @pytest.mark.parametrize("value", [0.0, -99.0, -999.0, 99.99, 1e30])
    def test_nothing_else_is(self, value):
        table = make_table(missing=0)
        model = NaiveBayesClassifier(["u", "w"]).fit(table)
        row = Table({"u": [value], "w": [0.5]})
        assert model.classify(row, PRIORS)["n_missing"][0] == 0

    def test_without_any_value(self):
        table = make_table()
        row = Table({"u": [np.nan], "w": [np.nan]})
        model = NaiveBayesClassifier(["u", "w"], missing="ignore").fit(table)
        assert_allclose(model.predict_proba(row, PRIORS)[0], list(PRIORS.values()))
        model = NaiveBayesClassifier(["u", "w"]).fit(table)
        share = np.array(
            [
                np.prod(
                    [
                        1 - (np.mean(~np.isnan(table[x][table["class"] == c])) + 0.001) / 1.002
                        for x in "uw"
                    ]
                )
                for c in "ABC"
            ]
        )
        joint = share * list(PRIORS.values())
        assert_allclose(model.predict_proba(row, PRIORS)[0], joint / joint.sum())


class TestLaws:
    def test_row_order(self):
        table, new = make_table(), new_sources()
        order = np.random.default_rng(3).permutation(len(table))
        model = NaiveBayesClassifier(["u", "v", "w"])
        one = model.fit(table).predict_proba(new, PRIORS)
        other = model.fit(table[order]).predict_proba(new, PRIORS)
        assert_allclose(one, other, rtol=1e-9)
        assert_allclose(model.predict_proba(new[::-1], PRIORS), other[::-1], rtol=1e-12)

    @settings(max_examples=15, derandomize=True, deadline=None)
    @given(
        factor=st.floats(1e-20, 1e20),
        name=st.sampled_from("uvw"),
        rule=st.sampled_from(["silverman", "published", "likelihood"]),
        negative=st.booleans(),
    )
    def test_scale_of_a_property(self, factor, name, rule, negative):
        if negative and name != "v":
            factor = -factor
        records = [Property("u", "a"), Property("v", "a", "log10"), Property("w", "b")]
        table, new = make_table(), new_sources()
        model = NaiveBayesClassifier(records, weights=[1, 0.5, 2], bandwidth=rule)
        one = model.fit(table).classify(new, PRIORS)
        table[name], new[name] = factor * table[name], factor * new[name]
        other = model.fit(table).classify(new, PRIORS)
        for column in ("P_A", "P_B", "P_C", "outlier", "margin"):
            # The likelihood rule ends where its search does.
            assert_allclose(one[column], other[column], rtol=1e-3, atol=1e-6)

    def test_duplicated_rows_are_weight_two(self):
        table, new = make_table(), new_sources()
        copies = 1 + np.arange(len(table)) // 3 % 2
        model = NaiveBayesClassifier(["u", "v", "w"])
        weighted = model.fit(table, sample_weight=copies).predict_proba(new, "training")
        repeated = model.fit(table[np.repeat(np.arange(len(table)), copies)])
        assert_allclose(repeated.predict_proba(new, "training"), weighted, rtol=1e-9)

    def test_weights_of_one_are_none(self):
        table, new = make_table(), new_sources()
        model = NaiveBayesClassifier(["u", "v", "w"])
        plain = model.fit(table).predict_proba(new, PRIORS)
        assert_array_equal(
            model.fit(table, sample_weight=np.ones(90)).predict_proba(new, PRIORS), plain
        )

    @pytest.mark.parametrize("normalization", NORMALIZATIONS)
    @pytest.mark.parametrize("missing", MISSING_MODES)
    def test_sums_to_one(self, normalization, missing):
        table = make_table()
        model = NaiveBayesClassifier(["u", "v", "w"], normalization=normalization, missing=missing)
        table["u"][:3] = 1e200
        result = model.fit(table).classify(table, PRIORS)
        total = sum(result[f"P_{c}"] for c in "ABC")
        assert_allclose(total, 1, rtol=1e-12)
        marginal = sum(result[f"P_{c}_other"] for c in "ABC")
        assert_allclose(marginal, 1, rtol=1e-12)

    def test_constant_likelihood_changes_nothing(self):
        # The same values in each class, so the same density; never missing.
        table, new = make_table(), new_sources()
        table["x"] = np.repeat(np.random.default_rng(5).normal(size=30), 3)
        new["x"] = np.random.default_rng(6).normal(size=40)
        without = NaiveBayesClassifier(["u", "w"]).fit(table).predict_proba(new, PRIORS)
        model = NaiveBayesClassifier(["u", "w", "x"]).fit(table)
        assert_allclose(model.predict_proba(new, PRIORS), without, rtol=1e-9)

    def test_uninformative_property_changes_little(self):
        table, new = make_table(6000), new_sources(2000)
        rng = np.random.default_rng(7)
        table["x"], new["x"] = rng.normal(size=6000), rng.normal(size=2000)
        without = NaiveBayesClassifier(["u", "w"]).fit(table).predict_proba(new, PRIORS)
        found = NaiveBayesClassifier(["u", "w", "x"]).fit(table).predict_proba(new, PRIORS)
        # Relative error of a density of 2000 sources and some 20 effective cells: 10 %.
        assert np.mean(np.abs(found - without)) < 0.02
        assert np.quantile(np.abs(found - without), 0.99) < 0.15

    def test_prior_odds(self):
        table, new = make_table(), new_sources()
        model = NaiveBayesClassifier(["u", "w"]).fit(table)
        one = model.predict_log_proba(new, [0.2, 0.3, 0.5])
        other = model.predict_log_proba(new, [0.7, 0.2, 0.1])
        shift = np.log([0.7 / 0.2, 0.2 / 0.3, 0.1 / 0.5])
        moved = one + shift
        moved -= np.log(np.exp(moved).sum(axis=1, keepdims=True))
        assert_allclose(other, moved, atol=1e-12)

    def test_zero_prior(self):
        table = make_table()
        model = NaiveBayesClassifier(["u", "w"]).fit(table)
        result = model.classify(table, {"A": 0.5, "B": 0.5, "C": 0})
        assert np.all(result["P_C"] == 0)
        assert_allclose(result["P_A"] + result["P_B"], 1)
        assert np.all(np.isfinite(result["outlier"]))

    def test_per_source_priors(self):
        table = make_table()
        table["source_id"] = np.arange(90)
        model = NaiveBayesClassifier(["u", "w"]).fit(table)
        priors = np.where(np.arange(90)[:, np.newaxis] < 45, [0.2, 0.3, 0.5], [0.7, 0.2, 0.1])
        found = model.predict_proba(table, priors)
        assert_array_equal(found[:45], model.predict_proba(table[:45], [0.2, 0.3, 0.5]))
        assert_array_equal(found[45:], model.predict_proba(table[45:], [0.7, 0.2, 0.1]))
        assert_array_equal(model.predict_proba(table, lambda t: priors[: len(t)]), found)

    def test_chunks_do_not_matter(self, monkeypatch):
        table, new = make_table(), new_sources(100)
        model = NaiveBayesClassifier(["u", "v", "w"]).fit(table)
        priors = np.random.default_rng(8).dirichlet(np.ones(3), 100)
        whole = model.classify(new, priors)
        monkeypatch.setattr("claxboi.classification._parallel.CHUNK_SIZE", 7)
        parts = model.classify(new, priors)
        for name in whole.colnames:
            if whole[name].dtype.kind == "f":
                assert_allclose(parts[name], whole[name], rtol=1e-12, atol=1e-12, err_msg=name)
            else:
                assert_array_equal(parts[name], whole[name])


class TestStatistics:
    """Two skewed properties of known densities, independent within each class."""

    CENTERS = np.array([[0.0, 0.0], [1.5, 0.5], [-1.0, 1.5]])
    SIGMA = np.array([1.0, 0.7, 1.3])
    TRUE_PRIORS = np.array([0.6, 0.3, 0.1])

    def draw(self, n, rng, priors):
        names = [f"{rng}-{k}" for k in range(n)]
        rng = np.random.default_rng(rng)
        codes = rng.choice(3, size=n, p=priors)
        x = rng.normal(self.CENTERS[codes], self.SIGMA[codes][:, np.newaxis])
        labels = np.array(list("ABC"))[codes]
        return Table({"source_id": names, "class": labels, "u": x[:, 0], "w": x[:, 1]}), codes

    def truth(self, table):
        x = np.array([table["u"], table["w"]])
        density = norm.pdf(
            x[np.newaxis], self.CENTERS[..., np.newaxis], self.SIGMA[:, np.newaxis, np.newaxis]
        ).prod(axis=1)
        joint = self.TRUE_PRIORS[:, np.newaxis] * density
        return (joint / joint.sum(axis=0)).T

    @pytest.mark.parametrize("kernel", ["exponential", "gaussian"])
    @pytest.mark.parametrize("bandwidth", ["silverman", "likelihood"])
    def test_calibrated_and_close_to_bayes(self, kernel, bandwidth):
        train, _ = self.draw(20_000, 1, [1 / 3] * 3)
        test, codes = self.draw(20_000, 2, self.TRUE_PRIORS)
        model = NaiveBayesClassifier(["u", "w"], kernel=kernel, bandwidth=bandwidth).fit(train)
        found = model.predict_proba(test, self.TRUE_PRIORS)
        true = self.truth(test)
        assert np.mean(np.abs(found - true)) < 0.02
        assert np.quantile(np.abs(found - true), 0.99) < 0.2
        # Log-loss within 1 % of the best possible.
        rows = np.arange(len(codes))
        best = -np.mean(np.log(true[rows, codes]))
        assert -np.mean(np.log(found[rows, codes])) < 1.01 * best
        for c in range(3):
            cell = np.minimum((found[:, c] * 10).astype(int), 9)
            for k in range(10):
                part = cell == k
                if not part.any():
                    continue
                p, n = found[part, c].mean(), part.sum()
                seen = np.mean(codes[part] == c)
                # Binomial error, and the smoothing of the densities.
                assert abs(seen - p) < 4 * np.sqrt(p * (1 - p) / n) + 0.015

    def test_held_out_as_good_as_new(self):
        train, codes = self.draw(600, 3, self.TRUE_PRIORS)
        test, others = self.draw(20_000, 4, self.TRUE_PRIORS)
        model = NaiveBayesClassifier(["u", "w"]).fit(train)

        def losses(table, codes, log_posterior):
            return -log_posterior[np.arange(len(codes)), codes]

        held_out = losses(train, codes, model.predict_log_proba(train, self.TRUE_PRIORS))
        new = losses(test, others, model.predict_log_proba(test, self.TRUE_PRIORS))
        error = np.hypot(held_out.std() / np.sqrt(600), new.std() / np.sqrt(20_000))
        assert abs(held_out.mean() - new.mean()) < 3 * error


class TestClassify:
    def test_columns(self):
        table = make_table()
        records = [Property("u", "one"), Property("w", "two words")]
        result = NaiveBayesClassifier(records).fit(table).classify(table, PRIORS)
        assert result.colnames == [
            *table.colnames,
            "prediction",
            *("P_A", "P_B", "P_C"),
            *("margin", "outlier", "outlier_pvalue", "support", "alternative", "n_missing"),
            *("P_A_one", "P_B_one", "P_C_one"),
            *("P_A_two words", "P_B_two words", "P_C_two words"),
            "is_training",
        ]
        for name in result.colnames[len(table.colnames) :]:
            assert result[name].description
        posterior = np.array([result[f"P_{c}"] for c in "ABC"])
        assert_array_equal(result["prediction"], np.array(list("ABC"))[posterior.argmax(axis=0)])
        assert_allclose(result["margin"], 2 * posterior.max(axis=0) - 1, atol=1e-15)
        assert_array_equal(result["n_missing"], np.isnan(table["u"]) * 1 + np.isnan(table["w"]))
        assert np.all((result["outlier_pvalue"] > 0) & (result["outlier_pvalue"] <= 1))
        assert result["is_training"].all()

    def test_alternative_text(self):
        table = make_table(300)
        records = [Property("u", "one"), Property("w", "two")]
        model = NaiveBayesClassifier(records).fit(table)
        result = model.classify(table, PRIORS)
        without = {
            "one": NaiveBayesClassifier(records, weights=[1, 0, 1]),
            "two": NaiveBayesClassifier(records, weights=[1, 1, 0]),
        }
        other = {name: m.fit(table).predict(table, PRIORS) for name, m in without.items()}
        found = 0
        for row in range(300):
            expected = " ".join(
                f"{name}:{other[name][row]}"
                for name in ("one", "two")
                if other[name][row] != result["prediction"][row]
            )
            assert result["alternative"][row] == expected
            found += bool(expected)
        assert found > 20

    def test_predictions_agree(self):
        table = make_table()
        model = NaiveBayesClassifier(["u", "w"]).fit(table)
        result = model.classify(table, PRIORS)
        probability = model.predict_proba(table, PRIORS)
        assert_allclose(probability[:, 1], result["P_B"], rtol=1e-12)
        assert_allclose(np.exp(model.predict_log_proba(table, PRIORS)), probability)
        assert_array_equal(model.predict(table, PRIORS), result["prediction"])

    def test_one_row(self):
        table = make_table()
        table["source_id"] = np.arange(90)
        model = NaiveBayesClassifier(["u", "w"]).fit(table)
        assert_array_equal(
            model.predict_proba(table[7:8], PRIORS)[0], model.predict_proba(table, PRIORS)[7]
        )

    def test_no_prior_warns(self):
        table = make_table()
        model = NaiveBayesClassifier(["u", "w"]).fit(table)
        with pytest.warns(PriorWarning, match="no priors were given"):
            found = model.predict_proba(table)
        assert_array_equal(found, model.predict_proba(table, "training"))

    def test_not_fitted(self):
        model = NaiveBayesClassifier(["u"])
        for method in (model.classify, model.predict, model.evaluate, model.optimize):
            with pytest.raises(NotFittedError, match="not fitted yet: call fit"):
                method(make_table())

    def test_bad_table(self):
        model = NaiveBayesClassifier(["u", "w"]).fit(make_table())
        with pytest.raises(KeyError, match="table has no column 'w'; its columns are u"):
            model.classify(Table({"u": [1.0]}), PRIORS)
        with pytest.raises(ValueError, match="table is empty"):
            model.classify(make_table()[:0], PRIORS)
        with pytest.raises(TypeError, match="column 'w' of table must hold one number a row"):
            model.classify(Table({"u": [1.0], "w": ["x"]}), PRIORS)
        with pytest.raises(TypeError, match="table must be an astropy Table, got dict"):
            model.classify({"u": [1.0]}, PRIORS)


class TestSettings:
    @pytest.mark.parametrize(
        ("arguments", "error", "message"),
        [
            ({"normalization": "slide"}, ValueError, "normalization must be one of 'none', 'pub"),
            ({"missing": -20}, ValueError, "missing must be one of 'existence'"),
            ({"kernel": "box"}, ValueError, "kernel must be one of 'exponential', 'gaussian'"),
            ({"bandwidth": "scott"}, ValueError, "bandwidth must be one of 'published'"),
            ({"bandwidth": 0}, ValueError, "bandwidth must be above 0, got 0"),
            ({"floor": 0}, ValueError, "floor must be above 0 and below 1, got 0"),
            ({"floor": 1}, ValueError, "floor must be above 0 and below 1, got 1"),
            ({"min_class_size": 0}, ValueError, "min_class_size must be at least 1, got 0"),
            ({"min_class_size": 2.5}, TypeError, "min_class_size must be an integer"),
            ({"classes": ["A"]}, ValueError, r"classes must be two or more different names, got"),
            ({"classes": ["A", "B", "A"]}, ValueError, "two or more different names"),
            (
                {"classes": "AB"},
                TypeError,
                "classes must be a sequence of names, got the string 'AB'",
            ),
            ({"weights": [1, 2]}, ValueError, r"weights must be 3 numbers \(missing, one, two\)"),
            ({"weights": [1, -2, 1]}, ValueError, "weight of 'one' must be at least 0, got -2"),
            ({"weights": {"three": 1}}, ValueError, r"categories of the model \(one, two, mis"),
            ({"weights": "best"}, ValueError, "weights must be 'published', a mapping or"),
            ({"weights": "published"}, ValueError, "the published categories .* has one, two"),
            (
                {"weights": [1, 0, 0], "normalization": "published"},
                ValueError,
                "weights must have a positive one among one, two",
            ),
        ],
    )
    def test_errors(self, arguments, error, message):
        with pytest.raises(error, match=message):
            NaiveBayesClassifier({"one": ["u"], "two": ["w"]}, **arguments)

    def test_published_weights(self):
        model = NaiveBayesClassifier(["b", "hr1"], weights="published")
        assert model.normalization == "published"
        assert model.weights == {"location": 9.0, "spectrum": 8.58, "missing": 0.75}

    def test_weights_survive_a_fit(self):
        table = make_table()
        model = NaiveBayesClassifier({"one": ["u"], "two": ["w"]}, weights=[0.1, 2, 3])
        assert model.fit(table).weights == {"one": 2, "two": 3, "missing": 0.1}
        model.set_weights({"one": 5})
        assert model.fit(table).weights == {"one": 5, "two": 1, "missing": 1}

    def test_weights_before_the_properties_are_known(self):
        table = make_table()
        table.rename_columns(["u", "w"], ["hr1", "log_lx"])
        model = NaiveBayesClassifier()
        model.set_weights({"spectrum": 5})
        assert model.fit(table).weights == {"spectrum": 5, "location": 1, "missing": 1}

    def test_default_properties_are_those_of_each_table(self):
        table = make_table()
        model = NaiveBayesClassifier()
        model.fit(Table({"class": table["class"], "hr1": table["u"]}))
        model.fit(Table({"class": table["class"], "hr2": table["u"], "gamma": table["w"]}))
        assert [record.column for record in model.properties] == ["hr2", "gamma"]

    def test_a_copy_is_apart_from_the_model(self):
        model = NaiveBayesClassifier(["u", "w"]).fit(make_table())
        before = dict(model.weights)
        other = copy.copy(model)
        other.optimize(make_table(), "training", training=True)
        assert model.weights == before != other.weights
        assert model.search is None

    def test_what_a_fit_finds_is_not_there_before(self):
        with pytest.raises(NotFittedError, match="not fitted yet"):
            NaiveBayesClassifier(["u"]).classes_  # noqa: B018 - the look-up is the test
        assert not hasattr(NaiveBayesClassifier(), "weights")

    def test_repr(self):
        model = NaiveBayesClassifier(["u"])
        assert repr(model) == "<NaiveBayesClassifier: not fitted>"
        assert repr(model.fit(make_table())) == "<NaiveBayesClassifier: classes A, B, C>"

    @pytest.mark.parametrize(
        ("weights", "message"),
        [
            (np.ones(3), r"sample_weight must be 90 positive numbers, got shape \(3,\)"),
            (np.zeros(90), "sample_weight must be 90 positive numbers"),
            (np.full(90, np.nan), "sample_weight must be 90 positive numbers"),
            (
                MaskedColumn(np.ones(90), mask=np.arange(90) == 3),
                r"got shape \(90,\), 1 of them not positive such as nan",
            ),
        ],
    )
    def test_bad_sample_weight(self, weights, message):
        with pytest.raises(ValueError, match=message):
            NaiveBayesClassifier(["u"]).fit(make_table(), sample_weight=weights)

    def test_fit_leaves_the_table(self):
        table = make_table()
        before = table.copy()
        NaiveBayesClassifier(["u", "w"]).fit(table)
        assert_array_equal(table["u"], before["u"])
        assert table.colnames == before.colnames


class TestLearned:
    def test_density_integrates_to_one(self):
        model = NaiveBayesClassifier(["u", "w"]).fit(make_table())
        grid = np.linspace(-60, 60, 200_001)
        density = model.density("u", grid)
        # The floor is a uniform density over the range, and decays beyond it.
        assert_allclose(np.trapezoid(density, grid, axis=0), 1, atol=0.03)
        assert model.density("u", [np.nan, 0.0]).shape == (2, 3)
        assert np.all(np.isnan(model.density("u", [np.nan, 0.0])[0]))
        with pytest.raises(KeyError, match=r"column must be a property .*, got 'x'; it has u, w"):
            model.density("x", [0.0])

    def test_density_in_any_order(self):
        model = NaiveBayesClassifier(["u"]).fit(make_table())
        points = np.array([0.3, np.nan, -2, 5, 0.3])
        each = [model.density("u", [point])[0] for point in points]
        assert_allclose(model.density("u", points), each, rtol=1e-12)

    def test_training_values(self):
        table = make_table()
        values, codes = (
            NaiveBayesClassifier([Property("v", scale="log10")]).fit(table).training_values("v")
        )
        present = ~np.isnan(table["v"])
        assert_allclose(values, np.log10(table["v"][present]))
        assert_array_equal(codes, (np.arange(90) % 3)[present])

    @pytest.mark.parametrize("unit", ["deg", "arcsec"])
    def test_unit_that_the_training_sample_had_not(self, unit, recwarn):
        table = make_table()
        model = NaiveBayesClassifier(["u", "w"]).fit(table)
        other = table.copy()
        other["u"].unit = unit
        other["w"].unit = "dex"  # a pure number
        with pytest.warns(ClaxboiWarning, match=rf"no unit in its training .*: u \[{unit}\]\. "):
            model.predict(other, PRIORS)
        recwarn.clear()
        model.predict(table, PRIORS)
        assert not recwarn.list

    def test_quantities(self):
        table = make_table()
        table["u"].unit = "deg"
        model = NaiveBayesClassifier(["u", "w"])
        one = model.fit(table).classify(table, PRIORS)
        quantities = QTable(table)
        other = model.fit(quantities).classify(quantities, PRIORS)
        assert isinstance(other, QTable)
        assert_array_equal(one["P_A"], other["P_A"])
