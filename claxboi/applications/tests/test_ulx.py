# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of candidate ultra-luminous X-ray sources.
"""

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import MaskedColumn, Table, vstack
from numpy.testing import assert_allclose, assert_array_equal
from regions import CircleSkyRegion
from scipy.stats import norm

from claxboi.applications import find_ulx, galaxy_priors
from claxboi.applications.ulx import _contaminants
from claxboi.classification import cumulative_counts
from claxboi.counterparts import best_hosts, find_hosts

CGS = u.erg / u.s / u.cm**2
LIMIT = 3e-15
RATIO = 0.75
LEAST_LX = 3e38


def make_galaxies(rng, n=30):
    """Galaxies far from each other, at 5 to 20 Mpc."""
    return Table(
        {
            "galaxy_id": [f"G{k}" for k in range(n)],
            "ra": np.linspace(0, 340, n),
            "dec": rng.uniform(-60, 60, n),
            "r25_major": rng.uniform(100, 250, n),
            "r25_ratio": rng.uniform(0.3, 1, n),
            "r25_angle": rng.uniform(0, 180, n),
            "galaxy_distance": rng.uniform(5, 20, n),
        }
    )


def make_field(rng, galaxies):
    """
    X-ray binaries and background AGN, drawn from the number counts, in all galaxies.

    P_ex_XRB is the exact posterior, for the planted numbers, of a measurement with two classes two
    sigma apart.
    """
    rows = []
    for galaxy in galaxies:
        major, minor = galaxy["r25_major"], galaxy["r25_major"] * galaxy["r25_ratio"]
        area = np.pi * major * minor * 1.26**2 / 3600**2
        n_agn = rng.poisson(area * cumulative_counts(LIMIT * RATIO * CGS).value)
        # Fluxes by inversion of N(>S) on a fine grid.
        grid = np.geomspace(LIMIT, 1e-10, 4000)
        share = cumulative_counts(grid * RATIO * CGS).value
        agn_flux = np.exp(np.interp(-rng.random(n_agn) * share[0], -share, np.log(grid)))
        n_xrb = rng.poisson(6)
        lx = LEAST_LX * rng.random(n_xrb) ** (-1 / 0.8)
        xrb_flux = lx / (4 * np.pi * (galaxy["galaxy_distance"] * u.Mpc.to(u.cm)) ** 2)
        xrb_flux = xrb_flux[xrb_flux > LIMIT]
        n = n_agn + len(xrb_flux)
        radius = np.concatenate(
            [
                1.26 * np.sqrt(rng.random(n_agn)),
                np.minimum(rng.exponential(0.4, len(xrb_flux)), 1.2),
            ]
        )
        turn = rng.uniform(0, 2 * np.pi, n)
        x, y = radius * np.cos(turn) * major, radius * np.sin(turn) * minor
        angle = np.radians(galaxy["r25_angle"]) + np.arctan2(y, x)
        center = SkyCoord(galaxy["ra"], galaxy["dec"], unit="deg")
        at = center.directional_offset_by(angle * u.rad, np.hypot(x, y) * u.arcsec)
        rows.append(
            Table(
                {
                    "ra": at.ra.deg,
                    "dec": at.dec.deg,
                    "flux": np.concatenate([agn_flux, xrb_flux]),
                    "true_class": ["AGN_2"] * n_agn + ["ex_XRB"] * len(xrb_flux),
                }
            )
        )
    table = Table(
        {name: np.concatenate([part[name] for part in rows]) for name in rows[0].colnames}
    )
    is_xrb = table["true_class"] == "ex_XRB"
    measured = rng.normal(size=len(table)) + 2 * is_xrb
    prior = _xrb_share(table["flux"], is_xrb)
    xrb = prior * norm.pdf(measured - 2)
    agn = (1 - prior) * norm.pdf(measured)
    table["P_ex_XRB"] = xrb / (xrb + agn)
    return best_hosts(table, find_hosts(table, galaxies))


def _xrb_share(flux, is_xrb):
    edges = np.quantile(flux, np.linspace(0, 1, 6))
    place = np.clip(np.searchsorted(edges, flux, "right") - 1, 0, 4)
    total = np.bincount(place, minlength=5)
    return (np.bincount(place, is_xrb, minlength=5) / total)[place]


@pytest.fixture(scope="module")
def fields():
    made = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        galaxies = make_galaxies(rng)
        table = make_field(rng, galaxies)
        # No distance error: the planted luminosities are exact.
        result = find_ulx(
            table, galaxies, flux_ratio=RATIO, flux_limit=LIMIT * CGS, distance_error=0
        )
        made.append((galaxies, result))
    return made


def test_expected_background_is_the_planted_one(fields):
    """Over many skies, the cumulative number of luminous AGN is what the counts expect."""
    planted = expected = 0
    for _, result in fields:
        luminous = (result["p_ulx"] > 0.5) & ~result["is_nuclear"]
        planted += np.sum(luminous.filled(False) & (result["true_class"] == "AGN_2"))
        expected += result.meta["claxboi"]["ulx"]["n_background"]
    assert planted > 100
    assert abs(planted - expected) < 4 * np.sqrt(expected)


def test_frequency_of_contaminants_sums_to_the_planted_number(fields):
    """The differential frequency sums to the number of AGN, bright and faint, inside and out."""
    cuts = [("flux", 0, 2e-14), ("flux", 2e-14, 1), ("galaxy_radius", 0, 0.6)]
    for column, low, high in cuts:
        planted = expected = 0
        for _, result in fields:
            inside = np.asarray((result[column] > low) & (result[column] < high))
            rows = result[inside & ~result["is_nuclear"]]
            planted += np.sum(rows["true_class"] == "AGN_2")
            expected += rows["f_contaminant"].sum()
        # A cut through a window costs a little; a cap at 1 as well.
        assert abs(planted - expected) < 4 * np.sqrt(planted) + 0.05 * planted


def test_error_is_the_scatter_of_the_background(fields):
    """Numbers of AGN scatter about the expected ones as the errors in the sum say."""
    pulls = []
    for _, result in fields:
        luminous = (result["p_ulx"] > 0.5).filled(False) & ~result["is_nuclear"]
        planted = np.sum(luminous & (result["true_class"] == "AGN_2"))
        sums = result.meta["claxboi"]["ulx"]
        pulls.append((planted - sums["n_background"]) / sums["n_background_error"])
    # The variance of 12 pulls is within 0.25 and 2.3 of 1 at 99.9 %.
    assert 0.25 < np.var(pulls) < 2.5


def test_contaminants_among_candidates(fields):
    """With calibrated probabilities, those left among the candidates are counted right."""
    planted = expected = variance = candidates = 0
    for _, result in fields:
        ulx = result[result["is_ulx"]]
        sums = result.meta["claxboi"]["ulx"]
        candidates += len(ulx)
        planted += np.sum(ulx["true_class"] == "AGN_2")
        doubt = 1 - ulx["P_ex_XRB"]
        expected += sums["n_contaminants_by_probability"]
        variance += np.sum(doubt * (1 - doubt))
        assert sums["n_ulx"] == len(ulx)
    assert candidates > 300
    assert abs(planted - expected) < 4 * np.sqrt(variance) + 0.02 * candidates


@pytest.mark.parametrize("factor", [1, 10, 50])
def test_contaminants_where_probabilities_promise_too_much(fields, factor):
    """The counts say how many there are, however large the odds are made."""
    planted, promised, pulls = 0, 0, []
    for galaxies, result in fields:
        sure = result[result.colnames[: result.colnames.index("xrb_probability")]]
        p = np.clip(sure["P_ex_XRB"], 1e-4, 1 - 1e-4)
        sure["P_ex_XRB"] = factor * p / (factor * p + 1 - p)
        again = find_ulx(sure, galaxies, flux_ratio=RATIO, flux_limit=LIMIT * CGS, distance_error=0)
        sums = again.meta["claxboi"]["ulx"]
        found = np.sum(again["is_ulx"] & (again["true_class"] == "AGN_2"))
        planted += found
        promised += sums["n_contaminants_by_probability"]
        pulls.append((sums["n_contaminants"] - found) / sums["n_contaminants_error"])
        low, high = sums["n_contaminants_low"], sums["n_contaminants_high"]
        assert 0 <= low <= sums["n_contaminants"] <= high <= sums["n_ulx"]
    assert planted > 20
    if factor > 1:
        assert promised < 0.7 * planted
    # Of 12: the mean is within 4 errors, and the scatter not larger than the error.
    assert abs(np.mean(pulls)) < 4 / np.sqrt(12)
    assert np.mean(np.square(pulls)) < 2.5


def test_foreground_is_added_to_the_background(fields):
    """Classes that no number counts have are expected as often as the model says."""
    galaxies, result = fields[0]
    table = result[result.colnames[: result.colnames.index("xrb_probability")]]
    table["P_star"] = 0.1
    table["P_AGN_2"] = 0.9 - np.minimum(table["P_ex_XRB"], 0.9)
    table.meta["claxboi"] = {"classification": {"classes": ["AGN_2", "ex_XRB", "star"]}}
    settings = {"flux_ratio": RATIO, "flux_limit": LIMIT * CGS, "distance_error": 0}
    sums = find_ulx(table, galaxies, **settings).meta["claxboi"]["ulx"]
    assert_allclose(sums["n_foreground"], 0.1 * sums["n_luminous"])
    before = result.meta["claxboi"]["ulx"]
    assert before["n_foreground"] == 0
    assert sums["n_contaminants"] > before["n_contaminants"]


@pytest.mark.parametrize(("share", "expected"), [(0, 0.41), (1, 2)])
def test_counts_beyond_the_number_of_sources(share, expected):
    """Counts below the sum of the probabilities leave it; more than there are sources give all."""
    probability, chosen = np.array([0.2, 0.6, 0.99, np.nan]), np.array([False, True, True, False])
    ahead = np.zeros(4)
    n, error = _contaminants(probability, ahead, chosen, share * 20, 1.0)
    assert_allclose(n, expected, atol=1e-3)
    assert error >= 1
    assert _contaminants(probability, ahead, np.zeros(4, bool), 2.0, 1.0) == (0.0, 0.0)


def test_counts_do_not_change_the_foreground():
    """The odds of foreground to binary stay; the probabilities of AGN sum to their number."""
    xrb, ahead = np.array([0.6, 0.3, 0.9]), np.array([0.2, 0.1, 0.0])
    for expected in (1.0, 1.5, 2.0):
        left = [_contaminants(xrb, ahead, np.arange(3) == k, expected, 0.0)[0] for k in range(3)]
        binary = 1 - np.array(left)
        agn = 1 - binary * (1 + ahead / xrb)
        assert_allclose(agn.sum(), expected, rtol=1e-6)


def test_given_foreground(fields):
    """A number that is given is added to the background; the probabilities share it."""
    galaxies, result = fields[0]
    table = result[result.colnames[: result.colnames.index("xrb_probability")]]
    settings = {"flux_ratio": RATIO, "flux_limit": LIMIT * CGS, "distance_error": 0}
    numbers = []
    for n_foreground in (None, 0, 5):
        again = find_ulx(table, galaxies, n_foreground=n_foreground, **settings)
        sums = again.meta["claxboi"]["ulx"]
        assert sums["n_foreground"] == (n_foreground or 0)
        numbers.append(sums["n_contaminants"])
    assert_allclose(numbers[0], numbers[1])
    assert numbers[1] < numbers[2] < numbers[1] + 5


def test_depth_differs_between_galaxies():
    """
    Where each field has its own depth, the background is that of the sources that can be seen.

    The faintest source of all is no limit for the others.
    """
    expected = naive = planted = 0
    for seed in range(6):
        rng = np.random.default_rng(seed)
        galaxies = make_galaxies(rng)
        # So far that ULX are as faint as the depths.
        galaxies["galaxy_distance"] *= 3
        table = make_field(rng, galaxies)
        depth = LIMIT * 10 ** rng.uniform(0, 1, len(galaxies))
        host = np.array([int(name[1:]) for name in table["galaxy_id"]])
        # Other sources of the field, with number counts of slope 1 above its depth.
        field = np.repeat(np.arange(len(galaxies)), 30)
        others = Table({"flux": depth[field] / rng.random(len(field))})
        for name in ("ra", "dec"):
            others[name] = np.asarray(galaxies[name])[field]
        others["dec"] += 0.1
        table = vstack([table[table["flux"] > depth[host]], others])
        settings = {"flux_ratio": RATIO, "distance_error": 0}
        result = find_ulx(table, galaxies, **settings)
        expected += result.meta["claxboi"]["ulx"]["n_background"]
        luminous = (result["p_ulx"] > 0.5).filled(False) & ~result["is_nuclear"]
        planted += np.sum(luminous & (result["true_class"] == "AGN_2").filled(False))
        same = find_ulx(table, galaxies, flux_limit=depth.min() * CGS, **settings)
        naive += same.meta["claxboi"]["ulx"]["n_background"]
        assert not result["f_contaminant"].mask[~result["galaxy_id"].mask].any()
    error = 3 * np.sqrt(planted) + 0.1 * planted
    assert abs(planted - expected) < error
    assert naive > planted + error


def test_region_and_fraction_scale_the_background(fields):
    """A region that covers the galaxies changes nothing; a half observed halves the background."""
    galaxies, result = fields[0]
    table = result["ra", "dec", "flux", "galaxy_id", "galaxy_distance", "galaxy_radius", "P_ex_XRB"]
    everything = {"flux_ratio": RATIO, "flux_limit": LIMIT * CGS}
    whole = find_ulx(table, galaxies, **everything)
    sky = [CircleSkyRegion(SkyCoord(g["ra"], g["dec"], unit="deg"), 0.2 * u.deg) for g in galaxies]
    same = find_ulx(table, galaxies, region=sky, **everything)
    assert_allclose(same["f_contaminant"], whole["f_contaminant"])
    half = galaxies.copy()
    half["observed_fraction"] = 0.5
    less = find_ulx(table, half, **everything)
    assert_allclose(less["n_background"], 0.5 * whole["n_background"])
    part = find_ulx(table, galaxies, region=sky[:10], **everything)
    assert part.meta["claxboi"]["ulx"]["n_galaxies"] == 30
    assert (
        part.meta["claxboi"]["ulx"]["area_deg2"] < 0.6 * whole.meta["claxboi"]["ulx"]["area_deg2"]
    )
    assert not part["is_ulx"][part["galaxy_id"] == "G20"].any()


@pytest.fixture
def small():
    galaxies = Table(
        {"galaxy_id": ["N"], "ra": [10.0], "dec": [0.0], "r25_major": [100.0] * u.arcsec}
    )
    table = Table(
        {
            "source_id": ["a", "b", "c", "d"],
            "ra": [10.01, 10.0001, 10.02, 50.0],
            "dec": [0.0, 0.0, 0.0, 0.0],
            "pos_error": [1.0, 1.0, 1.0, 1.0],
            "flux": [2e-13, 2e-13, 3e-14, 1e-13],
            "galaxy_id": MaskedColumn(["N", "N", "N", ""], mask=[0, 0, 0, 1]),
            "galaxy_distance": [10.0, 10.0, 10.0, np.nan],
            "galaxy_radius": [0.36, 0.0036, 0.72, np.nan],
            "P_AGN": [0.1, 0.1, 0.1, 0.1],
            "P_XRB": [0.9, 0.9, 0.9, 0.9],
        },
        meta={"own": 1},
    )
    return table, galaxies


def test_numbers_by_hand(small):
    table, galaxies = small
    before = table.copy()
    result = find_ulx(table, galaxies, flux_ratio=0.5, distance_error=0.2)
    assert_array_equal(before["flux"], table["flux"])
    assert before.colnames == table.colnames
    assert "claxboi" not in table.meta
    assert result.meta["own"] == 1
    lx = 4 * np.pi * (1e7 * 3.0856775814913674e18) ** 2 * 2e-13
    assert_allclose(result["log_lx_galaxy"][0], np.log10(lx))
    error = 2 * 0.2 / np.log(10)
    assert_allclose(result["log_lx_galaxy_error"][0], error)
    assert_allclose(result["p_ulx"][0], norm.cdf((np.log10(lx) - 39) / error))
    assert result["is_nuclear"].tolist() == [False, True, False, False]
    area = np.pi * (100 / 3600) ** 2 * (1.26**2 - 0.02**2)
    expected = area * cumulative_counts(1.5e-14 * CGS).value
    assert_allclose(result["n_background"][2], expected, rtol=2e-3)
    # One window: two sources that are not nuclear.
    assert_allclose(result["f_contaminant"][:3], expected / 2, rtol=2e-3)
    assert_allclose(result["f_contaminant_error"][0], np.sqrt(expected) / 2, rtol=2e-3)
    assert result["is_ulx"].tolist() == [True, False, False, False]
    assert result["f_contaminant"].mask.tolist() == [False, False, False, True]
    assert not result["is_hlx"].any()


def test_flux_band_of_the_table(small):
    """0.2-12 to 0.5-8 keV, for a photon index of 1.7 and 3e20 / cm2: 0.754."""
    table, galaxies = small
    table["flux_band"] = "0.2-12"
    settings = find_ulx(table, galaxies).meta["claxboi"]["ulx"]
    assert_allclose(settings["flux_ratio"], 0.754, atol=0.001)
    assert settings["lx_band"] == "0.2-12"
    table["flux_band"][1] = "0.5-7"
    with pytest.raises(ValueError, match="flux_ratio must be given"):
        find_ulx(table, galaxies)


def test_hyperluminous(small):
    table, galaxies = small
    table["galaxy_distance"] = 100.0
    result = find_ulx(table, galaxies, flux_ratio=0.5)
    assert result["is_hlx"].tolist() == [True, False, False, False]


def test_own_luminosities_are_kept(small):
    table, galaxies = small
    table["log_lx_galaxy"], table["log_lx_galaxy_error"] = 38.0, 0.1
    result = find_ulx(table, galaxies, flux_ratio=0.5)
    assert not result["is_ulx"].any()
    assert_array_equal(result["log_lx_galaxy"], 38.0)


def test_local_priors(small):
    table, galaxies = small
    result = find_ulx(table, galaxies, flux_ratio=0.5)
    given = {"AGN": 0.5, "star": 0.2, "XRB": 0.3}
    rows = galaxy_priors(result, given, background="AGN", xrb="XRB")
    assert_allclose(rows.sum(axis=1), 1)
    assert_allclose(rows[:3, 0], 0.8 * result["f_contaminant"][:3])
    assert_allclose(rows[3], [0.5, 0.2, 0.3])
    result["n_xrb"] = result["n_background"] * 3
    rows = galaxy_priors(result, given, background="AGN", xrb="XRB", n_xrb="n_xrb")
    assert_allclose(rows[:3, 0], 0.2)
    order = ["XRB", "star", "AGN"]
    other = galaxy_priors(result, given, background="AGN", xrb="XRB", n_xrb="n_xrb", classes=order)
    assert_allclose(other, rows[:, ::-1])


def test_errors(small):
    table, galaxies = small
    with pytest.raises(ValueError, match="flux_ratio must be given"):
        find_ulx(table, galaxies)
    with pytest.raises(ValueError, match="classes must name the classes of X-ray binaries"):
        find_ulx(table["ra", "dec"], galaxies)
    with pytest.raises(KeyError, match="no column 'P_HMXB'"):
        find_ulx(table, galaxies, classes=["HMXB"], flux_ratio=1)
    with pytest.raises(ValueError, match="those of available counts"):
        find_ulx(table, galaxies, band="1-3", flux_ratio=1)
    other = galaxies.copy()
    other["galaxy_id"] = ["M"]
    with pytest.raises(ValueError, match=r"'N' is missing \(3 sources without their host\)"):
        find_ulx(table, other, flux_ratio=1)
    table["galaxy_radius"] = 3.0
    with pytest.raises(ValueError, match=r"within 1\.26 x their host"):
        find_ulx(table, galaxies, flux_ratio=1)
    with pytest.raises(ValueError, match="must have the classes AGN_2, ex_XRB"):
        galaxy_priors(table, {"AGN": 1.0})
