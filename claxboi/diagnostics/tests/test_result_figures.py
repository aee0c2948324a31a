# Licensed under a 3-clause BSD style license - see LICENSE.rst
import numpy as np
import pytest
from astropy import units as u
from astropy.table import MaskedColumn, Table
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex
from numpy.testing import assert_allclose

from claxboi import XrayTable
from claxboi.counterparts import associate
from claxboi.diagnostics import DiagnosticsMixin, plot_outliers, plot_track
from claxboi.diagnostics.tests.conftest import CATEGORIES
from claxboi.diagnostics.track import LOWEST
from claxboi.simulation import make_labelled_sample
from claxboi.training import add_labels


def points(ax):
    """Marker lines of a track by class."""
    return {line.get_label(): line for line in ax.lines if not line.get_label().startswith("_")}


class TestTrack:
    @pytest.mark.parametrize("classes", [4, 7, 8], indirect=True)
    def test_values(self, result, classes, check_drawing):
        ax = plot_track(result, 3)
        texts = check_drawing(ax)
        assert {"final", *CATEGORIES, *classes, "Probability"} <= set(texts)
        assert ax.get_yscale() == "log"
        found = points(ax)
        assert list(found) == classes
        for name, line in found.items():
            row = result[3]
            values = [row[f"P_{name}"], *(row[f"P_{name}_{category}"] for category in CATEGORIES)]
            values = np.where(np.array(values) < LOWEST, np.nan, values)
            assert_allclose(line.get_ydata(), values)
            assert_allclose(line.get_xdata(), np.arange(5), atol=0.25)
        looks = {(to_hex(line.get_color()), line.get_marker()) for line in found.values()}
        assert len({color for color, _ in looks}) == len(classes)
        assert len({marker for _, marker in looks}) == len(classes)

    def test_title_names_source_and_class(self, result, classes):
        best = classes[int(np.argmax([result[f"P_{name}"][7] for name in classes]))]
        assert plot_track(result, "J0007").get_title("left").startswith(f"J0007: {best} (")
        assert plot_track(result, -293).get_title("left").startswith("J0007")
        del result["source_id"]
        assert plot_track(result, 7).get_title("left").startswith("row 7: ")

    def test_first_column_identifies(self, result):
        result.rename_column("source_id", "name")
        assert plot_track(result, "J0007").get_title("left").startswith("J0007")
        result["name"] = np.arange(300) + 1000
        assert plot_track(result, "1007").get_title("left").startswith("1007")

    def test_tiny_and_missing_probabilities(self, result, classes, check_drawing):
        result[f"P_{classes[1]}"][0] = 1e-300
        result[f"P_{classes[0]}_location"] = MaskedColumn(
            result[f"P_{classes[0]}_location"], mask=np.arange(300) == 0
        )
        ax = plot_track(result, 0)
        check_drawing(ax)
        assert np.isnan(points(ax)[classes[1]].get_ydata()[0])
        at_edge = [line for line in ax.lines if np.any(np.asarray(line.get_ydata()) == LOWEST)]
        assert at_edge
        assert np.isnan(points(ax)[classes[0]].get_ydata()[1])
        assert ax.get_ylim()[0] < LOWEST

    def test_result_is_kept(self, result):
        before = result.copy()
        plot_track(result, 0)
        assert all(np.all(before[name] == result[name]) for name in before.colnames)

    def test_unknown_sources(self, result):
        with pytest.raises(IndexError, match="row from 0 to 299, got 300"):
            plot_track(result, 300)
        with pytest.raises(KeyError, match="no source 'J9999'"):
            plot_track(result, "J9999")
        result["source_id"][4] = "J0005"
        with pytest.raises(ValueError, match=r"in 2 rows of column 'source_id' \(4, 5\)"):
            plot_track(result, "J0005")
        with pytest.raises(TypeError, match=r"one position, got 1\.5"):
            plot_track(result, 1.5)

    def test_tables_that_do_not_fit(self, result):
        with pytest.raises(TypeError, match="result must be an astropy Table"):
            plot_track([1, 2], 0)
        with pytest.raises(ValueError, match="result is empty"):
            plot_track(result[:0], 0)
        with pytest.raises(ValueError, match="must be a table that classify returned"):
            plot_track(Table({"a": [1]}), 0)
        result.remove_column("P_AGN_location")
        with pytest.raises(KeyError, match="result has no column 'P_AGN_location'"):
            plot_track(result, 0)


class TestOutliers:
    @pytest.mark.parametrize("classes", [4, 7, 8], indirect=True)
    def test_rows(self, result, classes, check_drawing):
        ax = plot_outliers(result)
        texts = check_drawing(ax)
        assert [label.get_text() for label in ax.get_yticklabels()] == classes
        for name in classes:
            assert f"{np.sum(result['prediction'] == name)}" in texts
        colors = {to_hex(line.get_color()) for line in ax.lines if line.get_marker() == "|"}
        assert len(colors) == len(set(result["prediction"]))

    def test_median_and_oddest(self, result, classes):
        result["prediction"] = classes[0]
        result["outlier"] = np.arange(300.0)
        ax = plot_outliers(result)
        ticks = [line for line in ax.lines if line.get_marker() == "|"]
        assert_allclose(ticks[0].get_xdata(), np.arange(294, 300))
        assert any(np.all(np.asarray(line.get_xdata()) == 149.5) for line in ax.lines)
        counts = ax.patches[0].get_data()
        assert_allclose(np.sum(-counts.values / 0.8 * 5), 300)

    def test_missing_values(self, result, check_drawing):
        result["outlier"][:10] = np.nan
        result["outlier"][10] = np.inf
        ax = plot_outliers(result)
        numbers = [int(t.get_text()) for t in ax.texts if t.get_text().isdigit()]
        assert sum(numbers) == 289
        result["outlier"] = np.nan
        with pytest.raises(ValueError, match="must have a value for at least one source"):
            plot_outliers(result)

    def test_one_row_and_given_axes(self, result, check_drawing):
        _, ax = plt.subplots(layout="constrained")
        assert plot_outliers(result[:1], ax=ax) is ax
        check_drawing(ax)


class Classified(DiagnosticsMixin, Table):
    pass


class TestMixin:
    def test_methods_are_the_functions(self, result, evaluation, make_model):
        table = Classified(result)
        table.evaluation = evaluation
        table.model = make_model()
        assert table.plot_confusion(normalize=None).get_xlabel() == "Predicted class"
        assert table.plot_reliability().get_ylabel() == "Fraction classified correctly"
        assert table.plot_densities("pm", value=0.2).get_ylabel() == "Density"
        assert table.plot_track("J0001").get_title("left").startswith("J0001")
        assert table.plot_outliers().get_ylabel() == "Predicted class"

    def test_value_of_a_source_is_found(self, result, make_model):
        table = Classified(result)
        table.model = make_model()
        table["pm"] = MaskedColumn(np.linspace(0, 1, 300), mask=np.arange(300) == 3)
        ax = table.plot_densities("pm", source="J0060")
        (line,) = (line for line in ax.lines if line.get_label() == "J0060")
        assert_allclose(line.get_xdata(), table["pm"][60])
        ax = table.plot_densities("pm", source=3)
        assert "J0003: no value" in [text.get_text() for text in ax.get_legend().get_texts()]
        assert len(ax.lines) == len(table.model.classes_) + 1
        with pytest.raises(TypeError, match="value and source cannot be given together"):
            table.plot_densities("pm", value=1.0, source=3)

    def test_counterparts_hosts_and_candidates(self):
        place = {"ra": [10.0, 10.2], "dec": [5.0, 5.0], "pos_error": [1.0, 1.0]}
        table = Classified(Table({"source_id": ["A", "B"], **place}))
        stars = Table({"ra": [10.0001, 12.0], "dec": [5.0, 5.0], "pos_error": [0.1, 0.1]})
        candidates = associate(table, stars, radius=5 * u.arcsec, area=1 * u.deg**2)
        assert table.plot_separations(candidates, stars).get_ylabel().startswith("Sources per")
        ax = table.plot_finding_chart("A", candidates, stars, radius=4 * u.arcsec)
        assert ax.get_title("left").startswith("A; p_any")
        assert ax.get_xlim() == (4, -4)
        galaxies = Table({"galaxy_id": ["G"], "ra": [10.0], "dec": [5.0], "r25_major": [600.0]})
        ax = table.plot_hosts(galaxies, "G", factor=1)
        assert [part.get_label() for part in ax.collections] == ["no host", "host G"]
        table["xrb_probability"], table["f_contaminant"] = [0.9, 0.2], [0.1, 0.5]
        for name, value in {"is_nuclear": False, "is_ulx": True, "is_hlx": False}.items():
            table[name] = value
        assert table.plot_ulx().get_legend().get_texts()[0].get_text() == "ULX candidate (2)"

    def test_labels_and_weights(self):
        place = {"ra": [10.0, 20.0], "dec": [5.0, 5.0], "pos_error": [1.0, 1.0]}
        own = {"optical": Table(place)["ra", "dec"]}
        table = Classified(add_labels(Table(place), own, {"AGN": ["optical"]}, min_quality=0))
        ax = table.plot_training_overlap(class_name="AGN")
        assert ax.get_title("left") == "AGN: 2 labelled sources"
        sample = XrayTable(make_labelled_sample(1200, rng=1))
        found = sample.classify("training", show_progress=False)
        drawn = found.plot_weight_search().lines[0].get_ydata()
        assert_allclose(drawn, found.model.search.history["log_loss"])
        given = sample.classify("training", weights="published", show_progress=False)
        with pytest.raises(ValueError, match="weights of the model were given"):
            given.plot_weight_search()
        ax = found.plot_priors_sensitivity(factor=3.0)
        assert "its prior x 3" in [text.get_text() for text in ax.get_legend().get_texts()]

    def test_before_classification(self, result):
        table = Classified(result)
        methods = (table.plot_confusion, table.plot_reliability, table.plot_weight_search)
        for method in (*methods, table.plot_priors_sensitivity):
            with pytest.raises(ValueError, match="not classified yet"):
                method()
        with pytest.raises(ValueError, match="not classified yet"):
            table.plot_densities("pm")
