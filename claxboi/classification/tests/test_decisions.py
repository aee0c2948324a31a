# Licensed under a 3-clause BSD style license - see LICENSE.rst
import numpy as np
import pytest

from claxboi.classification.decisions import fit_decision, parse_decision

CLASSES = ("AGN", "CV", "star")
PROPORTIONS = np.array([0.7, 0.05, 0.25])


def make_posteriors(seed, n=4000):
    """Draw sources whose probabilities are calibrated."""
    rng = np.random.default_rng(seed)
    codes = rng.choice(3, n, p=PROPORTIONS)
    x = rng.normal(np.array([0.0, 1.5, 3.0])[codes])
    density = np.exp(-0.5 * (x - np.array([[0.0], [1.5], [3.0]])) ** 2)
    joint = PROPORTIONS[:, np.newaxis] * density
    return joint / joint.sum(axis=0), codes


def recall(codes, chosen):
    return np.array([np.mean(chosen[codes == c] == c) for c in range(3)])


@pytest.mark.parametrize("seed", range(4))
def test_each_rule_is_best_by_its_own_measure(seed):
    posterior, codes = make_posteriors(seed)
    test, truth = make_posteriors(seed + 100)
    scores = {}
    for name, decision in {
        "probable": "probable",
        "balanced": "balanced",
        "f1": {"f1": "CV"},
        "costs": {"CV": 8.0},
    }.items():
        parsed = parse_decision(decision, CLASSES)
        rule = fit_decision(parsed, CLASSES, posterior, codes, np.ones(len(codes)), PROPORTIONS)
        chosen = rule.choose(test)
        is_cv, said_cv = truth == 1, chosen == 1
        cost = np.where(is_cv, 8.0, 1.0)
        scores[name] = {
            "probable": np.mean(chosen == truth),
            "balanced": recall(truth, chosen).mean(),
            "f1": 2 * np.sum(is_cv & said_cv) / (is_cv.sum() + said_cv.sum()),
            "costs": -np.sum(cost[chosen != truth]) / len(truth),
        }
    tolerance = {"probable": 0.005, "balanced": 0.02, "f1": 0.03, "costs": 0.02}
    for name, margin in tolerance.items():
        best = max(score[name] for score in scores.values())
        assert scores[name][name] >= best - margin
    assert scores["balanced"]["balanced"] > scores["probable"]["balanced"] + 0.04


def test_the_threshold_is_for_the_priors_and_the_weights():
    posterior, codes = make_posteriors(1)
    decision = parse_decision({"f1": "CV"}, CLASSES)
    rows = np.append(np.arange(len(codes)), np.flatnonzero(codes == 1))
    twice = fit_decision(
        decision, CLASSES, posterior[:, rows], codes[rows], np.ones(len(rows)), PROPORTIONS
    )
    weights = 1.0 + (codes == 1)
    heavy = fit_decision(decision, CLASSES, posterior, codes, weights, PROPORTIONS)
    once = fit_decision(decision, CLASSES, posterior, codes, np.ones(len(codes)), PROPORTIONS)
    # More labels of a class do not change the population that the priors describe.
    assert twice.threshold == pytest.approx(once.threshold)
    assert heavy.threshold == pytest.approx(once.threshold)
    assert "CV from a probability of" in str(once)


def test_a_class_without_a_prior_is_never_chosen():
    posterior, codes = make_posteriors(2)
    posterior[1] = 0
    posterior /= posterior.sum(axis=0)
    rule = fit_decision(
        "balanced", CLASSES, posterior, codes, np.ones(len(codes)), np.array([0.7, 0, 0.3])
    )
    assert not np.any(rule.choose(posterior) == 1)
    assert str(rule).startswith("largest probability times AGN 1,")


@pytest.mark.parametrize(
    ("decision", "error", "match"),
    [
        ("best", TypeError, "decision must be 'probable', 'balanced'.*got 'best'"),
        (3, TypeError, "got 3"),
        ({"f1": "QSO"}, ValueError, "classes of the model .AGN, CV, star., got"),
        ({"QSO": 2}, ValueError, "QSO"),
        ({}, ValueError, "at least one class, got an empty mapping"),
        ({"CV": 0}, ValueError, "cost of 'CV'"),
        ({"CV": "much"}, TypeError, "cost of 'CV'"),
    ],
)
def test_wrong_rules(decision, error, match):
    with pytest.raises(error, match=match):
        parse_decision(decision, CLASSES)


def test_a_class_may_be_called_f1_where_costs_are_meant():
    assert parse_decision({"f1": 2, "g": 3}, ["f1", "g"]) == {"f1": 2.0, "g": 3.0}
    with pytest.raises(ValueError, match="ambiguous"):
        parse_decision({"f1": "g"}, ["f1", "g"])
