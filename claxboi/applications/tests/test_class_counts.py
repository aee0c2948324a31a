# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of the counts of classes.
"""

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import MaskedColumn, Table, vstack
from numpy.testing import assert_allclose, assert_array_equal
from regions import CircleSkyRegion
from scipy.stats import binom

from claxboi.applications import count_classes
from claxboi.classification import NaiveBayesClassifier, PriorWarning

PRIORS = {"AGN": 0.5, "CV": 0.5}


def make_sky(seed, n=400, n_training=400, share=0.2):
    """Two classes 1.5 sigma apart in each of two properties; CVs are rare, but not in training."""
    rng = np.random.default_rng(seed)
    parts = []
    for size, chance in ((n_training, 0.5), (n, share)):
        is_cv = rng.random(size) < chance
        parts.append(
            Table(
                {
                    "ra": rng.uniform(0, 20, size),
                    "dec": rng.uniform(-10, 10, size),
                    "x": rng.normal(size=size) + 1.5 * is_cv,
                    "y": rng.normal(size=size) - 1.5 * is_cv,
                    "true_class": np.where(is_cv, "CV", "AGN"),
                }
            )
        )
    table = vstack(parts)
    unknown = np.arange(len(table)) >= n_training
    table["class"] = MaskedColumn(table["true_class"], mask=unknown)
    model = NaiveBayesClassifier(["x", "y"], bandwidth="silverman").fit(table)
    return model.classify(table, PRIORS), model


@pytest.fixture(scope="module")
def sky():
    return make_sky(1)


@pytest.mark.parametrize("share", [0.02, 0.2, 0.8])
def test_intervals_hold_the_truth(share):
    """At other proportions than in training, with probabilities at wrong priors."""
    n_trials = 40
    within, raw_within, bias = 0, 0, []
    for seed in range(n_trials):
        result, model = make_sky(seed, share=share)
        true = np.sum(result["true_class"][~result["is_training"]] == "CV")
        row = count_classes(result, model)[1]
        within += row["n_low"] <= true <= row["n_high"]
        raw_within += row["n_low"] <= row["n_raw"] <= row["n_high"]
        bias.append(row["n_estimated"] - true)
    low, high = binom.ppf([0.001, 0.999], n_trials, 0.683)
    assert low <= within <= (n_trials if share < 0.1 else high)
    assert abs(np.mean(bias)) < 4 * np.std(bias) / np.sqrt(n_trials)
    # Predictions at wrong priors are many sigma off: the test can tell.
    assert raw_within < n_trials / 2 or share == 0.8


def test_no_estimate_where_sources_are_unlike_the_labelled(sky):
    result, model = sky
    other = result.copy()
    new = ~other["is_training"]
    other["x"][new] = 0.5 * other["x"][new] + 2
    with pytest.warns(PriorWarning, match="cannot be estimated: x is distributed unlike"):
        counts = count_classes(other, model)
    for name in ("n_estimated", "n_low", "n_high", "proportion", "proportion_error"):
        assert np.isnan(counts[name]).all()
    assert_allclose(counts["n_expected"].sum(), 400)


def test_what_is_counted(sky):
    result, model = sky
    counts = count_classes(result, model)
    assert counts["class"].tolist() == ["AGN", "CV"]
    new = ~result["is_training"]
    assert_array_equal(
        counts["n_training"],
        [np.sum(result["true_class"][~new] == name) for name in ("AGN", "CV")],
    )
    assert_array_equal(
        counts["n_raw"], [np.sum(result["prediction"][new] == name) for name in ("AGN", "CV")]
    )
    p = result["P_CV"][new]
    assert_allclose(counts["n_expected"][1], p.sum())
    assert_allclose(counts["n_estimated"].sum(), 400)
    assert np.all(counts["n_low"] <= counts["n_estimated"])
    assert np.all(counts["n_estimated"] <= counts["n_high"])


def test_regions_and_masks_agree(sky):
    result, model = sky
    center = SkyCoord(10, 0, unit="deg")
    region = CircleSkyRegion(center, 5 * u.deg)
    coords = SkyCoord(result["ra"], result["dec"], unit="deg")
    mask = center.separation(coords) < 5 * u.deg
    by_region = count_classes(result, model, region=region)
    by_mask = count_classes(result, model, region=mask)
    for name in by_region.colnames:
        assert_array_equal(by_region[name], by_mask[name])
    assert by_region["n_raw"].sum() == np.sum(mask & ~result["is_training"])


def test_groups(sky):
    result, model = sky
    result = result.copy()
    result["field"] = MaskedColumn(np.where(result["ra"] < 10, "west", "east"))
    result["field"].mask[-5:] = True
    counts = count_classes(result, model, by="field")
    assert counts["group"].tolist() == ["east", "east", "west", "west"]
    assert counts["n_raw"].sum() == 395
    west = count_classes(result, model, region=np.asarray(result["field"].filled("") == "west"))
    assert_allclose(counts["n_estimated"][2:], west["n_estimated"])


def test_training_sources_alone(sky):
    result, model = sky
    counts = count_classes(result, model, region=np.asarray(result["is_training"]))
    assert counts["n_training"].sum() == 400
    assert counts["n_raw"].sum() == 0
    assert counts["n_high"].sum() == 0


def test_input_is_not_changed(sky):
    result, model = sky
    before = result.copy()
    count_classes(result, model)
    assert result.colnames == before.colnames
    assert_array_equal(result["P_CV"], before["P_CV"])


def test_errors(sky):
    result, model = sky
    with pytest.raises(TypeError, match="model must be a NaiveBayesClassifier, got"):
        count_classes(result, "4XMM")
    with pytest.raises(ValueError, match="result must be a table that classify returned"):
        count_classes(Table(result, meta={}), model)
    with pytest.raises(KeyError, match="'field'"):
        count_classes(result, model, by="field")
    with pytest.raises(ValueError, match="one value per row"):
        count_classes(result, model, region=np.ones(3, bool))
    with pytest.raises(ValueError, match="region must contain at least one source"):
        count_classes(result, model, region=np.zeros(len(result), bool))
    other = NaiveBayesClassifier(["x"], classes=["CV", "AGN"]).fit(result)
    with pytest.raises(ValueError, match=r"classes of result \(AGN, CV\), got CV, AGN"):
        count_classes(result, other)


def test_merged_labels_are_counted():
    table = make_sky(1)[0]["x", "y", "class"]
    labels = np.asarray(table["class"].filled(""), dtype="U9")
    labels[:100] = np.char.replace(labels[:100], "CV", "polar")
    table["class"] = MaskedColumn(labels, mask=table["class"].mask)
    model = NaiveBayesClassifier(["x", "y"], bandwidth=0.3, merge={"CVs": ["CV", "polar"]})
    counts = count_classes(model.fit(table).classify(table, "training"), model)
    assert dict(counts["class", "n_training"].iterrows()) == dict(
        zip(model.classes_, model.class_counts_, strict=True)
    )
