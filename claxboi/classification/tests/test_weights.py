# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of the search for weights: optima, gradients, f1, interruption.
"""

import numpy as np
import pytest
from astropy.table import Table
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import approx_fprime, minimize

from claxboi.classification import (
    Evaluation,
    IdentityWarning,
    NaiveBayesClassifier,
    _search,
    weights,
)
from claxboi.classification._search import population_weights
from claxboi.classification._table_reading import read_sources
from claxboi.classification.posterior import NORMALIZATIONS
from claxboi.classification.weights import (
    OFFSET_PULL,
    PUBLISHED_WEIGHTS,
    PULL,
    fit_log_loss,
    largest,
    parse_weights,
)
from claxboi.simulation import make_labelled_sample

PRIORS = {"A": 0.7, "B": 0.2, "C": 0.1}
PROPERTIES = {"one": ["u", "u2"], "two": ["w"]}


@pytest.fixture
def table():
    rng = np.random.default_rng(1)
    n = 600
    codes = rng.choice(3, n, p=[0.4, 0.4, 0.2])
    table = Table({"class": np.array(list("ABC"))[codes]})
    table["u"] = rng.normal(codes)
    # A noisy copy of u: naive Bayes counts it twice, so its category deserves less.
    table["u2"] = table["u"] + 0.1 * rng.normal(size=n)
    table["w"] = np.where(rng.random(n) < 0.3 * codes, np.nan, rng.normal(-1.0 * codes))
    return table


@pytest.fixture
def model(table):
    return NaiveBayesClassifier(PROPERTIES, refine=False).fit(table)


@pytest.fixture
def problem():
    rng = np.random.default_rng(2)
    n = 400
    codes = rng.integers(0, 3, n)
    features = rng.normal(size=(3, 3, n))
    features[:, codes, np.arange(n)] += np.array([[0.8], [0.3], [0.0]])
    features[2] = 0.0
    log_prior = np.log(rng.dirichlet(np.ones(3), n).T)
    row_weights = rng.uniform(0.5, 2, n)
    row_weights *= n / row_weights.sum()
    return features, codes, log_prior, row_weights


def slow_loss(parameters, features, codes, log_prior, row_weights, *, offsets=False):
    """Sum the log-loss over sources one by one, with the pulls."""
    n_terms, _, n = features.shape
    total = 0.0
    for s in range(n):
        joint = log_prior[:, s] + sum(parameters[t] * features[t, :, s] for t in range(n_terms))
        if offsets:
            joint = joint + parameters[n_terms:]
        total -= row_weights[s] * (joint[codes[s]] - np.log(np.exp(joint).sum()))
    exponents = np.array(parameters[:2])  # the third term says nothing
    total += PULL * np.sum((exponents - exponents.mean()) ** 2)
    if offsets:
        total += OFFSET_PULL * np.sum(np.array(parameters[n_terms:]) ** 2)
    return total / n


class TestFitLogLoss:
    @pytest.mark.parametrize("offsets", [False, True])
    def test_optimum(self, problem, offsets):
        found, history, interrupted = fit_log_loss(*problem, offsets=offsets)
        start = np.concatenate([np.ones(3), np.zeros(3 * offsets)])
        bounds = [(0, 10)] * 3 + [(None, None)] * (3 * offsets)
        best = (
            minimize(
                slow_loss,
                start,
                args=problem,
                method="L-BFGS-B",
                bounds=bounds,
                options={"ftol": 1e-14},
            )
            if not offsets
            else minimize(
                lambda p: slow_loss(p, *problem, offsets=True),
                start,
                method="L-BFGS-B",
                bounds=bounds,
                options={"ftol": 1e-14},
            )
        )
        free = [0, 1, 3, 4, 5] if offsets else [0, 1]
        assert_allclose(found[free], best.x[free], atol=2e-3)
        assert slow_loss(found, *problem, offsets=offsets) < best.fun + 1e-6
        assert not interrupted
        # The last step of the history is the best, its score without the pulls.
        assert_array_equal(history[-1][1], found)
        assert history[-1][0] < history[0][0]

    @pytest.mark.parametrize("offsets", [False, True])
    def test_gradient(self, problem, offsets, monkeypatch):
        seen = {}

        def spy(loss, start, **kwargs):
            seen["loss"] = loss
            loss(start)

        monkeypatch.setattr(weights, "minimize", spy)
        fit_log_loss(*problem, offsets=offsets)
        rng = np.random.default_rng(3)
        for _ in range(3):
            point = np.concatenate([rng.uniform(0.1, 2, 3), rng.normal(size=3 * offsets)])
            value, gradient = seen["loss"](point)
            assert_allclose(value, slow_loss(point, *problem, offsets=offsets), rtol=1e-12)
            numeric = approx_fprime(point, lambda p: seen["loss"](p)[0], 1e-7)
            assert_allclose(gradient, numeric, atol=1e-5)

    def test_recovers_exponents(self):
        # Classes drawn from the model itself.
        rng = np.random.default_rng(4)
        n, truth = 20_000, np.array([0.3, 1.2, 0.6])
        features = rng.normal(size=(3, 3, n))
        joint = np.einsum("t,tcn->cn", truth, features)
        codes = (joint + rng.gumbel(size=(3, n))).argmax(axis=0)
        found, _, _ = fit_log_loss(features, codes, np.zeros((3, 1)), np.ones(n))
        assert_allclose(found, truth, atol=0.05)

    def test_never_negative(self):
        rng = np.random.default_rng(5)
        codes = rng.integers(0, 2, 300)
        features = rng.normal(size=(2, 2, 300))
        features[0, codes, np.arange(300)] -= 1  # speaks for the wrong class
        features[1, codes, np.arange(300)] += 1
        found, _, _ = fit_log_loss(features, codes, np.zeros((2, 1)), np.ones(300))
        assert found[0] < 1e-6
        assert found[1] > 0.5

    def test_pull_ties_what_little_data_cannot(self):
        # Of three sources the exponents cannot be told apart: they stay equal.
        features = np.zeros((2, 2, 4))
        codes = np.array([0, 1, 0, 1])
        features[0, codes, np.arange(4)] = 0.1
        features[1, codes, np.arange(4)] = 0.1
        found, _, _ = fit_log_loss(features, codes, np.zeros((2, 1)), np.ones(4))
        assert_allclose(found[0], found[1], atol=1e-3)

    def test_interrupted(self, problem, monkeypatch):
        def stop(loss, start, **kwargs):
            loss(start)
            loss(np.array([0.5, 0.2, 0.3]))
            loss(np.array([9.0, 9, 9]))
            raise KeyboardInterrupt

        monkeypatch.setattr(weights, "minimize", stop)
        found, history, interrupted = fit_log_loss(*problem)
        assert interrupted
        assert_array_equal(found, [0.5, 0.2, 0.3])
        assert len(history) == 3

    def test_interrupted_at_once(self, problem, monkeypatch):
        def stop(loss, start, **kwargs):
            raise KeyboardInterrupt

        monkeypatch.setattr(weights, "minimize", stop)
        with pytest.raises(KeyboardInterrupt):
            fit_log_loss(*problem)


class TestPopulationWeights:
    def test_by_hand(self):
        codes = np.array([0, 0, 0, 1])
        found = population_weights(codes, np.array([0.5, 0.5]), np.ones(4))
        assert_allclose(found, [2 / 3, 2 / 3, 2 / 3, 2])

    def test_sample_weights(self):
        codes = np.array([0, 0, 1])
        found = population_weights(codes, np.array([0.5, 0.5]), np.array([3.0, 1, 7]))
        assert_allclose(found, [1.5 * 0.75, 1.5 * 0.25, 1.5])

    def test_class_without_source(self):
        found = population_weights(np.array([0, 0]), np.array([0.5, 0.5]), np.ones(2))
        assert_allclose(found, [1, 1])


class TestOptimizeLogLoss:
    def test_optimum(self, table, model):
        """Minimise the log-loss of held-out predictions as anyone would."""
        codes = np.searchsorted(list("ABC"), table["class"])
        counts = np.bincount(codes)
        row_weights = (np.array(list(PRIORS.values())) / counts)[codes]
        row_weights *= len(codes) / row_weights.sum()

        def loss(point):
            model.set_weights({"one": point[0], "two": point[1], "missing": point[2]})
            log_posterior = model.predict_log_proba(table, PRIORS)
            pull = PULL * np.sum((point - np.mean(point)) ** 2)
            scores = log_posterior[np.arange(len(codes)), codes]
            return (-np.sum(row_weights * scores) + pull) / len(codes)

        best = minimize(loss, np.ones(3), method="L-BFGS-B", bounds=[(0, 10)] * 3)
        search = model.optimize(table, PRIORS)
        found = np.array([search.weights[name] for name in ("one", "two", "missing")])
        assert_allclose(found, best.x, atol=0.01)
        # Twice the same information: half the exponent of the other category.
        assert 0.3 < found[0] / found[1] < 0.75

    def test_scores_are_cross_validated(self, table, model):
        search = model.optimize(table, PRIORS)
        log_posterior = model.predict_log_proba(table, PRIORS)
        codes = np.searchsorted(list("ABC"), table["class"])
        row_weights = population_weights(codes, np.array(list(PRIORS.values())), np.ones(600))
        score = -np.average(log_posterior[np.arange(600), codes], weights=row_weights)
        assert_allclose(search.score, score, rtol=1e-9)
        assert search.fold_weights.shape == (5, 3 + 3)
        everywhere = [search.weights[name] for name in ("one", "two", "missing")]
        for each in search.fold_weights:
            assert not np.array_equal(each[:3], everywhere)
            assert_allclose(each[:3], everywhere, atol=0.3)
        # New sources have the weights of all.
        new = Table({"u": [0.3], "u2": [0.3], "w": [-1.0]})
        one = model.predict_proba(new, PRIORS)
        model.set_weights(search.weights)
        assert_array_equal(model.predict_proba(new, PRIORS), one)
        assert np.any(model.predict_log_proba(table, PRIORS) != log_posterior)

    def test_each_fold_is_fitted_without_it(self, table, model):
        search = model.optimize(table, PRIORS, n_folds=3)
        sources = read_sources(model, table)
        fold = _search.deal_folds(model._core.training.keys, 3)
        codes = np.searchsorted(list("ABC"), table["class"])
        whole = population_weights(codes, np.array(list(PRIORS.values())), np.ones(600))
        terms = _search.collect_terms(model._core, sources)
        features = _search.combine(terms, np.ones(2), 1.0, "none", "existence").contributions
        log_prior = np.log(list(PRIORS.values()))[:, np.newaxis]
        for k in range(3):
            rest = fold != k
            weight = whole[rest] / whole[rest].mean()
            alone, _, _ = fit_log_loss(
                np.ascontiguousarray(features[..., rest]), codes[rest], log_prior, weight
            )
            assert_allclose(search.fold_weights[k, :3], alone, atol=5e-3)

    def test_offsets(self, table, model):
        # The densities of C are wrong by a constant: an offset mends that.
        search = model.optimize(table, "training", offsets=True)
        assert set(search.offsets) == set("ABC")
        assert_allclose(sum(search.offsets.values()), 0, atol=1e-3)
        assert model.offsets == search.offsets
        result = model.classify(table, "training")
        assert result.meta["claxboi"]["classification"]["offsets"] == search.offsets
        without = NaiveBayesClassifier(PROPERTIES, refine=False).fit(table)
        without = without.optimize(table, "training")
        assert search.score < without.score + 0.01

    def test_priors_matter(self, table, model):
        one = model.optimize(table, PRIORS)
        other = model.optimize(table, {"A": 0.01, "B": 0.01, "C": 0.98})
        assert abs(one.weights["two"] - other.weights["two"]) > 0.01

    def test_another_table(self, table, model):
        rng = np.random.default_rng(6)
        new = table[rng.permutation(600)[:200]]
        new["w"] = new["w"] + 0.01
        with pytest.warns(IdentityWarning, match="assumed that none of the 200 labelled rows"):
            search = model.optimize(new, PRIORS)
        assert search.n_sources == 200
        assert model.optimize(new, PRIORS, training=False).score == search.score

    def test_sets_the_model(self, table, model):
        search = model.optimize(table, PRIORS)
        assert model.weights == search.weights
        assert str(search).startswith("log_loss 0.")
        assert "600 held-out sources" in str(search)
        assert search.history.colnames == ["step", "log_loss", "one", "two", "missing"]
        assert_array_equal(search.history["step"], np.arange(len(search.history)))

    def test_same_again(self, table, model):
        one, other = (model.optimize(table, PRIORS) for _ in range(2))
        assert one.weights == other.weights

    def test_beats_equal_weights(self, table, model):
        before = model.evaluate(table, "training").log_loss
        model.optimize(table, "training")
        assert model.evaluate(table, "training").log_loss < before

    def test_table_is_not_changed(self, table, model):
        before = table.copy()
        model.optimize(table, PRIORS)
        assert_array_equal(table["u"], before["u"])
        assert table.colnames == before.colnames

    @pytest.mark.parametrize(
        ("options", "error", "message"),
        [
            ({"objective": "accuracy"}, ValueError, "objective must be one of 'log_loss', 'f1'"),
            ({"n_folds": 1}, ValueError, "n_folds must be at least 2, got 1"),
            ({"target": "A"}, ValueError, "goes with objective 'f1'; got 'A'"),
            ({"objective": "f1", "target": "D"}, ValueError, r"class of the model \(A, B, C\)"),
            ({"objective": "f1", "offsets": True}, ValueError, "offsets go with objective 'log"),
            ({"label": "type"}, KeyError, "table has no label column 'type'"),
            ({"priors": [0.5, 0.5]}, ValueError, "one number for each of the 3 classes"),
            ({"max_iterations": 0}, ValueError, "max_iterations must be at least 1"),
        ],
    )
    def test_errors(self, table, model, options, error, message):
        with pytest.raises(error, match=message):
            model.optimize(table, **({"priors": PRIORS} | options))

    def test_needs_free_exponents(self, table):
        model = NaiveBayesClassifier(PROPERTIES, normalization="published").fit(table)
        with pytest.raises(ValueError, match="needs normalization='none'; this model has norm"):
            model.optimize(table, PRIORS)

    def test_no_label_of_the_model(self, table, model):
        table["class"] = "?"
        with pytest.raises(ValueError, match=r"no row of column 'class' has a class of the model"):
            model.optimize(table, PRIORS)


class TestOptimizeF1:
    @pytest.mark.parametrize("normalization", NORMALIZATIONS)
    @pytest.mark.parametrize("target", [None, "C"])
    def test_objective_is_that_of_the_evaluation(self, table, normalization, target, monkeypatch):
        model = NaiveBayesClassifier(PROPERTIES, normalization=normalization).fit(table)
        seen = {}

        def spy(objective, n_terms, **options):
            seen["objective"] = objective
            return np.array([0.3, 1.5, 0.8]), [(0.0, np.ones(3))], False

        monkeypatch.setattr(_search, "search_f1", spy)
        monkeypatch.setattr(_search, "_draw_to_priors", lambda codes, *rest: np.arange(len(codes)))
        search = model.optimize(table, PRIORS, objective="f1", target=target)
        assert model.weights == {"one": 0.3, "two": 1.5, "missing": 0.8}
        evaluation = Evaluation(
            _confusion(table["class"], model.predict(table, PRIORS)), list("ABC"), priors=PRIORS
        )
        f1 = np.array(evaluation.per_class["f1_corrected"])
        assert_allclose(search.score, f1.mean() if target is None else f1[2], rtol=1e-12)
        # All weights zero: the class with the largest prior.
        assert 0 <= seen["objective"](np.zeros(3)) < 0.4

    def test_seeded(self, table, model):
        one, other, third = (
            model.optimize(table, PRIORS, objective="f1", target="C", max_iterations=3, rng=rng)
            for rng in (1, 1, 2)
        )
        assert one.weights == other.weights
        assert one.weights != third.weights
        assert one.score >= one.history["f1"][0]
        assert np.all(np.diff(one.history["f1"]) >= 0)
        assert one.target == "C"
        assert str(one).startswith("f1 of C 0.")

    def test_finds_the_better_weights(self, table, model):
        search = model.optimize(table, PRIORS, objective="f1", max_iterations=15, rng=3)
        grid = [
            _f1_of(model, table, {"one": a, "two": b, "missing": c})
            for a in (0.0, 1, 5)
            for b in (0.0, 1, 5)
            for c in (0.0, 1)
        ]
        model.set_weights(search.weights)
        assert _f1_of(model, table, search.weights) > np.max(grid) - 0.05

    @pytest.mark.parametrize("after", [5, 40])
    def test_interrupted_keeps_the_best(self, table, model, monkeypatch, after):
        calls = []
        original = weights.F1Objective.__call__

        def limited(self, point):
            if len(calls) == after:
                calls.append(None)
                raise KeyboardInterrupt
            value = original(self, point)
            calls.append((value, np.array(point)))
            return value

        monkeypatch.setattr(weights.F1Objective, "__call__", limited)
        search = model.optimize(table, PRIORS, objective="f1", rng=4)
        assert search.interrupted
        assert "ended by the user" in str(search)
        best = max(calls[:after], key=lambda call: call[0])
        assert_array_equal([search.weights[n] for n in ("one", "two", "missing")], best[1])
        assert model.weights == search.weights
        assert search.history["f1"][-1] == best[0]

    def test_sample_has_the_priors(self):
        codes = np.repeat([0, 1, 2], [100, 80, 50])
        rows = _search._draw_to_priors(codes, np.array([0.5, 0.3, 0.2]), np.random.default_rng(5))
        # The first class is the scarcest: all of its 100 sources.
        assert_array_equal(np.bincount(codes[rows]), [100, 60, 40])
        assert len(np.unique(rows)) == 200

    def test_sample_without_a_class(self):
        codes = np.repeat([0, 1], [10, 10])
        rows = _search._draw_to_priors(codes, np.array([1.0, 0.0]), np.random.default_rng(5))
        assert_array_equal(codes[rows], 0)


def _confusion(truth, prediction):
    names = list("ABC")
    found = np.zeros((3, 3), int)
    for true, predicted in zip(truth, prediction, strict=True):
        found[names.index(true), names.index(predicted)] += 1
    return found


def _f1_of(model, table, chosen):
    model.set_weights(chosen)
    evaluation = Evaluation(
        _confusion(table["class"], model.predict(table, PRIORS)), list("ABC"), priors=PRIORS
    )
    return np.mean(evaluation.per_class["f1_corrected"])


class TestParse:
    NAMES = ("location", "spectrum")

    def test_forms(self):
        assert parse_weights(None, self.NAMES) == {"location": 1, "spectrum": 1, "missing": 1}
        assert parse_weights([0.1, 2, 3], self.NAMES) == {
            "location": 2,
            "spectrum": 3,
            "missing": 0.1,
        }
        assert parse_weights({"spectrum": 4}, self.NAMES)["spectrum"] == 4
        assert parse_weights(np.array([1, 2, 3]), self.NAMES)["missing"] == 1

    def test_published(self):
        found = parse_weights("published", (*self.NAMES, "counterparts", "variability"))
        assert found == PUBLISHED_WEIGHTS
        assert parse_weights(found, tuple(found)[:-1]) == found

    def test_alias(self):
        found = parse_weights({"multiwavelength": 3}, ("counterparts",))
        assert found["counterparts"] == 3

    @pytest.mark.parametrize("value", ["2", True, None])
    def test_types(self, value):
        with pytest.raises(TypeError, match="weight of 'location' must be a number"):
            parse_weights({"location": value}, self.NAMES)

    def test_number_is_no_weights(self):
        with pytest.raises(TypeError, match="weights must be"):
            parse_weights(3, self.NAMES)


def test_largest_takes_the_first_of_equals():
    values = np.array([[1.0, 2, -np.inf], [1, 3, -np.inf], [0, 3, -np.inf]])
    assert_array_equal(largest(values), [0, 1, 0])


def test_search_is_kept_until_weights_are_given():
    table = make_labelled_sample(1200, rng=1)
    model = NaiveBayesClassifier(["hr1", "hr2", "log_fx_fw1"]).fit(table)
    assert model.search is None
    search = model.optimize(table, "training", show_progress=False)
    assert model.search is search
    model.set_weights({"spectrum": 1.0})
    assert model.search is None
