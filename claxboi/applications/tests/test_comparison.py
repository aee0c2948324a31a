# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of the comparison of models, and of what votes do to one.
"""

import numpy as np
import pytest
from astropy.table import Table
from numpy.testing import assert_allclose

from claxboi import classify
from claxboi.applications import compare_models, inspection_list
from claxboi.classification import NaiveBayesClassifier
from claxboi.simulation import make_labelled_sample
from claxboi.votes import apply_votes, combine_votes, make_votes

PRIORS = {
    "AGN": 0.55,
    "star": 0.20,
    "gal_XRB": 0.03,
    "CV": 0.02,
    "AGN_2": 0.05,
    "ex_XRB": 0.05,
    "extended": 0.10,
}
RARE = ["CV", "gal_XRB", "ex_XRB"]
WEIGHTS = dict.fromkeys(("missing", "location", "spectrum", "counterparts", "variability"), 0.7)
SKILLS = {"v0": 0.9, "v1": 0.85, "v2": 0.8, "v3": 0.7, "v4": 0.6}


@pytest.mark.filterwarnings("ignore:classes with fewer than 10 labelled sources")
def test_votes_raise_the_f1_of_rare_classes():
    """
    By the truth of all sources without a label from a catalogue, each held out.

    Labels are few: 8 % of the sources. The 300 that the inspection list puts first get votes.
    """
    changes, skills = [], []
    settings = {"weights": WEIGHTS, "bandwidth": "silverman"}
    for seed in range(4):
        table = make_labelled_sample(6000, labelled_fraction=0.08, rng=seed)
        result, old = classify(table, PRIORS, return_model=True, **settings)
        todo = inspection_list(result, rare=RARE, min_rare=0.3, limit=300)
        truth = table["true_class"][todo["row"]]
        votes = make_votes(
            todo["source_id"], truth, SKILLS, classes=list(PRIORS), seen=0.7, rng=seed
        )
        combined = combine_votes(votes, priors=result)
        skills.append(combined.voters["skill"])
        sample = apply_votes(table, combined)
        new = NaiveBayesClassifier(old.properties, classes=list(PRIORS), **settings)
        new.fit(sample, sample_weight=sample["label_weight"])
        unlabelled = table[table["class"].mask]
        scores = compare_models(
            old, new, unlabelled, PRIORS, label="true_class", n_resamples=2, rng=1
        )
        rare = np.isin(scores["class"], RARE)
        changes.append(np.mean(scores["f1_change"][rare]))
    assert np.mean(changes) > 0.01
    assert np.mean(changes) > 2 * np.std(changes, ddof=1) / np.sqrt(len(changes))
    # What each voter is worth is found as well, from some 190 votes each; the belief of 0.7 counts
    # like 3 votes in each of 7 classes, and draws rarely voted classes to itself.
    assert_allclose(np.mean(skills, axis=0), list(SKILLS.values()), atol=0.08)


@pytest.fixture(scope="module")
def models():
    rng = np.random.default_rng(1)
    kind = rng.choice(["AGN", "CV"], 600)
    table = Table({"x": rng.normal(size=600) + 2 * (kind == "CV"), "y": rng.normal(size=600)})
    table["class"] = kind
    table["source_id"] = np.arange(600)
    first = NaiveBayesClassifier(["y"]).fit(table)
    second = NaiveBayesClassifier(["x", "y"]).fit(table)
    return first, second, table


def test_scores_are_those_of_evaluate(models):
    first, second, table = models
    scores = compare_models(first, second, table, "training", rng=1)
    for model, name in ((first, "before"), (second, "after")):
        each = model.evaluate(table, "training").per_class
        assert_allclose(scores[f"recall_{name}"], each["recall"])
        assert_allclose(scores[f"precision_{name}"], each["precision"])
        assert_allclose(scores[f"f1_{name}"], each["f1"])
    assert np.all(scores["f1_change"] > 4 * scores["f1_change_error"])
    numbers = scores.meta["claxboi"]["comparison"]
    assert numbers["n_changed"] == numbers["n_now_right"] + numbers["n_now_wrong"]
    assert numbers["n_now_right"] > numbers["n_now_wrong"]


def test_a_model_is_equal_to_itself(models):
    first, _, table = models
    scores = compare_models(first, first, table, "training", rng=1)
    assert_allclose(scores["f1_change"], 0)
    assert_allclose(scores["f1_change_error"], 0)
    assert scores.meta["claxboi"]["comparison"]["n_changed"] == 0


def test_a_weight_of_two_is_two_sources(models):
    first, second, table = models
    weights = np.random.default_rng(2).integers(1, 4, len(table))
    table = table.copy()
    table["weight"] = weights
    one = compare_models(first, second, table, "training", weight="weight", rng=1)
    many = table[np.repeat(np.arange(len(table)), weights)]
    two = compare_models(first, second, many, "training", rng=1)
    for name in ("recall_before", "precision_after", "f1_change"):
        assert_allclose(one[name], two[name])
    # Repeated rows are no new sources.
    assert np.all(one["f1_change_error"] > two["f1_change_error"])


def test_wrong_weights(models):
    first, second, table = models
    table = table.copy()
    table["weight"] = np.arange(600.0)
    with pytest.raises(ValueError, match=r"'weight' of table must be above 0 .* got 0.0"):
        compare_models(first, second, table, "training", weight="weight")
    table["weight"] = np.full(600, np.inf)
    with pytest.raises(ValueError, match=r"'weight' of table must be above 0 and finite"):
        compare_models(first, second, table, "training", weight="weight")
    with pytest.raises(KeyError, match="nobody"):
        compare_models(first, second, table, "training", weight="nobody")


def test_errors(models):
    first, second, table = models
    with pytest.raises(TypeError, match="after must be a NaiveBayesClassifier, got"):
        compare_models(first, "model", table, "training")
    with pytest.raises(KeyError, match="'truth'"):
        compare_models(first, second, table, "training", label="truth")
    other = table.copy()
    other["class"] = np.where(table["class"] == "CV", "star", "AGN")
    third = NaiveBayesClassifier(["x"]).fit(other)
    with pytest.raises(ValueError, match="must have the same classes, got AGN, CV and AGN, star"):
        compare_models(first, third, table, "training")
    other["class"] = "nova"
    with pytest.raises(ValueError, match="must contain at least one of AGN, CV"):
        compare_models(first, second, other, "training")
