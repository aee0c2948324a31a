# Licensed under a 3-clause BSD style license - see LICENSE.rst
import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import MaskedColumn, Table

from claxboi.catalog import flag_blended, flag_crowded


def scattered(n, seed, radius=0.05):
    """Scatter positions across RA 0, and around a pole."""
    rng = np.random.default_rng(seed)
    near = SkyCoord(0 * u.deg, 0 * u.deg) if seed % 2 else SkyCoord(0 * u.deg, 90 * u.deg)
    spots = near.directional_offset_by(
        rng.uniform(0, 360, n) * u.deg, radius * np.sqrt(rng.uniform(size=n)) * u.deg
    )
    return Table({"ra": spots.ra.wrap_at(180 * u.deg).deg % 360, "dec": spots.dec.deg})


def separations(one, two):
    first, second = (SkyCoord(t["ra"], t["dec"], unit="deg") for t in (one, two))
    return first[:, None].separation(second[None, :]).arcsec


@pytest.mark.parametrize("seed", [1, 2])
class TestAgainstAllPairs:
    def test_crowded(self, seed):
        table, objects = scattered(80, seed), scattered(300, seed + 2)
        number = np.sum(separations(table, table) <= 60, axis=1) - 1
        assert 0 < np.mean(number > 5) < 1
        flags = flag_crowded(table, max_objects=5)["is_crowded"]
        assert flags.tolist() == (number > 5).tolist()
        number = np.sum(separations(table, objects) <= 30, axis=1)
        expected = (number > 6).tolist()
        for given in (objects, SkyCoord(objects["ra"], objects["dec"], unit="deg").galactic):
            flags = flag_crowded(table, given, radius=0.5 * u.arcmin, max_objects=6)["is_crowded"]
            assert flags.tolist() == expected

    def test_blended(self, seed):
        table, sharper = scattered(60, seed), scattered(300, seed + 2)
        rng = np.random.default_rng(seed)
        table["pos_error"] = rng.uniform(1, 6, 60)
        table["extent"] = np.where(rng.uniform(size=60) < 0.3, 25.0, 0.0)
        radius = np.maximum(3 * table["pos_error"], table["extent"])
        number = np.sum(separations(table, sharper) <= np.asarray(radius)[:, None], axis=1)
        assert 0 < np.mean(number >= 2) < 1
        assert flag_blended(table, sharper)["is_blended"].tolist() == (number >= 2).tolist()
        three = flag_blended(table, sharper, min_sources=3, min_radius=40 * u.arcsec)
        number = np.sum(separations(table, sharper) <= np.maximum(radius, 40)[:, None], axis=1)
        assert three["is_blended"].tolist() == (number >= 3).tolist()


def test_density():
    table = Table({"ra": [1.0, 2.0], "dec": [0.0, 0.0]})
    # pi x (10 arcsec)^2 holds 3.1 at 0.01 per square arcsec.
    density = [0.01, 0.009] / u.arcsec**2
    flags = flag_crowded(table, density=density, radius=10 * u.arcsec)["is_crowded"]
    assert flags.tolist() == [True, False]
    flags = flag_crowded(table, density=500 / u.deg**2)
    assert flags["is_crowded"].tolist() == [False, False]
    assert flags.meta["claxboi"]["crowding"]["counted"] == "density"


def test_missing_errors():
    table = Table({"ra": [1.0] * 3, "dec": [0.0] * 3})
    table["pos_error"] = MaskedColumn([2.0, 2.0, 2.0], mask=[False, True, True])
    table["extent"] = [0.0, 10.0, np.nan]
    sharper = Table({"ra": [1.0, 1.0], "dec": [0.0, 0.001]})
    assert flag_blended(table, sharper)["is_blended"].tolist() == [True, True, None]
    ellipse = Table({"ra": [1.0], "dec": [0.0]})
    with pytest.raises(KeyError, match="neither 'pos_error' nor 'extent'"):
        flag_blended(ellipse, sharper)


def test_empty_and_unchanged():
    table = Table({"ra": [1.0], "dec": [0.0], "pos_error": [1.0]})
    assert flag_blended(table, table[:0])["is_blended"].tolist() == [False]
    assert flag_crowded(table)["is_crowded"].tolist() == [False]
    assert len(flag_crowded(table[:0])) == len(flag_blended(table[:0], table)) == 0
    assert table.colnames == ["ra", "dec", "pos_error"]
    assert "claxboi" not in table.meta


def test_errors():
    table = Table({"ra": [1.0], "dec": [0.0], "pos_error": [1.0]})
    with pytest.raises(TypeError, match="radius must be a Quantity"):
        flag_crowded(table, radius=60)
    with pytest.raises(ValueError, match="radius must be above 0"):
        flag_crowded(table, radius=0 * u.arcsec)
    with pytest.raises(ValueError, match="either objects or density"):
        flag_crowded(table, table, density=1 / u.deg**2)
    with pytest.raises(KeyError, match="objects has no columns 'ra', 'dec'"):
        flag_crowded(table, Table({"x": [1]}))
    with pytest.raises(TypeError, match="sharper must be an astropy Table"):
        flag_blended(table, [1, 2])
    with pytest.raises(ValueError, match="sharper has 1 rows without a position"):
        flag_blended(table, Table({"ra": [np.nan], "dec": [0.0]}))
    with pytest.raises(ValueError, match="n_sigma must be above 0"):
        flag_blended(table, table, n_sigma=0)
    flagged = flag_crowded(table)
    with pytest.raises(ValueError, match="already has columns 'is_crowded'"):
        flag_crowded(flagged)
    assert flag_crowded(flagged, overwrite=True).colnames == flagged.colnames
