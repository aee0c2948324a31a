# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
Probabilities of counterparts against the truth of the mock sky.
"""

import numpy as np
import pytest
from scipy.stats import chi2

from claxboi.catalog import standardize
from claxboi.counterparts import find_in_surveys
from claxboi.simulation import make_mock_sky

BINS = np.array([0, 0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.98, 1.0])


@pytest.fixture(scope="module")
def sky():
    return make_mock_sky(3000, rng=4)


def chance(probability, is_true):
    """Probability of a chi-square of the counts in bins of probability as large as this one."""
    where = np.clip(np.digitize(probability, BINS) - 1, 0, len(BINS) - 2)
    n_bins = len(BINS) - 1
    found, expected, variance = (
        np.bincount(where, weights=values, minlength=n_bins)
        for values in (is_true, probability, probability * (1 - probability))
    )
    good = variance >= 1
    return chi2.sf(np.sum((found - expected)[good] ** 2 / variance[good]), good.sum())


@pytest.mark.parametrize("survey", ["gaia", "allwise"])
def test_probabilities_are_right(sky, survey):
    result = find_in_surveys(
        standardize(sky.xray), [survey], references=sky.references, show_progress=False
    )
    p_any, p_i = (np.ma.filled(np.ma.asarray(result[f"opt_{k}"]), 0.0) for k in ("p_any", "p_i"))
    true = sky.truth[f"{survey}_id"]
    has = ~np.ma.getmaskarray(true)
    chosen = np.ma.filled(np.ma.asarray(result["opt_id"]), "").astype(str)
    is_right = has & (chosen == np.asarray(true).astype(str))
    assert p_any.mean() == pytest.approx(has.mean(), abs=0.02)
    assert chance(p_any, has) > 0.001
    assert chance(p_any * p_i, is_right) > 0.001
