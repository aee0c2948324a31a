# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of the bars of an explanation.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from claxboi import XrayTable, classify
from claxboi.classification import NaiveBayesClassifier
from claxboi.diagnostics import plot_explanation
from claxboi.simulation import make_labelled_sample


@pytest.fixture(scope="module")
def explanation():
    table = make_labelled_sample(3000, rng=2)
    model = NaiveBayesClassifier().fit(table)
    return model.explain(table[5], "training")


def test_bars_add_up(explanation):
    ax = plot_explanation(explanation)
    ratio = np.log(
        explanation.posterior[explanation.prediction]
        / explanation.posterior[explanation.runner_up()]
    )
    assert_allclose(sum(bar.get_width() for bar in ax.patches), ratio, atol=1e-6)
    assert f"{ratio:+.1f} nats" in ax.get_title(loc="left")


def test_bars_are_sorted_and_named(explanation):
    ax = plot_explanation(explanation, class_name="star", against="AGN")
    by_place = sorted(ax.patches, key=lambda bar: -bar.get_y())
    widths = [bar.get_width() for bar in by_place]
    assert widths == sorted(widths, reverse=True)
    assert len(ax.get_yticklabels()) == len(by_place)
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert set(legend) <= set(explanation.parts["category"])


def test_draws_on_given_axes(explanation):
    import matplotlib.pyplot as plt

    _, ax = plt.subplots()
    assert plot_explanation(explanation, ax=ax) is ax
    ax.figure.canvas.draw()


def test_unknown_class(explanation):
    with pytest.raises(ValueError, match=r"class_name must be one of .*, got 'quasar'"):
        plot_explanation(explanation, class_name="quasar")


def test_method_of_a_result_explains_a_source():
    table = make_labelled_sample(1200, rng=2)
    result, model = classify(table, "training", return_model=True, show_progress=False)
    result = XrayTable(result)
    result.model = model
    ax = result.plot_explanation("SIM-0006", class_name="star", against="AGN")
    assert ax.get_title(loc="left").startswith("SIM-0006: star rather than AGN")
    with pytest.raises(ValueError, match="not classified yet"):
        XrayTable(table).plot_explanation(0)
