# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of the refined classifier as a whole.
"""

import logging

import numpy as np
import pytest
from astropy.table import MaskedColumn, Table
from numpy.testing import assert_allclose, assert_array_equal

from claxboi import classify
from claxboi.classification import NaiveBayesClassifier, fit_classifier
from claxboi.classification._population import find_differences

COLUMNS = {"one": ["x", "y"], "two": ["z"]}
PRIORS = {"A": 0.5, "B": 0.3, "C": 0.2}
CLASSES = ["A", "B", "C"]


def make_table(seed, n=450, *, missing=0.15, labelled=1.0):
    """Draw sources whose classes differ in the correlation of two properties."""
    rng = np.random.default_rng(seed)
    codes = rng.choice(3, n, p=[0.5, 0.3, 0.2])
    common = rng.normal(size=n)
    x = common * 1.5 + rng.normal(size=n) + 0.5 * codes
    y = np.where(codes == 1, -1.5, 1.5) * common + rng.normal(size=n) + 0.5 * codes
    z = rng.normal(size=n) + codes
    for values in (x, y, z):
        values[rng.random(n) < missing] = np.nan
    names = np.array(CLASSES)[codes]
    label = MaskedColumn(names, mask=rng.random(n) >= labelled)
    return Table(
        {"source_id": [f"s{k}" for k in range(n)], "x": x, "y": y, "z": z, "class": label}
    ), names


def fit(table, **settings):
    model = NaiveBayesClassifier(COLUMNS, **settings).fit(table)
    model.optimize(table, "training")
    return model


@pytest.fixture(scope="module")
def table():
    return make_table(1, labelled=0.8)[0]


@pytest.fixture(scope="module")
def model(table):
    return fit(table)


@pytest.fixture(scope="module")
def result(model, table):
    return model.classify(table, PRIORS)


def log_loss(model, table, names, priors="training"):
    codes = np.searchsorted(CLASSES, names)
    log_posterior = model.predict_log_proba(table, priors)
    return -log_posterior[np.arange(len(codes)), codes]


def test_correlated_properties_are_calibrated_by_it():
    """Held out and on new sources: better scores, and probabilities that are right as often."""
    losses, posteriors = {False: [], True: []}, {False: [], True: []}
    truth, signs = [], []
    for seed in range(5):
        training, _ = make_table(seed, n=900)
        new, names = make_table(seed + 50, n=2000)
        new.remove_columns(["class", "source_id"])
        truth.append(np.searchsorted(CLASSES, names))
        signs.append(np.sign(new["x"] * new["y"]))
        for refine in (False, True):
            model = fit(training, refine=refine)
            loss = log_loss(model, new, names)
            # The score that the model states for itself holds for new sources.
            assert abs(model.search.score - loss.mean()) < 4 * loss.std() / np.sqrt(900)
            losses[refine].append(loss)
            posteriors[refine].append(model.predict_proba(new, "training"))
    gain = np.concatenate(losses[False]) - np.concatenate(losses[True])
    assert gain.mean() > 10 * gain.std() / np.sqrt(len(gain))
    # Where x and y have unlike signs B is far more probable: only a pair knows it.
    unlike = np.concatenate(signs) < 0
    is_b = np.concatenate(truth) == CLASSES.index("B")
    before, after = (
        np.concatenate(posteriors[refine])[unlike, 1].mean() - is_b[unlike].mean()
        for refine in (False, True)
    )
    assert before < -0.1, (before, after)
    assert abs(after) < 0.05, (before, after)


@pytest.mark.parametrize("n", [60, 150])
def test_it_is_no_worse_in_small_samples(n):
    differences = []
    for seed in range(6):
        training, _ = make_table(seed, n=n)
        new, names = make_table(seed + 50, n=1000)
        new.remove_columns(["class", "source_id"])
        scores = [log_loss(fit(training, refine=r), new, names).mean() for r in (True, False)]
        differences.append(scores[0] - scores[1])
    error = np.std(differences, ddof=1) / np.sqrt(len(differences))
    assert np.mean(differences) < 2 * error


def test_an_independent_property_changes_little(table):
    more = table.copy()
    more["noise"] = np.random.default_rng(2).normal(size=len(table))
    model = NaiveBayesClassifier({**COLUMNS, "three": ["noise"]}).fit(more)
    model.optimize(more, "training")
    assert model.search.score < fit(table).search.score + 0.02


def test_the_order_of_rows_and_the_unit_do_not_matter(table, model):
    rows = np.random.default_rng(3).permutation(len(table))
    other = fit(table[rows])
    expected = model.predict_proba(table, PRIORS)
    assert_allclose(other.predict_proba(table, PRIORS), expected, atol=1e-4)
    scaled = table.copy()
    scaled["x"] *= 1e-3
    assert_allclose(fit(scaled).predict_proba(scaled, PRIORS), expected, atol=1e-3)


def test_a_row_of_weight_two_counts_as_two_rows_of_one_source(table):
    labelled = table[~table["class"].mask]
    twice = labelled[np.append(np.arange(len(labelled)), np.arange(20))]
    weights = 1.0 + (np.arange(len(labelled)) < 20)
    heavy = NaiveBayesClassifier(COLUMNS).fit(labelled, sample_weight=weights)
    double = NaiveBayesClassifier(COLUMNS).fit(twice)
    for model, sample in ((heavy, labelled), (double, twice)):
        model.optimize(sample, "training")
    new = make_table(9)[0]
    new.remove_columns(["class", "source_id"])
    assert_allclose(heavy.predict_proba(new, PRIORS), double.predict_proba(new, PRIORS), atol=0.01)


def test_the_file_keeps_it(model, table, result, tmp_path):
    model.write(tmp_path / "model.ecsv")
    read = NaiveBayesClassifier.read(tmp_path / "model.ecsv")
    for name in ("P_A", "P_B_one", "outlier", "outlier_pvalue"):
        assert_array_equal(read.classify(table, PRIORS)[name], result[name])
    assert str(read.explain(result[3])) == str(model.explain(result[3]))


def test_parts_of_a_table_have_the_same_answer(model, table, result):
    for part in (slice(0, 7), slice(100, 101), slice(200, 350)):
        assert_allclose(model.classify(table[part], PRIORS)["P_A"], result["P_A"][part], atol=1e-12)


def test_marginal_probabilities_and_alternatives(model, table, result):
    """A category alone, and all without it: pairs with another category are in neither."""
    for row in (2, 40, 77, 301):
        parts = model.explain(result[row]).parts
        kind, category = parts["kind"], parts["category"]
        nats = np.array([parts[name] for name in CLASSES])
        across = (kind == "pair") & (category == "")
        names = np.array([str(name) for name in parts["name"]])
        for t, members in COLUMNS.items():
            alone = ((kind == "property") | (kind == "pair")) & (category == t)
            joint = np.exp(nats[:, alone].sum(axis=1))
            expected = joint / joint.sum()
            assert_allclose([result[f"P_{c}_{t}"][row] for c in CLASSES], expected, atol=1e-9)
            touched = across & np.array(
                [any(m in n.split(" with ") for m in members) for n in names]
            )
            best = np.argmax(nats[:, ~alone & ~touched].sum(axis=1))
            said = dict(part.split(":") for part in str(result["alternative"][row]).split())
            assert said.get(t, str(result["prediction"][row])) == CLASSES[best]


def test_outlier_measures_are_those_of_the_published_formula(model, table, result):
    refined = model.classify(table, PRIORS)
    other = NaiveBayesClassifier(COLUMNS, refine=False).fit(table)
    assert_array_equal(refined["outlier_pvalue"], other.classify(table, PRIORS)["outlier_pvalue"])
    # The largest prior times likelihood, with the exponents and the offsets of the model.
    new = table.copy()
    new["source_id"] = [f"new{k}" for k in range(len(new))]
    other._core.fit_rows(model.properties, CLASSES, model._core.training)
    other.weights, other.offsets = dict(model.weights), dict(model.offsets)
    assert_allclose(
        model.classify(new, PRIORS)["outlier"], other.classify(new, PRIORS)["outlier"], atol=1e-9
    )


def test_priors_of_any_kind(model, table, result):
    each = np.tile(list(PRIORS.values()), (len(table), 1))
    assert_allclose(model.classify(table, each)["P_A"], result["P_A"], atol=1e-12)
    new = np.asarray(table["class"].mask)
    estimate = model.estimate_priors(table, n_resamples=0)
    assert estimate.n_sources == new.sum()
    assert_allclose(estimate.proportions.sum(), 1)
    none = model.classify(table, {"A": 0.5, "B": 0.5, "C": 0.0})
    assert not none["P_C"].any()


def test_soft_labels_and_k_folds(table):
    labelled = table[~table["class"].mask]
    soft = labelled[np.append(np.arange(len(labelled)), np.arange(15))]
    soft["class"][len(labelled) :] = "C"
    soft["weight"] = 1.0
    soft["weight"][:15] = soft["weight"][len(labelled) :] = 0.5
    model = NaiveBayesClassifier(COLUMNS).fit(soft, sample_weight=soft["weight"])
    search = model.optimize(soft, "training")
    assert np.isfinite(search.score)
    # Both rows of a source are held out of both classes.
    posterior = model.predict_proba(soft, "training")
    assert_allclose(posterior[:15], posterior[len(labelled) :], atol=1e-12)
    evaluation = model.evaluate(soft, "training", method="k-fold", n_folds=3, rng=1)
    assert abs(evaluation.log_loss - model.evaluate(soft, "training").log_loss) < 0.2


def test_presence_is_no_term_where_labelled_sources_are_brighter(caplog):
    table, _ = make_table(4, n=600)
    rng = np.random.default_rng(0)
    unlabelled = rng.random(600) < 0.5
    table["class"].mask = unlabelled
    alike = fit(table)
    assert any(term.kind == "presence" for term in alike._core.refinement.listed)
    table["flux"] = 10 ** rng.normal(np.where(unlabelled, -14.5, -14), 0.3)
    with caplog.at_level(logging.INFO, logger="claxboi"):
        other = fit(table)
    assert "no terms of presence" in caplog.text
    assert "differ in flux" in caplog.text
    assert not any(term.kind == "presence" for term in other._core.refinement.listed)
    assert other._core.refinement.factor > alike._core.refinement.factor
    # Another table to be classified counts too.
    bright, faint = table[~unlabelled], table[unlabelled]
    model, _ = fit_classifier(bright, "training", table=faint, properties=COLUMNS)
    assert not any(term.kind == "presence" for term in model._core.refinement.listed)


def test_differences_of_populations():
    rng = np.random.default_rng(1)
    values = rng.normal(size=(2, 400))
    assert find_differences(values, values[:, :200], ["x", "y"], None) == []
    faint = values[:, :200].copy()
    faint[1, rng.random(200) < 0.4] = np.nan
    (text,) = find_differences(values, faint, ["x", "y"], None)
    assert text.startswith("y is known for 100 % of the labelled")
    assert find_differences(values, faint[:, :20], ["x", "y"], None) == []


def test_it_is_for_fitted_and_free_exponents(table):
    assert fit(table, refine=False)._core.refinement is None
    model = NaiveBayesClassifier(COLUMNS, normalization="published").fit(table)
    assert not model.refine
    model = fit(table)
    model.set_weights({"one": 1.0})
    assert model._core.refinement is None
    assert not model.offsets
    with pytest.raises(TypeError, match="refine must be True or False, got 'yes'"):
        NaiveBayesClassifier(COLUMNS, refine="yes")
    for wrong in (0, -1, "more"):
        with pytest.raises((TypeError, ValueError), match="shrinkage must be"):
            NaiveBayesClassifier(COLUMNS, shrinkage=wrong)
    assert fit(table, shrinkage="cv")._core.refinement.factor > 0


def test_a_decision_changes_predictions_alone(model, table, result):
    balanced = model.classify(table, PRIORS, decision="balanced")
    assert_array_equal(balanced["P_C"], result["P_C"])
    assert np.mean(balanced["prediction"] == "C") > np.mean(result["prediction"] == "C")
    assert "largest probability times" in balanced.meta["claxboi"]["classification"]["decision"]
    chosen = model.classify(table, PRIORS, decision={"f1": "C"})
    said = chosen["prediction"] == "C"
    assert chosen["P_C"][said].min() > chosen["P_C"][~said].max()
    costs = model.classify(table, PRIORS, decision={"C": 1e6})
    assert np.all(costs["prediction"] == "C")
    scores = [
        model.evaluate(table, PRIORS, decision=rule).balanced_accuracy
        for rule in ("probable", "balanced")
    ]
    assert scores[1] > scores[0]
    assert "largest probability" in model.evaluate(table, PRIORS, decision="balanced").method
    with pytest.raises(ValueError, match="decision must name classes of the model"):
        classify(table, PRIORS, decision={"f1": "QSO"}, properties=COLUMNS)


def test_training_rows_are_held_out_once(table):
    """What is kept from the fit is what each source gives alone, and changed values are not it."""
    model = fit(table)
    kept = model.predict_log_proba(table, PRIORS)
    assert model._core._held_out[0] is model._core.refinement
    model._core._held_out = None
    # Too few of the training rows to keep all of them.
    parts = [model.predict_log_proba(table[k : k + 90], PRIORS) for k in range(0, len(table), 90)]
    assert model._core._held_out is None
    assert_allclose(kept, np.concatenate(parts), rtol=0, atol=1e-12)
    changed = table.copy()
    changed["x"][:50] += 0.5
    alone = model.predict_log_proba(changed[:50], PRIORS)
    model.predict_log_proba(table, PRIORS)
    assert model._core._held_out is not None
    assert_allclose(model.predict_log_proba(changed, PRIORS)[:50], alone, rtol=0, atol=1e-12)
