# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of the intervals of posterior probabilities.
"""

import numpy as np
import pytest
from astropy.table import Table
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import norm

from claxboi import classify
from claxboi.classification import NaiveBayesClassifier

PRIORS = {"AGN": 0.7, "star": 0.2, "CV": 0.1}
CLASSES = list(PRIORS)
PROPERTIES = {"spectrum": ["x"], "location": ["y"], "counterparts": ["z"]}
MEANS = np.array([[0, 0, 0], [1.5, -0.5, 1], [0.5, 1.5, -1]])
SPREADS = np.array([[1, 1, 1], [0.8, 1, 0.7], [1, 0.6, 1.2]])


def draw(n, seed):
    """Draw sources, and return their exact posteriors, (n, n_classes)."""
    rng = np.random.default_rng(seed)
    share = np.array(list(PRIORS.values()))
    codes = rng.choice(3, n, p=share)
    values = MEANS[codes] + SPREADS[codes] * rng.normal(size=(n, 3))
    density = norm.pdf(values[:, np.newaxis], MEANS, SPREADS).prod(axis=2) * share
    table = Table(values, names=["x", "y", "z"])
    table["source_id"] = [f"{seed}-{k}" for k in range(n)]
    table["class"] = np.array(CLASSES)[codes]
    return table, density / density.sum(axis=1, keepdims=True)


@pytest.fixture(scope="module")
def table():
    return draw(400, 1)[0]


@pytest.fixture(scope="module")
def model(table):
    # Each second source is new, the others are held out.
    return classify(table[::2], PRIORS, properties=PROPERTIES, return_model=True)[1]


def test_the_interval_has_its_own_columns(table, model):
    plain = model.classify(table, PRIORS)
    result = model.classify(table, PRIORS, posterior_error=20, rng=1)
    start = result.colnames.index("P_CV")
    assert result.colnames[start + 1 : start + 3] == ["P_AGN_low", "P_AGN_high"]
    for name in CLASSES:
        assert_array_equal(result[f"P_{name}"], plain[f"P_{name}"])
        low, high = result[f"P_{name}_low"], result[f"P_{name}_high"]
        assert np.all((low >= 0) & (low <= high) & (high <= 1))
        assert "68 %" in low.description
        # Both new sources and those that are held out.
        for rows in (slice(0, None, 2), slice(1, None, 2)):
            assert np.mean((low[rows] <= plain[f"P_{name}"][rows]) & (low[rows] < high[rows])) > 0.7
    assert result.meta["claxboi"]["classification"]["posterior_error"] == 20
    again = model.classify(table[:50], PRIORS, posterior_error=20, rng=1)
    assert_allclose(again["P_CV_low"], result["P_CV_low"][:50], atol=1e-6)


def test_weights_of_the_sources_enter_the_densities_exactly(table):
    """The same as a fit to these weights, at fixed bandwidths."""
    table = table.copy()
    table["x"][::7] = np.nan
    table["y"][::3] = 0.0  # an atom
    model = NaiveBayesClassifier(PROPERTIES, bandwidth=0.3).fit(table)
    weights = np.random.default_rng(2).exponential(size=len(table))
    expected = NaiveBayesClassifier(PROPERTIES, bandwidth=0.3).fit(table, sample_weight=weights)
    found = model._core.reweighted(weights, np.zeros(0))
    for sources in (model._core.training.sources().as_new(), None):
        one, other = (
            m.log_evidence(m.training.sources() if sources is None else sources)
            for m in (found, expected._core)
        )
        assert_allclose(one, other, atol=1e-9)


def test_equal_weights_change_nothing(table, model):
    same = model._core.reweighted(model._core.training.weights, np.zeros(5))
    sources = model._core.training.sources()
    assert_allclose(same.log_evidence(sources), model._core.log_evidence(sources), atol=1e-9)


def test_rows_of_one_source_have_one_weight(table):
    """A soft label is no second source."""
    twice = Table(table[np.repeat(np.arange(len(table)), 2)])
    once = classify(table, PRIORS, properties=PROPERTIES, refine=False, posterior_error=80, rng=1)
    settings = {"properties": PROPERTIES, "refine": False, "posterior_error": 80, "rng": 1}
    result = classify(twice, PRIORS, **settings)
    widths = [np.mean(each["P_CV_high"] - each["P_CV_low"]) for each in (once, result)]
    assert 0.8 < widths[1] / widths[0] < 1.25


def test_the_interval_covers_the_exact_posterior():
    """Near 68 % of the sources whose class is uncertain."""
    new, exact = draw(200, 99)
    new.remove_column("class")
    inside = []
    for seed in range(6):
        result = classify(
            new,
            PRIORS,
            training=draw(300, seed)[0],
            properties=PROPERTIES,
            posterior_error=30,
            rng=seed,
        )
        covered = []
        for truth, name in zip(exact.T, CLASSES, strict=True):
            here = (result[f"P_{name}"] > 0.02) & (result[f"P_{name}"] < 0.98)
            within = (truth >= result[f"P_{name}_low"]) & (truth <= result[f"P_{name}_high"])
            covered.extend(within[here])
        inside.append(np.mean(covered))
    error = np.std(inside, ddof=1) / np.sqrt(len(inside))
    assert 0.60 - 2 * error < np.mean(inside) < 0.76 + 2 * error, inside


def test_rare_classes_have_wider_intervals():
    """Of like probabilities, those of a class with few sources."""
    new = draw(400, 98)[0]
    new.remove_column("class")
    widths = []
    for n in (200, 2000):
        sample = draw(n, 5)[0]
        result = classify(
            new, PRIORS, training=sample, properties=PROPERTIES, posterior_error=30, rng=1
        )
        here = (result["P_CV"] > 0.1) & (result["P_CV"] < 0.9)
        widths.append(np.mean((result["P_CV_high"] - result["P_CV_low"])[here]))
    assert widths[0] > 1.5 * widths[1]


def test_errors_come_before_any_work(table, model):
    with pytest.raises(ValueError, match="posterior_error must be at least 0, got -1"):
        classify(table, PRIORS, posterior_error=-1)
    with pytest.raises(TypeError, match="posterior_error must be an integer, got True"):
        model.classify(table, PRIORS, posterior_error=True)
    with pytest.raises(ValueError, match="posterior_error must be 0 with candidates, got 20"):
        classify(table, PRIORS, candidates=table, posterior_error=20)
    taken = table.copy()
    taken["p_cv_LOW"] = 0.0
    with pytest.raises(ValueError, match="already has columns p_cv_LOW"):
        classify(taken, PRIORS, properties=PROPERTIES, posterior_error=20)
    original = NaiveBayesClassifier(PROPERTIES, recipe="original", missing="existence")
    with pytest.warns(UserWarning, match="original"):
        original.fit(table)
    with pytest.raises(ValueError, match="posterior_error needs a training sample"):
        original.classify(table, PRIORS, posterior_error=20)
