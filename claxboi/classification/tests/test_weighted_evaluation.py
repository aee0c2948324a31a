# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Scores of sources that stand for more than themselves.
"""

import numpy as np
import pytest
from astropy.table import MaskedColumn
from numpy.testing import assert_allclose, assert_array_equal

from claxboi.classification import Evaluation, NaiveBayesClassifier
from claxboi.simulation import make_labelled_sample

from .test_evaluation import CLASSES, PRIORS, slow_scores

NAMES = ("recall", "precision", "f1")


def draw(n, seed):
    """Codes and probabilities of sources, the classes as common as the priors."""
    rng = np.random.default_rng(seed)
    codes = rng.choice(3, n, p=list(PRIORS.values()))
    scores = rng.normal(0, 1.2, (n, 3))
    scores[np.arange(n), codes] += 1.5
    probabilities = np.exp(scores)
    return codes, probabilities / probabilities.sum(axis=1, keepdims=True)


def score(codes, probabilities, **settings):
    return Evaluation.from_probabilities(codes, probabilities, CLASSES, **settings)


class TestWeights:
    codes, probabilities = draw(300, 1)
    weights = np.random.default_rng(2).integers(1, 6, 300)

    def test_all_scores_against_a_slow_reference(self):
        evaluation = score(self.codes, self.probabilities, weights=self.weights)
        expected = slow_scores(self.codes, self.probabilities, self.weights)
        assert evaluation.corrected == pytest.approx(expected)

    def test_a_weight_of_three_is_three_sources(self):
        rows = np.repeat(np.arange(300), self.weights)
        many = score(self.codes[rows], self.probabilities[rows])
        one = score(self.codes, self.probabilities, weights=self.weights)
        for name in NAMES:
            assert_allclose(one.per_class[f"{name}_corrected"], many.per_class[name])
        assert_allclose(
            one.confusion_corrected / one.confusion_corrected.sum(),
            many.confusion / many.confusion.sum(),
        )
        assert one.priors == pytest.approx(many.priors)
        for name in ("mean_probability", "fraction_correct"):
            assert_allclose(one.reliability[f"{name}_corrected"], many.reliability[name])

    def test_as_sampled_each_source_counts_once(self):
        weighted = score(self.codes, self.probabilities, weights=self.weights)
        plain = score(self.codes, self.probabilities)
        assert_array_equal(weighted.confusion, plain.confusion)
        assert weighted.log_loss == plain.log_loss
        for name in NAMES:
            assert_array_equal(weighted.per_class[name], plain.per_class[name])

    @pytest.mark.parametrize("factor", [1e-9, 1.0, 1e9])
    def test_equal_weights_are_none(self, factor):
        weighted = score(self.codes, self.probabilities, priors=PRIORS, weights=[factor] * 300)
        plain = score(self.codes, self.probabilities, priors=PRIORS)
        assert weighted.corrected == pytest.approx(plain.corrected)
        assert_allclose(weighted.confusion_corrected, plain.confusion_corrected)
        assert_allclose(weighted.per_class["recall_corrected"], plain.per_class["recall"])

    def test_priors_fix_the_classes_and_weights_what_is_in_them(self):
        evaluation = score(self.codes, self.probabilities, priors=PRIORS, weights=self.weights)
        matrix = evaluation.confusion_corrected
        assert_allclose(matrix.sum(axis=1) / 300, list(PRIORS.values()))
        for k in range(3):
            found = self.probabilities.argmax(axis=1) == k
            own = self.codes == k
            recall = self.weights[own & found].sum() / self.weights[own].sum()
            assert evaluation.per_class["recall_corrected"][k] == pytest.approx(recall)

    def test_thresholds_by_hand(self):
        evaluation = Evaluation.from_probabilities(
            ["CV", "star", "CV"],
            [[0.9, 0.1], [0.8, 0.2], [0.6, 0.4]],
            ["CV", "star"],
            weights=[1, 4, 3],
        )
        curve = evaluation.thresholds("CV")
        assert_allclose(curve["completeness_corrected"], [1 / 4, 1 / 4, 1])
        assert_allclose(curve["purity_corrected"], [1, 1 / 5, 1 / 2])
        assert_allclose(curve["f1_corrected"], [2 / 5, 2 / 9, 2 / 3])
        assert_allclose(curve["completeness"], [1 / 2, 1 / 2, 1])

    def test_thresholds_without_weights_are_at_the_priors(self):
        curve = score(self.codes, self.probabilities, priors=PRIORS).thresholds("CV")
        assert_allclose(curve["completeness_corrected"], curve["completeness"])
        purity, completeness = curve["purity_corrected"], curve["completeness"]
        expected = 2 * purity * completeness / np.maximum(purity + completeness, 1e-300)
        assert_allclose(curve["f1_corrected"], expected)

    def test_the_sheet_shows_both_recalls(self):
        def titles(sheet):
            return next(line.split() for line in str(sheet).splitlines() if line[:6] == "class ")

        plain = ["class", "n", "recall", "precision", "F1"]
        weighted = score(self.codes, self.probabilities, weights=self.weights)
        assert titles(weighted) == [*plain, "recall", "precision", "F1"]
        assert "\nPopulation  AGN" in str(weighted)
        assert "Priors" not in str(weighted)
        at_priors = score(self.codes, self.probabilities, priors=PRIORS)
        assert titles(at_priors) == [*plain, "precision", "F1"]
        assert titles(score(self.codes, self.probabilities)) == plain

    @pytest.mark.parametrize(
        ("weights", "message"),
        [
            ([1.0] * 299, "one number for each of the 300 sources, got 299"),
            ([0.0] + [1.0] * 299, "weights must .*; 1 are not, the first is 0.0 for source 0"),
            ([1.0, -2.0] + [1.0] * 298, "-2.0 for source 1"),
            ([1.0] * 299 + [np.inf], "nan for source 299"),
            (MaskedColumn([1.0] * 300, mask=[True] + [False] * 299), "nan for source 0"),
        ],
    )
    def test_wrong_weights(self, weights, message):
        with pytest.raises(ValueError, match=message):
            score(self.codes, self.probabilities, weights=weights)


def test_what_was_drawn_unevenly_stands_for_all():
    """One over the probability of selection takes out the selection, on average."""
    codes, probabilities = draw(4000, 5)
    whole = score(codes, probabilities).per_class
    found = probabilities.argmax(axis=1)
    # As many of each predicted class, which flatters the recall of rare ones.
    chance = (150 / np.bincount(found))[found]
    rng = np.random.default_rng(6)
    drawn = {"as sampled": [], "weighted": []}
    for _ in range(60):
        rows = rng.random(4000) < chance
        sheet = score(codes[rows], probabilities[rows], weights=1 / chance[rows]).per_class
        drawn["as sampled"].append([sheet[name] for name in NAMES])
        drawn["weighted"].append([sheet[f"{name}_corrected"] for name in NAMES])
    truth = np.array([whole[name] for name in NAMES])
    mean = {name: np.mean(values, axis=0) for name, values in drawn.items()}
    error = np.std(drawn["weighted"], axis=0, ddof=1) / np.sqrt(60)
    # Ratios of sums have a small bias of their own, below 0.01 here.
    assert np.all(np.abs(mean["weighted"] - truth) < 4 * error + 0.01)
    recall_of_cv = mean["as sampled"][0, CLASSES.index("CV")]
    assert recall_of_cv > truth[0, CLASSES.index("CV")] + 0.1


class TestEvaluate:
    table = make_labelled_sample(2000, rng=1)
    table["stands_for"] = np.random.default_rng(3).uniform(0.5, 4, 2000)
    model = NaiveBayesClassifier(["hr1", "hr2", "b", "log_fx_fw1"]).fit(table)

    @pytest.mark.parametrize("method", ["leave-one-out", "k-fold"])
    def test_the_weights_of_the_labelled_rows_are_used(self, method):
        settings = {"method": method, "rng": 1, "n_folds": 3, "show_progress": False}
        sheet = self.model.evaluate(self.table, "training", weight="stands_for", **settings)
        plain = self.model.evaluate(self.table, "training", **settings)
        labelled = ~self.table["class"].mask
        again = Evaluation.from_probabilities(
            np.asarray(self.table["class"][labelled]),
            plain._probabilities,
            plain.classes,
            weights=self.table["stands_for"][labelled],
        )
        assert sheet.corrected == pytest.approx(again.corrected)
        assert sheet.log_loss == plain.log_loss
        assert sheet.corrected["log_loss"] != pytest.approx(plain.log_loss)
        assert sheet.method.endswith("weighted by stands_for")

    def test_the_population_is_that_of_the_weights_whatever_the_priors(self):
        classes = self.model.classes_
        even = dict.fromkeys(classes, 1 / len(classes))
        sheet = self.model.evaluate(self.table, even, weight="stands_for")
        labels = np.asarray(self.table["class"].filled(""))
        weights = np.asarray(self.table["stands_for"])
        shares = np.array([weights[labels == name].sum() for name in classes])
        assert_allclose(list(sheet.priors.values()), shares / shares.sum())
        # The posteriors are at the priors.
        plain = self.model.evaluate(self.table, even)
        assert_array_equal(sheet.confusion, plain.confusion)

    def test_wrong_columns(self):
        with pytest.raises(KeyError, match="nobody"):
            self.model.evaluate(self.table, "training", weight="nobody")
        with pytest.raises(TypeError, match="column 'source_id' of table must hold one number"):
            self.model.evaluate(self.table, "training", weight="source_id")
        with pytest.raises(TypeError, match="weight must be text, got <Column"):
            self.model.evaluate(self.table, "training", weight=self.table["stands_for"])
        table = self.table.copy()
        table["stands_for"] = MaskedColumn(table["stands_for"], mask=~table["class"].mask)
        with pytest.raises(ValueError, match="column 'stands_for' of table must be finite"):
            self.model.evaluate(table, "training", weight="stands_for")
