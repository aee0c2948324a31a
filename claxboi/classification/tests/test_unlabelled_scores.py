# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of the scores of unlabelled sources.
"""

import numpy as np
import pytest
from astropy.table import Table
from numpy.testing import assert_allclose
from scipy.special import expit
from scipy.stats import norm

from claxboi import classify
from claxboi.classification import Evaluation, evaluate_result
from claxboi.classification.unlabelled_scores import score_unlabelled
from claxboi.simulation import make_labelled_sample

SHARES = np.array([0.6, 0.3, 0.1])
CLASSES = ["A", "B", "C"]


def make_sources(seed, label_probability, n=6000):
    """
    Sources of three classes, harder to tell apart where they are faint, and their posteriors.

    ``label_probability`` is a function of the brightness (standard normal) and the class.
    """
    rng = np.random.default_rng(seed)
    codes = rng.choice(3, n, p=SHARES)
    bright = rng.normal(size=n)
    scatter = np.exp(-0.5 * bright)
    x = 2.0 * codes + scatter * rng.normal(size=n)
    joint = SHARES[:, np.newaxis] * norm.pdf(x, 2.0 * np.arange(3)[:, np.newaxis], scatter)
    posterior = (joint / joint.sum(axis=0)).T
    table = Table({"flux": 1e-14 * 10 ** (0.5 * bright), "b": rng.uniform(-90, 90, n), "x": x})
    has_label = rng.random(n) < label_probability(bright, codes)
    return table, codes, posterior, has_label


def estimate(seed, label_probability, n=6000):
    """Return the scores, the evaluation of the labelled sources and that of the others."""
    table, codes, posterior, has_label = make_sources(seed, label_probability, n)
    labelled, truth = (
        Evaluation.from_probabilities(codes[rows], posterior[rows], CLASSES)
        for rows in (has_label, ~has_label)
    )
    found = score_unlabelled(
        labelled, table[has_label], table[~has_label], posterior[~has_label], ["x"]
    )
    return found, labelled, truth


@pytest.mark.parametrize(
    "label_probability",
    [
        lambda bright, codes: np.full(len(bright), 0.25),
        lambda bright, codes: 0.05 + 0.4 * expit(2 * bright),
        lambda bright, codes: np.array([0.1, 0.3, 0.9])[codes] * (0.2 + 0.8 * expit(bright)),
    ],
    ids=["fair", "bright", "by class"],
)
def test_scores_are_those_of_the_unlabelled(label_probability):
    """Over skies, they are within 3 points of the truth; raw ones are not, where labels differ."""
    gaps = {"accuracy": [], "recall": [], "log_loss": []}
    for seed in range(8):
        found, _, truth = estimate(seed, label_probability)
        assert found.reason == ""
        assert found.coverage >= 0.9
        gaps["accuracy"].append(found.scores["accuracy"] - truth.accuracy)
        gaps["log_loss"].append(found.scores["log_loss"] - truth.log_loss)
        for mine, true in zip(found.per_class, truth.per_class, strict=True):
            if mine["n_effective"] >= 30:
                gap = mine["recall"] - true["recall"]
                p = np.clip(true["recall"], 0.1, 0.9)
                error = np.sqrt(p * (1 - p) * (1 / mine["n_effective"] + 1 / true["n"]))
                assert abs(gap) < 0.03 + 4 * error
                gaps["recall"].append(gap)
    for name, values in gaps.items():
        # The mean of 8 skies scatters by less than 0.01 for all three.
        assert abs(np.mean(values)) < 0.03, name


def test_labelled_sources_alone_promise_too_much():
    promised = gap = 0
    for seed in range(4):
        found, labelled, truth = estimate(
            seed, lambda bright, codes: 0.05 + 0.4 * expit(2 * bright)
        )
        promised += labelled.accuracy - truth.accuracy
        gap += found.scores["accuracy"] - truth.accuracy
    assert promised / 4 > 0.05
    assert abs(gap / 4) < 0.02


@pytest.mark.parametrize("seed", range(4))
def test_no_scores_where_no_label_is_faint(seed):
    """A bright half does not speak for the faint one: the reason is given instead."""
    found, labelled, _ = estimate(seed, lambda bright, codes: 0.5 * (bright > 0))
    assert found.scores == {}
    assert np.isnan(found.per_class["recall"]).all()
    assert found.coverage < 0.9
    assert "of the unlabelled sources have hardly any labelled sources like them" in found.reason
    assert "of the others are fainter" in found.reason
    labelled.unlabelled = found
    assert "no scores, because" in str(labelled)


def test_no_scores_from_few():
    found, _, _ = estimate(1, lambda bright, codes: np.full(len(bright), 0.004))
    assert found.scores == {}
    assert "labelled and" in found.reason
    assert np.isnan(found.coverage)


def test_flux_is_needed():
    table, codes, posterior, has_label = make_sources(1, lambda bright, codes: np.full(6000, 0.2))
    table.remove_column("flux")
    evaluation = Evaluation.from_probabilities(codes[has_label], posterior[has_label], CLASSES)
    found = score_unlabelled(
        evaluation, table[has_label], table[~has_label], posterior[~has_label], ["x"]
    )
    assert "flux is needed" in found.reason


def test_rare_class_has_no_recall():
    found, _, _ = estimate(2, lambda bright, codes: np.array([0.2, 0.2, 0.02])[codes])
    assert found.per_class["n_effective"][2] < 30
    assert np.isnan(found.per_class["recall"][2])
    assert np.isfinite(found.per_class["recall"][:2]).all()
    assert np.isnan(found.scores["macro_f1"])
    assert np.isfinite(found.scores["accuracy"])


def test_order_and_units_do_not_matter():
    table, codes, posterior, has_label = make_sources(3, lambda bright, codes: expit(bright) / 2)
    evaluation = Evaluation.from_probabilities(codes[has_label], posterior[has_label], CLASSES)
    first, others = table[has_label], table[~has_label]
    found = score_unlabelled(evaluation, first, others, posterior[~has_label], ["x"])
    order = np.random.default_rng(1).permutation(len(others))
    for one in (first, others):
        one["flux"] = one["flux"].quantity * 1e3 if one["flux"].unit else one["flux"] * 1.0
    again = score_unlabelled(evaluation, first, others[order], posterior[~has_label][order], ["x"])
    assert_allclose(again.scores["accuracy"], found.scores["accuracy"], rtol=1e-6)


@pytest.fixture(scope="module")
def classified():
    return classify(
        make_labelled_sample(2000, labelled_fraction=0.4, rng=2),
        "training",
        properties=["b", "hr2", "log_fx_fr", "log_fx_fw1", "log_lx"],
        refine=False,
        return_model=True,
    )


def test_evaluation_of_a_result_has_them(classified):
    result, model = classified
    evaluation = evaluate_result(result, model)
    found = evaluation.unlabelled
    # The labels are drawn fairly.
    assert abs(found.scores["accuracy"] - evaluation.accuracy) < 0.03
    assert found.effective_size > 0.8 * evaluation.confusion.sum()
    assert "Unlabelled sources, from labelled ones weighted to be like them" in str(evaluation)
    # A table without the probabilities is predicted.
    bare = result[result.colnames[: result.colnames.index("prediction")]]
    again = evaluate_result(bare, model, "training").unlabelled
    assert_allclose(again.scores["accuracy"], found.scores["accuracy"], rtol=1e-6)


def test_no_other_sources_no_scores(classified):
    result, model = classified
    own = result[np.asarray(result["is_training"])]
    assert evaluate_result(own, model).unlabelled is None
    assert model.evaluate(result, "training").unlabelled is None
