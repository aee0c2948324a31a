# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of the figure of a pair of properties.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from claxboi import XrayTable
from claxboi.classification import NaiveBayesClassifier
from claxboi.diagnostics import plot_pair
from claxboi.simulation import make_labelled_sample


@pytest.fixture(scope="module")
def result():
    table = make_labelled_sample(1200, rng=2)
    properties = ["hr1", "hr2", "log_fx_fr", "pm"]
    return XrayTable(table).classify("training", properties=properties, show_progress=False)


def test_densities_have_the_correlation_of_the_training_sample(result):
    """Most of each class is where its sources are, and the grid has it all."""
    x, y, density = result.model.pair_density("hr1", "hr2")
    assert density.shape == (len(result.model.classes_), len(x), len(y))
    assert_allclose(density.sum(axis=(1, 2)), 1, atol=0.1)
    assert np.all(np.diff(x) >= 0)
    assert np.all(np.diff(y) >= 0)
    labelled = np.asarray(result["class"] == "star") & ~np.ma.getmaskarray(result["class"])
    hr1 = np.ma.filled(result["hr1"].astype(float), np.nan)[labelled]
    share = density[result.model.classes_.index("star")].sum(axis=1)
    mean = np.sum(share * x) / share.sum()
    assert abs(mean - np.nanmean(hr1)) < 0.3 * np.nanstd(hr1)
    # The other way round it is the same.
    assert_allclose(result.model.pair_density("hr2", "hr1")[2], density.transpose(0, 2, 1))


def test_the_title_says_what_the_pair_adds(result, check_drawing):
    row = int(np.flatnonzero(result["prediction"] == "star")[0])
    explanation = result.model.explain(result[row])
    nats = explanation.contrast("star", "AGN")
    pairs = {
        str(part["name"]): nats[k]
        for k, part in enumerate(explanation.parts)
        if part["kind"] == "pair"
    }
    strongest = max(pairs, key=lambda name: abs(pairs[name]))
    ax = result.plot_pair(row, class_name="star", against="AGN")
    texts = check_drawing(ax)
    winner, other = ("star", "AGN") if pairs[strongest] > 0 else ("AGN", "star")
    said = " ".join(texts).replace("\n", " ")
    assert f"{abs(pairs[strongest]):.1f} nats for {winner} over {other}" in said
    assert {"star", "AGN", explanation.identifier} <= set(texts)
    # The source is within the axes.
    marker = next(line for line in ax.lines if line.get_marker() == "*")
    ranges = ax.get_xlim(), ax.get_ylim()
    for limits, values in zip(ranges, marker.get_data(), strict=True):
        assert limits[0] < values[0] < limits[1]


def test_a_missing_value_is_said(result, check_drawing):
    one = result[7:8]
    one["hr1"] = np.nan
    ax = plot_pair(result.model, one, ["hr1", "log_fx_fr"])
    assert "a value is missing" in " ".join(check_drawing(ax)).replace("\n", " ")
    assert not any(line.get_marker() == "*" for line in ax.lines)


def test_errors(result):
    with pytest.raises(ValueError, match="must be two properties whose weights are not zero"):
        plot_pair(result.model, result[0], ["hr1", "hr1"])
    with pytest.raises(KeyError, match="must be a property of the model, got 'flux'"):
        plot_pair(result.model, result[0], ["hr1", "flux"])
    plain = NaiveBayesClassifier(["hr1", "hr2"]).fit(make_labelled_sample(1200, rng=2))
    with pytest.raises(ValueError, match="only in a refined model"):
        plain.pair_density("hr1", "hr2")
    with pytest.raises(ValueError, match="pair must be given"):
        plot_pair(plain, result[0])
