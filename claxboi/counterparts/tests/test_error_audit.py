# Licensed under a 3-clause BSD style license - see LICENSE.rst
import numpy as np
import pytest
from astropy import units as u
from astropy.table import Table

from claxboi.counterparts import associate, audit_errors, best_matches
from claxboi.counterparts.error_audit import _audit, _Pairs, _selected

P0 = 0.5


def mock_pairs(rng, scale, *, n=1500, k=100.0):
    """Draw pairs with a counterpart or a chance alignment each, weighed K to 1, and select."""
    sigma = np.exp(rng.uniform(-1, 1, n))
    share = rng.uniform(0, 0.3, n)
    log_k = np.log(k) - 2 * np.log(sigma)
    v = scale**2 * (1 - share) + share
    # Chance alignments fill the area out to where none is selected any more.
    reach = log_k - np.log(P0 / (1 - P0)) + 1
    is_chance = rng.random(n) < reach / (reach + np.exp(log_k))
    t = np.where(is_chance, rng.uniform(0, reach), rng.exponential(v))
    p = 1 / (1 + np.exp(t - log_k))
    return _Pairs(p, np.sqrt(t) * sigma, t, share, sigma)


def audit(pairs, n_bins=4):
    return _audit(_selected(pairs, P0, np.inf), n_bins)


def test_right_errors_are_seldom_called_wrong():
    rng = np.random.default_rng(1)
    audits = [audit(mock_pairs(rng, 1.0)) for _ in range(150)]
    # 0.45 % are expected: more than 4 of 150 has a probability of 0.05 %.
    assert np.count_nonzero([not one.is_consistent for one in audits]) <= 4
    pull = np.array([(one.factor - 1) / one.factor_error for one in audits])
    assert abs(pull.mean()) < 4 / np.sqrt(150)
    assert 0.8 < pull.std() < 1.2


@pytest.mark.parametrize("scale", [0.9, 1.1, 2.0])
def test_wrong_scales_are_found(scale):
    rng = np.random.default_rng(2)
    audits = [audit(mock_pairs(rng, scale)) for _ in range(40)]
    assert np.mean([one.n_pairs for one in audits]) > 1000
    assert np.count_nonzero([one.p_value < 0.003 for one in audits]) >= 37
    factor = np.mean([one.factor for one in audits])
    assert abs(factor - scale) < 5 * np.std([one.factor for one in audits]) / np.sqrt(40)
    assert ("too small" if scale > 1 else "too large") in str(audits[0])


def test_an_error_floor_shows_in_the_bins():
    """Errors that lack a constant term are too small where they are smallest."""
    rng = np.random.default_rng(3)
    sigma = np.exp(rng.uniform(-1, 1, 2000))
    t = rng.exponential((sigma**2 + 0.5**2) / sigma**2)
    result = audit(_Pairs(1 / (1 + np.exp(t - 12)), t, t, np.zeros(2000), sigma))
    assert not result.is_consistent
    assert np.all(np.diff(result.bins["factor"]) < 0)
    assert result.bins["n_pairs"].sum() == result.n_pairs
    assert "The factor depends on the error" in str(result)


def field(seed, *, scale=1.0, n=700, is_ellipse=False):
    rng = np.random.default_rng(seed)
    stars = Table({"ra": rng.uniform(0, 1, 6000), "dec": rng.uniform(-0.5, 0.5, 6000)})
    stars["pos_error"] = 0.3
    xray = stars["ra", "dec"][:n].copy()
    sigma = rng.uniform(0.5, 2, n)
    ratio = rng.uniform(0.4, 1, n) if is_ellipse else np.ones(n)
    angle = rng.uniform(0, np.pi, n)
    major, minor = scale * sigma * rng.normal(size=n), scale * sigma * ratio * rng.normal(size=n)
    east = major * np.sin(angle) + minor * np.cos(angle) + rng.normal(0, 0.3, n)
    north = major * np.cos(angle) - minor * np.sin(angle) + rng.normal(0, 0.3, n)
    xray["ra"] += east / 3600
    xray["dec"] += north / 3600
    if is_ellipse:
        xray["pos_error_major"], xray["pos_error_minor"] = sigma, sigma * ratio
        xray["pos_error_angle"] = np.degrees(angle)
    else:
        xray["pos_error"] = sigma
    return xray, stars


@pytest.mark.parametrize("is_ellipse", [False, True])
@pytest.mark.parametrize("scale", [1.0, 1.4])
def test_from_candidates_and_from_best_matches(scale, is_ellipse):
    xray, stars = field(4, scale=scale, is_ellipse=is_ellipse)
    candidates = associate(xray, stars, radius=10 * u.arcsec, area=1 * u.deg**2)
    best = best_matches(candidates, xray, {"stars": stars})
    first, second = audit_errors(candidates, xray, stars), audit_errors(best)
    assert first.n_pairs == second.n_pairs
    assert abs(first.factor - second.factor) < 0.002
    assert abs(first.factor - scale) < 4 * first.factor_error
    assert first.is_consistent == (scale == 1)
    named = associate(xray, {"a": stars}, radius=10 * u.arcsec, area=1 * u.deg**2)
    assert audit_errors(named, xray, {"a": stars}).factor == first.factor


def test_search_radius_truncates():
    """A radius of two sigma cuts the separations, and the factor stays the same."""
    xray, stars = field(5)
    candidates = associate(xray, stars, radius=2 * u.arcsec, area=1 * u.deg**2, completeness=0.9)
    audit_ = audit_errors(candidates, xray, stars)
    assert abs(audit_.factor - 1) < 4 * audit_.factor_error


def test_few_pairs_are_not_tested():
    xray, stars = field(6, n=20)
    candidates = associate(xray, stars, radius=10 * u.arcsec, area=1 * u.deg**2)
    result = audit_errors(candidates, xray, stars)
    assert result.is_consistent
    assert len(result.bins) == 0
    assert str(result).startswith("Positional errors were not tested")


def test_bad_input():
    xray, stars = field(7, n=40)
    candidates = associate(xray, stars, radius=10 * u.arcsec, area=1 * u.deg**2)
    with pytest.raises(TypeError, match="xray must be the table from which associate"):
        audit_errors(candidates)
    with pytest.raises(KeyError, match="associations has no columns of counterparts"):
        audit_errors(xray)
    with pytest.raises(ValueError, match="secondaries must be one catalogue, got 2"):
        audit_errors(candidates, xray, {"a": stars, "b": stars})
    with pytest.raises(ValueError, match="min_probability"):
        audit_errors(candidates, xray, stars, min_probability=1.5)
    with pytest.raises(ValueError, match="row numbers beyond their ends"):
        audit_errors(candidates, xray[:3], stars)
