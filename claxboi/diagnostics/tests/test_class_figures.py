# Licensed under a 3-clause BSD style license - see LICENSE.rst
from collections import Counter

import numpy as np
import pytest
from astropy import units as u
from astropy.table import MaskedColumn, Table

from claxboi import XrayTable
from claxboi.classification import Evaluation, PriorSensitivity, WeightSearch
from claxboi.diagnostics import (
    plot_alternatives,
    plot_class_counts,
    plot_priors_sensitivity,
    plot_thresholds,
    plot_training_overlap,
    plot_weight_search,
)
from claxboi.training import add_labels, label_report
from claxboi.utils.style import DARK


@pytest.fixture
def result():
    """Six sources of two classes, small enough to be counted by hand."""
    p = np.array([0.9, 0.8, 0.6, 0.4, 0.3, 0.0])
    table = Table(
        {
            "flux": [1.0, 2.0, 3.0, 20.0, 30.0, 90.0] * u.erg / u.s / u.cm**2,
            "prediction": ["CV"] * 3 + ["star"] * 3,
            "P_CV": p,
            "P_star": 1 - p,
            "alternative": ["location:star", "", "location:star spectrum:star", "", "", ""],
        }
    )
    record = {"classes": ["CV", "star"], "categories": ["location", "spectrum"]}
    table.meta["claxboi"] = {"classification": record}
    return table


class TestClassCounts:
    def test_numbers(self, result, check_drawing):
        ax = plot_class_counts(result, n_bins=2)
        texts = check_drawing(ax)
        raw_cv, raw_star = (patch.get_data() for patch in ax.patches)
        np.testing.assert_allclose(raw_cv.values, [3, 0])
        np.testing.assert_allclose(raw_star.values, [0, 3])
        np.testing.assert_allclose(raw_cv.edges, [1, np.sqrt(90), 90])
        np.testing.assert_allclose(ax.lines[0].get_ydata(), [2.3, 0.7])
        assert not ax.containers  # no error bars
        assert {"CV (3)", "star (3)", "6 of 6 sources; points: expected numbers"} <= set(texts)

    def test_cumulative(self, result):
        ax = plot_class_counts(result, n_bins=2, cumulative=True, classes=["CV"])
        np.testing.assert_allclose(ax.lines[0].get_ydata(), [3.0, 0.7])
        np.testing.assert_allclose(ax.patches[0].get_data().values, [3, 0])
        assert ax.get_ylabel() == "Sources above"

    def test_missing_and_zero_fluxes_are_left_out(self, result, check_drawing):
        result["flux"] = MaskedColumn([0.0, np.nan, 3, 20, 30, 90], mask=[0, 0, 0, 0, 0, 1])
        assert "3 of 6 sources; points: expected numbers" in check_drawing(
            plot_class_counts(result)
        )
        result["flux"] = np.nan
        assert "0 of 6 sources; points: expected numbers" in check_drawing(
            plot_class_counts(result)
        )

    def test_one_row(self, result, check_drawing):
        ax = plot_class_counts(result[:1])
        check_drawing(ax)
        assert ax.lines[0].get_ydata().sum() == pytest.approx(0.9)

    def test_errors(self, result):
        with pytest.raises(KeyError, match="no column 'flux_max'"):
            plot_class_counts(result, "flux_max")
        with pytest.raises(ValueError, match="each of classes must be one of"):
            plot_class_counts(result, classes=["AGN"])
        with pytest.raises(ValueError, match="n_bins must be at least 1"):
            plot_class_counts(result, n_bins=0)
        with pytest.raises(ValueError, match="result is empty"):
            plot_class_counts(result[:0])


class TestThresholds:
    @pytest.fixture
    def evaluation(self):
        return Evaluation.from_probabilities(
            ["CV", "star", "CV", "star"],
            [[0.9, 0.1], [0.7, 0.3], [0.7, 0.3], [0.2, 0.8]],
            ["CV", "star"],
            priors={"CV": 0.2, "star": 0.8},
        )

    def test_held_out_scores(self, evaluation, check_drawing):
        ax = plot_thresholds(evaluation, "CV")
        check_drawing(ax)
        completeness, purity, corrected, best = (line.get_xydata() for line in ax.lines)
        np.testing.assert_allclose(completeness, [[0.9, 0.5], [0.7, 1], [0.2, 1]])
        np.testing.assert_allclose(purity[:, 1], [1, 2 / 3, 1 / 2])
        # A star counts 4 times as much as a CV.
        np.testing.assert_allclose(corrected[:, 1], [1, 2 / 6, 0.2])
        np.testing.assert_allclose(best[:, 0], 0.9)
        assert ax.lines[3].get_label() == "largest F1, 0.67"

    def test_weighted_sources_stand_for_the_population(self, check_drawing):
        evaluation = Evaluation.from_probabilities(
            ["CV", "star", "CV"],
            [[0.9, 0.1], [0.8, 0.2], [0.6, 0.4]],
            ["CV", "star"],
            weights=[1, 4, 3],
        )
        ax = plot_thresholds(evaluation, "CV")
        check_drawing(ax)
        completeness, purity, best = (line.get_xydata() for line in ax.lines)
        np.testing.assert_allclose(completeness[:, 1], [1 / 4, 1 / 4, 1])
        np.testing.assert_allclose(purity[:, 1], [1, 1 / 5, 1 / 2])
        np.testing.assert_allclose(best[:, 0], 0.6)
        # The interval is that of the sample.
        assert not ax.collections

    def test_curves_hold_above_their_threshold(self, evaluation):
        """At 0.8 the sample is that of 0.9: the step is drawn to the left of its probability."""
        ax = plot_thresholds(evaluation, "CV")
        path = ax.lines[0].get_drawstyle()
        assert path == "steps-post"

    def test_promised_by_probabilities(self, result):
        ax = XrayTable(result).plot_thresholds("CV")
        completeness, purity = (line.get_xydata() for line in ax.lines)
        np.testing.assert_allclose(completeness[:, 0], [0.9, 0.8, 0.6, 0.4, 0.3, 0])
        np.testing.assert_allclose(purity[:3, 1], [0.9, 0.85, 2.3 / 3])
        np.testing.assert_allclose(completeness[:, 1], np.array([9, 17, 23, 27, 30, 30]) / 30)

    def test_measured_are_preferred(self, result, evaluation):
        table = XrayTable(result)
        table.evaluation = evaluation
        assert len(table.plot_thresholds("CV").lines) == 4

    def test_nothing_known(self, result, check_drawing):
        result["P_CV"] = np.nan
        check_drawing(plot_thresholds(result, "CV"))

    def test_errors(self, result, evaluation):
        with pytest.raises(TypeError, match="scores must be an Evaluation"):
            plot_thresholds({}, "CV")
        for scores in (result, evaluation):
            with pytest.raises(ValueError, match="class_name must be one of"):
                plot_thresholds(scores, "AGN")
        bare = Evaluation([[1, 0], [0, 1]], ["CV", "star"])
        with pytest.raises(ValueError, match="thresholds needs probabilities"):
            plot_thresholds(bare, "CV")


class TestAlternatives:
    def test_parts_that_change(self, result, check_drawing):
        ax = XrayTable(result).plot_alternatives()
        texts = check_drawing(ax)
        (image,) = ax.images
        np.testing.assert_allclose(image.get_array() ** 2, [[2 / 3, 1 / 3], [0, 0]])
        assert texts.count("to star") == 2
        assert {"66.7%", "33.3%", "CV (3)", "star (3)", "2 of 6 change"} <= set(texts)

    def test_all_that_change_are_one_part(self, result):
        """Whatever they would become; the most frequent one is named."""
        result.meta["claxboi"]["classification"]["classes"] = ["CV", "star", "AGN"]
        result["P_AGN"] = 0.0
        result["alternative"] = ["location:star", "location:AGN", "location:AGN"] + [""] * 3
        ax = plot_alternatives(result)
        np.testing.assert_allclose(ax.images[0].get_array()[0] ** 2, [1, 0])
        assert "to AGN" in [text.get_text() for text in ax.texts]

    def test_names_with_spaces(self, result):
        result.meta["claxboi"]["classification"]["classes"] = ["CV", "star", "young star"]
        result["alternative"] = ["location:young star spectrum:star"] + [""] * 5
        (image,) = plot_alternatives(result).images
        np.testing.assert_allclose(image.get_array()[0] ** 2, [1 / 3, 1 / 3])

    def test_all_masked(self, result, check_drawing):
        result["alternative"] = MaskedColumn([""] * 6, mask=True)
        ax = plot_alternatives(result)
        assert "0 of 6 change" in check_drawing(ax)
        (image,) = ax.images
        assert not image.get_array().any()


class TestTrainingOverlap:
    @pytest.fixture
    def report(self):
        xray = Table({"ra": [10.0, 20, 30, 40], "dec": np.full(4, 5.0), "pos_error": np.ones(4)})
        own = {"large": xray[:3]["ra", "dec"], "small": xray[2:]["ra", "dec"]}
        return label_report(add_labels(xray, own, {"AGN": ["large", "small"]}, min_quality=0))

    def test_bars_and_dots(self, report, check_drawing):
        ax = plot_training_overlap(report)
        texts = check_drawing(ax)
        (panel,) = (one for one in ax.figure.axes if one is not ax)
        assert [bar.get_height() for bar in ax.patches] == [2, 1, 1]
        rows = [label.get_text() for label in panel.get_yticklabels()]
        assert [name.split(" ")[-1] for name in rows] == ["(3)", "(2)"]
        dots = next(line for line in panel.lines if line.get_color() == DARK).get_xydata()
        # The first is in the large one alone; then in both, and in the small one, as bits count.
        found = {tuple(sorted(dots[dots[:, 0] == x, 1])) for x in range(3)}
        assert found == {(0.0,), (1.0,), (0.0, 1.0)}
        assert dots[dots[:, 0] == 0, 1].tolist() == [0]
        assert "AGN: 4 labelled sources" in texts

    def test_bars_are_those_of_a_slow_count(self):
        rng = np.random.default_rng(3)
        xray = Table({"ra": np.linspace(0, 300, 90), "dec": np.zeros(90)})
        xray["pos_error"] = 1.0
        is_in = {
            name: rng.random(90) < p for name, p in zip("abcd", (0.7, 0.5, 0.3, 0.2), strict=True)
        }
        own = {name: xray[has]["ra", "dec"] for name, has in is_in.items()}
        rule = {"AGN": list(own)}
        report = label_report(add_labels(xray, own, rule, min_quality=0))
        counts = Counter(zip(*(has.tolist() for has in is_in.values()), strict=True))
        del counts[False, False, False, False]
        ax = plot_training_overlap(report, n_combinations=5)
        heights = [bar.get_height() for bar in ax.patches]
        assert heights == sorted(counts.values(), reverse=True)[:5]
        (panel,) = (one for one in ax.figure.axes if one is not ax)
        dots = next(line for line in panel.lines if line.get_color() == DARK).get_xydata()
        order = sorted(is_in, key=lambda name: -is_in[name].sum())
        for x, height in enumerate(heights):
            names = {order[int(y)] for y in dots[dots[:, 0] == x, 1]}
            assert counts[tuple(name in names for name in is_in)] == height
        rest = sum(counts.values()) - sum(heights)
        title = ax.get_title("left").replace("\n", " ")
        assert f"{len(counts) - 5} smaller combinations ({rest} sources) not shown" in title

    def test_sources_without_the_label_are_pale(self, report, check_drawing):
        xray = Table({"ra": [10.0, 20.0], "dec": [5.0] * 2, "pos_error": [1.0] * 2})
        kinds = {"AGN": xray["ra", "dec"], "star": xray[1:]["ra", "dec"]}
        table = add_labels(xray, kinds, {"AGN": "AGN", "star": "star"}, min_quality=0)
        ax = plot_training_overlap(label_report(table), class_name="AGN")
        assert {"with this label", "left out"} <= set(check_drawing(ax))
        assert [bar.get_height() for bar in ax.patches] == [1, 1]

    def test_numbers_have_room_above_the_tallest_bar(self):
        """Also where other bars have a pale part, which holds the limits of an axis."""
        xray = Table({"ra": np.arange(9.0), "dec": np.zeros(9), "pos_error": np.ones(9)})
        kinds = {"one": xray[:6]["ra", "dec"], "two": xray[6:]["ra", "dec"]}
        kinds["hot"] = xray[8:]["ra", "dec"]
        rule = {"AGN": ["one", "two"], "star": "hot"}
        report = label_report(add_labels(xray, kinds, rule, min_quality=0))
        ax = plot_training_overlap(report, class_name="AGN")
        assert np.any(report.combinations["n_sources"] > report.combinations["n_labelled"])
        assert ax.get_ylim()[1] > 6.5

    def test_errors(self, report):
        with pytest.raises(TypeError, match="report must be what label_report"):
            plot_training_overlap({})
        with pytest.raises(ValueError, match="class_name must be one of"):
            plot_training_overlap(report, class_name="star")
        empty = label_report(
            add_labels(
                Table({"ra": [1.0], "dec": [1.0], "pos_error": [1.0]}),
                {"far": Table({"ra": [99.0], "dec": [1.0]})},
                {"AGN": ["far"]},
                min_quality=0,
            )
        )
        with pytest.raises(ValueError, match="must have a catalogue with a source"):
            plot_training_overlap(empty)


class TestWeightSearch:
    @pytest.fixture
    def search(self):
        history = Table({"step": [0, 1, 2], "f1": [0.5, 0.4, 0.6], "location": [1.0, 2, 3]})
        history["missing"] = [0.5, 0.5, 0.7]
        weights = {"location": 3.0, "missing": 0.7}
        return WeightSearch("f1", "CV", weights, {}, 0.6, history, 40, interrupted=True)

    def test_steps(self, search, check_drawing):
        ax = plot_weight_search(search)
        texts = check_drawing(ax)
        points, best = ax.lines
        np.testing.assert_allclose(points.get_ydata(), [0.5, 0.4, 0.6])
        np.testing.assert_allclose(best.get_ydata(), [0.5, 0.5, 0.6])
        assert ax.get_ylabel() == "F1 of CV"
        assert "0.6000 on 40 held-out sources, ended by the user" in texts
        location, missing = ax.figure.axes[1].lines
        np.testing.assert_allclose(location.get_ydata(), [1, 2, 3])
        assert missing.get_label() == "missing (0.7)"

    def test_loss_goes_down(self, search):
        search.objective, search.target = "log_loss", None
        search.history.rename_column("f1", "log_loss")
        ax = plot_weight_search(search)
        np.testing.assert_allclose(ax.lines[1].get_ydata(), [0.5, 0.4, 0.4])

    def test_error(self):
        with pytest.raises(TypeError, match="search must be what optimize"):
            plot_weight_search([1])


class TestPriorsSensitivity:
    @pytest.fixture
    def sensitivity(self):
        changes = Table({"change": ["as given", "CV x 2", "CV / 2", "star x 2", "star / 2"]})
        changes["expected_CV"] = [10.0, 12.0, 9.0, 9.5, 11.0]
        changes["expected_star"] = [0.0] * 5
        return PriorSensitivity(changes, Table({"is_sensitive": [True, False, False]}))

    def test_ratios(self, sensitivity, check_drawing):
        ax = plot_priors_sensitivity(sensitivity)
        texts = check_drawing(ax)
        spread, *points = ax.lines[:5]
        np.testing.assert_allclose(spread.get_xdata(), [0.9, 1.2])
        assert [float(line.get_xdata()[0]) for line in points] == pytest.approx(
            [1.2, 0.9, 0.95, 1.1]
        )
        assert [line.get_marker() for line in points] == [">", "<", ".", "."]
        # A class that nobody expects has a row, and nothing in it.
        assert len(ax.lines) == 6
        assert {"CV (10.0)", "star (0.0)", "its prior x 2", "another prior"} <= set(texts)
        assert "1 of 3 sources change their class" in texts

    def test_sets_with_names(self, sensitivity, check_drawing):
        sensitivity.changes["change"][1:] = ["equal", "sky", "plane", "deep"]
        ax = plot_priors_sensitivity(sensitivity)
        assert {"equal", "sky", "plane", "deep"} <= set(check_drawing(ax))
        assert len({line.get_marker() for line in ax.lines[1:5]}) == 4

    def test_error(self):
        with pytest.raises(TypeError, match="sensitivity must be what priors_sensitivity"):
            plot_priors_sensitivity({})
