# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of the class sets.
"""

import numpy as np
import pytest
from astropy.table import MaskedColumn, Table
from numpy.testing import assert_allclose
from scipy.special import expit

from claxboi.classification import NaiveBayesClassifier, class_sets
from claxboi.utils import ClaxboiWarning

CLASSES = np.array(["AGN", "CV", "star"])
SHARES = np.array([0.6, 0.15, 0.25])


def bright_labels(bright, codes):
    return np.array([0.3, 0.7, 0.5])[codes] * expit(1.5 + 0.8 * bright)


def fair_labels(bright, codes):
    return np.full(len(bright), 0.4)


def classified(seed, label_probability=fair_labels, n=4000):
    """Sources that are harder to tell apart where they are faint, classified at fair priors."""
    rng = np.random.default_rng(seed)
    codes = rng.choice(3, n, p=SHARES)
    bright = rng.normal(size=n)
    scatter = np.exp(-0.7 * bright)
    table = Table({"flux": 1e-14 * 10 ** (0.5 * bright), "b": rng.uniform(-90, 90, n)})
    for name, center in (("x", [0, 2, 1]), ("y", [0, 0, 2])):
        table[name] = np.array(center)[codes] + scatter * rng.normal(size=n)
    table["true_class"] = CLASSES[codes]
    has_label = rng.random(n) < label_probability(bright, codes)
    table["class"] = MaskedColumn(CLASSES[codes], mask=~has_label)
    model = NaiveBayesClassifier(["x", "y"], bandwidth="silverman").fit(table)
    return model.classify(table, dict(zip(CLASSES.tolist(), SHARES, strict=True))), model


def _parts(sets):
    return sets.meta["claxboi"]["class_sets"]["parts"]


def covered(sets):
    pairs = zip(sets["true_class"], sets["class_set"].filled(""), strict=True)
    return np.array([true in text.split("|") for true, text in pairs])


@pytest.mark.parametrize("coverage", [0.9, 0.97])
def test_each_third_of_flux_is_covered(coverage):
    """The mean of 8 samples scatters by 0.005; the labelled sources alone would be 0.04 off."""
    found = []
    for seed in range(8):
        result, model = classified(seed, bright_labels)
        sets = class_sets(result, model, coverage)
        assert {part["basis"] for part in _parts(sets)} == {"labelled sources"}
        true, new = covered(sets), sets["class"].mask
        third = np.searchsorted(np.quantile(sets["flux"][new], [1 / 3, 2 / 3]), sets["flux"])
        found.append([true[new & (third == k)].mean() for k in range(3)] + [true[~new].mean()])
    assert_allclose(np.mean(found, axis=0), coverage, atol=0.02)


def test_sets_list_the_most_probable_class_first():
    result, model = classified(1)
    sets = class_sets(result, model, 0.97)
    assert sets.colnames == [*result.colnames, "class_set"]
    assert "class_set" not in result.colnames
    texts = sets["class_set"].tolist()
    assert {text.split("|")[0] for text in texts} <= {*CLASSES, "none"}
    some = [(text, row) for text, row in zip(texts, result, strict=True) if text != "none"]
    assert all(text.split("|")[0] == row["prediction"] for text, row in some)
    assert any("|" in text for text in texts)
    # A smaller coverage excludes more classes.
    fewer = class_sets(result, model, 0.5)["class_set"].tolist()
    assert all(
        one == "none" or set(one.split("|")) <= set(two.split("|"))
        for one, two in zip(fewer, texts, strict=True)
    )


@pytest.mark.parametrize("seed", range(4))
def test_probabilities_where_no_label_is_like(seed):
    """Labels of the bright half cannot confirm the sets of faint sources, and it is said."""
    result, model = classified(seed, lambda bright, codes: 0.5 * (bright > 0))
    with pytest.warns(ClaxboiWarning, match="rests on their probabilities alone"):
        sets = class_sets(result, model, 0.9)
    bases = [part["basis"] for part in _parts(sets)]
    assert bases[:4] == ["labelled sources"] * 3 + ["probabilities"]
    faint = sets[sets["class"].mask & (sets["flux"] < _parts(sets)[3]["flux_max"])]
    p = np.transpose([faint[f"P_{name}"] for name in CLASSES])
    inside = [[name in text.split("|") for name in CLASSES] for text in faint["class_set"]]
    assert_allclose(np.sum(p * inside) / len(p), 0.9, atol=0.002)


def test_sets_from_another_sample():
    result, model = classified(2)
    rows = result["class"].mask
    expected = class_sets(result, model, 0.9)["class_set"][rows]
    found = class_sets(result[rows], model, 0.9, sample=result[~rows])["class_set"]
    assert found.tolist() == expected.tolist()


def test_sources_without_flux_or_probabilities():
    result, model = classified(3)
    new = np.flatnonzero(result["class"].mask)
    result["flux"][new[:3]] = np.nan
    for name in CLASSES:
        result[f"P_{name}"][new[3:6]] = np.nan
    with pytest.warns(ClaxboiWarning, match=f"of 3 of {len(result) - 3} sources rests on"):
        sets = class_sets(result, model, 0.9)
    assert np.flatnonzero(sets["class_set"].mask).tolist() == new[3:6].tolist()


def test_errors():
    result, model = classified(4)
    with pytest.raises(ValueError, match="coverage must be"):
        class_sets(result, model, 1.0)
    with pytest.raises(ValueError, match="result must have labelled sources"):
        class_sets(result[result["class"].mask], model)
    with pytest.raises(KeyError, match="flux"):
        class_sets(result[[name for name in result.colnames if name != "flux"]], model)
    sets = class_sets(result, model, 0.5)
    with pytest.raises(ValueError, match="class_set"):
        class_sets(sets, model)
    class_sets(sets, model, overwrite=True)
