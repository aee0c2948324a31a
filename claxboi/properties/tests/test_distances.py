# Licensed under a 3-clause BSD style license - see LICENSE.rst
import numpy as np
import pytest
from astropy import units as u
from astropy.table import MaskedColumn, Table
from numpy.testing import assert_allclose

from claxboi.properties import (
    add_flux_range,
    add_luminosities,
    add_star_distances,
)


def bailer_jones(ids, values):
    values = np.asarray(values, float)
    table = Table({"id": ids, "rgeo": values, "b_rgeo": values - 2, "B_rgeo": values + 4})
    for name in ("rgeo", "b_rgeo", "B_rgeo"):
        table[name.replace("geo", "pgeo")] = table[name] + 1000
    return table


class TestStarDistances:
    def test_joined_on_the_identifier(self):
        # Identifiers of 19 digits, which floats cannot tell apart.
        first = 4_295_806_720_123_456_789
        table = Table({"opt_id": [str(first + 1), str(first), "7", ""]})
        result = add_star_distances(table, bailer_jones([first, first + 1], [10.0, 20.0]))
        assert_allclose(result["distance"][:2], [20, 10])
        assert_allclose(result["distance_error"][:2], 3)
        assert result["distance"].mask.tolist() == [False, False, True, True]
        assert result["distance"].unit == u.pc

    def test_integers_or_strings(self):
        ids = MaskedColumn([5, 6], mask=[False, True])
        table = Table({"gaia": ids})
        result = add_star_distances(table, bailer_jones(["6", "5"], [1, 2]), id_column="gaia")
        assert result["distance"][0] == 2
        assert result["distance"].mask.tolist() == [False, True]

    def test_photogeometric(self):
        result = add_star_distances(
            Table({"opt_id": ["5"]}), bailer_jones([5], [10]), estimate="rpgeo"
        )
        assert result["distance"][0] == 1010

    def test_units(self):
        distances = bailer_jones([5], [10])
        for name in ("rgeo", "b_rgeo", "B_rgeo"):
            distances[name].unit = u.kpc
        assert add_star_distances(Table({"opt_id": ["5"]}), distances)["distance"][0] == 10_000

    def test_no_distances_at_all(self):
        result = add_star_distances(Table({"opt_id": ["5"]}), bailer_jones([5], [10])[:0])
        assert result["distance"].mask.all()
        assert len(add_star_distances(Table({"opt_id": ["5"]})[:0], bailer_jones([5], [1]))) == 0

    def test_errors(self):
        with pytest.raises(KeyError, match="'opt_id'"):
            add_star_distances(Table({"ra": [1.0]}), bailer_jones([5], [10]))
        with pytest.raises(KeyError, match="distances has no column 'B_rgeo'"):
            add_star_distances(
                Table({"opt_id": ["5"]}), bailer_jones([5], [1])["id", "rgeo", "b_rgeo"]
            )
        with pytest.raises(ValueError, match="estimate must be one of"):
            add_star_distances(Table({"opt_id": ["5"]}), bailer_jones([5], [1]), estimate="plx")


class TestLuminosities:
    def test_by_hand(self):
        # 4 pi (10 pc)**2 = 1.19650e40 cm2
        result = add_luminosities(Table({"flux": [1e-12], "distance": [10.0]}))
        assert_allclose(result["log_lx_star"], np.log10(1.19650e28), atol=1e-5)
        assert result["log_lx_galaxy"].mask.all()
        assert_allclose(result["log_lx"], result["log_lx_star"])

    def test_the_host_goes_before_the_star(self):
        galaxy = MaskedColumn([10.0, 0.0], mask=[False, True])
        table = Table({"flux": [1e-14] * 2, "distance": [100.0] * 2, "galaxy_distance": galaxy})
        result = add_luminosities(table)
        assert result["log_lx"][0] == result["log_lx_galaxy"][0]
        assert result["log_lx"][1] == result["log_lx_star"][1]
        assert result["log_lx_galaxy"].mask.tolist() == [False, True]

    def test_error_is_that_of_draws(self):
        rng = np.random.default_rng(6)
        n = 100_000
        one = Table(
            {"flux": [1e-14], "flux_error": [2e-16], "distance": [100.0], "distance_error": [2.0]}
        )
        draws = Table({"flux": rng.normal(1e-14, 2e-16, n), "distance": rng.normal(100, 2, n)})
        error = add_luminosities(one)["log_lx_error"][0]
        assert_allclose(error, np.std(add_luminosities(draws)["log_lx"]), rtol=0.02)

    def test_units(self):
        table = Table({"flux": [1e-12], "distance": [0.01] * u.kpc})
        assert_allclose(add_luminosities(table)["log_lx"], np.log10(1.19650e28), atol=1e-5)

    def test_no_flux_or_no_distance(self):
        table = Table({"flux": [0.0, 1e-14, 1e-14], "distance": [1.0, 0.0, np.nan]})
        assert add_luminosities(table)["log_lx"].mask.all()
        with pytest.raises(KeyError, match="'distance' or 'galaxy_distance'"):
            add_luminosities(Table({"flux": [1.0]}))


class TestFluxRange:
    def test_by_hand(self):
        low = MaskedColumn([1.0, 2.0, 0.0, 1.0], mask=[False, False, False, True])
        result = add_flux_range(Table({"flux_min": low, "flux_max": [100.0, 2.0, 1.0, 1.0]}))
        assert_allclose(result["log_fmax_fmin"][:2], [2, 0])
        assert result["log_fmax_fmin"].mask.tolist() == [False, False, True, True]

    def test_units(self):
        table = Table({"flux_min": [1.0] * u.W, "flux_max": [1e8] * u.erg / u.s})
        assert_allclose(add_flux_range(table)["log_fmax_fmin"], 1)

    def test_wrong_way_round(self):
        with pytest.raises(
            ValueError, match="must be at least 'flux_min', got 1 against 2 in row 0"
        ):
            add_flux_range(Table({"flux_min": [2.0], "flux_max": [1.0]}))
