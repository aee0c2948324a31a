# Licensed under a 3-clause BSD style license - see LICENSE.rst
import logging

import numpy as np
import pytest
from astropy import units as u
from astropy.table import Column, MaskedColumn, QTable, Table
from numpy.testing import assert_allclose, assert_array_equal

import claxboi.properties as step
from claxboi.properties import add_properties
from claxboi.properties.add_properties import _MEASURES
from claxboi.properties.definitions import measurable_properties
from claxboi.utils import ClaxboiWarning

MADE = [
    *("l", "b", "pm", "pm_error", "pm_significance", "distance", "distance_error"),
    *("log_lx_star", "log_lx_star_error", "log_lx_galaxy", "log_lx_galaxy_error"),
    *("log_lx", "log_lx_error", "log_fx_fb", "log_fx_fb_error", "log_fx_fr", "log_fx_fr_error"),
    *("log_fx_fr_lower", "log_fmax_fmin", "log_fmax_fmin_low"),
]


def sources(kind=Table):
    units = {"flux": "erg / (s cm2)", "distance": "Mpc", "mag": "mag", "pm": "mas/yr"}
    galaxy = MaskedColumn([10.0, 0.0, 0.0], mask=[False, True, True], unit="Mpc")
    flux = np.array([1e-13, 1e-14, 1e-12])
    table = Table(
        {
            "source_id": ["a", "b", "c"],
            "ra": [10.0, 20.0, 30.0] * u.deg,
            "dec": [-10.0, 0.0, 80.0] * u.deg,
            "flux": flux * u.Unit(units["flux"]),
            "flux_error": flux / 10 * u.Unit(units["flux"]),
            "flux_band": ["0.2-12"] * 3,
            "bp_mag": MaskedColumn([15.0, 16.0, 0.0], mask=[False, False, True], unit="mag"),
            "bp_mag_error": [0.01] * 3 * u.mag,
            "rp_mag": [14.0, 15.0, 20.0] * u.mag,
            "rp_mag_error": [0.01] * 3 * u.mag,
            "rp_mag_is_limit": [False, False, True],
            "pmra": [3.0, 0.0, np.nan] * u.mas / u.yr,
            "pmra_error": [0.1, 0.1, 0.1] * u.mas / u.yr,
            "pmdec": [4.0, 0.0, 1.0] * u.mas / u.yr,
            "pmdec_error": [0.1, 0.1, 0.1] * u.mas / u.yr,
            "parallax": [0.1, 10.0, np.nan] * u.mas,
            "parallax_error": [0.1, 0.1, 0.1] * u.mas,
            "galaxy_distance": galaxy,
            "galaxy_distance_error": [1.0] * 3 * u.Mpc,
            "flux_min": flux / 2 * u.Unit(units["flux"]),
            "flux_min_error": flux / 20 * u.Unit(units["flux"]),
            "flux_max": flux * 2 * u.Unit(units["flux"]),
            "flux_max_error": flux / 5 * u.Unit(units["flux"]),
        }
    )
    return kind(table)


class TestAddProperties:
    def test_equals_the_functions_one_by_one(self):
        table = sources()
        result = add_properties(table)
        assert result.colnames == table.colnames + MADE
        single = step.add_flux_range(step.add_galactic(step.add_proper_motion(table)))
        single = step.add_flux_ratios(step.add_parallax_distances(single))
        single = step.add_luminosities(single)
        for name in MADE:
            assert_array_equal(result[name].mask, single[name].mask, err_msg=name)
            assert_array_equal(result[name].compressed(), single[name].compressed(), err_msg=name)
            assert result[name].unit == single[name].unit
            assert result[name].info.meta["ucd"]

    def test_values_by_hand(self):
        result = add_properties(sources())
        assert result["pm_significance"].tolist() == pytest.approx([50, 0, None])
        assert result["distance"].mask.tolist() == [True, False, True]
        assert_allclose(result["distance"][1], 100)
        # 4 pi (10 Mpc)**2 = 1.19650e52 cm2; 4 pi (100 pc)**2 = 1.19650e42 cm2
        assert_allclose(result["log_lx"][:2], np.log10([1.1965e39, 1.1965e28]), atol=1e-4)
        assert result["log_lx"].mask[2]
        assert_allclose(result["log_lx_error"][:2], np.hypot(0.1, [0.2, 0.02]) / np.log(10))
        assert_allclose(result["log_fmax_fmin"], np.log10(4))
        assert_allclose(result["log_fmax_fmin_low"], np.log10(1.8 / 0.55))
        assert result["log_lx"].info.meta["band"] == "0.2-12"
        assert result["log_lx"].info.description.endswith("0.2-12 keV")

    @pytest.mark.parametrize("kind", [Table, QTable])
    def test_tables_with_units_and_without_are_alike(self, kind):
        plain = Table(sources(), copy=True)
        for column in plain.itercols():
            column.unit = None
        expected, result = add_properties(plain), add_properties(sources(kind))
        assert type(result) is kind
        for name in MADE:
            assert_allclose(
                np.ma.filled(np.ma.array(expected[name]), np.nan),
                Table(result)[name].filled(np.nan),
                err_msg=name,
                rtol=1e-14,
            )

    def test_what_is_there_stays_with_its_errors(self):
        table = sources()
        table["log_fx_fr"] = [7.0, 8.0, 9.0]
        table["pm"] = [1.0, 1.0, 1.0]
        table["distance"] = [1.0, 2.0, 3.0]
        result = add_properties(table)
        assert result["log_fx_fr"].tolist() == [7, 8, 9]
        assert {"log_fx_fr_error", "log_fx_fr_lower", "pm_error"}.isdisjoint(result.colnames)
        assert "log_fx_fb" in result.colnames
        skipped = result.meta["claxboi"]["properties"]["skipped"]
        assert skipped["log_fx_fr"] == "there is a column log_fx_fr"

    def test_overwrite_makes_all_but_the_distance(self):
        table = sources()
        for name in ("log_fx_fr", "distance", "log_lx"):
            table[name] = [7.0, 8.0, 9.0]
        result = add_properties(table, overwrite=True)
        assert result["distance"].tolist() == [7, 8, 9]
        assert_allclose(result["log_fx_fr"][0], -13 + 14 / 2.5 + 5.43)
        assert_allclose(
            result["log_lx_star"][0], np.log10(4 * np.pi * (7 * 3.0857e18) ** 2 * 1e-13), atol=1e-4
        )
        again = add_properties(add_properties(sources()), overwrite=True)
        assert sorted(again.colnames) == sorted(sources().colnames + MADE)
        twice = add_properties(add_properties(sources()))
        assert twice.colnames == sources().colnames + MADE

    def test_a_magnitude_b_is_no_latitude(self, caplog):
        table = Table({"ra": [10.0], "dec": [20.0], "B": [15.0]})
        with caplog.at_level(logging.INFO, "claxboi"):
            result = add_properties(table)
        assert result.colnames == table.colnames
        assert "property b skipped: there is a column B" in caplog.text

    def test_says_what_is_lacking(self, caplog):
        table = sources()["ra", "dec", "flux", "rp_mag"]
        with caplog.at_level(logging.INFO, "claxboi.properties"):
            result = add_properties(table)
        assert "properties made: l, b, log_fx_fr, log_fx_fr_error" in caplog.text
        assert "log_lx skipped: no column distance or galaxy_distance" in caplog.text
        recorded = result.meta["claxboi"]["properties"]
        assert recorded["skipped"]["log_fmax_fmin"] == "no column flux_min, flux_max"
        assert recorded["constants"] == {"rp_mag": 5.43}

    def test_original_constants(self):
        new, old = (add_properties(sources(), constants=c) for c in ("zero points", "original"))
        assert_allclose(old["log_fx_fr"][:2] - new["log_fx_fr"][:2], 5.37 - 5.43)

    def test_own_constants_may_be_of_more_magnitudes(self):
        constants = {"bp_mag": 1.0, "rp_mag": 2.0, "w1_mag": 3.0}
        result = add_properties(sources(), constants=constants)
        assert_allclose(result["log_fx_fr"][0], -13 + 14 / 2.5 + 2)

    def test_nothing_to_make(self):
        table = Table({"comment": ["x"]})
        result = add_properties(table)
        assert result.colnames == ["comment"]
        assert result.meta["claxboi"]["properties"]["made"] == []

    @pytest.mark.parametrize("rows", [0, 1])
    def test_few_rows(self, rows):
        result = add_properties(sources()[:rows])
        assert len(result) == rows
        assert result.colnames[-len(MADE) :] == MADE

    def test_several_bands_are_not_named(self):
        table = sources()
        table["flux_band"] = ["0.2-12", "0.5-7", "0.2-12"]
        assert "band" not in add_properties(table)["log_lx"].info.meta

    def test_input_is_not_changed(self):
        table = sources()
        before = table.copy()
        result = add_properties(table)
        result["flux"][0] = 1
        assert table.colnames == before.colnames
        assert table.meta == {}
        assert table["flux"][0] == before["flux"][0]

    def test_errors(self):
        with pytest.raises(TypeError, match="table must be an astropy Table"):
            add_properties({"ra": [1.0]})
        with pytest.raises(ValueError, match="constants must be one of"):
            add_properties(sources(), constants="new")
        wrong = sources()
        wrong["flux"].unit = "Jy"
        with pytest.raises(u.UnitConversionError, match="'flux'"):
            add_properties(wrong)


def test_each_definition_names_a_function_that_makes_it():
    names = {record["function"] for record in measurable_properties()}
    assert names == set(_MEASURES)
    assert names <= set(step.__all__)
    columns = [record["column"] for record in measurable_properties()]
    assert set(columns) <= set(add_properties(sources()).colnames) | {"log_fx_fw1", "log_fx_fw2"}


class TestParallaxDistances:
    def test_only_where_significant(self):
        table = Table({"parallax": [10.0, 0.5, -1.0, np.nan, 5.0], "parallax_error": [0.1] * 5})
        table["parallax_error"][4] = np.nan
        result = step.add_parallax_distances(table)
        assert result["distance"].mask.tolist() == [False, False, True, True, True]
        assert_allclose(result["distance"][:2], [100, 2000])
        assert_allclose(result["distance_error"][:2], [1, 400])
        strict = step.add_parallax_distances(table, min_significance=6)
        assert strict["distance"].mask.tolist() == [False, True, True, True, True]

    def test_error_is_that_of_draws(self):
        rng = np.random.default_rng(9)
        draws = 1000 / rng.normal(10, 0.1, 100_000)
        one = step.add_parallax_distances(Table({"parallax": [10.0], "parallax_error": [0.1]}))
        assert_allclose(one["distance_error"][0], np.std(draws), rtol=0.01)

    def test_errors(self):
        with pytest.raises(KeyError, match="'parallax_error'"):
            step.add_parallax_distances(Table({"parallax": [1.0]}))
        table = Table({"parallax": [1.0], "parallax_error": [1.0]})
        with pytest.raises(ValueError, match="min_significance must be at least 0"):
            step.add_parallax_distances(table, min_significance=-1)


@pytest.mark.parametrize("unit", [None, "mag"])
def test_a_column_b_that_is_not_the_latitude(unit):
    table = Table({"ra": [10.0, 20.0], "dec": [0.0, 1.0], "b": Column([18.0, 19.0], unit=unit)})
    with pytest.warns(ClaxboiWarning, match="column 'b' is not the galactic latitude"):
        add_properties(table)
    right = add_properties(table, overwrite=True)
    right["b"] = np.abs(right["b"])
    assert add_properties(right)["b"].tolist() == right["b"].tolist()
