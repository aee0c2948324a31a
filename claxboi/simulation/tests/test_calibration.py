# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Probabilities of counterparts against the truth of mock skies.
"""

import numpy as np
import pytest
from scipy.stats import chi2, poisson

from claxboi.catalog import standardize
from claxboi.counterparts import find_in_surveys
from claxboi.simulation import make_mock_sky

BINS = np.array([0, 0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.98, 1.0])
SEEDS = (41, 42, 43)
N = 4000
#: Stars that are faster (mas/yr) have left their AllWISE position before the X-rays came.
FAST = 100.0
#: Eight probabilities are compared with it, so that one sky in a thousand fails.
LEAST_CHANCE = 1e-4


@pytest.fixture(scope="module")
def skies():
    return [make_mock_sky(N, rng=seed) for seed in SEEDS]


def is_fast(sky):
    """Tell which X-ray sources have a fast counterpart in Gaia."""
    gaia = sky.references["gaia"]
    motion = np.hypot(*(np.ma.filled(np.ma.asarray(gaia[k]), 0.0) for k in ("pmra", "pmdec")))
    ids = np.asarray(gaia["id"])[motion > FAST]
    return np.isin(np.ma.filled(np.ma.asarray(sky.truth["gaia_id"]), -1), ids)


def chances(probability, is_true):
    """
    Judge counts in bins of probability: all bins but the lowest by chi-square, the lowest by the
    tails of the Poisson distribution.
    """
    where = np.clip(np.digitize(probability, BINS) - 1, 0, len(BINS) - 2)
    found, expected, variance = (
        np.bincount(where, weights=values, minlength=len(BINS) - 1)
        for values in (is_true, probability, probability * (1 - probability))
    )
    filled = variance[1:] > 0
    squares = (found - expected)[1:][filled] ** 2 / variance[1:][filled]
    tails = poisson.cdf(found[0], expected[0]), poisson.sf(found[0] - 1, expected[0])
    return chi2.sf(squares.sum(), len(squares)), min(1.0, 2 * min(tails))


@pytest.mark.parametrize("survey", ["gaia", "allwise"])
def test_probabilities_are_right(skies, survey):
    found, chosen, is_there, is_right = [], [], [], []
    for sky in skies:
        result = find_in_surveys(
            standardize(sky.xray),
            [survey],
            references=sky.references,
            cutoff=0.0,
            show_progress=False,
        )
        p_any, p_i = (
            np.ma.filled(np.ma.asarray(result[f"opt_{k}"]), 0.0) for k in ("p_any", "p_i")
        )
        true = sky.truth[f"{survey}_id"]
        has = ~np.ma.getmaskarray(true)
        name = np.ma.filled(np.ma.asarray(result["opt_id"]), "").astype(str)
        kept = ~is_fast(sky) if survey == "allwise" else np.ones(N, bool)
        found.append(p_any[kept])
        chosen.append((p_any * p_i)[kept])
        is_there.append(has[kept])
        is_right.append((has & (name == np.asarray(true).astype(str)))[kept])
    for parts, truths in ((found, is_there), (chosen, is_right)):
        probability, is_true = np.concatenate(parts), np.concatenate(truths)
        assert min(chances(probability, is_true)) > LEAST_CHANCE
        # The same test sees probabilities that are 5 % too small.
        assert min(chances(0.95 * probability, is_true)) < LEAST_CHANCE
