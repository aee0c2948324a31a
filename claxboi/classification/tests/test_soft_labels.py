# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of sources that train several classes, each with a weight.
"""

import numpy as np
import pytest
from astropy.table import Table, vstack
from numpy.testing import assert_allclose, assert_array_equal

from claxboi import classify
from claxboi.classification import NaiveBayesClassifier
from claxboi.classification._crossvalidation import stratified_folds
from claxboi.classification._search import read_labelled
from claxboi.classification._table_reading import read_sources

PROPERTIES = ["hr1", "gamma"]
PRIORS = {"AGN": 0.5, "CV": 0.2, "star": 0.3}


def make_sample(n=300):
    """Every third source is one row for each of two or three classes."""
    rng = np.random.default_rng(1)
    table = Table(
        {
            "source_id": np.arange(n),
            "ra": rng.uniform(0, 360, n),
            "dec": rng.uniform(-90, 90, n),
            "hr1": rng.normal(size=n),
            "gamma": np.where(rng.random(n) < 0.8, rng.normal(size=n), np.nan),
            "class": rng.choice(list(PRIORS), n),
            "weight": np.ones(n),
        }
    )
    # The range, which is the unit of the densities, does not depend on a soft label.
    for name in PROPERTIES:
        table[name][10:12] = -5, 5
    whole = table.copy()
    other = {"AGN": "CV", "CV": "star", "star": "AGN"}
    second, third = table[::3].copy(), table[::6].copy()
    second["class"] = [other[name] for name in second["class"]]
    second["weight"] = 0.25
    third["class"] = [other[other[name]] for name in third["class"]]
    third["weight"] = 0.125
    table["weight"][::3] -= 0.25
    table["weight"][::6] -= 0.125
    return whole, vstack([table, second, third])


def make_model():
    return NaiveBayesClassifier(PROPERTIES, bandwidth=0.3, classes=list(PRIORS))


def test_held_out_of_all_classes():
    """A model that never saw the source is the slow reference."""
    whole, sample = make_sample()
    model = make_model().fit(sample, sample_weight=sample["weight"])
    whole["class"] = ""
    for row in (0, 1, 3, 6):
        rest = sample[sample["source_id"] != row]
        other = make_model().fit(rest, sample_weight=rest["weight"])
        expected = other.predict_log_proba(whole[row : row + 1], PRIORS)
        found = model.predict_log_proba(whole[row : row + 1], PRIORS)
        assert_allclose(found, expected, atol=1e-10)


@pytest.mark.parametrize("without", [["source_id"], ["ra", "dec"]])
def test_held_out_by_identifier_or_position(without):
    whole, sample = make_sample()
    expected = make_model().fit(sample, sample_weight=sample["weight"]).predict_proba(whole, PRIORS)
    for table in (whole, sample):
        table.remove_columns(without)
    model = make_model().fit(sample, sample_weight=sample["weight"])
    for labels in (list(whole["class"]), [""] * len(whole)):
        whole["class"] = labels
        assert_allclose(model.predict_proba(whole, PRIORS), expected, atol=1e-12)
        assert model.classify(whole, PRIORS)["is_training"].all()
    sources = read_sources(model, sample)
    assert_array_equal(np.array(model.classes_)[sources.codes], sample["class"])
    assert_allclose(sources.weights, sample["weight"])


def test_k_fold_keeps_a_source_together():
    """No fold is scored by a model that saw another row of the same source."""
    whole, sample = make_sample()
    model = make_model().fit(sample, sample_weight=sample["weight"])
    evaluation = model.evaluate(sample, PRIORS, method="k-fold", n_folds=5, rng=1)
    expected = np.empty((len(sample), 3))
    labelled = read_labelled(model, sample)
    codes = np.array([model.classes_.index(name) for name in sample["class"]])
    fold = stratified_folds(codes, 5, np.random.default_rng(1), labelled.source, labelled.keys)
    for row in range(len(whole)):
        assert len(set(fold[sample["source_id"] == row])) == 1
    for k in range(5):
        rest, test = sample[fold != k], sample[fold == k]
        test["class"] = ""
        other = make_model().fit(rest, sample_weight=rest["weight"])
        expected[fold == k] = other.predict_proba(test, PRIORS)
    assert_allclose(evaluation._probabilities, expected, atol=1e-9)


def test_explanation_is_held_out_too():
    whole, sample = make_sample()
    model = make_model().fit(sample, sample_weight=sample["weight"])
    result = model.classify(whole, PRIORS)
    assert result["is_training"].all()
    for row in (0, 3):
        reason = model.explain(result[row])
        for name in PRIORS:
            assert_allclose(reason.posterior[name], result[f"P_{name}"][row], rtol=1e-9)


def test_order_of_rows_does_not_matter():
    whole, sample = make_sample()
    order = np.random.default_rng(2).permutation(len(sample))
    first = make_model().fit(sample, sample_weight=sample["weight"])
    second = make_model().fit(sample[order], sample_weight=sample["weight"][order])
    assert_allclose(
        first.predict_proba(whole, PRIORS), second.predict_proba(whole, PRIORS), atol=1e-9
    )


def test_each_row_has_the_weight_of_its_label():
    """In the training sample itself, a row is its own label's, however the others come."""
    _, sample = make_sample()
    model = make_model().fit(sample, sample_weight=sample["weight"])
    sources = read_sources(model, sample)
    assert_array_equal(np.array(model.classes_)[sources.codes], sample["class"])
    assert_allclose(sources.weights, sample["weight"])


def test_written_and_read(tmp_path):
    whole, sample = make_sample()
    model = make_model().fit(sample, sample_weight=sample["weight"])
    model.write(tmp_path / "model.ecsv")
    again = NaiveBayesClassifier.read(tmp_path / "model.ecsv")
    assert_allclose(again.predict_proba(whole, PRIORS), model.predict_proba(whole, PRIORS))


def test_hard_labels_are_no_soft_ones():
    whole, _ = make_sample()
    model = make_model().fit(whole)
    assert read_sources(model, whole).held[2].ndim == 1


def test_weight_column_of_classify():
    whole, sample = make_sample()
    settings = {"properties": PROPERTIES, "bandwidth": 0.3, "weights": [1, 1]}
    result = classify(whole, PRIORS, training=sample, weight="weight", overwrite=True, **settings)
    model = make_model().fit(sample, sample_weight=sample["weight"])
    assert_allclose(result["P_CV"], model.classify(whole, PRIORS)["P_CV"])
    with pytest.raises(KeyError, match="training has no column 'share'"):
        classify(whole, PRIORS, training=sample, weight="share")
    with pytest.raises(ValueError, match="weight cannot be given"):
        classify(whole, PRIORS, model=model, weight="weight")
