# Licensed under a 3-clause BSD style license - see LICENSE.rst
import numpy as np
import pytest
from matplotlib import pyplot as plt
from numpy.testing import assert_allclose

from claxboi.classification.evaluation import Evaluation
from claxboi.diagnostics import plot_confusion, plot_reliability, plot_reliability_by


def cells(ax):
    """Texts of the cells by place: (column, row rounded) -> texts from top to bottom."""
    found = {}
    for text in sorted(ax.texts, key=lambda text: text.get_position()[1]):
        x, y = text.get_position()
        found.setdefault((round(x), round(y)), []).append(text.get_text())
    return found


class TestConfusion:
    @pytest.mark.parametrize("classes", [4, 7, 8], indirect=True)
    @pytest.mark.parametrize(
        ("normalize", "corrected"), [("truth", False), ("predicted", True), (None, False)]
    )
    def test_all_fits(self, evaluation, check_drawing, normalize, corrected):
        ax = plot_confusion(evaluation, normalize=normalize, corrected=corrected)
        texts = check_drawing(ax)
        assert set(evaluation.classes) <= set(texts)
        assert "recall" in texts
        assert ("precision,\nprior-corrected" if corrected else "precision") in texts
        assert "300 sources, leave-one-out" in texts

    def test_numbers(self):
        evaluation = Evaluation(
            [[3000, 1, 999], [0, 40, 10], [5, 5, 90]], ["AGN", "star", "CV"], [0.5, 0.3, 0.2]
        )
        found = cells(plot_confusion(evaluation))
        assert found[0, 0] == ["75.0%", "3000"]
        assert found[1, 0] == ["<0.1%", "1"]
        assert found[0, 1] == ["0"]
        assert found[3, 0] == ["75.0%"]  # recall
        assert found[0, 3] == ["99.8%"]  # precision
        found = cells(plot_confusion(evaluation, normalize="predicted", corrected=True))
        precision = evaluation.per_class["precision_corrected"]
        assert found[2, 2] == [f"{100 * precision[2]:.1f}%", "90"]
        assert found[2, 3] == [f"{100 * precision[2]:.1f}%"]
        found = cells(plot_confusion(evaluation, normalize=None))
        assert found[2, 0] == ["999"]
        found = cells(plot_confusion(evaluation, normalize=None, corrected=True))
        assert found[2, 2] == [f"{4150 * 0.2 * 0.9:.0f}"]

    def test_undefined_scores(self, check_drawing):
        evaluation = Evaluation([[3, 0], [0, 0]], ["AGN", "star"])
        found = cells(plot_confusion(evaluation))
        assert found[2, 1] == ["-"]
        assert found[1, 2] == ["-"]

    @pytest.mark.parametrize("classes", [4, 7, 8], indirect=True)
    def test_labels_do_not_overlap(self, evaluation, check_drawing):
        ax = plot_confusion(evaluation)
        check_drawing(ax)
        upright = [t for t in ax.get_xticklabels() if t.get_rotation() == 0]
        boxes = [t.get_window_extent() for t in upright] + [
            t.get_window_extent() for t in ax.get_yticklabels()
        ]
        assert not any(a.overlaps(b) for k, a in enumerate(boxes) for b in boxes[:k])

    def test_given_axes(self, evaluation):
        _, ax = plt.subplots()
        assert plot_confusion(evaluation, ax=ax) is ax

    def test_bad_normalize(self, evaluation):
        with pytest.raises(ValueError, match="normalize must be one of 'truth', 'predicted', None"):
            plot_confusion(evaluation, normalize="rows")


class TestReliability:
    @pytest.mark.parametrize("ending", ["", "_corrected"])
    def test_points_are_the_table(self, evaluation, ending, check_drawing):
        ax = plot_reliability(evaluation, corrected=bool(ending))
        texts = check_drawing(ax)
        table = evaluation.reliability
        filled = table[table["n"] > 0]
        points = ax.containers[0].lines[0]
        assert_allclose(points.get_xdata(), filled[f"mean_probability{ending}"])
        assert_allclose(points.get_ydata(), filled[f"fraction_correct{ending}"])
        bars = ax.containers[0].lines[2][0].get_segments()
        assert_allclose([bar[0][1] for bar in bars], filled[f"fraction_correct_lower{ending}"])
        assert_allclose([bar[1][1] for bar in bars], filled[f"fraction_correct_upper{ending}"])
        ece = evaluation.corrected["ece"] if ending else evaluation.ece
        assert any(f"ECE = {ece:.3f}" in text for text in texts)
        counts = ax.figure.axes[1].patches[0].get_data()
        assert_allclose(counts.values, table["n"])

    def test_all_bins_are_seen(self, evaluation):
        ax = plot_reliability(evaluation)
        lowest = evaluation.reliability["mean_probability"]
        assert ax.get_xlim()[0] < np.nanmin(lowest)

    @pytest.mark.parametrize("has_grid", [True, False])
    def test_given_axes(self, evaluation, has_grid, check_drawing):
        figure = plt.figure()
        ax = figure.add_subplot() if has_grid else figure.add_axes([0.15, 0.15, 0.8, 0.65])
        assert plot_reliability(evaluation, ax=ax) is ax
        check_drawing(ax)

    def test_one_source(self, check_drawing):
        evaluation = Evaluation.from_probabilities([0], [[0.8, 0.2]], ["AGN", "star"])
        check_drawing(plot_reliability(evaluation))

    def test_without_probabilities(self):
        evaluation = Evaluation([[1, 0], [0, 1]], ["AGN", "star"])
        with pytest.raises(ValueError, match="must be made from probabilities"):
            plot_reliability(evaluation)


def test_reliability_by_class_and_by_value(evaluation, classes, probabilities, check_drawing):
    """Groups are compared with their own fractions, and small bins are left out."""
    values, codes = probabilities
    table = evaluation.reliability_by()
    first = table[table["group"] == classes[0]]
    assert first["n"].sum() == len(codes)
    assert_allclose(np.sum(first["n"] * first["fraction"]), np.sum(codes == 0))
    assert_allclose(np.sum(first["n"] * first["mean_probability"]), values[:, 0].sum())
    ax = plot_reliability_by(evaluation)
    assert set(classes) <= set(check_drawing(ax))
    flux = np.random.default_rng(1).lognormal(size=len(codes))
    flux[:5] = np.nan
    table = evaluation.reliability_by(flux)
    assert len(set(table["group"])) == 3
    assert table["n"].sum() == len(codes) - 5
    is_right = (values.argmax(axis=1) == codes)[5:]
    assert_allclose(np.sum(table["n"] * table["fraction"]), is_right.sum())
    ax = plot_reliability_by(evaluation, flux, name="flux")
    assert any(text.startswith("flux ") for text in check_drawing(ax))
    with pytest.raises(ValueError, match="values must have one number for each of the 300 sources"):
        evaluation.reliability_by(flux[1:])
    with pytest.raises(ValueError, match="at least one source"):
        evaluation.reliability_by(np.full(len(codes), np.nan))
