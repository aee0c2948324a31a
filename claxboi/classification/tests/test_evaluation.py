# Licensed under a 3-clause BSD style license - see LICENSE.rst
import re

import numpy as np
import pytest
from astropy.stats import binom_conf_interval
from astropy.table import Column, MaskedColumn, Table, vstack
from numpy.testing import assert_allclose, assert_array_equal

from claxboi.classification.evaluation import SCORES, TINY, Evaluation

CLASSES = ["AGN", "star", "CV"]
PRIORS = {"AGN": 0.7, "star": 0.2, "CV": 0.1}


@pytest.fixture
def sample():
    """Labels, probabilities and codes of 400 sources, with ties, zeros and ones among them."""
    rng = np.random.default_rng(3)
    codes = rng.choice(3, 400, p=[0.5, 0.4, 0.1])
    scores = rng.normal(0, 1.5, (400, 3))
    scores[np.arange(400), codes] += 2
    probabilities = np.exp(scores)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    probabilities[:6] = [[0, 0.5, 0.5], [1, 0, 0], [0, 0, 1], [0.5, 0.25, 0.25]] + 2 * [[1, 0, 0]]
    return np.array(CLASSES)[codes], probabilities, codes


@pytest.fixture
def evaluation(sample):
    return Evaluation.from_probabilities(sample[0], sample[1], CLASSES, priors=PRIORS)


def slow_scores(codes, probabilities, weights, clip=TINY):
    """All scores, source by source, from their definitions."""
    n_classes = probabilities.shape[1]
    weights = np.asarray(weights, float) / np.sum(weights)
    predicted = [int(np.argmax(row)) for row in probabilities]
    right = [p == c for p, c in zip(predicted, codes, strict=True)]
    recalls, f1s = [], []
    for k in range(n_classes):
        true = sum(w for w, c in zip(weights, codes, strict=True) if c == k)
        found = sum(
            w for w, c, p in zip(weights, codes, predicted, strict=True) if c == k and p == k
        )
        given = sum(w for w, p in zip(weights, predicted, strict=True) if p == k)
        recalls.append(found / true)
        purity = found / given if given else 0
        f1s.append(2 * recalls[-1] * purity / (recalls[-1] + purity) if found else 0)
    # The multi-class coefficient is a correlation of indicator matrices (Gorodkin 2004, eq. 8).
    truth, guess = np.eye(n_classes)[codes], np.eye(n_classes)[predicted]

    def covariance(x, y):
        mean_x, mean_y = weights @ x, weights @ y
        return (weights[:, None] * (x - mean_x) * (y - mean_y)).sum()

    bins = {}
    for w, row, ok in zip(weights, probabilities, right, strict=True):
        top = max(row)
        place = next(k for k in range(15) if top <= (k + 1) / 15 or k == 14)
        gap = bins.setdefault(place, [0, 0])
        gap[0] += w * ok
        gap[1] += w * top
    return {
        "accuracy": sum(w * ok for w, ok in zip(weights, right, strict=True)),
        "balanced_accuracy": sum(recalls) / n_classes,
        "macro_f1": sum(f1s) / n_classes,
        "mcc": covariance(truth, guess)
        / np.sqrt(covariance(truth, truth) * covariance(guess, guess)),
        "log_loss": sum(
            -w * np.log(max(row[c], clip))
            for w, row, c in zip(weights, probabilities, codes, strict=True)
        ),
        "brier": (weights[:, None] * (probabilities - truth) ** 2).sum(),
        "ece": sum(abs(a - b) for a, b in bins.values()),
    }


class TestByHand:
    """Two classes, seven sources, all numbers from pencil and paper."""

    evaluation = Evaluation([[3, 1], [1, 2]], ["AGN", "star"], {"AGN": 0.9, "star": 0.1})

    def test_scores(self):
        assert self.evaluation.accuracy == pytest.approx(5 / 7)
        assert self.evaluation.balanced_accuracy == pytest.approx((3 / 4 + 2 / 3) / 2)
        assert self.evaluation.macro_f1 == pytest.approx((6 / 8 + 4 / 6) / 2)
        assert self.evaluation.mcc == pytest.approx((3 * 2 - 1) / np.sqrt(4 * 4 * 3 * 3))

    def test_classes(self):
        table = self.evaluation.per_class
        assert_allclose(table["recall"], [3 / 4, 2 / 3])
        assert_allclose(table["precision"], [3 / 4, 2 / 3])
        agn = 0.9 * 3 / 4 / (0.9 * 3 / 4 + 0.1 * 1 / 3)
        star = 0.1 * 2 / 3 / (0.1 * 2 / 3 + 0.9 * 1 / 4)
        assert_allclose(table["precision_corrected"], [agn, star])
        assert_allclose(table["f1"], [3 / 4, 2 / 3])
        f1 = [2 * 0.75 * agn / (0.75 + agn), 2 * 2 / 3 * star / (2 / 3 + star)]
        assert_allclose(table["f1_corrected"], f1)
        assert_allclose(table["prior"], [0.9, 0.1])

    def test_corrected(self):
        assert self.evaluation.corrected["accuracy"] == pytest.approx(0.9 * 3 / 4 + 0.1 * 2 / 3)
        balanced = self.evaluation.corrected["balanced_accuracy"]
        assert balanced == pytest.approx(self.evaluation.balanced_accuracy)
        assert_allclose(
            self.evaluation.confusion_corrected,
            7 * np.array([[0.9 * 0.75, 0.9 * 0.25], [0.1 / 3, 0.2 / 3]]),
        )

    def test_without_probabilities(self):
        for name in ("log_loss", "brier", "ece", "reliability", "clip"):
            assert getattr(self.evaluation, name) is None
        with pytest.raises(ValueError, match="scores_by needs probabilities"):
            self.evaluation.scores_by([1.0])

    def test_intervals_are_wilson_at_one_sigma(self):
        lower, upper = binom_conf_interval(3, 4, confidence_level=0.6827, interval="wilson")
        row = self.evaluation.per_class[0]
        for name in ("recall", "precision"):
            found = (row[f"{name}_lower"], row[f"{name}_upper"])
            assert_allclose(found, (lower, upper), rtol=1e-4)  # 0.6827 is one sigma, rounded

    def test_probabilities(self):
        probabilities = [[0.9, 0.1], [0.9, 0.1], [0.35, 0.65]]
        evaluation = Evaluation.from_probabilities([0, 1, 1], probabilities, ["AGN", "star"])
        assert_array_equal(evaluation.confusion, [[1, 0], [1, 1]])
        assert evaluation.log_loss == pytest.approx(-np.log(0.9 * 0.1 * 0.65) / 3)
        assert evaluation.brier == pytest.approx((2 * 0.01 + 2 * 0.81 + 2 * 0.35**2) / 3)
        # Bin 14 of 15 holds two of 0.9, one of them right; bin 10 the other.
        assert evaluation.ece == pytest.approx((abs(1 - 1.8) + abs(1 - 0.65)) / 3)
        reliability = evaluation.reliability
        assert_array_equal(np.flatnonzero(reliability["n"]), [9, 13])
        assert_allclose(reliability["mean_probability"][[9, 13]], [0.65, 0.9])
        assert_allclose(reliability["fraction_correct"][[9, 13]], [1, 0.5])
        assert np.isnan(reliability["fraction_correct"][0])


class TestAgainstSlowReference:
    @pytest.mark.parametrize("clip", [TINY, 1e-4])
    def test_as_sampled(self, sample, clip):
        labels, probabilities, codes = sample
        evaluation = Evaluation.from_probabilities(labels, probabilities, CLASSES, clip=clip)
        slow = slow_scores(codes, probabilities, np.ones(400), clip)
        for name in SCORES:
            assert getattr(evaluation, name) == pytest.approx(slow[name], rel=1e-12), name

    def test_at_priors(self, sample, evaluation):
        _, probabilities, codes = sample
        counts = np.bincount(codes)
        slow = slow_scores(codes, probabilities, np.array([0.7, 0.2, 0.1])[codes] / counts[codes])
        assert evaluation.corrected == pytest.approx(slow, rel=1e-12)

    def test_priors_equal_a_sample_in_those_proportions(self):
        """Doubling each star is the same as asking for twice their proportion."""
        confusion = np.array([[50, 10, 2], [5, 30, 1], [4, 4, 12]])
        doubled = confusion * [[1], [2], [1]]
        priors = doubled.sum(axis=1) / doubled.sum()
        asked = Evaluation(confusion, CLASSES, priors)
        made = Evaluation(doubled, CLASSES)
        assert_allclose(asked.per_class["precision_corrected"], made.per_class["precision"])
        assert_allclose(asked.per_class["f1_corrected"], made.per_class["f1"])
        for name in list(SCORES)[:4]:
            assert asked.corrected[name] == pytest.approx(getattr(made, name))

    def test_reliability_at_priors(self, sample, evaluation):
        _, probabilities, codes = sample
        weights = np.array([0.7, 0.2, 0.1])[codes] / np.bincount(codes)[codes]
        largest = probabilities.max(axis=1)
        right = probabilities.argmax(axis=1) == codes
        chosen = (largest > 12 / 15) & (largest <= 13 / 15)
        row = evaluation.reliability[12]
        w = weights[chosen]
        fraction = np.average(right[chosen], weights=w)
        assert row["n"] == chosen.sum()
        assert row["mean_probability_corrected"] == pytest.approx(
            np.average(largest[chosen], weights=w)
        )
        assert row["fraction_correct_corrected"] == pytest.approx(fraction)
        # Wilson: the ends are where |fraction - p| is one sigma of p.
        n_effective = w.sum() ** 2 / (w**2).sum()
        for end in ("lower", "upper"):
            p = row[f"fraction_correct_{end}_corrected"]
            assert abs(fraction - p) == pytest.approx(np.sqrt(p * (1 - p) / n_effective))

    def test_scikit_learn(self, sample):
        metrics = pytest.importorskip("sklearn.metrics")
        _, probabilities, codes = sample
        predicted = probabilities.argmax(axis=1)
        evaluation = Evaluation.from_probabilities(codes, probabilities, CLASSES)
        assert_array_equal(evaluation.confusion, metrics.confusion_matrix(codes, predicted))
        expected = {
            "accuracy": metrics.accuracy_score(codes, predicted),
            "balanced_accuracy": metrics.balanced_accuracy_score(codes, predicted),
            "macro_f1": metrics.f1_score(codes, predicted, average="macro"),
            "mcc": metrics.matthews_corrcoef(codes, predicted),
        }
        for name, value in expected.items():
            assert getattr(evaluation, name) == pytest.approx(value), name
        above = np.clip(probabilities, 1e-9, None)
        above /= above.sum(axis=1, keepdims=True)
        clipped = Evaluation.from_probabilities(codes, above, CLASSES)
        assert clipped.log_loss == pytest.approx(metrics.log_loss(codes, above))


class TestLaws:
    def test_order_of_sources(self, sample, evaluation):
        order = np.random.default_rng(1).permutation(400)
        other = Evaluation.from_probabilities(
            sample[0][order], sample[1][order], CLASSES, priors=PRIORS
        )
        assert_array_equal(other.confusion, evaluation.confusion)
        assert other.corrected == pytest.approx(evaluation.corrected, rel=1e-12)

    def test_order_of_classes(self, sample, evaluation):
        # Ties go to the first class, so there may be none here.
        labels, probabilities = sample[0][6:], sample[1][6:]
        order = [2, 0, 1]
        first = Evaluation.from_probabilities(labels, probabilities, CLASSES, priors=PRIORS)
        other = Evaluation.from_probabilities(
            labels, probabilities[:, order], [CLASSES[k] for k in order], priors=PRIORS
        )
        assert_array_equal(other.confusion, first.confusion[np.ix_(order, order)])
        assert other.corrected == pytest.approx(first.corrected, rel=1e-12)
        for name in ("recall", "precision_corrected", "f1"):
            assert_allclose(other.per_class[name], first.per_class[name][order])

    def test_duplicated_sources_change_no_score(self, sample, evaluation):
        twice = Evaluation.from_probabilities(
            np.tile(sample[0], 2), np.tile(sample[1], (2, 1)), CLASSES, priors=PRIORS
        )
        assert twice.to_table()["n"] == 800
        assert twice.corrected == pytest.approx(evaluation.corrected)

    def test_labels_are_codes(self, sample, evaluation):
        other = Evaluation.from_probabilities(sample[2], sample[1], CLASSES, priors=PRIORS)
        assert other.corrected == evaluation.corrected

    def test_kinds_of_truth(self, sample, evaluation):
        labels, probabilities, _ = sample
        for truth in (list(labels), Column(labels), MaskedColumn(labels), np.char.encode(labels)):
            other = Evaluation.from_probabilities(truth, probabilities, CLASSES)
            assert_array_equal(other.confusion, evaluation.confusion)

    def test_no_priors_are_those_of_the_sample(self, sample):
        evaluation = Evaluation.from_probabilities(sample[0], sample[1], CLASSES)
        table = evaluation.per_class
        assert not evaluation.has_priors
        assert_allclose(table["prior"], table["n"] / 400)
        assert_allclose(table["precision_corrected"], table["precision"])
        assert evaluation.corrected["log_loss"] == pytest.approx(evaluation.log_loss)

    def test_inputs_are_kept(self, sample):
        labels, probabilities, _ = sample
        before = probabilities.copy()
        evaluation = Evaluation.from_probabilities(labels, probabilities, CLASSES)
        assert_array_equal(probabilities, before)
        probabilities[:] = 1 / 3
        assert evaluation.reliability["n"][-1] == np.sum(before.max(axis=1) > 14 / 15)

    def test_calibrated_probabilities(self):
        """Truth drawn from the probabilities: the scores are what theory says of them."""
        rng = np.random.default_rng(8)
        n = 20000
        probabilities = rng.dirichlet([2, 1, 0.5], n)
        codes = (rng.random(n)[:, None] > probabilities.cumsum(axis=1)).sum(axis=1)
        evaluation = Evaluation.from_probabilities(codes, probabilities, CLASSES)
        entropy = -(probabilities * np.log(probabilities)).sum(axis=1)
        # Per source the log-loss scatters by about 0.8 and the Brier score by about 0.4.
        assert evaluation.log_loss == pytest.approx(entropy.mean(), abs=5 * 0.8 / np.sqrt(n))
        gini = 1 - (probabilities**2).sum(axis=1)
        assert evaluation.brier == pytest.approx(gini.mean(), abs=5 * 0.4 / np.sqrt(n))
        # Fifteen bins of binomial noise: E|x| of each is below 0.4 sigma_b n_b / n.
        assert evaluation.ece < 3 * 0.4 * np.sqrt(15 / n)
        table = evaluation.reliability
        filled = table[table["n"] > 100]
        sigma = np.sqrt(filled["mean_probability"] * (1 - filled["mean_probability"]) / filled["n"])
        assert np.all(np.abs(filled["fraction_correct"] - filled["mean_probability"]) < 4 * sigma)


class TestEdges:
    def test_class_without_a_source(self):
        evaluation = Evaluation([[5, 2, 0], [0, 0, 0], [1, 0, 3]], CLASSES, PRIORS)
        table = evaluation.per_class
        assert np.isnan(table["recall"][1])
        assert np.isnan(table["recall_lower"][1])
        assert table["precision"][1] == 0
        assert np.isnan(table["precision_corrected"][1])
        assert np.isnan(table["f1"][1])
        assert evaluation.balanced_accuracy == pytest.approx((5 / 7 + 3 / 4) / 2)
        # The priors of the other two, 0.7 and 0.1, keep their ratio.
        assert evaluation.corrected["accuracy"] == pytest.approx((0.7 * 5 / 7 + 0.1 * 3 / 4) / 0.8)
        assert re.search(r"star +0 +- +0\.0 ", str(evaluation))

    def test_class_never_predicted(self):
        table = Evaluation([[4, 0], [2, 0]], ["AGN", "star"]).per_class
        assert np.isnan(table["precision"][1])
        assert np.isnan(table["precision_lower"][1])
        assert table["f1"][1] == 0

    def test_one_source(self):
        evaluation = Evaluation.from_probabilities(["CV"], [[0.2, 0.2, 0.6]], CLASSES)
        assert evaluation.accuracy == 1
        assert evaluation.mcc == 0
        assert evaluation.ece == pytest.approx(0.4)

    def test_zero_probability_is_finite(self):
        evaluation = Evaluation.from_probabilities([0, 1], [[0, 1], [0, 1]], ["AGN", "star"])
        assert evaluation.log_loss == pytest.approx(-np.log(TINY) / 2)

    def test_prior_of_zero(self):
        evaluation = Evaluation(np.eye(3, dtype=int) + 1, CLASSES, [0.5, 0.5, 0])
        assert evaluation.per_class["precision_corrected"][2] == 0
        assert evaluation.corrected["accuracy"] == pytest.approx(0.5)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"truth": []}, "truth is empty"),
            ({"truth": ["AGN"]}, "one row for each source, got 1 and 2"),
            ({"truth": ["AGN", "XRB"]}, "only the classes AGN, star, CV, got XRB"),
            ({"truth": [0, 3]}, "codes from 0 to 2, got 3"),
            ({"truth": [0, -1]}, "codes from 0 to 2, got -1"),
            ({"truth": ["AGN", None]}, "truth must have a class for each source, 1 of 2"),
            ({"truth": MaskedColumn([0, 1], mask=[1, 0])}, "1 of 2 have none"),
            ({"probabilities": [[0.5, 0.5]] * 2}, r"each of the 3 classes, got shape \(2, 2\)"),
            ({"probabilities": [[0.5, 0.5, 0.1], [1, 0, 0]]}, "add up to 1 in each row; 1 rows"),
            ({"probabilities": [[1, 0, 0], [np.nan, 0, 1]]}, "the first is row 1"),
            ({"probabilities": [[1.5, -0.5, 0], [1, 0, 0]]}, "must be non-negative"),
            ({"classes": ["AGN"]}, "classes must be two or more different names"),
            ({"classes": ["AGN", "CV", "CV"]}, "different names, got"),
            ({"priors": [0.5, 0.5]}, r"each of the 3 classes \(AGN, star, CV\), got shape \(2,\)"),
            ({"priors": [0.5, 0.5, 0.5]}, "sum to 1, got a sum of 1.5"),
            ({"priors": [1.5, -0.5, 0]}, "priors must be finite and not negative"),
            ({"priors": [np.nan, 0.5, 0.5]}, "priors must be finite and not negative"),
            ({"priors": "guess"}, "priors must be .*got 'guess'"),
            ({"priors": [0, 0, 1]}, "at least one class that has a source"),
            ({"priors": {"AGN": 1, "XRB": 0}}, "missing 'star', 'CV'; unknown class 'XRB'"),
            ({"clip": 0}, "clip must be above 0 and below 1, got 0"),
        ],
    )
    def test_bad_values(self, change, message):
        arguments = {
            "truth": ["AGN", "star"],
            "probabilities": [[0.8, 0.1, 0.1], [0.2, 0.7, 0.1]],
            "classes": CLASSES,
        }
        with pytest.raises(ValueError, match=message):
            Evaluation.from_probabilities(**(arguments | change))

    def test_bad_types(self):
        with pytest.raises(TypeError, match="classes must be a sequence of names"):
            Evaluation([[1, 0], [0, 1]], "ab")

    @pytest.mark.parametrize(
        ("confusion", "message"),
        [
            ([[1, 2]], r"confusion must have shape \(2, 2\).*got \(1, 2\)"),
            ([[1, -2], [0, 1]], "whole numbers of at least 0"),
            ([[1, 0.5], [0, 1]], "whole numbers of at least 0"),
            ([[np.nan, 0], [0, 1]], "whole numbers of at least 0"),
            ([[0, 0], [0, 0]], "confusion is empty"),
        ],
    )
    def test_bad_confusions(self, confusion, message):
        with pytest.raises(ValueError, match=message):
            Evaluation(confusion, ["AGN", "star"])


class TestScoresBy:
    def test_quartiles(self, sample, evaluation):
        flux = np.random.default_rng(2).normal(size=400)
        table = evaluation.scores_by(flux)
        assert_array_equal(table["n"], [100] * 4)
        assert_allclose(table["upper"][:-1], table["lower"][1:])
        weakest = flux < np.quantile(flux, 0.25)
        alone = Evaluation.from_probabilities(sample[0][weakest], sample[1][weakest], CLASSES)
        for name in SCORES:
            assert table[name][0] == getattr(alone, name)
        assert np.average(table["accuracy"], weights=table["n"]) == pytest.approx(
            evaluation.accuracy
        )

    def test_missing_values_come_last(self, evaluation):
        flux = MaskedColumn(np.arange(400.0), mask=np.arange(400) >= 300)
        flux[0] = np.inf
        table = evaluation.scores_by(flux, n_bins=1)
        assert_array_equal(table["n"], [299, 101])
        assert np.isnan(table["lower"][1])

    def test_ties(self, evaluation):
        table = evaluation.scores_by(np.repeat([1.0, 2.0], [390, 10]))
        assert table["n"].sum() == 400
        constant = evaluation.scores_by(np.ones(400))
        assert_array_equal(constant["n"], [400])
        assert_array_equal(evaluation.scores_by(np.full(400, np.nan))["n"], [400])

    def test_wrong_length(self, evaluation):
        with pytest.raises(ValueError, match="each of the 400 sources, got 3"):
            evaluation.scores_by([1, 2, 3])


class TestText:
    def test_report(self, sample):
        evaluation = Evaluation.from_probabilities(
            sample[0],
            sample[1],
            CLASSES,
            priors=PRIORS,
            method="leave-one-out",
            settings={"weights": {"location": 9, "spectrum": 1 / 3}, "kernel": "exponential"},
            clip=1e-4,
        )
        text = str(evaluation)
        assert "400 sources in 3 classes" in text
        assert "leave-one-out" in text
        assert re.search(r"^Priors +AGN 0\.7, star 0\.2, CV 0\.1$", text, re.MULTILINE)
        assert re.search(r"^Weights +location 9, spectrum 0\.3333$", text, re.MULTILINE)
        assert re.search(r"^Kernel +exponential$", text, re.MULTILINE)
        assert "clipped at 0.0001" in text
        row = evaluation.per_class[0]
        for name in ("recall", "precision", "precision_corrected", "f1_corrected"):
            assert f"{100 * row[name]:.1f}" in text
        assert f"{evaluation.corrected['log_loss']:.4f}" in text
        assert max(map(len, text.splitlines())) <= 100
        assert all(line == line.rstrip() for line in text.splitlines())

    def test_without_priors_nothing_stands_twice(self, sample):
        text = str(Evaluation.from_probabilities(sample[0], sample[1], CLASSES))
        assert "corrected" not in text
        assert "none given" in text

    def test_repr(self, evaluation):
        assert repr(evaluation).startswith("<Evaluation of 400 sources in 3 classes")

    def test_comparison_of_classifiers(self, evaluation):
        confusion = Evaluation(evaluation.confusion, CLASSES, PRIORS)
        table = vstack([evaluation.to_table(), confusion.to_table()])
        assert table["mcc"][0] == table["mcc"][1]
        assert np.isnan(table["ece_corrected"][1])


class TestPublished:
    """The numbers that the papers and talks print."""

    def test_published_matrices(self, shared_path):
        table = Table.read(shared_path / "data/published_confusions.csv")
        groups = table.group_by(["sample", "method"]).groups
        assert len(groups) == 4
        for group in groups:
            classes = list(group["true_class"])
            confusion = [[row[f"predicted_{k + 1}"] for k in range(len(classes))] for row in group]
            evaluation = Evaluation(confusion, classes, group["prior"])
            scores = evaluation.per_class
            printed = np.array(group["printed_precision"])
            if group["sample"][0] == "4XMM-DR10":
                # The talk prints the precisions of AGN and star the wrong way round.
                printed = printed[[1, 0, 2, 3]]
            assert_allclose(100 * scores["recall"], group["printed_recall"], atol=0.2)
            assert_allclose(100 * scores["precision_corrected"], printed, atol=0.2)

    def test_5xmm(self, shared_path):
        lines = (shared_path / "data/claxboi_5xmm_dr15_confusion.txt").read_text().splitlines()
        priors = [float(x) for x in re.search(r"trueprop = \[(.*?)\]", lines[0])[1].split(",")]
        rows = np.array([line.split() for line in lines[4:11]], float)
        classes = ["AGN", "star", "gal_XRB", "CV", "AGN_2", "ex_XRB", "extended"]
        # The file has the truth along the columns.
        evaluation = Evaluation(rows[:, 1:8].T, classes, priors)
        scores = evaluation.per_class
        assert_allclose(100 * scores["recall"], rows[:, 8], atol=0.2)
        false_positives = np.array(lines[11].split()[3:], float)
        assert_allclose(100 * (1 - scores["precision"]), false_positives, atol=0.2)

    def test_published_forest(self, shared_path):
        """
        The random forest of Yang et al. 2022 on 2941 Chandra sources.

        Its probabilities are printed to two or three digits: 21 of its predictions are ties or
        turned by the rounding, so the scores of the predictions come from its column ``Class``.
        """
        table = Table.read(shared_path / "data/csc2_td_2941.csv")
        classes = sorted(set(table["True_Class"].tolist()))
        code = {name: k for k, name in enumerate(classes)}
        confusion = np.zeros((8, 8), int)
        for truth, predicted in zip(table["True_Class"], table["Class"], strict=True):
            confusion[code[truth], code[predicted]] += 1
        scores = Evaluation(confusion, classes)
        assert scores.accuracy == pytest.approx(0.886, abs=5e-4)
        assert scores.balanced_accuracy == pytest.approx(0.702, abs=5e-4)
        assert scores.macro_f1 == pytest.approx(0.681, abs=5e-4)
        assert scores.mcc == pytest.approx(0.829, abs=5e-4)

        probabilities = np.stack([table[f"P_{name}"] for name in classes], axis=1)
        probabilities /= probabilities.sum(axis=1, keepdims=True)
        scores = Evaluation.from_probabilities(
            table["True_Class"], probabilities, classes, clip=1e-4
        )
        assert scores.accuracy == pytest.approx(0.886, abs=5e-4)
        assert scores.log_loss == pytest.approx(0.337, abs=5e-4)
        # Published with rows that add up to 0.90 to 1.14; here they are brought to 1.
        assert scores.brier == pytest.approx(0.160, abs=1e-3)
        assert scores.ece == pytest.approx(0.048, abs=2e-3)
