# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Probabilities against truth: 0.8 is right 80 % of the time, within the sampling error.
"""

import numpy as np
import pytest
from astropy import units as u
from astropy.table import vstack
from scipy.stats import chi2

from claxboi.counterparts import MagnitudePrior, associate

from .mock import circle_deg2, scattered, simulate, to_table, uniform

BINS = np.array([0, 0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.98, 1.0])


def excess(probability, truth):
    """
    Chi-square of the counts in bins of probability, and its probability by chance.

    The variance of a count is the sum of p (1 - p); bins with a variance below 1 are joined.
    """
    where = np.clip(np.digitize(probability, BINS) - 1, 0, len(BINS) - 2)
    found = np.bincount(where, weights=truth, minlength=len(BINS) - 1)
    expected = np.bincount(where, weights=probability, minlength=len(BINS) - 1)
    variance = np.bincount(where, weights=probability * (1 - probability), minlength=len(BINS) - 1)
    total, n, rest = 0.0, 0, np.zeros(3)
    for values in zip(found, expected, variance, strict=True):
        rest = rest + values
        if rest[2] >= 1:
            total, n, rest = total + (rest[0] - rest[1]) ** 2 / rest[2], n + 1, np.zeros(3)
    return total, chi2.sf(total, n)


def both_excesses(candidates, truth):
    """The chance of the observed calibration of p_any, and of p_any x p_i of each candidate."""
    row = np.asarray(candidates["secondary"].filled(-1))
    primary = np.asarray(candidates["primary"])
    p_any = np.asarray(candidates["p_any"])[row < 0]
    here = row >= 0
    p = np.asarray(candidates["p_any"] * candidates["p_i"])[here]
    right = row[here] == truth[primary[here]]
    return excess(p_any, truth >= 0)[1], excess(p, right)[1]


FIELDS = [(100, (2.0, 20.0)), (20_000, (0.5, 3.0)), (300_000, (0.3, 1.5))]


@pytest.mark.parametrize("priors", [None, "mag"])
@pytest.mark.parametrize("ratio", [1.0, 3.0])
@pytest.mark.parametrize(("density", "sigma"), FIELDS)
def test_probabilities_are_calibrated(density, sigma, ratio, priors):
    """From sparse to crowded, circles and ellipses, with and without a magnitude prior."""
    rng = np.random.default_rng(20)
    xray, catalogue, truth, area = simulate(rng, 3000, density, sigma=sigma, ratio=ratio)
    candidates = associate(
        xray, catalogue, radius=5 * sigma[1] * u.arcsec, completeness=0.7, area=area, priors=priors
    )
    for chance in both_excesses(candidates, truth):
        assert chance > 1e-3


def test_a_wrong_angle_is_noticed():
    """The test above fails if ellipses are turned the other way, or by 90 degrees."""
    rng = np.random.default_rng(21)
    xray, catalogue, truth, area = simulate(rng, 3000, 20_000, ratio=3.0)
    settings = {"radius": 10 * u.arcsec, "completeness": 0.7, "area": area}
    assert min(both_excesses(associate(xray, catalogue, **settings), truth)) > 1e-3
    for wrong in (-xray["pos_error_angle"], xray["pos_error_angle"] + 90):
        turned = xray.copy()
        turned["pos_error_angle"] = wrong
        assert min(both_excesses(associate(turned, catalogue, **settings), truth)) < 1e-12


def test_nway_is_not_calibrated():
    """Without the weight 1 - c of the empty row, p_any is too low, and the test above sees it."""
    rng = np.random.default_rng(22)
    xray, catalogue, truth, area = simulate(rng, 3000, 100_000, completeness=0.8)
    settings = {"radius": 10 * u.arcsec, "completeness": 0.8, "area": area}
    ours = associate(xray, catalogue, **settings)
    nways = associate(xray, catalogue, convention="nway", **settings)
    assert both_excesses(ours, truth)[0] > 1e-3
    assert both_excesses(nways, truth)[0] < 1e-12


@pytest.mark.parametrize("completeness", [0.1, 0.5, 0.95])
@pytest.mark.parametrize("density", [1000, 100_000])
def test_completeness_is_recovered(completeness, density):
    rng = np.random.default_rng(23)
    n = 2000
    xray, catalogue, truth, area = simulate(rng, n, density, completeness=completeness)
    candidates = associate(xray, catalogue, radius=10 * u.arcsec, area=area)
    found = candidates.meta["claxboi"]["counterparts"]["completeness"]["secondary"]
    # The counts scatter, and confusion about doubles that in the crowded field.
    sampling = np.sqrt(completeness * (1 - completeness) / n)
    assert abs(found - completeness) < 4 * sampling * (2 if density > 10_000 else 1)
    assert abs(np.mean(candidates["p_any"][candidates["secondary"].mask]) - np.mean(truth >= 0)) < (
        0.02
    )


@pytest.mark.parametrize("n_sigma", [1.0, 2.0])
def test_counterparts_beyond_the_radius_are_counted(n_sigma):
    """With a radius of 1 sigma, six in ten counterparts are outside, and still c is found."""
    rng = np.random.default_rng(24)
    xray, catalogue, _, area = simulate(rng, 4000, 1000, completeness=0.8, sigma=(2.0, 2.001))
    candidates = associate(xray, catalogue, radius=2 * n_sigma * u.arcsec, area=area)
    found = candidates.meta["claxboi"]["counterparts"]["completeness"]["secondary"]
    inside = 1 - np.exp(-(n_sigma**2) / 2)
    scatter = np.sqrt(0.8 * inside * (1 - 0.8 * inside) / 4000) / inside
    assert abs(found - 0.8) < 4 * scatter


class TestTwoCatalogues:
    """Optical and infrared, with field objects that are in both of them."""

    def simulate(self, rng, n, common, completeness=(0.8, 0.7)):
        radius = 0.8
        area = circle_deg2(radius)
        true = uniform(rng, n, radius)
        xray = to_table(scattered(rng, true, np.full(n, 1.5)), pos_error=np.full(n, 1.5))
        n_field = 40_000
        objects = uniform(rng, n_field, radius)
        errors, catalogues, truths = (0.1, 0.4), {}, []
        for k, (error, c) in enumerate(zip(errors, completeness, strict=True)):
            has = rng.random(n) < c
            shared = objects[: int(common * n_field)]
            own = uniform(rng, n_field - len(shared), radius)
            parts = [
                to_table(scattered(rng, points, np.full(len(points), error)))
                for points in (true[has], shared, own)
            ]
            table = vstack(parts)
            table["pos_error"] = error
            catalogues["ab"[k]] = table
            truth = np.full(n, -1)
            truth[has] = np.arange(has.sum())
            truths.append(truth)
        return xray, catalogues, truths, area * u.deg**2

    def chances(self, candidates, truths):
        rows = [np.asarray(candidates[name].filled(-1)) for name in "ab"]
        primary = np.asarray(candidates["primary"])
        empty = (rows[0] < 0) & (rows[1] < 0)
        p_any = np.asarray(candidates["p_any"])[empty]
        has = (truths[0] >= 0) | (truths[1] >= 0)
        p = np.asarray(candidates["p_any"] * candidates["p_i"])[~empty]
        right = np.all([r == t[primary] for r, t in zip(rows, truths, strict=True)], axis=0)
        return excess(p_any, has)[1], excess(p, right[~empty])[1]

    @pytest.mark.parametrize("common", [0.0, 0.3, 0.8])
    def test_unrelated_associations(self, common):
        rng = np.random.default_rng(25)
        xray, catalogues, truths, area = self.simulate(rng, 2500, common)
        settings = {"radius": 8 * u.arcsec, "completeness": [0.8, 0.7], "area": [area, area]}
        candidates = associate(xray, catalogues, **settings)
        found = candidates.meta["claxboi"]["counterparts"]["field_association"]["a:b"]
        assert abs(found - common) < 0.03
        for chance in self.chances(candidates, truths):
            assert chance > 1e-3
        if common >= 0.3:
            careless = associate(xray, catalogues, field_association=0.0, **settings)
            assert min(self.chances(careless, truths)) < 1e-9

    def test_completeness_of_both(self):
        rng = np.random.default_rng(26)
        xray, catalogues, _, area = self.simulate(rng, 2500, 0.3)
        candidates = associate(xray, catalogues, radius=8 * u.arcsec, area=[area, area])
        found = candidates.meta["claxboi"]["counterparts"]["completeness"]
        assert abs(found["a"] - 0.8) < 0.04
        assert abs(found["b"] - 0.7) < 0.04


def test_priors_help():
    """A magnitude prior raises the probability of the truth, and a pair of columns does too."""
    rng = np.random.default_rng(27)
    # Few X-ray sources: what looks so much like a counterpart must not be that of another source.
    xray, catalogue, truth, area = simulate(rng, 2000, 100_000, n_field=250)
    catalogue["colour"] = rng.normal(0, 1, len(catalogue))
    catalogue["colour"][truth[truth >= 0]] += 2
    settings = {"radius": 10 * u.arcsec, "completeness": 0.7, "area": area}
    correct = []
    for priors in (None, "mag", ["mag", "colour"], [MagnitudePrior(("mag", "colour"))]):
        candidates = associate(xray, catalogue, priors=priors, **settings)
        best = candidates[candidates["match_flag"] == 1]
        hit = np.asarray(best["secondary"].filled(-1)) == truth[best["primary"]]
        correct.append(hit.sum())
        assert min(both_excesses(candidates, truth)) > 1e-4
    assert correct[0] < correct[1] < correct[2]
    assert correct[3] > correct[1]
