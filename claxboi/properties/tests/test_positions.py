# Licensed under a 3-clause BSD style license - see LICENSE.rst
import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import MaskedColumn, QTable, Table
from numpy.testing import assert_allclose

from claxboi.properties import add_galactic, add_proper_motion


class TestGalactic:
    def test_galactic_centre_and_pole(self):
        # The defining positions (Blaauw et al. 1960), J2000.
        result = add_galactic(Table({"ra": [266.40499, 192.85948], "dec": [-28.93617, 27.12825]}))
        assert_allclose(result["b"], [0, 90], atol=1e-4)
        assert min(result["l"][0], 360 - result["l"][0]) < 1e-4
        assert result["b"].unit == u.deg

    def test_latitude_is_signed(self):
        south = SkyCoord(120 * u.deg, -45 * u.deg, frame="galactic").icrs
        result = add_galactic(Table({"ra": [south.ra.deg], "dec": [south.dec.deg]}))
        assert_allclose([result["l"][0], result["b"][0]], [120, -45])

    def test_missing_positions_are_masked(self):
        table = Table({"ra": MaskedColumn([1.0, 2.0], mask=[True, False]), "dec": [0.0, np.nan]})
        result = add_galactic(table)
        assert result["b"].mask.all()
        assert result["l"].mask.all()

    def test_units_and_class_survive(self):
        table = QTable({"ra": [1.0] * u.rad, "dec": [10.0] * u.deg})
        result = add_galactic(table)
        plain = add_galactic(Table({"ra": [np.degrees(1.0)], "dec": [10.0]}))
        assert isinstance(result, QTable)
        assert_allclose(np.asarray(result["b"]), plain["b"])
        assert table.colnames == ["ra", "dec"]

    def test_empty(self):
        assert len(add_galactic(Table({"ra": [], "dec": []}))) == 0

    def test_missing_column(self):
        with pytest.raises(KeyError, match="no column 'dec'"):
            add_galactic(Table({"ra": [1.0]}))

    def test_columns_that_are_there(self):
        with pytest.raises(ValueError, match="overwrite=True"):
            add_galactic(Table({"ra": [1.0], "dec": [1.0], "b": [3.0]}))


class TestProperMotion:
    def test_error_is_that_of_draws(self):
        rng = np.random.default_rng(3)
        n = 200_000
        draws = Table({"pmra": rng.normal(30, 1, n), "pmdec": rng.normal(40, 2, n)})
        one = Table({"pmra": [30.0], "pmdec": [40.0], "pmra_error": [1.0], "pmdec_error": [2.0]})
        result = add_proper_motion(one)
        # (0.6 * 1)**2 + (0.8 * 2)**2; the scatter of a sample of n is good to 1 / sqrt(2 n).
        assert_allclose(result["pm_error"][0], np.sqrt(2.92))
        assert_allclose(np.std(add_proper_motion(draws)["pm"]), np.sqrt(2.92), rtol=0.01)

    def test_no_motion_has_an_error(self):
        still = Table({"pmra": [0.0], "pmdec": [0.0], "pmra_error": [0.3], "pmdec_error": [0.2]})
        assert add_proper_motion(still)["pm_error"][0] == 0.3

    def test_units(self):
        table = Table({"pmra": [0.003] * u.arcsec / u.yr, "pmdec": [4.0] * u.mas / u.yr})
        result = add_proper_motion(table)
        assert_allclose(result["pm"][0], 5)
        assert result["pm_error"].mask.all()

    def test_missing_component(self):
        table = Table(
            {"pmra": [1.0, np.nan], "pmdec": MaskedColumn([1.0, 1.0], mask=[True, False])}
        )
        assert add_proper_motion(table)["pm"].mask.all()
        with pytest.raises(KeyError, match="'pmdec'"):
            add_proper_motion(table["pmra",])
