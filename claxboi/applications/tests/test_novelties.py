# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of sources that are like no class.
"""

import numpy as np
import pytest
from astropy.table import MaskedColumn, Table
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import binom

from claxboi.applications import find_novelties
from claxboi.classification import NaiveBayesClassifier
from claxboi.utils import ClaxboiWarning

PRIORS = {"AGN": 0.5, "star": 0.5}
N_TRAINING, N_NEW, N_PLANTED = 4000, 3000, 60


def make_sky(seed, planted=N_PLANTED):
    """Two classes in two properties, and planted sources far from both in one of these."""
    rng = np.random.default_rng(seed)
    n = N_TRAINING + N_NEW
    is_star = rng.random(n) < 0.5
    table = Table(
        {
            "source_id": [f"s{k}" for k in range(n)],
            "hr1": rng.normal(size=n) + 2 * is_star,
            "gamma": rng.normal(size=n),
            "class": MaskedColumn(
                np.where(is_star, "star", "AGN"), mask=np.arange(n) >= N_TRAINING
            ),
        }
    )
    odd = n - 1 - np.arange(planted)
    table["hr1"][odd[::2]] += 60
    table["gamma"][odd[1::2]] -= 60
    model = NaiveBayesClassifier(["hr1", "gamma"], bandwidth=0.3).fit(table)
    table["is_planted"] = np.isin(np.arange(n), odd)
    return model.classify(table, PRIORS), model


@pytest.fixture(scope="module")
def sky():
    return make_sky(1)


def test_planted_outliers_are_found_for_their_reason(sky):
    result, model = sky
    odd = find_novelties(result, model, alpha=0.01)
    planted = odd[odd["is_planted"]]
    assert len(planted) == N_PLANTED
    # They are odder than all others, but for a few.
    assert odd["is_planted"][: N_PLANTED // 2].all()
    far_in_hr1 = np.abs(planted["hr1"]) > 30
    assert_array_equal(planted["odd_property"], np.where(far_in_hr1, "hr1", "gamma"))
    assert np.all(np.diff(odd["outlier_pvalue"]) >= 0)
    assert "below the peak of" in planted["odd_reason"][0]


def test_no_more_ordinary_sources_than_alpha(sky):
    """Conformal p-values are uniform for one class; their maximum over classes is larger."""
    result, _ = sky
    odd = find_novelties(result, alpha=0.05)
    ordinary = np.count_nonzero(~odd["is_planted"])
    assert ordinary <= binom.ppf(0.9999, len(result) - N_PLANTED, 0.05)
    assert "odd_property" not in odd.colnames
    assert odd.meta["claxboi"]["novelties"]["n_novelties"] == len(odd)


def test_false_discovery_rate():
    """Over some skies, the share of ordinary sources in the list is at most what was asked."""
    false = total = 0
    for seed in range(4):
        result, _ = make_sky(seed)
        new = result[~result["is_training"]]
        odd = find_novelties(new, alpha=0.2, control="benjamini-hochberg")
        false += np.count_nonzero(~odd["is_planted"])
        total += len(odd)
        assert np.all(odd["outlier_qvalue"] <= 0.2)
        assert np.all(odd["outlier_qvalue"] >= odd["outlier_pvalue"])
    assert total > 3.9 * N_PLANTED
    assert false / total < 0.2 + 3 * np.sqrt(0.2 * 0.8 / total)


def test_adjusted_pvalues_by_hand(sky):
    result, _ = sky
    few = result[:4]
    few["outlier_pvalue"] = [0.04, 0.01, 0.5, 0.02]
    odd = find_novelties(few, alpha=0.06, control="benjamini-hochberg")
    # p n / rank, made monotone from the largest down.
    assert_allclose(odd["outlier_pvalue"], [0.01, 0.02, 0.04])
    assert_allclose(odd["outlier_qvalue"], [0.04, 0.04, 4 * 0.04 / 3])


def test_nothing_odd(sky):
    result, model = sky
    plain = result[:50]
    plain["outlier_pvalue"] = 0.5
    odd = find_novelties(plain, model)
    assert len(odd) == 0
    assert "odd_reason" in odd.colnames


def test_missing_values(sky):
    result, model = sky
    part = result[-5:].copy()
    part["gamma"] = MaskedColumn(part["gamma"], mask=[False, True, False, False, False])
    part["outlier_pvalue"] = MaskedColumn([0.001] * 5, mask=[True, False, False, False, False])
    odd = find_novelties(part, model)
    assert len(odd) == 4
    assert odd["odd_property"][odd["source_id"] == part["source_id"][1]] == "hr1"


def test_small_classes_warn(sky):
    result, _ = sky
    with pytest.warns(ClaxboiWarning, match="class AGN has .* no p-value is below 0.0005"):
        find_novelties(result, alpha=1e-5)


def test_errors(sky):
    result, _ = sky
    with pytest.raises(ValueError, match="control must be one of None, 'benjamini-hochberg'"):
        find_novelties(result, control="bonferroni")
    with pytest.raises(ValueError, match="alpha must be"):
        find_novelties(result, alpha=2)
    with pytest.raises(TypeError, match="model must be"):
        find_novelties(result, {"a": 1})
    other = result.copy()
    other["outlier_pvalue"] = np.nan
    with pytest.raises(ValueError, match="must have a value for some source"):
        find_novelties(other)
    other.remove_column("outlier_pvalue")
    with pytest.raises(KeyError, match="outlier_pvalue"):
        find_novelties(other)
