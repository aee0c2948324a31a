# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of the number of labelled sources like a source.
"""

import numpy as np
import pytest
from astropy.table import Table
from numpy.testing import assert_allclose

from claxboi.classification import NaiveBayesClassifier
from claxboi.simulation import make_labelled_sample

PRIORS = {"A": 0.5, "B": 0.5}


def make_table(rng, n=400):
    label = np.repeat(["A", "B"], [n, n // 4])
    u = rng.normal(np.where(label == "A", 0.0, 4.0))
    w = rng.normal(np.where(label == "A", 0.0, 4.0))
    w[rng.random(len(w)) < np.where(label == "A", 0.1, 0.9)] = np.nan
    return Table({"u": u, "w": w, "class": label})


@pytest.fixture(scope="module")
def model():
    return NaiveBayesClassifier(["u", "w"]).fit(make_table(np.random.default_rng(1)))


def support(model, u, w):
    result = model.classify(Table({"u": u, "w": w}), PRIORS)
    return np.asarray(result["support"]), np.asarray(result["prediction"])


def test_definition(model):
    """It is the geometric mean over the properties of density over peak, times the number."""
    found, prediction = support(model, [0.3, 1.0, 5.5], [0.1, -2.0, np.nan])
    assert prediction.tolist() == ["A", "A", "B"]
    scale = model._core.outlier_scale()
    peak = np.exp(scale._peak)
    # The densities of the model are in units of the range of each property.
    span = [density.span for density in model._core.likelihood.densities]
    ratio = [
        model.density(name, values)[:, 0] * span[p] / peak[p, 0]
        for p, (name, values) in enumerate([("u", [0.3, 1.0]), ("w", [0.1, -2.0])])
    ]
    assert_allclose(found[:2], 400 * np.sqrt(np.minimum(np.prod(ratio, axis=0), 1)), rtol=1e-9)
    # For most of class B the second value is missing, so this takes nothing away.
    first = model.density("u", [5.5])[:, 1] * span[0] / peak[0, 1]
    assert first[0] < 0.9
    assert_allclose(found[2], 100 * np.sqrt(min(first[0], 1)), rtol=1e-9)


def test_falls_with_the_distance_from_the_class(model):
    u = np.linspace(4, 9, 20)
    found, _ = support(model, u, np.full(20, np.nan))
    assert np.all(np.diff(found[u > 5]) <= 1e-9)
    assert found[-1] < 0.1 * found[0]
    assert np.all(found <= 100)


def test_what_is_usually_missing_counts(model):
    """A source with a value that its class rarely has is less like it."""
    (without, given), prediction = support(model, [4.0, 4.0], [np.nan, 4.0])
    assert prediction.tolist() == ["B", "B"]
    assert given < 0.7 * without


def test_weights_are_an_effective_number():
    rng = np.random.default_rng(2)
    table = make_table(rng)
    weight = rng.exponential(size=len(table))
    model = NaiveBayesClassifier(["u", "w"], classes=["A", "B"])
    found, _ = support(model.fit(table, sample_weight=weight), [0.0], [0.0])
    own = weight[table["class"] == "A"]
    assert found[0] < own.sum() ** 2 / np.sum(own**2)
    doubled, _ = support(model.fit(table, sample_weight=2 * weight), [0.0], [0.0])
    # Bandwidths depend on the weights a little.
    assert_allclose(doubled, found, rtol=0.05)


def test_explanation_agrees_and_says_so(model):
    table = Table({"u": [0.0, 8.0], "w": [0.0, np.nan]})
    result = model.classify(table, PRIORS)
    ordinary, rare = (model.explain(row) for row in result)
    assert_allclose([ordinary.support, rare.support], result["support"], rtol=1e-9)
    assert (ordinary.n_labelled, rare.n_labelled) == (400, 100)
    assert "like it" not in ordinary.sentence
    assert 1 < rare.support < 10
    assert "Few labelled sources of class B (" in rare.sentence


def test_nothing_is_like_a_source_far_from_all():
    rng = np.random.default_rng(3)
    names = [f"x{k}" for k in range(4)]
    label = np.repeat(["A", "B"], 30)
    table = Table({name: rng.normal(np.where(label == "A", 0, 3)) for name in names})
    table["class"] = label
    model = NaiveBayesClassifier(names).fit(table)
    far = model.classify(Table({name: [500.0] for name in names}), PRIORS)
    assert far["support"][0] < 1
    sentence = model.explain(far[0]).sentence
    assert f"No labelled source of class {far['prediction'][0]} is like it" in sentence


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_accuracy_falls_with_the_support(seed):
    """Learned from the bright half, faint sources are less often right the smaller it is."""
    table = make_labelled_sample(4000, labelled_fraction=0.0, rng=seed)
    bright = table["flux"] > np.median(table["flux"])
    columns = ["b", "pm", "galaxy_radius", "hr1", "hr2", "hr3", "log_fx_fr", "log_fx_fw1", "log_lx"]
    model = NaiveBayesClassifier(columns, missing="ignore")
    model.fit(table[bright], label="true_class")
    result = model.classify(table[~bright], "training")
    right = np.asarray(result["prediction"] == result["true_class"])
    order = np.argsort(np.asarray(result["support"]))
    low, _, high = (np.mean(right[part]) for part in np.array_split(order, 3))
    # Of 667 each: the difference has an error of 0.02.
    assert low < high - 0.08
