# Licensed under a 3-clause BSD style license - see LICENSE.rst
import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import Table
from astropy.time import Time
from numpy.testing import assert_allclose, assert_array_equal

from claxboi.counterparts import associate
from claxboi.counterparts.association_input import _positions
from claxboi.counterparts.catalogue_positions import (
    Motion,
    _moved,
    find_neighbours,
    read_motion,
)

SETTINGS = {"completeness": 0.5, "density": 10000 / u.deg**2}


def stars(n=40, seed=1, fastest=10_000):
    """Stars around the pole, from slow to ten arcseconds a year, at Gaia's epoch."""
    rng = np.random.default_rng(seed)
    centre = SkyCoord(30, 89.95, unit="deg")
    coords = centre.directional_offset_by(
        rng.uniform(0, 360, n) * u.deg, 200 * np.sqrt(rng.random(n)) * u.arcsec
    )
    speed, angle = 10 ** rng.uniform(0, np.log10(fastest), n), rng.uniform(0, 2 * np.pi, n)
    table = Table({"ra": coords.ra.deg, "dec": coords.dec.deg})
    table["pos_error"] = 0.1
    table["pmra"], table["pmdec"] = speed * np.sin(angle), speed * np.cos(angle)
    table["pmra_error"], table["pmdec_error"] = 20.0, 10.0
    table["ref_epoch"] = 2016.0
    return table


def at_epoch(table, year):
    coords = SkyCoord(
        np.asarray(table["ra"]) * u.deg,
        np.asarray(table["dec"]) * u.deg,
        pm_ra_cosdec=table["pmra"] * u.mas / u.yr,
        pm_dec=table["pmdec"] * u.mas / u.yr,
        obstime=Time(2016.0, format="jyear"),
        # Far away: astropy moves a star without a distance as if it were near.
        distance=1 * u.Gpc,
    )
    return coords.apply_space_motion(new_obstime=Time(year, format="jyear"))


@pytest.mark.filterwarnings("ignore:ERFA function")
def test_agrees_with_astropy():
    table = stars()
    motion = read_motion(table, "stars")
    ra, dec = _moved(table["ra"], table["dec"], motion, np.full(len(table), -16.0))
    expected = at_epoch(table, 2000.0)
    there = SkyCoord(ra, dec, unit="deg")
    moved = expected.separation(SkyCoord(table["ra"], table["dec"], unit="deg")).arcsec
    assert moved.max() > 100
    assert_allclose(there.separation(expected).arcsec, 0, atol=2e-4)


@pytest.mark.filterwarnings("ignore:ERFA function")
def test_each_source_sees_the_stars_of_its_epoch():
    """Against all pairs, with epochs of the sources from 1990 to 2025 and one unknown."""
    table = stars()
    rng = np.random.default_rng(2)
    n = 25
    pick = rng.integers(0, len(table), n)
    years = rng.uniform(1990, 2025, n)
    places = [at_epoch(table[[k]], y)[0] for k, y in zip(pick, years, strict=True)]
    xray = Table({"ra": [p.ra.deg for p in places], "dec": [p.dec.deg for p in places]})
    xray["pos_error"] = 1.0
    xray["epoch"] = years
    xray["epoch"][3] = np.nan
    candidates = associate(xray, table, radius=15 * u.arcsec, **SETTINGS)
    found = candidates[~candidates["secondary"].mask]
    pairs = set(zip(found["primary"].tolist(), found["secondary"].tolist(), strict=True))
    expected = set()
    for i in range(n):
        year = 2016.0 if i == 3 else years[i]
        there = at_epoch(table, year)
        sep = there.separation(SkyCoord(xray["ra"][i], xray["dec"][i], unit="deg")).arcsec
        expected |= {(i, int(j)) for j in np.flatnonzero(sep <= 15)}
    assert pairs == expected
    own = {(i, int(k)) for i, k in enumerate(pick) if i != 3}
    assert own <= pairs
    here = found[[(i, j) in own for i, j in zip(found["primary"], found["secondary"], strict=True)]]
    assert np.all(here["separation"] < 1e-3)


def test_false_leaves_them_where_they_are():
    table = stars()
    xray = Table({"ra": table["ra"][:5], "dec": table["dec"][:5], "pos_error": np.ones(5)})
    xray["epoch"] = 1990.0
    still = associate(xray, table, radius=5 * u.arcsec, epoch=False, **SETTINGS)
    table.remove_columns(["pmra", "pmdec"])
    plain = associate(xray, table, radius=5 * u.arcsec, **SETTINGS)
    assert_allclose(still["p_any"], plain["p_any"], rtol=1e-12)


def test_epoch_of_all():
    table = stars(n=5)
    xray = Table({"ra": [30.0], "dec": [89.95], "pos_error": [1.0]})
    wide = {"radius": 300 * u.arcsec, **SETTINGS}
    by_time = associate(xray, table, epoch=Time("2000-01-01T12:00:00", scale="tt"), **wide)
    by_year = associate(xray, table, epoch=2000 * u.yr, **wide)
    xray["epoch"] = 2000.0
    by_column = associate(xray, table, **wide)
    assert_allclose(by_time["separation"], by_column["separation"], rtol=1e-9)
    assert_allclose(by_year["separation"], by_column["separation"], rtol=1e-12)


def test_errors_grow():
    table = stars(n=8)
    table["pmra"] = table["pmdec"] = 1.0
    xray = Table({"ra": [30.0], "dec": [89.95], "pos_error": [1.0], "epoch": [2006.0]})
    primaries = _positions(xray, "xray")._replace(epoch=np.array([2006.0]))
    secondaries = _positions(table, "stars")._replace(motion=read_motion(table, "stars"))
    near = find_neighbours(primaries, secondaries, 1000.0)
    assert len(near.primary) == 8
    assert_allclose(near.covariances.ee, 0.1**2 + (0.020 * 10) ** 2)
    assert_allclose(near.covariances.nn, 0.1**2 + (0.010 * 10) ** 2)


def test_rows_without_proper_motion_stay():
    table = stars(n=6)
    table["pmra"][0] = np.nan
    table["ref_epoch"][1] = np.nan
    motion = read_motion(table, "stars")
    assert_array_equal((motion.east == 0) & (motion.north == 0), [1, 1, 0, 0, 0, 0])
    assert_array_equal(motion.east_error[:2], 0)
    xray = Table({"ra": table["ra"][:2], "dec": table["dec"][:2], "pos_error": [1.0, 1.0]})
    xray["epoch"] = 1980.0
    found = associate(xray, table, radius=1 * u.mas, **SETTINGS)
    assert_array_equal(found["secondary"].filled(-1), [0, -1, 1, -1])
    assert_array_equal(found["separation"][[0, 2]], 0)


def test_straight_line_in_space():
    """Ten degrees of arc in a straight line turn by their arctangent; what rests, rests."""
    motion = Motion(*(np.array([x, 0.0]) for x in (10.0, 0.0, 0.0, 0.0, 2016.0)))
    ra, dec = _moved(np.array([5.0, 6.0]), np.zeros(2), motion, np.array([-3600.0, 100.0]))
    assert_allclose(ra, [365 - np.degrees(np.arctan(np.radians(10))), 6.0], rtol=1e-9)
    assert_array_equal(dec, 0)


def test_motion_without_epoch_is_an_error():
    table = stars(n=3)
    table.remove_column("ref_epoch")
    xray = Table({"ra": [30.0], "dec": [89.95], "pos_error": [1.0], "epoch": [2006.0]})
    with pytest.raises(KeyError, match=r"has proper motions .* and no column 'epoch'"):
        associate(xray, table, radius=1 * u.arcsec, **SETTINGS)
